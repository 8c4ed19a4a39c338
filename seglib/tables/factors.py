"""One factor at a time: which arms of an experiment are compared with which, and what the changes amount to."""

from collections.abc import Iterator, Sequence

import numpy as np

from seglib.tables import evidence as read
from seglib.tables.evidence import Evidence
from seglib.tables.layout import signed
from seglib.tables.names import name

# Experiment, what it is called, the arm that the others are compared with (None: see `compared_with`).
FACTORS = (
    ("transforms", "Transforms, to none; sizes, to the usual one with flips", None),
    ("annotation", "Annotation, to fine", "fine"),
    ("void", "Void as a class, to ignored", None),
    ("optimisers", "Optimisers, to AdamW; schedules, to one-cycle; regularisers, to a decay of 0.0001", None),
    ("data", "Share of train, to all of it", None),
    ("architectures", "Controls, to U-Net and Swin V2", None),
)

BASES = ("none", "adamw", "onecycle")  # others are compared with these, so they have rows of their own


def compared_with(experiment: str, arm: str, base: str | None) -> str | None:
    """The arm that `arm` is compared with, None for one that is not compared. base: that of the whole experiment, if it has one."""
    if base:
        return base
    if experiment == "transforms":
        return "flip" if arm.startswith("size-") else "none"
    if experiment == "optimisers":
        return {"constant": "onecycle", "step": "onecycle", "polynomial": "onecycle", "onecycle": "onecycle"}.get(
            arm, "decay-0.0001" if arm.startswith(("decay", "dropout")) else "adamw"
        )
    if experiment == "architectures":
        return {"unet-no-skips": "unet", "cnn_j": "swin"}.get(arm)
    model = arm.rsplit("-", 1)[0]
    return f"{model}-ignore" if experiment == "void" else f"{model}-100"


def differs(evidence: Evidence, datasets: Sequence[str], experiment: str, arm: str, base: str | None) -> bool:
    """False for the base itself, under whatever name: the very same runs."""
    other = compared_with(experiment, arm, base)
    found = [evidence.of(dataset, experiment) for dataset in datasets]
    return any(arm in groups and other in groups and groups[arm][0].name != groups[other][0].name for groups in found)


def totals(evidence: Evidence, dataset: str) -> Iterator[tuple[str, str]]:
    """(key, text) of all changes of data and training on one data set, controls of the architectures apart: changes/<dataset>/total,
    clear (both intervals exclude zero: `evidence.sign`), and of the largest that is clear, else of the largest: largest/arm,
    largest/points; detectable: half the median width of their intervals."""
    rows, halves = [], []
    for experiment, _, base in FACTORS:
        groups = evidence.of(dataset, experiment) if experiment != "architectures" else {}
        for arm in groups:
            if differs(evidence, [dataset], experiment, arm, base):
                other = compared_with(experiment, arm, base)
                difference, low, high = read.widest(groups, arm, other)
                rows.append((read.sign(groups, arm, other) != 0, abs(difference), difference, arm))
                halves.append((high - low) / 2)
    if rows:
        clear, _, difference, arm = max(rows)
        yield from ((f"changes/{dataset}/total", str(len(rows))), (f"changes/{dataset}/clear", str(sum(row[0] for row in rows))))
        yield f"changes/{dataset}/detectable", f"{np.median(halves):.1f}"
        yield from ((f"changes/{dataset}/largest/arm", name(arm)), (f"changes/{dataset}/largest/points", signed(difference)))
