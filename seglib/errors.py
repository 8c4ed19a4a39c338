"""Errors as one sentence that says what happened and what to do; a writer's error that names its file."""

import contextlib
import errno
import json
import sys

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def sentence(error: Exception) -> str:
    """One line that says what happened, with the file that an OSError is about. The tree of a data set that is missing keeps its lines."""
    if isinstance(error, OSError) and error.strerror:
        advice = ": make room there and give the same command again, or name a folder on a larger disk" if error.errno in FULL else ""
        return f"{error.filename or 'a file'}: {error.strerror}{advice}"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("seglib"):
        made = "which 'bash notebooks/run.sh --profile published' makes or completes"
        return f"{sys.executable} has no package {error.name}: use .venv/bin/python, {made}"
    error = ValueError(f"not JSON: {error}") if isinstance(error, json.JSONDecodeError) else error
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    text = text.strip() if isinstance(error, FileNotFoundError) else " ".join(text.split())
    expected = (ValueError, FileNotFoundError, OSError, RuntimeError, FloatingPointError)
    return text if text and isinstance(error, expected) else f"{type(error).__name__}: {text} (SEGLIB_DEBUG=1 shows where)"


@contextlib.contextmanager
def named(path):
    """An OSError within names `path` where it names no file: Python's own does not when a disk is full in the middle of a file."""
    try:
        yield
    except OSError as error:
        if error.filename or not error.errno:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
