"""Scoring a model on a data set that it was not trained on, over the 11 classes that both can name."""

import time
from pathlib import Path

import numpy as np

from seglib import data, evaluation, scores, training
from seglib import records as files
from seglib.labels import CAMVID, CITYSCAPES_TO_CAMVID
from seglib.records import Record, Scores
from seglib.study.plans import Job


def transfer(job: Job, source: Path, target: Path, limit: int | None) -> Record:
    """Score the finished run `job.config` of folder `source` on the first `limit` test pictures of `job.target` -> record in `target`."""
    started = time.monotonic()
    model, config = training.load_model(source, training.run_name(job.config))
    found = on_shared_classes(model, config, data.load(job.target, "test", limit=limit))
    config_known = training.to_dict(training.resolve(config))
    record = Record(job.name, config_known, scores={"test": found}, cost={"seconds": round(time.monotonic() - started, 3)})
    files.save(record, target / f"{job.name}.json")
    return record


def on_shared_classes(model, config, dataset) -> Scores:
    """Counts over CamVid's 11 classes. Truth and prediction in 19 classes are mapped by table, the prediction after its argmax."""
    return scores.accumulate(_image(model, config, dataset, i) for i in range(len(dataset)))


def _image(model, config, dataset, i: int) -> Scores:
    image, truth = dataset[i].image, np.asarray(dataset.truth(i)[0])
    predicted = np.asarray(evaluation.predict(model, image, size=config.size)[0])
    if dataset.labels.num_classes != CAMVID.num_classes:
        truth = CITYSCAPES_TO_CAMVID[truth]
    if config.dataset != "camvid":
        predicted = CITYSCAPES_TO_CAMVID[predicted]
    return scores.count(truth, predicted, CAMVID.num_classes, labels="camvid")
