"""Reading and publishing records: whole comparisons, clear errors, nothing half done."""

import json

import pytest
from study_helpers import finish, record

from seglib import records, study
from seglib.study import store
from seglib.study.job import LOCKED
from seglib.study.plans import jobs


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project of its own: runs/ and report/results below tmp_path."""
    for name in ("SEGLIB_OUTPUT", "SEGLIB_PROFILE", "SEGLIB_DATASET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "ROOT", tmp_path)
    monkeypatch.setattr(store, "RESULTS", tmp_path / "report" / "results")
    return tmp_path


def write(profile, dataset, found):
    for name, made in found.items():
        records.save(made, store.folder(profile, dataset) / f"{name}.json")


def test_a_missing_published_record_names_the_run_and_the_command(place):
    with pytest.raises(FileNotFoundError) as caught:
        study.records("published", "camvid", "losses")
    assert "cross_entropy, seed 0" in str(caught.value)
    assert "python -m seglib study --profile cpu-full --dataset camvid --only losses" in str(caught.value)
    assert "--publish" in str(caught.value)


def test_published_reads_what_was_published_and_notices_a_lost_file(place):
    write("cpu-full", "camvid", finish("cpu-full", "camvid"))
    study.publish("cpu-full", "camvid")
    assert len(study.records("published", "camvid", "losses")) == 27
    assert len(study.groups("published", "camvid", "losses", "sweeps")["dice"]) == 3 + 3 + 4  # short, full, more seeds of two
    victim = study.records("published", "camvid", "losses")[0].name
    (store.RESULTS / "camvid" / f"{victim}.json").unlink()
    with pytest.raises(FileNotFoundError, match=victim):
        study.records("published", "camvid", "losses")


def test_another_profile_shows_its_own_runs_or_the_published_ones_never_a_mixture(place):
    write("cpu-full", "streets", finish("cpu-full", "streets", lambda config: (0.3, 0.5)))
    study.publish("cpu-full", "streets")
    assert study.origin("cpu", "streets", "losses") == "cpu-full"
    assert len(study.records("cpu", "streets", "losses")) == 27  # none of its own: the published ones
    mine = finish("cpu", "streets")
    write("cpu", "streets", mine)
    assert len(study.records("cpu", "streets", "losses")) == 9
    assert study.origin("cpu", "streets", "losses") == "cpu"
    assert len(study.records("cpu", "streets", "void")) == 30  # not part of the profile
    name = study.records("cpu", "streets", "losses")[4].name
    (store.folder("cpu", "streets") / f"{name}.json").unlink()
    with pytest.raises(FileNotFoundError, match=name):
        study.records("cpu", "streets", "losses")


def test_only_seeds_that_every_arm_has_are_published(place):
    found = finish("cpu-full", "camvid")
    families = [job for job in jobs("cpu-full", "camvid", found) if job.experiment == "architectures" and job.comparison == "models"]
    late = next(job for job in families if job.arm == "swin" and job.config.seed == 2)
    write("cpu-full", "camvid", {name: made for name, made in found.items() if name != late.name})
    study.publish("cpu-full", "camvid")
    groups = study.groups("published", "camvid", "architectures")
    assert {arm: [r.config["seed"] for r in groups[arm]] for arm in study.MODELS} == dict.fromkeys(study.MODELS, [0, 1])


def test_publishing_replaces_whole_comparisons_and_drops_what_no_index_names(place):
    write("cpu", "streets", finish("cpu", "streets", lambda config: (0.1, 0.1)))
    study.publish("cpu", "streets")
    write("cpu-full", "streets", finish("cpu-full", "streets"))
    study.publish("cpu-full", "streets")
    assert study.index("streets")["losses"]["profile"] == "cpu-full"
    listed = {
        name for entry in study.index("streets").values() for role in ("runs", "sweeps") for arm in entry[role].values() for name in arm
    }
    assert {path.stem for path in (store.RESULTS / "streets").glob("*.json")} - {"meta-runs"} == listed
    study.publish("cpu", "streets")  # a smaller profile takes nothing back
    assert study.index("streets")["losses"]["profile"] == "cpu-full"


def test_an_unfinished_repetition_does_not_replace_a_fuller_one(place):
    found = finish("cpu-full", "camvid")
    write("cpu-full", "camvid", found)
    study.publish("cpu-full", "camvid")
    for job in jobs("cpu-full", "camvid", found):
        if job.experiment == "data" and job.config.seed == 2 and job.config.fraction < 1:
            (store.folder("cpu-full", "camvid") / f"{job.name}.json").unlink(missing_ok=True)
    before = study.index("camvid")["data"]
    study.publish("cpu-full", "camvid")
    assert study.index("camvid")["data"] == before
    assert len(study.records("published", "camvid", "data")) == 24


def test_measurements_are_never_dropped(place):
    measured = store.RESULTS / "camvid" / "measure-x.json"
    measured.parent.mkdir(parents=True)
    measured.write_text("{}")
    write("cpu", "camvid", finish("cpu", "camvid"))
    study.publish("cpu", "camvid")
    assert measured.exists()


def test_output_folder_belongs_to_its_profile_and_data_set_only(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLIB_OUTPUT", str(tmp_path / "out"))
    monkeypatch.setenv("SEGLIB_PROFILE", "cpu")
    monkeypatch.setenv("SEGLIB_DATASET", "streets")
    assert study.folder("cpu", "streets") == tmp_path / "out"
    assert study.folder("cpu", "camvid") == store.ROOT / "runs" / "cpu-camvid"
    assert study.folder("cpu-full", "streets") == store.ROOT / "runs" / "cpu-full-streets"


def test_what_is_committed_is_whole():
    """Every published index names records that are there, with the settings that their name stands for."""
    from seglib import training

    for dataset in study.DATASETS:
        for experiment, entry in study.index(dataset).items():
            for role in ("runs", "sweeps"):
                for names in entry[role].values():
                    for name in names:
                        found = records.load(study.RESULTS / dataset / f"{name}.json")
                        assert found.name == name, (dataset, experiment, name)
                        if "-on-" not in name:
                            assert training.run_name(training.from_dict(found.config)) == name.removesuffix(LOCKED)


def test_the_cpu_profiles_rates_are_those_its_sweeps_chose():
    checked = 0
    for dataset, rates in study.ARCHITECTURE_RATES.items():
        sweeps = study.index(dataset).get("architectures", {}).get("sweeps", {})
        for model, names in ((model, names) for model, names in sweeps.items() if model in study.MODELS):
            found = [records.load(study.RESULTS / dataset / f"{name}.json") for name in names]
            assert max(found, key=lambda record: record.val_miou).config["lr"] == rates[model], (dataset, model)
            checked += 1
    if not checked:
        pytest.skip("no learning rate sweep of the architectures has been published yet: study --profile cpu-full --only architectures")


def test_records_are_read_by_name_and_measure_files_left_alone(tmp_path):
    made = record(study.plan("cpu", "camvid", {})["architectures"][0])
    records.save(made, tmp_path / f"{made.name}.json")
    (tmp_path / "measure-x.json").write_text(json.dumps({"a": 1}))
    assert list(records.load_all(tmp_path)) == [made.name]
