"""What a notebook concludes beyond a difference: floors, what an interval may hide, where a gain comes from, what lasts."""

from collections.abc import Sequence

import numpy as np

from seglib import records, scores
from seglib.notebook import readings
from seglib.tables.claims import SAME
from seglib.tables.wording import listed as joined

Arms = dict[str, list[records.Record]]


def floors(page, dataset: str = "") -> dict[str, float]:
    """mIoU in % of two guesses on a data set, the page's own unless told: "prior" knows only where a pixel is, "forest", a random forest,
    only its colour and row. What was not measured is left out."""
    measured = page.measured(f"baselines-{dataset or page.dataset}", None)
    found = measured.get("floors", {}) | measured.get("data", {})
    return {name: found[name] for name in ("prior", "forest") if name in found}


def under_forest(arms: Arms, floor: float | None, names: dict[str, str] | None = None, *, factor: bool = False) -> str:
    """Which arms score below the forest, in a sentence; "" where it was not measured. factor: the arms differ in what is asked about."""
    if floor is None or not arms:
        return ""
    low = [(names or {}).get(name, name) for name in arms if 100 * readings.mean(arms[name]) < floor]
    guess = f"A random forest that sees only a pixel's colour and row scores {floor:.1f} %"
    if not low:
        return f"{guess}: all arms are above it."
    if len(low) < len(arms):
        return f"{guess}: {joined(low)} {'stays' if len(low) == 1 else 'stay'} below it."
    little = ", so these networks have learnt too little to say much about the factor" * factor
    return f"{guess}: all {len(arms)} arms stay below it{little}."


def unseen(arms: Arms, base: str, names: dict[str, str] | None = None) -> str:
    """How large a difference to `base` these runs could have missed: half of each interval that holds 0, in a sentence."""
    halves = {name: 50 * (high - low) for name, _, low, high in readings.forest(arms, base, names) if low <= 0 <= high}
    if not halves:
        return ""
    if len(halves) == 1:
        return f"A difference of less than {next(iter(halves.values())):.1f} points, half that interval, could not have shown."
    each = joined([f"{name} {half:.1f}" for name, half in halves.items()])
    return f"What could not have shown are differences of less than half an interval: {each} points."


def from_kinds(gain: np.ndarray, share: np.ndarray) -> dict[str, float]:
    """What the rare, the uncommon and the common classes bring of a difference in mIoU: its (K,) gains summed by kind over all classes."""
    known = np.isfinite(gain)
    parts = {kind: known & chosen for kind, chosen in readings.kinds(share).items()}
    return {kind: float(gain[part].sum() / known.sum()) for kind, part in parts.items() if part.any()}


def steady(each: np.ndarray, sign: int, least: float = 0.0) -> np.ndarray:
    """Classes whose gain has this sign in every seed and is larger than `least` on average; each (seeds, K) -> (n,) indices."""
    each = sign * np.asarray(each, float)
    return np.flatnonzero((each > 0).all(axis=0) & (each.mean(axis=0) > least))


def apart_by_seeds(a: Sequence[records.Record], b: Sequence[records.Record]) -> int:
    """+1 where every seed of a scores above every seed of b, -1 the other way round, 0 where their bands overlap."""
    first, second = ([scores.mean_iou(test.matrix) for test in readings.on_test(found)] for found in (a, b))
    return int(min(first) > max(second)) - int(max(first) < min(second))


def gained(what: str, each: np.ndarray, share: np.ndarray, names: Sequence[str]) -> str:
    """Where a change gains and where it pays, in sentences; each: (seeds, K) gains of IoU. A class is named where all seeds agree."""
    gain = np.mean(each, axis=0)
    parts, means = from_kinds(gain, share), readings.by_share(gain, share)
    up, down = ([names[k] for k in steady(each, sign, 0.01)] for sign in (1, -1))
    told = [
        f"{readings.points(part)} by classes {kind} of the pixels ({readings.points(means[kind])} each)" for kind, part in parts.items()
    ]
    ends = f"it gains on {joined(up) or 'no class'}, and pays on {joined(down) or 'no class'}"
    all_of_it = f"**{what}** moves mIoU by {readings.points(sum(parts.values()))} points: {', '.join(told)}."
    return f"{all_of_it} With all seeds of one sign and more than a point on average {ends}."


