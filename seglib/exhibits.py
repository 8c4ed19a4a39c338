"""Small arrays that figures need of trained weights: predicted label maps, attention, logits. Made once, kept with the records."""

import contextlib
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from seglib import data, evaluation, plots, records, scores, study, training
from seglib.data import files
from seglib.labels import IGNORE
from seglib.models import attention
from seglib.study import measures, sweeps
from seglib.study.store import RESULTS, ROOT, SMALL
from seglib.tables.names import INHERITED

EVERY = 4  # label maps are kept at a quarter of the size: every fourth pixel of 2048x1024
CENTRE = EVERY // 2
EVERY_OF_CAMVID = 2  # of 480x360
SCENE = 3  # of the validation split: the picture for attention
POINTS = {"road": (0.85, 0.45), "left": (0.4, 0.1)}


def network(page, record: records.Record, experiment: str = "architectures") -> tuple[torch.nn.Module, training.TrainConfig]:
    """The trained network of a record. FileNotFoundError where its weights are on another machine."""
    return training.load_model(_folder_of_weights(page, [record], experiment), record.name)


def _folder_of_weights(page, wanted: list[records.Record], experiment: str = "architectures") -> Path:
    """The folder with the weights of all these runs: asked before pictures are drawn for them, which takes minutes."""
    folder = study.folder(study.origin(page.profile, page.dataset, experiment), page.dataset)
    for record in wanted:
        if not (Path(folder) / record.name / "weights.pt").is_file():
            raise FileNotFoundError(f"{record.name}: its weights are not in {folder}; they stay on the machine that trained them")
    return folder


def scenes(indices: list[int], split: str = "test") -> list[np.ndarray]:
    """Street scenes as (3, H/4, W/4) uint8, mean of each 4x4 block: the pictures beside the kept label maps."""
    source = data.source("streets", split)
    images = (source.image(index).float() for index in indices)
    return [torch.nn.functional.avg_pool2d(image, EVERY).round().byte().numpy() for image in images]


def full_scene(index: int, split: str = "test") -> np.ndarray:
    """A street scene at its own size, (H, W, 3) uint8."""
    return data.source("streets", split).image(index).permute(1, 2, 0).numpy()


def final(page) -> tuple[str, dict[str, list[records.Record]]]:
    """The longest runs that all families have on the page's data set: "longer" or "architectures", and {model: its seeds}."""
    groups = {}
    if page.profile == "published" or "longer" in study.profile(page.profile).experiments:  # others show no runs but their own
        with contextlib.suppress(FileNotFoundError):
            groups = study.groups(page.profile, page.dataset, "longer")
    experiment, groups = ("longer", groups) if set(study.MODELS) <= set(groups) else ("architectures", page.groups("architectures"))
    return experiment, {name: groups[name] for name in study.MODELS if name in groups}


def predictions(page) -> dict[str, np.ndarray]:
    """Label maps of the best, the median and the worst test image by image mIoU, averaged over the runs of `final`; of a family that took
    another rate in longer runs, over those at the short runs' rate, so that the choice of a rate does not choose the pictures anew.

    "indices" (3,), "truth" (3, H/4, W/4) and {model: (3, H/4, W/4)} of each model's first seed, uint8; "run/<model>" is its record's name.
    """
    experiment, arms = final(page)
    indices = _by_rule(record for found in _at_short_rates(page.groups(experiment), arms).values() for record in found)
    maps = _maps(page, arms, experiment, indices)
    return {"indices": np.array(indices), "truth": _small([data.source(page.dataset, "test").truth(index)[0] for index in indices])} | maps


def longest(page) -> dict[str, np.ndarray]:
    """As `predictions`, of the first seed of each family's longer run, by which the images are chosen too; (3, H/2, W/2) each, without
    the truth: label maps of CamVid may not be passed on."""
    arms = {name: found for name, found in page.groups("longer").items() if name in study.MODELS}
    if not arms:
        raise FileNotFoundError(f"no runs of the longer recipe on {page.dataset}")
    indices = _by_rule(found[0] for found in _at_short_rates(page.groups("longer"), arms).values())
    return {"indices": np.array(indices)} | _maps(page, arms, "longer", indices, EVERY_OF_CAMVID)


def _at_short_rates(groups: dict[str, list[records.Record]], arms: dict[str, list[records.Record]]) -> dict[str, list[records.Record]]:
    """The arms, of a family that took another rate than the short runs' those at that one."""
    return {name: groups.get(name + INHERITED, found) for name, found in arms.items()}


