"""`python -m seglib data check`: every file of a data set decoded once, counted, and named when something is wrong with it."""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from seglib.data import camvid, cityscapes, files
from seglib.labels import CAMVID, CITYSCAPES, CITYSCAPES_LABELS, LabelTable

OFFICIAL = {
    "camvid": {"train": 367, "val": 101, "test": 233},
    "cityscapes": {"train": 2975, "val": 500, "test": 1525, "train_extra": 19998},
}
SHOWN = 20  # problems printed; all are counted


class Job(NamedTuple):
    """One file to decode. kind: "image", "labels" or "instances"; label maps of several annotations have one name."""

    split: str
    city: str
    name: str
    kind: str
    path: Path


@dataclass
class Report:
    """What was found. images, label_maps: {split: {city: files}}; sizes: {"2048x1024": files}; pixels (256,) per file id, over all
    label maps that could be read; problems: one sentence each."""

    name: str
    root: str
    images: dict[str, Counter] = field(default_factory=dict)
    label_maps: dict[str, Counter] = field(default_factory=dict)
    sizes: Counter = field(default_factory=Counter)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    problems: list[str] = field(default_factory=list)
    tree: str = ""  # what was expected, where something is wrong
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def count(self) -> str:
        return f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"

    def __str__(self) -> str:
        what = f"in {self.root}: {self.sizes.total()} files decoded" if self.root else f": {self.sizes.total()} scenes drawn"
        lines = [f"{self.name} {what} in {self.seconds:.0f} s", ""]
        lines += [f"{'split':<24}{'images':>8}{'official':>10}{'label maps':>12}"]
        for split, cities in self.images.items():
            maps, official = self.label_maps.get(split, Counter()), OFFICIAL.get(self.name, {}).get(split, "-")
            lines += [f"{split:<24}{cities.total():>8}{official:>10}{maps.total():>12}"]
            lines += [f"  {city:<22}{cities[city]:>8}{'':>10}{maps[city]:>12}" for city in sorted(cities | maps) if city]
        lines += ["", "sizes   " + ", ".join(f"{size} ({count})" for size, count in self.sizes.most_common())]
        lines += ["pixels  " + ", ".join(self._shares()), ""]
        lines += [self.count if self.problems else "no problems in what is there", *self.problems[:SHOWN]]
        lines += ["..."] if len(self.problems) > SHOWN else []
        lines += [f"not complete: {', '.join(self.missing)}"] if self.missing else []
        return "\n".join(lines + ([f"expected is\n{self.tree}"] if self.tree else []))

    @property
    def missing(self) -> list[str]:
        """The splits with fewer images than the authors' data set, in words. Parts of Cityscapes that are not there were not wanted."""
        found = {split: self.images.get(split, Counter()).total() for split in OFFICIAL.get(self.name, {})}
        wanted = {split: OFFICIAL[self.name][split] for split, count in found.items() if count or self.name == "camvid"}
        return [f"{split} has {found[split]} of {count} images" for split, count in wanted.items() if found[split] < count]

    def _shares(self) -> list[str]:
        names = _id_names(CAMVID if self.name == "camvid" else CITYSCAPES)
        total = max(int(self.pixels.sum()), 1)
        return [f"{names.get(i, i)} {100 * self.pixels[i] / total:.2f} %" for i in np.flatnonzero(self.pixels)]


def _id_names(table: LabelTable) -> dict[int, str]:
    if table is CITYSCAPES:
        return {row.id: row.name for row in CITYSCAPES_LABELS}
    return {int(table.to_file[i]): name for i, name in enumerate(table.names)} | {11: "void"}


def check(name: str, root: str | Path | None = None, *, progress: bool = True) -> Report:
    """Decode every file of a data set, in parallel, and compare what must agree. FileNotFoundError with the expected tree when the
    data set is not there at all; everything else is in the report. Street scenes, which have no files: two of each split are drawn."""
    if name not in JOBS:
        raise ValueError(f"unknown data set {name!r}: choose one of {', '.join(JOBS)}")
    start, report = time.monotonic(), Report(name, "")
    if name == "streets":
        _check_streets(report)
    else:
        root, jobs = JOBS[name](root, report)
        report.root = str(root)
        _decode_all(jobs, report, CAMVID if name == "camvid" else CITYSCAPES, progress)
        if not report.sizes:
            report.problems.append(f"{root}: not one picture or label map was found")
        if report.problems:
            report.tree = camvid.TREE if name == "camvid" else cityscapes.TREE
    report.seconds = time.monotonic() - start
    return report


def _camvid_jobs(root, report: Report) -> tuple[Path, list[Job]]:
    root, jobs = camvid.find_root(root), []
    for split in camvid.SPLITS:
        try:
            images, labels = files.list_stems(root / split), files.list_stems(root / f"{split}annot", (".png",))
        except (OSError, ValueError) as error:
            report.problems.append(str(error))
            continue
        jobs += _paired(split, images, {"labels": labels}, report, lambda name: "")
    return root, jobs


