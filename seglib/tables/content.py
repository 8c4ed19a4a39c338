"""The tables of the report, from the evidence: each function returns a layout.Table."""

import numpy as np

from seglib import scores
from seglib.labels import TABLES
from seglib.tables import evidence as read
from seglib.tables.claims import claims
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.layout import EMPTY, KEPT, Table, filled
from seglib.tables.names import DATASETS, name, ordered
from seglib.tables.published import BESIDE, beside


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


LEFT = r">{{\raggedright\arraybackslash}}p{{{}mm}}"  # a column of words, set ragged
# Column of the main table -> quantity.
_SCORES = {"accuracy": "accuracy", "category": "category", "iIoU": "iiou", "boundary": "boundary", "thin": "thin", "rare": "rare"}


def architectures(evidence: Evidence) -> Table:
    """Main results: floors, models, ceilings and published rows by data set."""
    columns = ["Model", "rate", "seeds", "mIoU", "over seeds", "over pictures", *_SCORES]
    blocks = []
    for dataset in evidence.datasets():
        groups, mark = evidence.of(dataset, "architectures"), _mark(evidence, dataset, "architectures")
        rows = [_score_row(arm, found, mark) for arm, found in groups.items()]
        if rows:
            blocks.append((DATASETS[dataset], [*_bounds(evidence, dataset, "floors"), *rows, *_bounds(evidence, dataset, "ceilings")]))
            blocks.append((f"published on {DATASETS[BESIDE[dataset]]}, for orientation", _others(dataset)))
    return filled(Table(columns, blocks), LEFT.format(44)) if blocks else _nothing(columns)


def _nothing(columns: list[str]) -> Table:
    return Table(columns, [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])])


def _score_row(arm: str, found, mark: str) -> list[str]:
    rest = [_mean(found, quantity, mark) for quantity in _SCORES.values()]
    return [
        name(arm),
        f"{found[0].config['lr']:g}",
        str(len(found)),
        _spread(found, mark),
        _seed_interval(found),
        _interval(*read.interval(found)),
        *rest,
    ]


def architectures_row(arm: str, found) -> list[str]:
    """Name, parameters, seeds, mIoU and its interval: a model in one line of the README."""
    return [name(arm), f"{found[0].cost['parameters'] / 1e6:.2f} M", str(len(found)), _spread(found), _interval(*read.interval(found))]


def _bounds(evidence: Evidence, dataset: str, kind: str) -> list[list[str]]:
    words = {
        "constant": "floor: one class",
        "prior": "floor: per-pixel prior",
        "x8": "ceiling: truth at 1/8",
        "x16": "ceiling: truth at 1/16",
    }
    measured = evidence.measures.get(f"baselines-{dataset}", {}).get(kind, {})
    return [[words[key], EMPTY, EMPTY, _one(measured[key]), *[EMPTY] * (2 + len(_SCORES))] for key in words if key in measured]


def _others(dataset: str) -> list[list[str]]:
    return [
        [f"{row.model} ({row.note}) @cite:{row.cite}", EMPTY, EMPTY, _one(row.miou), *[EMPTY] * (2 + len(_SCORES))]
        for row in beside(dataset)
    ]


def losses(evidence: Evidence) -> Table:
    """Losses by data set: rate, mIoU, intervals, difference to cross-entropy, thin and rare classes."""
    columns = ["Loss", "rate", "mIoU", "over pictures", "to cross-entropy", "accuracy", "iIoU", "boundary", "thin", "rare", "calibration"]
    blocks = []
    for dataset in evidence.datasets():
        groups, mark = evidence.of(dataset, "losses"), _mark(evidence, dataset, "losses")
        rows = []
        for arm, found in groups.items():
            difference = _difference(groups, arm, "cross_entropy")
            rest = [_mean(found, quantity, mark) for quantity in ("accuracy", "iiou", "boundary", "thin", "rare", "calibration")]
            rate = f"{found[0].config['lr']:g}"
            rows.append([name(arm), rate, _spread(found, mark), _interval(*read.interval(found)), difference, *rest])
        if rows:
            blocks.append((DATASETS[dataset], rows))
    return filled(Table(columns, blocks)) if blocks else _nothing(columns)


def _difference(groups: Groups, arm: str, base: str) -> str:
    if arm == base or base not in groups:
        return EMPTY
    difference, low, high, _ = read.paired(groups[arm], groups[base])
    return EMPTY if not np.isfinite(difference) else f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]"


# Experiment, what it is called, the arm that the others are compared with (None: the arm of the same model before the hyphen).
FACTORS = (
    ("transforms", "Transforms, to none; sizes, to the usual one with flips", None),
    ("annotation", "Annotation, to fine", "fine"),
    ("void", "Void as a class, to ignored", None),
    ("optimisers", "Optimisers and schedules, to AdamW with one-cycle", "adamw"),
    ("data", "Share of train, to all of it", None),
    ("architectures", "Controls, to U-Net and Swin V2", None),
)


def ablations(evidence: Evidence) -> Table:
    """One factor at a time: mIoU of each arm and its paired difference to the base, data sets side by side."""
    datasets = evidence.datasets() or ["streets"]
    columns = ["Change", *[f"{DATASETS[dataset]}{part}" for dataset in datasets for part in (": mIoU", ": difference")]]
    blocks = []
    for experiment, title, base in FACTORS:
        arms = list(dict.fromkeys(arm for dataset in datasets for arm in evidence.of(dataset, experiment)))
        rows = [_change(evidence, datasets, experiment, arm, base) for arm in arms if _differs(evidence, experiment, arm, base)]
        blocks.append((title, rows))
    if not any(rows for _, rows in blocks):
        blocks = [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])]
    return Table(columns, blocks)


