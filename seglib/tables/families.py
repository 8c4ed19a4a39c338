"""The families' scores: the main table, its details by data set, and the README's rows."""

from typing import NamedTuple

from seglib.labels import DATASET_NAMES
from seglib.records import Record
from seglib.tables import evidence as read
from seglib.tables import readings
from seglib.tables.cards import MODELS
from seglib.tables.cells import LOCKED, mark, mean, nothing, one, picture_interval, recipe, seed_interval, shown, spread
from seglib.tables.evidence import Evidence
from seglib.tables.layout import EMPTY, LEFT, Table, emphasised, filled
from seglib.tables.names import device, name

_SPREAD = ("Model", "mIoU", "over seeds", "over pictures", LOCKED)  # the first columns of both tables
_SCORES = {"accuracy": "accuracy", "category": "category", "iIoU": "iiou"}  # further columns of the main table -> quantity
_MAIN = (*_SPREAD[1:], *_SCORES)  # the columns of a data set in the main table
_DETAILS = {"unseen drive": "unseen"} | _SCORES | {key: key for key in ("boundary", "thin", "rare", "calibration")}  # and of the details


class Run(NamedTuple):
    """A row: its words, its records, the mark of published ones, and the same runs on locked pictures."""

    words: str
    found: list[Record]
    mark: str = ""
    locked: list[Record] | None = None


Block = tuple[str, list[Run]]


def architectures(evidence: Evidence) -> Table:
    """Main results, data sets side by side: floors and the families' longest runs. Bold: the best mIoU and whatever is not clearly below
    it. The interval is over pictures where these are independent, on CamVid, where they are not, over seeds. All else: `details`."""
    sets = {dataset: _main(evidence, dataset) for dataset in evidence.datasets()}
    sets = {dataset: blocks for dataset, blocks in sets.items() if blocks}
    if not sets:
        return nothing(["Model", *_MAIN])
    columns = {dataset: _told(dataset, [cells for rows in blocks.values() for cells in rows.values()]) for dataset, blocks in sets.items()}
    table = []
    for title in dict.fromkeys(title for blocks in sets.values() for title in blocks):
        found = {dataset: blocks.get(title, {}) for dataset, blocks in sets.items()}
        words = dict.fromkeys(model for rows in found.values() for model in rows)
        empty = [EMPTY] * len(_MAIN)
        table.append((title, [[one, *(found[place].get(one, empty)[i] for place in sets for i in columns[place])] for one in words]))
    over = (("", 1), *((DATASET_NAMES[dataset], len(columns[dataset])) for dataset in sets))
    heads = [_MAIN[i] for dataset in sets for i in columns[dataset]]
    apart = r"@{\hspace{4mm}}".join("r" * len(columns[dataset]) for dataset in sets)
    return Table(["Model", *heads], table, "l" + apart, over)


def _main(evidence: Evidence, dataset: str) -> dict[str, dict[str, list[str]]]:
    """{title of a block: {model: the cells of _MAIN}} of one data set, floors on top of the first block."""
    found = {}
    for title, runs in _longest(evidence, dataset):
        rows = emphasised([_row(run, _SCORES) for run in runs], read.leaders([run.found for run in runs]))
        found[title.split(", ", 1)[1]] = {words: cells for words, *cells in rows}
    if found and (bounds := _bounds(evidence, dataset)):
        (first, rows), *rest = found.items()
        floors = {words: [value, *[EMPTY] * (len(_MAIN) - 1)] for words, value in bounds}
        found = {f"floors and {first}": floors | rows, **dict(rest)}
    return found


def _told(dataset: str, rows: list[list[str]]) -> list[int]:
    """The columns of _MAIN in which a data set has something to say."""
    said = [i for i in range(len(_MAIN)) if any(cells[i] != EMPTY for cells in rows)]
    return [i for i in said if _MAIN[i] != ("over pictures" if dataset == "camvid" else "over seeds")]


def details(evidence: Evidence, camvid: bool = False) -> Table:
    """The runs of the main table and the remaining ones: short runs, other rates, controls; photographs of a drive that training has
    nothing of, outlines, thin and rare classes, calibration, classes lost. camvid: CamVid's, else those of the other data sets."""
    columns, blocks = [*_SPREAD, *_DETAILS, "lost"], []
    for dataset in (place for place in evidence.datasets() if (place == "camvid") == camvid):
        runs = [*_families(evidence, dataset), *_others(evidence, dataset), *_starts(evidence, dataset)]
        blocks += [(title, [[*_row(run, _DETAILS), str(readings.lost(run.found))] for run in rows]) for title, rows in runs]
    return filled(Table(columns, blocks), LEFT.format(42)) if blocks else nothing(columns)


