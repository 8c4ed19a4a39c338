"""The plan: which runs an experiment consists of. A pure function of profile, data set and the records that are finished."""

from dataclasses import replace
from typing import NamedTuple

from seglib.records import Record
from seglib.study.job import Job
from seglib.study.profiles import ARCHITECTURE_RATES, DATASETS, EXPERIMENTS, FIGURE_6, LADDER, MODELS, Profile, profile
from seglib.study.rates import run_name, settled, tuned
from seglib.training import TrainConfig


class _Scope(NamedTuple):
    profile: Profile
    dataset: str
    records: dict[str, Record]


def plan(name: str, dataset: str, records: dict[str, Record]) -> dict[str, list[TrainConfig]]:
    """{experiment: settings of every run that can be named now, finished ones included}; see `waiting` for the rest."""
    return {experiment: [job.config for job in found if not job.waits] for experiment, found in _by_experiment(name, dataset, records)}


def waiting(name: str, dataset: str, records: dict[str, Record]) -> dict[str, list[Job]]:
    """{experiment: runs that wait for the winner of a sweep or for another run's weights}; their `config` is a stand-in for estimates."""
    return {experiment: [job for job in found if job.waits] for experiment, found in _by_experiment(name, dataset, records)}


def _by_experiment(name, dataset, records):
    found = jobs(name, dataset, records)
    return [(experiment, [job for job in found if job.experiment == experiment]) for experiment in profile(name).experiments]


def jobs(name: str, dataset: str, records: dict[str, Record]) -> list[Job]:
    """Every job of a profile on one data set, most important first. A run that two experiments share is listed in both."""
    if dataset not in DATASETS:
        raise ValueError(f"unknown data set {dataset!r}: choose from {', '.join(DATASETS)}")
    scope = _Scope(profile(name), dataset, records)
    makers = {
        "architectures": _architectures, "losses": _losses, "void": _void, "transforms": _transforms, "annotation": _annotation,
        "optimisers": _optimisers, "generalisation": _generalisation, "data": _data, "original": _original,
        "longer": _longer, "pretraining": _pretraining, "imagenet": _imagenet, "fullsize": _fullsize, "confirmation": _confirmation,
        "rates": _rates,
    }  # fmt: skip
    found = [job for experiment in EXPERIMENTS if experiment in scope.profile.experiments for job in makers[experiment](scope)]
    return sorted(found, key=lambda job: job.stage)  # stable: arms stay in the order of their experiment


def _base(scope: _Scope, **settings) -> TrainConfig:
    train, val, test = scope.profile.limits[scope.dataset]
    fixed = {"dataset": scope.dataset, "train_limit": train, "val_limit": val, "test_limit": test, **scope.profile.common}
    return TrainConfig(**{**fixed, **settings})


def _model(scope: _Scope, model: str, **settings) -> TrainConfig:
    """A run of the architecture comparison."""
    fixed = {"model": model, "size": scope.profile.size[scope.dataset], "images": scope.profile.images}
    return _base(scope, **fixed | scope.profile.options[model] | settings)


def _small(scope: _Scope, **settings) -> TrainConfig:
    """A run of the experiments with many runs: the narrow U-Net on small pictures."""
    fixed = {"width": scope.profile.unet_width, "size": scope.profile.small_size[scope.dataset], "images": scope.profile.ablation_images}
    return _base(scope, **{"model": "unet"} | fixed | settings)


def _tuned(scope: _Scope, config: TrainConfig, key: str) -> tuple[list[TrainConfig], float | None]:
    return tuned(scope.profile, scope.records, config, key)


def _arm(scope, experiment, comparison, arm, stage, config, rate, seeds=None, waits="a learning rate sweep"):
    """One job per seed; without a rate they wait, with the default rate standing in."""
    config, waits = (replace(config, lr=rate), "") if rate else (config, waits)
    chosen = scope.profile.seeds if seeds is None else seeds
    return [Job(experiment, comparison, arm, stage, "run", replace(config, seed=seed), scope.dataset, waits) for seed in chosen]


def _weights(scope: _Scope, job: Job) -> str:
    """What scoring the weights of `job` waits for; "" when they are there."""
    return job.waits or ("" if job.name in scope.records else f"the run {job.name} on {job.target}")


def _sweep(scope, experiment, arm, stage, runs):
    return [Job(experiment, "sweep-" + arm, arm, stage, "sweep", config, scope.dataset) for config in runs]


