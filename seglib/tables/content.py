"""The tables of the report, from the evidence: each function returns a layout.Table."""

import numpy as np

from seglib import scores
from seglib.labels import DATASET_NAMES
from seglib.tables import evidence as read
from seglib.tables import readings
from seglib.tables.cards import LOSSES, MODELS
from seglib.tables.claims import claims
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.factors import FACTORS, KINDS, compared_with, of_factor
from seglib.tables.layout import EMPTY, KEPT, LEFT, Table, emphasised, filled, signed
from seglib.tables.names import device, name


def _one(value: float, mark: str = "") -> str:
    return EMPTY if not np.isfinite(value) else f"{value:.1f}{mark}"


def _mean(found, quantity: str, mark: str = "") -> str:
    return _one(read.values(found, quantity).mean(), mark)


def _spread(found, mark: str = "") -> str:
    """mIoU with its standard deviation over seeds: 41.2 ± 0.6; a single seed stands alone."""
    values = read.values(found, "miou")
    return _one(values.mean(), mark) + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def _seed_interval(found) -> str:
    values = read.values(found, "miou")
    if len(values) < 2:
        return EMPTY
    _, low, high = scores.seed_interval(values)
    return f"[{low:.1f}, {high:.1f}]"


def _interval(low: float, high: float) -> str:
    return f"[{low:.1f}, {high:.1f}]"


def _mark(evidence: Evidence, dataset: str, experiment: str) -> str:
    return KEPT if (dataset, experiment) in evidence.kept else ""


LOCKED = "locked"  # heading of the mIoU on the test pictures that no choice has looked at
_SCORES = {"accuracy": "accuracy", "category": "category", "iIoU": "iiou"}  # column of the main table -> quantity
_DETAILS = ("boundary", "thin", "rare", "calibration")  # of the table of details


def architectures(evidence: Evidence) -> Table:
    """Main results by data set: floors, short runs, longer ones, ImageNet's. Other scores: `details`."""
    columns, blocks = ["Model", "mIoU", "over seeds", "over pictures", LOCKED, *_SCORES], []
    for dataset in evidence.datasets():
        found = [(title, emphasised([_score_row(*row) for row in rows])) for title, rows in _recipes(evidence, dataset, longest=True)]
        bounds = [[words, value, *[EMPTY] * (len(columns) - 2)] for words, value in _bounds(evidence, dataset)]
        if bounds and found:  # on top of the first block
            found[0] = found[0][0].replace(", ", ", floors and ", 1), bounds + found[0][1]
        blocks += found
    return filled(Table(columns, blocks), LEFT.format(42)) if blocks else _nothing(columns)


def details(evidence: Evidence) -> Table:
    """The runs of the main table and the remaining ones: photographs of a drive that training has nothing of, outlines, thin and rare
    classes, calibration, classes lost."""
    columns = ["Model", "mIoU", "over pictures", "unseen drive", "accuracy", *_DETAILS, "lost"]
    blocks = []
    for dataset in evidence.datasets():
        blocks += [(title, [_detail_row(*row[:3]) for row in rows]) for title, rows in _recipes(evidence, dataset)]
        rest = {arm: found for arm, found in evidence.of(dataset, "longer").items() if arm not in MODELS}
        rows = [_detail_row(_recipe(arm, found), found) for arm, found in (rest | evidence.trained(dataset, read.SINGLE)).items()]
        blocks.append((f"{DATASET_NAMES[dataset]}, other runs", rows))
    blocks = [block for block in blocks if block[1]]
    return filled(Table(columns, blocks), LEFT.format(42)) if blocks else _nothing(columns)


