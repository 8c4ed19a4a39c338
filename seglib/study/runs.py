"""Training what is missing, most important first, and saying what is done, waiting and missing."""

import concurrent.futures
import os
import time
from collections.abc import Sequence

import torch

from seglib import records as files
from seglib import training
from seglib.records import Record
from seglib.study import store
from seglib.study import workers as pools
from seglib.study.estimates import clock, seconds
from seglib.study.job import SCORED, Job
from seglib.study.plans import jobs
from seglib.study.profiles import DATASETS, EXPERIMENTS, FIGURE_6, MIXTURE, MODELS, profile
from seglib.study.transfer import locked, transfer

# A notebook's number stands for the experiments whose records it shows.
NOTEBOOKS = {
    "01": ("annotation",), "02": (), "03": ("architectures",), "04": ("architectures", "data", "optimisers"), "05": ("architectures",),
    "06": ("architectures",), "07": ("losses", "losses-longer", "confirmation"), "08": ("transforms", "fullsize", "factors-longer"),
    "09": ("optimisers",),
    "10": ("architectures", "void", "generalisation", "longer", "factors-longer", "pretraining", "imagenet", "fullsize", "confirmation",
           "rates"),
    "11": ("original",), "12": ("architectures",),
}  # fmt: skip

# Whose learning rate sweeps an experiment waits for, besides its own: {experiment: ((experiment, arm), ...)}.
_SMALL = (("losses", "cross_entropy"),)
RATES_FROM = {
    "transforms": _SMALL, "annotation": _SMALL, "optimisers": _SMALL, "data": (*_SMALL, ("architectures", "vit")),
    "void": tuple(("architectures", model) for model in MODELS),
    "longer": tuple(("architectures", model) for model in (*MODELS, "fcn8s-small")),
    "pretraining": tuple(("architectures", model) for model in MODELS),
    "original": (("architectures", "fcn_baseline"), ("architectures", "swin")), "fullsize": (("imagenet", "imagenet"),),
    "losses-longer": tuple(("losses", loss) for loss in (*FIGURE_6, MIXTURE)),
    "factors-longer": (*_SMALL, ("losses-longer", "cross_entropy")),
    "rates": tuple(("architectures", model) for model in MODELS),
}  # fmt: skip


def experiments(only: Sequence[str] | None) -> tuple[str, ...]:
    """Names of experiments or numbers of notebooks -> experiments, all of them for None. ValueError with the choices."""
    if not only:
        return EXPERIMENTS
    unknown = [name for name in only if name not in EXPERIMENTS and name.zfill(2) not in NOTEBOOKS]
    if unknown:
        raise ValueError(f"unknown experiment {unknown[0]!r}: choose from {', '.join(EXPERIMENTS)}, or a notebook from 01 to 12")
    chosen = {one for name in only for one in NOTEBOOKS.get(name.zfill(2), (name,))}
    return tuple(one for one in EXPERIMENTS if one in chosen)


def default_datasets() -> tuple[str, ...]:
    """The data sets to work on when none is named: streets, and CamVid where CAMVID_DATASET names it."""
    return ("streets", "camvid") if os.environ.get("CAMVID_DATASET") else ("streets",)


def pending(
    name: str, datasets: Sequence[str], only: Sequence[str] | None, records: dict[str, Record], *, with_sweeps: bool = False
) -> list[Job]:
    """Jobs without a record, each run once, most important first; within a stage the data sets take turns.

    with_sweeps: with the other experiments' sweeps that those of `only` take their learning rate from.
    """
    wanted = experiments(only)
    sweeps = {pair for experiment in wanted for pair in RATES_FROM.get(experiment, ())} if with_sweeps else set()
    found = [
        job
        for dataset in datasets
        for job in jobs(name, dataset, records)
        if job.experiment in wanted or (job.role == "sweep" and (job.experiment, job.arm) in sweeps)
    ]
    unique: dict[tuple, Job] = {}
    for job in sorted(found, key=lambda job: job.stage):  # stable: within a stage the data sets and arms keep their order
        if job.waits or job.name not in records:
            unique.setdefault((job.target, job.name, job.arm if job.waits else ""), job)
    return list(unique.values())


def run(
    name: str,
    dataset: str | None = None,
    *,
    only: Sequence[str] | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    say=print,
) -> list[str]:
    """Train what is missing of a profile -> names of the runs made. Finished runs are never repeated, an interrupted one goes on.

    minutes: begins no run that its estimate does not let end in time. dataset None: streets, and CamVid where it is there, in turn.
    workers: runs at once (default: one per core on a CPU, one on a GPU).
    RuntimeError at the end names runs that failed; the others have been made all the same.
    """
    datasets = (dataset,) if dataset else default_datasets()
    begun, made, failed = time.monotonic(), [], {}
    records = store.finished(name)
    slots = workers or pools.count()
    _announce(name, datasets, only, records, slots, say)
    with pools.pool(slots) as pool:
        running = {}
        while True:
            busy = {job.name for job in running.values()}
            left = [job for job in pending(name, datasets, only, records, with_sweeps=True) if job.name not in failed]
            ready = [job for job in left if not job.waits and job.name not in busy]
            remaining = float("inf") if minutes is None else 60 * minutes - (time.monotonic() - begun)
            fitting = [job for job in ready if seconds(job, records) <= remaining]
            for job in fitting[: slots - len(running)]:
                _begin(job, left, records, slots, say)
                running[pool.submit(make, name, job)] = job
            if not running:
                break
            for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                _end(future, running.pop(future), name, records, made, failed, say)
    _report(left, ready, records, slots, say)
    if failed:
        first, error = next(iter(failed.items()))
        raise RuntimeError(f"{len(failed)} of the study's runs failed, first {first}: {error}")
    return made


