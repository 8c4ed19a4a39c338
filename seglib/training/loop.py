"""The training loop: forward, loss, backward, step; then validation, history and checkpoints around it."""

import contextlib
import functools
import json
import math
import time

import numpy as np
import psutil
import torch
from torch import nn

from seglib import checkpoints, data, evaluation, losses, models, scores
from seglib.evaluation import normalise
from seglib.labels import IGNORE
from seglib.training import batches, optimisation, processes
from seglib.training.config import model_options, to_dict
from seglib.training.interrupt import Stopped, deferred
from seglib.training.progress import Progress

CHECKPOINT_MINUTES = 5
AUX_WEIGHT = 0.4


class NonFinite(FloatingPointError):
    """A loss or a gradient that is not a number: the step was not taken. The message names the images of the batch."""


class WithAux(nn.Module):
    """The model's logits and those of its auxiliary heads in one forward pass, (B, K, H, W) each."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model.forward_aux(images)


def make_loss(config, num_classes: int, counts=None):
    """The loss of `config`: (logits, target, *, reduce=None) -> scalar. `counts` (256,) are the train split's pixels per class."""
    loss = losses.LOSSES[config.loss]
    if config.loss == "weighted_cross_entropy":
        pixels = counts[:num_classes] if config.void == "ignore" else np.append(counts[:num_classes], counts[255])
        loss = functools.partial(loss, weights=losses.median_frequency_weights(pixels))
    if config.void == "class":
        loss = losses.void_as_class(loss, num_classes)
    return loss


def with_aux(loss, output, target):
    """The loss of a forward pass: of the logits, plus AUX_WEIGHT of the auxiliary heads' where there are any."""
    if not isinstance(output, tuple):
        return loss(output, target)
    logits, extra = output
    return loss(logits, target) + AUX_WEIGHT * sum(loss(head, target) for head in extra) / max(len(extra), 1)


def make_model(config, labels) -> nn.Module:
    """The model of `config`, on the CPU, its initial weights a function of the seed. A void class adds one output."""
    torch.manual_seed(config.seed)
    init = config.init if config.init == "random" or config.init.startswith("imagenet") else "random"
    outputs = labels.num_classes + (config.void == "class")
    model = models.build(config.model, outputs, init=init.split(":")[0], **model_options(config))
    model.scored, model.precision = labels.num_classes, config.precision
    return model.double() if config.precision == "float64" else model


def tune(config, accelerator) -> None:
    """Kernels for a GPU. cuDNN's attention is left out: its backward gives NaN with a mask and 64 tokens on Hopper (pytorch#196678)."""
    if config.device != "cuda":
        return
    torch.backends.cuda.enable_cudnn_sdp(False)
    fast = config.precision == "bfloat16"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
    torch.backends.cudnn.benchmark = not config.deterministic
    torch.use_deterministic_algorithms(config.deterministic, warn_only=True)


