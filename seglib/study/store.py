"""Where records lie: runs/<profile>-<dataset>/<name>.json while they are made, report/results/<dataset>/ once published."""

import json
import os
from pathlib import Path

from seglib import records as files
from seglib.records import Record
from seglib.study.job import Job
from seglib.study.plans import jobs
from seglib.study.profiles import DATASETS, EXPERIMENTS, profile

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(os.environ.get("SEGLIB_RESULTS") or ROOT / "report" / "results")  # elsewhere while a publication is put together
SMALL = RESULTS / "small.pt"  # the network that comes with the project
INDEX = "meta-runs.json"  # report/results/<dataset>/: which published run belongs to which experiment and arm


def folder(name: str, dataset: str) -> Path:
    """Folder of a profile's runs on a data set: SEGLIB_OUTPUT where it is set for this very pair, runs/<profile>-<dataset> otherwise."""
    output = os.environ.get("SEGLIB_OUTPUT")
    asked = (os.environ.get("SEGLIB_PROFILE", name), os.environ.get("SEGLIB_DATASET", dataset))
    if output and asked == (name, dataset) and Path(output).name not in {f"{name}-{other}" for other in DATASETS if other != dataset}:
        return Path(output)
    return ROOT / "runs" / f"{name}-{dataset}"


def finished(name: str, dataset: str | None = None) -> dict[str, Record]:
    """The finished records of a profile by name, of one data set or of all: experiments may start from another data set's runs."""
    if name == "published":
        places = [RESULTS / one for one in DATASETS if dataset in (None, one)]
    else:
        places = [folder(name, one) for one in DATASETS if dataset in (None, one)]
    return {key: record for place in places for key, record in files.load_all(place).items()}


def records(name: str, dataset: str, experiment: str) -> list[Record]:
    """The finished runs of an experiment, arm by arm, seed by seed (no sweeps). See `groups`."""
    return [record for group in groups(name, dataset, experiment).values() for record in group]


