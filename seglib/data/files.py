"""Reading files that may be damaged: PNG and JPEG decoding that is right or raises, folders, label ids.

Every error is one string that names the file and says what to do, so that it survives the trip out of a loader's worker.
"""

import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torchvision.io import ImageReadMode, decode_jpeg, decode_png

from seglib.labels import LabelTable

MAX_PIXELS = 2**26  # 67 million: 32 times a Cityscapes picture; a small file that claims more is a decompression bomb
IMAGES = (".png", ".jpg", ".jpeg")
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_bytes(path: Path) -> bytes:
    """The whole file; FileNotFoundError or OSError with one string otherwise."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is gone: it was listed or asked for, but cannot be found; restore it") from None
    except OSError as error:  # symlink loops, permissions, a failing disk
        raise OSError(f"{path} cannot be read ({error.strerror}): check the link, the permissions or the disk") from None


def png_header(data: bytes, path: Path) -> tuple[int, int, int, int]:
    """(width, height, bits per channel, colour type) from the first chunk. ValueError for what is no PNG, or one too large."""
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
        kind = "a PNG file" if path.suffix.lower() == ".png" else "a JPEG or PNG file"
        raise ValueError(f"{path} is not {kind}, or its start is damaged: fetch it again")
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    _check_pixels(width, height, path)
    return width, height, bits, colour


def _check_pixels(width: int, height: int, path: Path) -> None:
    if width * height > MAX_PIXELS or width == 0 or height == 0:
        raise ValueError(f"{path} claims {width}x{height} pixels, more than {MAX_PIXELS}: not decoded; remove it or resize it")


def check_png(data: bytes, path: Path) -> tuple[int, int, int, int]:
    """The header, after the checksum of every chunk up to IEND has been compared: a flipped bit or a cut end is a ValueError.

    libpng by itself passes over a bad checksum outside the pixels and a missing end; here nothing is passed over.
    """
    header = png_header(data, path)
    view, at, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise ValueError(f"{path} is cut off after {len(data)} bytes: fetch it again")
        length, kind = struct.unpack(">I4s", view[at : at + 8])
        end = at + 12 + length
        if end > len(data) or zlib.crc32(view[at + 4 : end - 4]) != struct.unpack(">I", view[end - 4 : end])[0]:
            raise ValueError(f"{path} is damaged (checksum of the chunk at byte {at}) or cut off: fetch it again")
        at = end
    return header


def check_jpeg(data: bytes, path: Path) -> tuple[int, int]:
    """(width, height) from the frame header. ValueError unless the file starts as a JPEG and declares a sane size.

    The decoder refuses a cut file. But JPEG has no checksums: a bit flipped inside the pixels shows only in a manifest's sha256.
    """
    at = 2
    while data[:3] == b"\xff\xd8\xff" and at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header: SOF0 to SOF15
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            _check_pixels(width, height, path)
            return width, height
        at += 2 + length if marker != 0xFF else 1
    raise ValueError(f"{path} is not a JPEG file, or its start is damaged: fetch it again")


def _decode(decoder, data: bytes, path: Path, mode, **options) -> torch.Tensor:
    try:
        return decoder(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=mode, **options)
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be decoded ({str(error).splitlines()[0]}): fetch it again") from None


def read_image(path: Path) -> torch.Tensor:
    """A photograph, PNG or JPEG -> (3, H, W) uint8 RGB. Grey, palette and alpha become RGB; 16 bits per channel are refused."""
    data = read_bytes(path)
    if data[:2] == b"\xff\xd8":
        check_jpeg(data, path)
        return _decode(decode_jpeg, data, path, ImageReadMode.RGB, apply_exif_orientation=True)
    _, _, bits, _ = check_png(data, path)
    if bits == 16:
        raise ValueError(f"{path} has 16 bits per channel: write it with 8")
    return _decode(decode_png, data, path, ImageReadMode.RGB)


def read_labels(path: Path) -> torch.Tensor:
    """A label map, 8-bit grey PNG -> (H, W) uint8 ids. Colours, palettes and other depths are refused: their values are no ids."""
    data = read_bytes(path)
    _, _, bits, colour = check_png(data, path)
    if (bits, colour) != (8, 0):
        kind = f"{_COLOURS.get(colour, 'unknown')}, {bits} bits"
        raise ValueError(f"{path} is no label map ({kind}): wanted is 8-bit grey with one class id per pixel, as in *_labelIds.png")
    return _decode(decode_png, data, path, ImageReadMode.UNCHANGED)[0]


def read_instances(path: Path) -> torch.Tensor:
    """An instance map, 8- or 16-bit grey PNG -> (H, W) int32 in the Cityscapes coding: class id * 1000 + number, or the class id.

    65535 is -1, a licence plate, as an unsigned number: it becomes 0, unlabelled."""
    data = read_bytes(path)
    _, _, bits, colour = check_png(data, path)
    if colour != 0 or bits not in (8, 16):
        kind = f"{_COLOURS.get(colour, 'unknown')}, {bits} bits"
        raise ValueError(f"{path} is no instance map ({kind}): wanted is 16-bit grey, as in *_instanceIds.png")
    instances = _decode(decode_png, data, path, ImageReadMode.UNCHANGED)[0].to(torch.int32)
    return instances.masked_fill_(instances == 65535, 0)


def to_train_ids(ids: torch.Tensor, table: LabelTable, path: Path) -> torch.Tensor:
    """File ids (H, W) uint8 -> train ids (H, W) uint8 by table look-up. ValueError for ids outside the table."""
    check_ids(torch.bincount(ids.flatten(), minlength=256).numpy(), table, path)
    return torch.from_numpy(table.from_file.take(ids.numpy()))


def check_ids(counts: np.ndarray, table: LabelTable, path: Path) -> None:
    """counts (256,) pixels per file id. ValueError names and counts the ids that the table does not know."""
    unknown = [value for value in np.flatnonzero(counts).tolist() if value not in table.known]
    if unknown:
        pixels = int(counts[unknown].sum())
        raise ValueError(f"{path} has ids that {table.name} does not know: {unknown} on {pixels} pixels; is it another data set's?")


def list_stems(folder: Path, suffixes=IMAGES, ending: str = "") -> dict[str, Path]:
    """Sorted {stem without `ending`: path} of the files of one folder, hidden ones aside. ValueError for two of the same stem."""
    found = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise FileNotFoundError(f"{folder} cannot be listed ({error.strerror})") from None
    for path in paths:
        if path.name.startswith(".") or path.suffix.lower() not in suffixes or not path.stem.endswith(ending):
            continue
        stem = path.stem.removesuffix(ending)
        if stem in found:
            raise ValueError(f"{path} and {found[stem].name} have the same name: keep one of them")
        found[stem] = path
    return found


def check_pairs(images: dict[str, Path], labels: dict[str, Path], what: str) -> None:
    """ValueError that names and counts images without a label map and label maps without an image."""
    lone_images, lone_labels = sorted(images.keys() - labels.keys()), sorted(labels.keys() - images.keys())
    problems = [f"{len(lone_images)} images without a label map ({_some(lone_images)})"] if lone_images else []
    problems += [f"{len(lone_labels)} label maps without an image ({_some(lone_labels)})"] if lone_labels else []
    if problems:
        raise ValueError(f"{what}: {' and '.join(problems)}; add the missing files or take the others away")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def fingerprint(root: Path, paths: list[Path]) -> str:
    """sha256 of each file's name below `root`, size and times of change: another value whenever a file was written anew."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            state = path.stat()
        except OSError as error:
            raise FileNotFoundError(f"{path} is gone or cannot be reached ({error.strerror}): restore it") from None
        digest.update(f"{path.relative_to(root)} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}\n".encode())
    return digest.hexdigest()
