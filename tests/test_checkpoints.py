"""Checkpoints that are damaged, cut, malicious or unwritable: none is loaded in silence, none takes the good one with it."""

import errno
import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from seglib import checkpoints

ROOT = Path(__file__).resolve().parents[1]


def state(seed=0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    weights = {f"layer{i}.weight": torch.randn(16, 16, generator=generator) for i in range(4)}
    return {"model": weights, "step": seed, "history": [{"loss": 0.5, "val_iou": [0.1, None]}], "config": "{}"}


def same(one, other) -> bool:
    return all(torch.equal(one["model"][key], other["model"][key]) for key in one["model"]) and one["history"] == other["history"]


def pretend(path: Path, data: bytes) -> None:
    """A file of a stranger who knows about the digest."""
    path.write_bytes(data)
    path.with_name(path.name + ".sha256").write_text(hashlib.sha256(data).hexdigest() + "  x\n")


def test_round_trip_keeps_the_last_two(tmp_path):
    for step in (1, 2, 3, 10):
        checkpoints.save(tmp_path, step, state(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000000003.pt", "step-000000003.pt.sha256", "step-000000010.pt", "step-000000010.pt.sha256"]  # fmt: skip
    assert same(checkpoints.latest(tmp_path), state(10))
    for leftover in ("step-000000002.pt.sha256", "step-000000009.pt.tmp", "step-000000009.pt.sha256.tmp"):
        (tmp_path / leftover).touch()  # of processes killed while deleting and writing
    checkpoints.save(tmp_path, 11, state(11))
    assert len(list(tmp_path.iterdir())) == 4
    checkpoints.clear(tmp_path)
    assert list(tmp_path.iterdir()) == [] and checkpoints.latest(tmp_path) is None


def test_plain_torch_reads_it_and_sha256sum_checks_it(tmp_path):
    path = checkpoints.save(tmp_path, 1, state())
    assert same(torch.load(path, weights_only=True), state())
    digest, name = path.with_name(path.name + ".sha256").read_text().split()
    assert name == path.name and digest == hashlib.sha256(path.read_bytes()).hexdigest()


def flips(tmp_path, count: int) -> None:
    checkpoints.save(tmp_path, 1, state(1))
    path = checkpoints.save(tmp_path, 2, state(2))
    good, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(count):
        damaged = bytearray(good)
        damaged[rng.integers(len(good))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="step-000000002.pt.*going back"):
            assert same(checkpoints.latest(tmp_path), state(1))


def test_flipped_bits_fall_back_to_the_checkpoint_before(tmp_path):
    flips(tmp_path, 40)


@pytest.mark.slow
def test_400_flipped_bits(tmp_path):
    flips(tmp_path, 400)


def test_archive_checks_alone_catch_flips_in_tensors(tmp_path):
    """The zip's CRCs, without the digest: what remains when someone recomputes the digest of a damaged file."""
    path = checkpoints.save(tmp_path, 1, state())
    good = path.read_bytes()
    start = good.find(state()["model"]["layer2.weight"].numpy().tobytes())
    assert start > 0
    for offset in (0, 100, 1023):
        damaged = bytearray(good)
        damaged[start + offset] ^= 4
        pretend(path, bytes(damaged))
        with pytest.raises(checkpoints.Damaged, match="wrong checksum"):
            checkpoints.read(path)


def test_truncations(tmp_path):
    path = checkpoints.save(tmp_path, 1, state())
    good = path.read_bytes()
    for length in (0, 1, 100, len(good) // 4, len(good) // 2, len(good) - 1000, len(good) - 22, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(checkpoints.Damaged, match="sha256"):
            checkpoints.read(path)
        pretend(path, good[:length])
        with pytest.raises(checkpoints.Damaged):
            checkpoints.read(path)
    path.write_bytes(good)
    path.with_name(path.name + ".sha256").unlink()
    with pytest.raises(checkpoints.Damaged, match="missing"):
        checkpoints.read(path)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def repacked(data: bytes, change=lambda pickled: pickled, compression=zipfile.ZIP_STORED) -> bytes:
    """The archive with `change` applied to its structure."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename.endswith("data.pkl") else content)
    return target.getvalue()


def test_code_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save({"model": {}, "x": Malicious()}, buffer)
    for data in (buffer.getvalue(), pickle.dumps(Malicious())):
        pretend(tmp_path / "step-000000001.pt", data)
        with pytest.raises(checkpoints.Damaged, match="refuses|not a readable"):
            checkpoints.read(tmp_path / "step-000000001.pt")
    assert not (tmp_path / "executed").exists()


def test_ten_declared_gigabytes_are_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save({"model": {"w": torch.zeros(77)}}, buffer)
    huge = b"\x8a\x05" + struct.pack("<q", 10 * 2**30 // 4)[:5]  # LONG1 in the place of BININT1 77, where the storage is declared
    data = repacked(buffer.getvalue(), lambda pickled: pickled.replace(b"K\x4dt", huge + b"t", 1))
    assert repacked(buffer.getvalue()) != data
    pretend(tmp_path / "a.pt", data)
    with pytest.raises(checkpoints.Damaged, match="declares a tensor of 2684354560 elements"):
        checkpoints.read(tmp_path / "a.pt")
    hidden = repacked(buffer.getvalue(), lambda pickled: pickled.replace(b"K\x4dt", huge + b"q\xf0h\xf0t", 1))
    pretend(tmp_path / "a.pt", hidden)
    with pytest.raises(checkpoints.Damaged):
        checkpoints.read(tmp_path / "a.pt")


def test_zip_bomb_is_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save({"model": {"w": torch.zeros(2**22)}}, buffer)
    bomb = repacked(buffer.getvalue(), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < len(buffer.getvalue()) / 100
    pretend(tmp_path / "a.pt", bomb)
    with pytest.raises(checkpoints.Damaged, match="unpack to more"):
        checkpoints.read(tmp_path / "a.pt")


def test_too_large_a_file_is_not_read(tmp_path, monkeypatch):
    path = checkpoints.save(tmp_path, 1, state())
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 1000)
    with pytest.raises(checkpoints.Damaged, match="more than a checkpoint can have"):
        checkpoints.read(path)


CHILD = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import os, torch
from seglib import checkpoints
folder = Path({folder!r})
{body}
"""


def run_child(folder, body: str) -> subprocess.CompletedProcess:
    code = CHILD.format(root=str(ROOT), folder=str(folder), body=body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_disk_full_leaves_the_old_checkpoint(tmp_path):
    """RLIMIT_FSIZE stands for the full disk: writing past it fails with the same kind of error, in the middle of the file."""
    body = """
checkpoints.save(folder, 1, {"model": {"w": torch.ones(1000)}})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    checkpoints.save(folder, 2, {"model": {"w": torch.ones(1_000_000)}})
except OSError as error:
    print(error)
"""
    done = run_child(tmp_path, body)
    assert "cannot write the checkpoint" in done.stdout and "what was saved before is intact" in done.stdout, done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000001.pt", "step-000000001.pt.sha256"]
    assert checkpoints.latest(tmp_path)["model"]["w"].sum() == 1000


def test_overwriting_is_all_or_nothing(tmp_path, monkeypatch):
    """weights.pt keeps one name: a crash between the two renames leaves a readable pair."""
    path = tmp_path / "weights.pt"
    checkpoints.write(state(1), path)
    real = Path.replace

    def crash(self, target):
        if str(target).endswith(".sha256"):
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.write(state(2), path)
    assert same(checkpoints.read(path), state(2))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not write")
def test_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    body = """
os.setuid(65534)
try:
    checkpoints.check_writable(folder)
except OSError as error:
    print(error.errno, error)
"""
    done = run_child(tmp_path, body)
    assert done.stdout.startswith(str(errno.EACCES)) and "cannot write to this folder" in done.stdout, done


def test_lock(tmp_path):
    with checkpoints.lock(tmp_path):
        body = """
try:
    with checkpoints.lock(folder):
        print("taken")
except checkpoints.Busy as error:
    print(error)
"""
        done = run_child(tmp_path, body)
        assert f"process {os.getpid()} works on this run" in done.stdout, done
    dead = run_child(tmp_path, "with checkpoints.lock(folder):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    assert dead.returncode == -9
    with checkpoints.lock(tmp_path):  # of a dead process: taken over
        assert (tmp_path / "lock").read_text() == str(os.getpid())
