"""One line per run that is updated in place: in a terminal, in a notebook cell, and one line per epoch in a log file."""

import multiprocessing
import sys
import time

INTERVAL = 0.5  # seconds between two updates of a line that people watch


def duration(seconds: float) -> str:
    """45 s, 3 min 20 s, 2 h 05 min."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel (JupyterLab, papermill, nbconvert)."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


class Progress:
    """`update` as often as one likes, `end_epoch` once an epoch, `close` with the line that stays. shown=False prints nothing.

    In a notebook the line is one display handle, so the stored notebook keeps its last state alone. Where the output is a file or a
    pipe there is nothing to overwrite: one line per epoch.
    """

    def __init__(self, name: str, steps: int, images_per_step: int, epochs: int, *, start: int = 0, shown: bool = True):
        self.name, self.steps, self.images_per_step, self.epochs, self.shown = name, steps, images_per_step, epochs, shown
        self.begun, self.first, self.last_shown, self.score, self.width = time.monotonic(), start, 0.0, float("nan"), 0
        self.notebook = shown and in_notebook()
        worker = multiprocessing.parent_process() is not None  # one of several at work in the same terminal: whole lines
        self.terminal = shown and not self.notebook and not worker and sys.stderr.isatty()
        self.handle = None

    def line(self, step: int, epoch: int, loss: float) -> str:
        seconds = time.monotonic() - self.begun
        done = max(step - self.first, 1)
        left = duration(seconds / done * (self.steps - step))
        score = "" if self.score != self.score else f"  mIoU {100 * self.score:.1f} %"
        rate = done * self.images_per_step / max(seconds, 1e-9)
        return f"{self.name}  epoch {epoch + 1}/{self.epochs}  loss {loss:.3f}{score}  {rate:.1f} img/s  {left} left"

    def update(self, step: int, epoch: int, loss: float) -> None:
        """`step` steps are done, the last of them in `epoch` (from 0), with mean loss `loss` so far in the epoch."""
        now = time.monotonic()
        if (self.notebook or self.terminal) and now - self.last_shown >= INTERVAL:
            self.last_shown = now
            self._show(self.line(step, epoch, loss))

    def end_epoch(self, step: int, epoch: int, loss: float, score: float) -> None:
        """An epoch has ended with validation mIoU `score` in [0, 1]."""
        self.score = score
        if self.shown and not (self.notebook or self.terminal):
            print(self.line(step, epoch, loss), file=sys.stderr, flush=True)
        elif self.shown:
            self._show(self.line(step, epoch, loss))

    def note(self, text: str) -> None:
        """What happens after the last step: scoring at full size."""
        if self.notebook or self.terminal:
            self._show(f"{self.name}  {text}")

    def close(self, text: str) -> None:
        """The line that stays."""
        if not self.shown:
            return
        if self.notebook:
            self._show(f"{self.name}  {text}")
        else:
            self._clear()
            print(f"{self.name}  {text}", file=sys.stderr, flush=True)

    def _show(self, line: str) -> None:
        if self.notebook:
            self._show_in_notebook(line)
        else:
            padding = " " * max(0, self.width - len(line))  # covers what is left of a longer line before
            print(f"\r{line}{padding}", end="", file=sys.stderr, flush=True)
            self.width = len(line)

    def _show_in_notebook(self, line: str) -> None:
        from IPython.display import display

        content = {"text/plain": line}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)

    def _clear(self) -> None:
        if self.terminal and self.width:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)
            self.width = 0
