"""How long a run takes: from the measured seconds of runs like it, else from rates measured on two quiet cores."""

import math

from seglib.records import Record
from seglib.study.job import SCORED, Job

# Training images per second on two quiet cores, float32, batch 8, at 144x192, and the width they were measured at.
CPU_RATES = {"fcn_baseline": (69, 16), "fcn_baseline_bn": (69, 16), "fcn8s": (13, 16), "fcn16s": (13, 16), "fcn32s": (13, 16),
             "unet": (8.8, 16), "vit": (14, 192), "swin": (13, 48), "cnn_j": (13, 48), "unet_lite0": (15, 16)}  # fmt: skip
CPU_NARROW_UNET = 16  # width 8
GPU_RATE = 90  # a rough figure for full-size models at 768x768 at a third of a data-centre GPU; replaced once a run is measured
GPU_SCORING = 0.1  # of the seconds that a CPU takes to score a picture
SCORING = {"streets": 0.6, "camvid": 0.08, "cityscapes": 0.6}  # seconds per picture scored at full size
PICTURES = {"streets": (100, 200), "camvid": (101, 233), "cityscapes": (300, 500)}  # val, test
OVERHEAD = 4  # seconds per run: data set, model, checkpoint


def seconds(job: Job, records: dict[str, Record]) -> float:
    """Estimated seconds of one job. records: the finished runs of this machine, whose costs are used where they are alike."""
    if job.role in SCORED:
        return OVERHEAD + SCORING[job.target] * min(SCORED[job.role], PICTURES[job.target][1])
    trained = [record for record in records.values() if record.cost.get("train_seconds")]  # scoring on another data set is no such run
    alike = [record.cost["seconds"] for record in trained if _like(record.config, job.config)]
    if alike:
        return sum(alike) / len(alike)
    scored = {"full": sum(_pictures(job.config.dataset, job.config)), "val": _pictures(job.config.dataset, job.config)[0], "none": 0}
    each = SCORING[job.config.dataset] * (GPU_SCORING if on_gpu(job.config) else 1)
    return OVERHEAD + _images(job.config) / _rate(job.config, records) + each * scored[job.config.final]


def on_gpu(config) -> bool:
    """Whether a run is meant for a GPU: the sizes of the gpu profile, on whatever device is found."""
    return config.device != "cpu" and math.prod(config.size) >= 180 * 240


def _like(config: dict, wanted) -> bool:
    same = ("dataset", "model", "width", "images", "epochs", "final", "val_limit", "test_limit", "device")
    return list(config["size"]) == list(wanted.size) and all(config.get(key) in (getattr(wanted, key), None) or
                                                            (key == "device" and wanted.device == "auto") for key in same)  # fmt: skip


def _pictures(dataset: str, config) -> tuple[int, int]:
    limits = (config.val_limit, config.test_limit)
    return tuple(min(count, limit or count) for count, limit in zip(PICTURES[dataset], limits))


def _images(config) -> int:
    return config.images or config.epochs * (config.train_limit or 1000)


def _rate(config, records: dict[str, Record]) -> float:
    """Images per second: of a record of the same model and width, scaled by the pixels, or of the table."""
    pixels = math.prod(config.size)
    for record in records.values():
        same = record.config["model"] == config.model and record.config.get("width") == config.width
        if same and record.cost.get("images_per_second"):
            return record.cost["images_per_second"] * math.prod(record.config["size"]) / pixels
    if on_gpu(config):
        return GPU_RATE * (64 / (config.width or 64)) * 768 * 768 / pixels
    rate, width = CPU_RATES[config.model]
    if config.model == "unet" and config.width == 8:
        rate, width = CPU_NARROW_UNET, 8
    return rate * (width / (config.width or width)) * 144 * 192 / pixels


def clock(duration: float) -> str:
    """Seconds as '45 s', '12 min' or '3 h 05 min'."""
    if duration < 90:
        return f"{duration:.0f} s"
    minutes = round(duration / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
