"""Profiles: the same experiments at four sizes, from a smoke test to a GPU. `published` trains nothing and reads report/results."""

from dataclasses import dataclass, field

EXPERIMENTS = (
    "architectures", "losses", "void", "transforms", "annotation", "optimisers", "generalisation", "data", "original",
    "longer", "losses-longer", "factors-longer", "pretraining", "imagenet", "fullsize", "confirmation", "rates",
)  # fmt: skip
DATASETS = ("streets", "camvid", "cityscapes")
MODELS = ("fcn_baseline", "fcn8s", "unet", "vit", "swin")
FIGURE_6 = ("cross_entropy", "soft_iou", "dice")
MIXTURE = "cross_entropy_dice"  # the loss of the families' longer recipe
OTHER_LOSSES = ("weighted_cross_entropy", "generalised_dice", "lovasz", MIXTURE)

# Adam divides the gradient by its own size, so the losses do not need rates of different size, only the best of the same ladder each.
# A sweep starts with the three rates named here and goes on along the ladder while its best is the last one on either side: in the few
# hundred steps of the small profiles a batch-normalised U-Net with clipping learns nothing from the region losses below 3e-3.
# Nets without batch norm break earlier: a decade lower for transformers, half a decade for VGG. SGD sees the gradient's true size.
LADDER = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
CONVNET_RATES = (3e-3, 1e-2, 3e-2)
VGG_RATES = (1e-3, 3e-3, 1e-2)
TRANSFORMER_RATES = (3e-4, 1e-3, 3e-3)
SGD_RATES = (1e-2, 3e-2, 1e-1)
RATES = {"fcn8s": VGG_RATES, "vit": TRANSFORMER_RATES, "swin": TRANSFORMER_RATES, "sgd": SGD_RATES}

# `cpu` has no minutes for a sweep per architecture and uses these: what the sweeps of `cpu-full` chose; study status lists them.
ARCHITECTURE_RATES = {
    "streets": {"fcn_baseline": 1e-2, "fcn8s": 3e-3, "unet": 1e-2, "vit": 1e-3, "swin": 3e-3},
    "camvid": {"fcn_baseline": 3e-2, "fcn8s": 1e-3, "unet": 1e-2, "vit": 1e-3, "swin": 1e-2},
}


@dataclass(frozen=True)
class Profile:
    """Sizes of one profile. `size` (h, w) by data set for the architectures, `small_size` for the experiments of many runs.

    `options`: what models.build is told, by model; `unet_width` is the U-Net of the many runs. `limits`: the first n images of
    train, val and test (None: all). Budgets are training images seen per run: `images` (architectures, void), `loss_images`
    (losses), `long_images` (the families once more, longer), `full_images` (photographs at their own size), `ablation_images` (the
    rest), `sweep_images` (one candidate of a learning rate).
    """

    name: str
    experiments: tuple[str, ...] = EXPERIMENTS
    seeds: tuple[int, ...] = (0, 1, 2)
    loss_seeds: tuple[int, ...] = (0, 1, 2)
    other_loss_seeds: tuple[int, ...] | None = None  # of the losses beyond Figure 6; None: loss_seeds
    losses: tuple[str, ...] = FIGURE_6 + OTHER_LOSSES
    size: dict = field(default_factory=dict)
    small_size: dict = field(default_factory=dict)
    sizes: dict = field(default_factory=dict)  # (h, w) to compare, by data set
    options: dict = field(default_factory=dict)
    unet_width: int | None = None
    limits: dict = field(default_factory=dict)
    locked: dict = field(default_factory=dict)  # how many test pictures behind the limit are scored once, at the end, by data set
    images: int = 0
    loss_images: int = 0
    ablation_images: int = 0
    long_images: int = 0
    long_batch: int = 8  # the learning rate is scaled with it
    full_images: int = 0
    full_sizes: dict = field(default_factory=dict)  # (h, w) to compare, by data set: photographs' own size and a smaller one
    sweep_images: int = 0
    halving_images: int = 0
    rates: int = 3  # candidates that a learning rate sweep starts with
    more_rates: int = 3  # how many may be added while the best is the first or the last of them
    lower_rates: int = 2  # how many lower ones may be tried in full, for short runs favour high rates; 0 trusts the short ones
    settling_seeds: int = 0  # with how many seeds the two best rates of each loss are compared in full; 0 trusts seed 0
    sweep_architectures: bool = True
    common: dict = field(default_factory=dict)  # further settings of every run


