"""Successive halving (Jamieson and Talwalkar 2016): many candidates on few images, the better half on twice as many, and so on.

Optuna keeps the trials in sqlite, where its dashboard can show them. Which half stays is decided when a round is complete: Optuna's own
pruner decides as each trial arrives, so that the first one always passes and the budget depends on the order.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pandas as pd
from optuna.trial import Trial, TrialState

from seglib.training import TrainConfig, run_name, to_dict, train

# The original's sweep: each of 36 candidates is one of these.
ORIGINAL_GRID = {"lr": (1e-3, 1e-4), "gamma": (1.0, 0.316, 0.1), "weight_decay": (0.0, 1e-4), "dropout": (0.0, 0.05, 0.1)}


def halving(candidates: int, rounds: int, images: int) -> list[tuple[int, int]]:
    """(candidates, training images of each) per round: half as many, rounded up, on twice as many images."""
    return [(math.ceil(candidates / 2**i), images * 2**i) for i in range(rounds)]


def read_grid(words: Sequence[str] | None) -> dict[str, tuple]:
    """["lr=1e-3,1e-4", ...] -> {"lr": ("1e-3", "1e-4")}; None gives the original's grid. TrainConfig reads the values."""
    if not words:
        return ORIGINAL_GRID
    for word in words:
        name, _, values = word.partition("=")
        if not name or not values:
            raise ValueError(f"--grid {word}: expected a setting and its candidates, for instance lr=1e-3,3e-3")
    return {word.partition("=")[0].replace("-", "_"): tuple(word.partition("=")[2].split(",")) for word in words}


def candidates(base: TrainConfig, grid: Mapping[str, Sequence]) -> dict[str, TrainConfig]:
    """{label: settings} of every combination. ValueError for an unknown setting or value."""
    known = to_dict(base)
    unknown = [name for name in grid if name not in known]
    if unknown:
        raise ValueError(f"--grid {unknown[0]}: no such setting; see python -m seglib train --help")
    found = {}
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, (_plain(known[name], value) for name, value in zip(grid, values))))
        label = ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items())
        found[label] = replace(base, **settings)
    return found


def _plain(default, value):
    """Strings of the command line: true and false for switches; numbers are left to TrainConfig's own coercion."""
    if isinstance(default, bool) and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if isinstance(default, float) and isinstance(value, str):
        return float(value)
    return value


def sweep(base: TrainConfig, grid: Mapping[str, Sequence], *, folder: Path, rounds: int = 4, first_images: int = 120) -> pd.DataFrame:
    """Halve the candidates of `grid` `rounds` times -> one row per trial: label, state, then the val mIoU after each round's images.

    Every run is a record in `folder` (no test scores: val decides), the trials are in folder/sweep.db. A sweep that was stopped goes on;
    another grid, base or budget is another sweep in the same file.
    """
    configs = candidates(base, grid)
    schedule = halving(len(configs), rounds, first_images)
    study = _open(Path(folder), configs, schedule)
    trials = {label: _trial(study, label) for label in configs}
    alive = list(configs)
    for i, (_, images) in enumerate(schedule):
        for label in alive:
            trial = trials[label]
            if images not in study.trials[trial.number].intermediate_values:
                print(f"round {i + 1} of {rounds}, {images} images: {label}")
                config = replace(configs[label], images=images, final="none")
                trial.report(_score(config, folder), images)
        alive = _keep(study, trials, alive, images, schedule[i + 1][0] if i + 1 < rounds else 0)
    return table(study, [images for _, images in schedule])


def _open(folder: Path, configs, schedule) -> optuna.Study:
    """The study of this very grid and budget in folder/sweep.db, every candidate enqueued once."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    key = json.dumps([[run_name(config) for config in configs.values()], schedule])
    name = "halving-" + hashlib.sha256(key.encode()).hexdigest()[:8]
    storage = f"sqlite:///{(folder / 'sweep.db').resolve()}"
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    for label in configs:
        study.enqueue_trial({"candidate": label}, skip_if_exists=True)
    return study


def _trial(study: optuna.Study, label: str) -> Trial:
    """The trial of a candidate: the one that was begun, or the next of the queue."""
    for found in study.trials:
        if found.params.get("candidate") == label:
            return Trial(study, found._trial_id)
    labels = [found.system_attrs["fixed_params"]["candidate"] for found in study.trials]
    trial = study.ask()
    trial.suggest_categorical("candidate", labels)
    return _trial(study, label)


def _score(config: TrainConfig, folder: Path) -> float:
    try:
        return train(config, folder=folder).val_miou
    except FloatingPointError as error:  # a candidate that diverges has lost; the sweep goes on
        print(f"  diverged: {error}")
        return -1.0


def _keep(study, trials, alive: list[str], images: int, count: int) -> list[str]:
    """Tell Optuna who is out after a round -> the labels that stay, best first; the last round completes what is left."""
    reached = {label: study.trials[trials[label].number].intermediate_values[images] for label in alive}
    order = sorted(alive, key=lambda label: -reached[label])  # stable: equal scores keep the order of the grid
    for label in order[count:]:
        if study.trials[trials[label].number].state == TrialState.RUNNING:
            if count:
                study.tell(trials[label], state=TrialState.PRUNED)
            else:
                study.tell(trials[label], reached[label])
    return order[:count]


def table(study: optuna.Study, budgets: Sequence[int]) -> pd.DataFrame:
    """One row per candidate, best first: those that lasted longest, then by their last score."""
    rows = []
    for trial in study.trials:
        label = trial.params.get("candidate")
        scores = {images: trial.intermediate_values.get(images) for images in budgets}
        rows.append({"candidate": label, "state": trial.state.name.lower(), **scores})
    reached = [(sum(row[b] is not None for b in budgets), max((row[b] for b in budgets if row[b] is not None), default=-1)) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: (-reached[i][0], -reached[i][1]))
    return pd.DataFrame([rows[i] for i in order])


def curves(frame: pd.DataFrame) -> dict[str, list[tuple[float, float]]]:
    """The table as plots.halving draws it: {candidate: [(images, val mIoU), ...]}."""
    budgets = [column for column in frame.columns if isinstance(column, int)]
    return {row["candidate"]: [(b, row[b]) for b in budgets if pd.notna(row[b])] for _, row in frame.iterrows()}
