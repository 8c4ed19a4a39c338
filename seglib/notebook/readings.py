"""What a notebook says of records: means over seeds, intervals, paired differences, each in words."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from seglib import plots, records, scores
from seglib.tables import evidence


def last(record: records.Record, key: str) -> float:
    """The last measured value of a history key; NaN where it was never measured."""
    return next((row[key] for row in reversed(record.history) if row.get(key) is not None), float("nan"))


def pooled(found: Iterable[records.Record], split: str = "test") -> records.Scores:
    """The counts of several seeds of one arm added up, image by image: one Scores for a confusion matrix of them all."""
    return scores.pool(record.scores[split] for record in found)


def spread(found: Iterable[records.Record], split: str = "test", score: Callable = scores.mean_iou) -> str:
    """A score of the confusion matrix over the seeds, in words: "41.2 % (sd 0.6 over 3 seeds)"."""
    values = [100 * score(record.scores[split].matrix) for record in found]
    if len(values) == 1:
        return f"{values[0]:.1f} % (one seed)"
    return f"{np.mean(values):.1f} % (sd {np.std(values, ddof=1):.1f} over {len(values)} seeds)"


def recipe(groups: dict[str, list[records.Record]]) -> str:
    """What all runs of some arms share, in one line: "U-Net of width 8, 96 x 192, 1,200 images shown (240 different ones), AdamW,
    one-cycle, rate 0.1, with flips". What they differ in is left out, for that is what is compared; "" without runs."""
    configs = [record.config for record in flat(groups)]
    shared = {key: value for key, value in (configs[0] if configs else {}).items() if all(one.get(key) == value for one in configs)}
    parts = []
    if shared.get("model"):
        width = f" of width {shared['width']}" if shared.get("width") else ""
        parts.append(plots.MODEL_NAMES.get(shared["model"], shared["model"]) + width)
    if shared.get("size"):
        parts.append(f"{shared['size'][0]} x {shared['size'][1]}")
    if shared.get("images"):
        limit = shared.get("train_limit")
        different = f" ({limit} different ones)" if limit and limit < shared["images"] and shared.get("fraction", 1) == 1 else ""
        parts.append(f"{shared['images']:,} images shown{different}")
    words = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "adamax": "Adamax", "onecycle": "one-cycle"}
    parts += [words.get(shared[key], f"{shared[key]} rate") for key in ("optimiser", "schedule") if shared.get(key)]
    parts += [f"rate {shared['lr']:g}"] if shared.get("lr") else []
    parts += ["with flips" if shared["flip"] else "without flips"] if "flip" in shared else []
    return f"*All runs here: {', '.join(parts)}.*" if parts else ""


def overconfidence(found: Iterable[records.Record]) -> float:
    """Mean confidence less accuracy on the test pixels of all seeds, in [-1, 1]: positive is too sure."""
    pixels, confidence, correct = pooled(found).calibration.sum(axis=0)
    return float((confidence - correct) / pixels)


def strays(found: Sequence[records.Record], name: str, margin: float = 0.025) -> str:
    """The seeds that end far below the others, in a sentence: their mean stands for neither.

    Far is a gap in test mIoU of more than `margin` and at least twice the spread on either side of it; "" where there is none, or with
    fewer than three seeds.
    """
    values = np.sort([scores.mean_iou(test.matrix) for test in on_test(found)])
    cut = int(np.diff(values).argmax()) + 1 if len(values) > 2 else 0
    parts = values[:cut], values[cut:]
    if not cut or values[cut] - values[cut - 1] <= max(margin, *(2 * (part[-1] - part[0]) for part in parts)):
        return ""
    low, rest = (" to ".join(dict.fromkeys(f"{100 * end:.1f}" for end in (part[0], part[-1]))) for part in parts)
    return f"{cut} of {len(values)} runs of {name} stayed behind ({low} %, the rest {rest} %): their mean stands for neither."


def seeds(found: Sequence) -> str:
    return "1 seed" if len(found) == 1 else f"{len(found)} seeds"


def on_test(found: Iterable[records.Record]) -> list[records.Scores]:
    """The test counts of each seed: what the intervals of `scores` are made of."""
    return [record.scores["test"] for record in found]


def mean(found: Iterable[records.Record], score: Callable = lambda test: scores.mean_iou(test.matrix)):
    """score(test Scores), mean over the seeds: mIoU unless told. Works class by class, too; NaN where a seed has none."""
    return np.mean([score(test) for test in on_test(found)], axis=0)


def class_iou(found: Iterable[records.Record]) -> np.ndarray:
    """(K,) IoU of every class on test, mean over the seeds; NaN where no seed has one."""
    return scores.over_seeds([scores.iou(test.matrix) for test in on_test(found)])


