"""What data sets, devices and arms are called in tables."""

import re

NAMES = {
    "fcn_baseline": "FCN baseline", "fcn8s": "FCN-8s", "fcn16s": "FCN-16s", "fcn32s": "FCN-32s", "unet": "U-Net", "vit": "ViT",
    "swin": "Swin V2", "cnn_j": "ConvNeXt, Swin's decoder", "swin-in-place": "Swin V2, last window in place",
    "unet-coarse-skips": "U-Net without fine skips", "unet-patches": "U-Net behind patches",
    "swin-convolutions": "Swin V2 behind convolutions", "fcn_baseline-dilated": "FCN baseline, dilated",
    "fcn8s-near": "FCN-8s, fc6 of 1×1", "fcn8s-thin": "FCN-8s, fc6 and fc7 a quarter as wide",
    "unet-small": "U-Net, width 8", "unet-no-skips": "U-Net without skips",
    "fcn_baseline_bn": "FCN baseline, batch norm", "fcn8s-small": "FCN-8s, half width", "cross_entropy": "cross-entropy",
    "weighted_cross_entropy": "weighted cross-entropy", "soft_iou": "soft IoU", "dice": "Dice", "generalised_dice": "generalised Dice",
    "lovasz": "Lovász-Softmax", "cross_entropy_dice": "cross-entropy + Dice", "none": "no transform", "flip": "flips replace",
    "flip-append": "flips added", "crop": "crops replace", "crop-append": "crops added", "flip-crop": "flips and crops",
    "no-skips": "without skips", "tenth": "a tenth of train", "void": "void as a class", "coarse-fine": "coarse, then fine",
    "unet_lite0": "EfficientNet-U-Net", "random": "from random weights", "imagenet": "from ImageNet",
    "random-longer": "from random weights, longer", "imagenet-longer": "from ImageNet, longer",
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "adamax": "Adamax", "onecycle": "one-cycle", "constant": "constant rate",
}  # fmt: skip

INHERITED = "-inherited"  # behind a family whose longer runs took another rate than its short ones: longer runs at the short ones' rate
REJECTED = "-rejected"  # behind a family whose longer runs kept that rate: those at another one that was better with one seed
ENDS = {  # <another arm>-longer, ...
    "longer": "longer", "chosen": "chosen rate", "higher": "next higher rate", "inherited": "scaled rate",
    "rejected": "one seed's rate", "ignore": "ignored",
}  # fmt: skip


def family(arm: str) -> str:
    """The family of a longer run, whichever rate it has: "unet" for "unet" and "unet-inherited"."""
    return arm.removesuffix(INHERITED).removesuffix(REJECTED)


def ordered(arms: dict) -> dict:
    """The arms in the order of NAMES, others behind as they come; "unet-from-streets" and "unet-inherited" stand where "unet" would."""
    places = {arm: i for i, arm in enumerate(NAMES)}
    return dict(sorted(arms.items(), key=lambda item: places.get(family(item[0].split("-from-")[0]), len(places))))


def device(text: str) -> str:
    """A device as a record names it, in the singular where it is one thread."""
    return re.sub(r"\b1 threads\b", "1 thread", text)


def name(arm: str) -> str:
    """An arm in words."""
    if arm in NAMES:
        return NAMES[arm]
    head, _, end = arm.rpartition("-")
    if head and end in ENDS:
        return f"{name(head)}, {ENDS[end]}"
    if head in ("unet", "vit", "dropout") and end.isdigit():
        return f"{NAMES.get(head, head)}, {end} %"
    if arm.startswith("size-"):
        return "size " + arm[5:].replace("x", "×")
    for known in ("fcn_baseline", "fcn8s", "unet", "vit", "swin"):
        if arm.startswith(known + "-"):
            return f"{NAMES[known]}, {arm[len(known) + 1 :].replace('-', ' ')}"
    return arm.replace("_", " ").replace("-", " ")
