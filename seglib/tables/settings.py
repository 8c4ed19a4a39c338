"""The table of settings: what every experiment trained, tried and cost, and what all runs share."""

from seglib.tables.evidence import Evidence
from seglib.tables.layout import EMPTY, Table
from seglib.tables.names import DATASETS, device, name


def settings(evidence: Evidence) -> Table:
    """Every experiment: model, size, images, seeds, learning rates tried and chosen, device and hours."""
    columns = ["Experiment", "model", "size", "images", "seeds", "rates tried", "runs", "hours", "device"]
    blocks = []
    for dataset in evidence.datasets():
        rows = [_setting_row(evidence, dataset, experiment) for place, experiment in evidence.groups if place == dataset]
        blocks.append((f"{DATASETS[dataset]}; {_held_fixed(evidence, dataset)}", rows))
    return Table(columns, blocks or [("", [["no records yet", *[EMPTY] * 8]])], "llllrlrrl")


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
    models = {record.config["model"] for record in found.values()}
    sizes = {"×".join(map(str, record.config["size"])) for record in found.values()}
    rates = sorted({record.config["lr"] for record in tried.values()})
    hours = sum(record.cost.get("seconds") or 0 for record in (found | tried).values()) / 3600
    devices = sorted({device(record.environment.get("device", EMPTY)) for record in found.values()})
    widths = {record.config["width"] for record in found.values()}
    model = f"{name(models.pop())}, width {widths.pop() or 'published'}" if len(models) == len(widths) == 1 else f"{len(models)} models"
    pictures = {record.config["images"] for record in tried.values()}
    each = f" ({pictures.pop()} images each)" if len(pictures) == 1 else ""
    images = sorted({record.config["images"] or 0 for record in found.values()})
    return [experiment, model, sizes.pop() if len(sizes) == 1 else f"{len(sizes)} sizes", f"{images[-1]}",
            str(max(map(len, groups.values()))), ", ".join(f"{rate:g}" for rate in rates) + each or EMPTY, str(len(found | tried)),
            f"{hours:.1f}", ", ".join(devices)]  # fmt: skip