def _begin(job: Job, left, records, slots: int, say) -> None:
    total = _time(left, records, slots)
    say(f"{job.target}: {job.experiment}, {job.arm}, seed {job.config.seed}{_details(job)}  ({len(left)} runs, {total} to go)")


def _end(future, job: Job, name: str, records, made: list, failed: dict, say) -> None:
    """Keep the record of a job that ended. One that failed is named and left out; a rate that diverges has lost its sweep."""
    try:
        records[job.name] = future.result()
        made.append(job.name)
    except FloatingPointError as error:
        if job.role == "sweep":
            records[job.name] = _diverged(name, job, error)
        else:
            failed[job.name] = error
            say(f"  failed: {error}")
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        if isinstance(error, FileNotFoundError) and job.role not in SCORED and job.config.init == "random":
            raise  # no data: every run would fail. Weights that are on another machine concern this job alone
        failed[job.name] = error
        say(f"  failed: {error}")


def make(name: str, job: Job) -> Record:
    """Train or score one job in its profile's folder."""
    target, pictures = store.folder(name, job.target), profile(name).limits[job.target][2]
    if job.role == "locked":
        return locked(job, target, pictures, profile(name).locked[job.target])
    if job.role == "transfer":
        return transfer(job, store.folder(name, job.config.dataset), target, pictures)
    return training.train(job.config, folder=target)


def _diverged(name: str, job: Job, error: Exception) -> Record:
    record = Record(job.name, training.to_dict(training.resolve(job.config)), cost={}, environment={"diverged": str(error)[:200]})
    files.save(record, store.folder(name, job.target) / f"{job.name}.json")
    return record


def _details(job: Job) -> str:
    return f", learning rate {job.config.lr:g} of the sweep" if job.role == "sweep" else ""


def _announce(name, datasets, only, records, slots, say) -> None:
    left = pending(name, datasets, only, records, with_sweeps=True)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {slots} at once"
    total = _time(left, records, slots)
    say(f"{name} profile on {' and '.join(datasets)}: {len(left)} runs missing, about {total} ({device})")


def _time(left: Sequence[Job], records, slots: int) -> str:
    """How long the jobs take, `slots` at once."""
    return clock(sum(seconds(job, records) for job in left) / slots)


def _report(left, ready, records, slots: int, say) -> None:
    if not left:
        say("nothing is missing")
        return
    total = _time(left, records, slots)
    say(f"stopped: {len(ready)} runs ready, {len(left) - len(ready)} waiting, about {total}; the same command goes on from here")


def status(name: str, dataset: str | None = None, only: Sequence[str] | None = None, *, runs: bool = False) -> str:
    """A table: per data set and experiment the runs done, missing and waiting, and the time that is left; `runs` lists the missing.

    Times are those of as many runs at once as `run` would train, but for a single one. The last line is of all that `run` would do.
    """
    if not profile(name).experiments:
        return _published_status(dataset)
    datasets = (dataset,) if dataset else default_datasets()
    records, slots = store.finished(name), pools.count()
    lines = [f"{'':9} {'experiment':16} {'done':>5} {'missing':>8} {'waiting':>8}   time left"]
    for one in datasets:
        for experiment in (e for e in experiments(only) if e in profile(name).experiments):
            mine = [job for job in jobs(name, one, records) if job.experiment == experiment]
            left = pending(name, [one], [experiment], records)
            waits = [job for job in left if job.waits]
            time_left = _time(left, records, slots) if left else "done" if mine else "not on this data set"
            done = len({job.name for job in mine if not job.waits and job.name in records})
            lines.append(f"{one:9} {experiment:16} {done:5} {len(left) - len(waits):8} {len(waits):8}   {time_left}")
            lines += [f"{'':10}{_line(job, records)}" for job in left] if runs else []
    total = pending(name, datasets, only, records, with_sweeps=True)
    more = "; shared runs are counted once, the sweeps that they wait for too"
    lines.append(f"in all about {_time(total, records, slots)} to go for {len(total)} runs, {slots} at once{more}")
    return "\n".join(lines)


def _line(job: Job, records) -> str:
    what = f"waits for {job.waits}" if job.waits else job.name
    return f"{job.arm}, seed {job.config.seed}{_details(job)}: {what}, {clock(seconds(job, records))}"


def _published_status(dataset: str | None) -> str:
    lines = []
    for one in (dataset,) if dataset else DATASETS[:2]:
        found = store.index(one)
        for experiment in EXPERIMENTS:
            entry = found.get(experiment)
            text = f"{sum(map(len, entry['runs'].values()))} runs of {entry['profile']}" if entry else "not published"
            lines.append(f"{one:9} {experiment:16} {text}")
    return "\n".join(lines)
