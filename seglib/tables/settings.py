"""The tables of settings: what every experiment trained, tried and cost, what all runs share, and what came of the plan."""

from seglib.tables.evidence import SINGLE, Evidence
from seglib.tables.layout import EMPTY, LEFT, Table
from seglib.tables.names import DATASETS, device, name, ordered

NOT_RUN = "not run"


def settings(evidence: Evidence) -> Table:
    """Every experiment: model, size, images, seeds, learning rates tried and chosen, device and hours."""
    columns = ["Experiment", "model and width", "size", "presentations", "seeds", "rates tried", "runs", "hours", "device"]
    blocks = []
    for dataset in evidence.datasets():
        rows = [_setting_row(evidence, dataset, experiment) for place, experiment in evidence.groups if place == dataset]
        blocks.append((f"{DATASETS[dataset]}; {_held_fixed(evidence, dataset)}", rows))
    return Table(columns, blocks or [("", [["no records yet", *[EMPTY] * 8]])], "l" + LEFT.format(46) + "lrrlrrl")


def _held_fixed(evidence: Evidence, dataset: str) -> str:
    """The settings that all published runs on a data set share, in words."""
    words = {
        "batch_size": "batch {}", "optimiser": "{}", "schedule": "{}", "weight_decay": "weight decay {:g}", "clip": "clipped at {:g}",
        "flip": "flips {}", "void": "void {}", "annotation": "{} labels",
    }  # fmt: skip
    groups = [evidence.of(dataset, experiment) for place, experiment in evidence.groups if place == dataset]
    configs = [record.config for arms in groups for found in arms.values() for record in found]
    said = {"True": "on", "False": "off", "ignore": "ignored"}
    shared = {key: configs[0].get(key) for key in words if len({config.get(key) for config in configs}) == 1 and key in configs[0]}
    values = {key: said.get(str(value), name(value) if isinstance(value, str) else value) for key, value in shared.items()}
    return "all runs: " + ", ".join(words[key].format(value) for key, value in values.items())


def _setting_row(evidence: Evidence, dataset: str, experiment: str) -> list[str]:
    groups, swept = evidence.of(dataset, experiment), evidence.sweeps.get((dataset, experiment), {})
    found = {record.name: record for records in groups.values() for record in records}
    tried = {record.name: record for records in swept.values() for record in records}
    wide = ordered({record.config["model"]: record.config["width"] or "published" for record in found.values()})
    model = ", ".join(f"{name(model)} {width}" for model, width in wide.items())
    sizes = {"×".join(map(str, record.config["size"])) for record in found.values()}
    rates = sorted({record.config["lr"] for record in tried.values()})
    hours = sum(record.cost.get("seconds") or 0 for record in (found | tried).values()) / 3600
    devices = sorted({device(record.environment.get("device", EMPTY)) for record in found.values()})
    pictures = {record.config["images"] for record in tried.values()}
    each = f" ({pictures.pop()} each)" if len(pictures) == 1 else ""
    images = sorted({record.config["images"] or 0 for record in found.values()})
    return [experiment, model, sizes.pop() if len(sizes) == 1 else f"{len(sizes)} sizes", f"{images[-1]}",
            str(max(map(len, groups.values()))), ", ".join(f"{rate:g}" for rate in rates) + each or EMPTY, str(len(found | tried)),
            f"{hours:.1f}", ", ".join(devices)]  # fmt: skip


def rates(evidence: Evidence) -> Table:
    """The learning rate grids: val mIoU of every candidate, the winner marked."""
    blocks = []
    for (dataset, experiment), swept in evidence.sweeps.items():
        rows = []
        for arm, found in ordered(swept).items():
            best = max(found, key=lambda record: record.val_miou)
            cells = [f"{record.config['lr']:g}: {_reached(record)}{' (chosen)' if record is best else ''}" for record in found]
            rows.append([name(arm), ", ".join(cells)])
        blocks.append((f"{experiment} on {DATASETS[dataset]}", rows))
    return Table(["Arm", "learning rate: mIoU on val"], blocks or [("", [["no records yet", EMPTY]])], "ll")


def _reached(record) -> str:
    return f"{100 * record.val_miou:.1f}" if record.val_miou >= 0 else "diverged"


# What was planned of each experiment, in words: arms, and where.
PLAN = (
    ("architectures", "5 families, 2 controls"),
    ("losses", "7 losses"),
    ("void", "2 policies, 5 families"),
    ("transforms", "5 transforms, 4 sizes"),
    ("annotation", "fine, coarse, both; streets"),
    ("optimisers", "4 optimisers, 4 schedules, 4 regularisers"),
    ("generalisation", "5 families, each way"),
    ("data", "4 fractions, 2 families"),
    ("original", "its 3 networks"),
    (SINGLE, "--"),
)


def outcome(evidence: Evidence) -> Table:
    """Plan and outcome: for each experiment what was planned, and the arms, seeds and hours that came of it on each data set."""
    places = ("streets", "camvid")
    rows = []
    for experiment, planned in PLAN:
        cells = [_outcome(evidence, place, experiment) for place in places]
        if experiment != SINGLE or any(cell != NOT_RUN for cell in cells):
            rows.append(["longer U-Net" if experiment == SINGLE else experiment, planned, *cells])
    return Table(["Experiment", "planned, 3 seeds each", *[DATASETS[place] for place in places]], [("", rows)], "llll")


def _outcome(evidence: Evidence, dataset: str, experiment: str) -> str:
    groups, swept = evidence.of(dataset, experiment), evidence.sweeps.get((dataset, experiment), {})
    if not groups:
        return NOT_RUN
    found = {record.name: record for arms in (groups, swept) for records in arms.values() for record in records}
    hours = sum(record.cost.get("seconds") or 0 for record in found.values()) / 3600
    seeds = min(map(len, groups.values()))
    return f"{len(groups)} arm{'s' * (len(groups) > 1)}, {seeds} seed{'s' * (seeds > 1)}, {hours:.1f} h"
