"""Executes the notebooks: python notebooks/execute.py [--profile P] [--dataset D] [--only 07 | --only losses] [--set name=value]

Each runs through papermill into a temporary file, is cleaned of what differs from run to run, and takes its place below
$SEGLIB_OUTPUT/notebooks (default runs/<profile>-<dataset>/notebooks) only when it has ended without an error.
"""

import argparse
import ast
import concurrent.futures
import importlib.util
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from seglib import errors  # noqa: E402

PROFILES = ("published", "smoke", "cpu", "cpu-full", "gpu")
DATASETS = ("streets", "camvid", "cityscapes")
# Which notebooks read an experiment, for --only with its name.
READERS = {
    "architectures": "02 03 04 05 06 10", "losses": "07", "void": "10", "transforms": "08", "annotation": "01", "optimisers": "04 09",
    "confirmation": "07 10", "generalisation": "10", "data": "04", "original": "11", "longer": "10", "losses-longer": "07 10",
    "factors-longer": "08 10", "pretraining": "10", "imagenet": "10", "fullsize": "08 10", "rates": "10",
}  # fmt: skip
# Written by papermill and widgets, different every time, of no use to a reader.
NOISE = ["metadata.papermill", "metadata.widgets", "cell.metadata.papermill", "cell.metadata.execution", "cell.metadata.collapsed"]


def chosen(only: list[str] | None) -> list[Path]:
    """The notebooks that the numbers and experiment names of `only` ask for, all without it. ValueError names an unknown one."""
    notebooks = sorted(HERE.glob("[0-9][0-9]_*.ipynb"))
    if not only:
        return notebooks
    numbers = {path.name[:2] for path in notebooks}
    stems = {path.stem: path.name[:2] for path in notebooks}
    wanted = set()
    for name in (part.strip() for words in only for part in words.split(",")):
        found = set(READERS[name].split()) if name in READERS else {stems.get(name, name.zfill(2))} & numbers
        if not found:
            raise ValueError(
                f"--only {name}: give a notebook's number ({', '.join(sorted(numbers))}) or an experiment ({', '.join(READERS)})"
            )
        wanted |= found
    return [path for path in notebooks if path.name[:2] in wanted]


