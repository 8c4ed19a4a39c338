"""What goes wrong while a run trains: processes killed, disks full, files edited, numbers that are not numbers. Kills are real."""

import contextlib
import json
import os
import random
import shutil
import signal
import time

import pytest
import torch
from training_helpers import Nursery, child, config, load, weights_digest

from seglib import checkpoints, data, training
from seglib.training import batches, optimisation, state

KILLED = {"unet": {"images": 640}, "vit": {"images": 640, "model": "vit", "width": 64, "depth": 1, "dropout": 0.1, "ema": 0.9}}


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(data, "load", load)


@pytest.fixture(scope="module")
def nursery():
    found = Nursery()
    yield found
    found.close()


def kill_and_resume(tmp_path, nursery, settings: dict, kills: int) -> None:
    """SIGKILL at random times; every state found on the way can be read, and the weights end as those of an undisturbed run."""
    name, rng, killed = training.run_name(config(**settings)), random.Random(7), 0
    nursery.start(tmp_path / "whole", **settings)
    begun = time.monotonic()
    assert nursery.wait() == 0
    longest = time.monotonic() - begun
    wanted = weights_digest(tmp_path / "whole", name)
    folder = tmp_path / "killed"
    while killed < kills or not (folder / f"{name}.json").exists():
        process = nursery.start(folder, **settings)
        if killed < kills:
            time.sleep(rng.uniform(0.02, longest / 3))
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(process, signal.SIGKILL)
        code = nursery.wait()
        assert code in (0, -signal.SIGKILL)
        killed += code == -signal.SIGKILL
        with pytest.WarningsRecorder() as recorder:
            saved = checkpoints.latest(folder / name)
        assert not recorder.list, "a checkpoint was unreadable"
        assert saved is None or saved["step"] > 0
        if code == 0:
            assert weights_digest(folder, name) == wanted
            if killed < kills:
                shutil.rmtree(folder)  # it ended before enough kills: once more from the start
    assert list((folder / name).glob("step-*")) == []


def test_5_kills(tmp_path, nursery):
    kill_and_resume(tmp_path, nursery, KILLED["unet"], 5)


@pytest.mark.slow
@pytest.mark.parametrize("model", KILLED)
def test_25_kills(tmp_path, nursery, model):
    kill_and_resume(tmp_path, nursery, KILLED[model], 25)


def test_two_processes_on_one_run(tmp_path):
    settings = {"epochs": 500}
    first = child(tmp_path, **settings)
    name = training.run_name(config(**settings))
    try:
        while not list((tmp_path / name).glob("step-*.pt")) and first.poll() is None:
            time.sleep(0.05)
        with pytest.raises(checkpoints.Busy, match=f"process {first.pid} works on this run"):
            training.train(config(**settings), folder=tmp_path, progress=False)
    finally:
        first.terminate()
        _, errors = first.communicate(timeout=60)
    # SIGTERM saved and stopped it; what follows continues from there.
    assert first.returncode != 0 and "start it again to continue" in errors
    assert checkpoints.latest(tmp_path / name)["step"] > 0


def test_disk_full_while_training(tmp_path, monkeypatch):
    """The limit on file sizes stands for the full disk (test_checkpoints writes into a real one)."""
    real, name = checkpoints._write_synced, training.run_name(config(epochs=4))

    def full(path, content):
        if "000000012" in path.name:
            real(path, bytes(content)[:1000])
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(checkpoints, "_write_synced", full)
    with pytest.raises(OSError, match="No space left on device.*intact") as caught:
        training.train(config(epochs=4), folder=tmp_path, progress=False)
    assert "step-000000012.pt" in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setattr(data, "load", load)
    assert checkpoints.latest(tmp_path / name)["step"] == 8
    assert training.train(config(epochs=4), folder=tmp_path, progress=False).history[-1]["epoch"] == 4