class Run:
    """Everything of one run in progress: model, optimiser, data, and the state that a checkpoint holds."""

    def __init__(self, config, folder, weights=None):
        self.config, self.folder = config, folder
        self.accelerator = processes.accelerator(config.device)
        tune(config, self.accelerator)
        self.device = self.accelerator.device
        train_set = data.load(config.dataset, "train", annotation=config.annotation, size=config.size, limit=config.train_limit)
        val_set = data.load(config.dataset, "val", size=config.size, limit=config.val_limit)
        self.labels = train_set.labels
        chosen = batches.subset(config.seed, config.fraction, len(train_set)) if config.fraction < 1 else None
        self.train_set, self.val_set = batches.Source(train_set, self.device, chosen), batches.Source(val_set, self.device)
        self.plan = batches.Plan(config, len(self.train_set), self.accelerator.process_index, self.accelerator.num_processes)
        counts = self.train_set.class_counts(self.labels.num_classes) if config.loss == "weighted_cross_entropy" else None
        self.loss = make_loss(config, self.labels.num_classes, counts)  # of one process's images
        self.model = make_model(config, self.labels)
        if weights is not None:
            weights(self.model)
        self.model.to(self.device)
        if config.device == "cuda":
            self.model.to(memory_format=torch.channels_last)
        self.optimiser = optimisation.make_optimiser(config, self.model)
        self.average = optimisation.Average(self.model, config.ema) if config.ema else None
        self.step, self.history, self.sums, self.seconds = 0, [], [0.0, 0.0, 0], 0.0
        self.best_score, self.best_epoch, self.best = -1.0, 0, None
        self.peak_memory = 0.0

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return self.accelerator.is_main_process

    @property
    def scored_model(self) -> nn.Module:
        return self.average.model if self.average else self.model

    def state(self) -> dict:
        """What a checkpoint holds: plain numbers, strings and tensors. Order, augmentation, dropout and rates follow from the step."""
        keys = ("step", "history", "sums", "seconds", "best_score", "best_epoch", "best", "peak_memory")
        state = {key: getattr(self, key) for key in keys} | {"config": json.dumps(to_dict(self.config))}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        return state | ({"average": self.average.model.state_dict()} if self.average else {})

    def restore(self, state: dict) -> None:
        """Continue from a checkpoint's state. ValueError where it belongs to another config."""
        if json.loads(state["config"]) != to_dict(self.config):
            raise ValueError(f"{self.folder}: its checkpoint is of another config; delete the folder or use force=True")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average:
            self.average.model.load_state_dict(state["average"])
        for key in ("step", "history", "sums", "seconds", "best_score", "best_epoch", "best", "peak_memory"):
            setattr(self, key, state[key])

    def network(self) -> nn.Module:
        """What the loop calls: the model with its auxiliary heads, compiled on a GPU, wrapped for several processes."""
        network = WithAux(self.model) if self.config.aux else self.model
        if self.config.compile == "yes" or (self.config.compile == "auto" and self.config.device == "cuda"):
            network = torch.compile(network)
        if self.accelerator.num_processes > 1:
            if self.config.device == "cuda":
                network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
            network = self.accelerator.prepare_model(network)
        return network

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16")


def fit(run: Run, *, progress: bool = True, board=None) -> None:
    """Train `run` from its step to its last one. Stopped after a signal, NonFinite before a step that would poison the weights."""
    config, plan, network, pooled = run.config, run.plan, run.network(), processes.pooled(run.loss)
    bar = Progress(run.folder.name, plan.steps, plan.images_per_step, math.ceil(plan.steps / plan.steps_per_epoch), start=run.step,
                   shown=progress and run.main)  # fmt: skip
    saved, cost = time.monotonic(), 0.0
    with deferred() as signals:
        for step, parts in batches.stream(config, run.train_set, plan, run.step):
            begun = time.monotonic()
            batches.seed_dropout(config.seed, step, plan.rank)
            lr, momentum = optimisation.rates(config, step, plan.steps, plan.steps_per_epoch)
            optimisation.set_rates(run.optimiser, lr, momentum)
            network.train()
            if config.freeze_batch_norm:
                optimisation.freeze_batch_norm(network)
            value = 0.0
            for part, batch in enumerate(parts):
                with run.autocast(), sync(run, network, last=part + 1 == len(parts)):
                    logits = network(normalise(batch.images, run.model))  # (B, K, h, w)
                    loss = with_aux(pooled, logits, batch.targets) / len(parts)
                    run.accelerator.backward(loss)
                value += loss.detach()
            norm = nn.utils.clip_grad_norm_(run.model.parameters(), config.clip or math.inf)
            value, norm = torch.stack([value, norm.to(value.dtype)]).tolist()  # on a GPU, the step's one wait for the device
            guard(value, norm, step, parts, run)
            run.optimiser.step()
            run.optimiser.zero_grad(set_to_none=True)
            if run.average:
                run.average.update(run.model, step)

            run.step = step + 1
            run.sums = [run.sums[0] + value, run.sums[1] + norm, run.sums[2] + 1]
            run.seconds += time.monotonic() - begun
            bar.update(run.step, plan.epoch(step), run.sums[0] / run.sums[2])
            stop = processes.total(signals.received, run.device)
            last = run.step == plan.steps
            epoch_ends = run.step % plan.steps_per_epoch == 0 or last
            if epoch_ends:
                row = end_epoch(run, lr)
                bar.end_epoch(run.step, plan.epoch(step), row["loss"], row["val_miou"] if row["val_miou"] is not None else math.nan)
                if board:
                    write_board(board, row)
            # Every epoch, unless writing takes seconds (a large model on a fast GPU): then a twentieth of the time; and every few minutes.
            since = time.monotonic() - saved
            if stop or last or (epoch_ends and (cost < 1 or since > 20 * cost)) or since > 60 * CHECKPOINT_MINUTES:
                cost = save(run)
                saved = time.monotonic()
            if stop:
                bar.close(f"stopped after step {run.step} of {plan.steps}; start it again to continue")
                raise Stopped(f"{run.folder.name}: stopped after step {run.step} of {plan.steps}; start it again to continue")
            if epoch_ends and config.patience and len(run.history) - run.best_epoch >= config.patience:
                break


