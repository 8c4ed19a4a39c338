"""Cells and headings that several tables write alike."""

import numpy as np

from seglib import scores
from seglib.tables import evidence as read
from seglib.tables.evidence import Evidence, Groups
from seglib.tables.layout import EMPTY, KEPT, Table
from seglib.tables.names import name

LOCKED = "locked"  # heading of the mIoU on the test pictures that no choice has looked at


def one(value: float, mark: str = "") -> str:
    return EMPTY if not np.isfinite(value) else f"{value:.1f}{mark}"


def mean(found, quantity: str, mark: str = "") -> str:
    return one(read.values(found, quantity).mean(), mark)


def spread(found, mark: str = "") -> str:
    """mIoU with its standard deviation over seeds: 41.2 ± 0.6; a single seed stands alone, without records there is a dash."""
    if not found:
        return EMPTY
    values = read.values(found, "miou")
    return one(values.mean(), mark) + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def seed_interval(found) -> str:
    values = read.values(found, "miou")
    return interval(*scores.seed_interval(values)[1:]) if len(values) > 1 else EMPTY


def picture_interval(found) -> str:
    return interval(*read.interval(found))


def interval(low: float, high: float) -> str:
    return f"[{low:.1f}, {high:.1f}]"


def mark(evidence: Evidence, dataset: str, experiment: str) -> str:
    return KEPT if (dataset, experiment) in evidence.kept else ""


def shown(groups: Groups) -> str:
    """How many pictures the runs were shown: 1,600 shown."""
    counts = sorted({found[0].config["images"] or 0 for found in groups.values()})
    return " to ".join(f"{count:,}" for count in counts) + " shown"


def recipe(arm: str, found) -> str:
    """A run by what sets its recipe apart: U-Net, 8,000 shown; its size where pieces of larger pictures were shown."""
    config = found[0].config
    seen = "crops from " + "×".join(map(str, config["size"])) if config.get("crop") else f"{config['images']:,} shown"
    return f"{name(arm.removesuffix('-short'))}, " + ("settings alone" if arm.endswith("-short") else seen)


def nothing(columns: list[str]) -> Table:
    return Table(columns, [("", [["no records yet", *[EMPTY] * (len(columns) - 1)]])])
