"""The tables of settings: what every experiment trained, tried and cost, what all runs share, and what came of the plan."""

from seglib.labels import DATASET_NAMES
from seglib.records import Record
from seglib.tables.evidence import SINGLE, Evidence, Groups
from seglib.tables.layout import EMPTY, LEFT, Table, filled
from seglib.tables.names import name, ordered

NOT_RUN = "not run"
CALLED = {"losses-longer": "losses, longer", "factors-longer": "factors, longer", SINGLE: "single runs"}  # in words
OTHER_RECIPES = ("longer", SINGLE, "fullsize")  # experiments with a recipe of their own


def settings(evidence: Evidence, of: str = "") -> Table:
    """Every experiment: model, size, images, seeds, learning rates tried and chosen, runs and hours; last all runs, each counted once.
    of: "streets", or "others" for the other data sets; all for none."""
    columns = ["Experiment", "model and width", "size", "presentations", "seeds", "rates tried or used", "runs", "hours"]
    blocks = []
    for dataset in (place for place in evidence.datasets() if _holds(of, place)):
        rows = [
            _setting_row(evidence, dataset, experiment)
            for place, experiment in evidence.groups
            if place == dataset and _training(evidence.trained(place, experiment))
        ]
        blocks.append((f"{DATASET_NAMES[dataset]}; {_held_fixed(evidence, dataset)}", rows))
    spec = "l" + LEFT.format(41) + "lrr" + LEFT.format(34) + "rr"
    runs, hours = total(evidence)
    if blocks and of != "streets":
        blocks.append(("", [["all runs", "each counted once", *[""] * 4, str(runs), f"{hours:.1f}"]]))
    return Table(columns, blocks or [("", [["no records yet", *[EMPTY] * 7]])], spec)


def _holds(of: str, dataset: str) -> bool:
    """Whether a table of "streets", of "others" or, with "", of all has this data set."""
    return of in ("", "streets" if dataset == "streets" else "others")


def total(evidence: Evidence) -> tuple[int, float]:
    """How many runs were trained, sweeps included, and their hours. Each counts once, whatever shows it; others were only scored."""
    records = evidence.records().values()
    return sum(bool(record.history) for record in records), hours_of(records)


def shared(evidence: Evidence) -> tuple[int, float]:
    """How many runs and hours the rows of `settings` count more than once: two experiments may show the same run."""
    rows = [(evidence.trained(place, what), evidence.sweeps.get((place, what), {})) for place, what in evidence.groups]
    counted = [record for groups, swept in rows if _training(groups) for record in once(groups, swept).values()]
    different = {record.name: record for record in counted}.values()
    return len(counted) - len(different), hours_of(counted) - hours_of(different)


def once(*parts: Groups) -> dict[str, Record]:
    """Every record of some experiments' arms once, by name."""
    return {record.name: record for groups in parts for records in groups.values() for record in records}


def _held_fixed(evidence: Evidence, dataset: str) -> str:
    """The settings that all published runs on a data set share, in words."""
    words = {
        "batch_size": "batch {}", "optimiser": "{}", "schedule": "{}", "weight_decay": "weight decay {:g}", "clip": "clipped at {:g}",
        "flip": "flips {}", "void": "void {}", "annotation": "{} labels",
    }  # fmt: skip
    usual = [experiment for place, experiment in evidence.groups if place == dataset and experiment not in OTHER_RECIPES]
    groups = [evidence.of(dataset, experiment) for experiment in usual]
    configs = [r.config for arms in groups if _training(arms) for arm, found in arms.items() if not arm.endswith("-longer") for r in found]
    said = {"True": "on", "False": "off", "ignore": "ignored"}
    shared = {key: configs[0].get(key) for key in words if len({config.get(key) for config in configs}) == 1 and key in configs[0]}
    values = {key: said.get(str(value), name(value) if isinstance(value, str) else value) for key, value in shared.items()}
    return "unless a row says otherwise: " + ", ".join(words[key].format(value) for key, value in values.items())


