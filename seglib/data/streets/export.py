"""The street scenes on disk, in the exact layout of Cityscapes."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from ... import records
from ...labels import CITYSCAPES_LABELS
from .scene import draw
from .source import SPLITS, _encode

CITIES = {"train": ("streetsa", "streetsb", "streetsc", "streetsd"), "val": ("streetse",), "test": ("streetsf", "streetsg")}
_COLORS = np.zeros((256, 3), np.uint8)
for _label in CITYSCAPES_LABELS:
    _COLORS[_label.id] = _label.color


def stem(split: str, i: int) -> tuple[str, str]:
    """City and file stem of scene i: city_sequence_frame, as Cityscapes names its files."""
    city = CITIES[split][i % len(CITIES[split])]
    return city, f"{city}_{i // len(CITIES[split]):06d}_000019"


def polygons(label_ids, instance_ids) -> dict:
    """Outlines of every region, in the fields of Cityscapes' polygon files, the largest first as they are painted."""
    h, w = label_ids.shape
    names = {label.id: label.name for label in CITYSCAPES_LABELS}
    objects = []
    for value in (int(v) for v in np.unique(instance_ids)):
        mask = (instance_ids == value).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        name = names[value // 1000 if value >= 1000 else value]
        objects += [(cv2.contourArea(c), {"label": name, "polygon": c[:, 0].tolist()}) for c in contours if len(c) >= 3]
    objects.sort(key=lambda item: -item[0])
    return {"imgHeight": h, "imgWidth": w, "objects": [item for _, item in objects]}


def _write(job) -> str:
    folder, split, i, with_polygons = job
    city, name = stem(split, i)
    scene = draw(SPLITS[split][i])
    files = {f"leftImg8bit/{split}/{city}/{name}_leftImg8bit.png": _encode(scene.image[..., ::-1])}
    instances = scene.instance_ids
    coarse_instances = np.where(scene.coarse_ids == scene.label_ids, instances, scene.coarse_ids.astype(np.int32))
    for kind, ids, inst in (("gtFine", scene.label_ids, instances), ("gtCoarse", scene.coarse_ids, coarse_instances)):
        base = f"{kind}/{split}/{city}/{name}_{kind}"
        files[f"{base}_labelIds.png"] = _encode(ids)
        files[f"{base}_instanceIds.png"] = _encode(inst.astype(np.uint16))
        color = np.dstack([_COLORS[ids], np.full(ids.shape, 255, np.uint8)])  # RGBA, as Cityscapes stores it
        files[f"{base}_color.png"] = _encode(color[..., [2, 1, 0, 3]])
        if with_polygons:
            files[f"{base}_polygons.json"] = json.dumps(polygons(ids, inst)).encode()
    for path, data in files.items():
        records.write_atomic(Path(folder) / path, data)
    return name


def write_cityscapes(folder, *, splits=None, progress=True, polygons=False, workers=None) -> int:
    """Write leftImg8bit, gtFine and gtCoarse below `folder`; -> the number of scenes.

    splits: None for everything, or {"train": 24, ...} for the first scenes of some splits. Files already there are replaced,
    each appearing whole. ValueError names an unknown split or a count that the split does not have.
    """
    splits = {name: len(seeds) for name, seeds in SPLITS.items()} if splits is None else dict(splits)
    for name, count in splits.items():
        if name not in SPLITS or not 0 <= count <= len(SPLITS[name]):
            raise ValueError(f"{name}={count}: streets has {', '.join(f'{k} (0 to {len(v)})' for k, v in SPLITS.items())}")
    jobs = [(str(folder), name, i, polygons) for name, count in splits.items() for i in range(count)]
    workers = min(workers or os.cpu_count() or 1, max(1, len(jobs)))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        done = pool.map(_write, jobs)
        if progress:
            from tqdm import tqdm

            done = tqdm(done, total=len(jobs), desc="street scenes", unit="scene")
        return sum(1 for _ in done)
