"""One factor at a time: which arms of an experiment are compared with which, and what the changes amount to."""

from collections.abc import Iterator, Sequence

import numpy as np

from seglib.tables import evidence as read
from seglib.tables.evidence import Evidence
from seglib.tables.layout import signed
from seglib.tables.names import name

# (experiment, the arm that others are compared with; "" where every model has its own) -> title.
FACTORS = {
    ("transforms", "none"): "Transforms (against none)",
    ("transforms", "flip"): "Training size (against the usual one)",
    ("annotation", "fine"): "Annotation (against fine)",
    ("void", ""): "Void as a class (against ignored)",
    ("data", ""): "Share of train (against all of it)",
    ("optimisers", "adamw"): "Optimisers (against AdamW)",
    ("optimisers", "onecycle"): "Schedules (against one-cycle)",
    ("optimisers", "decay-0.0001"): "Regularisers (against a weight decay of 0.0001)",
    ("architectures", ""): "Controls (against the family itself)",
    ("rates", ""): "Learning rate (next higher one, against the chosen one)",
}
# What is counted together; the controls of the models are in neither of the first two.
KINDS = {"data": ("transforms", "annotation", "void", "data"), "training": ("optimisers",), "void": ("void",), "rates": ("rates",)}
CONTROLS = {"unet-no-skips": "unet", "cnn_j": "swin", "fcn_baseline_bn": "fcn_baseline", "fcn8s-small": "fcn8s"}


def compared_with(experiment: str, arm: str) -> str | None:
    """The arm that `arm` is compared with, None for one that is not compared."""
    if experiment == "annotation":
        return "fine"
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
    """The arms of one factor: the base first, under the name it has in this comparison, then those that differ from it."""
    arms = list(dict.fromkeys(arm for dataset in datasets for arm in evidence.of(dataset, experiment)))
    changed = [arm for arm in arms if differs(evidence, datasets, experiment, arm) and base in ("", compared_with(experiment, arm))]
    same = [arm for arm in arms if base and arm not in changed and compared_with(experiment, arm) == base]
    return same[:1] + changed if changed else []


def totals(evidence: Evidence, dataset: str) -> Iterator[tuple[str, str]]:
    """(key, text) of the changes of data and of training on one data set: changes/<dataset>/<kind>/total; clear (both intervals exclude
    zero: `evidence.sign`); lowest, highest: the range of the differences; of the largest that is clear, else of the largest: largest/arm,
    largest/points; detectable: half the median width of their intervals; median: of the differences' sizes; seed-sd: median standard
    deviation over seeds of the arms that are compared."""
    for kind, experiments in KINDS.items():
        rows, halves, compared = [], [], {}
        for experiment in experiments:
            groups = evidence.of(dataset, experiment)
            for arm in groups:
                if differs(evidence, [dataset], experiment, arm):
                    other = compared_with(experiment, arm)
                    difference, low, high = read.widest(groups, arm, other)
                    rows.append((read.sign(groups, arm, other) != 0, abs(difference), difference, arm))
                    halves.append((high - low) / 2)
                    compared |= {groups[one][0].name: groups[one] for one in (arm, other)}  # a base once, whatever it is compared with
        if rows:
            _, _, difference, arm = max(rows)
            key = f"changes/{dataset}/{kind}"
            clear = sum(row[0] for row in rows)
            lowest, highest = min(row[2] for row in rows), max(row[2] for row in rows)
            yield from ((f"{key}/lowest", signed(lowest)), (f"{key}/highest", signed(highest)))
            yield from ((f"{key}/total", str(len(rows))), (f"{key}/clear", str(clear) if clear else "none"))
            yield from ((f"{key}/detectable", f"{np.median(halves):.1f}"), (f"{key}/median", f"{np.median([row[1] for row in rows]):.1f}"))
            if spreads := [read.values(found, "miou").std(ddof=1) for found in compared.values() if len(found) > 1]:
                yield f"{key}/seed-sd", f"{np.median(spreads):.1f}"
            yield from ((f"{key}/largest/arm", name(arm)), (f"{key}/largest/points", signed(difference)))


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
