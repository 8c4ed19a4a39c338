"""One notebook at work: settings checked, records, arrays kept of trained weights, numbers and figures."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from IPython import get_ipython
from IPython.core.pylabtools import select_figure_formats
from IPython.display import Markdown, display

from seglib import errors, plots, records, study
from seglib.study.store import RESULTS

ROOT = Path(__file__).resolve().parents[2]
KEPT_BYTES = 300_000  # the largest file of arrays that goes with the published records
CORE = ("architectures", "losses")  # no notebook makes sense without these
BANNER = (
    "> **Profile {profile}, data set {dataset}.** The fixed prose of this notebook was written beside the published run; "
    "tables, figures and readings below are computed from the records of this one."
)


def say(text: str) -> None:
    """Show Markdown: how a notebook prints its readings, computed from records. An empty reading shows nothing."""
    if text.strip():
        display(Markdown(text.strip()))


def clean(value, name: str, kind: type):
    """`value` as `kind`. Strings are read as numbers ("1e-3" is what YAML hands over); ValueError names the parameter."""
    fits = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
    if fits:
        return value
    try:
        if kind in (int, float) and isinstance(value, str | int | float) and not isinstance(value, bool):
            number = float(value)
            if kind is float or number == int(number):
                return kind(number)
    except ValueError:
        pass
    raise ValueError(f"parameter {name}={value!r}: expected {kind.__name__}, got {type(value).__name__}")


def check_parameters(namespace: dict, kinds: dict[str, type]) -> None:
    """Refuse parameters that the notebook does not take, or of another type; coerced values go back into `namespace`.

    papermill only warns of a mistyped name and sets it beside the real one, so any other plain variable that exists before the
    notebook's own code began is such a mistake. Called a second time, in cells run out of order, it leaves those variables alone.
    """
    plain = {name for name, value in namespace.items() if isinstance(value, str | int | float | list | dict | None) and name[0] != "_"}
    unknown = plain - set(kinds) - {"In", "Out"}
    if unknown and not namespace.get("_parameters_checked"):
        raise ValueError(f"unknown parameter {', '.join(sorted(unknown))}: this notebook takes {', '.join(kinds)}")
    for name, kind in kinds.items():
        if name not in namespace:
            raise ValueError(f"parameter {name} is not set: run the cell tagged 'parameters' first")
        namespace[name] = clean(namespace[name], name, kind)
    namespace["_parameters_checked"] = True


def _arrays(path: Path) -> dict:
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


@dataclass(frozen=True)
class Page:
    """One notebook at work: its stem, profile and data set."""

    stem: str
    profile: str
    dataset: str
    told: set = field(default_factory=set)  # experiments whose absence has been said

    @property
    def output(self) -> Path:
        """Where this run writes: never the committed report, figures or notebooks."""
        return Path(os.environ["SEGLIB_OUTPUT"])

    def groups(self, experiment: str, role: str = "runs") -> dict[str, list[records.Record]]:
        """{arm: records of its seeds}; role "sweeps" gives the runs that chose a learning rate.

        The smoke and cpu profiles train what is missing, in this process. An unfinished experiment of a larger profile shows the published
        runs; one never published is {}, and how to run it is said once. FileNotFoundError where a published record or one of CORE is gone.
        """
        self._train(experiment)
        for name in dict.fromkeys((self.profile, "published")):
            try:
                return study.groups(name, self.dataset, experiment, role)
            except FileNotFoundError as error:
                missing = error
        if experiment in CORE or experiment in study.index(self.dataset):
            raise missing
        if experiment not in self.told:
            self.told.add(experiment)
            commands = ", then ".join(f"`{quoted}`" for quoted in str(missing).split("'")[1::2])
            say(f"> **Not measured yet: {experiment} on {self.dataset}.** What needs these runs is empty below. To make them: {commands}.")
        return {}

    def _train(self, experiment: str) -> None:
        """Run what is missing, where that takes minutes. Scoring on another data set is left out: it needs that one's runs."""
        if self.profile not in ("smoke", "cpu") or experiment not in study.PROFILES[self.profile].experiments:
            return
        for wanted in ([experiment], ["losses", experiment]):  # other experiments take their learning rate from the sweep of the losses
            missing = study.pending(self.profile, [self.dataset], [experiment], study.finished(self.profile))
            if any(job.role != "transfer" for job in missing):
                study.run(self.profile, self.dataset, only=wanted)

    def beside(self, experiment: str, arms: Sequence[str] = ()) -> dict[str, dict[str, list[records.Record]]]:
        """{data set: {arm: records}} of the other data sets, those that have all of `arms` (none: what they have). Nothing is trained."""
        found = {}
        for other in ("streets", "camvid", "cityscapes"):
            try:
                groups = study.groups(self.profile, other, experiment) if other != self.dataset else {}
            except FileNotFoundError:
                continue
            if groups and set(arms) <= set(groups):
                found[other] = {arm: groups[arm] for arm in arms or groups}
        return found

    def kept(self, name: str, compute: Callable[[], dict]) -> dict:
        """Arrays that need trained weights: read from the published ones, otherwise computed and written beside this run's records.

        Where this profile has no weights, the published ones are shown and that is said. ValueError where they take more than 300 kB,
        FileNotFoundError where the published ones are missing.
        """
        published = RESULTS / self.dataset / f"{name}.npz"
        if self.profile != "published":
            try:
                return _arrays(self._keep(name, compute()))
            except FileNotFoundError as error:
                if not published.exists():
                    raise
                say(f"> **Published, not of the {self.profile} profile: {name}.** {error}.")
        if not published.exists():
            raise FileNotFoundError(f"{published.relative_to(ROOT)} is missing: restore it, or publish runs whose weights are here")
        return _arrays(published)

    def _keep(self, name: str, arrays: dict) -> Path:
        path = self.output / "kept" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npz")
        with errors.named(part):
            np.savez_compressed(part, **arrays)
        if part.stat().st_size > KEPT_BYTES:
            part.unlink()
            raise ValueError(f"{name}: more than {KEPT_BYTES} bytes of arrays; keep fewer or smaller ones")
        return part.replace(path)

    def read(self, name: str) -> dict:
        """Arrays that another notebook has kept; {} where it has not run."""
        folder = RESULTS / self.dataset if self.profile == "published" else self.output / "kept"
        return _arrays(folder / f"{name}.npz") if (folder / f"{name}.npz").exists() else {}

    def measured(self, name: str, compute: Callable[[], dict] | None) -> dict:
        """A measurement: the committed one in `published`, else measured now and written beside this run's records.

        compute=None reads only, and is {} where nothing has been measured. FileNotFoundError names a committed file that is missing.
        """
        published = RESULTS / f"measure-{name}.json"
        own = self.output / "kept" / f"measure-{name}.json"
        if self.profile != "published" and compute is not None:
            records.write_atomic(own, json.dumps(compute(), indent=1).encode() + b"\n")
        path = published if self.profile == "published" or not own.exists() else own
        if not path.exists():
            if compute is None:
                return {}
            raise FileNotFoundError(f"{path.relative_to(ROOT)} is missing: restore it, or see 'python -m seglib report --help', --measure")
        return json.loads(path.read_text())

    def write(self, numbers: dict, figures: dict[str, tuple]) -> None:
        """The last cell: numbers {key: value} to numbers/<stem>.json, figures {what: (figure, records)} to figures/<stem>-<what>.

        A numbered figure of the report ("figure-6-losses") keeps its own name.
        """
        plain = {key: value if isinstance(value, str | int) else round(float(value), 6) for key, value in numbers.items()}
        records.write_atomic(self.output / "numbers" / f"{self.stem}.json", json.dumps(plain, indent=1, sort_keys=True).encode() + b"\n")
        stems = {what: what if what.startswith("figure-") else f"{self.stem.replace('_', '-')}-{what}" for what in figures}
        for what, (figure, used) in figures.items():
            plots.save(figure, stems[what], used)
        print(f"{len(plain)} numbers and {len(figures)} figures written: {', '.join(stems.values())}")


def start(stem: str, namespace: dict, **kinds: type) -> Page:
    """Check the parameters in `namespace` (globals()) and open the page; says in other profiles what the prose describes.

    kinds: the notebook's own parameters and their types beyond profile and dataset. ValueError names what is wrong with one.
    """
    check_parameters(namespace, {"profile": str, "dataset": str} | kinds)
    profile, dataset = namespace["profile"], namespace["dataset"]
    profiles = ("published", *(name for name in study.PROFILES if name != "published"))
    for name, value, known in (("profile", profile, profiles), ("dataset", dataset, ("streets", "camvid", "cityscapes"))):
        if value not in known:
            raise ValueError(f"parameter {name}={value!r}: choose {', '.join(known[:-1])} or {known[-1]}")
    shell = get_ipython()
    if shell is not None:  # figures are made without pyplot, so nobody else has told the kernel how to show one
        select_figure_formats(shell, {"png"})
    os.environ.setdefault("SEGLIB_OUTPUT", str(ROOT / "runs" / f"{profile}-{dataset}"))
    if profile != "published":
        say(BANNER.format(profile=profile, dataset=dataset))
    return Page(stem, profile, dataset)
