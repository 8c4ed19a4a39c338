"""Every claim of the original that can be tested, and a verdict by rule from the records: confirmed, refuted, not supported or open.

On each data set a rule gives +1 (the records support the claim), -1 (they contradict it) or 0 (they cannot tell): a difference counts
where both its 95 % intervals, over pictures and over seeds, exclude zero. Confirmed: +1 on every data set. Refuted: -1 on at least one and
+1 on none; only "not supported" where a learning rate of that comparison was the last one tried, so that the order may yet change, or
where the original began from pretrained weights and our runs did not. Open: all else, and every comparison with fewer than three seeds
an arm, however large its difference."""

import math
from typing import NamedTuple

import numpy as np

from seglib import scores
from seglib.labels import DATASET_NAMES
from seglib.tables import evidence as read
from seglib.tables import readings
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.factors import compared_with, differs, families
from seglib.tables.layout import signed
from seglib.tables.names import name

SEEDS = 3  # fewer than this settle nothing
SAME = 1.0  # points of mIoU within which two results are "almost identical"
Answer = tuple[int, str]  # (+1, 0 or -1; the number in words)
LONGER = {"architectures": "longer", "losses": "losses-longer"}  # the longer runs of an experiment's arms, under the same names
NONE: Answer = (0, "")
MISSING = "not tested"


class Claim(NamedTuple):
    """words: of the original; section: where they stand; experiment: what tests them; answers {data set, "" for none: in words}."""

    id: str
    words: str
    section: str
    experiment: str
    verdict: str
    number: str
    answers: dict[str, str]


def claims(evidence: Evidence) -> list[Claim]:
    """All claims with their verdicts, in the original's order."""
    found = []
    for key, words, section, experiment, rule in CLAIMS:
        answers = {dataset: rule(evidence, dataset) for dataset in _datasets(evidence, experiment)}
        number = "; ".join(f"{DATASET_NAMES[dataset]}: {text}" if dataset else text for dataset, (_, text) in answers.items() if text)
        verdict = _verdict([sign for sign, _ in answers.values()])
        against = [place for place, (sign, _) in answers.items() if sign < 0]
        edge = any(_at_the_edge(evidence, place, experiment, _judged(evidence.of(place, experiment), key)) for place in against)
        if verdict == "refuted" and (key in PRETRAINED or edge):
            verdict = "not supported"
        number += _one_seed([_judged(evidence.of(place, experiment), key) for place in answers]) if number and verdict == "open" else ""
        told = {place: text for place, (_, text) in answers.items()}
        found.append(Claim(key, words, section, experiment, verdict, number or MISSING, told))
    return found


def _judged(groups: Groups, key: str) -> Groups:
    """The arms that a claim is about: those of ARMS, else all but the controls."""
    return {arm: found for arm, found in groups.items() if arm in ARMS[key]} if key in ARMS else families(groups)


def _one_seed(judged: list[Groups]) -> str:
    """Why a claim with a number is open, where the reason is a single seed."""
    fewest = [min(map(len, groups.values())) for groups in judged if groups]
    return " (one seed)" if fewest and max(fewest) == 1 else ""


def _at_the_edge(evidence: Evidence, dataset: str, experiment: str, judged: Groups) -> bool:
    """Whether the chosen learning rate of one of these arms, or of its longer runs, is the smallest or largest that was tried."""
    runs = [(experiment, judged), (LONGER.get(experiment), evidence.of(dataset, LONGER.get(experiment, "")))]
    chosen = [(what, {arm: found[0].config["lr"] for arm, found in groups.items() if arm in judged}) for what, groups in runs]
    return any(readings.at_the_edge(evidence.sweeps.get((dataset, what), {}), rates) for what, rates in chosen)


def _datasets(evidence: Evidence, experiment: str) -> list[str]:
    return [""] if experiment == "cost" else [place for place in evidence.datasets() if evidence.of(place, experiment)]


def _verdict(signs: list[int]) -> str:
    if signs and all(sign > 0 for sign in signs):
        return "confirmed"
    if any(sign < 0 for sign in signs) and not any(sign > 0 for sign in signs):
        return "refuted"
    return "open"


def _difference(groups, a: str, b: str) -> tuple[int, float, float, float]:
    """(sign, difference, low, high) of arm a less arm b in points, as `read.widest`; sign 0 while an arm has fewer than three seeds."""
    row = read.widest(groups, a, b)
    return read.side(groups, a, b, row, SEEDS), *row


