"""The cache: right pixels, one build for all, nothing half there after a kill, damage found and mended, full disks said."""

import errno
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
import torch
from data_helpers import Fake, write_camvid
from PIL import Image

from seglib import data
from seglib.data import building, cache
from seglib.data.cache import Full, Resized

SIZE = (12, 16)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def same(one, other) -> bool:
    return one.name == other.name and all((a is None and b is None) or torch.equal(a, b) for a, b in zip(one[1:], other[1:]))


def wholes(folder) -> list:
    return sorted(path.name for path in folder.glob("fake-*") if path.is_dir() and path.suffix != ".part")


def forked(work) -> int:
    """Run `work` in a child of this process; its number."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_samples_are_resized_as_stated(tmp_path):
    source = Fake(tmp_path / "log")
    ds, full = Resized(source, SIZE), Full(source)
    assert len(ds) == 6 and ds.names == full.names and ds.size == SIZE and ds.labels is source.labels
    for i in (0, 5, -1):
        name, image, target, instances = ds[i]
        assert image.shape == (3, *SIZE) and image.dtype == target.dtype == torch.uint8 and instances.dtype == torch.int32
        for small, large in ((target, full[i].target), (instances, full[i].instances)):
            expected = Image.fromarray(large.numpy()).resize(SIZE[::-1], Image.Resampling.NEAREST)
            assert np.array_equal(small, np.array(expected))
        expected = Image.fromarray(full[i].image.permute(1, 2, 0).numpy()).resize(SIZE[::-1], Image.Resampling.BILINEAR)  # antialiased
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - np.array(expected)).max() <= 1
        assert torch.equal(ds.truth(i)[0], full[i].target)
    images, targets = ds.arrays()
    assert np.array_equal(images[2], ds[2].image) and np.array_equal(targets[2], ds[2].target)
    assert not images.flags.writeable and Resized(Fake(tmp_path / "log", instances=False, content="b"), SIZE)[0].instances is None


def test_at_their_own_size_nothing_changes(tmp_path):
    source = Fake(tmp_path / "log")
    assert same(Resized(source, (24, 40))[3], Full(source)[3])


def test_built_once_and_again_when_anything_changes(tmp_path, cache_folder):
    log = tmp_path / "log"
    Resized(Fake(log), SIZE), Resized(Fake(log), SIZE)
    assert sorted(Fake(log).made()) == [0, 1, 2, 3, 4, 5] and len(wholes(cache_folder)) == 1
    Resized(Fake(log, content="b"), SIZE)
    Resized(Fake(log), (12, 20))
    assert len(wholes(cache_folder)) == 3


def test_a_changed_file_is_seen(tmp_path):
    root = write_camvid(tmp_path / "c")
    before = data.load("camvid", "train", root=root, size=SIZE)
    old = before[1]
    path = root / "train/train_001.png"
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(path)
    after = data.load("camvid", "train", root=root, size=SIZE)
    assert after.folder != before.folder and after[1].image.max() == 0 and same(before[1], old) and same(after[0], before[0])


def test_a_longer_cache_serves_and_a_shorter_one_is_taken_over(tmp_path):
    log = tmp_path / "log"
    short = Resized(Fake(log), SIZE, limit=2)
    assert Fake(log).made() == [0, 1] and len(short) == 2
    whole = Resized(Fake(log), SIZE)
    assert sorted(Fake(log).made()) == [0, 0, 1, 2, 3, 4, 5]  # the first tells whether there are instances
    assert same(whole[1], short[1]) and same(whole[5], Resized(Fake(log, content="b"), SIZE)[5])
    made = len(Fake(log).made())
    assert len(Resized(Fake(log), SIZE, limit=4)) == 4 and len(Resized(Fake(log), SIZE, limit=99)) == 6
    assert len(Fake(log).made()) == made


def test_killed_three_times_it_is_whole_or_not_there(tmp_path, cache_folder):
    """SIGKILL at random moments of a build: no cache is taken for whole, and what was made is not made again."""
    log = tmp_path / "log"
    source = Fake(log, count=40, delay=0.02)
    rng = np.random.default_rng(0)
    for _ in range(3):
        child = forked(lambda: Resized(source, SIZE))
        time.sleep(rng.uniform(0.2, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert wholes(cache_folder) == []
    made = len(source.made())
    assert made > 3
    ds = Resized(source, SIZE)
    assert len(source.made()) <= 40 + 2 * 4  # a kill costs at most the sample in the making, and the first is made each time
    undisturbed = Resized(Fake(tmp_path / "log2", count=40, content="b"), SIZE)
    assert all(same(ds[i], undisturbed[i]) for i in range(40))
    assert not list(cache_folder.glob("*.part"))


def test_several_at_once_build_one(tmp_path, cache_folder):
    log = tmp_path / "log"
    children = [forked(lambda: Resized(Fake(log, delay=0.02), SIZE).arrays()) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert sorted(Fake(log).made()) == [0, 1, 2, 3, 4, 5] and len(wholes(cache_folder)) == 1


def test_several_threads_build_one(tmp_path, cache_folder):
    threads = [threading.Thread(target=lambda: Resized(Fake(tmp_path / "log", delay=0.01), SIZE)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(Fake(tmp_path / "log").made()) == 6


@pytest.mark.parametrize("name", ["images", "targets", "instances"])
def test_a_damaged_sample_is_made_again(tmp_path, name, capsys):
    source = Fake(tmp_path / "log")
    ds = Resized(source, SIZE)
    good = ds[4]
    path = ds.folder / f"{name}.npy"
    contents = bytearray(path.read_bytes())
    contents[-len(contents) // 6 - 20] ^= 4  # within sample 4 of 6
    path.write_bytes(contents)
    again = Resized(source, SIZE)
    assert same(again[4], good) and "sample 4 is damaged" in capsys.readouterr().err
    path.write_bytes(contents)
    fresh = Resized(source, SIZE)
    fresh.arrays()
    assert same(fresh[4], good)


@pytest.mark.parametrize("damage", ["cut", "missing", "info", "empty info"])
def test_a_damaged_cache_is_built_again(tmp_path, damage):
    source = Fake(tmp_path / "log")
    ds = Resized(source, SIZE)
    good, path = ds[4], ds.folder / ("images.npy" if damage in ("cut", "missing") else "info.json")
    contents = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"cut": contents[:-1], "info": contents[:9], "empty info": b"{}"}[damage])
    assert same(Resized(source, SIZE)[4], good)


def test_workers_make_the_same_and_pass_errors_on(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "QUICK", -1.0)  # workers after two samples
    monkeypatch.setattr(building, "processes", lambda: 2)
    ds = Resized(Fake(tmp_path / "log", count=9), SIZE)
    monkeypatch.setattr(building, "QUICK", 60.0)
    alone = Resized(Fake(tmp_path / "log2", count=9, content="b"), SIZE)
    assert all(same(ds[i], alone[i]) for i in range(9))
    monkeypatch.setattr(building, "QUICK", -1.0)
    with pytest.raises(ValueError, match="s003.png is damaged: fetch it again"):
        Resized(Fake(tmp_path / "log3", count=4, content="c", bad=3), SIZE)


@pytest.mark.slow
def test_a_worker_that_dies_is_said_and_the_rest_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "QUICK", -1.0)
    monkeypatch.setattr(building, "processes", lambda: 2)
    with pytest.raises(RuntimeError, match=r"died at sample 3 .*start again"):
        Resized(Fake(tmp_path / "log", count=4, deadly=3), SIZE)
    monkeypatch.setattr(building, "QUICK", 60.0)
    again, log = Resized(Fake(tmp_path / "log2", count=4), SIZE), Fake(tmp_path / "log2")
    assert log.made() == [0, 3] and np.array_equal(again[3].image, Resized(Fake(tmp_path / "log3", content="b"), SIZE)[3].image)


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, cache_folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match=r"needs 0 MB \(No space left on device\): free some, or set SEGLIB_CACHE"):
            Resized(Fake(tmp_path / "log"), SIZE)
    assert wholes(cache_folder) == [] and not list(cache_folder.rglob("*.npy"))
    assert len(Resized(Fake(tmp_path / "log"), SIZE)) == 6


def test_a_cache_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGLIB_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set SEGLIB_CACHE"):
        Resized(Fake(tmp_path / "log"), SIZE)
    with pytest.raises(ValueError, match="size"):
        Resized(Fake(tmp_path / "log"), (0, 16))


def test_pickled_it_carries_no_pixels(tmp_path):
    ds = Resized(Fake(tmp_path / "log"), SIZE)
    packed = pickle.dumps(ds)
    assert len(packed) < 4000 and same(pickle.loads(packed)[3], ds[3])


def test_a_loader_with_workers_gives_every_sample(tmp_path):
    ds = Resized(Fake(tmp_path / "log"), SIZE)
    loader = torch.utils.data.DataLoader(ds, batch_size=None, num_workers=2, timeout=60)
    assert all(same(a, b) for a, b in zip(loader, ds, strict=True))


def test_the_cache_lies_in_the_project_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv("SEGLIB_CACHE")
    assert cache.cache_root().parts[-2:] == ("runs", "cache") and (cache.cache_root().parents[1] / "seglib").is_dir()


def test_drawn_scenes_are_kept_and_drawn_again_when_damaged(cache_folder, monkeypatch):
    from seglib.data.streets import Scene, Streets, source

    rng, drawn = np.random.default_rng(0), []

    def draw(seed):
        drawn.append(seed)
        ids = rng.integers(0, 34, (16, 32), dtype=np.uint8)
        return Scene(rng.integers(0, 256, (16, 32, 3), dtype=np.uint8), ids, ids.astype(np.int32) * 1000, ids // 2 * 2)

    monkeypatch.setattr(source, "draw", draw)
    fine, coarse = Streets("val", "fine"), Streets("val", "coarse")
    image, (target, instances) = fine.image(3), fine.truth(3)
    assert torch.equal(Streets("val").image(3), image) and not torch.equal(coarse.truth(3)[0], target) and len(drawn) == 1
    assert torch.equal(instances[target != 255] // 1000, torch.from_numpy(fine.labels.to_file[target[target != 255].numpy()]).int())
    kept = sorted(cache_folder.rglob("*.png"))
    assert len(kept) == 4
    for path in kept:
        contents = bytearray(path.read_bytes())
        contents[60] ^= 1
        path.write_bytes(contents)
    fine.truth(3), coarse.truth(3), fine.image(3)
    assert len(drawn) > 1 and all(len(path.read_bytes()) > 60 for path in kept)
