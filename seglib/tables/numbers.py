r"""numbers.tex: one line `\newresult{key}{value}` per number, in the scheme of seglib.tables; deterministic, sorted by key."""

import itertools
import math
import re
from collections.abc import Iterator

import numpy as np

from seglib import scores
from seglib.labels import TABLES
from seglib.tables import evidence as read
from seglib.tables import readings, wording
from seglib.tables.cards import LOSSES as FIGURE_6
from seglib.tables.claims import MISSING, SHORT, claims
from seglib.tables.evidence import SCORES, Evidence
from seglib.tables.factors import KINDS, compared_with, families
from seglib.tables.gradients import gradient_sizes, left_to_the_frequent
from seglib.tables.layout import escape
from seglib.tables.names import INHERITED, device
from seglib.tables.settings import hours_of, once, shared, total

COSTS = {"seconds": 1, "images_per_second": 1, "milliseconds_per_image": 1, "peak_memory_mb": 1, "parameters": 1e-6}
NAMES = {"images_per_second": "images-per-second", "milliseconds_per_image": "milliseconds", "peak_memory_mb": "memory"}


def numbers(evidence: Evidence) -> dict[str, str]:
    """{key: text} of everything the records allow; a number that is shown from the published records ends in a dagger (\\kept)."""
    found: dict[str, str] = {}
    for dataset, experiment in evidence.groups:
        groups = evidence.of(dataset, experiment)
        dagger = "\\kept" if (dataset, experiment) in evidence.kept else ""
        prefix = f"{experiment}/{dataset}"
        for arm, records in groups.items():
            found |= {f"{prefix}/{arm}/{key}": text + dagger for key, text in _arm(records)}
        found |= {f"{prefix}/{key}": text + dagger for key, text in _pairs(experiment, groups)}
        found |= {f"{prefix}/{key}": text + dagger for key, text in _design(groups, evidence.sweeps.get((dataset, experiment), {}))}
        found |= {f"{prefix}/{key}": text + dagger for key, text in wording.of_experiment(evidence, dataset, experiment)}
        found |= {f"settings/{experiment}/{key}": text + dagger for key, text in _settings(groups)}
    found |= (
        wording.of_report(evidence) | _measures(evidence) | _claims(evidence) | _totals(evidence) | _settling(evidence) | _spent(evidence)
    )
    return {key: found[key] for key in sorted(found)}


def laid_over(found: dict[str, str], published: dict[str, str]) -> dict[str, str]:
    """The numbers of a run over the published ones: a number that it did not make keeps the published value, with a dagger. Words are
    left out, for a list that is not there may be empty here, and so is the spread of a number that the run did make."""
    kept = {
        key: text + "\\kept" for key, text in published.items()
        if key not in found and key.rsplit("/", 1)[0] not in found and re.fullmatch(r"[-+]?[\d.,]*\d", text)
    }  # fmt: skip
    return dict(sorted((kept | found).items()))


def lines(found: dict[str, str]) -> str:
    """The text of numbers.tex."""
    return "".join(f"\\newresult{{{key}}}{{{text}}}\n" for key, text in found.items())


def _text(value: float, digits: int = 1) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text  # "-0.0" is no number to print


def _arm(records) -> Iterator[tuple[str, str]]:
    for quantity in SCORES:
        values = read.values(records, quantity)
        if np.isnan(values).any():
            continue
        yield quantity, _text(values.mean())
        if len(values) > 1:
            mean, low, high = scores.seed_interval(values)
            yield from ((f"{quantity}/sd", _text(values.std(ddof=1))), (f"{quantity}/low", _text(low)), (f"{quantity}/high", _text(high)))
    low, high = read.interval(records)
    yield from (("miou/images-low", _text(low)), ("miou/images-high", _text(high)))
    table = TABLES[records[0].scores["test"].labels]
    for name, column in zip(table.names, np.transpose([read.class_iou(record) for record in records])):
        if math.isfinite(value := float(scores.mean(column))):
            yield f"iou-{name.replace(' ', '-')}", _text(value)
    yield from (("seeds", str(len(records))), ("lr", f"{records[0].config['lr']:g}"))
    yield from (("size", _size(records[0].config)), *readings.of_arm(records))
    for key, factor in COSTS.items():
        costs = [record.cost[key] for record in records if record.cost.get(key) is not None]
        if costs:
            yield NAMES.get(key, key), _text(factor * float(np.mean(costs)), 2 if key == "parameters" else 1)
            if key == "seconds":
                yield "minutes", _text(float(np.mean(costs)) / 60, 0)