def _recipes(evidence: Evidence, dataset: str, longest: bool = False):
    """(title, rows (words, records, mark, locked records)) of the families in each recipe, and of the network that tests ImageNet and the
    size of photographs; longest: of that only the longer runs where there are any."""
    locked = evidence.of(dataset, "confirmation")
    for words, experiment, end in (("short recipe", "architectures", ""), ("longer recipe", "longer", "-longer")):
        groups, mark = evidence.of(dataset, experiment), _mark(evidence, dataset, experiment)
        groups = {arm: found for arm, found in groups.items() if arm in MODELS}
        if groups:
            rows = [(name(arm), found, mark, locked.get(arm + end)) for arm, found in groups.items()]
            yield f"{DATASET_NAMES[dataset]}, {words}, {_shown(groups)}", rows
    starts, whole = evidence.of(dataset, "imagenet"), evidence.of(dataset, "fullsize")
    if longest and (longer := {arm: found for arm, found in starts.items() if arm.endswith("-longer")}):
        starts, whole = longer, {}
    rows = [(_start(arm), found, _mark(evidence, dataset, "imagenet")) for arm, found in starts.items()]
    rows += [(_at_size(found), found, _mark(evidence, dataset, "fullsize")) for found in whole.values()]
    if rows:
        yield f"{DATASET_NAMES[dataset]}, {name('unet_lite0')}", rows


def _shown(groups: Groups) -> str:
    """How many pictures the runs were shown: 1,600 shown."""
    counts = sorted({found[0].config["images"] or 0 for found in groups.values()})
    return " to ".join(f"{count:,}" for count in counts) + " shown"


def _bounds(evidence: Evidence, dataset: str) -> list[tuple[str, str]]:
    """(words, mIoU) of two floors: the prior per position and the forest."""
    measured = evidence.measures.get(f"baselines-{dataset}", {})
    known = measured.get("floors", {}) | measured.get("data", {})
    words = {"prior": "prior per position", "forest": "forest on colour and row"}
    return [(words[key], _one(known[key])) for key in words if key in known]


def _recipe(arm: str, found) -> str:
    """A run by what sets its recipe apart: U-Net, 8,000 shown; its size where pieces of larger pictures were shown."""
    config = found[0].config
    shown = "crops from " + "×".join(map(str, config["size"])) if config.get("crop") else f"{config['images']:,} shown"
    return f"{name(arm.removesuffix('-short'))}, " + ("settings alone" if arm.endswith("-short") else shown)


def _start(arm: str) -> str:
    """A run of the ImageNet experiment by its first weights and its recipe."""
    return {"random": "random weights", "imagenet": "ImageNet's"}[arm.removesuffix("-longer")] + ", longer" * arm.endswith("-longer")


def _at_size(found) -> str:
    """A run on photographs of another size by that size and what it was shown."""
    return f"ImageNet's, at {'×'.join(map(str, found[0].config['size']))}, {found[0].config['images']:,}"


def _nothing(columns: list[str]) -> Table:
    return Table(columns, [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])])


def _score_row(words: str, found, mark: str = "", locked=None) -> list[str]:
    rest = [_mean(found, quantity, mark) for quantity in _SCORES.values()]
    again = _spread(locked) if locked else EMPTY
    return [words, _spread(found, mark), _seed_interval(found), _interval(*read.interval(found)), again, *rest]


def _detail_row(words: str, found, mark: str = "") -> list[str]:
    rest = [_mean(found, quantity, mark) for quantity in ("unseen", "accuracy", *_DETAILS)]
    return [words, _spread(found, mark), _interval(*read.interval(found)), *rest, str(readings.lost(found))]


def readme_rows(evidence: Evidence, dataset: str) -> list[list[str]]:
    """The models of the README, longer runs below, controls left out: name, parameters, seeds, mIoU, its interval, device."""
    rows, network = [], name("unet_lite0")
    for experiment in ("architectures", "longer", "imagenet", "fullsize", read.SINGLE):
        for arm, found in evidence.of(dataset, experiment).items():
            if arm not in MODELS and experiment in ("architectures", "longer"):
                continue
            if experiment in ("imagenet", "fullsize"):
                words = f"{network}, {_start(arm) if experiment == 'imagenet' else _at_size(found)}"
            else:
                words = name(arm) if experiment == "architectures" else _recipe(arm, found)
            size = f"{found[0].cost['parameters'] / 1e6:.2f} M" if found[0].cost.get("parameters") else EMPTY
            made = device(found[0].environment.get("device", EMPTY))
            rows.append([words, size, str(len(found)), _spread(found), _interval(*read.interval(found)), made])
    return rows


