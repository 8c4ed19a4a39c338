"""The tables that are no result of a comparison: classes, cost of the models, scores of others."""

from itertools import zip_longest

import numpy as np

from seglib.labels import DATASET_NAMES, TABLES
from seglib.tables import evidence as read
from seglib.tables import readings
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.layout import EMPTY, Table, filled
from seglib.tables.names import name, ordered
from seglib.tables.published import CITYSCAPES_SHARES, ROWS

MODELS = ("fcn_baseline", "fcn8s", "unet", "vit", "swin")
LOSSES = ("cross_entropy", "soft_iou", "dice")
# Models of other experiments than the families', and one of their arms.
STARTS = {"unet_lite0": ("imagenet", "imagenet"), "unet-small": ("losses", "cross_entropy")}
NARROW = ("fcn8s-small", "unet-small")  # trained here beside the family itself: they have no published width of their own
_CLASS = ("Class", "kind", "Cityscapes, %", "train, %", "test, %", "pictures")


def classes(evidence: Evidence) -> Table:
    """Per class: kind, its share of the pixels of Cityscapes, train and test, test pictures with it, and the IoU of every architecture."""
    return _by_class(evidence, [*_CLASS, *map(name, MODELS)], {"architectures": MODELS, "longer": MODELS})


def loss_classes(evidence: Evidence) -> Table:
    """Per class: share of the test pixels, and the IoU of U-Net with each loss."""
    return _by_class(evidence, [*_CLASS, *map(name, LOSSES)], {"losses": LOSSES, "losses-longer": LOSSES})


def _by_class(evidence: Evidence, columns: list[str], wanted: dict[str, tuple[str, ...]]) -> Table:
    blocks = []
    for dataset in evidence.datasets():
        for experiment, arms in wanted.items():
            groups = evidence.of(dataset, experiment)
            groups = {arm: groups[arm] for arm in arms if arm in groups}
            if groups:
                title = DATASET_NAMES[dataset] + ", longer runs" * experiment.endswith("longer")
                blocks.append((title, _class_rows(evidence, dataset, groups, arms)))
    table = filled(Table(columns, blocks))
    return (
        table._replace(spec="ll" + "r" * (len(table.columns) - 2))
        if blocks
        else Table(columns, [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])])
    )


def _class_rows(evidence: Evidence, dataset: str, groups: Groups, arms) -> list[list[str]]:
    shares = evidence.measures.get(f"baselines-{dataset}", {}).get("shares", {})
    found = {arm: np.array([read.class_iou(record) for record in records]) for arm, records in groups.items()}  # (seeds, K)
    record = next(iter(groups.values()))[0]
    counts, kinds = record.scores["test"], readings.kinds(record)
    pixels = counts.matrix.sum(1)
    pictures = [] if counts.tp is None else ((counts.tp + counts.fn) > 0).sum(0)
    rows = []
    for k in np.argsort(-pixels, kind="stable"):
        label = TABLES[counts.labels].names[k]
        kind = ", ".join(words for words, names in kinds.items() if label in names)
        held = str(pictures[k]) if len(pictures) else EMPTY
        share = f"{shares[label]:.2f}" if label in shares else EMPTY
        cells = [_class_cell(found[arm][:, k]) if arm in found else EMPTY for arm in arms]
        there = f"{CITYSCAPES_SHARES[k]:.2f}" if counts.labels == "cityscapes" else EMPTY
        rows.append([label, kind, there, share, f"{100 * pixels[k] / pixels.sum():.2f}", held, *cells])
    return rows


def _class_cell(values) -> str:
    if not np.isfinite(values).all():
        return EMPTY
    if values.max() < 0.05:
        return "0"  # never found
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def cost(evidence: Evidence, brief: bool = False) -> Table:
    """Model card: size and cost at the published width, and beside it the narrow models that were trained. brief: without the operations
    at full size and the baseline with batch norm, which costs what the baseline does."""
    measured = evidence.measures.get("models", {}).get("models", {})
    columns = ["Model", "M parameters", "GFLOP", "GFLOP, 1024×2048", "memory, MB", "M parameters", "GFLOP", "ms, forward", "ms, training"]
    rows = []
    for model, row in ordered(measured | ({model: {} for model in NARROW} if measured else {})).items():
        trained = _run_cost(evidence, model)
        if (model not in MODELS and trained[0] == EMPTY) or (brief and model == "fcn_baseline_bn"):
            continue  # neither a family of the study nor a control that was trained
        keys = (("parameters", 2), ("gflops", 0), ("gflops-full", 0), ("memory", 0))
        rows.append([name(model), *(f"{row[key]:.{digits}f}" if key in row else EMPTY for key, digits in keys), *trained])
    if not rows:
        return Table(columns[:5], [("", [["not measured yet", *[EMPTY] * 4]])])
    if brief:
        columns, rows = columns[:3] + columns[4:], [row[:3] + row[4:] for row in rows]
    table, wide = filled(Table(columns, [("", rows)])), 4 - brief
    over = (("", 1), ("published width", wide), ("as trained here", len(table.columns) - 1 - wide))
    return table._replace(over=over if len(table.columns) == len(columns) else ())


def _run_cost(evidence: Evidence, model: str) -> list[str]:
    """Of a model as it was trained, narrow: millions of parameters, and what `measures.speeds` found of it."""
    speed = evidence.measures.get("speed", {}).get("models", {}).get(model, {})
    for dataset in evidence.datasets():
        experiment, arm = STARTS.get(model, ("architectures", model))
        if found := evidence.of(dataset, experiment).get(arm):
            keys = (("gflops", 1), ("milliseconds", 0), ("training-milliseconds", 0))
            return [
                f"{found[0].cost['parameters'] / 1e6:.2f}", *(f"{speed[key]:.{digits}f}" if key in speed else EMPTY for key, digits in keys)
            ]  # fmt: skip
    return [EMPTY] * 4


def others(evidence: Evidence) -> Table:
    """Scores that others published, Cityscapes and CamVid side by side, below the latter our best without and with ImageNet."""
    shown = [row for row in ROWS if row.note != "floor"]
    lists = [[_published(row) for row in shown if row.dataset == dataset] for dataset in ("cityscapes", "camvid")]
    lists[1] += _ours(evidence)
    rows = [[cell for row in pair for cell in row or [""] * 3] for pair in zip_longest(*lists)]
    over = (("Cityscapes", 3), ("CamVid", 3))
    return Table(["model", "pretrained on", "mIoU"] * 2, [("", rows)], "llrllr", over)


def _published(row) -> tuple[str, str, str]:
    return f"{row.model} @cite:{row.cite}", row.note, f"{row.miou:.1f}"


def _ours(evidence: Evidence) -> list[tuple[str, str, str]]:
    """The rows of our best longer runs on CamVid: a family from random weights, the network that starts from ImageNet's."""
    groups = {arm: found for arm, found in evidence.of("camvid", "longer").items() if arm in MODELS}
    means = {arm: float(read.values(found, "miou").mean()) for arm, found in groups.items()}
    best = [(name(arm), "random", means[arm]) for arm in sorted(means, key=means.get)[-1:]]
    if started := evidence.of("camvid", "imagenet").get("imagenet-longer"):
        best.append((name("unet_lite0"), "ImageNet-1k", float(read.values(started, "miou").mean())))
    return [(f"{words}, ours", note, f"{value:.1f}") for words, note, value in best]