def save(run: Run) -> float:
    """Write a checkpoint in the main process. Returns the seconds it took."""
    begun = time.monotonic()
    if run.main:
        checkpoints.save(run.folder, run.step, run.state())
    run.accelerator.wait_for_everyone()
    return time.monotonic() - begun


def sync(run: Run, network: nn.Module, *, last: bool):
    """Processes exchange gradients in the last batch of a step only."""
    return contextlib.nullcontext() if last or run.accelerator.num_processes == 1 else run.accelerator.no_sync(network)


def guard(loss: float, norm: float, step: int, parts, run: Run) -> None:
    """NonFinite, with the files of the step, where its loss or gradient is not finite."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    names = ", ".join(name for batch in parts for name in batch.names)
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
    raise NonFinite(f"{run.folder.name}: {what} at step {step + 1}, which was not taken. Images: {names}. Lower lr, or look at these files")


def end_epoch(run: Run, lr: float) -> dict:
    """Score val at training size and add a row to the history."""
    loss, norm, steps = run.sums
    matrix, val_loss = validate(run, run.scored_model)
    iou = scores.iou(matrix)
    score = float(scores.mean_iou(matrix))
    row = {"epoch": len(run.history) + 1, "step": run.step, "images": run.step * run.plan.images_per_step, "loss": loss / steps,
           "lr": lr, "grad_norm": norm / steps, "val_miou": score, "val_loss": val_loss, "val_iou": np.round(iou, 5).tolist(),
           "seconds": round(run.seconds, 3)}  # fmt: skip
    run.history.append(finite(row))
    run.sums = [0.0, 0.0, 0]
    run.peak_memory = max(run.peak_memory, memory_mb(run.device))
    if score > run.best_score:
        run.best_score, run.best_epoch = score, len(run.history)
        if run.config.select == "best":
            run.best = {key: value.detach().cpu().clone() for key, value in run.scored_model.state_dict().items()}
    return run.history[-1]


@torch.no_grad()
def validate(run: Run, model: nn.Module) -> tuple[np.ndarray, float]:
    """Confusion matrix (K, K+1) and mean loss of the val split at training size; each process takes a share of the images."""
    processes.share_buffers(model)
    classes, source = run.labels.num_classes, run.val_set
    matrix, loss, seen = np.zeros((classes, classes + 1), np.int64), 0.0, 0
    rows = range(run.plan.rank, len(source), run.plan.world)
    for start in range(0, len(rows), run.config.batch_size):
        chosen = list(rows[start : start + run.config.batch_size])
        images, targets = source.get(chosen)
        logits = evaluation.forward(model, images)
        loss += run.loss(logits, targets).item() * len(chosen)
        seen += len(chosen)
        labels = logits.argmax(1).to(torch.uint8)
        labels[labels >= classes] = IGNORE  # void, trained as one more class, was predicted
        matrix += scores.confusion(targets.cpu().numpy(), labels.cpu().numpy(), classes)
    matrix = sum(processes.gathered([matrix]))
    return matrix, processes.total(loss, run.device) / processes.total(seen, run.device)


def finite(value):
    """NaN and infinity become None, as JSON wants it."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def memory_mb(device: torch.device) -> float:
    """Peak memory of the GPU's tensors, or what this process takes now, in MB."""
    taken = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else psutil.Process().memory_info().rss
    return round(taken / 2**20, 1)


def write_board(board, row: dict) -> None:
    """One epoch as TensorBoard scalars."""
    for key in ("loss", "lr", "grad_norm", "val_miou", "val_loss"):
        if row[key] is not None:
            board.add_scalar(key, row[key], row["step"])
