"""TrainConfig: every setting of a run in one flat frozen dataclass, its name, and the command line options made from it."""

import argparse
import hashlib
import json
import types
import typing
from dataclasses import asdict, dataclass, field, fields, replace

import torch

from seglib import losses, models


def _setting(default, help, choices=None):
    return field(default=default, metadata={"help": help, "choices": choices})


@dataclass(frozen=True)
class TrainConfig:
    """One run. Sizes are (height, width) in pixels, learning rates per step, `warmup` a fraction of all steps.

    A field added later needs a default that means the old behaviour: names of finished runs then stay as they are.
    Values are coerced to their type ("1e-3", as YAML hands it over, is a number); ValueError names the field otherwise.
    """

    dataset: str = _setting("streets", "data set", ("streets", "camvid", "cityscapes"))
    annotation: str = _setting("fine", "annotation to train on", ("fine", "coarse"))
    train_limit: int | None = _setting(None, "use only the first N training images")
    val_limit: int | None = _setting(None, "use only the first N validation images")
    test_limit: int | None = _setting(None, "use only the first N test images")
    fraction: float = _setting(1.0, "train on this fraction of the training images, drawn with the seed")
    size: tuple[int, int] = _setting((144, 192), "images are resized to this before anything else")
    model: str = _setting("unet", "architecture", tuple(models.MODELS))
    width: int | None = _setting(None, "channels of the first stage (default: the published size)")
    depth: int | None = _setting(None, "layers of the vit")
    depths: tuple[int, ...] | None = _setting(None, "blocks per stage of the swin")
    skips: bool = _setting(True, "skip connections of the unet")
    fine_skips: bool = _setting(True, "those of the unet's two finest stages")
    stem: str | None = _setting(None, "what unet or swin begin with (default: their own)", ("convolutions", "patches"))
    fc6_kernel: int = _setting(7, "kernel of the fcn8s' fc6")
    fc_multiple: int = _setting(64, "channels of its fc6 and fc7, in units of the width")
    dilations: tuple[int, ...] | None = _setting(None, "dilation of each convolution of the fcn_baseline (default: none)")
    shift_whole: bool = _setting(True, "the swin shifts windows even along a side of the map that they span")
    batch_norm: bool = _setting(True, "batch normalisation, where the family has it")
    freeze_batch_norm: bool = _setting(False, "keep the running statistics as they are and use them")
    dropout: float = _setting(0.0, "dropout probability")
    aux: bool = _setting(False, "auxiliary head with 0.4 of the loss, where the family has one")
    init: str = _setting("random", "random, imagenet, imagenet:<sha256>, or the name of a finished run in this folder or one beside it")
    loss: str = _setting("cross_entropy", "loss", tuple(losses.LOSSES))
    void: str = _setting("ignore", "void pixels are ignored, or are one more class in training", ("ignore", "class"))
    epochs: int = _setting(10, "passes over the training images")
    images: int | None = _setting(None, "training images seen in all; replaces epochs")
    batch_size: int = _setting(8, "images per batch, over all processes")
    accumulate: int = _setting(1, "batches per optimiser step")
    optimiser: str = _setting("adamw", "optimiser", ("sgd", "adam", "adamw", "adamax"))
    lr: float = _setting(1e-3, "learning rate (its maximum)")
    encoder_lr: float = _setting(1.0, "learning rate of the encoder, as a multiple of lr")
    weight_decay: float = _setting(1e-4, "weight decay, not on norms and biases")
    momentum: float = _setting(0.9, "momentum of sgd, beta1 of the others; onecycle moves it by 0.05 to either side")
    schedule: str = _setting("onecycle", "learning rate over the run", ("constant", "step", "polynomial", "onecycle"))
    warmup: float = _setting(0.0, "fraction of the steps over which the rate rises linearly (onecycle has its own)")
    gamma: float = _setting(0.1, "factor of the step schedule")
    step_epochs: int = _setting(10, "epochs between two steps of the step schedule")
    clip: float = _setting(1.0, "largest gradient norm; 0 does not clip")
    flip: bool = _setting(True, "mirror images at random")
    scale: tuple[float, float] = _setting((1.0, 1.0), "range of random zoom")
    crop: tuple[int, int] | None = _setting(None, "random crop of this size")
    jitter: float = _setting(0.0, "strength of random brightness, contrast and colour")
    augmentation: str = _setting("replace", "transformed images replace the originals or are appended to them", ("replace", "append"))
    ema: float = _setting(0.0, "decay of the average of the weights that is evaluated; 0 evaluates the weights themselves")
    patience: int = _setting(0, "stop after this many epochs without a better val mIoU; 0 never stops early")
    select: str = _setting("last", "which epoch's weights are kept", ("last", "best"))
    final: str = _setting("full", "at the end, score val and test at full size, val alone, or nothing", ("full", "val", "none"))
    seed: int = _setting(0, "seed of the initial weights, the order, the augmentation and the subset")
    device: str = _setting("auto", "auto takes a GPU where there is one", ("auto", "cpu", "cuda"))
    precision: str = _setting("auto", "auto: bfloat16 on a GPU, else float32", ("auto", "float32", "bfloat16", "float64"))
    compile: str = _setting("auto", "torch.compile of the model; auto: on a GPU", ("auto", "yes", "no"))
    deterministic: bool = _setting(False, "deterministic kernels on a GPU, at some cost (a CPU always is)")

    def __post_init__(self):
        for name, hint in typing.get_type_hints(type(self)).items():
            object.__setattr__(self, name, _coerce(name, getattr(self, name), hint))
        for setting in fields(self):
            choices, value = setting.metadata["choices"], getattr(self, setting.name)
            if choices and value is not None and value not in choices:
                raise ValueError(f"{setting.name}={value!r}: choose from {', '.join(choices)}")
        _check(self)


