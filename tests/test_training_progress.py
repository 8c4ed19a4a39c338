"""The progress line: overwritten in a terminal, one stored output in a notebook, one line per epoch in a file."""

import io
import os
import pty
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from training_helpers import ROOT

from seglib.training import progress
from seglib.training.progress import Progress, duration


def test_duration():
    assert [duration(s) for s in (0, 59.4, 200, 7500)] == ["0 s", "59 s", "3 min 20 s", "2 h 05 min"]


def test_line_has_what_one_wants_to_know(monkeypatch):
    now = iter([0.0, 50.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    bar = Progress("unet", 100, 8, 4, start=10, shown=False)
    bar.score = 0.314
    assert bar.line(35, 1, 0.5) == "unet  epoch 2/4  loss 0.500  mIoU 31.4 %  4.0 img/s  2 min 10 s left"


SCRIPT = """
import importlib.util  # the module alone: the package would load torch
found = importlib.util.spec_from_file_location("progress", {path!r})
progress = importlib.util.module_from_spec(found)
found.loader.exec_module(progress)
progress.INTERVAL = 0
bar = progress.Progress("unet", 4, 8, 2)
for step in range(1, 5):
    bar.update(step, (step - 1) // 2, 0.5)
    if step % 2 == 0:
        bar.end_epoch(step, step // 2 - 1, 0.5, 0.25)
bar.note("scoring val")
bar.close("done")
""".format(path=str(ROOT / "seglib" / "training" / "progress.py"))


def test_in_a_file_one_line_per_epoch():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and "\r" not in done.stderr, done.stderr
    assert "epoch 1/2" in lines[0] and "mIoU 25.0 %" in lines[0] and lines[2] == "unet  done"


def test_in_a_terminal_one_line_is_overwritten():
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=slave, stdout=slave)
    os.close(slave)
    shown = io.BytesIO()
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other side has closed
            break
        if not piece:
            break
        shown.write(piece)
    assert process.wait(60) == 0
    text = shown.getvalue().decode().replace("\r\n", "\n")
    assert text.count("\n") == 1 and text.endswith("unet  done\n")
    assert text.count("\r") >= 7
    assert screen(text) == ["unet  done"]


def screen(text: str) -> list[str]:
    """What a terminal shows after `text`: a carriage return goes to the start of the line, letters overwrite."""
    lines = []
    for line in text.rstrip("\n").split("\n"):
        cells = []
        for piece in line.split("\r"):
            cells[: len(piece)] = piece
        lines.append("".join(cells).rstrip())
    return lines


@pytest.mark.slow
def test_in_a_notebook_one_output_is_stored():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SCRIPT)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert len(outputs) == 1 and outputs[0]["data"] == {"text/plain": "unet  done"}
