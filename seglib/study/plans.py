"""The plan: which runs an experiment consists of. A pure function of profile, data set and the records that are finished."""

from dataclasses import replace

from seglib.records import Record
from seglib.study import added
from seglib.study.job import Job
from seglib.study.profiles import DATASETS, EXPERIMENTS, FIGURE_6, MODELS, profile
from seglib.study.rates import run_name, settled, tuned
from seglib.study.scope import Scope
from seglib.tables.names import INHERITED
from seglib.training import TrainConfig


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
    scope = Scope(profile(name), dataset, records)
    makers = {
        "architectures": _architectures, "losses": _losses, "void": _void, "transforms": _transforms, "annotation": _annotation,
        "optimisers": _optimisers, "generalisation": _generalisation, "data": _data, "original": _original,
        "longer": added.longer, "losses-longer": added.losses_longer, "factors-longer": added.factors_longer,
        "pretraining": added.pretraining, "imagenet": added.imagenet, "fullsize": added.fullsize, "rates": added.rates,
        "confirmation": _confirmation,
    }  # fmt: skip
    found = [job for experiment in EXPERIMENTS if experiment in scope.profile.experiments for job in makers[experiment](scope)]
    return sorted(found, key=lambda job: job.stage)  # stable: arms stay in the order of their experiment


def _architectures(scope: Scope) -> list[Job]:
    found = []
    for model in MODELS:
        sweep, rate = scope.model_rate(model)
        found += scope.sweep("architectures", model, 19, sweep)
        for seed in scope.profile.seeds:
            found += scope.arm("architectures", "models", model, 20 + seed, scope.model(model), rate, [seed])
    if scope.profile.sweep_architectures or scope.profile.name == "smoke":
        other, in_place = replace(scope.model("swin"), model="cnn_j"), scope.model("swin", shift_whole=False)
        bare = scope.model("unet", skips=False)
        for arm, config, model in (("unet-no-skips", bare, "unet"), ("cnn_j", other, "swin"), ("swin-in-place", in_place, "swin")):
            found += scope.arm("architectures", "controls", arm, 95, config, scope.model_rate(model)[1])
        for arm in added.ALIKE:
            config, sweep, rate = added.alike(scope, arm)
            found += scope.sweep("architectures", arm, 96, sweep)
            found += scope.arm("architectures", arm, arm, 96, config, rate)
    return found


def _losses(scope: Scope) -> list[Job]:
    found = []
    for loss in scope.profile.losses:
        comparison, stage = ("figure-6", 10) if loss in FIGURE_6 else ("others", 70)
        seeds = scope.profile.loss_seeds if loss in FIGURE_6 else scope.profile.other_loss_seeds or scope.profile.loss_seeds
        base = scope.small(loss=loss, images=scope.profile.loss_images)
        # One seed chooses the rates of the losses that are no part of Figure 6: they are not what the claims are about.
        sweep, rate = (settled if loss in FIGURE_6 else tuned)(scope.profile, scope.records, base, loss)
        found += scope.sweep("losses", loss, stage, sweep)
        found += scope.arm("losses", comparison, loss, stage + 1, base, rate, seeds)
    return found


def _void(scope: Scope) -> list[Job]:
    found = []
    for model in MODELS:
        rate = scope.model_rate(model)[1]
        for policy in ("ignore", "class"):
            found += scope.arm("void", model, f"{model}-{policy}", 30, scope.model(model, void=policy), rate)
    return found


def _transforms(scope: Scope) -> list[Job]:
    size = scope.profile.small_size[scope.dataset]
    crops = {"crop": size, "scale": (1.0, 2.0)}
    arms = {
        "none": {"flip": False},
        "flip": {},
        "flip-append": {"augmentation": "append"},
        "crop": {"flip": False, **crops},
        "crop-append": {"flip": False, "augmentation": "append", **crops},
    }
    rate = scope.small_rate()
    found = []
    for arm, settings in arms.items():
        found += scope.arm("transforms", "augmentation", arm, 40, scope.small(**settings), rate)
    for height, width in sorted((size, *scope.profile.sizes[scope.dataset])):
        config = scope.small(size=(height, width))
        found += scope.arm("transforms", "sizes", f"size-{height}x{width}", 41, config, rate)
    return found


