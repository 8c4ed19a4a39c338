"""What the tests of the scores share: label maps that look like scenes, and five kinds of prediction."""

import numpy as np

VALID_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def scene(seed, size=(48, 96), ids=range(34)):
    """Blocks of label ids (H, W) uint8, and instances (H, W) int32: some objects numbered, some left as a group."""
    rng = np.random.default_rng(seed)
    blocks = rng.choice(np.asarray(list(ids), np.uint8), (size[0] // 8, size[1] // 8))
    label_ids = blocks.repeat(8, 0).repeat(8, 1)
    instances = label_ids.astype(np.int32)
    for n in range(24):
        k = int(rng.choice([24, 25, 26, 27, 28, 29, 30, 31, 32, 33]))
        y, x, h, w = rng.integers(0, size[0]), rng.integers(0, size[1]), *rng.integers(1, 14, 2)
        label_ids[y : y + h, x : x + w] = k
        instances[y : y + h, x : x + w] = k * 1000 + n if n % 4 else k  # every fourth a group
    return label_ids, instances


def predictions(label_ids, seed=0):
    """Five predictions in label ids: the truth, noise, the truth shifted, void in places, one class missing."""
    rng = np.random.default_rng(seed)
    noise = np.where(rng.random(label_ids.shape) < 0.4, rng.integers(0, 34, label_ids.shape), label_ids)
    void = np.where(rng.random(label_ids.shape) < 0.3, rng.integers(0, 7, label_ids.shape), label_ids)
    kinds = {
        "truth": label_ids,
        "noise": noise,
        "shifted": np.roll(label_ids, (3, 5), (0, 1)),
        "void predicted": void,
        "class missing": np.where(label_ids == 26, 7, label_ids),
    }
    return {name: np.asarray(prediction, np.uint8) for name, prediction in kinds.items()}


def pair(seed, classes=5, size=(24, 32), void=0.2, wrong=0.4):
    """Random train ids (H, W) uint8: truth with void, and a prediction that is partly wrong."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, (size[0] // 4, size[1] // 4)).repeat(4, 0).repeat(4, 1)
    prediction = np.where(rng.random(size) < wrong, rng.integers(0, classes, size), target).astype(np.uint8)
    return np.where(rng.random(size) < void, 255, target).astype(np.uint8), prediction