def _check(config: TrainConfig) -> None:
    """ValueError where a value is out of range or two settings contradict each other."""
    for name in ("epochs", "batch_size", "accumulate", "step_epochs"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name}={getattr(config, name)}: must be at least 1")
    for name in ("train_limit", "val_limit", "test_limit", "width", "depth", "images"):
        if getattr(config, name) is not None and getattr(config, name) < 1:
            raise ValueError(f"{name}={getattr(config, name)}: must be at least 1, or None")
    for name in ("lr", "encoder_lr", "weight_decay", "clip", "jitter", "patience", "seed"):
        if not getattr(config, name) >= 0:
            raise ValueError(f"{name}={getattr(config, name)}: must not be negative")
    for name in ("dropout", "ema", "momentum", "warmup"):
        if not 0 <= getattr(config, name) < 1:
            raise ValueError(f"{name}={getattr(config, name)}: must lie in [0, 1)")
    if not 0 < config.fraction <= 1:
        raise ValueError(f"fraction={config.fraction}: must lie in (0, 1]")
    if config.images is not None and config.images < config.batch_size:
        raise ValueError(f"images={config.images} is less than one batch of {config.batch_size}")
    if config.schedule == "onecycle" and config.warmup:
        raise ValueError("onecycle has its own warm-up: set warmup=0 or another schedule")


