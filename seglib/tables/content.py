"""The tables of losses, changes, transfer, the original's networks and claims: each function returns a layout.Table."""

import re
from collections.abc import Sequence

from seglib.labels import DATASET_NAMES
from seglib.tables import evidence as read
from seglib.tables.cards import LOSSES, MODELS
from seglib.tables.cells import LOCKED, mark, mean, nothing, picture_interval, recipe, seed_interval, shown, spread
from seglib.tables.claims import Claim, claims
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.factors import FACTORS, KINDS, compared_with, of_factor
from seglib.tables.layout import EMPTY, LEFT, Table, filled, signed
from seglib.tables.names import name

_LOSS_SCORES = {"accuracy": "accuracy", "iIoU": "iiou"} | {key: key for key in ("boundary", "thin", "rare", "calibration")}


def losses(evidence: Evidence) -> Table:
    """Losses of Figure 6 and the others that ran, by data set, then their longer runs: rate, mIoU, intervals, difference to cross-entropy,
    other scores."""
    columns, blocks = ["Loss", "rate", "mIoU", "over pictures", LOCKED, "to cross-entropy", *_LOSS_SCORES], []
    for dataset in evidence.datasets():
        for experiment, end in (("losses", ""), ("losses-longer", "-longer")):
            groups, locked = evidence.of(dataset, experiment), evidence.of(dataset, "confirmation")
            arms = [arm for arm in LOSSES if arm in groups] + [arm for arm in groups if arm not in LOSSES]
            rows = [_loss_row(groups, arm, mark(evidence, dataset, experiment), locked.get(arm + end)) for arm in arms]
            if rows:
                blocks.append((DATASET_NAMES[dataset] + (f", longer, {shown(groups)}" if end else ""), rows))
    return filled(Table(columns, blocks)) if blocks else nothing(columns)


def _loss_row(groups: Groups, arm: str, dagger: str, locked) -> list[str]:
    found, gain = groups[arm], _difference(groups, "cross_entropy", arm)
    scored = [mean(found, quantity, dagger) for quantity in _LOSS_SCORES.values()]
    return [name(arm), f"{found[0].config['lr']:g}", spread(found, dagger), picture_interval(found), spread(locked), gain, *scored]


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
        cells += [f"{found[0].config['lr']:g}", spread(found, mark(evidence, dataset, experiment)), words]
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
        rows += [[recipe(arm.split("-from-")[0], found), spread(found), *[EMPTY] * 4] for arm, found in single.items()]
        rows = [row for row in rows if set(row[1:]) != {EMPTY}]
        if rows:
            blocks.append(("Drawn streets", rows))
        groups = evidence.of(dataset, "imagenet")
        rows = [
            [name("unet_lite0") + words, EMPTY, *(spread(groups[arm]) for arm in pair), _difference(groups, *pair), EMPTY]
            for words, pair in (("", ("random", "imagenet")), (", longer", ("random-longer", "imagenet-longer")))
            if pair[0] in groups
        ]
        if rows:
            blocks.append(("ImageNet", rows))
    return filled(Table(columns, blocks)) if blocks else nothing(columns)


def _transfer_row(model: str, dataset: str, moved: Groups, taught: Groups, back: Groups) -> list[str]:
    both = [f"{model}-random", f"{model}-pretrained"]
    words = [spread(groups[arm]) if arm in groups else EMPTY for groups, arm in (
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
            scored = [spread(found), seed_interval(found), picture_interval(found), mean(found, "accuracy")]
            rows.append([name(arm), config["annotation"], normal, f"{config['lr']:g}", *scored])
        if rows:
            blocks.append((DATASET_NAMES[dataset], rows))
    return filled(Table(columns, blocks))._replace(spec="lllrrrrr") if blocks else nothing(columns)


def claim_table(evidence: Evidence) -> Table:
    """Every claim: its words and section, what each data set says, the verdict."""
    found = claims(evidence)
    datasets = [place for place in evidence.datasets() if any(place in row.answers for row in found)] or ["streets"]
    rows = []
    for row in found:
        told = [text or EMPTY for text in _answers(row, datasets)]
        rows.append([f"“{row.words}” ({row.section})", *told, row.verdict])
    columns = ["Claim (its section)", *(DATASET_NAMES[place] for place in datasets), "verdict"]
    return Table(columns, [("", rows)], LEFT.format(62) + LEFT.format(57) * len(datasets) + LEFT.format(17))


def _answers(row: Claim, datasets: Sequence[str]) -> list[str]:
    """What each data set says of a claim, "" for nothing; what no data set is needed for stands with the first."""
    told = [row.answers.get(place, "") for place in datasets]
    return [row.answers.get("") or told[0], *told[1:]]


# Of each claim: its words in short, what the number compares, and where that stands in the claim's long answer.
_BRIEF = {
    "models-work": ("both networks can segment", "baseline; forest", r"([\d.]+) and .* forest ([\d.]+)"),
    "skips": ("skips are crucial (tested: help)", "U-Net − without skips", r"(\S+)"),
    "complexity": ("ViT's cost grows rapidly", "operations, 3.6 times the pixels", r"([\d.]+ times)"),
    "rare": ("rare classes weigh more", "Dice − cross-entropy, rare IoU", r"(\S+)"),
    "loss": ("cross-entropy is better", "cross-entropy − Dice", r"(\S+) (?:\[.*\] )?to Dice"),
    "swin": ("Swin performs very well", "Swin − FCN-8s", r"(\S+) (?:\[.*\] )?to FCN-8s"),
    "fine": ("fine annotation is valuable", "fine − coarse masks", r"(\S+)"),
    "settings": ("settings affect accuracy", "clear changes, rate aside; 2 needed", r"(\d+ of \d+)"),
    "small-data": ("U-Net needs little data", "U-Net − ViT on a tenth", r"10 %: (\S+)"),
    "size": ("small pictures do as well", "largest size − smaller; alike within 1", r"(\S+)"),
    "augmentation": ("augmentation only harms", "flips; crops − none", r"flips replace ([^\s,]+).* crops replace ([^\s,]+)"),
    "void": ("void should not count", "small U-Net, ignored − as a class", r"small U-Net, longer, (\S+)"),
    "reason": ("... due to the losses' depth", "gradient, cross-entropy to Dice", r"(\d+ times)"),
}


def claims_in_short(evidence: Evidence) -> Table:
    """Every claim in a line, by verdict: its words and section, what is compared, the number that decides on each data set."""
    found = sorted(claims(evidence), key=lambda row: ("confirmed", "refuted", "not supported", "open").index(row.verdict))
    datasets = evidence.datasets() or ["streets"]
    rows = []
    for row in found:
        words, compared, pattern = _BRIEF[row.id]
        matches = [re.search(pattern, text) for text in _answers(row, datasets)]
        told = ["; ".join(match.groups()) if match else EMPTY for match in matches]
        rows.append([f"{words} ({row.section})", compared, *told, row.verdict])
    columns = ["The original says (section)", "We compare", *(DATASET_NAMES[place] for place in datasets), "verdict"]
    return Table(columns, [("", rows)], "ll" + "r" * len(datasets) + "l")
