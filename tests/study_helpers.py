"""Made-up records for the tests of study, tables and command line: scores on demand, nothing is trained."""

import numpy as np

from seglib import records
from seglib.records import Record, Scores
from seglib.study.job import SCORED
from seglib.study.plans import jobs
from seglib.study.profiles import CONVNET_RATES, RATES
from seglib.training import TrainConfig, resolve, run_name, to_dict

IMAGES = 6


def counts(miou: float, labels: str = "camvid", seed: int = 0) -> Scores:
    """Counts of IMAGES pictures whose mean IoU is about `miou`, each class as frequent as the others."""
    classes = 19 if labels == "cityscapes" else 11
    rng = np.random.default_rng((seed, round(1000 * miou)))
    per_image = []
    for _ in range(IMAGES):
        recall = np.clip(2 * miou / (1 + miou) + rng.normal(0, 0.02, classes), 0.01, 0.99)
        matrix = np.zeros((classes, classes + 1), np.int64)
        for k in range(classes):
            right = round(1000 * recall[k])
            matrix[k, k], matrix[k, (k + 1) % classes] = right, 1000 - right
        per_image.append(matrix)
    total = sum(per_image)
    tp = np.array([np.diag(matrix) for matrix in per_image])
    fp = np.array([matrix[:, :classes].sum(0) - np.diag(matrix) for matrix in per_image])
    fn = np.array([matrix.sum(1) - np.diag(matrix) for matrix in per_image])
    return Scores(total, tp, fp, fn, labels=labels)


def record(config: TrainConfig, val: float = 0.3, test: float = 0.3) -> Record:
    """A finished run of `config` with the val mIoU and test scores asked for."""
    labels = "camvid" if config.dataset == "camvid" else "cityscapes"
    found = {} if config.final == "none" else {split: counts(test, labels, seed=config.seed) for split in ("val", "test")}
    history = [
        {"epoch": 1, "val_miou": val / 2, "grad_norm": 2.0, "loss": 1.0},
        {"epoch": 2, "val_miou": val, "grad_norm": 1.0, "loss": 0.5},
    ]
    cost = {"seconds": 10.0, "train_seconds": 8.0, "images_per_second": 20.0, "parameters": 1_930_000, "milliseconds_per_image": 5.0}
    known = to_dict(resolve(config))
    return Record(run_name(config), known, history, found, cost, {"device": "CPU, 2 threads", "torch": "2", "python": "3"})


def in_the_middle(config: TrainConfig) -> tuple[float, float]:
    """Val and test mIoU of a run: every sweep is won by the middle of the rates it starts with, so that none goes on."""
    key = "sgd" if config.optimiser == "sgd" else config.model
    return (0.3 if config.lr == RATES.get(key, CONVNET_RATES)[1] else 0.2), 0.3


def fake_train(log=None, scores=in_the_middle, fails=()):
    """A stand-in for training.train: writes a record at once. scores: config -> (val, test); fails: names that raise."""

    def train(config, *, folder, force=False, progress=True, tensorboard=False):
        name = run_name(config)
        if log is not None:
            log.append(name)
        if name in fails:
            raise fails[name]
        made = record(config, *scores(config))
        records.save(made, folder / f"{name}.json")
        return made

    return train


def finish(profile: str, dataset: str, scores=in_the_middle) -> dict[str, Record]:
    """Records of every run of a profile on one data set, sweeps first, as if all had been trained."""
    found: dict[str, Record] = {}
    while True:
        open_jobs = [job for job in jobs(profile, dataset, found) if not job.waits and job.name not in found and job.role not in SCORED]
        if not open_jobs:
            return found
        for job in open_jobs:
            found[job.name] = record(job.config, *scores(job.config))
