"""A run from its config to its record: find a finished one, lock, resume or start, train, score at full size, keep."""

import contextlib
import json
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import torch

from seglib import checkpoints, data, evaluation, models, records, scores
from seglib.training import loop, processes, state
from seglib.training.config import TrainConfig, from_dict, resolve, run_name, to_dict
from seglib.training.progress import Progress, duration, in_notebook


def train(config: TrainConfig, *, folder, force: bool = False, progress: bool = True, tensorboard: bool = False) -> records.Record:
    """The record of `config` in `folder`: loads a finished run, resumes an interrupted one, trains otherwise.

    Writes `<folder>/<name>.json` (the record) and `<folder>/<name>/weights.pt`; while it trains, checkpoints and a lock there. force
    trains again and replaces a finished run. tensorboard also writes `<folder>/<name>/tensorboard`. Errors: ValueError (a record or
    checkpoint of another config or version), checkpoints.Busy (another process trains it), loop.NonFinite, OSError (disk full,
    folder not writable), interrupt.Stopped after Ctrl-C or SIGTERM, with everything saved.
    """
    config, folder = resolve(config), Path(folder)
    name = run_name(config)
    record = None if force else finished(config, folder)
    if record is not None:
        return record
    weights = _initial_weights(config, folder)
    checkpoints.check_writable(folder / name)
    run = None
    with checkpoints.lock(folder / name) if _main_process() else contextlib.nullcontext():
        record = None if force else finished(config, folder)  # another process may have ended it while this one waited to start
        if record is not None:
            return record
        if force and _main_process():
            checkpoints.clear(folder / name)
        run = state.Run(config, folder / name, weights)
        run.accelerator.wait_for_everyone()
        saved = checkpoints.latest(folder / name)
        if saved is not None:
            run.restore(saved)
        return _finish(run, name, folder, progress, tensorboard)


def _main_process() -> bool:
    return int(os.environ.get("RANK", 0)) == 0


def finished(config: TrainConfig, folder) -> records.Record | None:
    """The record of `config` in `folder`, or None. ValueError where the file under its name holds another config."""
    name = run_name(config)
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        return None
    record = records.load(path)
    found = run_name(from_dict(record.config))
    if found != name:
        raise ValueError(f"{path}: the config in it is that of {found}: it was edited. Restore it, or delete the file to train again")
    return record


def _finish(run: state.Run, name: str, folder: Path, progress: bool, tensorboard: bool) -> records.Record:
    """Train to the end, score at full size, write weights and record, delete the checkpoints."""
    begun = time.monotonic() - run.seconds  # the steps before an interruption count
    board = _board(run.folder / "tensorboard") if tensorboard and run.main else None
    try:
        loop.fit(run, progress=progress, board=board)
    finally:
        if board:
            board.close()
    model = run.scored_model
    if run.config.select == "best" and run.best is not None:
        model.load_state_dict(run.best)
    model.eval()
    bar = Progress(name, 1, 1, 1, shown=progress and run.main)
    found = _score(run, model, bar)
    record = records.Record(name, to_dict(run.config), run.history, found, _cost(run, model, time.monotonic() - begun), _environment(run))
    if run.main:
        kept = {"model": model.state_dict(), "labels": run.labels.name, "config": json.dumps(to_dict(run.config))}
        checkpoints.write(kept, run.folder / "weights.pt")
        keep(record, folder / f"{name}.json")
        checkpoints.clear(run.folder)
    run.accelerator.wait_for_everyone()
    best = max((row["val_miou"] or 0.0 for row in run.history), default=0.0)
    test = f", test {100 * float(scores.mean_iou(found['test'].matrix)):.1f} %" if "test" in found else ""
    bar.close(
        f"done: {len(run.history)} epochs, val mIoU {100 * best:.1f} %{test}" + ("" if in_notebook() else f" ({duration(run.seconds)})")
    )
    return record


def keep(record: records.Record, path: Path) -> None:
    """Write the record. One that is too large, after hundreds of epochs or on many images, is not lost for it: the IoU per class of all
    epochs but the last goes from its history, then every second epoch."""
    while True:
        try:
            return records.save(record, path)
        except records.TooLarge:
            *rows, last = record.history or [{}]
            if any("val_iou" in row for row in rows):
                rows = [{key: value for key, value in row.items() if key != "val_iou"} for row in rows]
            elif rows:
                rows = rows[-2::-2][::-1]
            else:
                raise
            record.history = [*rows, last]


