"""Two gloo processes against one: the same weights, the same counts, and an end instead of a hang when one of them dies."""

import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from training_helpers import child, config

from seglib import checkpoints, records, training

EXACT = {"precision": "float64", "optimiser": "sgd", "lr": 0.05, "schedule": "constant", "images": 80, "jitter": 0.2}
MODELS = {
    "vit": {"model": "vit", "width": 64, "depth": 1, "freeze_batch_norm": True},  # its decoder has batch norm
    "fcn8s": {"model": "fcn8s", "width": 4, "batch_norm": False},
    "unet": {"model": "unet", "freeze_batch_norm": True},
}


def two_processes():
    """torchrun, on a free port."""
    return (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0")


def finish(process: subprocess.Popen) -> tuple[int, str]:
    out, errors = process.communicate(timeout=300)
    return process.returncode, out + errors


@pytest.mark.parametrize("loss", ["soft_iou", pytest.param("cross_entropy", marks=pytest.mark.slow)])
@pytest.mark.parametrize("model", [pytest.param("vit", marks=pytest.mark.slow), pytest.param("fcn8s", marks=pytest.mark.slow), "unet"])
def test_two_processes_equal_one(tmp_path, model, loss):
    settings = EXACT | MODELS[model] | {"loss": loss}
    name = training.run_name(config(**settings))
    for folder, program in (("one", (sys.executable,)), ("two", two_processes())):
        code, text = finish(child(tmp_path / folder, program=program, **settings))
        assert code == 0, text
    one, two = (checkpoints.read(tmp_path / folder / name / "weights.pt")["model"] for folder in ("one", "two"))
    gap = max((one[key] - two[key]).abs().max().item() for key in one if one[key].is_floating_point())
    assert gap < 1e-5
    first, second = (records.load(tmp_path / folder / f"{name}.json") for folder in ("one", "two"))
    assert first.history[-1]["step"] == 20
    for split in ("val", "test"):
        assert np.array_equal(first.scores[split].matrix, second.scores[split].matrix)
        assert np.array_equal(first.scores[split].tp, second.scores[split].tp)
    assert second.environment["device"].startswith("2 x ")


def test_a_killed_process_ends_the_job(tmp_path):
    job = child(tmp_path, program=two_processes(), epochs=3000)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("*/step-*.pt")) and time.monotonic() < deadline and job.poll() is None:
            time.sleep(0.2)
        workers = [process for process in psutil.Process(job.pid).children() if "training_helpers.py" in " ".join(process.cmdline())]
        assert len(workers) == 2
        workers[1].send_signal(signal.SIGKILL)
        code, text = finish(job)
    finally:
        job.kill()
    assert code != 0 and "-9" in text