def _row(run: Run, quantities: dict[str, str]) -> list[str]:
    scored = [mean(run.found, quantity, run.mark) for quantity in quantities.values()]
    return [run.words, spread(run.found, run.mark), seed_interval(run.found), picture_interval(run.found), spread(run.locked), *scored]


def _families(evidence: Evidence, dataset: str) -> list[Block]:
    """The families after the short recipe, then after the longer one."""
    found, locked = [], evidence.of(dataset, "confirmation")
    for words, experiment, end in (("short recipe", "architectures", ""), ("longer recipe", "longer", "-longer")):
        groups = {arm: runs for arm, runs in evidence.of(dataset, experiment).items() if arm in MODELS}
        if groups:
            rows = [Run(name(arm), runs, mark(evidence, dataset, experiment), locked.get(arm + end)) for arm, runs in groups.items()]
            found.append((f"{DATASET_NAMES[dataset]}, {words}, {shown(groups)}", rows))
    return found


def _longest(evidence: Evidence, dataset: str) -> list[Block]:
    """The families after the longer recipe, else after the short one; both where only the latter are the runs of this report's profile."""
    own = mark(evidence, dataset, "longer") and not mark(evidence, dataset, "architectures")
    return _families(evidence, dataset)[-2 if own else -1 :]


def _others(evidence: Evidence, dataset: str) -> list[Block]:
    """Longer runs beside the families' own: other rates, controls, the recipe's settings alone; and single runs."""
    locked, kept = evidence.of(dataset, "confirmation"), mark(evidence, dataset, "longer")
    rest = {arm: found for arm, found in evidence.of(dataset, "longer").items() if arm not in MODELS}
    rows = [Run(recipe(arm, found), found, kept, locked.get(f"{arm}-longer")) for arm, found in rest.items()]
    rows += [Run(recipe(arm, found), found) for arm, found in evidence.trained(dataset, read.SINGLE).items()]
    return [(f"{DATASET_NAMES[dataset]}, other runs", rows)] if rows else []


def _starts(evidence: Evidence, dataset: str) -> list[Block]:
    """The network that tests ImageNet, and with it the size of photographs."""
    starts, whole = evidence.of(dataset, "imagenet"), evidence.of(dataset, "fullsize")
    rows = [Run(_start(arm), found, mark(evidence, dataset, "imagenet")) for arm, found in starts.items()]
    rows += [Run(_at_size(found), found, mark(evidence, dataset, "fullsize")) for found in whole.values()]
    return [(f"{DATASET_NAMES[dataset]}, {name('unet_lite0')}", rows)] if rows else []


def _bounds(evidence: Evidence, dataset: str) -> list[tuple[str, str]]:
    """(words, mIoU) of two floors: the prior per position and the forest."""
    measured = evidence.measures.get(f"baselines-{dataset}", {})
    known = measured.get("floors", {}) | measured.get("data", {})
    words = {"prior": "prior per position", "forest": "forest on colour and row"}
    return [(words[key], one(known[key])) for key in words if key in known]


def _start(arm: str) -> str:
    """A run of the ImageNet experiment by its first weights and its recipe."""
    return {"random": "random weights", "imagenet": "ImageNet's"}[arm.removesuffix("-longer")] + ", longer" * arm.endswith("-longer")


def _at_size(found) -> str:
    """A run on photographs of another size by that size and what it was shown."""
    return f"ImageNet's, at {'×'.join(map(str, found[0].config['size']))}, {found[0].config['images']:,}"


def readme_rows(evidence: Evidence, dataset: str) -> list[list[str]]:
    """The models of the README, longer runs below, controls left out: name, parameters, seeds, mIoU, its interval, device."""
    rows, network = [], name("unet_lite0")
    for experiment in ("architectures", "longer", "imagenet", "fullsize", read.SINGLE):
        for arm, found in evidence.of(dataset, experiment).items():
            if arm not in MODELS and experiment in ("architectures", "longer"):
                continue
            if experiment in ("imagenet", "fullsize"):
                words = f"{network}, {_start(arm) if experiment == 'imagenet' else _at_size(found)}"
            else:
                words = name(arm) if experiment == "architectures" else recipe(arm, found)
            size = f"{found[0].cost['parameters'] / 1e6:.2f} M" if found[0].cost.get("parameters") else EMPTY
            made = device(found[0].environment.get("device", EMPTY))
            rows.append([words, size, str(len(found)), spread(found), picture_interval(found), made])
    return rows