def _marked(row: tuple[int, float, float, float]) -> str:
    """A difference in points, with * where it is clear."""
    return signed(row[1]) + "*" * bool(row[0])


def _bracket(row: tuple[int, float, float, float]) -> str:
    return f" [{signed(row[2])}, {signed(row[3])}]"


def _compared(groups: Groups, arm: str, others: tuple[str, ...]) -> Answer:
    """+1 where `arm` beats every other, -1 where one beats it."""
    rivals = [other for other in others if other in groups]
    if arm not in groups or not rivals:
        return NONE
    rows = {other: _difference(groups, arm, other) for other in rivals}
    sign = -1 if any(row[0] < 0 for row in rows.values()) else int(all(row[0] > 0 for row in rows.values()))
    parts = [f"{_marked(row)}{_bracket(row) if len(rows) == 1 else ''} to {name(other)}" for other, row in rows.items()]
    return sign, ", ".join(parts)


def _longest(evidence: Evidence, dataset: str, arms: tuple[str, ...], usual: str = "architectures") -> tuple[Groups, str]:
    """What a network is able to do, or a loss, the longest runs tell, where all these arms have all seeds: (groups, words that say so)."""
    longer = evidence.of(dataset, LONGER[usual])
    if min(len(longer.get(arm, ())) for arm in arms) >= SEEDS:
        return longer, " (longer)"
    return evidence.of(dataset, usual), ""


def _skips(evidence: Evidence, dataset: str) -> Answer:
    """U-Net above itself without skips: the small one of the longer runs, where all its seeds are there, else the family."""
    longer, groups, words = evidence.of(dataset, "factors-longer"), evidence.of(dataset, "architectures"), ""
    if min(len(longer.get(arm, ())) for arm in ("flip", "no-skips")) >= SEEDS:
        groups, words = {"unet": longer["flip"], "unet-no-skips": longer["no-skips"]}, " (longer)"
    sign, text = _compared(groups, "unet", ("unet-no-skips",))
    return sign, text + words * bool(text)


def _fine(evidence: Evidence, dataset: str) -> Answer:
    return _compared(evidence.of(dataset, "annotation"), "fine", ("coarse",))


def _entropy(evidence: Evidence, dataset: str) -> Answer:
    """Cross-entropy above the overlap losses in the longest runs that it shares with Dice; contradicted where one is clearly above it."""
    groups, words = _longest(evidence, dataset, ("cross_entropy", "dice"), "losses")
    sign, text = _compared(groups, "cross_entropy", ARMS["loss"][1:])
    return sign, text + words * bool(text)


def _swin(evidence: Evidence, dataset: str) -> Answer:
    """Swin above every other family in its longest runs; contradicted where one is clearly above it."""
    groups, words = _longest(evidence, dataset, ("swin", *_MODELS))
    sign, text = _compared(groups, "swin", _MODELS)
    return sign, text + words * bool(text)


def _size(evidence: Evidence, dataset: str) -> Answer:
    """Photographs at their own size against as small a share as the original's; elsewhere the largest training size against the usual."""
    whole = evidence.of(dataset, "fullsize")
    groups = whole or evidence.of(dataset, "transforms")
    sizes = sorted((arm for arm in groups if arm.startswith("size-")), key=_pixels)
    base = sizes[0] if whole else "flip"
    if base not in groups or len(sizes) < 2 or groups[sizes[-1]][0].name == groups[base][0].name:
        return NONE
    row = _, _, low, high = _difference(groups, sizes[-1], base)
    enough = min(len(groups[sizes[-1]]), len(groups[base])) >= SEEDS
    sign = 0 if not enough else -1 if low > SAME else int(low > -SAME and high < SAME)
    larger, smaller = (arm[5:].replace("x", "×") for arm in (sizes[-1], base))
    return sign, f"{_marked(row)}{_bracket(row)} at {larger}" + (f", the whole, to {smaller}" if whole else "")


def _pixels(arm: str) -> int:
    return math.prod(map(int, arm[5:].split("x")))


