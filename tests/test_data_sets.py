"""CamVid and Cityscapes as their users have them on disk: splits, pairs, ids, instances, and what `data check` says of them."""

import numpy as np
import pytest
import torch
from cityscapesscripts.helpers import labels as official
from data_helpers import photograph, save, write_camvid, write_cityscapes

from seglib import data
from seglib.data import camvid, cityscapes, downloads
from seglib.labels import CITYSCAPES, CITYSCAPES_LABELS

# The cities of official train and their images: 2,975 in all.
TRAIN = {
    "aachen": 174, "bochum": 96, "bremen": 316, "cologne": 154, "darmstadt": 85, "dusseldorf": 221, "erfurt": 109, "hamburg": 248,
    "hanover": 196, "jena": 119, "krefeld": 99, "monchengladbach": 94, "strasbourg": 365, "stuttgart": 196, "tubingen": 144, "ulm": 95,
    "weimar": 142, "zurich": 122,
}  # fmt: skip


def test_label_ids_map_as_in_the_official_table():
    for label in official.labels:
        expected = label.trainId if 0 <= label.trainId < 19 else 255
        assert CITYSCAPES.from_file[label.id % 256] == expected, label.name  # the licence plate, -1, is 255 as uint8
    ours = {row.id: (row.name, row.category, row.has_instances, row.color) for row in CITYSCAPES_LABELS}
    assert ours == {row.id: (row.name, row.category, row.hasInstances, row.color) for row in official.labels if row.id >= 0}


def test_names_and_options_that_do_not_exist(tmp_path, monkeypatch):
    monkeypatch.delenv("CAMVID_DATASET", raising=False)
    monkeypatch.delenv("CITYSCAPES_DATASET", raising=False)
    with pytest.raises(ValueError, match="unknown data set 'kitti': choose one of streets, camvid, cityscapes"):
        data.load("kitti", "train")
    with pytest.raises(FileNotFoundError, match="CAMVID_DATASET"):
        data.load("camvid", "train")
    with pytest.raises(FileNotFoundError, match=r"CITYSCAPES_DATASET.*Expected is(.|\n)*gtFine"):
        data.load("cityscapes", "train")
    with pytest.raises(FileNotFoundError, match=r"no folder train nor trainannot(.|\n)*valannot"):
        data.load("camvid", "train", root=tmp_path)
    root = write_camvid(tmp_path / "c")
    for wrong in ({"split": "dev"}, {"split": "train", "annotation": "coarse"}):
        with pytest.raises(ValueError, match="CamVid has the splits"):
            data.load("camvid", root=root, **wrong)
    with pytest.raises(ValueError, match="limit=0"):
        data.load("camvid", "train", root=root, limit=0)
    with pytest.raises(ValueError, match="has no root"):
        data.load("streets", "train", root=root)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_camvid(tmp_path, monkeypatch, suffix):
    monkeypatch.setenv("CAMVID_DATASET", str(write_camvid(tmp_path, suffix=suffix)))
    train = data.load("camvid", "train")
    assert (train.name, train.split, len(train), train.size, train.labels.num_classes) == ("camvid", "train", 3, None, 11)
    assert train.names == ["train_000", "train_001", "train_002"] and len(data.load("camvid", "test", limit=1)) == 1
    name, image, target, instances = train[-1]
    assert name == "train_002" and image.shape == (3, 32, 64) and image.dtype == target.dtype == torch.uint8 and instances is None
    ids = np.random.default_rng(2).integers(0, 12, (32, 64), dtype=np.uint8)
    assert np.array_equal(target, np.where(ids == 11, 255, ids)) and torch.equal(train.truth(2)[0], target)
    if suffix == ".png":
        assert np.array_equal(image.permute(1, 2, 0), photograph(2))
    with pytest.raises(IndexError):
        train[3]


def test_the_selection_part_is_a_fixed_tenth_of_every_city():
    names = [f"{city}_{i:06d}_000019" for city, count in TRAIN.items() for i in range(count)]
    chosen = cityscapes.selection(names)
    assert len(names) == 2975 and len(chosen) == 299
    assert {city: sum(name.startswith(city) for name in chosen) for city in ("aachen", "bremen", "ulm")} == {
        "aachen": 17,
        "bremen": 32,
        "ulm": 10,
    }
    assert "ulm_000094_000019" in chosen and "ulm_000085_000019" in chosen and "ulm_000084_000019" not in chosen
    assert cityscapes.selection(names[::-1]) == chosen


def test_cityscapes_splits_share_no_image(tmp_path):
    root = write_cityscapes(tmp_path, annotations=("gtFine", "gtCoarse"))
    splits = {split: data.load("cityscapes", split, root=root).names for split in ("train", "val", "test")}
    assert splits["val"] == ["aachen_000011_000019", "ulm_000002_000019"] and splits["test"][0] == "munster_000000_000019"
    assert len(splits["train"]) == 13 and not set(splits["train"]) & set(splits["val"]) and splits["train"] == sorted(splits["train"])
    coarse = data.load("cityscapes", "train", root=root, annotation="coarse")
    assert coarse.annotation == "coarse" and coarse.names == splits["train"]


