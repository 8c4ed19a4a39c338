"""Ctrl-C and SIGTERM ask the loop to save and stop, instead of tearing it apart."""

import contextlib
import signal
import threading


class Stopped(KeyboardInterrupt):
    """Training was asked to stop, has saved its state, and continues from there when it is started again."""


class Signals:
    """`received` is 0 or the number of the signal that asked to stop."""

    def __init__(self):
        self.received = 0


@contextlib.contextmanager
def deferred():
    """Within, the first SIGINT or SIGTERM only sets `received`; a second one acts as usual. Only in the main thread."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore():
        for number in numbers:
            signal.signal(number, before[number] if before[number] is not None else signal.SIG_DFL)

    def handle(number, _frame):
        signals.received = number
        restore()

    for number in numbers:
        signal.signal(number, handle)
    try:
        yield signals
    finally:
        restore()