def differences(arms: dict[str, list[records.Record]], base: str) -> dict[str, tuple]:
    """{arm: (difference of mean mIoU to `base`, low, high, p)} for every other arm, every seed of either counted.

    low to high spans both 95 % intervals of the report: a paired bootstrap over the same images and, of several seeds, Welch's t over
    the seeds. p is of the bootstrap.
    """
    return {name: _difference(arms, name, base) for name in arms if name != base}


def _difference(arms: dict[str, list[records.Record]], name: str, base: str) -> tuple[float, float, float, float]:
    difference, low, high, p = scores.paired_bootstrap(on_test(arms[name]), on_test(arms[base]))
    lower, upper = evidence.over_seeds(arms, name, base)
    return difference, float(np.fmin(low, lower / 100)), float(np.fmax(high, upper / 100)), p


def points(difference: float) -> str:
    """A difference of scores in [-1, 1], in points of %, with its sign: "+2.1"; below 0.05 with two decimals, never "-0.0"."""
    digits = 1 if abs(100 * difference) >= 0.05 else 2
    value = round(100 * difference, digits) + 0.0
    return f"{value:+.{digits if value else 1}f}"


def sentence(name: str, base: str, difference: float, low: float, high: float, *_, single: bool = False) -> str:
    """What a paired difference allows to be said, whichever way it came out. single: an arm has one seed."""
    alone = ", over images only: one seed" * single
    name = name[0].upper() + name[1:]
    if low <= 0 <= high:
        interval = f"95 % interval {points(low)} to {points(high)}{alone}"
        return f"{name} and {base} cannot be told apart ({points(difference)} points, {interval})."
    ends = (points(end)[1:] for end in ((low, high) if difference > 0 else (high, low)))  # the word says which way
    interval = f"95 % interval {' to '.join(ends)}{alone}"
    return f"{name} is {100 * abs(difference):.1f} points {'above' if difference > 0 else 'below'} {base} ({interval})."


def pick(arms: dict[str, list], *names: str) -> dict[str, list]:
    """The arms of these names that there are, in this order: published records come in the order of the alphabet."""
    return {name: arms[name] for name in names if name in arms}


def scored(arms: dict[str, list[records.Record]]) -> dict[str, records.Scores]:
    """{arm: counts of its seeds added up}."""
    return {name: pooled(found) for name, found in arms.items()}


def range_of(found: Iterable[records.Record], score: Callable, split: str = "test") -> tuple[float, float, float]:
    """Mean, lowest and highest seed of score(Scores): what `plots.bars` and `plots.per_class` draw. Works class by class, too."""
    values = np.array([score(record.scores[split]) for record in found], float)
    return values.mean(axis=0), values.min(axis=0), values.max(axis=0)


def ranking(arms: dict[str, list[records.Record]], names: dict[str, str] | None = None) -> str:
    """The arms by test mIoU, best first, in one sentence."""
    if not arms:
        return "Nothing to read yet."
    order = sorted(arms, key=lambda name: -mean(arms[name]))
    return "Test mIoU, best first: " + "; ".join(f"{(names or {}).get(name, name)} {spread(arms[name])}" for name in order) + "."


def leads(arms: dict[str, list[records.Record]], names: dict[str, str] | None = None) -> str:
    """Who leads, and from whom that cannot be told apart: "FCN-8s leads with 35.3 % (...), not told apart from U-Net"."""
    ahead = max(arms, key=lambda name: mean(arms[name]))
    same = [(names or {}).get(name, name) for name, row in differences(arms, ahead).items() if row[1] <= 0 <= row[2]]
    apart = f"not told apart from {' and '.join(same)}" if same else "told apart from all others"
    return f"{(names or {}).get(ahead, ahead)} leads with {spread(arms[ahead])}, {apart}"


def against(arms: dict[str, list[records.Record]], base: str, names: dict[str, str] | None = None) -> str:
    """One sentence per arm: its paired difference to `base`."""
    single = {(names or {}).get(name, name) for name in arms if 1 in (len(arms[name]), len(arms.get(base, ())))}
    return " ".join(sentence(name, (names or {}).get(base, base), *row, single=name in single) for name, *row in forest(arms, base, names))


