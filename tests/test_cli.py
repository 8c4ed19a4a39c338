"""The command line: errors in one sentence with exit code 2, help that can be read, train --like, Ctrl-C."""

import os
import subprocess
import sys

import pytest
import torch
from data_helpers import photograph, save, write_camvid
from study_helpers import fake_train, record
from training_helpers import load as blocks

from seglib import __main__ as cli
from seglib import checkpoints, data, models, records, scores, study, training
from seglib.study import store


def run(capsys, *words) -> tuple[int, str, str]:
    try:
        code = cli.main(list(words))
    except SystemExit as stop:  # argparse's own way out
        code = stop.code
    return code, *capsys.readouterr()


@pytest.mark.parametrize(("words", "expected"), [
    (["study", "--profile", "laptop"], ["laptop", "published", "cpu-full"]),
    (["study", "status", "--profile", "cpu", "--only", "depth"], ["depth", "architectures", "notebook"]),
    (["study", "--dataset", "kitti"], ["kitti", "streets"]),
    (["train", "--model", "resnet"], ["resnet", "unet", "swin"]),
    (["train", "--lr", "fast"], ["lr", "fast"]),
    (["train", "--like", "nowhere.json"], ["nowhere.json"]),
    (["evaluate", "unet-none"], ["unet-none"]),
    (["evaluate", "unet-none", "--save", "--limit", "2"], ["--save", "--limit"]),
    (["predict", "unet-none", "photo.png"], ["unet-none"]),
    (["sweep", "--grid", "colour=1,2"], ["colour"]),
    (["data", "get", "kitti"], ["kitti", "camvid"]),
    (["frobnicate"], ["frobnicate", "train"]),
    (["train", "--dataset", "camvid"], ["CAMVID_DATASET"]),
])  # fmt: skip
def test_errors_are_one_sentence(capsys, monkeypatch, tmp_path, words, expected):
    monkeypatch.delenv("CAMVID_DATASET", raising=False)
    monkeypatch.delenv("SEGLIB_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    if words[0] in ("train", "evaluate", "predict"):
        words = [*words, "--folder", str(tmp_path)]
    code, _, err = run(capsys, *words)
    assert code == 2
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert all(word in err for word in expected), err


@pytest.mark.parametrize("command", ["data", "train", "evaluate", "predict", "sweep", "study", "report"])
def test_help_fits_a_terminal_and_says_what_the_command_does(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 150
    assert out.splitlines()[0].startswith(f"usage: python -m seglib {command}")


def test_train_help_has_every_setting(capsys):
    out = run(capsys, "train", "--help")[1]
    assert all(f"--{name.replace('_', '-')}" in out for name in training.to_dict(training.TrainConfig()))


def test_evaluate_scores_a_network_of_19_classes_on_photographs_of_11_and_keeps_the_counts(capsys, monkeypatch, tmp_path):
    torch.manual_seed(0)
    config = training.TrainConfig(dataset="streets", model="fcn_baseline", width=4, size=(32, 64))
    network = models.build("fcn_baseline", 19, width=4).eval()
    monkeypatch.setattr(training, "load_model", lambda folder, name: (network, config))
    monkeypatch.setattr(data, "load", lambda *words, **_: blocks(*words, size=(32, 64)))
    code, out, err = run(capsys, "evaluate", "far", "--dataset", "camvid", "--save", "--folder", str(tmp_path))
    assert code == 0, err
    kept = records.load(tmp_path / "far-on-camvid.json")
    found = kept.scores["test"]
    assert "bicyclist" in out and found.labels == "camvid" and found.matrix.shape == (11, 12)
    assert f"{100 * scores.mean_iou(found.matrix):.1f} %" in out and kept.config["dataset"] == "streets"


def test_predict_small_is_the_network_that_comes_with_the_project(capsys, tmp_path):
    photo = save(tmp_path / "photo.png", photograph(0))
    code, out, err = run(capsys, "predict", "small", "--output", str(tmp_path / "out"), str(photo))
    assert code == 0 and out == f"{tmp_path / 'out' / 'photo.png'}\n", err
    assert "small: the network of report/results" in run(capsys, "predict", "--help")[1]


def test_a_damaged_checkpoint_is_to_be_restored_or_trained_again(capsys, tmp_path):
    checkpoints.write({"model": {}}, tmp_path / "unet" / "weights.pt")
    (tmp_path / "unet" / "weights.pt").write_bytes(b"something else")
    code, _, err = run(capsys, "evaluate", "unet", "--folder", str(tmp_path))
    assert code == 2 and "unet/weights.pt: its sha256 is not the one" in err
    assert err.endswith("; restore the file, or train the run again with --force\n")


def test_train_like_another_file_does_not_tell_to_delete_it(capsys, tmp_path):
    path = tmp_path / "thesis.json"
    path.write_text('{"years": "of work"}')
    code, _, err = run(capsys, "train", "--like", str(path), "--folder", str(tmp_path))
    assert code == 2 and err.startswith(f"error: {path}: not a record") and err.endswith("; name the .json of a finished run\n")
    assert "delete" not in err


def test_train_like_takes_every_setting_of_a_record(capsys, monkeypatch, tmp_path):
    config = training.TrainConfig(dataset="camvid", model="fcn_baseline", width=4, loss="dice", lr=0.02, size=(32, 64), seed=7, images=16)
    path = tmp_path / "old" / "record.json"
    records.save(record(config), path)
    seen = []
    monkeypatch.setattr(training, "train", lambda config, **options: seen.append(config) or record(config))
    code, out, _ = run(capsys, "train", "--like", str(path), "--folder", str(tmp_path / "new"))
    assert code == 0
    assert training.run_name(seen[0]) == training.run_name(config)
    assert training.run_name(config) in out
    run(capsys, "train", "--like", str(path), "--seed", "8", "--folder", str(tmp_path / "new"))
    assert seen[1] == training.config_from(type("A", (), {"seed": 8}), seen[0])


def test_debug_shows_the_traceback(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGLIB_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        cli.main(["train", "--like", str(tmp_path / "nowhere.json")])


def test_ctrl_c_says_that_the_command_goes_on(capsys, monkeypatch, tmp_path):
    def stopped(config, **options):
        raise training.Stopped("epoch 3 saved")

    monkeypatch.setattr(training, "train", stopped)
    code, _, err = run(capsys, "train", "--dataset", "camvid", "--folder", str(tmp_path))
    assert code == 130
    assert "epoch 3 saved" in err
    assert "Traceback" not in err


def test_ctrl_c_elsewhere_says_what_is_kept(capsys, monkeypatch):
    def stopped(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run", stopped)
    code, _, err = run(capsys, "study", "--profile", "cpu")
    assert code == 130 and len(err.strip().splitlines()) == 1
    assert "stopped: finished runs are kept, " in err and "goes on from there" in err


def test_a_full_disk_names_the_file(capsys, monkeypatch, tmp_path):
    def full(config, **options):
        raise OSError(28, "No space left on device", str(tmp_path / "weights.pt"))

    monkeypatch.setattr(training, "train", full)
    code, _, err = run(capsys, "train", "--dataset", "camvid", "--folder", str(tmp_path))
    assert code == 2 and err.startswith(f"error: {tmp_path / 'weights.pt'}: No space left on device: make room there")


def test_a_full_disk_in_the_middle_of_a_file_names_it_too(capsys, monkeypatch, tmp_path):
    """Python names the file that cannot be opened, not the one that cannot be written to the end."""

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(training, "train", lambda config, *, folder, **options: records.save(record(config), folder / "mine.json"))
    code, _, err = run(capsys, "train", "--dataset", "camvid", "--folder", str(tmp_path))
    assert code == 2 and err.startswith(f"error: {tmp_path / 'mine.json'}: No space left on device: make room there")
    assert list(tmp_path.iterdir()) == []


def flattened(root):
    """Photographs and label maps in the wrong place: no folder per split, no folder per city."""
    save(root / "photograph.png", photograph(0))
    save(root / "leftImg8bit" / "train" / "aachen_000000_000019_leftImg8bit.png", photograph(0))
    return root


@pytest.mark.parametrize("name", ["camvid", "cityscapes"])
@pytest.mark.parametrize("folder", [None, "missing", "flat"])
def test_a_data_set_in_another_shape_is_answered_with_its_tree(capsys, monkeypatch, tmp_path, name, folder):
    variable = f"{name.upper()}_DATASET"
    monkeypatch.delenv(variable, raising=False)
    flattened(tmp_path / "flat")
    if folder:
        monkeypatch.setenv(variable, str(tmp_path / folder))
    code, _, err = run(capsys, "train", "--dataset", name, "--folder", str(tmp_path / "runs"))
    assert code == 2 and err.startswith("error: ") and "--root" not in err and (folder or variable) in err.splitlines()[0]
    if (name, folder) != ("camvid", None):  # which can be fetched
        assert any(line.strip().startswith(("train/", "leftImg8bit/")) for line in err.splitlines()[1:]), err


@pytest.mark.parametrize(("lost", "said"), [(1, "1 problem,"), (2, "2 problems,")])
def test_data_check_counts_its_problems(capsys, tmp_path, lost, said):
    root = write_camvid(tmp_path)
    for path in sorted((root / "train").iterdir())[:lost]:
        path.write_bytes(path.read_bytes()[:-20])
    code, out, err = run(capsys, "data", "check", "camvid", "--root", str(root))
    assert code == 2 and err == f"error: camvid: {said} listed above\n" and said.rstrip(",") in out


def test_study_and_status_through_the_command_line(capsys, monkeypatch, tmp_path):
    for name in ("SEGLIB_OUTPUT", "SEGLIB_PROFILE", "SEGLIB_DATASET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "ROOT", tmp_path)
    monkeypatch.setattr(store, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(study.runs.pools, "count", lambda: 1)
    monkeypatch.setattr(training, "train", fake_train())
    assert run(capsys, "study", "--profile", "cpu", "--dataset", "camvid", "--only", "losses")[0] == 0
    code, out, _ = run(capsys, "study", "status", "--profile", "cpu", "--dataset", "camvid", "--runs")
    assert code == 0
    assert "done" in out
    assert "fcn_baseline-cross_entropy-s0" in out
    assert run(capsys, "study", "publish", "--profile", "cpu", "--dataset", "camvid")[1].startswith("camvid: 21 records")


def test_as_a_module_without_loading_torch_for_help():
    """`python -m seglib --help` answers although torch cannot be imported."""
    script = (
        "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['--help']; import runpy; runpy.run_module('seglib', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=cli.ROOT, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
