"""Several runs at once: results as from one process, a dead parent takes its workers along, errors come back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from seglib.study import workers

ROOT = Path(__file__).resolve().parents[1]
PARENT = """
import sys, time
from seglib.study import workers
if __name__ == "__main__":
    with workers.pool(2) as pool:
        print("worker", pool.submit(workers.os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


INTERRUPTED = """
import pathlib, sys, time
from seglib.study import workers
from seglib.training.interrupt import deferred
def train(folder):
    with deferred() as signals:
        pathlib.Path(folder, "begun").touch()
        while not signals.received:
            time.sleep(0.1)
        time.sleep(2)  # it saves, and the process beside it has ended already
        pathlib.Path(folder, "saved").touch()
        raise KeyboardInterrupt
if __name__ == "__main__":
    try:
        with workers.pool(2) as pool:
            for future in [pool.submit(train, sys.argv[1]), pool.submit(time.sleep, 60)]:
                future.result()
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.parametrize("number", [1, 2])
def test_one_thread_per_run(number):
    with workers.pool(number) as pool:
        assert [pool.submit(torch.get_num_threads).result() for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("number", [1, 2])
def test_errors_come_back(number):
    with workers.pool(number) as pool, pytest.raises(ValueError, match="invalid literal"):
        pool.submit(int, "x").result()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_ctrl_c_reaches_all_processes_and_a_run_is_saved_without_a_word(tmp_path):
    """A terminal sends SIGINT to every process of its group: those of the runs leave it to their parent, which asks them once."""
    script = tmp_path / "parent.py"
    script.write_text(INTERRUPTED)
    words, environment = [sys.executable, script, tmp_path], {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background of a shell starts deaf to it
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=100) == ("stopped\n", "")
    assert (tmp_path / "saved").exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(tmp_path, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    worker = int(parent.stdout.readline().split()[1])
    assert _alive(worker)
    parent.send_signal(number)
    deadline = time.monotonic() + 60
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _alive(worker)
    parent.kill()
    parent.wait()