def test_cityscapes_samples(tmp_path):
    ds = data.load("cityscapes", "train", root=write_cityscapes(tmp_path))
    name, image, target, instances = ds[1]
    ids = np.random.default_rng(1).integers(0, 34, (32, 64), dtype=np.uint8)
    assert name == "aachen_000001_000019" and np.array_equal(image.permute(1, 2, 0), photograph(1))
    table = np.array([official.id2label[i].trainId if official.id2label[i].trainId < 19 else 255 for i in range(34)])
    assert np.array_equal(target, table[ids])
    assert instances.dtype == torch.int32 and np.array_equal(instances, np.where(ids >= 24, ids.astype(int) * 1000 + 1, ids))


def test_train_extra_has_coarse_annotation_only(tmp_path):
    root = write_cityscapes(tmp_path, cities=[("train_extra", "augsburg", 2)], annotations=("gtCoarse",))
    assert len(data.load("cityscapes", "train_extra", root=root, annotation="coarse")) == 2
    with pytest.raises(ValueError, match="coarse"):
        data.load("cityscapes", "train_extra", root=root)
    with pytest.raises(FileNotFoundError, match="no images of train"):
        data.load("cityscapes", "train", root=root)


def test_pairs_are_checked(tmp_path):
    root = write_cityscapes(tmp_path)
    folder = root / "gtFine/train/aachen"
    (folder / "aachen_000003_000019_gtFine_labelIds.png").unlink()
    save(folder / "aachen_000099_000019_gtFine_labelIds.png", np.zeros((32, 64), np.uint8))
    message = r"1 images without a label map \(aachen_000003_000019\) and 1 label maps without an image \(aachen_000099_000019\)"
    with pytest.raises(ValueError, match=message):
        data.load("cityscapes", "train", root=root)
    report = data.check("cityscapes", root)
    assert not report.ok and "aachen_000099" in str(report) and "leftImg8bit_trainvaltest.zip" in str(report)


def test_an_image_of_another_size_than_its_labels(tmp_path):
    root = write_camvid(tmp_path)
    save(root / "train/train_001.png", photograph(1, 32, 60))
    with pytest.raises(ValueError, match=r"train_001 differ in size \(32x60 and 32x64\)"):
        data.load("camvid", "train", root=root)[1]


def test_a_file_that_vanishes_between_listing_and_reading(tmp_path):
    ds = data.load("cityscapes", "train", root=write_cityscapes(tmp_path))
    (tmp_path / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"aachen_000000_000019_leftImg8bit.png is gone"):
        ds[0]
    with pytest.raises(FileNotFoundError, match="is gone"):
        ds.source.fingerprint()


def test_folders_that_loop_are_no_cities(tmp_path):
    root = write_cityscapes(tmp_path)
    (root / "leftImg8bit/train/again").symlink_to(root / "leftImg8bit/train", target_is_directory=True)
    (root / "leftImg8bit/train/loop").symlink_to(root / "leftImg8bit/train/loop")
    assert len(data.load("cityscapes", "train", root=root)) == 13


def test_check_counts_and_names(tmp_path):
    report = data.check("cityscapes", write_cityscapes(tmp_path, annotations=("gtFine", "gtCoarse")), progress=False)
    assert report.ok and report.images["train"] == {"aachen": 12, "ulm": 3} and report.label_maps["train coarse"].total() == 15
    assert report.sizes == {"64x32": 17 + 4 * 17} and report.pixels.sum() == 2 * 17 * 32 * 64 and "no problems" in str(report)
    bad = tmp_path / "leftImg8bit/val/munster/munster_000001_000019_leftImg8bit.png"
    bad.write_bytes(bad.read_bytes()[:-20])
    save(tmp_path / "gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png", np.full((32, 64), 77, np.uint8))
    save(tmp_path / "gtFine/train/ulm/ulm_000001_000019_gtFine_labelIds.png", np.full((16, 64), 7, np.uint8))
    problems = "\n".join(data.check("cityscapes", tmp_path, progress=False).problems)
    assert "munster_000001_000019_leftImg8bit.png is damaged" in problems or "cut off" in problems
    assert "does not know: [77] on 2048 pixels" in problems and "ulm_000001_000019_gtFine_labelIds.png is 64x16" in problems


def test_check_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no folder leftImg8bit(.|\n)*gtCoarse"):
        data.check("cityscapes", tmp_path)
    root = write_camvid(tmp_path / "c", counts=[("train", 2), ("val", 1)])
    report = data.check("camvid", root)
    assert not report.ok and "test cannot be listed" in str(report) and "trainannot/" in str(report)
    with pytest.raises(ValueError, match="unknown data set"):
        data.check("kitti")


def test_camvid_itself(camvid_root):
    sizes = {split: data.load("camvid", split, root=camvid_root) for split in ("train", "val", "test")}
    assert {split: len(ds) for split, ds in sizes.items()} == {"train": 367, "val": 101, "test": 233}
    assert sizes["train"].names[0] == "0001TP_006690"
    image, target = sizes["test"][0][1:3]
    assert image.shape == (3, 360, 480) and target.shape == (360, 480) and set(target.unique().tolist()) <= {*range(11), 255}


def test_camvids_digest_is_of_its_1402_files(camvid_root):
    manifest = camvid.DIGEST.read_text()
    names = [line.split("  ")[1] for line in manifest.splitlines()]
    assert len(names) == 1402 and names == sorted(names)
    assert downloads.verify_manifest(camvid_root, manifest) == []
