"""Several runs at once on a CPU: a process and one thread per run.

Two processes of one thread train more images per second than one process of two threads, and what one thread computes does not depend
on how many cores a machine has: the same run has the same bits on a laptop and on a server.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
import time

import psutil
import torch

MEMORY_PER_RUN = 2.0e9  # bytes, with room to spare at the sizes of the cpu profiles


def count() -> int:
    """How many runs to train at once: 1 on a GPU, else one per core as far as memory allows, at most 8."""
    if torch.cuda.is_available():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available / MEMORY_PER_RUN), 8))


class Here(concurrent.futures.Executor):
    """Runs each call at once in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Apart(concurrent.futures.ProcessPoolExecutor):
    """Its processes are deaf to Ctrl-C, which a terminal sends to all of them: only their parent hears it, and asks them to stop."""

    def submit(self, function, /, *args, **kwargs):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process that is begun here keeps what is blocked
        try:
            return super().submit(_work, function, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def pool(workers: int):
    """An executor for `workers` runs at once. Ctrl-C or SIGTERM to this process: every run saves its state, then KeyboardInterrupt."""
    if workers == 1:
        with _threads(None if torch.cuda.is_available() else 1):
            yield Here()
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    executor = Apart(workers, context, _begin, (stop, os.getpid()))

    def interrupt(_number, _frame):
        stop.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt) if threading.current_thread() is threading.main_thread() else None
    try:
        yield executor
    except BaseException:
        stop.set()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _threads(number: int | None):
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _begin(stop, parent: int) -> None:
    """In a new worker: one thread for torch, and a watch over the process that started it."""
    torch.set_num_threads(1)
    threading.Thread(target=_watch, args=(stop, parent), daemon=True).start()


_working = threading.Event()


def _work(function, /, *args, **kwargs):
    """One call in a worker. SIGTERM ends the call, not the worker: a pool with a dead worker kills the others while they save."""

    def end(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    _working.set()
    try:
        return function(*args, **kwargs)
    finally:
        _working.clear()
        signal.signal(signal.SIGTERM, before)


def _watch(stop, parent: int) -> None:
    """Asked to stop: save and end, as after SIGTERM. The parent is gone: end at once, as it did; checkpoints bear that."""
    asked = False
    while os.getppid() == parent:
        if stop.is_set() and _working.is_set() and not asked:
            asked = True
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
    os._exit(1)