def _training(groups: Groups) -> bool:
    """Whether these runs were trained for their experiment; others were only scored anew."""
    return any(record.history for found in groups.values() for record in found)


def _setting_row(evidence: Evidence, dataset: str, experiment: str) -> list[str]:
    groups, swept = evidence.trained(dataset, experiment), evidence.sweeps.get((dataset, experiment), {})
    found, tried = once(groups), once(swept)
    wide: dict[str, dict] = {}  # {model: its widths}, each once
    for record in found.values():
        wide.setdefault(record.config["model"], {})[str(record.config["width"] or "published")] = None
    model = ", ".join(f"{name(model)} {' and '.join(widths)}" for model, widths in ordered(wide).items())
    sizes = {"×".join(map(str, record.config["size"])) for record in found.values()}
    rates = sorted({record.config["lr"] for record in tried.values()})
    hours = hours_of((found | tried).values())
    each = f" (from {min(record.config['images'] or 0 for record in tried.values())} on)" if tried else ""
    images = sorted({f"{record.config['images'] or 0:,}" for record in found.values()}, key=lambda count: (len(count), count))
    if experiment == SINGLE and len(images) > 1:
        images = [f"{name(arm)} {records[0].config['images']:,}" for arm, records in groups.items()]
    used = ", ".join(f"{rate:g}" for rate in rates or sorted({record.config["lr"] for record in found.values()}))
    if experiment in OTHER_RECIPES:
        model += "; " + _recipe(next(iter(found.values())).config)
    return [CALLED.get(experiment, experiment), model, sizes.pop() if len(sizes) == 1 else f"{len(sizes)} sizes",
            ", ".join(images), _seeds(groups), used + each, str(len(found | tried)),
            f"{hours:.1f}" if hours else EMPTY]  # fmt: skip


def hours_of(records) -> float:
    """Hours of training; runs that were only scored have none."""
    return sum(record.cost.get("seconds") or 0 for record in records if record.history) / 3600


def _recipe(config: dict) -> str:
    """In which settings a longer run is unlike the others, in words."""
    words = [name(config["loss"]), f"batch {config['batch_size']}"]
    if config.get("crop"):
        low, high = config["scale"]
        words += [f"crops of {'×'.join(map(str, config['crop']))} from pictures scaled by {low:g} to {high:g}"]
    if config.get("jitter"):
        words += [f"colour jitter {config['jitter']:g}"]
    if config.get("train_limit"):
        words += [f"{config['train_limit']} pictures"]
    return ", ".join(words)


def rates(evidence: Evidence, of: str = "") -> Table:
    """The learning rate grids: val mIoU of every candidate, those of a sweep's full last round apart, and the rate that was chosen.
    of: "streets", or "others" for the other data sets; all for none."""
    blocks = []
    for (dataset, experiment), swept in evidence.sweeps.items():
        if not _holds(of, dataset):
            continue
        groups = evidence.of(dataset, experiment)
        rows = [[name(arm), *_candidates(found, groups.get(arm))] for arm, found in ordered(swept).items()]
        blocks.append((f"{experiment} on {DATASET_NAMES[dataset]}", rows))
    columns = ["Arm", "short runs, rate: mIoU on val", "full runs", "chosen"]
    if blocks:
        table = filled(Table(columns, blocks))
        return table._replace(spec="l" + LEFT.format(76) * (len(table.columns) - 2) + "r")
    return Table(columns[:2], [("", [["no records yet", EMPTY]])], "ll")


def _candidates(found, runs) -> tuple[str, str, str]:
    """Short candidates, full ones, and the rate of the comparison's runs, else the best on val. A rate's seeds are averaged; where there
    are several, their count and the first one's own follow."""
    found = sorted(found, key=lambda record: (record.config["lr"], record.config["seed"]))
    shortest = min(record.config["images"] or 0 for record in found)
    long = {record.config["images"] or 0 for record in runs or ()} == {shortest}  # all candidates are as long as the comparison's runs
    short, full = ([r for r in found if ((r.config["images"] or 0) == shortest and not long) == first] for first in (True, False))
    words = [", ".join(f"{rate:g}: {_reached(seeds)}" for rate, seeds in _by_rate(part).items()) or EMPTY for part in (short, full)]
    best = runs[0] if runs else max(full or short, key=lambda record: record.val_miou)
    return words[0], words[1], f"{best.config['lr']:g}"