def losses(evidence: Evidence, others: bool = False) -> Table:
    """Losses of Figure 6 by data set, then their longer runs: rate, mIoU, intervals, difference to cross-entropy, thin and rare classes.
    others: the remaining losses instead, below cross-entropy."""
    columns = ["Loss", "rate", "mIoU", "over pictures", LOCKED, "to cross-entropy", "accuracy", "iIoU", "boundary", "thin", "rare",
               "calibration"]  # fmt: skip
    blocks = []
    for dataset in evidence.datasets():
        for experiment, end in (("losses", ""), ("losses-longer", "-longer")):
            groups = evidence.of(dataset, experiment)
            arms = [arm for arm in groups if (arm in LOSSES) != others]
            if arms:
                arms = ["cross_entropy"] * (others and "cross_entropy" in groups) + arms
                title = DATASET_NAMES[dataset] + (f", longer, {_shown(groups)}" if end else "")
                mark, locked = _mark(evidence, dataset, experiment), evidence.of(dataset, "confirmation")
                blocks.append((title, [_loss_row(groups, arm, mark, locked.get(arm + end)) for arm in arms]))
    return filled(Table(columns, blocks)) if blocks else _nothing(columns)


def _loss_row(groups: Groups, arm: str, mark: str, locked) -> list[str]:
    found = groups[arm]
    rest = [_mean(found, quantity, mark) for quantity in ("accuracy", "iiou", "boundary", "thin", "rare", "calibration")]
    again, gain = _spread(locked) if locked else EMPTY, _difference(groups, "cross_entropy", arm)
    return [name(arm), f"{found[0].config['lr']:g}", _spread(found, mark), _interval(*read.interval(found)), again, gain, *rest]


def _widest(groups: Groups, arm: str, base: str | None) -> str:
    """An arm's difference to the base, from the lower to the upper end of its intervals over pictures and over seeds."""
    if base not in groups or arm not in groups or groups[arm][0].name == groups[base][0].name:
        return EMPTY
    difference, low, high = read.widest(groups, arm, base)
    return f"{signed(difference)} [{_end(low)}, {_end(high)}]"


def _end(value: float) -> str:
    """An end of an interval, with as many decimals as show on which side of zero it lies."""
    return signed(value) if abs(value) >= 0.05 or value == 0 else f"{value:+.1g}"


CLEAR = " *"  # behind a difference whose intervals over pictures and over seeds exclude zero


def ablations(evidence: Evidence, of: str = "") -> Table:
    """One factor at a time: rate and mIoU of each arm and its difference to the base, which stands before it; data sets side by side.
    of: "data", longer runs included, or "training" for training and models; all for none."""
    datasets = evidence.datasets() or ["streets"]
    columns = ["Change", *["rate", "mIoU", "difference"] * len(datasets)]
    blocks = []
    for (experiment, base), title in FACTORS.items():
        if of in ("", "data" if experiment in (*KINDS["data"], *KINDS["longer"]) else "training"):
            rows = [_change(evidence, datasets, experiment, arm) for arm in of_factor(evidence, datasets, experiment, base)]
            blocks.append((title, rows))
    if not any(rows for _, rows in blocks):
        blocks = [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])]
    return Table(columns, blocks, over=(("", 1), *((DATASET_NAMES[dataset], 3) for dataset in datasets)))


def _change(evidence: Evidence, datasets, experiment: str, arm: str) -> list[str]:
    cells = [name(arm)]
    for dataset in datasets:
        groups, other = evidence.of(dataset, experiment), compared_with(experiment, arm)
        if arm not in groups:
            cells += [EMPTY] * 3
            continue
        found = groups[arm]
        words = _widest(groups, arm, other) + (CLEAR if other in groups and read.sign(groups, arm, other) else "")
        cells += [f"{found[0].config['lr']:g}", _spread(found, _mark(evidence, dataset, experiment)), words]
    return cells