def groups(name: str, dataset: str, experiment: str, role: str = "runs") -> dict[str, list[Record]]:
    """{arm: records of its seeds} of an experiment; role "sweeps" gives the candidates of the learning rate sweeps instead.

    `published` reads report/results and nothing else. Another profile shows its own runs where it has them all, and the published ones
    where it has none. FileNotFoundError names the run that is missing and the command that makes it.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {experiment!r}: choose from {', '.join(EXPERIMENTS)}")
    if name != "published" and experiment in profile(name).experiments:
        found = finished(name)
        wanted = [job for job in jobs(name, dataset, found) if job.experiment == experiment and job.role in _roles(role)]
        missing = [job for job in wanted if job.waits or job.name not in found]
        if not missing and (wanted or complete(name, dataset, experiment)):
            return _by_arm(wanted, found)
        if len(missing) < len(wanted):
            raise FileNotFoundError(_missing(missing[0], name, dataset))
    return _published(dataset, experiment, role)


def complete(name: str, dataset: str, experiment: str) -> bool:
    """Whether a profile has finished every run of an experiment on a data set."""
    if experiment not in profile(name).experiments:
        return False
    found = finished(name)
    wanted = [job for job in jobs(name, dataset, found) if job.experiment == experiment]
    return bool(wanted) and all(not job.waits and job.name in found for job in wanted)


def origin(name: str, dataset: str, experiment: str) -> str:
    """The profile that made what `groups` returns: `name` itself, or the published one that is shown in its place (cpu-full, gpu)."""
    if name != "published" and experiment in profile(name).experiments:
        found = finished(name, dataset)
        if any(job.name in found for job in jobs(name, dataset, found) if job.experiment == experiment and not job.waits):
            return name
    return index(dataset).get(experiment, {}).get("profile", "published")


def index(dataset: str) -> dict:
    """report/results/<dataset>/meta-runs.json: {experiment: {"profile": ..., "runs": {arm: [names]}, "sweeps": {arm: [names]}}}."""
    path = RESULTS / dataset / INDEX
    return json.loads(path.read_text()) if path.is_file() else {}


def _published(dataset: str, experiment: str, role: str) -> dict[str, list[Record]]:
    arms = index(dataset).get(experiment, {}).get(role)
    if not arms:
        first = next((job for job in jobs("cpu-full", dataset, {}) if job.experiment == experiment and job.role in _roles(role)), None)
        if first is None:
            raise FileNotFoundError(f"{experiment} is not part of the study on {dataset}")
        raise FileNotFoundError(_missing(first, "published", dataset))
    return {arm: [_read(dataset, experiment, name) for name in names] for arm, names in arms.items()}


def _read(dataset: str, experiment: str, name: str) -> Record:
    path = RESULTS / dataset / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.relative_to(ROOT)} is missing: restore it from the repository, or make it with "
            f"'python -m seglib study --profile cpu-full --dataset {dataset} --only {experiment}'"
        )
    return files.load(path)


def _missing(job: Job, name: str, dataset: str) -> str:
    run = job.arm + (" (a sweep's run)" if job.role == "sweep" else f", seed {job.config.seed}") if job.waits else job.name
    trained = "cpu-full" if name == "published" else name
    command = f"python -m seglib study --profile {trained} --dataset {dataset} --only {job.experiment}"
    after = f", then 'bash notebooks/run.sh --profile {trained} --dataset {dataset} --publish'" if name == "published" else ""
    return f"{name}: no record of {job.experiment} on {dataset}: {run} is missing. Train it with '{command}'{after}"


def _roles(role: str) -> tuple[str, ...]:
    if role not in ("runs", "sweeps"):
        raise ValueError(f"unknown role {role!r}: choose runs or sweeps")
    return ("sweep",) if role == "sweeps" else ("run", "transfer", "locked")


def _by_arm(wanted: list[Job], found: dict[str, Record]) -> dict[str, list[Record]]:
    arms: dict[str, list[Record]] = {}
    for job in wanted:
        arms.setdefault(job.arm, []).append(found[job.name])
    return arms


def publishable(wanted: list[Job], found: dict[str, Record]) -> list[Job]:
    """The jobs that may be published: of each comparison the seeds for which every arm has finished, sweeps when all their runs have."""
    kept = []
    for comparison in dict.fromkeys((job.experiment, job.comparison) for job in wanted):
        members = [job for job in wanted if (job.experiment, job.comparison) == comparison]
        for seed in sorted({job.config.seed for job in members}):
            same = [job for job in members if job.config.seed == seed]
            if all(not job.waits and job.name in found for job in same):
                kept += [job for job in same if job.role != "part"]
    order = {id(job): i for i, job in enumerate(wanted)}
    return sorted(kept, key=lambda job: order[id(job)])


def publish(name: str, dataset: str, results: Path | None = None) -> list[str]:
    """Copy the finished comparisons of a profile to report/results/<dataset>/ and bring its index up to date -> names copied.

    An experiment is taken over whole: what another profile published of it is replaced, except that cpu profiles never replace records
    made on a GPU, and that an unfinished repetition does not take the place of a fuller one.
    """
    results = Path(results or RESULTS)
    target, source = results / dataset, folder(name, dataset)
    found, made = finished(name), files.load_all(source)
    entries = json.loads((target / INDEX).read_text()) if (target / INDEX).is_file() else {}
    for experiment in profile(name).experiments:
        wanted = [job for job in jobs(name, dataset, found) if job.experiment == experiment]
        entry = _entry(name, publishable(wanted, made))
        if entry["runs"] and _takes_over(entry, entries.get(experiment)):
            entries[experiment] = entry
    names = sorted({run for entry in entries.values() for role in ("runs", "sweeps") for arm in entry[role].values() for run in arm})
    target.mkdir(parents=True, exist_ok=True)
    copied = [run for run in names if run in made]
    for run in copied:
        files.write_atomic(target / f"{run}.json", (source / f"{run}.json").read_bytes())
    files.write_atomic(target / INDEX, (json.dumps(entries, indent=1, sort_keys=True) + "\n").encode())
    _drop_unlisted(target, set(names))
    return copied


def _entry(name: str, kept: list[Job]) -> dict:
    entry: dict = {"profile": name, "runs": {}, "sweeps": {}}
    for job in kept:
        entry["sweeps" if job.role == "sweep" else "runs"].setdefault(job.arm, []).append(job.name)
    return entry


def _takes_over(new: dict, old: dict | None) -> bool:
    if old is None:
        return True
    rank = {"smoke": 0, "cpu": 1, "cpu-full": 2, "gpu": 3}
    if rank[new["profile"]] != rank[old["profile"]]:
        return rank[new["profile"]] > rank[old["profile"]]
    return sum(map(len, new["runs"].values())) >= sum(map(len, old["runs"].values()))


def _drop_unlisted(target: Path, names: set[str]) -> None:
    for path in target.glob("*.json"):
        if path.stem not in names and not path.name.startswith(("measure-", "meta-")):
            path.unlink()
