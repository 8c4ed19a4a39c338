"""Measurements that no run makes: floors and ceilings of a data set, its class shares, and the cost of the models."""

import json
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from seglib import data, models, scores
from seglib import records as files
from seglib.models import cost
from seglib.study.profiles import MODELS, PROFILES
from seglib.study.store import RESULTS

FOREST_PIXELS = 200  # of each training picture
GRIDS = ((9, 12), (18, 24), (36, 48), (96, 192), (144, 192))  # cpu-full: 144x192 at strides 16, 8, 4 and 1, and the U-Nets at 96x192


def device() -> str:
    """The device a time was measured on, as it is named in a committed measurement."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def save(name: str, values: dict, results: Path | None = None) -> Path:
    """report/results/measure-<name>.json, sorted and rounded."""
    path = Path(results or RESULTS) / f"measure-{name}.json"
    files.write_atomic(path, (json.dumps(values, indent=1, sort_keys=True) + "\n").encode())
    return path


def baselines(dataset: str, profile: str = "cpu-full", results: Path | None = None) -> Path:
    """Floors, ceilings, shares and counts of the pictures that the runs of `profile` see -> path of the measurement."""
    limits = dict(zip(("train", "val", "test"), PROFILES[profile].limits[dataset]))
    splits = {split: data.load(dataset, split, limit=limits[split]) for split in ("train", "val", "test")}
    classes = splits["test"].labels.num_classes
    rng, seen, shown, held = np.random.default_rng(0), np.zeros(256, np.int64), [], []
    # Drawn scenes take time: each split is gone through once, and yields truths, counts and the forest's pixels on the way.
    truths = list(_truths(splits["test"], np.zeros(256, np.int64), held, 4000, rng))
    prior = scores.pixel_prior(_truths(splits["train"], seen, shown, FOREST_PIXELS, rng), truths, classes)
    values = {
        "floors": {"constant": _percent(scores.constant_class(truths, classes)[1]), "prior": _percent(prior)},
        "ceilings": {f"x{factor}": _percent(scores.subsampled_truth(truths, factor, classes)) for factor in (2, 4, 8, 16, 32)},
        "shares": {name: round(100 * count / seen[:classes].sum(), 4) for name, count in zip(splits["train"].labels.names, seen.tolist())},
        "counts": {split: len(found) for split, found in splits.items()},
        "data": {"forest": _forest(shown, held, classes)}
        | (_coarse(data.load(dataset, "test", annotation="coarse", limit=limits["test"]), truths, classes) if dataset != "camvid" else {}),
        "size": list(truths[0].shape),
    }
    return save(f"baselines-{dataset}", values, results)


def grids(dataset: str, results: Path | None = None) -> Path:
    """What the truth itself scores when it is decided cell by cell on each of GRIDS: the test pictures of cpu-full -> path."""
    found = data.load(dataset, "test", limit=PROFILES["cpu-full"].limits[dataset][2])
    truths = [np.asarray(found.truth(i)[0]) for i in range(len(found))]
    values = {f"{h}x{w}": _percent(scores.gridded_truth(truths, (h, w), found.labels.num_classes)) for h, w in GRIDS}
    return save(f"grids-{dataset}", {"grids": values, "counts": len(truths)}, results)


OF_DATA = {"baselines": baselines, "grids": grids}  # what `report --measure` measures of a data set


def _truths(found, seen: np.ndarray, shown: list, count: int, rng) -> Iterable[np.ndarray]:
    """The truths of a split; on the way, pixels per class into `seen` (256,) and `count` random pixels of every picture into `shown`."""
    for i in range(len(found)):
        sample = found[i]
        truth = np.asarray(sample.target)
        seen += np.bincount(truth.ravel(), minlength=256)
        shown.append(_pixels(np.asarray(sample.image), truth, rng, count))
        yield truth


def _percent(matrix) -> float:
    return round(100 * float(scores.mean_iou(matrix)), 3)


def _coarse(coarse, truths: list[np.ndarray], classes: int) -> dict[str, float]:
    """Coarse masks against fine ones: share of the pixels labelled, agreement there, and their mIoU as a ceiling."""
    labelled = agree = both = pixels = 0
    matrix = np.zeros((classes, classes + 1), np.int64)
    for i, truth in enumerate(truths):
        mask = np.asarray(coarse.truth(i)[0])
        pixels, labelled = pixels + mask.size, labelled + int((mask != 255).sum())
        known = (mask != 255) & (truth != 255)
        both, agree = both + int(known.sum()), agree + int((truth == mask)[known].sum())
        # Judged where the coarse mask says something: what it leaves void is no error of the mask.
        matrix += scores.confusion(np.where(mask == 255, 255, truth), mask, classes)
    return {
        "coarse-labelled": round(100 * labelled / pixels, 2),
        "coarse-agreement": round(100 * agree / both, 2),
        "coarse-miou": _percent(matrix),
    }


def _forest(shown: list, held: list, classes: int) -> float:
    """mIoU on `held` of a random forest that has seen the colour and row of the pixels `shown`: how far colour alone goes."""
    from sklearn.ensemble import RandomForestClassifier  # of tests/requirements.txt: only measuring needs it

    inputs, targets = (np.concatenate(part) for part in zip(*shown))
    forest = RandomForestClassifier(n_estimators=40, max_depth=16, min_samples_leaf=4, n_jobs=1, random_state=0).fit(inputs, targets)
    matrix = np.zeros((classes, classes + 1), np.int64)
    for inputs, targets in held:
        matrix += scores.confusion(targets[None], forest.predict(inputs).astype(np.uint8)[None], classes)
    return _percent(matrix)


def _pixels(image: np.ndarray, truth: np.ndarray, rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random labelled pixels of a picture: (n, 4) red, green, blue, row in [0, 1]; (n,) train ids."""
    rows, columns = (rng.integers(0, length, count) for length in truth.shape)
    targets = truth[rows, columns]
    inputs = np.column_stack([image[:, rows, columns].T / 255.0, rows / truth.shape[0]])
    return inputs[targets != 255], targets[targets != 255]


