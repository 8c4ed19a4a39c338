"""Score a model on a data set at the truth's own size, and write what the official Cityscapes scorer reads."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from seglib import errors, records, scores
from seglib.evaluation import outputs

EVERY = 4  # calibration is counted on every fourth pixel of both axes: a sixteenth of the pixels, two thousand million being enough


def evaluate(model, dataset, *, size, mask="logits", progress=None, indices=None, **options) -> records.Scores:
    """Counts of `model` on `dataset`, images at `size` (None: their own), truth at its own size.

    Logits are upsampled bilinearly to the truth's size before the argmax; mask="stretch" takes the argmax first and stretches it
    (nearest), as the original study did. indices: only these samples (a process's share). progress: called with (done, of).
    options: those of outputs.logits. ValueError for an empty data set or a model with other classes.
    """
    indices = range(len(dataset)) if indices is None else indices
    return scores.accumulate(score_images(model, dataset, indices, size=size, mask=mask, progress=progress, **options))


def score_images(model, dataset, indices, *, size, mask="logits", progress=None, **options) -> list[records.Scores]:
    """One Scores (N = 1) per index, as evaluate."""
    check_classes(model, dataset.labels)
    images = []
    for done, index in enumerate(indices):
        images.append(score_image(model, dataset, index, size, mask, options))
        if progress:
            progress(done + 1, len(indices))
    return images


def score_image(model, dataset, index: int, size, mask: str, options: dict) -> records.Scores:
    """Scores of one sample, N = 1."""
    target, instances = dataset.truth(index)
    target = target.numpy()
    maps = outputs.logits(model, dataset[index].image, size=size, **options)
    classes = dataset.labels.num_classes
    if mask == "stretch":
        small, _ = outputs.decide(maps, maps.shape[-2:], classes)
        predicted, confidence = outputs.stretch_nearest(small.cpu().numpy(), target.shape), None
    elif mask == "logits":
        predicted, confidence = (tensor.cpu().numpy() for tensor in outputs.decide(maps, target.shape, classes, EVERY))
    else:
        raise ValueError(f"mask={mask!r}: choose logits or stretch")
    counts = scores.count(
        target, predicted, classes, instances=None if instances is None else instances.numpy(), labels=dataset.labels.name
    )
    if confidence is not None:
        counts.calibration = scores.calibration_counts(target[::EVERY, ::EVERY], predicted[::EVERY, ::EVERY], confidence)
    return counts


def check_classes(model, labels) -> None:
    """ValueError where the model's outputs fit neither the classes of the table nor those and void."""
    outputs = getattr(model, "num_classes", labels.num_classes)
    if outputs not in (labels.num_classes, labels.num_classes + 1):
        raise ValueError(f"the model has {outputs} outputs, the labels of {labels.name} have {labels.num_classes} classes")


def export(model, dataset, folder: Path, *, size, **options) -> list[Path]:
    """Write `<folder>/<name>_pred_labelIds.png` per sample: uint8 label ids of the data set's files at full size, as the official
    scorer and the test server read them. dataset: a data set, or pictures without labels (data.cityscapes.Pictures)."""
    check_classes(model, dataset.labels)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, name in enumerate(dataset.names):
        image, shape = _picture(dataset, index)
        labels, _ = outputs.decide(outputs.logits(model, image, size=size, **options), shape, dataset.labels.num_classes)
        ids = scores.label_ids(labels.cpu().numpy(), dataset.labels.name)
        path = folder / f"{Path(name).name}_pred_labelIds.png"
        with errors.named(path):
            Image.fromarray(np.ascontiguousarray(ids)).save(path)
        paths.append(path)
    return paths


def _picture(dataset, index: int):
    """The image to predict, and the (H, W) of its label map: the truth's where there is one, else the image's own."""
    if hasattr(dataset, "truth"):
        return dataset[index].image, dataset.truth(index)[0].shape
    image = dataset.image(index)
    return image, image.shape[-2:]


def milliseconds(model, size, repeats: int = 3) -> float:
    """Median milliseconds of a forward pass of one image at `size`, after one that does not count."""
    import time

    image, times = torch.zeros(1, 3, *size, dtype=torch.uint8), []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        outputs.forward(model, image).flatten()[0].item()  # reading a number waits for a GPU
        times.append(time.perf_counter() - begun)
    return round(1000 * float(np.median(times[1:])), 2)
