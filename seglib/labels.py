"""Label tables: Cityscapes (34 ids, 19 train ids, 7 categories), CamVid (11 classes), and the map between them.

One table feeds mapping, colours, legends and scores. Cityscapes: Cordts et al. 2016, as in cityscapesScripts' labels.py;
CamVid: Brostow et al. 2009 with the 11 classes of the SegNet split (Badrinarayanan et al. 2017).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

IGNORE = 255  # the train id of a pixel that is neither trained nor scored ("void")


class Label(NamedTuple):
    """One row of the Cityscapes table. `train_id` is IGNORE for the classes that are not evaluated."""

    name: str
    id: int
    train_id: int
    category: str
    has_instances: bool
    color: tuple[int, int, int]


CITYSCAPES_LABELS = (
    Label("unlabeled", 0, 255, "void", False, (0, 0, 0)),
    Label("ego vehicle", 1, 255, "void", False, (0, 0, 0)),
    Label("rectification border", 2, 255, "void", False, (0, 0, 0)),
    Label("out of roi", 3, 255, "void", False, (0, 0, 0)),
    Label("static", 4, 255, "void", False, (0, 0, 0)),
    Label("dynamic", 5, 255, "void", False, (111, 74, 0)),
    Label("ground", 6, 255, "void", False, (81, 0, 81)),
    Label("road", 7, 0, "flat", False, (128, 64, 128)),
    Label("sidewalk", 8, 1, "flat", False, (244, 35, 232)),
    Label("parking", 9, 255, "flat", False, (250, 170, 160)),
    Label("rail track", 10, 255, "flat", False, (230, 150, 140)),
    Label("building", 11, 2, "construction", False, (70, 70, 70)),
    Label("wall", 12, 3, "construction", False, (102, 102, 156)),
    Label("fence", 13, 4, "construction", False, (190, 153, 153)),
    Label("guard rail", 14, 255, "construction", False, (180, 165, 180)),
    Label("bridge", 15, 255, "construction", False, (150, 100, 100)),
    Label("tunnel", 16, 255, "construction", False, (150, 120, 90)),
    Label("pole", 17, 5, "object", False, (153, 153, 153)),
    Label("polegroup", 18, 255, "object", False, (153, 153, 153)),
    Label("traffic light", 19, 6, "object", False, (250, 170, 30)),
    Label("traffic sign", 20, 7, "object", False, (220, 220, 0)),
    Label("vegetation", 21, 8, "nature", False, (107, 142, 35)),
    Label("terrain", 22, 9, "nature", False, (152, 251, 152)),
    Label("sky", 23, 10, "sky", False, (70, 130, 180)),
    Label("person", 24, 11, "human", True, (220, 20, 60)),
    Label("rider", 25, 12, "human", True, (255, 0, 0)),
    Label("car", 26, 13, "vehicle", True, (0, 0, 142)),
    Label("truck", 27, 14, "vehicle", True, (0, 0, 70)),
    Label("bus", 28, 15, "vehicle", True, (0, 60, 100)),
    Label("caravan", 29, 255, "vehicle", True, (0, 0, 90)),
    Label("trailer", 30, 255, "vehicle", True, (0, 0, 110)),
    Label("train", 31, 16, "vehicle", True, (0, 80, 100)),
    Label("motorcycle", 32, 17, "vehicle", True, (0, 0, 230)),
    Label("bicycle", 33, 18, "vehicle", True, (119, 11, 32)),
)
LICENSE_PLATE = Label("license plate", -1, 255, "vehicle", False, (0, 0, 142))  # never drawn into labelIds

CATEGORIES = ("flat", "construction", "object", "nature", "sky", "human", "vehicle")  # the 7 that are scored, in this order

# Mean size in pixels of an instance in the Cityscapes training set: the numerator of the iIoU weights (official evaluation).
AVERAGE_INSTANCE_SIZE = {
    "bicycle": 4672.3249222261, "caravan": 36771.8241758242, "motorcycle": 6298.7200839748, "rider": 3930.4788056518,
    "bus": 35732.1511111111, "train": 67583.7075812274, "car": 12794.0202738185, "person": 3462.4756337644,
    "truck": 27855.1264367816, "trailer": 16926.9763313609,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The classes a model is trained on: K names and colours, and how train ids map to the ids of the files.

    to_file (256,) uint8: train id -> file id (IGNORE -> the file's void id); from_file (256,) uint8: file id -> train id.
    `known` are the file ids a valid label map may hold.
    """

    name: str
    names: tuple[str, ...]
    colors: np.ndarray  # (K, 3) uint8
    from_file: np.ndarray  # (256,) uint8
    to_file: np.ndarray  # (256,) uint8
    known: frozenset[int]

    @property
    def num_classes(self) -> int:
        return len(self.names)


