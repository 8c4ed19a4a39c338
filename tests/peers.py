"""The rules a loss must keep, measured on ours and on other libraries': the table behind the note on losses.

    PYTHONPATH=. python tests/peers.py           # print it (with tests/requirements-peers.txt installed)
    PYTHONPATH=. python tests/peers.py --write   # and keep it as report/results/measure-peers.json

19 classes of which 5 are present, 31 % of the pixels void. A library without a void label is given void as class 0, as its users do.
"""

import functools
import importlib
import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from seglib import losses
from seglib.labels import IGNORE

K, PRESENT, VOID = 19, 5, 0.31
RULES = ("perfect", "void", "absent", "all void", "float16", "pooled", "wrong label")


def case(batch: int = 2, size: int = 64) -> tuple[Tensor, Tensor]:
    """Random logits (B, 19, H, W) float64 and labels (B, H, W) int64."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, PRESENT, (batch, size, size), generator=generator)
    target[torch.rand(target.shape, generator=generator) < VOID] = IGNORE
    return torch.randn(batch, K, size, size, generator=generator, dtype=torch.float64), target


def _told(function: Callable[[], object]):
    """A measured value, or the name of the exception in its place."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - whatever another library raises is the finding
        return type(error).__name__


def perfect(loss) -> float:
    """Cost of a perfect prediction; 0 is right."""
    _, target = case()
    truth = F.one_hot(target.masked_fill(target == IGNORE, 0), K).movedim(3, 1)
    # Under void the net says class 9, not 0: a loss that sees void pixels is seen.
    other = F.one_hot(torch.full_like(target, 9), K).movedim(3, 1)
    logits = torch.where((target == IGNORE).unsqueeze(1), other, truth).float()
    return round(loss(100 * (logits - 0.5), target).item(), 4)  # +-50: perfect for a softmax and for a sigmoid per class


def void(loss) -> float:
    """Change of the loss when the net says class 9 instead of class 0 under void, and the same elsewhere; 0 is right."""
    logits, target = case()
    hidden = (target == IGNORE).unsqueeze(1)
    says = [torch.where(hidden, 10 * F.one_hot(torch.full_like(target, c), K).movedim(3, 1), logits).float() for c in (0, 9)]
    return round((loss(says[1], target) - loss(says[0], target)).abs().item(), 5)


def absent(loss) -> float:
    """Cost of uniform logits: near 1 (ln 19 for entropies) when absent classes are left out, small when they count as solved."""
    _, target = case()
    return round(loss(torch.zeros(2, K, 64, 64), target).item(), 4)


def all_void(loss):
    """Value where no pixel is valid, and the largest gradient; 0 and 0 are right."""
    logits = case()[0].float().requires_grad_()
    value = loss(logits, torch.full((2, 64, 64), IGNORE))
    if value.dim():
        return f"shape {tuple(value.shape)}"
    value.backward()
    return [round(value.item(), 4), round(logits.grad.abs().max().item(), 6)]


def float16(loss) -> float:
    """Relative error with float16 logits of 300 x 300 pixels; below 0.01 is right."""
    logits, target = case(1, 300)
    exact = loss(logits, target).item()
    return round(abs(loss(logits.half(), target).item() - exact) / exact, 4)


def pooled(loss) -> bool:
    """Whether two images count as one set of pixels (True) or as the mean of two losses."""
    logits, target = case()
    target[0] = torch.where(target[0] < 2, 0, target[0])
    single = sum(loss(logits[i : i + 1].float(), target[i : i + 1]).item() for i in range(2)) / 2
    return abs(loss(logits.float(), target).item() - single) > 1e-5


def wrong_label(loss):
    """What a label of 19 does: an exception is right."""
    logits, target = case()
    target[0, 0, 0] = K
    return round(loss(logits.float(), target).item(), 4)


def gradient(loss) -> float:
    """L1 norm of the gradient at uniform logits: no rule, but what a learning rate multiplies."""
    _, target = case()
    logits = torch.zeros(2, K, 64, 64, requires_grad=True)
    loss(logits, target).backward()
    return round(logits.grad.abs().sum().item(), 4)


