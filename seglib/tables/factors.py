"""One factor at a time: which arms of an experiment are compared with which, and what the changes amount to."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seglib import scores
from seglib.records import Record
from seglib.tables import evidence as read
from seglib.tables.cards import MODELS
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.layout import signed
from seglib.tables.names import name

# (experiment, the arm that others are compared with; "" where every model has its own) -> title.
FACTORS = {
    ("transforms", "none"): "Transforms (against none)",
    ("transforms", "flip"): "Training size (against the usual one)",
    ("annotation", "fine"): "Annotation (against fine)",
    ("void", ""): "Void as a class (against ignored)",
    ("data", ""): "Share of train (against all of it)",
    ("factors-longer", "flip"): "Longer runs (against flips alone)",
    ("optimisers", "adamw"): "Optimisers (against AdamW)",
    ("optimisers", "onecycle"): "Schedules (against one-cycle)",
    ("optimisers", "decay-0.0001"): "Regularisers (against decay 0.0001)",
    ("architectures", ""): "Controls (against the family itself)",
    ("rates", ""): "Learning rate (next higher against chosen)",
}
# What is counted together; the controls of the models are in neither of the first two.
KINDS = {
    "data": ("transforms", "annotation", "void", "data"), "training": ("optimisers",), "void": ("void",), "rates": ("rates",),
    "longer": ("factors-longer",),
}  # fmt: skip
MODEL_CHANGES = ("no-skips",)  # arms of a counted experiment that change the model: compared, but not counted
CONTROLS = {"unet-no-skips": "unet", "cnn_j": "swin", "swin-in-place": "swin", "fcn_baseline_bn": "fcn_baseline", "fcn8s-small": "fcn8s"}


def families(arms: dict) -> dict:
    """The arms but the controls, which are neither families nor losses: what a sentence on all arms of an experiment is about."""
    return {arm: found for arm, found in arms.items() if arm not in CONTROLS}


def compared_with(experiment: str, arm: str) -> str | None:
    """The arm that `arm` is compared with, None for one that is not compared."""
    if experiment == "annotation":
        return "fine"
    if experiment == "factors-longer":
        return "flip"
    if experiment == "transforms":
        return "flip" if arm.startswith("size-") else "none"
    if experiment == "optimisers":
        return {"constant": "onecycle", "step": "onecycle", "polynomial": "onecycle", "onecycle": "onecycle"}.get(
            arm, "decay-0.0001" if arm.startswith(("decay", "dropout")) else "adamw"
        )
    if experiment == "architectures":
        return CONTROLS.get(arm)
    model = arm.rsplit("-", 1)[0]
    return model + {"void": "-ignore", "rates": "-chosen"}.get(experiment, "-100")


def differs(evidence: Evidence, datasets: Sequence[str], experiment: str, arm: str) -> bool:
    """False for the base itself, under whatever name: the very same runs."""
    other = compared_with(experiment, arm)
    found = [evidence.of(dataset, experiment) for dataset in datasets]
    return any(arm in groups and other in groups and groups[arm][0].name != groups[other][0].name for groups in found)


def of_factor(evidence: Evidence, datasets: Sequence[str], experiment: str, base: str) -> list[str]:
    """The arms of one factor: the base first, under the name it has in this comparison, then those that differ from it. Where every model
    has its own base, model by model."""
    arms = list(dict.fromkeys(arm for dataset in datasets for arm in evidence.of(dataset, experiment)))
    changed = [arm for arm in arms if differs(evidence, datasets, experiment, arm) and base in ("", compared_with(experiment, arm))]
    if not base:
        pairs = [(compared_with(experiment, arm), arm) for arm in changed]
        return list(dict.fromkeys(arm for pair in sorted(pairs, key=lambda pair: _place(pair[0])) for arm in pair))
    same = [arm for arm in arms if arm not in changed and compared_with(experiment, arm) == base]
    return same[:1] + changed if changed else []


def _place(base: str) -> int:
    """Where the family of a base stands among the families."""
    model = base.rsplit("-", 1)[0]
    return MODELS.index(model) if model in MODELS else len(MODELS)


class Change(NamedTuple):
    """An arm less its base: points of mIoU, half the width of its intervals, whether it is clear (`evidence.sign`), p (`evidence.p`), the
    difference that chance alone exceeds half of the time, and the runs of both, by the name of the first."""

    arm: str
    difference: float
    half: float
    clear: bool
    p: float
    null: float
    runs: dict[str, list[Record]]


def _change(groups: Groups, experiment: str, arm: str) -> Change:
    base = compared_with(experiment, arm)
    difference, low, high = row = read.widest(groups, arm, base)
    null = scores.null_difference(*(read.values(groups[one], "miou") for one in (arm, base)))
    runs = {groups[one][0].name: groups[one] for one in (arm, base)}
    return Change(arm, difference, (high - low) / 2, read.side(groups, arm, base, row) != 0, read.p(groups, arm, base), null, runs)


def totals(evidence: Evidence, dataset: str) -> Iterator[tuple[str, str]]:
    """(key, text) of the changes of each of KINDS on one data set, changes/<dataset>/<kind>/<key>: see `_summary`."""
    for kind, experiments in KINDS.items():
        found = [(what, arm) for what in experiments for arm in evidence.of(dataset, what) if arm not in MODEL_CHANGES]
        rows = [_change(evidence.of(dataset, what), what, arm) for what, arm in found if differs(evidence, [dataset], what, arm)]
        yield from ((f"changes/{dataset}/{kind}/{key}", text) for key, text in (_summary(rows) if rows else ()))


def _summary(rows: list[Change]) -> Iterator[tuple[str, str]]:
    """total; clear (both intervals exclude zero); holm: how many of them stay so when all are judged together; lowest, highest: the
    range of the differences; smallest-p: of one comparison alone; of the largest that is clear, else of the largest: largest/arm,
    largest/points; detectable: half the median width of their intervals; median: of the differences' sizes; null: what that would be
    expected to be if no change did anything; seed-sd: median standard deviation over seeds of the arms that are compared, a base
    once, whatever it is compared with."""
    differences = np.array([row.difference for row in rows])
    clear = np.array([row.clear for row in rows])
    counts = {"clear": clear.sum(), "holm": (clear & scores.holm([row.p for row in rows])).sum()}
    yield from (("total", str(len(rows))), *((key, str(count) if count else "none") for key, count in counts.items()))
    yield from (("lowest", signed(differences.min())), ("highest", signed(differences.max())))
    yield from (("detectable", f"{np.median([row.half for row in rows]):.1f}"), ("median", f"{np.median(abs(differences)):.1f}"))
    if finite := [row.p for row in rows if np.isfinite(row.p)]:
        yield "smallest-p", f"{min(finite):.3f}"
    if nulls := [row.null for row in rows if np.isfinite(row.null)]:
        yield "null", f"{np.median(nulls):.1f}"
    compared = {run: found for row in rows for run, found in row.runs.items()}
    if spreads := [read.values(found, "miou").std(ddof=1) for found in compared.values() if len(found) > 1]:
        yield "seed-sd", f"{np.median(spreads):.1f}"
    largest = max(rows, key=lambda row: (row.clear, abs(row.difference), row.difference, row.arm))
    yield from (("largest/arm", name(largest.arm)), ("largest/points", signed(largest.difference)))


def changes(evidence: Evidence) -> dict[str, list[tuple[str, dict[str, tuple[float, float, float]]]]]:
    """{title of a factor: [(arm in words, {data set: (difference to its base in points, low, high)})]}, as `content.ablations` has them."""
    found = {}
    for (experiment, base), title in FACTORS.items():
        rows = []
        for arm in of_factor(evidence, evidence.datasets(), experiment, base):
            groups = {dataset: evidence.of(dataset, experiment) for dataset in evidence.datasets()}
            other = compared_with(experiment, arm)
            sets = [dataset for dataset, arms in groups.items() if differs(evidence, [dataset], experiment, arm)]
            if sets:
                rows.append((name(arm), {dataset: read.widest(groups[dataset], arm, other) for dataset in sets}))
        if rows:
            found[title] = rows
    return found
