"""Running a study: everything once, in order, within the minutes; failures are kept apart; nothing finished is repeated."""

import dataclasses
import types

import numpy as np
import pytest
from study_helpers import fake_train, finish
from training_helpers import SMALL, load

from seglib import data, evaluation, records, study, training
from seglib.study import estimates, runs, store, sweeps, transfer
from seglib.study.job import Job
from seglib.study.plans import jobs
from seglib.study.profiles import CONVNET_RATES


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project of its own: runs/ and report/results below tmp_path."""
    monkeypatch.delenv("SEGLIB_OUTPUT")
    for name in ("SEGLIB_PROFILE", "SEGLIB_DATASET", "CAMVID_DATASET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "ROOT", tmp_path)
    monkeypatch.setattr(store, "RESULTS", tmp_path / "report" / "results")
    return tmp_path


def quiet(*_):
    """No progress."""


def test_everything_is_trained_once_and_then_nothing(place, monkeypatch):
    log = []
    monkeypatch.setattr(training, "train", fake_train(log))
    made = study.run("cpu", "streets", workers=1, say=quiet)
    assert made == log
    assert len(log) == len(set(log)) == 5 + 9 + 3 + 9  # the rate below each winner is tried in full
    assert log[0].startswith("unet-cross_entropy-s0")
    assert study.run("cpu", "streets", workers=1, say=quiet) == []
    assert len(log) == 26
    assert sum(map(len, study.groups("cpu", "streets", "losses").values())) == 9
    assert [found.config["model"] for found in study.records("cpu", "streets", "architectures")] == list(study.MODELS)


def test_only_trains_one_experiment_or_a_notebooks(place, monkeypatch):
    log = []
    monkeypatch.setattr(training, "train", fake_train(log))
    study.run("cpu", "streets", only=["architectures"], workers=1, say=quiet)
    assert len(log) == 5
    study.run("cpu", "streets", only=["07"], workers=1, say=quiet)
    assert len(log) == 5 + 21


def test_an_experiment_alone_trains_the_sweeps_it_waits_for(place, monkeypatch):
    log = []
    monkeypatch.setattr(training, "train", fake_train(log))
    study.run("smoke", "streets", only=["transforms"], workers=1, say=quiet)
    assert len(log) == 2 + 6  # two rates of cross-entropy; of the seven arms two are the same run
    assert set(study.groups("smoke", "streets", "transforms")) >= {"none", "flip", "crop-append"}
    assert study.run("smoke", "streets", only=["08"], workers=1, say=quiet) == []


def test_no_run_begins_that_cannot_end_in_time(place, monkeypatch):
    log, clock = [], [0.0]
    fake = fake_train(log)

    def train(config, *, folder):
        clock[0] += estimates.seconds(next(job for job in jobs("cpu", "streets", store.finished("cpu")) if job.config == config), {})
        return fake(config, folder=folder)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(runs, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    assert study.run("cpu", "streets", minutes=0, workers=1, say=quiet) == []
    made = study.run("cpu", "streets", only=["architectures"], minutes=6, workers=1, say=quiet)
    assert 0 < len(made) < 5
    assert clock[0] <= 360


def test_an_interrupted_study_goes_on(place, monkeypatch):
    log = []
    monkeypatch.setattr(training, "train", fake_train(log))
    everything = study.run("smoke", "camvid", only=["losses"], workers=1, say=quiet)
    for name in everything[3:]:
        (store.folder("smoke", "camvid") / f"{name}.json").unlink()
    log.clear()

    def stop(config, *, folder):
        if len(log) == 2:
            raise training.Stopped
        return fake_train(log)(config, folder=folder)

    monkeypatch.setattr(training, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        study.run("smoke", "camvid", only=["losses"], workers=1, say=quiet)
    monkeypatch.setattr(training, "train", fake_train(log))
    study.run("smoke", "camvid", only=["losses"], workers=1, say=quiet)
    assert log == everything[3:]


def test_a_failure_is_reported_at_the_end_and_stops_nothing_else(place, monkeypatch):
    first = study.plan("cpu", "streets", {})["architectures"][1]
    log = []
    monkeypatch.setattr(training, "train", fake_train(log, fails={training.run_name(first): ValueError("no such weights")}))
    with pytest.raises(RuntimeError, match="1 of the study's runs failed.*no such weights"):
        study.run("cpu", "streets", workers=1, say=quiet)
    assert len(log) == 26


def test_weights_that_are_elsewhere_stop_their_own_jobs_only(place, monkeypatch):
    log = []
    monkeypatch.setattr(training, "train", fake_train(log))
    study.run("smoke", "camvid", only=["architectures"], workers=1, say=quiet)
    with pytest.raises(RuntimeError, match="5 of the study's runs failed.*weights.pt"):  # made-up records have no weights
        study.run("smoke", "streets", only=["generalisation", "original"], workers=1, say=quiet)
    assert len(log) == 9 + 3  # five families and four controls; the fifth is FCN-8s itself at this width


def test_missing_data_stop_the_study(place, monkeypatch):
    log = []
    fails = {training.run_name(c): FileNotFoundError("CamVid: no folder") for c in study.plan("cpu", "camvid", {})["losses"]}
    monkeypatch.setattr(training, "train", fake_train(log, fails=fails))
    with pytest.raises(FileNotFoundError, match="no folder"):
        study.run("cpu", "camvid", only=["losses"], workers=1, say=quiet)
    assert len(log) == 1


def test_a_full_disk_stops_the_study(place, monkeypatch):
    names = [training.run_name(config) for config in study.plan("cpu", "streets", {})["losses"]]
    log = []
    monkeypatch.setattr(training, "train", fake_train(log, fails={names[0]: OSError(28, "No space left on device", "x.json")}))
    with pytest.raises(OSError, match="No space"):
        study.run("cpu", "streets", workers=1, say=quiet)
    assert len(log) == 1


def test_a_rate_that_diverges_loses_its_sweep(place, monkeypatch):
    bad = [config for config in study.plan("cpu", "streets", {})["losses"] if config.lr == max(CONVNET_RATES)]
    fails = {training.run_name(config): training.NonFinite("loss is nan in batch 3") for config in bad}
    monkeypatch.setattr(training, "train", fake_train([], fails=fails))
    study.run("cpu", "streets", only=["losses"], workers=1, say=quiet)
    kept = records.load(store.folder("cpu", "streets") / f"{training.run_name(bad[0])}.json")
    assert kept.environment["diverged"].startswith("loss is nan")
    assert {found.config["lr"] for found in study.records("cpu", "streets", "losses")} == {CONVNET_RATES[1]}


def test_two_data_sets_take_turns(place, monkeypatch):
    order = []
    fake = fake_train()

    def train(config, *, folder):
        order.append(config.dataset)
        return fake(config, folder=folder)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setenv("CAMVID_DATASET", "/somewhere")
    study.run("cpu", only=["losses"], workers=1, say=quiet)
    turns = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    assert turns == ["streets", "camvid", "streets", "camvid"]
    assert order.count("streets") == order.count("camvid") == 21


def test_status_counts_done_missing_and_waiting(place, monkeypatch):
    monkeypatch.setattr(training, "train", fake_train())
    assert "23 min" not in study.status("cpu", "streets")
    before = study.status("cpu", "streets", ["losses"]).splitlines()[1].split()
    assert before[1:5] == ["losses", "0", "9", "9"]
    study.run("cpu", "streets", only=["losses"], workers=1, say=quiet)
    assert study.status("cpu", "streets", ["losses"]).splitlines()[1].split()[1:6] == ["losses", "21", "0", "0", "done"]
    listed = study.status("cpu", "streets", runs=True)
    assert all(training.run_name(config) in listed for config in study.plan("cpu", "streets", {})["architectures"])


def test_status_and_run_name_the_same_time(place, monkeypatch):
    monkeypatch.setattr(training, "train", fake_train())
    said = {}
    for slots in (1, 3):
        monkeypatch.setattr(runs.pools, "count", lambda slots=slots: slots)
        announced = []
        runs._announce("cpu", ("streets",), ["08"], {}, slots, announced.append)
        time = announced[0].split("about ")[1].split(" (")[0]
        said[slots] = study.status("cpu", "streets", ["08"]).splitlines()[-1]
        assert f"about {time} to go" in said[slots] and f"{slots} at once" in said[slots]
        assert f"{announced[0].split(': ')[1].split()[0]} runs" in said[slots]
    assert said[1] != said[3]


def test_status_is_of_the_data_sets_that_run_works_on(place, monkeypatch):
    assert "camvid" not in study.status("cpu")
    monkeypatch.setenv("CAMVID_DATASET", "somewhere")
    assert "camvid" in study.status("cpu")


def test_estimates_follow_what_was_measured():
    found = finish("cpu", "streets")
    job = next(job for job in jobs("cpu", "streets", found) if job.role == "run" and job.arm == "unet")
    guessed = estimates.seconds(job, {})
    like = found[job.name]
    like.cost |= {"seconds": 77.0}
    assert estimates.seconds(job, {job.name: like}) == 77.0
    assert 150 < guessed < 400  # 1,600 images at 8.8 a second, and the scoring
    other = dataclasses.replace(
        like, config=like.config | {"images": 99, "size": [72, 96]}, cost={"images_per_second": 4.0, "seconds": 1.0}
    )
    assert estimates.seconds(job, {"other": other}) > 1600 / 4.0


# --- successive halving


def test_halving_budget():
    assert sweeps.halving(36, 4, 120) == [(36, 120), (18, 240), (9, 480), (5, 960)]


def test_halving_keeps_the_better_half_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    base = training.TrainConfig(dataset="camvid", width=8)
    grid = {"lr": ("1e-4", "1e-3", "1e-2"), "dropout": ("0", "0.1")}
    log = []
    monkeypatch.setattr(sweeps, "train", fake_train(log, lambda config: (config.lr * 10 + config.dropout / 10 + config.images / 1e5, 0)))
    frame = sweeps.sweep(base, grid, folder=tmp_path, rounds=3, first_images=40)
    assert len(log) == 6 + 3 + 2
    assert list(frame["candidate"][:2]) == ["lr 0.01, dropout 0.1", "lr 0.01, dropout 0"]
    assert list(frame["state"]) == ["complete"] * 2 + ["pruned"] * 4
    curves = sweeps.curves(frame)
    assert [images for images, _ in curves["lr 0.01, dropout 0.1"]] == [40, 80, 160]
    log.clear()
    again = sweeps.sweep(base, grid, folder=tmp_path, rounds=3, first_images=40)
    assert log == []
    assert again.equals(frame)


def test_a_killed_sweep_ends_like_an_undisturbed_one(tmp_path, monkeypatch):
    base, grid = training.TrainConfig(dataset="camvid", width=8), {"lr": (1e-4, 1e-3, 1e-2, 3e-2)}
    log = []
    fake = fake_train(log, lambda config: (config.lr, 0))

    def dies(config, *, folder):
        if len(log) == 3:
            raise KeyboardInterrupt
        return fake(config, folder=folder)

    monkeypatch.setattr(sweeps, "train", dies)
    with pytest.raises(KeyboardInterrupt):
        sweeps.sweep(base, grid, folder=tmp_path / "a", rounds=2, first_images=40)
    monkeypatch.setattr(sweeps, "train", fake)
    frame = sweeps.sweep(base, grid, folder=tmp_path / "a", rounds=2, first_images=40)
    assert len(log) == 4 + 2
    assert frame.equals(sweeps.sweep(base, grid, folder=tmp_path / "b", rounds=2, first_images=40))


@pytest.mark.parametrize("words", [["nonsense"], ["lr="], ["learning=1"]])
def test_a_wrong_grid_is_named(words):
    with pytest.raises(ValueError, match="--grid"):
        sweeps.candidates(training.TrainConfig(), sweeps.read_grid(words))


def test_locked_pictures_begin_where_the_others_end(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", load)
    config = training.TrainConfig(**SMALL, test_limit=1)
    trained = training.train(config, folder=tmp_path)
    job = Job("confirmation", "losses", "cross_entropy", 96, "locked", config, "camvid")
    found = transfer.locked(job, tmp_path, begin=1, count=2)
    assert found.name == f"{trained.name}-locked"
    model, _ = training.load_model(tmp_path, trained.name)
    whole = evaluation.evaluate(model, load("camvid", "test", size=config.size), size=config.size)
    assert len(trained.scores["test"].tp) == 1
    np.testing.assert_array_equal(trained.scores["test"].tp, whole.tp[:1])
    np.testing.assert_array_equal(found.scores["test"].tp, whole.tp[1:])
    kept = records.load(tmp_path / f"{job.name}.json")
    np.testing.assert_array_equal(kept.scores["test"].matrix, found.scores["test"].matrix)
    assert not kept.history
    assert kept.config["seed"] == config.seed