MEASURES = {"perfect": perfect, "void": void, "absent": absent, "all void": all_void, "float16": float16, "pooled": pooled,
            "wrong label": wrong_label, "gradient": gradient}  # fmt: skip


def passes(row: dict) -> dict[str, bool]:
    """Which rules a row of measurements keeps."""
    number = lambda value: isinstance(value, float)  # noqa: E731
    return {
        "perfect": number(row["perfect"]) and abs(row["perfect"]) < 1e-3,
        "void": number(row["void"]) and row["void"] < 1e-5,
        "absent": number(row["absent"]) and row["absent"] > 0.9,
        "all void": row["all void"] == [0, 0],
        "float16": number(row["float16"]) and row["float16"] < 0.01,
        "pooled": row["pooled"] is True,
        "wrong label": isinstance(row["wrong label"], str),
    }


def ours() -> dict[str, Callable]:
    weights = losses.median_frequency_weights([1] * K)
    bound = {"weighted_cross_entropy": functools.partial(losses.weighted_cross_entropy, weights=weights)}
    return {f"seglib {name}": loss for name, loss in (losses.LOSSES | bound).items()}


def torch_losses() -> dict[str, Callable]:
    return {"torch cross_entropy": functools.partial(F.cross_entropy, ignore_index=IGNORE)}


def smp() -> dict[str, Callable]:
    module = importlib.import_module("segmentation_models_pytorch.losses")
    options = {"mode": "multiclass", "ignore_index": IGNORE}
    jaccard = module.JaccardLoss("multiclass")  # has no ignore_index
    return {
        "smp JaccardLoss": lambda z, y: jaccard(z, _void_to_0(y)),
        "smp DiceLoss": module.DiceLoss(**options),
        "smp LovaszLoss": module.LovaszLoss(**options),
        "smp FocalLoss": module.FocalLoss(**options),
    }


def monai() -> dict[str, Callable]:
    module = importlib.import_module("monai.losses")
    made = {name: getattr(module, name)(softmax=True, to_onehot_y=True) for name in ("DiceLoss", "GeneralizedDiceLoss")}
    return {f"MONAI {name}": lambda z, y, loss=loss: loss(z, _void_to_0(y).unsqueeze(1)) for name, loss in made.items()}


def _void_to_0(target: Tensor) -> Tensor:
    return target.masked_fill(target == IGNORE, 0)


# library -> (distribution, its losses)
LIBRARIES = {"torch": ("torch", torch_losses), "smp": ("segmentation-models-pytorch", smp), "MONAI": ("monai", monai)}


def measure(loss: Callable) -> dict:
    return {name: _told(functools.partial(function, loss)) for name, function in MEASURES.items()}


def table() -> dict:
    """{"versions": {...}, "absent": [libraries not installed], "losses": {name: measurements and the rules kept}}."""
    found, versions, missing = ours(), {}, []
    for library, (distribution, build) in LIBRARIES.items():
        try:
            found |= build()
            versions[library] = importlib.metadata.version(distribution)
        except ImportError:
            missing.append(library)
    rows = {name: measure(loss) for name, loss in found.items()}
    return {"versions": versions, "absent": missing, "losses": {name: row | {"kept": passes(row)} for name, row in rows.items()}}


def write(result: dict) -> Path:
    """report/results/measure-peers.json."""
    path = Path(__file__).resolve().parents[1] / "report" / "results" / "measure-peers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result | {"device": "CPU"}, indent=1, sort_keys=True) + "\n")
    return path


def main() -> None:
    result = table()
    for name, row in result["losses"].items():
        marks = "  ".join(f"{rule} {row[rule]}{'' if row['kept'][rule] else ' (x)'}" for rule in RULES)
        print(f"{name:30s} {marks}  gradient {row['gradient']}")
    if result["absent"]:
        print("not installed:", ", ".join(result["absent"]), "(pip install --no-deps -r tests/requirements-peers.txt)")
    if "--write" in sys.argv:
        write(result)


if __name__ == "__main__":
    main()