def _size(config: dict) -> str:
    return r"$\times$".join(map(str, config["size"]))


def _pairs(experiment: str, groups) -> Iterator[tuple[str, str]]:
    """Differences of every two arms; of the higher learning rates only to the family's own."""
    for a, b in itertools.combinations(groups, 2):
        if experiment == "rates" and a != compared_with(experiment, b) and b != compared_with(experiment, a):
            continue
        difference, low, high, p = read.paired(groups[a], groups[b])
        lower, upper = read.over_seeds(groups, a, b)
        rows = {f"{a}-minus-{b}": (difference, low, high, lower, upper), f"{b}-minus-{a}": (-difference, -high, -low, -upper, -lower)}
        for name, row in rows.items():
            keys = ("", "/low", "/high", "/seeds-low", "/seeds-high")
            yield from ((f"{name}/miou{key}", _text(value)) for key, value in zip(keys, row) if math.isfinite(value))
            yield f"{name}/miou/p", f"{p:.3f}"
        sign = read.side(groups, a, b, (difference, float(np.fmin(low, lower)), float(np.fmax(high, upper))))
        yield from ((f"{a}-minus-{b}/miou/sign", str(sign)), (f"{b}-minus-{a}/miou/sign", str(-sign)))


def _design(groups, swept) -> Iterator[tuple[str, str]]:
    """Pictures of train and test; of all arms but the controls those whose chosen rate lies at the edge of its sweep, and the most rates
    that were tried of one."""
    record = next(iter(groups.values()))[0]
    if record.config.get("train_limit"):
        yield "pictures/train", str(record.config["train_limit"])
    for split in ("val", "test"):
        if split in record.scores and record.scores[split].tp is not None:
            yield f"pictures/{split}", str(len(record.scores[split].tp))
    if swept := families(swept):
        yield "rates", str(max(len({record.config["lr"] for record in records}) for records in swept.values()))
        edge = readings.at_the_edge(swept, {arm: records[0].config["lr"] for arm, records in groups.items()})
        if edge:
            yield "edge", escape(wording.listed(edge))


def _settings(groups) -> Iterator[tuple[str, str]]:
    config = next(iter(groups.values()))[0].config
    yield from (("images", f"{config['images']:,}"), ("batch", str(config["batch_size"])), ("size", _size(config)))
    yield "steps", f"{-(-config['images'] // config['batch_size']):,}"
    yield from (("seeds", str(max(map(len, groups.values())))), ("width", str(config["width"] or "published")))


def _measures(evidence: Evidence) -> dict[str, str]:
    """Floors, ceilings, class shares and picture counts of the data sets; cost of the full-size models."""
    found: dict[str, str] = {}
    for dataset in ("streets", "camvid", "cityscapes"):
        measured = evidence.measures.get(f"baselines-{dataset}", {})
        for group in ("floors", "ceilings"):
            for name, value in measured.get(group, {}).items():
                found[f"{group}/{dataset}/{name}"] = found[f"{group}/{dataset}/{name}/miou"] = _text(value)
        for grid, value in evidence.measures.get(f"grids-{dataset}", {}).get("grids", {}).items():
            found[f"grids/{dataset}/{grid}"] = _text(value)
        for name, value in measured.get("data", {}).items():
            found[f"data/{dataset}/{name}"] = _text(value, 1 if value < 99.5 else 2)  # 100.0 would claim too much
        for name, share in measured.get("shares", {}).items():
            found[f"share/{dataset}/{name.replace(' ', '-')}"] = _text(share, 2)
        found |= _gradients(dataset, measured.get("shares", {})) | _halving(dataset, evidence.measures.get(f"halving-{dataset}", {}))
        for split, count in measured.get("counts", {}).items():
            found[f"count/{dataset}/{split}"] = str(count)
    for model, row in evidence.measures.get("models", {}).get("models", {}).items():
        for name, value in row.items():
            found[f"cost/{model}/{name}"] = _text(value, 2 if name == "parameters" else 0)
    return found