def summary(arms: dict[str, list[records.Record]], base: str, names: dict[str, str] | None = None) -> str:
    """The same of many arms in one sentence: which can be told apart from `base`, and of the others the clearest difference."""
    rows = forest(arms, base, names)
    none = {2: "Neither"}.get(len(rows), f"None of the {len(rows)}")
    if len(rows) < 2:
        return against(arms, base, names)
    shown = {name: f"{name}, {points(difference)} ({points(low)} to {points(high)})" for name, difference, low, high in rows}
    clear = [shown[name] for name, _, low, high in rows if not low <= 0 <= high]
    open_rows = [row for row in rows if row[2] <= 0 <= row[3]]
    base = (names or {}).get(base, base)
    if not open_rows:
        return f"All {len(rows)} can be told apart from {base}: {'; '.join(clear)}."
    nearest = shown[min(open_rows, key=lambda row: min(-row[2], row[3]) / (row[3] - row[2] or 1))[0]]
    if not clear:
        return f"{none} can be told apart from {base}; the clearest difference: {nearest}."
    rest = f"the {len(open_rows)} others are not, the clearest of them: {nearest}" if len(open_rows) > 1 else f"not told apart: {nearest}"
    return f"Told apart from {base}: {'; '.join(clear)}; {rest}."


def last_tried(candidates: dict[str, list[records.Record]], arms: dict[str, list[records.Record]]) -> dict[str, str]:
    """{arm: "largest" or "smallest"} where the rate of an arm is the last one tried on that side, so that a further one may be better."""
    tried = {name: sorted({record.config["lr"] for record in found}) for name, found in candidates.items() if name in arms}
    ends = {name: {rates[-1]: "largest", rates[0]: "smallest"}.get(arms[name][0].config["lr"]) for name, rates in tried.items()}
    return {name: end for name, end in ends.items() if end and len(tried[name]) > 1}


def kinds(share: np.ndarray) -> dict[str, np.ndarray]:
    """(K,) bool each: the rare, the uncommon and the common classes, by their (K,) share of the pixels."""
    return {"below 1 %": (share > 0) & (share < 0.01), "of 1 to 5 %": (share >= 0.01) & (share < 0.05), "above 5 %": share >= 0.05}


def by_share(gain: np.ndarray, share: np.ndarray) -> dict[str, float]:
    """Mean of (K,) gains over the classes of each kind."""
    return {kind: float(np.nanmean(gain[chosen])) for kind, chosen in kinds(share).items() if np.isfinite(gain[chosen]).any()}


def forest(arms: dict[str, list[records.Record]], base: str, names: dict[str, str] | None = None) -> list[tuple]:
    """Rows for `plots.forest`: (arm, difference to `base`, low, high)."""
    rows = differences(arms, base) if base in arms else {}
    return [((names or {}).get(name, name), *row[:3]) for name, row in rows.items()]


def swept(candidates: dict[str, list[records.Record]], names: dict[str, str]) -> dict[str, dict[str, dict[float, list[float]]]]:
    """The runs that chose the learning rates, for `plots.panels`: {"short runs" or "full runs": {arm in words: {rate: val mIoU of the
    seeds}}}. A diverged candidate is left out."""
    found = {"short runs": {}, "full runs": {}}
    for arm, runs in candidates.items():
        fewest = min(record.config["images"] or 0 for record in runs)
        for record in runs:
            rates = found["full runs" if (record.config["images"] or 0) > fewest else "short runs"].setdefault(names.get(arm, arm), {})
            if np.isfinite(value := last(record, "val_miou")):
                rates.setdefault(record.config["lr"], []).append(value)
    return {kind: arms for kind, arms in found.items() if arms}


def ceilings(page, size: Sequence[int]) -> dict[int, float]:
    """{stride: mIoU in %} of the truth decided on the grid that a map of this stride has at training size (h, w); stride 1 is one answer
    per pixel of the network's input. What was not measured is left out."""
    grids = [page.measured(f"{name}-{page.dataset}", None).get("grids", {}) for name in ("grids", "baselines")]
    keys = {stride: f"{size[0] // stride}x{size[1] // stride}" for stride in (1, 4, 8, 16)}
    return {stride: (grids[0] | grids[1])[key] for stride, key in keys.items() if key in grids[0] | grids[1]}


def flat(*groups: dict[str, list[records.Record]]) -> list[records.Record]:
    """All records of some groups: what a figure names as its sources."""
    return [record for group in groups for found in group.values() for record in found]


def verdict(arms: dict[str, list[records.Record]], name: str, base: str, sign: int) -> str:
    """What the records say of the claim that arm `name` is above (sign +1) or below (-1) arm `base`.

    Open without either arm, while an arm has fewer than three seeds, and where an interval, over images or over seeds, holds 0. What all
    data sets together say is the verdict of `tables.claims`.
    """
    if not (arms.get(name) and arms.get(base)):
        return "open: not measured"
    difference, low, high, _ = differences(arms, base)[name]
    shown = f"{points(difference)} points, 95 % {points(low)} to {points(high)}"
    fewest = min(len(arms[name]), len(arms[base]))
    if fewest < 3:
        return f"open: {shown}, but only {seeds(range(fewest))} an arm"
    if low <= 0 <= high:
        return f"open: {shown}"
    return f"{'supports it' if sign * difference > 0 else 'contradicts it'}: {shown}"
