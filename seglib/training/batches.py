"""Which images make up which step, and how they reach the device: a function of (seed, epoch, index), so any step can be repeated."""

import concurrent.futures
from typing import NamedTuple

import numpy as np
import psutil
import torch

from seglib.data import transforms

TIMEOUT = 600  # seconds without a batch, after which reading is taken to hang
_STREAM = 2**31  # no epoch: keeps these random streams apart from the transforms', which start from (seed, epoch, index)
_ORDER, _SUBSET, _DROPOUT = 0, 1, 2


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of `count` items in `epoch`, (count,) int64."""
    return np.random.default_rng([seed, _STREAM, _ORDER, epoch]).permutation(count)


def subset(seed: int, fraction: float, count: int) -> list[int]:
    """`fraction` of `count` items, at least one: the first of a seeded order, so that smaller fractions lie in larger ones."""
    order = np.random.default_rng([seed, _STREAM, _SUBSET]).permutation(count)
    return sorted(order[: max(1, round(fraction * count))].tolist())


def seed_dropout(seed: int, step: int, rank: int) -> None:
    """Dropout is a function of (seed, step, process), so checkpoints need no generator state."""
    number = int(np.random.SeedSequence([seed, _STREAM, _DROPOUT, step, rank]).generate_state(1)[0])
    # Without a GPU in use, manual_seed would note down the call stack for the day there is one: most of its time.
    if torch.cuda.is_initialized():
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


class Batch(NamedTuple):
    images: torch.Tensor  # (B, 3, h, w) uint8, on the device, augmented
    targets: torch.Tensor  # (B, h, w) uint8
    names: list[str]


class Plan:
    """How many steps a run has and which items each one takes.

    `items` counts the training images of an epoch (twice the images where transformed copies are appended). Every process of a
    distributed run takes its own share of each batch.
    """

    def __init__(self, config, count: int, rank: int = 0, world: int = 1):
        self.seed, self.count = config.seed, count
        self.items = count * (2 if config.augmentation == "append" else 1)
        # The last, incomplete batch is dropped: another one every epoch. A set smaller than a batch is one batch.
        self.batch = min(config.batch_size, self.items)
        self.accumulate = min(config.accumulate, self.items // self.batch)
        if self.batch % world:
            raise ValueError(f"batch_size={self.batch} cannot be shared by {world} processes: choose a multiple of {world}")
        self.rank, self.world = rank, world
        self.images_per_step = self.batch * self.accumulate
        self.steps_per_epoch = self.items // self.images_per_step
        self.steps = config.images // self.images_per_step if config.images else config.epochs * self.steps_per_epoch
        self.steps = max(self.steps, 1)
        self._cached = (None, None)

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def indices(self, step: int, part: int) -> np.ndarray:
        """Items of the `part`-th batch of a step that fall to this process."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if self._cached[0] != epoch:
            self._cached = (epoch, epoch_order(self.seed, epoch, self.items))
        start = (within * self.accumulate + part) * self.batch
        return self._cached[1][start : start + self.batch][self.rank :: self.world]


class Source:
    """The uint8 images and targets of a data set (or its items `chosen`): on the device where they fit, else read ahead by threads."""

    def __init__(self, dataset, device, chosen: list[int] | None = None):
        self.dataset, self.device = dataset, torch.device(device)
        self.chosen = list(range(len(dataset))) if chosen is None else chosen
        if not self.chosen:
            raise ValueError(f"{dataset.name} {dataset.split}: no images")
        self.names = [dataset.names[i] for i in self.chosen]
        self.threads = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="images")
        first = dataset[self.chosen[0]]
        bytes_needed = (first.image.numel() + first.target.numel()) * len(self.chosen)
        self.resident = None
        if bytes_needed < _room(self.device):
            self.resident = tuple(part.to(self.device) for part in self._read(range(len(self.chosen))))

    def __len__(self) -> int:
        return len(self.chosen)

    def get(self, rows) -> tuple[torch.Tensor, torch.Tensor]:
        """images (B, 3, h, w) uint8, targets (B, h, w) uint8 of the items `rows`, on the device."""
        if self.resident is None:
            images, targets = self._read(rows)
            return images.to(self.device), targets.to(self.device)
        rows = torch.as_tensor(np.asarray(rows), dtype=torch.int64, device=self.device)
        return tuple(part.index_select(0, rows) for part in self.resident)  # copies rows; indexing goes byte by byte on a CPU

    def _read(self, rows) -> tuple[torch.Tensor, torch.Tensor]:
        samples = list(self.threads.map(lambda row: self.dataset[self.chosen[row]], rows, timeout=TIMEOUT))
        shapes = {tuple(sample.target.shape) for sample in samples}
        if len(shapes) > 1:
            raise ValueError(f"{self.dataset.name}: images of different sizes {sorted(shapes)} cannot form a batch; set size=")
        return torch.stack([sample.image for sample in samples]), torch.stack([sample.target for sample in samples])

    def class_counts(self, num_classes: int) -> np.ndarray:
        """Pixels per class, (256,) int64 with the void's at 255."""
        counts = torch.zeros(256, dtype=torch.int64, device=self.device)
        for start in range(0, len(self), 64):
            targets = self.get(range(start, min(start + 64, len(self))))[1]
            counts += torch.bincount(targets.flatten().to(torch.int64), minlength=256)
        return counts.cpu().numpy()


def _room(device: torch.device) -> int:
    """Bytes that training images may take: a quarter of what is free, for the model needs the rest."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return free // 4


def make_batch(config, source: Source, plan: Plan, step: int, part: int) -> Batch:
    """The augmented batch `part` of optimiser step `step`. With "append", items past the images are the transformed copies."""
    items, epoch, count = plan.indices(step, part), plan.epoch(step), len(source)
    rows = items % count
    images, targets = source.get(rows)
    plain = np.zeros(len(items), bool) if config.augmentation == "replace" else items < count
    options = {"seed": config.seed, "epoch": epoch, "crop": config.crop}
    changing = {"flip": config.flip, "scale": config.scale, "jitter": config.jitter}
    parts = []
    for mask, settings in ((plain, {"flip": False}), (~plain, changing)):
        if mask.any():
            where = torch.as_tensor(np.flatnonzero(mask), device=images.device)
            chosen = (images, targets) if mask.all() else (images.index_select(0, where), targets.index_select(0, where))
            parts.append(transforms.augment(*chosen, indices=items[mask].tolist(), **options, **settings))
    images, targets = (torch.cat(tensors) if len(tensors) > 1 else tensors[0] for tensors in zip(*parts))
    names = [source.names[row] for row in [*rows[plain], *rows[~plain]]]
    return Batch(images, targets, names)


def stream(config, source: Source, plan: Plan, start: int):
    """(step, list of its batches) from step `start` to the last. While a step computes, a thread makes the next one's batches."""

    def make(step):
        return [make_batch(config, source, plan, step, part) for part in range(plan.accumulate)]

    if source.resident is not None:  # gathering resident images takes no time worth a thread
        for step in range(start, plan.steps):
            yield step, make(step)
        return
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        waiting = ahead.submit(make, start)
        for step in range(start, plan.steps):
            try:
                batches = waiting.result(timeout=TIMEOUT)
            except TimeoutError:
                raise RuntimeError(f"{source.dataset.name}: no batch for {TIMEOUT} s at step {step}; is its disk reachable?") from None
            if step + 1 < plan.steps:
                waiting = ahead.submit(make, step + 1)
            yield step, batches
