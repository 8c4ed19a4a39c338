"""Files that are damaged, of the wrong kind or not there: a clear error with the path, or the right pixels; never wrong ones."""

import io
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
import torch
from data_helpers import photograph, save
from PIL import Image

from seglib.data import files
from seglib.labels import CAMVID, CITYSCAPES

LABELS = np.random.default_rng(5).integers(0, 34, (6, 10), dtype=np.uint8).repeat(8, 0).repeat(8, 1)  # (48, 80), blocks as in real maps


def png(array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def flips(data: bytes, count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    for bit in rng.choice(8 * len(data), size=min(count, 8 * len(data)), replace=False):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        yield bytes(damaged)


def cuts(data: bytes, count: int):
    return [data[:n] for n in np.random.default_rng(1).choice(len(data), size=count)]


KINDS = {
    "image": (photograph(3, 48, 80), files.read_image, lambda t: t.permute(1, 2, 0).numpy()),
    "labels": (LABELS, files.read_labels, lambda t: t.numpy()),
    "instances": (LABELS.astype(np.uint16) * 1000, files.read_instances, lambda t: t.numpy()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_and_no_cut_is_silently_wrong(kind, tmp_path):
    """300 single-bit flips and 100 truncations of each kind of PNG: each one raises, and the error names the file."""
    array, read, back = KINDS[kind]
    whole, path = png(array), tmp_path / "x.png"
    path.write_bytes(whole)
    assert np.array_equal(back(read(path)), array)
    for damaged in [*flips(whole, 300), *cuts(whole, 100)]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="x.png"):
            read(path)


def test_the_flips_would_fool_an_unchecked_reader():
    """The same 300 flips read by PIL: some come out wrong without an error, so the test above can fail."""
    wrong = 0
    for damaged in flips(png(LABELS), 300):
        try:
            wrong += not np.array_equal(np.array(Image.open(io.BytesIO(damaged))), LABELS)
        except Exception:  # whatever PIL raises is an honest answer
            continue
    assert wrong > 0


def test_jpeg(tmp_path):
    smooth = np.add.outer(np.arange(48), np.arange(80)).astype(np.uint8)[..., None].repeat(3, 2)
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth).save(path, quality=95)
    whole = path.read_bytes()
    image = files.read_image(path)
    assert image.shape == (3, 48, 80) and np.abs(image.permute(1, 2, 0).numpy().astype(int) - smooth).max() <= 6
    assert files.check_jpeg(whole, path) == (80, 48)
    for cut in cuts(whole[:-2], 60):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="x.jpg"):
            files.read_image(path)


def test_photographs_of_every_png_kind_become_rgb(tmp_path):
    rgb = photograph(0)
    grey = rgb[..., 0]
    rgba = np.dstack([rgb, np.full_like(grey, 7)])
    assert np.array_equal(files.read_image(save(tmp_path / "a.png", rgba)).permute(1, 2, 0), rgb)
    assert np.array_equal(files.read_image(save(tmp_path / "g.png", grey)), np.stack([grey] * 3))
    palette = Image.fromarray(rgb).quantize(64)
    palette.save(tmp_path / "p.png")
    assert np.array_equal(files.read_image(tmp_path / "p.png").permute(1, 2, 0), np.array(palette.convert("RGB")))
    with pytest.raises(ValueError, match="16 bits"):
        files.read_image(save(tmp_path / "d.png", grey.astype(np.uint16) * 257))


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "LA", "1", "I;16"])
def test_label_files_of_another_kind_are_refused(mode, tmp_path):
    path = tmp_path / "labels.png"
    if mode == "I;16":
        save(path, LABELS.astype(np.uint16))
    else:
        Image.fromarray(LABELS).convert(mode).save(path)
    with pytest.raises(ValueError, match=r"labels.png is no label map .*8-bit grey"):
        files.read_labels(path)


def test_instances_read_8_and_16_bits(tmp_path):
    large = np.array([[0, 7, 26001], [33999, 65535, 24]], np.uint16)  # 65535: a licence plate, -1
    read = files.read_instances(save(tmp_path / "i.png", large))
    assert read.dtype == torch.int32 and read.tolist() == [[0, 7, 26001], [33999, 0, 24]]
    assert files.read_instances(save(tmp_path / "j.png", LABELS)).tolist() == LABELS.tolist()
    with pytest.raises(ValueError, match="no instance map"):
        files.read_instances(save(tmp_path / "k.png", photograph(0)))


def test_a_decompression_bomb_is_not_decoded(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + png(LABELS)[33:])
    for read in (files.read_image, files.read_labels, files.read_instances):
        with pytest.raises(ValueError, match=r"bomb.png claims 60000x60000 pixels"):
            read(tmp_path / "bomb.png")


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.png is gone"):
        files.read_image(tmp_path / "nothing.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(OSError, match=r"loop.png cannot be read \(Too many levels"):
        files.read_labels(tmp_path / "loop.png")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    for name in ("text.png", "empty.png"):
        with pytest.raises(ValueError, match=f"{name} is not a PNG"):
            files.read_image(tmp_path / name)


def test_errors_survive_a_loaders_worker(tmp_path):
    """One string per exception: pickled and rebuilt, as loaders do, the message is the same."""
    for read, name in [(files.read_image, "gone.png"), (files.read_labels, "text.png")]:
        (tmp_path / "text.png").write_text("hello")
        with pytest.raises((OSError, ValueError)) as caught:
            read(tmp_path / name)
        assert len(caught.value.args) == 1 and str(type(caught.value)(str(caught.value))) == str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_train_ids_name_and_count_unknown_ids(tmp_path):
    ids = torch.tensor([[7, 33, 255], [0, 34, 34]], dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"x.png has ids that cityscapes does not know: \[34\] on 2 pixels"):
        files.to_train_ids(ids, CITYSCAPES, tmp_path / "x.png")
    assert files.to_train_ids(ids[:1], CITYSCAPES, tmp_path).tolist() == [[0, 18, 255]]  # 255: a licence plate as uint8, void
    assert files.to_train_ids(torch.tensor([[0, 10, 11]], dtype=torch.uint8), CAMVID, tmp_path).tolist() == [[0, 10, 255]]


def test_listing_is_sorted_whatever_the_disk_says(tmp_path, monkeypatch):
    for name in ("b.png", "a.JPG", "._a.jpg", "Thumbs.db", "c.jpeg"):
        (tmp_path / name).touch()
    listed = type(tmp_path).iterdir
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda self: sorted(listed(self), reverse=True))
    assert list(files.list_stems(tmp_path)) == ["a", "b", "c"]
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"a\.png.*same name"):
        files.list_stems(tmp_path)


def test_the_fingerprint_sees_a_rewrite_of_the_same_size_and_time(tmp_path):
    path = save(tmp_path / "x.png", photograph(0))
    before, state = files.fingerprint(tmp_path, [path]), path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert files.fingerprint(tmp_path, [path]) != before
    with pytest.raises(FileNotFoundError, match="y.png is gone"):
        files.fingerprint(tmp_path, [tmp_path / "y.png"])