def transfer(evidence: Evidence) -> Table:
    """To photographs: each family as streets trained it, then trained on photographs from random weights and from its encoder; the other
    way, trained on photographs alone and scored on streets; one more network from random and from ImageNet's weights."""
    columns = ["Model", "not trained here", "random encoder", "pretrained encoder", "difference", "the other way"]
    back = evidence.of("streets", "generalisation")
    blocks = []
    for dataset in (place for place in evidence.datasets() if place != "streets"):
        moved, taught = evidence.of(dataset, "generalisation"), evidence.of(dataset, "pretraining")
        single = {arm: found for arm, found in evidence.of(dataset, read.SINGLE).items() if found[0].config["dataset"] != dataset}
        rows = [_transfer_row(model, dataset, moved, taught, back) for model in MODELS]
        rows += [[_recipe(arm.split("-from-")[0], found), _spread(found), *[EMPTY] * 4] for arm, found in single.items()]
        rows = [row for row in rows if set(row[1:]) != {EMPTY}]
        if rows:
            blocks.append(("Drawn streets", rows))
        groups = evidence.of(dataset, "imagenet")
        rows = [
            [name("unet_lite0") + words, EMPTY, *(_spread(groups[arm]) for arm in pair), _difference(groups, *pair), EMPTY]
            for words, pair in (("", ("random", "imagenet")), (", longer", ("random-longer", "imagenet-longer")))
            if pair[0] in groups
        ]
        if rows:
            blocks.append(("ImageNet", rows))
    return filled(Table(columns, blocks)) if blocks else _nothing(columns)


def _transfer_row(model: str, dataset: str, moved: Groups, taught: Groups, back: Groups) -> list[str]:
    both = [f"{model}-random", f"{model}-pretrained"]
    words = [_spread(groups[arm]) if arm in groups else EMPTY for groups, arm in (
        (moved, f"{model}-from-streets"), (taught, both[0]), (taught, both[1]), (back, f"{model}-from-{dataset}")
    )]  # fmt: skip
    return [name(model), *words[:3], _difference(taught, *both), words[3]]


def _difference(groups: Groups, base: str, arm: str) -> str:
    """`arm` less `base` with the wider ends of its intervals, marked where it is clear."""
    if arm == base or not {base, arm} <= set(groups):
        return EMPTY
    return _widest(groups, arm, base) + (CLEAR if read.sign(groups, arm, base) else "")


def original(evidence: Evidence) -> Table:
    """The original's networks trained as it trained them, as far as the records allow: labels, loss, rate and scores by data set."""
    columns = ["Model", "labels", "batch norm", "rate", "mIoU", "over seeds", "over pictures", "accuracy"]
    blocks = []
    for dataset in evidence.datasets():
        rows = []
        for arm, found in evidence.of(dataset, "original").items():
            config, normal = found[0].config, "yes" if found[0].config.get("batch_norm", True) and arm != "fcn_baseline" else "no"
            scored = [_spread(found), _seed_interval(found), _interval(*read.interval(found)), _mean(found, "accuracy")]
            rows.append([name(arm), config["annotation"], normal, f"{config['lr']:g}", *scored])
        if rows:
            blocks.append((DATASET_NAMES[dataset], rows))
    return filled(Table(columns, blocks))._replace(spec="lllrrrrr") if blocks else _nothing(columns)


def claim_table(evidence: Evidence) -> Table:
    """Every claim: its words and section, what each data set says, the verdict."""
    found = claims(evidence)
    datasets = [place for place in evidence.datasets() if any(place in row.answers for row in found)] or ["streets"]
    rows = []
    for row in found:
        told = [row.answers.get(place) or EMPTY for place in datasets]
        told[0] = row.answers.get("") or told[0]  # what no data set is needed for
        rows.append([f"“{row.words}” ({row.section})", *told, row.verdict])
    columns = ["Claim (its section)", *(DATASET_NAMES[place] for place in datasets), "verdict"]
    return Table(columns, [("", rows)], LEFT.format(62) + LEFT.format(57) * len(datasets) + LEFT.format(17))
