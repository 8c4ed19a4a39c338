"""What the tables are made of: finished runs by data set, experiment and arm, and the quantities read from one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from seglib import scores
from seglib.labels import TABLES, THIN
from seglib.records import Record, Scores
from seglib.tables.names import ordered

Groups = dict[str, list[Record]]  # {arm: its seeds}
SINGLE = "headline"  # report/results/<dataset>/headline/: finished runs that belong to no experiment
PHOTOGRAPHS, SHARED = 233, 62  # CamVid's test photographs; the first ones, of drive 0001TP, which training has others of
RARE = 0.01  # a class is rare when it has less than this share of the scored pixels


@dataclass
class Evidence:
    """groups, sweeps {(data set, experiment): {arm: records}}; kept: the pairs that show the published records in another profile's
    report; measures: contents of report/results/measure-*.json by name."""

    groups: dict[tuple[str, str], Groups] = field(default_factory=dict)
    sweeps: dict[tuple[str, str], Groups] = field(default_factory=dict)
    kept: set[tuple[str, str]] = field(default_factory=set)
    measures: dict[str, dict] = field(default_factory=dict)
    profile: str = "published"
    dataset: str = ""

    def of(self, dataset: str, experiment: str) -> Groups:
        """{arm: records} in the order of the tables, empty where there are none."""
        found = ordered(self.groups.get((dataset, experiment), {}))
        return {arm: _one_recipe(records) for arm, records in found.items()} if experiment == SINGLE else found

    def trained(self, dataset: str, experiment: str) -> Groups:
        """As `of`; of the single runs only those that were trained on this data set, not those that were only scored on it."""
        found = self.of(dataset, experiment)
        return {arm: records for arm, records in found.items() if experiment != SINGLE or records[0].config["dataset"] == dataset}

    def datasets(self) -> list[str]:
        """The data sets with any record, streets first."""
        present = {dataset for dataset, _ in self.groups}
        return [name for name in ("streets", "camvid", "cityscapes") if name in present]

    def records(self) -> dict[str, Record]:
        """Every record once, by name, sweeps included."""
        arms = [found for part in (self.groups, self.sweeps) for groups in part.values() for found in groups.values()]
        return {record.name: record for found in arms for record in found}


def _one_recipe(found: list[Record]) -> list[Record]:
    """Single runs are told apart by their model alone: the seeds of the recipe with most of them, then with the larger budget."""
    recipes: dict[str, list[Record]] = {}
    for record in found:
        recipes.setdefault(str(sorted((key, str(value)) for key, value in record.config.items() if key != "seed")), []).append(record)
    return max(recipes.values(), key=lambda same: (len(same), same[0].config["images"] or 0))


def _of_matrix(function) -> Callable[[Record], float]:
    return lambda record: 100 * float(function(record.scores["test"].matrix))


def _mean_if(attribute: str, function) -> Callable[[Record], float]:
    """Mean of a per-class score where the record has its counts, else NaN."""
    return lambda record: (
        float("nan") if getattr(record.scores["test"], attribute) is None else 100 * float(scores.mean(function(record.scores["test"])))
    )


def _category(record: Record) -> float:
    test = record.scores["test"]
    return 100 * float(scores.mean(scores.category_iou(test.matrix))) if test.labels == "cityscapes" else float("nan")


def _of_classes(chosen: Callable[[Scores], np.ndarray]) -> Callable[[Record], float]:
    """Mean IoU over some classes, which `chosen` marks (K,)."""
    return lambda record: 100 * float(scores.mean(scores.iou(record.scores["test"].matrix)[chosen(record.scores["test"])]))


def thin(counts: Scores) -> np.ndarray:
    """(K,) bool: the classes whose shapes are a few pixels wide."""
    return np.array([name in THIN[counts.labels] for name in TABLES[counts.labels].names])


def instances(counts: Scores) -> np.ndarray:
    """(K,) bool: the classes whose objects are told apart, those an iIoU has; none where there are no instances."""
    return np.zeros(len(counts.matrix), bool) if counts.instance_tp is None else np.isfinite(scores.instance_iou(counts))


def rare(counts: Scores) -> np.ndarray:
    """(K,) bool: the classes with less than one per cent of the scored pixels."""
    pixels = counts.matrix.sum(1)
    return (pixels > 0) & (pixels < RARE * pixels.sum())


def uncommon(counts: Scores) -> np.ndarray:
    """(K,) bool: the classes with one to five per cent of the scored pixels."""
    share = counts.matrix.sum(1) / max(counts.matrix.sum(), 1)
    return (share >= RARE) & (share < 5 * RARE)


def _val(record: Record) -> float:
    return 100 * float(scores.mean_iou(record.scores["val"].matrix)) if "val" in record.scores else float("nan")


def _overconfidence(record: Record) -> float:
    """Mean confidence less accuracy, points."""
    if record.scores["test"].calibration is None:
        return float("nan")
    pixels, confidence, correct = record.scores["test"].calibration.sum(0)
    return 100 * float((confidence - correct) / pixels)


def _unseen(record: Record) -> float:
    """mIoU per cent over the 171 test photographs of CamVid from a drive that training has nothing of (Seq05VD); NaN for other pictures."""
    test = record.scores["test"]
    if test.labels != "camvid" or test.tp is None or len(test.tp) != PHOTOGRAPHS:
        return float("nan")
    rest = Scores(test.matrix, *(part[SHARED:].sum(0, keepdims=True) for part in (test.tp, test.fp, test.fn)))
    return 100 * float(scores.mean(scores.image_iou(rest)[0]))


SCORES: dict[str, Callable[[Record], float]] = {
    "miou": _of_matrix(scores.mean_iou),
    "val-miou": _val,
    "accuracy": _of_matrix(scores.pixel_accuracy),
    "class-accuracy": _of_matrix(scores.class_accuracy),
    "frequency-iou": _of_matrix(scores.frequency_weighted_iou),
    "category": _category,
    "iiou": _mean_if("instance_tp", scores.instance_iou),
    "instance-classes": _of_classes(instances),
    "category-iiou": _mean_if("category_instance_tp", scores.category_instance_iou),
    "boundary": _mean_if("boundary", scores.boundary_iou),
    "image-miou": lambda record: float("nan") if record.scores["test"].tp is None else 100 * scores.mean_image_iou(record.scores["test"]),
    "thin": _of_classes(thin),
    "rare": _of_classes(rare),
    "uncommon": _of_classes(uncommon),
    "calibration": lambda record: (
        float("nan") if record.scores["test"].calibration is None else 100 * scores.calibration_error(record.scores["test"])
    ),
    "overconfidence": _overconfidence,
    "unseen": _unseen,
}


def class_iou(record: Record) -> np.ndarray:
    """(K,) IoU per cent on test."""
    return 100 * scores.iou(record.scores["test"].matrix)


def mean_class_iou(found: Sequence[Record]) -> np.ndarray:
    """(K,) IoU per cent on test, mean over the seeds."""
    return scores.over_seeds([class_iou(record) for record in found])


def values(found: Sequence[Record], quantity: str) -> np.ndarray:
    """(seeds,) one quantity of SCORES for each record."""
    return np.array([SCORES[quantity](record) for record in found], float)


def _tests(found: Sequence[Record]) -> list[Scores]:
    return [record.scores["test"] for record in found]


def paired(a: Sequence[Record], b: Sequence[Record]) -> tuple[float, float, float, float]:
    """Mean mIoU of arm a less that of arm b in points: (difference, low, high, p), a bootstrap over the pictures that both were tested on,
    every seed of either arm counted."""
    difference, low, high, p = scores.paired_bootstrap(_tests(a), _tests(b))
    return 100 * difference, 100 * low, 100 * high, p


def interval(found: Sequence[Record]) -> tuple[float, float]:
    """95 % interval over pictures of the mean mIoU of the seeds, per cent."""
    low, high = scores.bootstrap(_tests(found))
    return 100 * low, 100 * high


def over_seeds(groups: Groups, a: str, b: str) -> tuple[float, float]:
    """95 % interval over seeds of the mean mIoU of arm a less that of arm b, by Welch's t; NaN where one has one seed."""
    return scores.welch_difference(values(groups[a], "miou"), values(groups[b], "miou"))[1:]