def _by_rate(found) -> dict[float, list]:
    rates: dict[float, list] = {}
    for record in found:
        rates.setdefault(record.config["lr"], []).append(record)
    return rates


def _reached(seeds) -> str:
    values = [record.val_miou for record in seeds]
    count = f" ({len(values)}; {100 * values[0]:.1f})" if len(values) > 1 else ""
    return f"{100 * sum(values) / len(values):.1f}{count}" if min(values) >= 0 else "diverged"


# What was planned of each experiment, in words: arms, and where.
PLAN = (
    ("architectures", "5 families, 2 controls; added: 3 more"),
    ("losses", "7 losses"),
    ("void", "2 policies, 5 families"),
    ("transforms", "5 transforms, 4 sizes"),
    ("annotation", "fine, coarse, both; streets"),
    ("optimisers", "4 optimisers, 4 schedules, 4 regularisers"),
    ("generalisation", "5 families, each way"),
    ("data", "4 fractions, 2 families"),
    ("original", "its 3 networks"),
    ("longer", "added: 5 families, 5 times the presentations and the settings alone, 9 controls; rates upwards, and one below the lowest"),
    ("losses-longer", "added: 4 losses, 8,000 presentations"),
    ("factors-longer", "added: 5 factors, 8,000 presentations"),
    ("pretraining", "added: 5 families on CamVid, first trained on streets"),
    ("imagenet", "added: 1 network, random and ImageNet's weights, both recipes"),
    ("fullsize", "added: that network from ImageNet's weights, at the full size of CamVid's copy and a smaller one"),
    ("confirmation", "added: 3 losses (2 longer) and 5 families, short and longer (3 at two rates), on 160 scenes not used before"),
    ("rates", "added: 5 families at the next higher rate"),
    (SINGLE, "added: 2 families, a richer recipe, one seed"),
)


def outcome(evidence: Evidence) -> Table:
    """Plan and outcome: for each experiment what was planned, and the arms, seeds and hours that came of it on each data set."""
    places = ("streets", "camvid")
    rows = []
    for experiment, planned in PLAN:
        cells = [_outcome(evidence, place, experiment) for place in places]
        if experiment != SINGLE or any(cell != NOT_RUN for cell in cells):
            rows.append([CALLED.get(experiment, experiment), planned, *cells])
    rows.append(["halving sweep", "added: the original's settings, one seed", *[_halved(evidence, place) for place in places]])
    columns = ["Experiment", "planned, 3 seeds each", *[DATASET_NAMES[place] for place in places]]
    return Table(columns, [("", rows)], "l" + LEFT.format(56) + LEFT.format(38) * 2)


def _outcome(evidence: Evidence, dataset: str, experiment: str) -> str:
    groups, swept = evidence.trained(dataset, experiment), evidence.sweeps.get((dataset, experiment), {})
    if not groups:
        return NOT_RUN
    found = once(groups, swept)
    seeds = _seeds(groups)
    took = f"{hours_of(found.values()):.1f} h" if any(record.history for record in found.values()) else "no training"
    return f"{len(groups)} arm{'s' * (len(groups) > 1)}, {seeds} seed{'s' * (seeds != '1')}, {took}"


def _halved(evidence: Evidence, dataset: str) -> str:
    """What the sweep by successive halving came to; its runs are measured, and no records are kept of them."""
    curves = evidence.measures.get(f"halving-{dataset}", {}).get("curves", {})
    shown = sum(images for points in curves.values() for images, _ in points)
    return f"{len(curves)} settings, {shown:,} presentations, not among the runs" if curves else NOT_RUN


def _seeds(groups: Groups) -> str:
    """How many seeds the arms have: 3, or 3 to 5."""
    counts = sorted(set(map(len, groups.values())))
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