def _cityscapes_jobs(root, report: Report) -> tuple[Path, list[Job]]:
    root, jobs = cityscapes.find_root(root), []
    for folder in ("train", "val", "test", "train_extra"):
        images = cityscapes.list_images(root, folder)
        annotations = ("coarse",) if folder == "train_extra" else ("fine", "coarse")
        for annotation in annotations:
            labels = cityscapes.list_labels(root, folder, annotation)
            instances = cityscapes.list_labels(root, folder, annotation, "instanceIds")
            maps = {"labels": labels} | ({"instances": instances} if instances else {})
            if annotation == "coarse" and folder != "train_extra":
                jobs += _paired(f"{folder} coarse", images, maps, report, cityscapes.city_of, decode_images=False) if labels else []
            elif images or labels:
                jobs += _paired(folder, images, maps, report, cityscapes.city_of, needed=folder != "test")
    return root, jobs


JOBS = {"camvid": _camvid_jobs, "cityscapes": _cityscapes_jobs, "streets": None}


def _paired(split, images, maps, report, city_of, *, decode_images=True, needed=True) -> list[Job]:
    """Jobs of one split; files without their partner go to the problems. Official test has dummy label maps or none: not needed."""
    for labels in maps.values():
        if needed or labels:
            try:
                files.check_pairs(images, labels, f"{report.name} {split}")
            except ValueError as error:
                report.problems.append(str(error))
    kinds = ({"image": images} if decode_images else {}) | maps
    if decode_images:
        report.images[split] = Counter(map(city_of, images))
    report.label_maps[split] = Counter(map(city_of, maps["labels"]))
    report.images.setdefault(split, Counter())
    return [Job(split, city_of(name), name, kind, path) for kind, group in kinds.items() for name, path in group.items()]


def _decode(job: Job, table: LabelTable):
    """-> (size, pixels per id (256,) or None, problem or None)."""
    try:
        if job.kind == "labels":
            ids = files.read_labels(job.path)
            counts = torch.bincount(ids.flatten(), minlength=256).numpy()
            files.check_ids(counts, table, job.path)
            return tuple(ids.shape), counts, None
        read = files.read_image if job.kind == "image" else files.read_instances
        return tuple(read(job.path).shape[-2:]), None, None
    except (OSError, ValueError) as error:
        return None, None, str(error)


def _decode_all(jobs: list[Job], report: Report, table: LabelTable, progress: bool) -> None:
    sizes, threads, start = {}, torch.get_num_threads(), time.monotonic()
    with ThreadPoolExecutor() as pool:  # threads do: decoding and checksums let go of Python's lock
        torch.set_num_threads(1)
        try:
            for i, (job, (size, counts, problem)) in enumerate(zip(jobs, pool.map(lambda job: _decode(job, table), jobs)), 1):
                if problem:
                    report.problems.append(problem)
                    continue
                report.sizes[f"{size[1]}x{size[0]}"] += 1
                report.pixels += 0 if counts is None else counts
                first = sizes.setdefault(job.name, (size, job.path))
                if first[0] != size:
                    report.problems.append(f"{job.path} is {size[1]}x{size[0]}, but {first[1].name} is {first[0][1]}x{first[0][0]}")
                if progress:
                    _progress(i, len(jobs), start)
        finally:
            torch.set_num_threads(threads)


def _progress(done: int, total: int, start: float) -> None:
    if sys.stderr.isatty() and (done % 10 == 0 or done == total):
        left = (time.monotonic() - start) / done * (total - done)
        bar = "#" * (30 * done // total)
        print(f"[{bar:<30}] {done}/{total}, {left:.0f} s left ", end="\n" if done == total else "\r", file=sys.stderr, flush=True)


def _check_streets(report: Report) -> None:
    from seglib.data.streets import Streets

    for split in ("train", "val", "test"):
        scenes = Streets(split, "fine")
        report.images[split] = report.label_maps[split] = Counter({"": len(scenes.names)})
        for i in range(min(2, len(scenes.names))):
            image, (target, instances) = scenes.image(i), scenes.truth(i)
            counts = torch.bincount(target.flatten(), minlength=256).numpy()  # per train id
            report.sizes[f"{image.shape[2]}x{image.shape[1]}"] += 1
            np.add.at(report.pixels, CITYSCAPES.to_file, counts)
            if not image.shape[1:] == target.shape == instances.shape:
                report.problems.append(f"streets {split}: image, labels and instances of {scenes.names[i]} differ in size")
            if counts[CITYSCAPES.num_classes : 255].any():
                report.problems.append(f"streets {split}: {scenes.names[i]} has train ids above 18")
