"""Words and numbers that a sentence of the report needs and that follow from the records: lists, extremes, what was tried."""

import math
from collections.abc import Iterator, Sequence

from seglib.tables import cards, factors, readings
from seglib.tables import evidence as read
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.layout import escape, signed
from seglib.tables.names import INHERITED, name

DATA = ("transforms", "annotation", "data", "void", "optimisers")  # the experiments of the section on data and training


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def of_report(evidence: Evidence) -> dict[str, str]:
    """section/data, where one of the experiments on data has a record; classes/<dataset>/thin, uncommon and rare: their names, and
    by-frequency/frequent, uncommon and rare, most frequent first, with their share of the test pixels; changes/...:
    see `factors.totals`; architectures/same-order, where the families rank alike on all data sets."""
    found = {"section/data": "yes"} if any(evidence.of(place, what) for place in evidence.datasets() for what in DATA) else {}
    for dataset in evidence.datasets():
        scored = (arms for experiment in ("architectures", "losses", read.SINGLE) for arms in evidence.of(dataset, experiment).values())
        for record in next(scored, ())[:1]:  # all are scored on the same pictures
            found |= {f"classes/{dataset}/{kind}": listed(names) for kind, names in readings.kinds(record).items()}
            for kind, (names, share) in readings.by_frequency(record).items():
                key = f"classes/{dataset}/by-frequency/{kind}"
                found |= {key: listed(names) or "none", f"{key}/share": f"{share:.1f}"}
        found |= {key: escape(text) for key, text in factors.totals(evidence, dataset)}
    orders = {_order(evidence.of(dataset, "architectures")) for dataset in evidence.datasets()}
    found["architectures/same-order"] = "yes" if len(evidence.datasets()) > 1 and len(orders) == 1 and min(orders) else ""
    return {key: text for key, text in found.items() if text}


def _order(groups: Groups) -> tuple[str, ...]:
    """The families by mean mIoU, the best first."""
    means = {arm: float(read.values(found, "miou").mean()) for arm, found in groups.items() if arm in cards.MODELS}
    return tuple(sorted(means, key=lambda arm: -means[arm]))


def of_experiment(evidence: Evidence, dataset: str, experiment: str) -> Iterator[tuple[str, str]]:
    """(key, text) of a whole experiment: <loss>-minus-cross_entropy/gain-...;
    below-forest; sizes; fractions; what pretraining is worth; moved: the families whose longer runs have a higher rate."""
    groups = evidence.of(dataset, experiment)
    if experiment in ("losses", "losses-longer") and "cross_entropy" in groups:
        for loss in groups.keys() - {"cross_entropy"}:
            yield from ((f"{loss}-minus-cross_entropy/{key}", escape(text)) for key, text in _gains(groups, loss))
    if experiment == "losses" and "cross_entropy" in groups:
        yield from _at_another_rate(groups, evidence.sweeps.get((dataset, experiment), {}).get("cross_entropy", []))
    if experiment == "architectures":
        yield from _forest(evidence, dataset, groups)
    if experiment == "transforms":
        yield from _sizes(groups)
    if experiment == "data":
        yield from _fractions(groups)
    if experiment == "pretraining":
        yield from _taught(groups)
    if experiment == "longer":
        if moved := [name(arm) for arm in cards.MODELS if arm + INHERITED in groups]:
            yield "moved", listed(moved)
        yield from _gained(groups, evidence.of(dataset, "architectures"))


def _gains(groups: Groups, loss: str) -> Iterator[tuple[str, str]]:
    return readings.gains(groups[loss], groups["cross_entropy"])


def _at_another_rate(groups: Groups, swept) -> Iterator[tuple[str, str]]:
    """What Dice gains on cross-entropy at the next best rate of its full runs with several seeds: points, lr, sign."""
    base, found = groups["cross_entropy"][0].config, {}
    for record in swept:
        if record.config["images"] == base["images"] and record.config["lr"] != base["lr"] and "test" in record.scores:
            found.setdefault(record.config["lr"], []).append(record)
    found = {lr: records for lr, records in found.items() if len(records) > 1}
    if found and "dice" in groups:
        lr = max(found, key=lambda lr: sum(record.val_miou for record in found[lr]) / len(found[lr]))
        pair = {"dice": groups["dice"], "other": found[lr]}
        values = (("points", f"{_gain(*pair.values()):.1f}"), ("lr", f"{lr:g}"), ("sign", str(read.sign(pair, "dice", "other"))))
        yield from ((f"dice-minus-cross_entropy/other-rate/{key}", text) for key, text in values)


