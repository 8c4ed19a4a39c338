"""The embedded street scenes: ids, instances, coarse masks, determinism, cache, and the layout as the official scorer reads it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglib import labels
from seglib.data import streets
from seglib.data.streets import camera, export, source

ROOT = Path(__file__).resolve().parents[1]
INSTANCE_IDS = {row.id for row in labels.CITYSCAPES_LABELS if row.has_instances}


@pytest.fixture(scope="module")
def scene():
    return streets.draw(3)


@pytest.fixture(scope="module")
def night():
    return streets.draw(7)


def test_shapes_and_types(scene):
    assert scene.image.shape == (1024, 2048, 3) and scene.image.dtype == np.uint8
    assert scene.label_ids.shape == scene.coarse_ids.shape == scene.instance_ids.shape == (1024, 2048)
    assert scene.label_ids.dtype == scene.coarse_ids.dtype == np.uint8 and scene.instance_ids.dtype == np.int32


def test_every_id_is_in_the_table(scene, night):
    for one in (scene, night):
        assert set(np.unique(one.label_ids)) <= labels.CITYSCAPES.known
        assert set(np.unique(one.coarse_ids)) <= labels.CITYSCAPES.known


def test_instances_follow_the_cityscapes_coding(scene, night):
    for one in (scene, night):
        single = one.instance_ids >= 1000
        assert single.any(), "no instance in the whole scene"
        assert (one.instance_ids[single] // 1000 == one.label_ids[single]).all()
        assert (one.instance_ids[~single] == one.label_ids[~single]).all()
        assert set(np.unique(one.label_ids[single])) <= INSTANCE_IDS
        assert not set(np.unique(one.label_ids[~single])) & INSTANCE_IDS, "a thing without an instance"


def test_coarse_masks_leave_gaps_and_are_right_where_drawn(scene, night):
    for one in (scene, night):
        drawn = one.coarse_ids > 0
        assert 0.5 < drawn.mean() < 0.85
        assert (one.coarse_ids == one.label_ids)[drawn].mean() > 0.97
        edges = np.zeros_like(drawn)
        edges[:, 1:] = one.label_ids[:, 1:] != one.label_ids[:, :-1]
        assert drawn[edges].mean() < 0.35, "coarse masks must keep away from the outlines"


def test_it_is_a_street(scene):
    share = np.bincount(labels.CITYSCAPES.from_file[scene.label_ids].ravel(), minlength=256) / scene.label_ids.size
    assert share[0] > 0.1 and share[labels.IGNORE] < 0.3
    rows = np.arange(1024)[:, None] * np.ones((1, 2048))
    road, sky = scene.label_ids == 7, scene.label_ids == 23
    assert rows[road].mean() > 600 > 400 > rows[sky].mean()


def test_a_scene_is_a_function_of_its_seed_in_another_process_too(scene):
    code = (
        "import hashlib; from seglib.data import streets; s = streets.draw(3); print(*(hashlib.sha256(a.tobytes()).hexdigest() for a in s))"
    )
    import hashlib

    here = [hashlib.sha256(a.tobytes()).hexdigest() for a in scene]
    there = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert here == there
    assert len(set(here)) == 4


def test_seeds_differ(scene, night):
    assert (scene.label_ids != night.label_ids).mean() > 0.2


def test_size_only_resizes(scene):
    small = source.draw(3, size=(256, 512))
    assert small.image.shape == (256, 512, 3)
    assert (small.label_ids == scene.label_ids[2::4, 2::4]).all()
    mean = cv2.resize(scene.image, (512, 256), interpolation=cv2.INTER_AREA)
    assert np.abs(small.image.astype(int) - mean).max() <= 1


def test_the_frozen_version_still_draws_the_same_street(scene):
    """Shares of road, building, vegetation and sky of one scene: a change of the pixels must come with a new VERSION."""
    assert streets.VERSION == "3"
    share = [float((scene.label_ids == k).mean()) for k in (7, 11, 21, 23)]
    np.testing.assert_allclose(share, FROZEN, atol=0.002)


FROZEN = [0.37452, 0.01178, 0.19447, 0.09274]


def test_projection_inverts(scene):
    view = camera.Camera(np.random.default_rng(5), (256, 512), 1.5)
    top, x, s = view.ground()
    rows, cols = np.array([150, 200, 250]), np.array([40, 300, 500])
    points = np.stack([x[rows - top, cols], np.zeros(3), s[rows - top, cols]], 1)
    np.testing.assert_allclose(view.project(points), np.stack([cols + 0.5, rows + 0.5], 1), atol=0.7)


def test_clipping_keeps_what_is_in_front():
    clipped = camera.clip_near(np.array([(-1.0, -5.0), (1, -5), (1, 9), (-1, 9)]))
    assert clipped[:, 1].min() == camera.NEAR and clipped[:, 1].max() == 9
    assert len(camera.clip_near(np.array([(-1.0, -5.0), (1, -5), (0, -1)]))) == 0


def test_splits_are_disjoint_and_counted():
    assert {k: len(v) for k, v in streets.SPLITS.items()} == {"train": 1000, "val": 100, "test": 200}
    assert max(Counter(s for seeds in streets.SPLITS.values() for s in seeds).values()) == 1


@pytest.fixture
def cached(tmp_path, monkeypatch, scene):
    """An empty cache folder, and a painter that hands out one prepared scene and counts how often it is asked."""
    monkeypatch.setenv("SEGLIB_CACHE", str(tmp_path))
    calls = []
    monkeypatch.setattr(source, "draw", lambda seed: calls.append(seed) or scene)
    return calls


def test_truth_is_drawn_once(cached, scene):
    data = streets.Streets("val")
    target, instances = data.truth(4)
    again, _ = streets.Streets("val").truth(4)
    assert cached == [100_004]
    assert (target == again).all() and (target.numpy() == labels.CITYSCAPES.from_file[scene.label_ids]).all()
    assert (instances.numpy() == scene.instance_ids).all()


def test_image_stores_the_truth_as_a_by_product(cached, scene):
    data = streets.Streets("train", "coarse")
    image = data.image(0)
    target, _ = data.truth(0)
    assert cached == [0]
    assert image.shape == (3, 1024, 2048) and (image.numpy().transpose(1, 2, 0) == scene.image).all()
    assert (target.numpy() == labels.CITYSCAPES.from_file[scene.coarse_ids]).all()


@pytest.mark.parametrize(
    "damage", [lambda data: data[:50], lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[:-9] + b"x" + data[-8:]]
)
def test_a_damaged_cache_file_is_drawn_anew(cached, tmp_path, scene, damage):
    data = streets.Streets("val")
    data.truth(0)
    path = next(tmp_path.rglob("*_fine.png"))
    path.write_bytes(damage(path.read_bytes()))
    target, _ = data.truth(0)
    assert len(cached) == 2 and (target.numpy() == labels.CITYSCAPES.from_file[scene.label_ids]).all()


def test_two_processes_may_draw_the_same_scene_at_once(cached, tmp_path, scene):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(lambda _: streets.Streets("val").truth(7)[0], range(4)))
    assert all((t.numpy() == labels.CITYSCAPES.from_file[scene.label_ids]).all() for t in targets)
    assert not list(tmp_path.rglob("*.tmp"))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dusk"):
        streets.Streets("dusk")
    with pytest.raises(ValueError, match="medium"):
        streets.Streets("train", "medium")
    with pytest.raises(ValueError, match="test=201"):
        streets.write_cityscapes("nowhere", splits={"test": 201})


def test_names_and_fingerprint():
    data = streets.Streets("train")
    assert data.names[0] == "streets_train_000000" and data.names == sorted(data.names) and len(data) == 1000
    assert data.fingerprint() != streets.Streets("train", "coarse").fingerprint() != streets.Streets("val", "coarse").fingerprint()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    assert streets.write_cityscapes(folder, splits={"val": 1}, progress=False, polygons=True, workers=1) == 1
    return folder


def test_the_layout_is_that_of_cityscapes(written):
    stem = "streetse_000000_000019"
    expected = {f"leftImg8bit/val/streetse/{stem}_leftImg8bit.png"}
    for kind in ("gtFine", "gtCoarse"):
        ends = ("labelIds.png", "instanceIds.png", "color.png", "polygons.json")
        expected |= {f"{kind}/val/streetse/{stem}_{kind}_{end}" for end in ends}
    assert {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()} == expected
    fine = written / "gtFine/val/streetse"
    assert cv2.imread(str(fine / f"{stem}_gtFine_instanceIds.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    ids = cv2.imread(str(fine / f"{stem}_gtFine_labelIds.png"), cv2.IMREAD_UNCHANGED)
    color = cv2.imread(str(fine / f"{stem}_gtFine_color.png"), cv2.IMREAD_UNCHANGED)
    assert ids.shape == (1024, 2048) and color.shape == (1024, 2048, 4)
    assert (color[..., [2, 1, 0]][ids == 7] == (128, 64, 128)).all()


def test_the_official_scorer_gives_the_truth_a_hundred(written, monkeypatch):
    scorer = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    truth = next(written.glob("gtFine/val/*/*_gtFine_labelIds.png"))
    monkeypatch.setattr(np, "in1d", lambda a, b, **k: np.isin(a, b, **k).ravel(), raising=False)  # gone from numpy 2.4, the scorer calls it
    args = scorer.args
    args.evalInstLevelScore, args.evalPixelAccuracy, args.JSONOutput, args.quiet = True, False, False, True
    result = scorer.evaluateImgLists([str(truth)], [str(truth)], args)
    for key in ("averageScoreClasses", "averageScoreCategories", "averageScoreInstClasses", "averageScoreInstCategories"):
        assert result[key] == pytest.approx(1.0, abs=1e-9), key


def test_polygons_cover_what_was_drawn(night):
    record = export.polygons(night.label_ids[::4, ::4], night.instance_ids[::4, ::4])
    canvas = np.zeros((256, 512), np.uint8)
    ids = {row.name: row.id for row in labels.CITYSCAPES_LABELS}
    for item in record["objects"]:
        cv2.fillPoly(canvas, [np.array(item["polygon"])], ids[item["label"]])
    assert (canvas == night.label_ids[::4, ::4]).mean() > 0.97
    assert record["imgHeight"] == 256 and record["imgWidth"] == 512


def test_contact_sheet_shows_every_scene(monkeypatch, scene):
    from seglib.data.streets import sheet

    small = streets.Scene(*(a[::4, ::4] for a in scene))
    monkeypatch.setattr(sheet, "draw", lambda seed, size: small)
    page = streets.contact_sheet(range(5), columns=3, width=256)
    assert page.dtype == np.uint8 and page.shape == (2 * (256 + 6), 3 * (256 + 6), 3)
    assert len(np.unique(page[256 + 6 :, 2 * 262 :])) == 1, "an empty cell is white"