def _model_rate(scope: _Scope, model: str) -> tuple[list[TrainConfig], float | None]:
    if scope.profile.sweep_architectures:
        return _tuned(scope, _model(scope, model), model)
    return [], ARCHITECTURE_RATES.get(scope.dataset, ARCHITECTURE_RATES["streets"])[model]


def _small_rate(scope: _Scope) -> float | None:
    """The rate of the small U-Net with cross-entropy: that of Figure 6."""
    config = _small(scope, loss="cross_entropy", images=scope.profile.loss_images)
    return settled(scope.profile, scope.records, config, "cross_entropy")[1]


def _architectures(scope: _Scope) -> list[Job]:
    found = []
    for model in MODELS:
        sweep, rate = _model_rate(scope, model)
        found += _sweep(scope, "architectures", model, 19, sweep)
        for seed in scope.profile.seeds:
            found += _arm(scope, "architectures", "models", model, 20 + seed, _model(scope, model), rate, [seed])
    if scope.profile.sweep_architectures or scope.profile.name == "smoke":
        other = replace(_model(scope, "swin"), model="cnn_j")
        for arm, config, model in (("unet-no-skips", _model(scope, "unet", skips=False), "unet"), ("cnn_j", other, "swin")):
            found += _arm(scope, "architectures", "controls", arm, 95, config, _model_rate(scope, model)[1])
        for arm in _ALIKE:
            config, sweep, rate = _alike(scope, arm)
            found += _sweep(scope, "architectures", arm, 96, sweep)
            found += _arm(scope, "architectures", arm, arm, 96, config, rate)
    return found


_ALIKE = {"fcn_baseline_bn": "fcn_baseline", "fcn8s-small": "fcn8s"}