def _everywhere(value) -> dict:
    return dict.fromkeys(DATASETS, value)


FULL_SIZES = {"camvid": ((192, 256), (360, 480))}  # 28 % of the pixels, as 768x768 of 2048x1024, and all of them


_CPU_OPTIONS = {
    "fcn_baseline": {"width": 16}, "fcn8s": {"width": 16}, "unet": {"width": 16}, "vit": {"width": 192}, "swin": {"width": 48},
    "unet_lite0": {},
}  # fmt: skip
_CPU = {
    "size": _everywhere((144, 192)), "small_size": _everywhere((96, 192)), "options": _CPU_OPTIONS, "unet_width": 8,
    # 128x144 has as many pixels as 96x192 in a nearly square frame: what 768x768 does to 2048x1024.
    "sizes": _everywhere(((48, 96), (128, 144), (144, 288))),
    "limits": {"streets": (240, 20, 40), "camvid": (None, None, None), "cityscapes": (240, 20, 40)},
    "locked": {"streets": 160, "cityscapes": 160},
    "images": 1600, "loss_images": 2400, "ablation_images": 1200, "sweep_images": 480, "halving_images": 120,
    "common": {"device": "cpu"},
}  # fmt: skip

PROFILES = {
    "published": Profile("published", experiments=()),
    "smoke": Profile(
        "smoke",
        experiments=tuple(one for one in EXPERIMENTS if not one.endswith("longer")),
        seeds=(0,),
        loss_seeds=(0, 1),
        losses=(*FIGURE_6, "lovasz"),
        size=_everywhere((32, 64)),
        small_size=_everywhere((32, 64)),
        sizes=_everywhere(((48, 48),)),
        options={"fcn_baseline": {"width": 4}, "fcn8s": {"width": 4}, "unet": {"width": 4},
                 "vit": {"width": 64, "depth": 2}, "swin": {"width": 16, "depths": (1, 1, 1, 1)}, "unet_lite0": {"width": 4}},
        unet_width=4,
        limits=_everywhere((8, 2, 2)),
        locked={"streets": 2},
        full_sizes={"camvid": ((32, 64), (64, 64))},
        full_images=16,
        images=16,
        loss_images=24,
        ablation_images=16,
        sweep_images=8,
        halving_images=8,
        rates=2,
        more_rates=0,
        lower_rates=0,
        sweep_architectures=False,
        common={"batch_size": 4},
    ),
    "cpu": Profile("cpu", experiments=("architectures", "losses"), seeds=(0,), losses=FIGURE_6, sweep_architectures=False, **_CPU),
    "cpu-full": Profile(
        "cpu-full",
        loss_seeds=(0, 1, 2, 3, 4),
        other_loss_seeds=(0, 1, 2),
        settling_seeds=3,
        long_images=8000,
        long_batch=4,
        full_sizes=FULL_SIZES,
        full_images=2400,
        **_CPU,
    ),
    "gpu": Profile(
        "gpu",
        loss_seeds=(0, 1, 2, 3, 4),
        size={"streets": (768, 768), "camvid": (360, 480), "cityscapes": (768, 768)},
        small_size={"streets": (768, 768), "camvid": (360, 480), "cityscapes": (768, 768)},
        sizes={"streets": ((384, 384), (512, 1024), (1024, 2048)), "camvid": ((180, 240), (240, 320)),
               "cityscapes": ((384, 384), (512, 1024), (1024, 2048))},
        options={model: {} for model in (*MODELS, "unet_lite0")},
        unet_width=32,
        limits=_everywhere((None, None, None)),
        images=22_020,  # 60 epochs of CamVid
        loss_images=22_020,
        long_images=110_100,
        full_sizes=FULL_SIZES,
        full_images=22_020,
        ablation_images=11_010,
        sweep_images=7_340,
        halving_images=1_468,
    ),
}  # fmt: skip


def profile(name: str) -> Profile:
    """The profile of that name. ValueError with the choices otherwise."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}: choose from {', '.join(PROFILES)}")
    return PROFILES[name]
