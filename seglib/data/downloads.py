"""Fetching a data set so that it is whole or not there: resumed downloads, safe archives, manifests of sha256.

A manifest is a text file of lines `<sha256>  <path>`, sorted by path, as the program sha256sum writes and reads them.
"""

import contextlib
import hashlib
import http.client
import shutil
import stat
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BLOCK = 1 << 20
MAX_BYTES = 4 << 30  # an archive that unpacks to more is refused


def sha256(path: Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(root: Path, paths: list[Path]) -> str:
    """The manifest of `paths`, which lie below `root`."""
    with ThreadPoolExecutor() as pool:
        return "".join(
            f"{digest}  {path.relative_to(root).as_posix()}\n" for path, digest in zip(sorted(paths), pool.map(sha256, sorted(paths)))
        )


def verify_manifest(root: Path, manifest: str) -> list[str]:
    """What is wrong with the files that the manifest names: empty when all are there and as they should be."""
    rows = [line.split("  ", 1) for line in manifest.splitlines() if line]

    def problem(row) -> str | None:
        path = root / row[1]
        try:
            return None if sha256(path) == row[0] else f"{path} has another content than the manifest's"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"

    with ThreadPoolExecutor() as pool:
        return [found for found in pool.map(problem, rows) if found]


def download(url: str, path: Path, *, digest: str | None = None, tries: int = 4) -> Path:
    """Fetch `url` to `path` through `path`.part, which is resumed when the server can. Length and, if given, sha256 are checked.

    Raises ValueError for a url that is not http(s) or a wrong sha256, OSError with one string when the network fails for good.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is no address that can be fetched: it must begin with https://")
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(tries):
        try:
            _fetch(url, part)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part is longer than the file has become: begin again
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise OSError(f"{url} answers {error.code} {error.reason}: check the address") from None
            failure = f"{error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            failure = str(getattr(error, "reason", error))
        if attempt == tries - 1:
            raise OSError(f"{url} could not be fetched ({failure}): start again, {part} is kept and resumed")
        time.sleep(min(2**attempt, 8) / 4)
    if digest and sha256(part) != digest:
        part.unlink()
        raise ValueError(f"{url} has another sha256 than {digest}: the file was thrown away; fetch it again or check the address")
    return part.rename(path)


def _fetch(url: str, part: Path) -> None:
    """One request that begins where `part` ends. The server's tag is kept beside it, so that parts of two versions never mix."""
    tag = part.with_name(part.name + ".tag")
    have = part.stat().st_size if part.exists() and tag.exists() else 0
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "seglib"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag.read_text())
    with urllib.request.urlopen(request, timeout=30) as answer:
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if version and not version.startswith("W/"):
            tag.write_text(version)
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                _progress(part.stem, have, total)
    if total is not None and have != total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")
    tag.unlink(missing_ok=True)


def _progress(name: str, have: int, total: int | None) -> None:
    if sys.stderr.isatty():
        print(f"{name}: {have / 1e6:.0f} of {total / 1e6 if total else float('nan'):.0f} MB ", end="\r", file=sys.stderr, flush=True)


def extract(archive: Path, folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a .zip or .tar(.gz) into the new folder `folder`, or leave nothing there.

    ValueError for members that would lie outside the folder, for links in a zip, for an archive that is cut or damaged, and for one
    that unpacks to more than max_bytes.
    """
    if folder.exists():
        raise ValueError(f"{folder} is there already: take it away first")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        (_unzip if zipfile.is_zipfile(archive) else _untar)(archive, part, max_bytes)
        part.rename(folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{archive} is damaged, cut off or unsafe ({error}): fetch it again") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unzip(archive: Path, folder: Path, max_bytes: int) -> None:
    with zipfile.ZipFile(archive) as packed:
        _check_total(archive, sum(info.file_size for info in packed.infolist()), max_bytes)
        for info in packed.infolist():
            path = (folder / info.filename).resolve()
            if not path.is_relative_to(folder.resolve()) or "\\" in info.filename or stat.S_ISLNK(info.external_attr >> 16):
                raise ValueError(f"{archive} holds {info.filename}, a link or a path outside its folder: nothing was unpacked")
        packed.extractall(folder)  # compares every member's CRC


def _untar(archive: Path, folder: Path, max_bytes: int) -> None:
    with tarfile.open(archive) as packed:
        _check_total(archive, sum(member.size for member in packed.getmembers()), max_bytes)
        packed.fileobj.seek(packed.offset)  # where the last member ends, two blocks of zeros say that nothing was cut off
        if packed.fileobj.read(2 * tarfile.BLOCKSIZE) != bytes(2 * tarfile.BLOCKSIZE):
            raise EOFError("the end of the archive is missing")
        packed.extractall(folder, filter="data")


def _check_total(archive: Path, total: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise ValueError(f"{archive} would unpack to {total / 1e9:.1f} GB, more than {max_bytes / 1e9:.1f}: nothing was unpacked")


def install(archive: Path, folder: Path, manifest: str, marker: str) -> Path:
    """Unpack `archive` beside `folder`, find in it the folder that holds `marker`, verify it, and rename it to `folder`.

    Raises ValueError that names the first differing files; then nothing is left but the archive.
    """
    work = folder.with_name(f".{folder.name}.unpacked")
    shutil.rmtree(work, ignore_errors=True)
    try:
        extract(archive, work)
        found = sorted(path.parent for path in work.rglob(marker) if path.is_dir())
        if not found:
            raise ValueError(f"{archive} holds no folder {marker}: is it the right archive?")
        if problems := verify_manifest(found[0], manifest):
            problems = [problem.replace(str(found[0]) + "/", "") for problem in problems[:3]]
            raise ValueError(f"{archive} is not the data set that the manifest describes: {'; '.join(problems)}; nothing was installed")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # an empty folder may be in the place
        return found[0].rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
