"""Made-up evidence for the tests of tables."""

from study_helpers import record

from seglib.tables import Evidence, Table
from seglib.training import TrainConfig

LOSSES = ("cross_entropy", "soft_iou", "dice")


def arm(miou: float, seeds: int = 3, **settings) -> list:
    """Records of one arm, `seeds` of them, at about `miou`."""
    base = {"dataset": "camvid", "width": 8, "images": 2400} | settings
    return [record(TrainConfig(**base, seed=seed), 0.3, miou) for seed in range(seeds)]


def losses(*mious: float, **settings) -> dict[str, list]:
    """Arms of Figure 6's losses."""
    return {loss: arm(miou, loss=loss, **settings) for loss, miou in zip(LOSSES, mious)}


def evidence(dataset: str = "camvid", **experiments) -> Evidence:
    """experiments {name: {arm: records}}, an underscore for a hyphen."""
    return Evidence(groups={(dataset, what.replace("_", "-")): found for what, found in experiments.items()})


def lines(table: Table, title: str = "") -> dict[str, list[str]]:
    """{first cell: row} of the blocks whose title begins so."""
    return {row[0]: row for head, rows in table.blocks if head.startswith(title) for row in rows}