def _halving(dataset: str, swept: dict) -> dict[str, str]:
    """The original's sweep by successive halving: its settings and rounds, the presentations it spent and those of training all settings
    to the end, how many reached the end, their rates, and the best one's mIoU on val."""
    if not swept.get("curves"):
        return {}
    ends = [points[-1] for points in swept["curves"].values()]
    most = max(images for images, _ in ends)
    last = {setting: points[-1][1] for setting, points in swept["curves"].items() if points[-1][0] == most}
    spent = sum(images for points in swept["curves"].values() for images, _ in points)
    rounds = max(map(len, swept["curves"].values()))
    rates = sorted({re.search(r"lr ([\d.e-]+)", setting)[1] for setting in last})
    words = {"settings": len(ends), "rounds": rounds, "spent": f"{spent:,}", "whole": f"{len(ends) * most:,}", "last": len(last),
             "rates": wording.listed(rates), "miou": _text(100 * max(last.values()))}  # fmt: skip
    return {f"halving/{dataset}/{key}": str(value) for key, value in words.items()}


def _gradients(dataset: str, shares: dict[str, float]) -> dict[str, str]:
    """Size of each loss's gradient at uniform logits, and how many times smaller than cross-entropy's it is; what generalised Dice leaves
    to the frequent classes."""
    if not any(shares.values()):
        return {}
    pixels, weight = left_to_the_frequent(np.array(list(shares.values())))
    sizes = gradient_sizes(np.array(list(shares.values())))
    found = {f"gradient/{dataset}/{name}": _text(size, 3) for name, size in sizes.items()}
    found |= {f"frequent/{dataset}/pixels": _text(100 * pixels), f"frequent/{dataset}/generalised_dice": _text(100 * weight)}
    return found | {f"gradient/{dataset}/{name}/times": _text(sizes["cross_entropy"] / size, 0) for name, size in sizes.items()}


def _claims(evidence: Evidence) -> dict[str, str]:
    rows = claims(evidence)
    found = {f"claims/{row.id}/verdict": row.verdict for row in rows} | {f"claims/{row.id}/number": escape(row.number) for row in rows}
    for verdict in ("confirmed", "refuted", "not supported", "open"):
        named = [SHORT[row.id] for row in rows if row.verdict == verdict]
        found[f"claims/count/{verdict.replace(' ', '-')}"] = str(len(named))
        found |= {f"claims/named/{verdict.replace(' ', '-')}": wording.listed(named)} if named else {}
    untested = sum(row.number == MISSING for row in rows)
    return found | {"claims/count/total": str(len(rows))} | ({"claims/count/untested": str(untested)} if untested else {})


def _settling(evidence: Evidence) -> dict[str, str]:
    """What it took to settle the rates of Figure 6's losses: runs as long as the comparison, and their hours."""
    swept = [found for (_, what), arms in evidence.sweeps.items() if what == "losses" for arm, found in arms.items() if arm in FIGURE_6]
    most = [max(record.config["images"] or 0 for record in found) for found in swept]
    full = [record for found, images in zip(swept, most) for record in found if record.config["images"] == images]
    hours = sum(record.cost.get("seconds") or 0 for record in full) / 3600
    return {"settings/settling/runs": str(len(full)), "settings/settling/hours": _text(hours)} if full else {}


def _spent(evidence: Evidence) -> dict[str, str]:
    """Runs and hours of the short runs that change one factor of data or training (factors), and of longer ones made at the short runs'
    rate before a higher one was found better (inherited)."""
    short = (*KINDS["data"], *KINDS["training"])
    parts = {"factors": lambda what, arm: what in short, "inherited": lambda what, arm: arm.endswith(INHERITED)}
    found = {}
    for part, wanted in parts.items():
        runs = once(*({arm: some for arm, some in groups.items() if wanted(what, arm)} for (_, what), groups in evidence.groups.items()))
        count = sum(bool(record.history) for record in runs.values())
        found |= {f"settings/{part}/runs": str(count), f"settings/{part}/hours": _text(hours_of(runs.values()))} if count else {}
    return found


def _totals(evidence: Evidence) -> dict[str, str]:
    (runs, whole), (again, hours) = total(evidence), shared(evidence)
    records = evidence.records().values()
    devices = sorted({device(record.environment["device"]) for record in records if record.environment.get("device")})
    return {
        "settings/total/runs": str(runs),
        "settings/total/hours": _text(whole),
        "settings/shared/runs": str(again),
        "settings/shared/hours": _text(hours),
        "settings/total/devices": escape(" and ".join(devices)) or "no device",
    }