def _augmentation(evidence: Evidence, dataset: str) -> Answer:
    """ "Only worse": every transform below none; one that is clearly better contradicts."""
    groups = evidence.of(dataset, "transforms")
    arms = [arm for arm in ("flip", "flip-append", "crop", "crop-append") if arm in groups]
    if "none" not in groups or not arms:
        return NONE
    rows, longer = {arm: _difference(groups, arm, "none") for arm in arms}, evidence.of(dataset, "factors-longer")
    told = [f"{name(arm)} {_marked(row)}" for arm, row in rows.items()]
    if {"flip", "flip-crop"} <= set(longer):
        told.append(f"crops beside flips {_marked(_difference(longer, 'flip-crop', 'flip'))} (longer)")
    sign = -1 if any(row[0] > 0 for row in rows.values()) else int(all(row[0] < 0 for row in rows.values()))
    return sign, ", ".join(told)


def _rare_classes(evidence: Evidence, dataset: str) -> Answer:
    """Dice against cross-entropy on the rare classes alone, in their longest runs, paired over seeds."""
    groups, words = _longest(evidence, dataset, ("dice", "cross_entropy"), "losses")
    if not {"dice", "cross_entropy"} <= set(groups):
        return NONE
    n = min(len(groups["dice"]), len(groups["cross_entropy"]))
    dice, entropy = (read.values(groups[arm], "rare")[:n] for arm in ("dice", "cross_entropy"))
    difference, low, high = scores.paired_difference(dice, entropy)
    if not np.isfinite(difference):  # no class is rare
        return NONE
    row = (int(low > 0) - int(high < 0) if n >= SEEDS else 0), difference, low, high
    return row[0], f"{_marked(row)}{_bracket(row)} on rare classes{words}"


def _gradient(evidence: Evidence, dataset: str) -> Answer:
    """Cross-entropy's gradient against Dice's in the first epoch. What "depth" means is not said: never settled."""
    groups = evidence.of(dataset, "losses")
    norms = {}
    for arm in ("cross_entropy", "dice"):
        rows = [record.history[0].get("grad_norm") for record in groups.get(arm, []) if record.history]
        if not rows or None in rows:
            return NONE
        norms[arm] = float(np.mean(rows))
    return 0, f"first epoch's gradient {norms['cross_entropy'] / norms['dice']:.0f} times Dice's"


def _small_data(evidence: Evidence, dataset: str) -> Answer:
    """On a tenth of the pictures: U-Net against ViT."""
    groups = evidence.of(dataset, "data")
    if not {"unet-10", "vit-10", "unet-100"} <= set(groups):
        return NONE
    row = _difference(groups, "unet-10", "vit-10")
    longer = evidence.of(dataset, "factors-longer")
    words = f"U-Net on 10 %: {_marked(row)}{_bracket(row)} to ViT, {_kept(groups, 'unet-10', 'unet-100')} of the full score"
    return row[0], words + (f" (longer: {_kept(longer, 'tenth', 'flip')})" if {"tenth", "flip"} <= set(longer) else "")


def _kept(groups: Groups, arm: str, whole: str) -> str:
    """What an arm keeps of another's mIoU, in per cent."""
    return f"{100 * read.values(groups[arm], 'miou').mean() / read.values(groups[whole], 'miou').mean():.0f} %"


def _void(evidence: Evidence, dataset: str) -> Answer:
    """Ignoring void against training it as a class, every model, and the longer runs' U-Net: better for one at least, worse for none."""
    groups, longer = evidence.of(dataset, "void"), evidence.of(dataset, "factors-longer")
    models = [arm[:-7] for arm in groups if arm.endswith("-ignore") and f"{arm[:-7]}-class" in groups]
    rows = {name(model): _difference(groups, f"{model}-ignore", f"{model}-class") for model in models}
    rows |= {"small U-Net, longer,": _difference(longer, "flip", "void")} if {"void", "flip"} <= set(longer) else {}
    better, worse = (any(sign * row[0] > 0 for row in rows.values()) for sign in (1, -1))
    return (better - worse, ", ".join(f"{words} {_marked(row)}" for words, row in rows.items())) if models else NONE


