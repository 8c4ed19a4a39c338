"""What a sentence of the report says of an arm beyond its scores: what it takes for what, what it never finds, whether it had finished."""

from collections.abc import Iterator, Sequence

import numpy as np

from seglib import scores
from seglib.labels import TABLES
from seglib.records import Record
from seglib.tables.names import name

FOUND = 0.005  # a class with a lower IoU counts as never found


def of_arm(found: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """(key, text) of one arm, seeds pooled: confusion-1 to -3 (true, taken-for, share in per cent of the true class), lost (classes
    never found), frequency-rank (rank correlation of a class's IoU with its pixels), loss-last (training
    loss of the last epoch), rise (val mIoU in the last quarter, points)."""
    matrix = sum(record.scores["test"].matrix for record in found)
    names = TABLES[found[0].scores["test"].labels].names
    for i, (share, true, taken) in enumerate(confusions(matrix, names)[:3], 1):
        yield from ((f"confusion-{i}/true", true), (f"confusion-{i}/taken-for", taken), (f"confusion-{i}/share", f"{100 * share:.0f}"))
    pixels, iou = matrix.sum(1), scores.iou(matrix)
    known = (pixels > 0) & np.isfinite(iou)
    yield "lost", str(int((iou[known] < FOUND).sum()))
    rank = rank_correlation(pixels[known], iou[known])
    if np.isfinite(rank):
        yield "frequency-rank", f"{rank:.2f}"
    ends = [record.history[-1]["loss"] for record in found if record.history and record.history[-1].get("loss") is not None]
    if ends:
        yield "loss-last", f"{np.mean(ends):.2f}"
    rises = [value for record in found if (value := rise(record)) is not None]
    if rises:
        yield "rise", f"{np.mean(rises):.1f}".replace("-0.0", "0.0")


def confusions(matrix: np.ndarray, names: Sequence[str]) -> list[tuple[float, str, str]]:
    """(share of the true class, true, taken for), the largest first; "predicted void" is no class."""
    rows = matrix[:, : len(names)] / np.maximum(matrix.sum(1, keepdims=True), 1)
    pairs = [(float(rows[i, j]), names[i], names[j]) for i, j in np.ndindex(*rows.shape) if i != j]
    return sorted(pairs, key=lambda pair: -pair[0])


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, equal values sharing their mean rank; NaN where one of them does not vary."""
    if min(len(np.unique(a)), len(np.unique(b))) < 2:
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    return (values[:, None] > values).sum(1) + 0.5 * (values[:, None] == values).sum(1)


def rise(record: Record) -> float | None:
    """Points of val mIoU gained in the last quarter of a run; None where val was looked at fewer than four times."""
    values = [row["val_miou"] for row in record.history if row.get("val_miou") is not None]
    return 100 * (values[-1] - values[-1 - max(1, len(values) // 4)]) if len(values) > 3 else None


def at_the_edge(swept: dict[str, Sequence[Record]], last: dict[str, float]) -> list[str]:
    """The arms whose chosen rate `last` is the smallest or largest of those tried, in words."""
    found = []
    for arm, records in swept.items():
        rates = sorted(record.config["lr"] for record in records)
        if len(rates) > 1 and last.get(arm) in (rates[0], rates[-1]):
            found.append(name(arm))
    return found