def _forest(evidence: Evidence, dataset: str, groups: Groups) -> Iterator[tuple[str, str]]:
    """Which of the families do not pass the forest that sees a pixel's colour and row, and by how much the first passes it."""
    forest = evidence.measures.get(f"baselines-{dataset}", {}).get("data", {}).get("forest")
    if forest is None:
        return
    means = {arm: float(read.values(found, "miou").mean()) for arm, found in groups.items() if arm in cards.MODELS}
    for key, inside in (
        ("below-forest", [arm for arm in means if means[arm] <= forest]),
        ("near-forest", [arm for arm in means if 0 < means[arm] - forest < 2]),
    ):
        if inside:
            yield key, escape(listed([name(arm) for arm in inside]))
            if len(inside) == 1:
                yield f"{key.removesuffix('-forest')}-one", "yes"
    yield "forest-lead", f"{max(means.values()) - forest:.1f}"


def _sizes(groups: Groups) -> Iterator[tuple[str, str]]:
    """Scores by training size, the smallest picture first, in words; the largest difference among them."""
    sizes = {tuple(map(int, arm[5:].split("x"))): read.values(found, "miou").mean() for arm, found in groups.items() if arm[:5] == "size-"}
    if len(sizes) > 1:
        parts = [
            f"{value:.1f} at {size[0]}×{size[1]}" for size, value in sorted(sizes.items(), key=lambda item: (math.prod(item[0]), item[0]))
        ]
        yield "sizes", escape(listed(parts))


def _fractions(groups: Groups) -> Iterator[tuple[str, str]]:
    """For each model, what share of its full score a tenth of the pictures gives, per cent."""
    for model in ("unet", "vit"):
        if f"{model}-10" in groups and f"{model}-100" in groups:
            tenth, whole = (float(read.values(groups[f"{model}-{share}"], "miou").mean()) for share in (10, 100))
            yield f"{model}-kept", f"{100 * tenth / whole:.0f}"


def _gain(found, base) -> float:
    """Mean mIoU over the seeds of one arm less that of another, points."""
    return float(read.values(found, "miou").mean() - read.values(base, "miou").mean())


def _taught(groups: Groups) -> Iterator[tuple[str, str]]:
    """What an encoder from streets is worth to the families: mean gain in points, the largest (arm, points), and the families for which
    it is clear (clear, clear/count, families)."""
    models = [arm.removesuffix("-pretrained") for arm in groups if arm.endswith("-pretrained")]
    gains = {model: _gain(groups[f"{model}-pretrained"], groups[f"{model}-random"]) for model in models if f"{model}-random" in groups}
    if not gains:
        return
    most = max(gains, key=gains.get)
    yield from (("gain", signed(sum(gains.values()) / len(gains))), ("largest/arm", name(most)), ("largest/points", signed(gains[most])))
    clear = [model for model in gains if read.sign(groups, f"{model}-pretrained", f"{model}-random") > 0]
    yield from (("clear", listed([name(model) for model in clear]) or "none"), ("clear/count", str(len(clear))))
    yield "families", str(len(gains))


def _gained(groups: Groups, short: Groups) -> Iterator[tuple[str, str]]:
    """Which family gains most and which least on its short runs; the families with fewer than three seeds."""
    families = [arm for arm in groups if arm in cards.MODELS and arm in short]
    gains = {arm: _gain(groups[arm], short[arm]) for arm in families}
    if len(gains) > 1:
        yield from (("gains-most", name(max(gains, key=gains.get))), ("gains-least", name(min(gains, key=gains.get))))
    if few := [name(arm) for arm in families if len(groups[arm]) < 3]:
        yield "few-seeds", listed(few)
