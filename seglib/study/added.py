"""Experiments that the first results asked for: longer runs, controls that make the families alike, transfer, size, locked pictures."""

from dataclasses import replace
from typing import NamedTuple

from seglib.study.job import Job
from seglib.study.profiles import FIGURE_6, LADDER, MIXTURE, MODELS
from seglib.study.rates import neighbours, preferred, run_name, settled, steadiest, tuned, two_best, upwards
from seglib.study.scope import Scope
from seglib.tables.names import INHERITED, REJECTED
from seglib.training import TrainConfig

# Controls of the longer families: fine skips left out, first layers swapped, a wider view, batch norm for the baseline, FCN-8s without
# fc6's view and with as many channels there as U-Net has in its deepest stage. Each at the rate of its family, but those in BESIDE;
# nothing else differs.
STEMS = {
    "unet-coarse-skips": ("unet", {"fine_skips": False}),
    "unet-patches": ("unet", {"stem": "patches"}),
    "fcn_baseline-dilated": ("fcn_baseline", {"dilations": (1, 2, 8)}),
    "fcn_baseline_bn": ("fcn_baseline", {"model": "fcn_baseline_bn"}),
    "swin-convolutions": ("swin", {"stem": "convolutions"}),
    "fcn8s-near": ("fcn8s", {"fc6_kernel": 1}),
    "fcn8s-thin": ("fcn8s", {"fc_multiple": 16}),
}
# Controls that lost at the rate of their family, and may have lost by it: the stage at which they are tried at the rates beside it.
BESIDE = {"unet-patches": 103, "unet-coarse-skips": 104, "cnn_j": 105}
# Tried at the rate below the short runs' whatever they choose: of the two leading families of a data set the one that trailed once.
LOWER = {"streets": "unet", "camvid": "fcn8s"}
ALIKE = {"fcn_baseline_bn": "fcn_baseline", "fcn8s-small": "fcn8s"}