def _maps(page, arms: dict[str, list[records.Record]], experiment: str, indices: list[int], every: int = EVERY) -> dict[str, np.ndarray]:
    """{model: label maps of these test images by its first seed, "run/<model>": the record's name}. Where weights are on another machine,
    what is published of one of its seeds and these images, or the next seed whose weights are here; FileNotFoundError where there is
    none, or where all weights are elsewhere."""
    images = functools.cache(lambda: [data.source(page.dataset, "test").image(index) for index in indices])  # takes minutes: where needed
    found, elsewhere = {}, 0
    old = dict(np.load(published)) if (published := RESULTS / page.dataset / "predictions.npz").is_file() else {}
    same = np.array_equal(old.get("indices", []), indices)
    for name, seeds in arms.items():
        kept = [record for record in seeds if same and record.name == str(old.get(f"run/{name}"))]
        try:
            record, (model, config) = _first_with_weights(page, seeds[:1] if kept else seeds, experiment)
            found[name] = _small(_label_maps(model, config, images()), every)
        except FileNotFoundError:
            elsewhere += 1
            if not kept or elsewhere == len(arms):
                raise
            record, found[name] = kept[0], old[name]
        found[f"run/{name}"] = np.array(record.name)
    return found


def _first_with_weights(page, runs: list[records.Record], experiment: str):
    """The first of the runs whose weights are on this machine and its `network`; FileNotFoundError where none is."""
    for record in runs[:-1]:
        with contextlib.suppress(FileNotFoundError):
            return record, network(page, record, experiment)
    return runs[-1], network(page, runs[-1], experiment)


def _by_rule(runs) -> list[int]:
    """Indices of the best, the median and the worst test image by image mIoU, averaged over the runs."""
    return list(plots.by_rule(np.mean([np.nanmean(scores.image_iou(record.scores["test"]), axis=1) for record in runs], axis=0)).values())


def _label_maps(model: torch.nn.Module, config: training.TrainConfig, images: list[torch.Tensor]) -> list[np.ndarray]:
    return [evaluation.predict(model, image, size=config.size)[0] for image in images]