def _base(experiment: str, arm: str, base: str | None) -> str | None:
    """The arm to compare with, None for an arm that is not compared."""
    if base:
        return base
    if experiment == "transforms":
        return "flip" if arm.startswith("size-") else "none"
    if experiment == "architectures":
        return {"unet-no-skips": "unet", "cnn_j": "swin"}.get(arm)
    model = arm.rsplit("-", 1)[0]
    return f"{model}-ignore" if experiment == "void" else f"{model}-100"


def _differs(evidence: Evidence, experiment: str, arm: str, base: str | None) -> bool:
    """False for the base itself, under whatever name: the very same runs."""
    other = _base(experiment, arm, base)
    found = [evidence.of(dataset, experiment) for dataset in evidence.datasets()]
    return any(arm in groups and other in groups and groups[arm][0].name != groups[other][0].name for groups in found)


def _change(evidence: Evidence, datasets, experiment: str, arm: str, base: str | None) -> list[str]:
    cells = [name(arm)]
    for dataset in datasets:
        groups, other = evidence.of(dataset, experiment), _base(experiment, arm, base)
        found = groups.get(arm)
        cells += [_spread(found, _mark(evidence, dataset, experiment)), _difference(groups, arm, other)] if found else [EMPTY, EMPTY]
    return cells


def classes(evidence: Evidence) -> Table:
    """Per class: share of the training pixels and IoU of the best architecture and of all, with intervals for the best."""
    blocks, models = [], ["fcn_baseline", "fcn8s", "unet", "vit", "swin"]
    for dataset in evidence.datasets():
        groups = {arm: evidence.of(dataset, "architectures")[arm] for arm in models if arm in evidence.of(dataset, "architectures")}
        if groups:
            blocks.append((DATASETS[dataset], _class_rows(evidence, dataset, groups, models)))
    columns = ["Class", "share", *[name(model) for model in models]]
    return Table(columns, blocks or [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])])


def _class_rows(evidence: Evidence, dataset: str, groups: Groups, models) -> list[list[str]]:
    shares = evidence.measures.get(f"baselines-{dataset}", {}).get("shares", {})
    found = {arm: np.array([read.class_iou(record) for record in records]) for arm, records in groups.items()}  # (seeds, K)
    table = TABLES[next(iter(groups.values()))[0].scores["test"].labels]
    rows = []
    for k, label in enumerate(table.names):
        share = f"{shares[label]:.2f}" if label in shares else EMPTY
        rows.append([label, share, *[_class_cell(found[model][:, k]) if model in found else EMPTY for model in models]])
    return sorted(rows, key=lambda row: -shares.get(row[0], 0.0))


def _class_cell(values) -> str:
    if not np.isfinite(values).all():
        return EMPTY
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def rates(evidence: Evidence) -> Table:
    """The learning rate grids: val mIoU of every candidate, the winner marked."""
    blocks = []
    for (dataset, experiment), swept in evidence.sweeps.items():
        rows = []
        for arm, found in ordered(swept).items():
            best = max(found, key=lambda record: record.val_miou)
            cells = [f"{record.config['lr']:g}: {_reached(record)}{' (chosen)' if record is best else ''}" for record in found]
            rows.append([name(arm), ", ".join(cells)])
        blocks.append((f"{experiment} on {DATASETS[dataset]}", rows))
    return Table(["Arm", "learning rate: mIoU on val"], blocks or [("", [["no records yet", EMPTY]])], "ll")


def _reached(record) -> str:
    return f"{100 * record.val_miou:.1f}" if record.val_miou >= 0 else "diverged"


def cost(evidence: Evidence) -> Table:
    """Model card: published size, and beside it the small models that were trained: parameters and speed."""
    measured = evidence.measures.get("models", {})
    columns = ["Model", "parameters, M", "GFLOP", "at 1024×2048", "memory, MB", "trained here: M", "pictures/s", "ms a picture"]
    rows = []
    for model, row in ordered(measured.get("models", {})).items():
        memory = f"{row['memory']:.0f}" if "memory" in row else EMPTY
        sizes = [f"{row['parameters']:.2f}", f"{row['gflops']:.0f}", f"{row['gflops-full']:.0f}", memory]
        rows.append([name(model), *sizes, *_run_cost(evidence, model)])
    title = (
        f"memory: forward, one picture of 256×512, {measured['device']}; pictures/s: training; ms: forward, at training size"
        if measured
        else ""
    )
    return filled(Table(columns, [(title, rows)])) if rows else Table(columns[:5], [("", [["not measured yet", *[EMPTY] * 4]])])


def _run_cost(evidence: Evidence, model: str) -> list[str]:
    """Parameters in millions, training pictures a second and milliseconds a picture of a model of the architecture runs."""
    for dataset in evidence.datasets():
        if found := evidence.of(dataset, "architectures").get(model):
            speeds = [[record.cost.get(key) for record in found] for key in ("images_per_second", "milliseconds_per_image")]
            return [f"{found[0].cost['parameters'] / 1e6:.2f}", *(EMPTY if None in speed else _one(np.mean(speed)) for speed in speeds)]
    return [EMPTY] * 3


def claim_table(evidence: Evidence) -> Table:
    """Every claim: its words, section, experiment, verdict, number."""
    rows = [[f"“{row.words}”", row.section, row.experiment, row.verdict, row.number] for row in claims(evidence)]
    return Table(
        ["Claim", "§", "experiment", "verdict", "mIoU points, unless said"], [("", rows)], LEFT.format(56) + "lll" + LEFT.format(58)
    )
