"""Small arrays that figures need of trained weights: predicted label maps, attention, logits. Made once, kept with the records."""

from pathlib import Path

import numpy as np
import torch

from seglib import data, evaluation, models, records, scores, study, training
from seglib.labels import IGNORE
from seglib.models import attention, cost

EVERY = 4  # label maps are kept at a quarter of the size: every fourth pixel of 2048x1024
CENTRE = EVERY // 2


def network(profile: str, record: records.Record) -> tuple[torch.nn.Module, training.TrainConfig]:
    """The trained network of a record. FileNotFoundError says how to train it again where its weights were not kept."""
    folder = study.folder(profile, record.config["dataset"])
    if not (Path(folder) / record.name / "weights.pt").is_file():
        raise FileNotFoundError(
            f"{record.name}: its weights are not in {folder}: weights stay on the machine that trained them; "
            f"'python -m seglib study --profile {profile} --dataset {record.config['dataset']}' trains what is missing"
        )
    return training.load_model(folder, record.name)


def scenes(indices: list[int], split: str = "test") -> list[np.ndarray]:
    """Street scenes as (3, H/4, W/4) uint8, mean of each 4x4 block: the pictures beside the kept label maps."""
    source = data.source("streets", split)
    shown = []
    for index in indices:
        image = source.image(index).float()
        shown.append(torch.nn.functional.avg_pool2d(image, EVERY).round().byte().numpy())
    return shown


def full_scene(index: int, split: str = "test") -> np.ndarray:
    """A street scene at its own size, (H, W, 3) uint8."""
    return data.source("streets", split).image(index).permute(1, 2, 0).numpy()


def predictions(page, arms: dict[str, list[records.Record]], indices: list[int]) -> dict[str, np.ndarray]:
    """{arm: (n, H/4, W/4) uint8 labels of its first seed} and the truth, for the test images `indices` of the page's data set."""
    source = data.source(page.dataset, "test")
    images = [source.image(index) for index in indices]
    kept = {"truth": np.stack([np.asarray(source.truth(index)[0])[CENTRE::EVERY, CENTRE::EVERY] for index in indices])}
    for name, found in arms.items():
        model, config = network(study.origin(page.profile, page.dataset, "architectures"), found[0])
        labels = [evaluation.predict(model, image, size=config.size)[0] for image in images]
        kept[name] = np.stack([np.asarray(label)[CENTRE::EVERY, CENTRE::EVERY] for label in labels])
    return kept


def looks(page, found: list[records.Record], index: int, points: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """What a trained ViT attends to in validation scene `index`: maps of the named patches (row, column), distances, embeddings.

    "maps/<name>/<block>" (h, w) mean over heads; "distance" (blocks, heads) in pixels of the resized image; "positions" (h, w, h, w) is
    the similarity of the position embeddings at every second place.
    """
    model, config = network(study.origin(page.profile, page.dataset, "architectures"), found[0])
    image = data.source("streets", "val").image(index)
    return attention_arrays(model, evaluation.resized(image, config.size), points)


def attention_arrays(model, image: torch.Tensor, points: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """As `looks`, of any ViT and one uint8 image (3, H, W)."""
    batch = training.normalise(image[None], model)
    kept, distances = {}, []
    for block in range(model.depth):
        maps = attention.attention_maps(model, batch, block)  # (1, heads, h, w, h, w)
        distances.append(attention.attention_distance(maps).numpy())
        for name, (row, column) in points.items():
            kept[f"maps/{name}/{block}"] = maps[0, :, row, column].mean(0).numpy().astype(np.float32)
    positions = attention.position_similarity(model).numpy()
    return kept | {"distance": np.stack(distances), "positions": positions[::2, ::2].astype(np.float32)}


def sample_model(path: Path) -> tuple[torch.nn.Module, training.TrainConfig]:
    """A checkpoint of ours -> its network and settings: a run's folder or its weights.pt."""
    path = Path(path)
    folder = path.parent if path.name == "weights.pt" else path
    if not (folder / "weights.pt").is_file():
        raise FileNotFoundError(f"{path}: no weights.pt there; name a run's folder below runs/<profile>-<data set>/")
    return training.load_model(folder.parent, folder.name)


def edges(truth: np.ndarray, width: int = 2) -> np.ndarray:
    """(n, h, w) labels -> bool: within `width` pixels of another label, void included."""
    maps = torch.from_numpy(np.asarray(truth, np.float32))[:, None]
    side = 2 * width + 1
    largest, smallest = (sign * torch.nn.functional.max_pool2d(sign * maps, side, 1, width) for sign in (1, -1))
    return (largest != smallest)[:, 0].numpy()


def edge_share(truth: np.ndarray) -> float:
    """The share of the labelled pixels that lie near an outline."""
    return float(edges(truth)[truth != IGNORE].mean())


def share_near_edges(truth: np.ndarray, prediction: np.ndarray) -> float:
    """The share of the wrong pixels that lie near an outline; NaN without an error."""
    wrong = (truth != prediction) & (truth != IGNORE)
    return float(edges(truth)[wrong].mean()) if wrong.any() else float("nan")


def encoder_times(sides: tuple[int, ...]) -> dict:
    """Milliseconds of a forward pass of the narrow ViT and Swin at square images, on this device."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "2-core CPU"
    built = {name: models.build(name, 19, width=width).eval() for name, width in (("vit", 192), ("swin", 48))}
    measured = {name: [round(cost.milliseconds(net, (side, side), repeats=3), 2) for side in sides] for name, net in built.items()}
    return {"device": device, "sides": list(sides)} | measured


def baselines(page) -> dict:
    """Floors, ceilings, class shares and counts of a profile's pictures, quickly: the keys of report/results/measure-baselines-*.json.

    Shares and the prior are counted at training size, ceilings on the first 16 test pictures at their own size.
    """
    chosen = study.PROFILES[page.profile]
    train_limit, _, test_limit = chosen.limits[page.dataset]
    train = data.load(page.dataset, "train", size=chosen.size[page.dataset], limit=train_limit)
    test = data.source(page.dataset, "test")
    count, classes = min(16, test_limit or len(test.names), len(test.names)), train.labels.num_classes
    truths = [np.asarray(test.truth(i)[0]) for i in range(count)]
    small = [np.asarray(sample.target) for sample in train]
    pixels = sum(np.bincount(target.ravel(), minlength=256) for target in small)[:classes]
    floors = {"constant": scores.constant_class(truths, classes)[1], "prior": scores.pixel_prior(small, truths, classes)}
    ceilings = {f"x{factor}": scores.subsampled_truth(truths, factor, classes) for factor in (2, 4, 8, 16, 32)}
    return {
        "floors": {name: 100 * scores.mean_iou(matrix) for name, matrix in floors.items()},
        "ceilings": {name: 100 * scores.mean_iou(matrix) for name, matrix in ceilings.items()},
        "shares": {name: 100 * float(n) / float(pixels.sum()) for name, n in zip(train.labels.names, pixels, strict=True)},
        "counts": {"train": len(train), "test": count},
    }