def _coerce(name, value, hint):
    """`value` as the annotated type. Strings are read as numbers, lists as tuples; ValueError names the field."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    kind = options[0]
    try:
        if typing.get_origin(kind) is tuple:
            inner = typing.get_args(kind)
            parts = tuple(_coerce(name, part, inner[0]) for part in (value.split("x") if isinstance(value, str) else value))
            if inner[-1] is not Ellipsis and len(parts) != len(inner):
                raise ValueError
            return parts
        if kind is bool or kind is str:
            if not isinstance(value, kind):
                raise ValueError
            return value
        number = float(value)
        if isinstance(value, bool) or (kind is int and number != int(number)):
            raise ValueError
        return int(value) if kind is int and isinstance(value, str) else kind(number)
    except (TypeError, ValueError, OverflowError):
        wanted = getattr(hint, "__name__", None) if isinstance(hint, type) else str(hint)
        raise ValueError(f"{name}={value!r}: expected {wanted}") from None


def to_dict(config: TrainConfig) -> dict:
    """Every field, as JSON knows it (tuples become lists)."""
    return json.loads(json.dumps(asdict(config)))


def from_dict(values: dict) -> TrainConfig:
    """The inverse of to_dict. Fields that are missing take their default; ValueError names fields this code does not know."""
    unknown = set(values) - {setting.name for setting in fields(TrainConfig)}
    if unknown:
        raise ValueError(f"unknown settings {', '.join(sorted(unknown))}: written by another version of the code")
    return TrainConfig(**values)


def resolve(config: TrainConfig) -> TrainConfig:
    """Fill in device and precision for this machine. ValueError where the device asked for is not there."""
    cuda = torch.cuda.is_available()
    device = config.device if config.device != "auto" else ("cuda" if cuda else "cpu")
    if device == "cuda" and not cuda:
        raise ValueError("device='cuda': no GPU is available here; use device='cpu' or 'auto'")
    precision = config.precision if config.precision != "auto" else ("bfloat16" if device == "cuda" else "float32")
    return replace(config, device=device, precision=precision)


def run_name(config: TrainConfig) -> str:
    """`<model>-<loss>-s<seed>-<8 hex>`; the hex is of the JSON of the fields off their default, device and precision resolved."""
    config = resolve(config)
    defaults = {setting.name: setting.default for setting in fields(TrainConfig)}
    changed = {name: value for name, value in asdict(config).items() if value != defaults[name]}
    digest = hashlib.sha256(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return f"{config.model}-{config.loss}-s{config.seed}-{digest[:8]}"


def model_options(config: TrainConfig) -> dict:
    """What models.build is told beyond name and classes: only what was changed, so that a family need not know the others' options."""
    defaults = {setting.name: setting.default for setting in fields(TrainConfig)}
    names = ("width", "depth", "depths", "skips", "fine_skips", "stem", "fc6_kernel", "fc_multiple", "dilations", "shift_whole")
    names += ("batch_norm", "dropout", "aux")
    return {name: getattr(config, name) for name in names if getattr(config, name) != defaults[name]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option per field of TrainConfig: --batch-size 8, --size 144x192, --no-flip."""
    hints = typing.get_type_hints(TrainConfig)
    group = parser.add_argument_group("settings of the run")
    for setting in fields(TrainConfig):
        option, choices = "--" + setting.name.replace("_", "-"), setting.metadata["choices"]
        shown = "x".join(map(str, setting.default)) if isinstance(setting.default, tuple) else setting.default
        text = setting.metadata["help"] + ("" if setting.default is None else f" (default: {shown})")
        if hints[setting.name] is bool:
            group.add_argument(option, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            metavar = None if choices else _metavar(hints[setting.name])
            group.add_argument(
                option, choices=choices, default=None, type=_reader(setting.name, hints[setting.name]), metavar=metavar, help=text
            )


def _metavar(hint) -> str:
    text = str(hint)
    return "AxB" if "tuple" in text else "N" if "int" in text else "X" if "float" in text else "NAME"


def _reader(name, hint):
    def read(text):
        try:
            return _coerce(name, text, hint)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def config_from(args: argparse.Namespace, base: TrainConfig | None = None) -> TrainConfig:
    """The config that the options of add_arguments ask for; what was not given comes from `base` (default: the defaults)."""
    given = {setting.name: getattr(args, setting.name, None) for setting in fields(TrainConfig)}
    return replace(base or TrainConfig(), **{name: value for name, value in given.items() if value is not None})