def promised(each: np.ndarray, share: np.ndarray) -> str:
    """Whether a loss of overlap keeps what it promises: a gain on rare classes, a price on none; each: (seeds, K) gains of IoU."""
    rare, paid = readings.kinds(share)["below 1 %"], steady(each, -1, 0.01).size
    if not rare.any():
        return ""
    every = (np.nanmean(np.asarray(each)[:, rare], axis=1) > 0).all()
    gain = "Rare classes gain in every seed, as promised" if every else "That rare classes gain does not show in every seed"
    return gain + ("; that it pays on none does not hold." if paid else "; a price shows on none.")


def alike(row: tuple, within: float = SAME / 100) -> str:
    """Whether a difference (difference, low, high, ...) lets two results be called almost identical: the rule of `tables.claims`."""
    _, low, high, *_ = row
    if low > within or high < -within:
        return f"not almost identical: more than {100 * within:g} point apart"
    if -within < low and high < within:
        return f"almost identical: within {100 * within:g} point"
    return f"neither almost identical nor surely more than {100 * within:g} point apart"


def _side(row: tuple) -> int:
    """+1 or -1 where a difference (difference, low, high, ...) is clear, 0 where its interval holds 0."""
    _, low, high, *_ = row
    return int(low > 0) - int(high < 0)


def confirmed(first: tuple, second: tuple) -> str:
    """What a second measurement (difference, low, high, ...) on other pictures says of a first one."""
    apart = _side(first), _side(second)
    if not apart[0]:
        return "it stays open" if not apart[1] else "now it is clear"
    if apart[0] != apart[1]:
        return "the sign turns" if apart[1] else "the sign is not confirmed"
    return "sign and size are confirmed" if first[1] <= second[0] <= first[2] else "the sign is confirmed, the size is not"


def prolonged(short: Arms, long: Arms) -> Arms:
    """The arms of `long` that are those of `short` with other numbers of pictures and seeds, the learning rate that suits these, and
    nothing else changed: a profile without longer runs of its own is shown the published ones, which continue none of its short ones."""
    free = {"images", "seed", "lr"}
    settings = {name: found[0].config for name, found in short.items()}  # a setting that the older record did not know is no difference
    return {
        name: found
        for name, found in long.items()
        if name in short and all(settings[name].get(key, value) == value for key, value in found[0].config.items() if key not in free)
    }


def at_both(first: tuple, second: tuple) -> str:
    """Where a difference (difference, low, high, ...) of short runs, then of longer ones, is clear."""
    brief, long = _side(first), _side(second)
    if brief and long:
        return "clear at both lengths" + ", with the sign turned" * (brief != long)
    return f"clear {'after the shorter runs only' if brief else 'after the longer runs only' if long else 'at neither length'}"


def survives(lead: tuple, alike: tuple) -> str:
    """What is left of a lead (difference, low, high, ...) once what differed besides has been made alike: the second difference."""
    before, after = _side(lead), _side(alike)
    if before <= 0:
        return "there is no clear lead to explain" + (
            f", and it is clearly {'ahead' if after > 0 else 'behind'} then" if after not in (0, before) else ""
        )
    return {1: "the lead survives", 0: "the lead is no longer clear", -1: "the lead turns"}[after]


def price(points: dict[str, tuple[float, float]], blind: float) -> tuple[str, str]:
    """What a point of mIoU above a blind guess costs: points {network: (mIoU in %, milliseconds an image)}, blind the guess's mIoU in %
    -> (a sentence on every network, a short one for a conclusion). Networks that do not pass the guess have no price."""
    each = {name: time / (score - blind) for name, (score, time) in points.items() if score > blind}
    if not each:
        none = "No network scores more than the prior, so a point has no price."
        return none, none
    cheap, dear = min(each, key=each.get), max(each, key=each.get)
    every = ", ".join(f"{name} {value:.1f} ms" for name, value in each.items())
    ends = f"; cheapest with {cheap}, dearest with {dear}, {each[dear] / each[cheap]:.0f} times as much" if len(each) > 1 else ""
    plain = {name: points[name][1] / points[name][0] for name in points if points[name][0] > 0}
    naive = min(plain, key=plain.get)
    warned = f" Counted from zero {naive} would be cheapest ({plain[naive]:.2f} ms), with points that the prior gets without looking."
    short = f"A point above the prior is cheapest with {cheap} ({each[cheap]:.1f} ms per image), dearest with {dear} ({each[dear]:.1f} ms)."
    return f"A point above the prior costs in time per image: {every}{ends}.{warned * (naive != cheap)}", short