def model_costs(results: Path | None = None, *, time: bool = True) -> Path:
    """Parameters and FLOPs of the full-size models (19 classes), and, of the small ones, milliseconds and memory on this device."""
    table = {name: _model_cost(name, time) for name in (*MODELS, "fcn_baseline_bn", "fcn32s", "fcn16s", "cnn_j", "unet_lite0")}
    return save("models", {"device": device(), "python": platform.python_version(), "torch": torch.__version__, "models": table}, results)


def _model_cost(name: str, time: bool) -> dict[str, float]:
    with torch.device("meta"):
        model = models.build(name, 19)
    row = {
        "parameters": round(cost.parameters(model) / 1e6, 3),
        "gflops": round(cost.flops(model, (768, 768)) / 1e9, 1),
        "gflops-full": round(cost.flops(model, (1024, 2048)) / 1e9, 1),
    }
    if time:
        built = models.build(name, 19)
        row["milliseconds"] = round(cost.milliseconds(built, (256, 512), repeats=3), 1)
        row["memory"] = round(cost.peak_memory(built, (256, 512)), 0)
    return row


def speeds(results: Path | None = None, *, repeats: int = 7) -> Path:
    """FLOPs and milliseconds per picture of the models that cpu-full trains, on one thread: forward, and a training step of its batch.

    The records' own times were taken while other runs shared the machine; this is for an idle one.
    """
    threads, profile = torch.get_num_threads(), PROFILES["cpu-full"]
    torch.set_num_threads(1)
    try:
        options, size = profile.options, profile.size["camvid"]
        options = options | {"cnn_j": options["swin"], "fcn_baseline_bn": options["fcn_baseline"]}
        table = {name: _speed(models.build(name, 11, **chosen), size, repeats) for name, chosen in options.items()}
        # The narrow ones of the controls and of the experiments of many runs, each at the size it is trained at.
        table["fcn8s-small"] = _speed(models.build("fcn8s", 11, width=options["fcn8s"]["width"] // 2), size, repeats)
        table["unet-small"] = _speed(models.build("unet", 11, width=profile.unet_width), profile.small_size["camvid"], repeats)
        values = {"device": device(), "size": list(profile.size["camvid"]), "torch": torch.__version__, "models": table}
    finally:
        torch.set_num_threads(threads)
    return save("speed", values, results)


def _speed(model: torch.nn.Module, size: tuple[int, int], repeats: int) -> dict[str, float]:
    return {
        "gflops": round(cost.flops(model, size) / 1e9, 2),
        "milliseconds": round(cost.milliseconds(model.eval(), size, repeats=repeats), 1),
        "training-milliseconds": round(cost.milliseconds(model.train(), size, batch=8, repeats=repeats, train=True), 1),
    }


OF_MODELS = {"models": model_costs, "speed": speeds}  # what `report --measure` measures of the models


def encoder_times(sides: tuple[int, ...], repeats: int = 11) -> dict:
    """Milliseconds of a forward pass of the narrow ViT and Swin at square images on this device, one thread: medians of `repeats`.

    The two take turns, so that whatever else the machine does meets both.
    """
    built = {name: models.build(name, 19, width=width).eval() for name, width in (("vit", 192), ("swin", 48))}
    threads, taken = torch.get_num_threads(), {name: {side: [] for side in sides} for name in built}
    torch.set_num_threads(1)
    try:
        measured_on = device().replace(" 1 threads", " 1 thread")
        for side in (side for side in sides for _ in range(repeats)):
            for name, net in built.items():
                taken[name][side].append(cost.milliseconds(net, (side, side), repeats=1))
    finally:
        torch.set_num_threads(threads)
    measured = {name: [round(float(np.median(times)), 2) for times in found.values()] for name, found in taken.items()}
    return {"device": measured_on, "sides": list(sides)} | measured