def _table(name, rows, void, known) -> LabelTable:
    """rows: (file id, class name, colour) in train-id order; every other file id is void."""
    from_file = np.full(256, IGNORE, np.uint8)
    to_file = np.full(256, void, np.uint8)
    for train_id, (file_id, _, _) in enumerate(rows):
        from_file[file_id], to_file[train_id] = train_id, file_id
    colors = np.array([color for _, _, color in rows], np.uint8)
    return LabelTable(name, tuple(n for _, n, _ in rows), colors, from_file, to_file, frozenset(known))


_trained = sorted((label for label in CITYSCAPES_LABELS if label.train_id != IGNORE), key=lambda label: label.train_id)
# 255 is known: it is what licence plates (-1) become when a tool writes them as uint8.
CITYSCAPES = _table("cityscapes", [(row.id, row.name, row.color) for row in _trained], void=0, known=[*range(34), 255])

_CAMVID_ROWS = [
    (0, "sky", (128, 128, 128)), (1, "building", (128, 0, 0)), (2, "pole", (192, 192, 128)), (3, "road", (128, 64, 128)),
    (4, "pavement", (0, 0, 192)), (5, "tree", (128, 128, 0)), (6, "sign", (192, 128, 128)), (7, "fence", (64, 64, 128)),
    (8, "car", (64, 0, 128)), (9, "pedestrian", (64, 64, 0)), (10, "bicyclist", (0, 128, 192)),
]  # fmt: skip
CAMVID = _table("camvid", _CAMVID_ROWS, void=11, known=range(12))

TABLES = {table.name: table for table in (CITYSCAPES, CAMVID)}
DATASET_NAMES = {"streets": "streets", "camvid": "CamVid", "cityscapes": "Cityscapes"}  # as text spells them

INSTANCE_CLASSES = tuple(row.train_id for row in _trained if row.has_instances)  # person ... bicycle: train ids 11 to 18

# 19 -> 11, applied to truth and to the argmax alike; what CamVid has no word for goes to its nearest class.
_MERGED = {
    "road": "road", "sidewalk": "pavement", "building": "building", "wall": "building", "fence": "fence", "pole": "pole",
    "traffic light": "sign", "traffic sign": "sign", "vegetation": "tree", "terrain": "tree", "sky": "sky",
    "person": "pedestrian", "rider": "bicyclist", "car": "car", "truck": "car", "bus": "car", "train": "car",
    "motorcycle": "bicyclist", "bicycle": "bicyclist",
}  # fmt: skip
CITYSCAPES_TO_CAMVID = np.full(256, IGNORE, np.uint8)  # (256,) train id of Cityscapes -> train id of CamVid
for _i, _name in enumerate(CITYSCAPES.names):
    CITYSCAPES_TO_CAMVID[_i] = CAMVID.names.index(_MERGED[_name])

# What CamVid's other names are called in Cityscapes: only to draw both in the same colours.
_TWIN = {"pavement": "sidewalk", "tree": "vegetation", "sign": "traffic sign", "pedestrian": "person", "bicyclist": "bicycle"}


def as_cityscapes(table: LabelTable) -> LabelTable:
    """The same classes in the colours of Cityscapes, for pictures beside street scenes; what is written to files keeps its own."""
    rows = [CITYSCAPES.names.index(_TWIN.get(name, name)) for name in table.names]
    return replace(table, colors=CITYSCAPES.colors[rows])


# Classes whose shapes are a few pixels wide: where boundaries decide the score.
THIN = {"cityscapes": ("pole", "traffic light", "traffic sign", "person", "rider", "bicycle"),
        "camvid": ("pole", "sign", "fence", "pedestrian", "bicyclist")}  # fmt: skip


def colorize(target: np.ndarray, table: LabelTable) -> np.ndarray:
    """Train ids (H, W) -> colours (H, W, 3) uint8 of `table`; void is black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: table.num_classes] = table.colors
    return palette[np.asarray(target)]