def p(groups: Groups, a: str, b: str) -> float:
    """Two-sided p of the mean mIoU of arm a less that of arm b: the larger of the bootstrap's over pictures, at least 0.001, and Welch's
    over seeds; NaN where one has one seed."""
    over = scores.welch_p(values(groups[a], "miou"), values(groups[b], "miou"))
    return float(np.maximum(paired(groups[a], groups[b])[3], over))


def sign(groups: Groups, a: str, b: str, seeds: int = 2) -> int:
    """+1 where arm a is clearly above arm b, -1 where below, 0 where they cannot be told apart: both intervals of the difference, over
    pictures and over seeds, exclude zero. 0 while an arm has fewer than `seeds` seeds, too."""
    return side(groups, a, b, widest(groups, a, b), seeds)


def side(groups: Groups, a: str, b: str, row: tuple[float, float, float], seeds: int = 2) -> int:
    """As `sign`, of the row that `widest` gave for these arms: nothing is drawn anew."""
    _, low, high = row
    return int(low > 0) - int(high < 0) if min(len(groups[a]), len(groups[b])) >= seeds else 0


def widest(groups: Groups, a: str, b: str) -> tuple[float, float, float]:
    """Arm a less arm b: (difference, low, high), from the lower to the upper end of both intervals, over pictures and over seeds."""
    difference, low, high, _ = paired(groups[a], groups[b])
    lower, upper = over_seeds(groups, a, b)
    return difference, float(np.fmin(low, lower)), float(np.fmax(high, upper))


def leaders(arms: Sequence[Sequence[Record]]) -> list[bool]:
    """Which arms have the best mean mIoU or are not clearly below it. Of an arm with one seed the interval over pictures alone tells."""
    groups = {str(i): list(found) for i, found in enumerate(arms)}
    best = max(groups, key=lambda arm: values(groups[arm], "miou").mean())
    return [arm == best or sign(groups, arm, best, seeds=1) >= 0 for arm in groups]