def alike(scope: Scope, arm: str) -> tuple[TrainConfig, list[TrainConfig], float | None]:
    """What families differ in besides their architecture, made alike: batch norm in the baseline, too; FCN-8s at half its width, nearly as
    small as U-Net. A sweep of its own where the families have one."""
    config = scope.model(ALIKE[arm])
    config = replace(config, width=max(4, (config.width or 64) // 2)) if arm == "fcn8s-small" else replace(config, model=arm)
    if scope.profile.sweep_architectures:
        return config, *scope.tuned(config, config.model)
    return config, [], scope.model_rate(ALIKE[arm])[1]


def _longer_loss(scope: Scope, loss: str) -> tuple[TrainConfig, list[TrainConfig], float | None]:
    """Settings of a longer run with `loss`, and the sweep that finds its rate at that very length, from the short runs' rate on, with
    seed 0."""
    base = scope.small(loss=loss, images=scope.profile.loss_images)
    short = (settled if loss in FIGURE_6 else tuned)(scope.profile, scope.records, base, loss)[1]
    config = replace(base, images=scope.profile.long_images)
    return config, *neighbours(scope.profile, scope.records, config, short)


def _settled_longer_loss(scope: Scope, loss: str) -> tuple[TrainConfig, list[TrainConfig], float | None]:
    """As `_longer_loss`, then, for the losses of Figure 6, the two best rates with as many seeds as in the short runs."""
    config, sweep, rate = _longer_loss(scope, loss)
    if rate is None or loss not in FIGURE_6 or not scope.profile.settling_seeds:
        return config, sweep, rate
    return config, *two_best(scope.profile, scope.records, config, sweep)


def losses_longer(scope: Scope) -> list[Job]:
    """Figure 6's losses once more, longer, each at a rate of its own: what the short runs say of them may belong to their budget. So does
    the mixture, which the families' longer runs have."""
    found = []
    for loss in (*FIGURE_6, MIXTURE) if scope.profile.long_images else ():
        config, sweep, rate = _settled_longer_loss(scope, loss)
        stage = 99 if loss == MIXTURE else 92
        found += scope.sweep("losses-longer", loss, stage, sweep)
        found += scope.arm("losses-longer", "losses", loss, stage, config, rate)
    return found


def factors_longer(scope: Scope) -> list[Job]:
    """Factors of data and training once more, against the longer run with cross-entropy and at its rate: the short runs' U-Nets hardly
    beat a forest that sees colour and row, and a change may need a network that has learnt. Each at the rate of the run it is compared
    with, which one seed chose."""
    if not scope.profile.long_images:
        return []
    config, _, rate = _longer_loss(scope, "cross_entropy")
    crop = {"crop": config.size, "scale": (1.0, 2.0)}
    arms = {"flip": {}, "flip-crop": crop, "tenth": {"fraction": 0.1}, "no-skips": {"skips": False}, "void": {"void": "class"}}
    arms["constant"] = {"schedule": "constant"}
    if scope.dataset == "camvid":
        del arms["flip-crop"]  # given up for FCN-8s at a higher rate
    found = []
    for arm, settings in arms.items():
        stage = {"flip-crop": 95, "void": 99, "constant": 107}.get(arm, 93)
        found += scope.arm("factors-longer", "factors", arm, stage, replace(config, **settings), rate)
    return found


def _long(scope: Scope, config: TrainConfig, swept: float | None, images: int | None = None) -> tuple[TrainConfig, float | None]:
    """A run with more pictures and the mixture of cross-entropy and Dice, and its rate: the swept one scaled with the batch size."""
    batch = scope.profile.long_batch
    longer = replace(config, loss=MIXTURE, images=images or scope.profile.long_images, batch_size=batch)
    return longer, swept * batch / TrainConfig.batch_size if swept else None


class LongerRates(NamedTuple):
    """What a family's longer runs have for a learning rate, None while a run that decides it is missing."""

    sweep: list[TrainConfig]  # the runs that find it
    short: float | None  # the short runs', scaled with the batch
    best: float | None  # the best on val with seed 0: the first of the ladder from `short` upwards, or down, whose next is no better
    chosen: float | None  # of these two the better on val with all seeds


def _longer_rates(scope: Scope, model: str, plain: TrainConfig, swept: float | None) -> tuple[TrainConfig, LongerRates]:
    """The settings of a family, or of FCN-8s at half its width, with the longer recipe, and the rates it is tried at: upwards from the
    short runs' `swept`; where that one stays the choice, the lowest tried, the one below it, too."""
    config, short = _long(scope, plain, swept)
    if not swept:
        return config, LongerRates([], short, short, short)
    place = LADDER.index(swept)
    below, upper = (
        [replace(config, lr=_long(scope, config, lr)[1], seed=0) for lr in rates]
        for rates in (LADDER[max(0, place - 1) : place], LADDER[place : place + 1 + scope.profile.more_rates])
    )
    sweep, best = upwards(scope.records, upper)
    sweep, chosen = _by_all_seeds(scope, config, sweep, short, best)
    if chosen == short or model == LOWER.get(scope.dataset):
        sweep = below + sweep
    if chosen == short:
        lower = upwards(scope.records, [upper[0], *below])[1]
        if lower != short:
            best = lower
            sweep, chosen = _by_all_seeds(scope, config, sweep, short, best)
    return config, LongerRates(sweep, short, best, chosen)


def _by_all_seeds(
    scope: Scope, config: TrainConfig, sweep: list[TrainConfig], short: float, best: float | None
) -> tuple[list[TrainConfig], float | None]:
    """Whether the rate that was best with seed 0 beats the short runs' on val with every seed: `sweep` and the runs that this takes, and
    the better rate."""
    if best in (None, short):
        return sweep, best
    again, chosen = steadiest(scope.records, config, [short, best], len(scope.profile.seeds))
    return sweep + [run for run in again if run not in sweep], chosen


def _at_both_rates(scope: Scope, model: str, stage: int, config: TrainConfig, rates: LongerRates) -> list[Job]:
    """The search of a longer run's rate, the runs at the chosen one and, where it is another, those at the one that was not."""
    found = scope.sweep("longer", model, stage, rates.sweep)
    found += scope.arm("longer", model, model, stage + 1, config, rates.chosen)
    if rates.chosen and rates.best != rates.short:
        other, lr = (REJECTED, rates.best) if rates.chosen == rates.short else (INHERITED, rates.short)
        found += scope.arm("longer", model + other, model + other, stage + 1, config, lr)
    return found


def _beside(scope: Scope, config: TrainConfig, rate: float | None) -> tuple[list[TrainConfig], float | None]:
    """A control at its family's `rate` and at the ladder's rates below and above, seed 0: the runs, and the best on val. Where that is
    not the family's, every seed of both decides. None while a run is missing."""
    if not rate:
        return [], None
    scaled = [_long(scope, config, lr)[1] for lr in LADDER]
    place = scaled.index(rate)
    runs = [replace(config, lr=scaled[i], seed=0) for i in (place, place - 1, place + 1) if 0 <= i < len(scaled)]
    return _by_all_seeds(scope, config, runs, rate, preferred(scope.records, runs))


def _control(scope: Scope, arm: str, stage: int, config: TrainConfig, rate: float | None) -> list[Job]:
    """A control of the longer runs: at its family's `rate`, or where that made it lose at the best of it and those beside it."""
    found = []
    if arm in BESIDE:
        sweep, rate = _beside(scope, config, rate)
        found = scope.sweep("longer", arm, BESIDE[arm], sweep)
    return found + scope.arm("longer", arm, arm, stage, config, rate)


def longer(scope: Scope) -> list[Job]:
    """The families with the longer recipe. Where another rate than the short runs' is better on val with one seed, all seeds of both
    rates decide, and both are kept. All at the usual number of pictures too, at the short rate, which tells length from the recipe's other
    parts; FCN-8s at half its width, searched alike; ConvNeXt with the decoder of Swin V2, at its rate or one beside it; and STEMS."""
    found, families = [], {model: _longer_rates(scope, model, scope.model(model), scope.model_rate(model)[1]) for model in MODELS}
    for model, (config, rates) in families.items():
        found += _at_both_rates(scope, model, 85, config, rates)
        stage = 86 if model in ("fcn8s", "unet") else 101
        found += scope.arm("longer", f"{model}-short", f"{model}-short", stage, replace(config, images=scope.profile.images), rates.short)
    if scope.profile.sweep_architectures:
        config, _, rate = alike(scope, "fcn8s-small")
        found += _at_both_rates(scope, "fcn8s-small", 97, *_longer_rates(scope, "fcn8s-small", config, rate))
        config, rates = families["swin"]
        found += _control(scope, "cnn_j", 98, replace(config, model="cnn_j"), rates.chosen)
        for arm, (model, settings) in STEMS.items():
            config, rates = families[model]
            stage = 102 if model == "fcn8s" else 100 + ("stem" not in settings)
            if arm != "fcn8s-thin" or scope.dataset != "camvid":  # it asks why FCN-8s leads, which on photographs it does not clearly
                found += _control(scope, arm, stage, replace(config, **settings), rates.chosen)
    return found


def pretraining(scope: Scope) -> list[Job]:
    """The families on photographs with the encoder of their run on drawn streets, against their random one; nothing else differs."""
    if scope.dataset == "streets":
        return []
    drawn, found = scope._replace(dataset="streets"), []
    for model in MODELS:
        rate, source_rate = scope.model_rate(model)[1], drawn.model_rate(model)[1]
        config = scope.model(model)
        found += scope.arm("pretraining", model, f"{model}-random", 87, config, rate)
        for seed in scope.profile.seeds:
            name = run_name(replace(drawn.model(model), lr=source_rate or 1e-3, seed=seed))
            ready = rate if source_rate and name in scope.records else None
            waits = f"the run {name} on streets" if source_rate else "a learning rate sweep on streets"
            found += scope.arm("pretraining", model, f"{model}-pretrained", 87, replace(config, init=name), ready, [seed], waits)
    return found


def imagenet(scope: Scope) -> list[Job]:
    """Photographs: one network from random and from ImageNet's weights, in short and longer runs; the same search finds each its rate."""
    if scope.dataset == "streets":
        return []
    found = []
    for init in ("random", "imagenet"):
        config = scope.model("unet_lite0", init=init)
        sweep, rate = scope.tuned(config, "unet_lite0")
        found += scope.sweep("imagenet", init, 88, sweep)
        found += scope.arm("imagenet", "short", init, 88, config, rate)
        if scope.profile.long_images:
            found += scope.arm("imagenet", "longer", f"{init}-longer", 89, *_long(scope, config, rate))
    return found


def fullsize(scope: Scope) -> list[Job]:
    """Photographs at their own size and at the share of it that the original's 768x768 is of Cityscapes'; nothing else differs."""
    config, found = scope.model("unet_lite0", init="imagenet"), []
    for height, width in scope.profile.full_sizes.get(scope.dataset, ()):
        longer, rate = _long(scope, config, scope.tuned(config, "unet_lite0")[1], scope.profile.full_images)
        found += scope.arm("fullsize", "sizes", f"size-{height}x{width}", 89, replace(longer, size=(height, width)), rate)
    return found


def rates(scope: Scope) -> list[Job]:
    """The families at the learning rate above the chosen one, every seed: their sweeps tried lower rates in full, and seldom a higher."""
    found = []
    for model in MODELS:
        rate = scope.model_rate(model)[1]
        higher = LADDER[LADDER.index(rate) + 1] if rate else None
        for seed in scope.profile.seeds:
            for arm, lr in ((f"{model}-chosen", rate), (f"{model}-higher", higher)):
                found += scope.arm("rates", model, arm, 97 + seed, scope.model(model), lr, [seed])
    return found