def _score(run: state.Run, model, bar: Progress) -> dict[str, records.Scores]:
    """Scores per split that `final` asks for, at the truth's own size; every process scores its share of the images."""
    config = run.config
    splits = {"full": ("val", "test"), "val": ("val",), "none": ()}[config.final]
    processes.share_buffers(model)
    found = {}
    for split in splits:
        dataset = data.load(config.dataset, split, size=config.size, limit=getattr(config, f"{split}_limit"))
        rank, world = run.plan.rank, run.plan.world

        def show(done, of, split=split):
            bar.note(f"scoring {split}, image {done} of {of}")

        share = range(rank, len(dataset), world)
        images = evaluation.score_images(model, dataset, share, size=config.size, progress=show)
        pairs = sorted(processes.gathered(list(zip(share, images))), key=lambda pair: pair[0])
        found[split] = scores.accumulate(image for _, image in pairs)
    return found


def _cost(run: state.Run, model, seconds: float) -> dict:
    """What the run took: `train_seconds` its steps, over all interruptions; `seconds` also scoring and saving since the last one."""
    images = run.step * run.plan.images_per_step
    return {
        "seconds": round(seconds, 2),
        "train_seconds": round(run.seconds, 2),
        "images": images,
        "images_per_second": round(images / max(run.seconds, 1e-9), 2),
        "parameters": sum(parameter.numel() for parameter in run.model.parameters()),
        "peak_memory_mb": run.peak_memory,
        "milliseconds_per_image": evaluation.milliseconds(model, run.config.size),
    }


def _environment(run: state.Run) -> dict:
    """Device and versions; neither host nor path."""
    cuda = run.device.type == "cuda"
    device = torch.cuda.get_device_name(run.device) if cuda else f"CPU, {torch.get_num_threads()} threads"
    world = run.plan.world
    device = device if world == 1 else f"{world} x {device}"
    found = {"device": device, "torch": torch.__version__, "python": platform.python_version()}
    return found | ({"imagenet": run.imagenet} if run.imagenet else {})


def _board(folder: Path):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ImportError("tensorboard=True needs the package tensorboard: pip install tensorboard, or leave the option out") from None
    return SummaryWriter(folder)


def read_weights(folder, name: str) -> dict:
    """{"model": state dict, "labels": name of the label table, "config": JSON} of the finished run `name`. FileNotFoundError, Damaged."""
    path = Path(folder) / name / "weights.pt"
    if not path.exists():
        again = f"train the run again, with --like {path.parent}.json --force where its record is there"
        raise FileNotFoundError(f"{path}: no weights. The repository keeps records only: {again}")
    return _read(path)


def _read(path: Path) -> dict:
    try:
        return checkpoints.read(path)
    except checkpoints.Damaged as error:
        raise checkpoints.Damaged(f"{error}; restore the file, or train the run again with --force") from None


def load_model(folder, name: str) -> tuple[torch.nn.Module, TrainConfig]:
    """(model in eval mode on its device, config) of the finished run `name` in `folder`; on the CPU where its GPU is missing."""
    return _built(read_weights(folder, name))


def load_file(path) -> tuple[torch.nn.Module, TrainConfig]:
    """As `load_model`, of a file of weights under any name, with its sha256 beside it. Damaged, OSError."""
    return _built(_read(Path(path)))


def _built(kept: dict) -> tuple[torch.nn.Module, TrainConfig]:
    config = from_dict(json.loads(kept["config"]))
    if config.device == "cuda" and not torch.cuda.is_available():
        config = from_dict(to_dict(config) | {"device": "cpu", "precision": "float32"})
    model = state.make_model(replace(config, init="random"), data.table(config.dataset))
    models.load(model, kept["model"])
    return model.to(config.device).eval(), config


def _initial_weights(config: TrainConfig, folder: Path):
    """A function that fills a model with the weights `init` names, or None where models.build does it.

    A run on the same classes gives all its weights; one on other classes its encoder.
    """
    if config.init == "random" or config.init.startswith("imagenet"):
        return None
    kept = read_weights(_folder_of(config.init, folder), config.init)
    void = from_dict(json.loads(kept["config"])).void
    same = kept["labels"] == data.table(config.dataset).name and void == config.void
    return lambda model: (models.load if same else models.load_encoder)(model, kept["model"])


def _folder_of(name: str, folder: Path) -> Path:
    """`folder`, or one beside it that has the weights of the run `name`: its settings make the name, so they are the same anywhere."""
    beside = sorted(path.parents[1] for path in Path(folder).resolve().parent.glob(f"*/{name}/weights.pt"))
    return beside[0] if beside and not (Path(folder) / name / "weights.pt").exists() else Path(folder)
