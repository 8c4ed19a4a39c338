"""Time and memory of the losses beside torch's cross_entropy, smp, MONAI and the original's formula, as ratios of one run.

    PYTHONPATH=. python tests/benchmarks/losses.py [--batch 8] [--size 768] [--rounds 3] [--write]

Forward + backward on this CPU, logits (B, 19, size, size) float32, labels in blocks with 10 % void. Memory is the largest sum of live
allocations during the forward pass, as multiples of the logits. Lovasz is compared with torch.sort of the same errors.
"""

import argparse
import importlib
import json
from pathlib import Path

import torch
from timing import paired, ratio
from torch.nn import functional as F

from seglib import losses
from seglib.labels import IGNORE

K = 19


def case(batch: int, size: int):
    generator = torch.Generator().manual_seed(0)
    blocks = torch.randint(0, K, (batch, size // 16, size // 16), generator=generator, dtype=torch.uint8)
    target = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)
    target[torch.rand(target.shape, generator=generator) < 0.1] = IGNORE
    return torch.randn(batch, K, size, size, generator=generator), target


def original_formula(logits, target):
    """The original study's IoU as it is written, one-hot and per image, with void left out."""
    valid = (target != IGNORE).unsqueeze(1)
    truth = F.one_hot(target.masked_fill(target == IGNORE, 0).long(), K).movedim(3, 1) * valid
    probability = logits.softmax(1) * valid
    overlap = (probability * truth).sum((2, 3))
    union = (probability + truth - probability * truth).sum((2, 3))
    return 1 - (overlap / union.clamp(min=1e-6)).mean()


def candidates() -> dict:
    """Name -> loss of (logits, uint8 labels, int64 labels)."""
    found = {"torch cross_entropy": lambda z, y, long: F.cross_entropy(z, long, ignore_index=IGNORE)}
    for name in ("cross_entropy", "soft_iou", "dice", "generalised_dice", "cross_entropy_dice"):
        found[f"seglib {name}"] = lambda z, y, long, loss=losses.LOSSES[name]: loss(z, y)
    found["original's IoU formula"] = lambda z, y, long: original_formula(z, y)
    try:
        module = importlib.import_module("segmentation_models_pytorch.losses")
        jaccard, dice = module.JaccardLoss("multiclass"), module.DiceLoss("multiclass", ignore_index=IGNORE)
        found["smp JaccardLoss (no void)"] = lambda z, y, long: jaccard(z, long.masked_fill(long == IGNORE, 0))
        found["smp DiceLoss"] = lambda z, y, long: dice(z, long)
    except ImportError:
        print("smp is not installed: pip install --no-deps -r tests/requirements-peers.txt")
    try:
        monai = importlib.import_module("monai.losses").DiceLoss(softmax=True, to_onehot_y=True)
        found["MONAI DiceLoss (no void)"] = lambda z, y, long: monai(z, long.masked_fill(long == IGNORE, 0).unsqueeze(1))
    except ImportError:
        print("MONAI is not installed: pip install --no-deps -r tests/requirements-peers.txt")
    return found


def step(loss, logits, target, long):
    leaf = logits.detach().requires_grad_()
    loss(leaf, target, long).backward()


def forward_peak(loss, logits, target, long) -> float:
    """Largest sum of live allocations during the forward pass, in multiples of the logits."""
    leaf = logits.detach().requires_grad_()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        kept = loss(leaf, target, long)
    del kept
    live = peak = 0
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak / (logits.numel() * logits.element_size())


def presorted(logits, target):
    """The errors that Lovasz sorts, one row per class, made beforehand so that only the sort is timed."""
    probability = logits.softmax(1)
    return [torch.where(target == c, 1 - probability[:, c], probability[:, c]).flatten() for c in range(K)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="report/results/measure-losses.json")
    arguments = parser.parse_args()
    logits, target = case(arguments.batch, arguments.size)
    long = target.long()
    found = candidates()
    step(found["torch cross_entropy"], logits, target, long)  # warm up
    seconds = paired({name: lambda loss=loss: step(loss, logits, target, long) for name, loss in found.items()}, arguments.rounds)
    rows = {
        name: {
            "milliseconds": round(1000 * sorted(seconds[name])[len(seconds[name]) // 2], 1),
            "times cross_entropy": round(ratio(seconds, name, "torch cross_entropy"), 2),
            "forward memory, times the logits": round(forward_peak(loss, logits, target, long), 2),
        }
        for name, loss in found.items()
    }
    rows |= lovasz_rows(logits, target, max(1, arguments.rounds // 3))
    for name, row in rows.items():
        print(f"{name:28s} " + "  ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.write:
        write("losses", {"logits": list(logits.shape), "rows": rows})


def lovasz_rows(logits, target, rounds: int) -> dict:
    errors = presorted(logits, target)
    pair = {
        "torch.sort of its errors": lambda: [row.sort(descending=True) for row in errors],
        "seglib lovasz": lambda: step(lambda z, y, long: losses.lovasz(z, y), logits, target, None),
    }
    seconds = paired(pair, rounds)
    peak = forward_peak(lambda z, y, long: losses.lovasz(z, y), logits, target, None)
    times = {name: {"milliseconds": round(1000 * min(values), 1)} for name, values in seconds.items()}
    extra = {"times the sort": round(ratio(seconds, *reversed(pair)), 2), "forward memory, times the logits": round(peak, 2)}
    return times | {"seglib lovasz": times["seglib lovasz"] | extra}


def write(name: str, values: dict) -> None:
    """report/results/measure-<name>.json, with the device and versions."""
    path = Path(__file__).resolve().parents[2] / "report" / "results" / f"measure-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    values |= {"device": f"CPU, {torch.get_num_threads()} thread(s)", "torch": torch.__version__}
    values |= {"note": "candidates were timed in turn beside other work: read the ratios, not the milliseconds"}
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
