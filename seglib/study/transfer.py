"""Scoring finished runs anew: on a data set they were not trained on, over the 11 classes that both can name, and on locked pictures."""

import time
from pathlib import Path

import numpy as np

from seglib import data, evaluation, scores, training
from seglib import records as files
from seglib.labels import CAMVID, CITYSCAPES_TO_CAMVID
from seglib.records import Record, Scores
from seglib.study.job import Job


def transfer(job: Job, source: Path, target: Path, limit: int | None) -> Record:
    """Score the finished run `job.config` of folder `source` on the first `limit` test pictures of `job.target` -> record in `target`."""
    started = time.monotonic()
    model, config = training.load_model(source, training.run_name(job.config))
    found = on_shared_classes(model, config, data.load(job.target, "test", limit=limit))
    return save(found, config, job.name, target, seconds=round(time.monotonic() - started, 3))


def locked(job: Job, folder: Path, begin: int, count: int) -> Record:
    """Score the finished run `job.config` of `folder` on `count` test pictures from number `begin` on -> record beside it."""
    started = time.monotonic()
    model, config = training.load_model(folder, training.run_name(job.config))
    dataset = data.load(job.target, "test", size=config.size, limit=begin + count)
    found = evaluation.evaluate(model, dataset, size=config.size, indices=range(begin, len(dataset)))
    return save(found, config, job.name, folder, seconds=round(time.monotonic() - started, 3))


def save(found: Scores, config: training.TrainConfig, name: str, folder: Path, **cost) -> Record:
    """Keep the test counts of a finished run on other pictures as the record <folder>/<name>.json, with the run's settings."""
    record = Record(name, training.to_dict(training.resolve(config)), scores={"test": found}, cost=cost)
    files.save(record, Path(folder) / f"{name}.json")
    return record


def on_shared_classes(model, config, dataset) -> Scores:
    """Counts over CamVid's 11 classes. Truth and prediction in 19 classes are mapped by table, the prediction after its argmax."""
    return scores.accumulate(_image(model, config, dataset, i) for i in range(len(dataset)))


def _image(model, config, dataset, i: int) -> Scores:
    truth = np.asarray(dataset.truth(i)[0])
    maps = evaluation.logits(model, dataset[i].image, size=config.size)
    predicted = evaluation.decide(maps, truth.shape, data.table(config.dataset).num_classes)[0].cpu().numpy()
    if dataset.labels.num_classes != CAMVID.num_classes:
        truth = CITYSCAPES_TO_CAMVID[truth]
    if config.dataset != "camvid":
        predicted = CITYSCAPES_TO_CAMVID[predicted]
    return scores.count(truth, predicted, CAMVID.num_classes, labels="camvid")
