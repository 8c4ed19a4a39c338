"""What a sentence of the report says of an arm beyond its scores: what it takes for what, what it never finds, whether it had finished."""

from collections.abc import Iterator, Sequence

import numpy as np

from seglib import scores
from seglib.labels import TABLES
from seglib.records import Record
from seglib.tables import evidence
from seglib.tables.names import name

RAREST = 4  # classes: how many the rarest are


def of_arm(found: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """(key, text) of one arm. confusion-1 to -3: true, taken-for, share in per cent of the true class, counts of the seeds added. Of the
    classes' IoU averaged over seeds: lost (classes never found), instance-top (class, share: which one supplies most of the IoU summed
    over the classes with instances), frequency-rank (rank correlation of a class's IoU with its pixels). loss-first, loss-last: training
    loss, the mean over the first and over the last epoch. rise: points of val mIoU in the last quarter. unsteady (class, iou, sd): the
    class whose IoU varies most over the seeds."""
    matrix = sum(record.scores["test"].matrix for record in found)
    names = TABLES[found[0].scores["test"].labels].names
    for i, (share, true, taken) in enumerate(confusions(matrix, names)[:3], 1):
        yield from ((f"confusion-{i}/true", true), (f"confusion-{i}/taken-for", taken), (f"confusion-{i}/share", f"{100 * share:.0f}"))
    pixels, iou = matrix.sum(1), evidence.mean_class_iou(found) / 100
    known = (pixels > 0) & np.isfinite(iou)
    yield "lost", str(lost(found))
    if len(found) > 1:
        spread = np.nan_to_num(np.array([evidence.class_iou(record) for record in found]).std(axis=0, ddof=1))
        k = int(np.argmax(spread))
        yield from (("unsteady/class", names[k]), ("unsteady/iou", f"{100 * iou[k]:.1f}"), ("unsteady/sd", f"{spread[k]:.1f}"))
    counted = np.flatnonzero(evidence.instances(found[0].scores["test"]))
    if len(counted) and (total := float(np.nansum(iou[counted]))) > 0:
        top = counted[np.nanargmax(iou[counted])]
        yield from (("instance-top/class", names[top]), ("instance-top/share", f"{100 * iou[top] / total:.0f}"))
    rank = rank_correlation(pixels[known], iou[known])
    if np.isfinite(rank):
        yield "frequency-rank", f"{rank:.2f}"
    for key, row in (("loss-first", 0), ("loss-last", -1)):
        losses = [record.history[row]["loss"] for record in found if record.history and record.history[row].get("loss") is not None]
        if losses:
            yield key, f"{np.mean(losses):.2f}"
    rises = [value for record in found if (value := rise(record)) is not None]
    if rises:
        yield "rise", f"{np.mean(rises):.1f}".replace("-0.0", "0.0")


def lost(found: Sequence[Record]) -> int:
    """How many classes that the test pictures hold are never found: IoU, averaged over the seeds, below scores.FOUND."""
    pixels, iou = sum(record.scores["test"].matrix for record in found).sum(1), evidence.mean_class_iou(found) / 100
    return int((iou[(pixels > 0) & np.isfinite(iou)] < scores.FOUND).sum())


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
        rates = sorted({record.config["lr"] for record in records})
        if len(rates) > 1 and last.get(arm) in (rates[0], rates[-1]):
            found.append(name(arm))
    return found


def gains(found: Sequence[Record], base: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """(key, text) of where an arm gains on another, means over seeds: gain-1, gain-2 (class, points, share: per cent of the test pixels),
    the largest first; loss-1, the class that loses most; and rarest, the mean gain on the four rarest classes."""
    counts = found[0].scores["test"]
    names, pixels = TABLES[counts.labels].names, counts.matrix.sum(1)
    gain = evidence.mean_class_iou(found) - evidence.mean_class_iou(base)
    known = np.flatnonzero(np.isfinite(gain) & (pixels > 0))
    for i, k in enumerate(known[np.argsort(-gain[known], kind="stable")][:2], 1):
        yield from ((f"gain-{i}/class", names[k]), (f"gain-{i}/points", f"{gain[k]:+.1f}"))
        yield f"gain-{i}/share", f"{100 * pixels[k] / pixels.sum():.1f}"
    worst = known[np.argmin(gain[known])]
    yield from (("loss-1/class", names[worst]), ("loss-1/points", f"{gain[worst]:+.1f}"))
    rarest = known[np.argsort(pixels[known], kind="stable")][:RAREST]
    yield "gain-rarest", f"{gain[rarest].mean():+.1f}".replace("-0.0", "+0.0")


def by_frequency(record: Record) -> dict[str, tuple[list[str], float]]:
    """{"frequent", "uncommon", "rare": names of those classes, the most frequent first, and their share of the scored test pixels, %}."""
    counts, known = record.scores["test"], kinds(record)
    names, pixels = TABLES[counts.labels].names, counts.matrix.sum(1)
    order = [names[k] for k in np.argsort(-pixels, kind="stable") if pixels[k]]
    known["frequent"] = [label for label in order if label not in known["uncommon"] + known["rare"]]
    found = {kind: [label for label in order if label in known[kind]] for kind in ("frequent", "uncommon", "rare")}
    share = {label: 100 * pixels[k] / pixels.sum() for k, label in enumerate(names)}
    return {kind: (inside, float(sum(share[label] for label in inside))) for kind, inside in found.items()}


def kinds(record: Record) -> dict[str, list[str]]:
    """{"thin", "uncommon", "rare": names of those classes}, by the pixels of the test split."""
    counts = record.scores["test"]
    marks = {"thin": evidence.thin(counts), "uncommon": evidence.uncommon(counts), "rare": evidence.rare(counts)}
    return {kind: [label for label, inside in zip(TABLES[counts.labels].names, mark) if inside] for kind, mark in marks.items()}