def _above_floor(evidence: Evidence, dataset: str) -> Answer:
    """Baseline and U-Net above prior and forest by the lower end of their intervals; contradicted where one is below the prior."""
    measured, pair = evidence.measures.get(f"baselines-{dataset}", {}), ("fcn_baseline", "unet")
    floor, forest = measured.get("floors", {}).get("prior"), measured.get("data", {}).get("forest")
    groups, which = _longest(evidence, dataset, pair)
    if floor is None or not set(pair) <= set(groups):
        return NONE
    lows = [read.interval(groups[arm])[0] for arm in pair]
    means = [read.values(groups[arm], "miou").mean() for arm in pair]
    sign = 0 if min(len(groups[arm]) for arm in pair) < SEEDS else -1 if min(means) < floor else int(min(lows) > max(floor, forest or 0))
    words = f"{means[0]:.1f} and {means[1]:.1f}{which}, prior {floor:.1f}"
    return sign, words + (f", forest {forest:.1f}" if forest else "")


def _settings_matter(evidence: Evidence, dataset: str) -> Answer:
    """+1 where at least two settings are clearly apart from the default of their kind: of so many one is expected to be by chance."""
    groups = evidence.of(dataset, "optimisers")
    bases = {arm: compared_with("optimisers", arm) for arm in groups if differs(evidence, [dataset], "optimisers", arm)}
    rows = {arm: _difference(groups, arm, base) for arm, base in bases.items()}
    if not rows:
        return NONE
    farthest = max(rows, key=lambda arm: (rows[arm][0] != 0, abs(rows[arm][1])))
    clear = sum(row[0] != 0 for row in rows.values())
    words = f"{clear} of {len(rows)} changes clear; {name(farthest)} {_marked(rows[farthest])} to {name(bases[farthest])}"
    return int(clear > 1), words


def _quadratic(evidence: Evidence, dataset: str) -> Answer:
    """FLOPs at 1024x2048 over those at 768x768: more than the pixels for ViT, as the pixels for Swin."""
    models = evidence.measures.get("models", {}).get("models", {})
    if not {"vit", "swin"} <= set(models):
        return NONE
    growth = {model: models[model]["gflops-full"] / models[model]["gflops"] for model in ("vit", "swin")}
    pixels = 1024 * 2048 / 768**2
    words = f"ViT only: {growth['vit']:.1f} times the FLOPs for {pixels:.1f} times the pixels; Swin V2 {growth['swin']:.1f}"
    return 1 if growth["vit"] > 1.1 * pixels > growth["swin"] else -1, words


SHORT = {  # what a claim is about, in a sentence that counts them
    "fine": "fine annotation", "models-work": "the networks' ability", "settings": "hyper-parameters", "skips": "skips",
    "small-data": "small training sets", "complexity": "ViT's growing cost", "swin": "Swin", "size": "picture size",
    "augmentation": "augmentation", "void": "void", "rare": "rare classes", "loss": "cross-entropy", "reason": "the losses' depth",
}  # fmt: skip
# The arms that a claim is about, where its experiment has others besides the families and their controls.
ARMS = {"loss": ("cross_entropy", "soft_iou", "dice"), "skips": ("unet", "unet-no-skips")}
PRETRAINED = {"swin"}  # claims about a network whose encoder the original took from ImageNet
_MODELS = ("fcn_baseline", "fcn8s", "unet", "vit")
CLAIMS = (
    ("fine", "detailed annotations are particularly valuable for our task", "2", "annotation", _fine),
    ("models-work", "both our models are able to perform semantic segmentation [tested: above floors]", "2", "architectures", _above_floor),
    ("settings", "various hyper-parameters [...] can affect the accuracy [tested: all but the rate]", "2", "optimisers", _settings_matter),
    ("skips", "These connections [the skips] are crucial [tested: they help]", "3", "architectures", _skips),
    ("small-data", "good segmentation results even with small training datasets", "3", "data", _small_data),
    ("complexity", "computational complexity especially when applied on high-resolution images increases rapidly", "3", "cost", _quadratic),
    ("swin", "we found this model [Swin] to perform very well", "3", "architectures", _swin),
    ("size", "almost identical to using the entire size [tested: the whole CamVid copy, streets' largest]", "4.1", "transforms", _size),
    ("augmentation", "adding these transforms only made the results on the validation set worse", "4.1", "transforms", _augmentation),
    ("void", "All pixels (except [...] background) are equally weighted [tested: void ignored beats it as a class]", "4.2", "void", _void),
    ("rare", "Categories that appear less often are weighted higher [tested: Dice gains on them]", "4.2", "losses", _rare_classes),
    ("loss", "Categorical Cross-Entropy provided better results", "4.2", "losses", _entropy),
    ("reason", "likely due to the difference in depth of the loss functions", "4.2", "losses", _gradient),
)  # fmt: skip
