"""What the report is made of: the published records and measurements, and over them what one profile has finished."""

import json

from seglib import records, tables
from seglib.study import store
from seglib.study.profiles import DATASETS, EXPERIMENTS
from seglib.tables.evidence import SINGLE


def collect(profile: str, dataset: str) -> tables.Evidence:
    """The published records of every data set, and over them what `profile` has finished on `dataset`."""
    found = tables.Evidence(profile=profile, dataset=dataset)
    for path in sorted(store.RESULTS.glob("measure-*.json")):
        found.measures[path.stem.removeprefix("measure-")] = json.loads(path.read_text())
    for place in DATASETS:
        for experiment in EXPERIMENTS:
            mine = profile != "published" and place == dataset and store.complete(profile, place, experiment)
            if not mine and experiment not in store.index(place):
                continue
            source = profile if mine else "published"
            found.groups[place, experiment] = store.groups(source, place, experiment)
            if mine or store.index(place)[experiment]["sweeps"]:
                found.sweeps[place, experiment] = store.groups(source, place, experiment, "sweeps")
            if profile != "published" and not mine:
                found.kept.add((place, experiment))
        for record in records.load_all(store.RESULTS / place / SINGLE).values():
            trained = record.config["dataset"]
            arm = record.config["model"] if trained == place else f"{record.config['model']}-from-{trained}"
            found.groups.setdefault((place, SINGLE), {}).setdefault(arm, []).append(record)
    return found