def _small(labels, every: int = EVERY) -> np.ndarray:
    return np.stack([np.asarray(label)[every // 2 :: every, every // 2 :: every] for label in labels])


def looks(page) -> dict[str, np.ndarray]:
    """What the page's trained ViT attends to in validation scene SCENE, from POINTS (row, column as parts of the picture).

    "maps/<name>/<block>" (h, w) mean over heads; "distance" (blocks, heads) in pixels of the resized image; "positions" (h, w, h, w) is
    the similarity of the position embeddings at every second place.
    """
    model, config = network(page, page.groups("architectures")["vit"][0])
    return attention_arrays(model, evaluation.resized(data.source("streets", "val").image(SCENE), config.size), POINTS)


def attention_arrays(model, image: torch.Tensor, points: dict[str, tuple[float, float]]) -> dict[str, np.ndarray]:
    """As `looks`, of any ViT and one uint8 image (3, H, W)."""
    batch = training.normalise(image[None], model)
    kept, distances = {}, []
    for block in range(model.depth):
        maps = attention.attention_maps(model, batch, block)  # (1, heads, h, w, h, w)
        distances.append(attention.attention_distance(maps).numpy())
        for name, (row, column) in points.items():
            place = int(row * maps.shape[2]), int(column * maps.shape[3])
            kept[f"maps/{name}/{block}"] = maps[0, :, *place].mean(0).numpy().astype(np.float32)
    positions = attention.position_similarity(model).numpy()
    return kept | {"distance": np.stack(distances), "positions": positions[::2, ::2].astype(np.float32)}


def checkpoint(page, path: str = "") -> tuple[torch.nn.Module, training.TrainConfig]:
    """A network to look through: a run's folder or weights.pt, by default report/results/small.pt, else the page's own U-Net.

    FileNotFoundError says what was looked for.
    """
    if not path and not SMALL.is_file():
        return network(page, page.groups("architectures")["unet"][0])
    file = _place(path) if path else SMALL
    file = file / "weights.pt" if file.is_dir() else file
    if not file.is_file():
        raise FileNotFoundError(f"checkpoint={path!r}: no such file; name a run's folder below runs/, or its weights.pt")
    return training.load_file(file)


OTHERS = (".heic", ".heif", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".dng")  # pictures that are not read here


def _place(words: str) -> Path:
    """A path as it was given, from this folder or, where nothing is there, from the project's; ~ is the user's own folder."""
    path = Path(words).expanduser()
    return path if path.exists() else ROOT / path


def photographs(photos: str = "", limit: int = 6) -> tuple[dict[str, torch.Tensor], str]:
    """{file name: (3, H, W) uint8} of a folder's JPEG and PNG files, sorted, the first `limit`, or of a single file; and a line that names
    the pictures that could not be read, "" without any. Without a name three street scenes.

    Larger ones are made smaller until their longer side is at most 2048 px. FileNotFoundError and ValueError name folder and reason.
    """
    if not photos:
        source = data.source("streets", "val")
        return {source.names[i]: source.image(i) for i in range(min(3, limit))}, ""
    place, found, unread = _place(photos), {}, {}
    if not place.exists():
        raise FileNotFoundError(f"photos={photos!r}: neither a folder nor a file; give the path of a folder with JPEG or PNG files")
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    for path in (path for path in paths if not path.name.startswith(".") and path.suffix.lower() in (*files.IMAGES, *OTHERS)):
        try:
            if path.suffix.lower() in OTHERS:
                raise ValueError(f"{path.suffix[1:].upper()} is not read here: convert it to JPEG")
            if len(found) < limit:
                found[path.name] = _at_most(files.read_image(path), 2048)
        except (OSError, ValueError) as error:
            unread.setdefault(str(error).removeprefix(f"{path} "), []).append(path.name)
    more = {reason: f" and {len(names) - 5} more" * (len(names) > 5) for reason, names in unread.items()}
    line = "; ".join(f"{', '.join(names[:5])}{more[reason]} ({reason})" for reason, names in unread.items())
    if not found:
        raise ValueError(f"photos={photos!r}: no JPEG or PNG file that can be read: {line or f'{len(paths)} other entries'}")
    return found, f"Not read: {line}." if line else ""


def _at_most(image: torch.Tensor, longest: int) -> torch.Tensor:
    """Photographs of today have 12 million pixels and more: what is shown and trained at is far smaller."""
    scale = max(image.shape[-2:]) / longest
    return image if scale <= 1 else evaluation.resized(image, tuple(round(side / scale) for side in image.shape[-2:]))


def halving(page) -> dict:
    """The original's sweep by successive halving on the page's small U-Net: grid, and {setting: [[images, val mIoU], ...]}.

    36 settings in 4 rounds; 4 in 2 rounds in the smoke profile. Test is not looked at.
    """
    small = page.profile == "smoke"
    grid = {"lr": (1e-3, 1e-4), "gamma": (1.0, 0.1)} if small else sweeps.ORIGINAL_GRID
    base = training.from_dict(page.groups("losses")["cross_entropy"][0].config)
    base = replace(base, schedule="step", step_epochs=2, seed=0)
    rounds, first = (2 if small else 4), study.profile(page.profile).halving_images
    frame = sweeps.sweep(base, grid, folder=page.output / "halving", rounds=rounds, first_images=first)
    return {"grid": {name: list(values) for name, values in grid.items()}, "curves": sweeps.curves(frame)}


SIZES = (16, 32, 64, 128, 256)  # between the bins of object sizes: square roots of pixels at 2048x1024


def objects(page) -> dict[str, np.ndarray]:
    """How much of an object is found, by its size: "objects" (bins,) in the test split and {model: (seeds, bins)}, the mean share of an
    object's pixels that bear its class. Every fourth pixel of both axes is looked at; an object of none of them is left out."""
    arms = {name: found for name, found in page.groups("architectures").items() if name in study.MODELS}
    _folder_of_weights(page, [record for found in arms.values() for record in found])
    count = len(next(iter(arms.values()))[0].scores["test"].tp)
    source = data.source(page.dataset, "test")
    pictures = [(source.image(i), *(np.asarray(part)[CENTRE::EVERY, CENTRE::EVERY] for part in source.truth(i))) for i in range(count)]
    kept = {"objects": sum(np.bincount(_bins(truth, instances)[1], minlength=len(SIZES) + 1) for _, truth, instances in pictures)}
    for name, found in arms.items():
        kept[name] = np.array([_found_by_size(*network(page, record), pictures) for record in found])
    return kept


def _bins(truth: np.ndarray, instances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the objects of one picture whose class is scored (a caravan is void), and the bin of each one's size."""
    ids, pixels = np.unique(instances[(instances >= 1000) & (truth != IGNORE)], return_counts=True)
    return ids, np.digitize(EVERY * np.sqrt(pixels), SIZES)


def _found_by_size(model, config, pictures: list) -> np.ndarray:
    """(bins,) mean share of an object's pixels that are given its class."""
    shares = [[] for _ in range(len(SIZES) + 1)]
    for image, truth, instances in pictures:
        maps = evaluation.logits(model, image, size=config.size)
        right = evaluation.decide(maps, truth.shape, maps.shape[0])[0].cpu().numpy() == truth
        for number, place in zip(*_bins(truth, instances)):
            shares[place].append(right[instances == number].mean())
    return np.array([np.mean(found) if found else np.nan for found in shares])


# What goes with the published records: {data set: {name of the .npz: how it is made}}.
KEPT = {"streets": {"predictions": predictions, "attention": looks, "objects": objects}, "camvid": {"predictions": longest}}


encoder_times = measures.encoder_times


def baselines(page) -> dict:
    """Floors, ceilings, class shares and counts of a profile's pictures, quickly: the keys of report/results/measure-baselines-*.json.

    Shares and the prior are counted at training size, ceilings on the first 16 test pictures at their own size; "grids" are the ceilings
    at the size trained here, as in measure-grids-*.json.
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
    cells = [tuple(side // stride for side in chosen.size[page.dataset]) for stride in (1, 4, 8, 16)]
    return {
        "grids": {f"{h}x{w}": 100 * scores.mean_iou(scores.gridded_truth(truths, (h, w), classes)) for h, w in cells},
        "floors": {name: 100 * scores.mean_iou(matrix) for name, matrix in floors.items()},
        "ceilings": {name: 100 * scores.mean_iou(matrix) for name, matrix in ceilings.items()},
        "shares": {name: 100 * float(n) / float(pixels.sum()) for name, n in zip(train.labels.names, pixels, strict=True)},
        "counts": {"train": len(train), "test": count},
    }