def _alike(scope: _Scope, arm: str) -> tuple[TrainConfig, list[TrainConfig], float | None]:
    """What families differ in besides their architecture, made alike: batch norm in the baseline, too; FCN-8s at half its width, nearly as
    small as U-Net. A sweep of its own where the families have one."""
    config = _model(scope, _ALIKE[arm])
    config = replace(config, width=max(4, (config.width or 64) // 2)) if arm == "fcn8s-small" else replace(config, model=arm)
    if scope.profile.sweep_architectures:
        return config, *_tuned(scope, config, config.model)
    return config, [], _model_rate(scope, _ALIKE[arm])[1]


def _losses(scope: _Scope) -> list[Job]:
    found = []
    for loss in scope.profile.losses:
        comparison, stage = ("figure-6", 10) if loss in FIGURE_6 else ("others", 70)
        seeds = scope.profile.loss_seeds if loss in FIGURE_6 else scope.profile.other_loss_seeds or scope.profile.loss_seeds
        base = _small(scope, loss=loss, images=scope.profile.loss_images)
        # One seed chooses the rates of the losses that are no part of Figure 6: they are not what the claims are about.
        sweep, rate = (settled if loss in FIGURE_6 else tuned)(scope.profile, scope.records, base, loss)
        found += _sweep(scope, "losses", loss, stage, sweep)
        found += _arm(scope, "losses", comparison, loss, stage + 1, base, rate, seeds)
    return found


def _void(scope: _Scope) -> list[Job]:
    found = []
    for model in MODELS:
        rate = _model_rate(scope, model)[1]
        for policy in ("ignore", "class"):
            found += _arm(scope, "void", model, f"{model}-{policy}", 30, _model(scope, model, void=policy), rate)
    return found


def _transforms(scope: _Scope) -> list[Job]:
    size = scope.profile.small_size[scope.dataset]
    crops = {"crop": size, "scale": (1.0, 2.0)}
    arms = {
        "none": {"flip": False},
        "flip": {},
        "flip-append": {"augmentation": "append"},
        "crop": {"flip": False, **crops},
        "crop-append": {"flip": False, "augmentation": "append", **crops},
    }
    rate = _small_rate(scope)
    found = []
    for arm, settings in arms.items():
        found += _arm(scope, "transforms", "augmentation", arm, 40, _small(scope, **settings), rate)
    for height, width in sorted((size, *scope.profile.sizes[scope.dataset])):
        config = _small(scope, size=(height, width))
        found += _arm(scope, "transforms", "sizes", f"size-{height}x{width}", 41, config, rate)
    return found


def _data(scope: _Scope) -> list[Job]:
    """U-Net and ViT on fractions of train, the same number of steps each."""
    found = []
    for model in ("unet", "vit"):
        base = _small(scope) if model == "unet" else _small(scope, **{"model": "vit", "width": None, **scope.profile.options["vit"]})
        rate = _small_rate(scope) if model == "unet" else _model_rate(scope, "vit")[1]
        for percent in (10, 25, 50, 100):
            found += _arm(scope, "data", model, f"{model}-{percent}", 50, replace(base, fraction=percent / 100), rate)
    return found


def _optimisers(scope: _Scope) -> list[Job]:
    found = []
    for optimiser in ("sgd", "adam", "adamw", "adamax"):
        base = _small(scope, optimiser=optimiser)
        sweep, rate = _tuned(scope, base, optimiser)
        found += _sweep(scope, "optimisers", optimiser, 60, sweep)
        found += _arm(scope, "optimisers", "optimisers", optimiser, 61, base, rate)
    arms = {
        "onecycle": ("schedules", {}),
        "constant": ("schedules", {"schedule": "constant"}),
        "step": ("schedules", {"schedule": "step", "gamma": 0.316, "step_epochs": 2}),
        "polynomial": ("schedules", {"schedule": "polynomial"}),
        "decay-0": ("regularisation", {"weight_decay": 0.0}),
        "decay-0.0001": ("regularisation", {}),
        "decay-0.01": ("regularisation", {"weight_decay": 1e-2}),
        "dropout-10": ("regularisation", {"dropout": 0.1}),
    }
    for arm, (comparison, settings) in arms.items():
        found += _arm(scope, "optimisers", comparison, arm, 62, _small(scope, **settings), _small_rate(scope))
    return found


def _annotation(scope: _Scope) -> list[Job]:
    """Fine, coarse, and coarse then fine at equal image counts; CamVid has no coarse masks."""
    if scope.dataset == "camvid":
        return []
    rate = _small_rate(scope)
    found = _arm(scope, "annotation", "annotation", "fine", 80, _small(scope), rate)
    found += _arm(scope, "annotation", "annotation", "coarse", 80, _small(scope, annotation="coarse"), rate)
    half = max(_small(scope).batch_size, scope.profile.ablation_images // 2)
    for seed in scope.profile.seeds:
        first = replace(_small(scope, annotation="coarse", images=half, final="none", seed=seed), lr=rate or 1e-3)
        found.append(Job("annotation", "annotation", "coarse-first-half", 80, "part", first, scope.dataset, "" if rate else "a sweep"))
        name = run_name(first)
        second = _small(scope, images=half, init=name)
        ready = rate if name in scope.records else None
        found += _arm(scope, "annotation", "annotation", "coarse-fine", 81, second, ready, [seed], waits=f"the weights of {name}")
    return found


def _generalisation(scope: _Scope) -> list[Job]:
    """The finished architectures of the other data set, scored here over the 11 classes of CamVid; nothing is trained."""
    source = "camvid" if scope.dataset == "streets" else "streets"
    found = []
    for job in _architectures(scope._replace(dataset=source)):
        if job.role == "run" and job.comparison == "models":
            arm = f"{job.arm}-from-{source}"
            found.append(Job("generalisation", "models", arm, 85, "transfer", job.config, scope.dataset, _weights(scope, job)))
    return found


def _original(scope: _Scope) -> list[Job]:
    """The original's three nets on coarse masks (fine where there are none): no flips, its U-Net without batch norm, void ignored."""
    annotation = "fine" if scope.dataset == "camvid" else "coarse"
    found = []
    for model in ("fcn_baseline", "unet", "swin"):
        settings = {"batch_norm": False, "width": scope.profile.unet_width} if model == "unet" else scope.profile.options[model]
        config = _small(scope, **{"model": model, "annotation": annotation, "flip": False, "width": None, **settings})
        # Without batch norm the U-Net diverges at the rates that suit the normalised one.
        rate = 1e-3 if model == "unet" else _model_rate(scope, model)[1]
        found += _arm(scope, "original", "original", model, 90, config, rate)
    return found


def _long(scope: _Scope, config: TrainConfig, swept: float | None, images: int | None = None) -> tuple[TrainConfig, float | None]:
    """A run with more pictures and the mixture of cross-entropy and Dice, and its rate: the swept one scaled with the batch size."""
    batch = scope.profile.long_batch
    longer = replace(config, loss="cross_entropy_dice", images=images or scope.profile.long_images, batch_size=batch)
    return longer, swept * batch / TrainConfig.batch_size if swept else None


def _longer(scope: _Scope) -> list[Job]:
    """The families with the longer recipe. Two of them at the usual number of pictures too, which tells its length from its other parts;
    FCN-8s at half its width, too."""
    found = []
    for model in MODELS:
        config, rate = _long(scope, _model(scope, model), _model_rate(scope, model)[1])
        found += _arm(scope, "longer", model, model, 86, config, rate)
        if model in ("fcn8s", "unet"):
            found += _arm(scope, "longer", f"{model}-short", f"{model}-short", 86, replace(config, images=scope.profile.images), rate)
    if scope.profile.sweep_architectures:
        config, _, rate = _alike(scope, "fcn8s-small")
        found += _arm(scope, "longer", "fcn8s-small", "fcn8s-small", 97, *_long(scope, config, rate))
    return found


def _pretraining(scope: _Scope) -> list[Job]:
    """The families on photographs with the encoder of their run on drawn streets, against their random one; nothing else differs."""
    if scope.dataset == "streets":
        return []
    drawn, found = scope._replace(dataset="streets"), []
    for model in MODELS:
        rate, source_rate = _model_rate(scope, model)[1], _model_rate(drawn, model)[1]
        config = _model(scope, model)
        found += _arm(scope, "pretraining", model, f"{model}-random", 87, config, rate)
        for seed in scope.profile.seeds:
            name = run_name(replace(_model(drawn, model), lr=source_rate or 1e-3, seed=seed))
            ready = rate if source_rate and name in scope.records else None
            waits = f"the run {name} on streets" if source_rate else "a learning rate sweep on streets"
            found += _arm(scope, "pretraining", model, f"{model}-pretrained", 87, replace(config, init=name), ready, [seed], waits)
    return found


def _imagenet(scope: _Scope) -> list[Job]:
    """Photographs: one network from random and from ImageNet's weights, in short and longer runs; the same search finds each its rate."""
    if scope.dataset == "streets":
        return []
    found = []
    for init in ("random", "imagenet"):
        config = _model(scope, "unet_lite0", init=init)
        sweep, rate = _tuned(scope, config, "unet_lite0")
        found += _sweep(scope, "imagenet", init, 88, sweep)
        found += _arm(scope, "imagenet", "short", init, 88, config, rate)
        if scope.profile.long_images:
            found += _arm(scope, "imagenet", "longer", f"{init}-longer", 89, *_long(scope, config, rate))
    return found


def _fullsize(scope: _Scope) -> list[Job]:
    """Photographs at their own size and at the share of it that the original's 768x768 is of Cityscapes'; nothing else differs."""
    config, found = _model(scope, "unet_lite0", init="imagenet"), []
    for height, width in scope.profile.full_sizes.get(scope.dataset, ()):
        longer, rate = _long(scope, config, _tuned(scope, config, "unet_lite0")[1], scope.profile.full_images)
        found += _arm(scope, "fullsize", "sizes", f"size-{height}x{width}", 89, replace(longer, size=(height, width)), rate)
    return found


def _rates(scope: _Scope) -> list[Job]:
    """The families at the learning rate above the chosen one, every seed: their sweeps tried lower rates in full, and seldom a higher."""
    found = []
    for model in MODELS:
        rate = _model_rate(scope, model)[1]
        higher = LADDER[LADDER.index(rate) + 1] if rate else None
        for seed in scope.profile.seeds:
            for arm, lr in ((f"{model}-chosen", rate), (f"{model}-higher", higher)):
                found += _arm(scope, "rates", model, arm, 97 + seed, _model(scope, model), lr, [seed])
    return found


def _confirmation(scope: _Scope) -> list[Job]:
    """Figure 6's losses and the families (longer: <model>-longer) once more, on the test pictures that no choice has looked at."""
    if not scope.profile.locked.get(scope.dataset):
        return []
    sources = {"longer": _longer, "losses": _losses, "architectures": _architectures}
    found = []
    for experiment, jobs_of in sources.items():
        made = jobs_of(scope) if experiment in scope.profile.experiments else []
        for job in (job for job in made if job.role == "run" and (job.arm in MODELS or job.comparison == "figure-6")):
            arm = job.arm + "-longer" * (experiment == "longer")
            found.append(Job("confirmation", experiment, arm, 96, "locked", job.config, scope.dataset, _weights(scope, job)))
    return found