@pytest.mark.parametrize("poison", ["loss", "gradient"])
def test_nan_stops_before_the_step_and_names_the_files(tmp_path, monkeypatch, poison):
    """At the sixth step the loss, or the gradient alone, is not a number: weights and batch norm statistics stay finite."""
    count = iter(range(100))

    def make_loss(config, num_classes, counts):
        def loss(logits, target, reduce=None):
            value = torch.nn.functional.cross_entropy(logits, target.long(), ignore_index=255)
            if torch.is_grad_enabled() and next(count) == 5:
                return value * float("nan") if poison == "loss" else value + (logits * 0).clamp(min=0).sqrt().sum()
            return value

        return loss

    monkeypatch.setattr(state, "make_loss", make_loss)
    with pytest.raises(training.NonFinite, match="step 6, which was not taken. Images: train/") as caught:
        training.train(config(), folder=tmp_path, progress=False)
    names = str(caught.value).split("Images: ")[1].split(". Lower")[0].split(", ")
    assert len(names) == 4 and set(names) <= set(load("", "train", size=(32, 48)).names)
    saved = checkpoints.latest(tmp_path / training.run_name(config()))
    assert saved["step"] == 4 and all(torch.isfinite(value).all() for value in saved["model"].values())


def test_edited_record(tmp_path):
    record = training.train(config(epochs=1), folder=tmp_path, progress=False)
    path = tmp_path / f"{record.name}.json"
    content = json.loads(path.read_text())
    for change, message in (({"lr": 0.5}, "was edited"), ({"novelty": 1}, "novelty.*another version")):
        path.write_text(json.dumps(content | {"config": content["config"] | change}))
        with pytest.raises(ValueError, match=message):
            training.train(config(epochs=1), folder=tmp_path, progress=False)
    path.write_text(json.dumps(content | {"version": 99}))
    with pytest.raises(ValueError, match="version 99.*update the code"):
        training.train(config(epochs=1), folder=tmp_path, progress=False)
    path.write_text(path.read_text()[:500])
    with pytest.raises(ValueError, match="not a record"):
        training.train(config(epochs=1), folder=tmp_path, progress=False)
    assert (tmp_path / record.name / "weights.pt").exists()  # nothing finished is lost
    again = training.train(config(epochs=1), folder=tmp_path, force=True, progress=False)
    assert again.history[-1]["loss"] == record.history[-1]["loss"]


def test_checkpoint_of_another_config(tmp_path):
    name = training.run_name(config())
    checkpoints.save(tmp_path / name, 4, {"config": json.dumps(training.to_dict(config(lr=0.5))), "step": 4})
    with pytest.raises(ValueError, match="of another config"):
        training.train(config(), folder=tmp_path, progress=False)


def test_damaged_checkpoint_while_resuming(tmp_path):
    """The newest checkpoint is cut: training goes on from the one before and ends the same."""
    settings, name = config(epochs=4), training.run_name(config(epochs=4))
    whole = training.train(settings, folder=tmp_path / "whole", progress=False)
    folder = tmp_path / "cut" / name
    _train_until(settings, tmp_path / "cut", 12)
    newest = max(folder.glob("step-*.pt"))
    assert newest.name == "step-000000012.pt"
    newest.write_bytes(newest.read_bytes()[:5000])
    with pytest.warns(UserWarning, match="going back to the checkpoint before it"):
        again = training.train(settings, folder=tmp_path / "cut", progress=False)
    assert again.history[-1]["loss"] == whole.history[-1]["loss"]


def _train_until(settings, folder, step: int) -> None:
    """Train to `step`, where something breaks."""
    with pytest.MonkeyPatch.context() as patch:
        real = optimisation.rates

        def rates(config, now, *rest):
            if now == step:
                raise RuntimeError("broken")
            return real(config, now, *rest)

        patch.setattr(optimisation, "rates", rates)
        with pytest.raises(RuntimeError, match="broken"):
            training.train(settings, folder=folder, progress=False)


class Broken:
    """A data set whose third image cannot be read, or hangs."""

    def __init__(self, hang: bool):
        self.inner, self.hang = load("camvid", "train", size=(32, 48)), hang
        self.name, self.split, self.names, self.labels = "camvid", "train", self.inner.names, self.inner.labels

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, i):
        if i == 3 and self.hang:
            time.sleep(3)
        if i == 3 and not self.hang:
            raise ValueError("train/003.png: damaged (CRC)")
        return self.inner[i]


@pytest.mark.parametrize("hang", [False, True])
def test_an_image_that_cannot_be_read(monkeypatch, hang):
    """The error of a reading thread arrives as it is, with its file; a thread that hangs is given up."""
    monkeypatch.setattr(batches, "_room", lambda device: 0)
    monkeypatch.setattr(batches, "TIMEOUT", 1)
    source, settings = batches.Source(Broken(hang), "cpu"), config()
    plan = batches.Plan(settings, len(source))
    with pytest.raises(RuntimeError if hang else ValueError, match="no batch for|003.png: damaged"):
        for _ in batches.stream(settings, source, plan, 0):
            pass