def _data(scope: Scope) -> list[Job]:
    """U-Net and ViT on fractions of train, the same number of steps each."""
    found = []
    for model in ("unet", "vit"):
        base = scope.small() if model == "unet" else scope.small(**{"model": "vit", "width": None, **scope.profile.options["vit"]})
        rate = scope.small_rate() if model == "unet" else scope.model_rate("vit")[1]
        for percent in (10, 25, 50, 100):
            found += scope.arm("data", model, f"{model}-{percent}", 50, replace(base, fraction=percent / 100), rate)
    return found


def _optimisers(scope: Scope) -> list[Job]:
    found = []
    for optimiser in ("sgd", "adam", "adamw", "adamax"):
        base = scope.small(optimiser=optimiser)
        sweep, rate = scope.tuned(base, optimiser)
        found += scope.sweep("optimisers", optimiser, 60, sweep)
        found += scope.arm("optimisers", "optimisers", optimiser, 61, base, rate)
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
        found += scope.arm("optimisers", comparison, arm, 62, scope.small(**settings), scope.small_rate())
    return found


def _annotation(scope: Scope) -> list[Job]:
    """Fine, coarse, and coarse then fine at equal image counts; CamVid has no coarse masks."""
    if scope.dataset == "camvid":
        return []
    rate = scope.small_rate()
    found = scope.arm("annotation", "annotation", "fine", 80, scope.small(), rate)
    found += scope.arm("annotation", "annotation", "coarse", 80, scope.small(annotation="coarse"), rate)
    half = max(scope.small().batch_size, scope.profile.ablation_images // 2)
    for seed in scope.profile.seeds:
        first = replace(scope.small(annotation="coarse", images=half, final="none", seed=seed), lr=rate or 1e-3)
        found.append(Job("annotation", "annotation", "coarse-first-half", 80, "part", first, scope.dataset, "" if rate else "a sweep"))
        name = run_name(first)
        second = scope.small(images=half, init=name)
        ready = rate if name in scope.records else None
        found += scope.arm("annotation", "annotation", "coarse-fine", 81, second, ready, [seed], waits=f"the weights of {name}")
    return found


def _generalisation(scope: Scope) -> list[Job]:
    """The finished architectures of the other data set, scored here over the 11 classes of CamVid; nothing is trained."""
    source = "camvid" if scope.dataset == "streets" else "streets"
    found = []
    for job in _architectures(scope._replace(dataset=source)):
        if job.role == "run" and job.comparison == "models":
            arm = f"{job.arm}-from-{source}"
            found.append(Job("generalisation", "models", arm, 85, "transfer", job.config, scope.dataset, scope.weights(job)))
    return found


def _original(scope: Scope) -> list[Job]:
    """The original's three nets on coarse masks (fine where there are none): no flips, its U-Net without batch norm, void ignored."""
    annotation = "fine" if scope.dataset == "camvid" else "coarse"
    found = []
    for model in ("fcn_baseline", "unet", "swin"):
        settings = {"batch_norm": False, "width": scope.profile.unet_width} if model == "unet" else scope.profile.options[model]
        config = scope.small(**{"model": model, "annotation": annotation, "flip": False, "width": None, **settings})
        # Without batch norm the U-Net diverges at the rates that suit the normalised one.
        rate = 1e-3 if model == "unet" else scope.model_rate(model)[1]
        found += scope.arm("original", "original", model, 90, config, rate)
    return found


def _confirmation(scope: Scope) -> list[Job]:
    """Figure 6's losses and the families (longer: <arm>-longer) once more, on test pictures that no choice has looked at: of a family whose
    longer runs took another rate than the short ones' the runs at both. Soft IoU ran longer, and Swin V2 found another rate, when the
    others had been scored; Dice's longer runs were scored again when three seeds had settled their rate."""
    if not scope.profile.locked.get(scope.dataset):
        return []
    sources = {"longer": added.longer, "losses": _losses, "losses-longer": added.losses_longer, "architectures": _architectures}
    found = []
    for experiment, jobs_of in sources.items():
        made = jobs_of(scope) if experiment in scope.profile.experiments else []
        shown = {*MODELS, *(model + INHERITED for model in MODELS), *FIGURE_6}
        if experiment == "losses-longer":
            shown -= {"soft_iou"}
        if "swin" + INHERITED in {job.arm for job in made}:
            shown -= {"swin"}
        for job in (job for job in made if job.role == "run" and job.arm in shown):
            arm = job.arm + "-longer" * experiment.endswith("longer")
            found.append(Job("confirmation", experiment, arm, 96, "locked", job.config, scope.dataset, scope.weights(job)))
    return found
