"""The committed notebooks: executed in order and without errors, built alike, and refusing parameters they do not take."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from data_helpers import photograph, save

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
STEMS = """01_dataset 02_architectures 03_fcn 04_unet 05_vit 06_swin 07_losses 08_transforms 09_optimisers 10_results
    11_original_study 12_your_photos"""
sys.path.insert(0, str(ROOT / "notebooks"))

import execute  # noqa: E402
import publish  # noqa: E402

from seglib import exhibits, notebook, scores, study  # noqa: E402
from seglib.records import Record, Scores  # noqa: E402
from seglib.study import store  # noqa: E402
from seglib.training import TrainConfig  # noqa: E402


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def book(request):
    return nbformat.read(request.param, as_version=4)


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def test_all_twelve_are_there():
    assert [path.stem for path in NOTEBOOKS] == STEMS.split()


def test_executed_from_top_to_bottom_without_errors(book):
    counts = [cell.execution_count for cell in code(book)]
    assert counts == list(range(1, len(counts) + 1)), "run 'bash notebooks/run.sh --profile published --publish'"
    for cell in code(book):
        for output in cell.outputs:
            assert output.output_type != "error", output
            assert output.get("name") != "stderr", f"cell {cell.id} wrote to stderr: {output.text[:200]}"


def test_structure(book):
    nbformat.validate(book)
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for part in (r"\*\*Questions?\.\*\*", r"\*\*Expectation\.\*\*", r"^#+ Reading|^### Reading", r"^## Conclusion", r"^## Exercises"):
        assert re.search(part, text, re.M), part
    exercises = text[text.index("## Exercises") :]
    assert 2 <= len(re.findall(r"^\d\. ", exercises, re.M)) <= 3
    assert book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    assert "page.write(" in book.cells[-1].source


def test_cells_are_short_and_hold_nothing_of_the_package(book):
    for cell in code(book):
        assert len(cell.source.splitlines()) <= 15, f"{cell.id}: {len(cell.source.splitlines())} lines"
        assert not re.search(r"^\s*class |^from \S+ import \*|!pip|%matplotlib", cell.source, re.M), cell.id


def test_published_is_the_default(book):
    tagged = [cell for cell in code(book) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1 and 'os.environ.get("SEGLIB_PROFILE", "published")' in tagged[0].source
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in code(book))


def test_no_path_of_a_machine_and_no_timing(book):
    content = nbformat.writes(book)
    assert not re.search(r"/work/|/home/|/tmp/|/root/", content)
    assert "papermill" not in book.metadata and not any("execution" in cell.metadata for cell in book.cells)


def test_ids_are_stable_and_unique(book):
    ids = [cell.id for cell in book.cells]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"\d\d-\d\d", one) for one in ids)


@pytest.mark.parametrize(
    ("pairs", "message"), [(["scen=3"], "unknown parameter scen"), (["scene=x"], "expected int"), (["scene=[1]"], "expected int")]
)
def test_execute_refuses_parameters(pairs, message):
    with pytest.raises(ValueError, match=message):
        execute.read_settings(pairs, {"profile": str, "scene": int}, "03_fcn.ipynb")


def test_execute_reads_the_parameters_cell():
    known = execute.parameters(ROOT / "notebooks" / "12_your_photos.ipynb")
    assert known == {"profile": str, "dataset": str, "photos": str, "checkpoint": str, "limit": int, "interactive": bool}


def test_execute_chooses_by_number_and_by_experiment():
    assert [path.stem for path in execute.chosen(["07", "void"])] == ["07_losses", "10_results"]
    assert [path.stem for path in execute.chosen(["7,10_results", "confirmation"])] == ["07_losses", "10_results"]
    with pytest.raises(ValueError, match="--only 071"):
        execute.chosen(["071"])
    with pytest.raises(ValueError, match="13"):
        execute.chosen(["13"])


def test_notebook_refuses_an_unknown_name_before_its_own_code():
    names = {"profile": "smoke", "dataset": "streets", "scene": "3", "scen": 4, "In": [], "_x": 1, "os": json}
    with pytest.raises(ValueError, match="unknown parameter scen: this notebook takes profile, dataset, scene"):
        notebook.check_parameters(names, {"profile": str, "dataset": str, "scene": int})
    del names["scen"]
    notebook.check_parameters(names, {"profile": str, "dataset": str, "scene": int})
    assert names["scene"] == 3
    names["later"] = 5  # a variable of a later cell, when the first ones are run again
    notebook.check_parameters(names, {"profile": str, "dataset": str, "scene": int})


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [("1e-3", float, 1e-3), (3, float, 3.0), ("8", int, 8), (True, bool, True), ("a", str, "a"), (2.0, int, 2)],
)
def test_values_are_coerced(value, kind, expected):
    found = notebook.clean(value, "x", kind)
    assert found == expected and type(found) is kind


@pytest.mark.parametrize(("value", "kind"), [("x", float), (2.5, int), (True, int), (1, bool), (3, str), ([1], int), (None, int)])
def test_values_of_another_type_are_refused(value, kind):
    with pytest.raises(ValueError, match="parameter x="):
        notebook.clean(value, "x", kind)


def test_start_names_the_choices(monkeypatch):
    with pytest.raises(ValueError, match="parameter profile='cqu': choose published, smoke"):
        notebook.start("01_dataset", {"profile": "cqu", "dataset": "streets"})


def counted(seed: int, tp: int) -> Record:
    rng = np.random.default_rng(seed)
    hits, wrong = np.full((20, 3), tp) + rng.integers(0, 30, (20, 3)), rng.integers(80, 120, (20, 3))
    matrix = np.diag(hits.sum(0)) + np.roll(np.diag(wrong.sum(0)), 1, axis=1)  # what is missed is called the next class
    return Record(f"r{seed}-{tp}", {}, [], {"test": Scores(matrix, hits, np.roll(wrong, 1, axis=1), wrong)})


def test_sentences_follow_the_data_either_way():
    good, bad = [counted(0, 900), counted(1, 900)], [counted(0, 300), counted(1, 300)]
    up = notebook.against({"a": good, "b": bad}, "b")
    down = notebook.against({"a": good, "b": bad}, "a")
    same = notebook.against({"a": good, "b": good}, "b")
    assert "points above b" in up and "points below a" in down and "cannot be told apart" in same and same.startswith("A and b")
    assert "one seed" not in up and "over images only: one seed" in notebook.against({"a": good[:1], "b": bad}, "b")


def test_many_differences_are_said_in_one_sentence():
    good, bad = ([counted(seed, tp) for seed in range(3)] for tp in (900, 300))
    none = notebook.summary({"a": good, "b": good[::-1], "c": good}, "c")
    assert none.startswith("Neither can be told apart from c; the clearest difference: ")
    one = notebook.summary({"a": bad, "b": good[::-1], "c": good}, "c")
    assert one.startswith("Told apart from c: a, -") and "; not told apart: b, " in one
    assert notebook.summary({"a": bad, "b": bad, "c": good}, "c").startswith("All 2 can be told apart from c: a, -")
    assert notebook.summary({"a": bad, "c": good}, "c") == notebook.against({"a": bad, "c": good}, "c")


def test_the_last_rate_tried_is_named():
    tried = {name: [Record(f"{name}{lr}", {"lr": lr}, [], {}) for lr in (0.01, 0.03, 0.1)] for name in "abc"}
    assert notebook.last_tried(tried, {"a": tried["a"][:1], "b": tried["b"][1:2], "c": tried["c"][2:]}) == {"a": "smallest", "c": "largest"}


def test_gains_are_averaged_by_the_share_of_a_class():
    gain, share = np.array([0.1, 0.3, np.nan, 0.5]), np.array([0.005, 0.03, 0.04, 0.9])
    assert notebook.by_share(gain, share) == pytest.approx({"below 1 %": 0.1, "of 1 to 5 %": 0.3, "above 5 %": 0.5})


def test_a_verdict_needs_three_seeds_and_an_interval_without_0():
    arms = {name: [counted(seed, tp) for seed in range(3)] for name, tp in (("a", 900), ("b", 300), ("same", 900))}
    assert notebook.verdict(arms, "a", "b", +1).startswith("supports") and notebook.verdict(arms, "a", "b", -1).startswith("contradicts")
    assert notebook.verdict(arms, "a", "same", +1).startswith("open") and notebook.verdict(arms, "a", "c", +1) == "open: not measured"
    assert "only 2 seeds an arm" in notebook.verdict(arms | {"a": arms["a"][:2]}, "a", "b", +1)


def test_a_difference_spans_both_intervals():
    arms = {"a": [counted(seed, 900 + 300 * seed) for seed in range(3)], "b": [counted(seed, 900) for seed in range(3)]}
    difference, low, high, _ = notebook.differences(arms, "b")["a"]
    _, images_low, images_high, _ = scores.paired_bootstrap(notebook.on_test(arms["a"]), notebook.on_test(arms["b"]))
    assert low < 0 < images_low < difference < images_high < high, "the seeds differ by more than the images do"


def test_a_recipe_says_what_all_runs_share():
    config = {"model": "unet", "width": 8, "size": [96, 192], "images": 1200, "optimiser": "adamw", "schedule": "onecycle", "flip": True,
              "lr": 0.1}  # fmt: skip
    runs = [Record(f"r{seed}", config | {"seed": seed, "train_limit": 240}, [], {}) for seed in range(2)]
    said = notebook.recipe({"a": runs})
    recipe = "U-Net of width 8, 96 x 192, 1,200 images shown (240 different ones), AdamW, one-cycle, rate 0.1, with flips"
    assert said == f"*All runs here: {recipe}.*"
    other = Record("r2", config | {"model": "vit", "width": 192, "flip": False, "lr": 0.001}, [], {})
    assert notebook.recipe({"a": runs[:1], "b": [other]}) == "*All runs here: 96 x 192, 1,200 images shown, AdamW, one-cycle.*"
    assert notebook.recipe({}) == ""


def test_a_run_that_stays_behind_is_named():
    good, bad = [counted(seed, 900) for seed in range(3)], counted(3, 300)
    said = notebook.strays([*good, bad], "Dice")
    assert said.startswith("1 of 4 runs of Dice stayed behind") and "their mean stands for neither" in said
    assert notebook.strays([counted(seed, tp) for seed, tp in enumerate((200, 300, 467, 800))], "Dice") == "", "evenly spread"
    assert notebook.strays(good, "Dice") == "" and notebook.strays([good[0], bad], "Dice") == "", "two runs cannot outvote each other"


def test_overconfidence_is_confidence_less_accuracy():
    record = counted(0, 900)
    record.scores["test"].calibration = np.array([[60.0, 54.0, 40.0], [40.0, 20.0, 14.0]])  # pixels, sum of confidence, correct
    assert notebook.overconfidence([record]) == pytest.approx(0.74 - 0.54)


def test_edges_are_where_labels_meet():
    truth = np.zeros((1, 8, 8), np.uint8)
    truth[:, :, 4:] = 1
    assert notebook.edges(truth, 2)[0, 0].tolist() == [False, False, True, True, True, True, False, False]
    guess = truth.copy()
    guess[0, 0, 0] = 1
    assert notebook.share_near_edges(truth, guess) == 0 and notebook.edge_share(truth) == 0.5


def test_objects_are_found_by_the_share_of_their_own_pixels():
    """A net that calls everything class 1: the large object of class 1 is found whole, the small one of class 0 not at all."""

    class Constant(torch.nn.Module):
        mean, std = (0.5,) * 3, (0.5,) * 3

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([0.0, 1.0]), requires_grad=False)

        def forward(self, images):
            return self.weight[None, :, None, None].expand(len(images), 2, *images.shape[-2:])

    truth, instances = np.ones((16, 32), np.uint8), np.zeros((16, 32), np.int32)
    truth[:2, :2], instances[:2, :2], instances[4:, 4:], instances[3, 3] = 0, 24000, 26000, 24  # 24: a group, which is no object
    truth[8:, :2], instances[8:, :2] = 255, 29000  # a caravan: void
    assert [part.tolist() for part in exhibits._bins(truth, instances)] == [[24000, 26000], [0, 3]]
    shares = exhibits._found_by_size(
        Constant().eval(), TrainConfig(size=(32, 64)), [(torch.zeros(3, 32, 64, dtype=torch.uint8), truth, instances)]
    )
    assert shares[0] == 0 and shares[3] == 1 and np.isnan(shares[[1, 2, 4, 5]]).all()


def test_arrays_of_weights_that_are_elsewhere_are_the_published_ones(tmp_path, monkeypatch):
    """An untrained larger profile shows published records; label maps and objects too, at once, and says so."""
    monkeypatch.setattr(store, "ROOT", tmp_path)
    monkeypatch.setattr(exhibits.data, "source", None)  # nothing is drawn
    said = []
    monkeypatch.setattr(notebook.page, "say", said.append)
    page = notebook.Page("10_results", "cpu-full", "streets")
    for name, make in exhibits.KEPT["streets"].items():
        if name == "attention":
            continue
        kept, published = page.kept(name, lambda make=make: make(page)), notebook.Page("10_results", "published", "streets").read(name)
        assert kept.keys() == published.keys() and all(np.array_equal(kept[key], published[key]) for key in kept)
        assert said[-1].startswith(f"> **Published, not of the cpu-full profile: {name}.** ") and "weights are not in" in said[-1]
    own = page.kept("objects", lambda: {"objects": np.arange(3)})
    assert own["objects"].tolist() == [0, 1, 2] == page.read("objects")["objects"].tolist() and len(said) == 2
    page = notebook.Page("10_results", "cpu-full", "camvid")
    with pytest.raises(FileNotFoundError, match="weights are not in"):  # nothing published stands in
        page.kept("nothing", lambda: exhibits.predictions(page))


def test_of_camvid_only_predictions_are_kept():
    kept = notebook.Page("10_results", "published", "camvid").read("predictions")
    runs = {f"run/{model}" for model in exhibits.study.MODELS}
    assert set(kept) == {"indices", *exhibits.study.MODELS, *runs}, "its photographs and label maps may not be passed on"


def test_published_maps_are_of_the_published_runs():
    for dataset in ("streets", "camvid"):
        kept, groups = notebook.Page("10_results", "published", dataset).read("predictions"), study.groups("published", dataset, "longer")
        assert all(str(kept[f"run/{model}"]) in [record.name for record in groups[model]] for model in study.MODELS)
        later = {model for model in study.MODELS if str(kept[f"run/{model}"]) != groups[model][0].name}
        assert later <= {"swin"}, "of a later seed are only the maps that the report says are"


def test_maps_of_runs_without_weights_are_those_published_of_the_very_run(monkeypatch):
    """The rest is made anew; of another run, or of other pictures, nothing published will do."""
    page, old = SimpleNamespace(dataset="streets"), notebook.Page("10_results", "published", "streets").read("predictions")
    indices, made = old["indices"].tolist(), torch.full((1024, 2048), 7)
    arms = {model: [SimpleNamespace(name=str(old[f"run/{model}"]))] for model in ("unet", "vit")}

    def network(page, record, experiment):
        if record.name == arms["unet"][0].name:
            return "a network", "its settings"
        raise FileNotFoundError("its weights are not in runs")

    monkeypatch.setattr(exhibits, "network", network)
    monkeypatch.setattr(exhibits, "_label_maps", lambda model, config, images: [made] * len(images))
    monkeypatch.setattr(exhibits.data, "source", lambda *_: SimpleNamespace(image=lambda index: None))
    found = exhibits._maps(page, arms, "longer", indices)
    assert np.array_equal(found["vit"], old["vit"]) and (found["unet"] == 7).all() and str(found["run/vit"]) == arms["vit"][0].name
    other = SimpleNamespace(name="vit-of-another-rate")
    next_seed = exhibits._maps(page, {"vit": [other, arms["unet"][0]]}, "longer", indices)
    assert (next_seed["vit"] == 7).all() and str(next_seed["run/vit"]) == arms["unet"][0].name, "the next seed whose weights are here"
    for wrong, pictures in (({"vit": [other]}, indices), (arms, indices[::-1])):
        with pytest.raises(FileNotFoundError, match="weights are not in"):
            exhibits._maps(page, wrong, "longer", pictures)


def test_photographs_of_a_wrong_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a folder nor a file"):
        exhibits.photographs(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="no JPEG or PNG"):
        exhibits.photographs(str(tmp_path))
    (tmp_path / "a.HEIC").write_bytes(b"x")
    with pytest.raises(ValueError, match="a.HEIC .HEIC is not read here: convert it to JPEG"):
        exhibits.photographs(str(tmp_path))


def test_photographs_that_cannot_be_read_are_named_beside_the_others(tmp_path):
    for name in ("a.png", "d.JPG", "e.png"):
        save(tmp_path / name, photograph(0))
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    for i in range(7):
        (tmp_path / f"c{i}.webp").write_bytes(b"x")
    (tmp_path / "notes.txt").touch()
    found, line = exhibits.photographs(str(tmp_path), limit=2)
    assert list(found) == ["a.png", "d.JPG"] and found["a.png"].shape == (3, 32, 64)
    assert line.startswith("Not read: b.jpg (is not a JPEG or PNG file") and "\n" not in line and str(tmp_path) not in line
    assert "c0.webp, c1.webp, c2.webp, c3.webp, c4.webp and 2 more (WEBP is not read here: convert it to JPEG)." in line
    assert exhibits.photographs(str(tmp_path / "e.png"))[1] == ""


def test_photographs_are_found_from_home_and_from_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(exhibits, "ROOT", tmp_path / "project")
    save(tmp_path / "streets" / "a.png", photograph(0))
    save(tmp_path / "project" / "mine" / "b.png", photograph(0))
    monkeypatch.chdir(tmp_path / "project" / "mine")
    for photos, name in (("~/streets", "a.png"), ("mine", "b.png"), (".", "b.png"), ("mine/b.png", "b.png"), ("b.png", "b.png")):
        assert list(exhibits.photographs(photos)[0]) == [name], photos


def test_a_failed_notebook_leaves_the_good_copy_and_says_where(tmp_path):
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    source, target = tmp_path / "13_broken.ipynb", tmp_path / "out" / "13_broken.ipynb"
    nbformat.write(broken, source)
    target.parent.mkdir()
    target.write_text("the good copy")
    with pytest.raises(RuntimeError, match=r"13_broken.ipynb, cell 1:\s+1 / 0\s+ZeroDivisionError"):
        execute.execute(source, target, {})
    assert target.read_text() == "the good copy"


def test_ctrl_c_ends_in_one_sentence_and_interrupts_the_kernel(tmp_path):
    """SIGINT to the whole group, as from a terminal: the cell at work is interrupted, the notebook after it is not begun."""
    source = f"""import pathlib, time
