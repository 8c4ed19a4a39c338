"""TrainConfig: values are checked and coerced, names are stable, options are complete."""

import argparse
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seglib import records, training
from seglib.training import TrainConfig, runs
from seglib.training.config import model_options


def test_names_follow_from_what_was_changed():
    assert training.run_name(TrainConfig(device="cpu")) == "unet-cross_entropy-s0-" + _digest({"device": "cpu", "precision": "float32"})
    changed = TrainConfig(device="cpu", model="vit", seed=3, size=(96, 192))
    wanted = _digest({"device": "cpu", "model": "vit", "precision": "float32", "seed": 3, "size": [96, 192]})
    assert training.run_name(changed) == f"vit-cross_entropy-s3-{wanted}"
    assert training.run_name(training.resolve(changed)) == training.run_name(changed)


def _digest(changed: dict) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]


def test_fields_and_defaults_are_frozen():
    """Names of finished runs hang on these defaults: a new field is added to the list below, none is changed."""
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    known = {
        "dataset": "streets", "annotation": "fine", "train_limit": None, "val_limit": None, "test_limit": None, "fraction": 1.0,
        "size": (144, 192), "model": "unet", "width": None, "depth": None, "depths": None, "skips": True, "batch_norm": True,
        "shift_whole": True, "freeze_batch_norm": False, "dropout": 0.0, "aux": False, "init": "random", "loss": "cross_entropy",
        "void": "ignore", "fine_skips": True, "stem": None, "dilations": None, "fc6_kernel": 7, "fc_multiple": 64,
        "epochs": 10, "images": None, "batch_size": 8, "accumulate": 1, "optimiser": "adamw", "lr": 1e-3, "encoder_lr": 1.0,
        "weight_decay": 1e-4,
        "momentum": 0.9, "schedule": "onecycle", "warmup": 0.0, "gamma": 0.1, "step_epochs": 10, "clip": 1.0, "flip": True,
        "scale": (1.0, 1.0), "crop": None, "jitter": 0.0, "augmentation": "replace", "ema": 0.0, "patience": 0, "select": "last",
        "final": "full", "seed": 0, "device": "auto", "precision": "auto", "compile": "auto", "deterministic": False,
    }  # fmt: skip
    assert defaults == known


def test_values_are_coerced():
    """papermill hands over the string "1e-3" for 1e-3, JSON lists for tuples, and both mean the same run."""
    typed = TrainConfig(lr="1e-3", size=[96, 192], crop="64x64", epochs="3", scale=[1, 2], depths=[2, 2])
    assert typed == TrainConfig(lr=1e-3, size=(96, 192), crop=(64, 64), epochs=3, scale=(1.0, 2.0), depths=(2, 2))
    assert isinstance(typed.lr, float) and isinstance(TrainConfig(lr=1).lr, float)
    assert training.run_name(TrainConfig(lr=1)) == training.run_name(TrainConfig(lr=1.0))


@pytest.mark.parametrize("settings, message", [
    ({"lr": "fast"}, "lr='fast': expected float"), ({"epochs": 2.5}, "epochs=2.5: expected int"), ({"epochs": True}, "epochs=True"),
    ({"flip": "no"}, "flip='no': expected bool"), ({"size": (1, 2, 3)}, "size="), ({"size": None}, "size=None"),
    ({"model": "u-net"}, "choose from fcn_baseline"), ({"loss": "ce"}, "loss='ce': choose from"), ({"epochs": 0}, "at least 1"),
    ({"lr": -1}, "must not be negative"), ({"lr": float("nan")}, "must not be negative"), ({"dropout": 1.0}, r"\[0, 1\)"),
    ({"fraction": 0}, r"\(0, 1\]"), ({"images": 4}, "less than one batch"), ({"warmup": 0.1}, "onecycle has its own"),
    ({"width": 0}, "at least 1, or None"), ({"depths": "2xa"}, "depths='2xa'"),
])  # fmt: skip
def test_mistakes_name_the_field(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


@given(st.fixed_dictionaries({}, optional={
    "lr": st.floats(1e-6, 1), "size": st.tuples(st.integers(32, 999), st.integers(32, 999)), "width": st.none() | st.integers(1, 99),
    "flip": st.booleans(), "seed": st.integers(0, 2**31), "depths": st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
}))  # fmt: skip
def test_through_json_and_back(settings):
    config = TrainConfig(**settings)
    assert training.from_dict(json.loads(json.dumps(training.to_dict(config)))) == config


def test_only_changed_options_reach_the_model():
    assert model_options(TrainConfig()) == {}
    assert model_options(TrainConfig(width=8, skips=False)) == {"width": 8, "skips": False}


def parse(*words, base=None) -> TrainConfig:
    parser = argparse.ArgumentParser()
    training.add_arguments(parser)
    return training.config_from(parser.parse_args(words), base)


def test_options():
    assert parse() == TrainConfig()
    words = [
        "--lr",
        "3e-3",
        "--size",
        "96x192",
        "--no-flip",
        "--model",
        "vit",
        "--depth=6",
        "--crop=64x64",
        "--scale=0.5x2",
        "--batch-size=4",
    ]
    wanted = TrainConfig(lr=3e-3, size=(96, 192), flip=False, model="vit", depth=6, crop=(64, 64), scale=(0.5, 2.0), batch_size=4)
    assert parse(*words) == wanted
    assert parse("--seed", "2", base=wanted) == dataclasses.replace(wanted, seed=2)


def test_every_field_is_an_option_with_help(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    for field in dataclasses.fields(TrainConfig):
        assert "--" + field.name.replace("_", "-") in text and field.metadata["help"]
    assert "(default: 144x192)" in text and "{sgd,adam,adamw,adamax}" in text
    for words in (("--lr", "fast"), ("--model", "u-net")):
        with pytest.raises(SystemExit):
            parse(*words)
        assert "fast" in (err := capsys.readouterr().err) or "u-net" in err


def test_a_history_that_is_too_long_for_a_record_is_thinned(tmp_path):
    row = {"loss": 1.2345678901234567, "lr": 0.0012345678901234567, "val_miou": 0.3, "val_iou": [0.12345] * 19}
    record = records.Record("long", {}, [{"epoch": epoch, **row} for epoch in range(1, 6001)])
    runs.keep(record, tmp_path / "long.json")
    found = records.load(tmp_path / "long.json").history
    assert (tmp_path / "long.json").stat().st_size <= records.MAX_BYTES
    assert found[-1] == {"epoch": 6000, **row}
    assert len(found) > 500 and [one["epoch"] for one in found[-3:]] == [5992, 5996, 6000]
    with pytest.raises(records.TooLarge):
        runs.keep(records.Record("x" * records.MAX_BYTES, {}), tmp_path / "x.json")