def parameters(path: Path) -> dict[str, type]:
    """Names and types of the cell tagged `parameters`: literals by their type, os.environ.get(...) as text."""
    cells = json.loads(path.read_text())["cells"]
    source = next(("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])), None)
    if source is None:
        raise ValueError(f"{path.name}: no cell is tagged 'parameters'")
    known = {}
    for line in ast.parse(source).body:
        if isinstance(line, ast.Assign):
            value = type(ast.literal_eval(line.value)) if not isinstance(line.value, ast.Call) else str
            known |= {target.id: value for target in line.targets}
    return known


def _exactly(kind: type, value):
    """`value` as `kind` where nothing is lost: 1 is a float too, but 1.5 is no int and 5 no bool. ValueError otherwise."""
    if kind is not float and type(value) is not kind:
        raise ValueError(value)
    return kind(value)


def read_settings(pairs: list[str], known: dict[str, type], name: str) -> dict:
    """["scene=3"] -> {"scene": 3}; ValueError names a parameter that the notebook does not take, or a value of another type."""
    values = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        if key not in known:
            raise ValueError(f"{name}: unknown parameter {key}; it takes {', '.join(known)}")
        if key in ("profile", "dataset"):
            raise ValueError(f"--set {key}={text}: say --{key} {text}, so that the results have a folder of their own")
        try:
            values[key] = text if known[key] is str else _exactly(known[key], ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError):
            raise ValueError(f"{name}: parameter {key}={text!r}: expected {known[key].__name__}") from None
    return values


def join_streams(outputs: list) -> list:
    """Neighbours that printed to the same stream as one output: Jupyter cuts them by the clock, differently every time."""
    joined = []
    for one in outputs:
        if joined and one.output_type == joined[-1].output_type == "stream" and one.name == joined[-1].name:
            joined[-1] = type(one)(one, text=joined[-1].text + one.text)
        else:
            joined.append(one)
    return joined


def clean(notebook):
    """Drop timings, widget state and the cuts between printed lines; keep outputs, execution counts and cell ids."""
    import nbstripout

    notebook = nbstripout.strip_output(notebook, keep_output=True, keep_count=True, keep_id=True, extra_keys=NOISE)
    notebook.metadata.get("language_info", {}).pop("version", None)  # 3.11 or 3.12: not a change of the notebook
    for cell in notebook.cells:
        if cell.cell_type == "code":  # progress of a cache that is built on first use
            kept = [one for one in cell.outputs if not (one.get("name") == "stderr" and one.text.startswith(("cache ", "waiting for ")))]
            cell.outputs = join_streams(kept)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return notebook


def execute(source: Path, target: Path, settings: dict) -> float:
    """Run one notebook from its own folder; returns seconds. RuntimeError holds the failing cell's error, the failed copy stays beside."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    started = time.monotonic()
    part = target.with_name(f"failed-{target.name}")
    part.parent.mkdir(parents=True, exist_ok=True)
    options = {"kernel_name": "python3", "language": "python", "cwd": str(HERE), "progress_bar": False, "log_output": False}
    try:
        papermill.execute_notebook(str(source), str(part), parameters=settings, **options)
    except PapermillExecutionError as error:
        lines = "\n    ".join(error.source.strip().splitlines()[:15])
        raise RuntimeError(f"{source.name}, cell {error.exec_count}:\n    {lines}\n  {error.ename}: {error.evalue}\n  see {part}") from None
    except KeyboardInterrupt:
        part.unlink(missing_ok=True)  # nothing has failed
        raise
    notebook = clean(nbformat.read(part, as_version=4))
    with errors.named(part):
        nbformat.write(notebook, part)
    part.replace(target)
    return time.monotonic() - started


def stoppable(*job) -> float:
    """`execute` in a worker: SIGTERM interrupts it once, and papermill its kernel, where a run that is training saves its state."""

    def end(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        logging.disable()  # asyncio would tell of the cell that was left
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        return execute(*job)
    except KeyboardInterrupt:
        os._exit(1)  # takes no other notebook
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_all(notebooks: list[Path], folder: Path, pairs: list[str], workers: int) -> int:
    """Execute all, `workers` at a time; prints one line each with the time left. Returns how many failed.

    KeyboardInterrupt says how many have ended. The workers are deaf to Ctrl-C, which a terminal sends to all: they are asked to stop.
    """
    plans = [(path, read_settings(pairs, parameters(path), path.name)) for path in notebooks]
    started, failed = time.monotonic(), 0
    with concurrent.futures.ProcessPoolExecutor(workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        jobs = {pool.submit(stoppable, path, folder / path.name, values): path for path, values in plans}
        try:
            for done, job in enumerate(concurrent.futures.as_completed(jobs), start=1):
                left = (time.monotonic() - started) / done * (len(jobs) - done)
                try:
                    result = f"{job.result():4.0f} s"
                except (RuntimeError, OSError) as error:
                    said = error if isinstance(error, RuntimeError) else errors.sentence(error)
                    result, failed = f"FAILED\n  {said}", failed + 1
                print(f"  {jobs[job].stem:20} {result}   {done} of {len(jobs)}, about {left:.0f} s left", flush=True)
        except KeyboardInterrupt:
            ended = sum(job.done() for job in jobs)
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise KeyboardInterrupt(f"{ended} of {len(jobs)} notebooks have ended and are in {folder}") from None
    return failed


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default=os.environ.get("SEGLIB_PROFILE", "published"), choices=PROFILES)
    parser.add_argument("--dataset", default=os.environ.get("SEGLIB_DATASET", "streets"), choices=DATASETS)
    words = "a notebook's number or an experiment's name; several times, or with commas between"
    parser.add_argument("--only", action="append", help=words)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the notebook")
    parser.add_argument("--workers", type=int, help="notebooks at a time (default: 2 where nothing is trained, else 1)")
    parser.add_argument("--publish", action="store_true", help="renew the committed notebooks, figures and PDF from finished records")
    parser.add_argument("--from", dest="source", default="cpu", help="with --publish: the profile whose records are published")
    return parser.parse_args()


def main() -> int:
    options = read_options()
    missing = [name for name in ("papermill", "nbstripout", "torch") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"error: {errors.sentence(ModuleNotFoundError(name=missing[0]))}", file=sys.stderr)
        return 2
    try:
        notebooks = chosen(options.only)
        if options.publish:
            import publish

            return publish.publish(options.source, options.dataset)
        output = Path(os.environ.get("SEGLIB_OUTPUT") or ROOT / "runs" / f"{options.profile}-{options.dataset}").resolve()
        os.environ.update(SEGLIB_OUTPUT=str(output), SEGLIB_PROFILE=options.profile, SEGLIB_DATASET=options.dataset)
        os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
        workers = options.workers or (2 if options.profile == "published" else 1)
        failed = run_all(notebooks, output / "notebooks", options.set, workers)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        saved = str(stop) or "nothing was replaced"
        print(f"\nstopped: {saved}; the same command executes all again, and training goes on from where it was saved", file=sys.stderr)
        return 130
    if failed:
        print(f"error: {failed} of {len(notebooks)} notebooks failed; the others are in {output / 'notebooks'}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