here = pathlib.Path({str(tmp_path)!r})
try:
    (here / "begun").touch()
    time.sleep(60)
except KeyboardInterrupt:
    (here / "interrupted").touch()
    raise"""
    tagged = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
    for name in ("13_long.ipynb", "14_next.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(cells=[tagged, nbformat.v4.new_code_cell(source)]), tmp_path / name)
    start = f"import pathlib, execute; execute.HERE = pathlib.Path({str(tmp_path)!r}); raise SystemExit(execute.main())"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "notebooks"), "SEGLIB_OUTPUT": str(tmp_path / "out")}
    words = [sys.executable, "-c", start, "--workers", "1"]
    running = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background of a shell starts deaf to it
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    said, errors = running.communicate(timeout=50)
    assert running.returncode == 130 and said == "" and len(errors.strip().splitlines()) == 1
    assert "stopped: 0 of 2 notebooks have ended" in errors and (tmp_path / "interrupted").exists()
    assert list((tmp_path / "out" / "notebooks").iterdir()) == []


def test_executed_copy_has_no_timing(tmp_path):
    source = tmp_path / "13_fine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)", id="13-01")]), source)
    execute.execute(source, tmp_path / "out.ipynb", {})
    book = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert book.cells[0].outputs[0].text == "42\n" and book.cells[0].id == "13-01" and book.cells[0].execution_count == 1
    assert "papermill" not in book.metadata and "papermill" not in book.cells[0].metadata


def test_lines_that_jupyter_cut_are_joined():
    outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in zip("aabbaa", "123456", strict=True)]
    outputs.insert(1, nbformat.v4.new_output("display_data", data={"text/plain": "x"}))
    once = execute.join_streams(outputs)
    assert [(one.get("name"), one.get("text")) for one in once] == [("a", "1"), (None, None), ("a", "2"), ("b", "34"), ("a", "56")]
    assert execute.join_streams(once) == once


def test_committed_notebooks_hold_no_cut_lines(book):
    for cell in code(book):
        assert len(execute.join_streams(list(cell.outputs))) == len(cell.outputs), f"cell {cell.id}: printed lines in several outputs"


def test_a_worse_small_network_does_not_replace_the_published_one(tmp_path, monkeypatch):
    """The weights of the best run may be gone while those of a lesser one are there."""
    place, val = publish.published_small(study.RESULTS)
    assert (place, val > 0.5) == ("camvid", True)
    assert publish.published_small(tmp_path) == ("", -1.0)
    (tmp_path / "lesser").mkdir()
    (tmp_path / "lesser" / "weights.pt").write_bytes(b"weights")
    monkeypatch.setattr(study, "folder", lambda *_: tmp_path)
    for score, taken in ((val - 0.01, False), (val + 0.01, True)):
        monkeypatch.setattr(study, "finished", lambda *_, score=score: {"lesser": SimpleNamespace(name="lesser", val_miou=score)})
        assert (publish.small_network("cpu-full", "camvid", (place, val)) is not None) == taken
        assert publish.small_network("cpu-full", "streets", (place, val)) == tmp_path / "lesser" / "weights.pt"


def test_publishing_replaces_only_what_matches(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "01_a.ipynb").write_text("new")
    (tmp_path / "from" / "failed-02_b.ipynb").write_text("half")
    assert publish.replace(tmp_path / "from", tmp_path / "to", "[0-9][0-9]_*.ipynb") == 1
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["01_a.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_smoke(path, tmp_path_factory):
    """Every notebook in the smoke profile, training included; all write to one folder, so later ones find the runs of earlier ones."""
    output = tmp_path_factory.getbasetemp() / "smoke-streets"
    words = [sys.executable, str(ROOT / "notebooks" / "execute.py"), "--profile", "smoke", "--only", path.name[:2]]
    done = subprocess.run(words, env=os.environ | {"SEGLIB_OUTPUT": str(output)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_published_outputs_are_reproduced(tmp_path):
    """nbval: every stored text output of the committed notebooks, compared with a fresh execution from the published records."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-cell-timeout", "300", "notebooks"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEGLIB_") or name == "SEGLIB_CACHE"}
    done = subprocess.run(words, cwd=ROOT, env=clean | {"SEGLIB_OUTPUT": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
