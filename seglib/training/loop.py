"""The training loop: forward, loss, backward, step (take_step); validation, checkpoints and stopping around it (fit)."""

import contextlib
import ctypes
import math
import sys
import time

import torch
from torch import nn

from seglib import checkpoints
from seglib.training import batches, optimisation, processes
from seglib.training.interrupt import Stopped, deferred
from seglib.training.progress import Progress
from seglib.training.state import Run
from seglib.training.validation import end_epoch, write_board

CHECKPOINT_MINUTES = 5
AUX_WEIGHT = 0.4


class NonFinite(FloatingPointError):
    """A loss or a gradient that is not a number: the step was not taken. The message names the images of the batch."""


def take_step(run: Run, network: nn.Module, step: int, parts: list[batches.Batch]) -> tuple[float, float]:
    """One optimiser step over the batches `parts`: forward, loss, backward, step. Returns (loss, gradient norm before clipping)."""
    config, loss_of, total = run.config, processes.pooled(run.loss), 0.0
    for part, batch in enumerate(parts):
        with run.autocast(), exchange(run, network, last=part + 1 == len(parts)):
            output = network(run.inputs(batch.images))  # (B, K, h, w)
            loss = with_aux(loss_of, output, batch.targets) / len(parts)
            run.accelerator.backward(loss)
        total += loss.detach()
    norm = nn.utils.clip_grad_norm_(run.model.parameters(), config.clip or math.inf)
    total, norm = torch.stack([total, norm.to(total.dtype)]).tolist()  # on a GPU, the step's one wait for the device
    guard(total, norm, step, parts, run)
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)
    if run.average:
        run.average.update(run.model, step)
    return total, norm


def fit(run: Run, *, progress: bool = True, board=None) -> None:
    """Train `run` from its step to its last one. Stopped after a signal, NonFinite before a step that would poison the weights."""
    config, plan, network = run.config, run.plan, run.network()
    epochs, shown = math.ceil(plan.steps / plan.steps_per_epoch), progress and run.main
    bar = Progress(run.folder.name, plan.steps, plan.images_per_step, epochs, start=run.step, shown=shown)
    saved, cost = time.monotonic(), 0.0
    if run.device.type == "cpu":
        keep_memory()
    with deferred() as signals:
        for step, parts in batches.stream(config, run.train_set, plan, run.step):
            if run.ended_early:
                break
            begun = time.monotonic()
            lr = prepare(run, network, step)
            run.count(*take_step(run, network, step, parts), seconds=time.monotonic() - begun)
            bar.update(run.step, plan.epoch(step), run.sums[0] / run.sums[2])
            stop, last = processes.total(signals.received, run.device), run.step == plan.steps
            epoch_ends = last or run.step % plan.steps_per_epoch == 0
            if epoch_ends:
                row = end_epoch(run, lr)
                bar.end_epoch(run.step, plan.epoch(step), row["loss"], math.nan if row["val_miou"] is None else row["val_miou"])
                write_board(board, row)
            # Every epoch, unless writing takes seconds (a large model on a fast GPU): then a twentieth of the time; and every few minutes.
            since = time.monotonic() - saved
            if stop or last or (epoch_ends and (cost < 1 or since > 20 * cost)) or since > 60 * CHECKPOINT_MINUTES:
                cost, saved = save(run), time.monotonic()
            if stop:
                text = f"stopped after step {run.step} of {plan.steps}; start it again to continue"
                bar.close(text)
                raise Stopped(f"{run.folder.name} is saved after step {run.step} of {plan.steps}")


def keep_memory() -> None:
    """Memory that is freed stays with the process, to be taken again in the next step; where the C library is not glibc, nothing.

    By default glibc gives large blocks back to the system, which hands them out again as zeroed pages, one by one: about a tenth of a
    step on a CPU. The peak grows by some per cent.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
        mallopt(trim_threshold, -1)
        mallopt(mmap_max, 0)


def prepare(run: Run, network: nn.Module, step: int) -> float:
    """Set everything that depends on the step: rates, dropout, train mode. Returns the learning rate."""
    config = run.config
    batches.seed_dropout(config.seed, step, run.plan.rank)
    lr, momentum = optimisation.rates(config, step, run.plan.steps, run.plan.steps_per_epoch)
    optimisation.set_rates(run.optimiser, lr, momentum)
    network.train()
    if config.freeze_batch_norm:
        optimisation.freeze_batch_norm(network)
    return lr


def with_aux(loss, output, target):
    """The loss of a forward pass: of the logits, plus AUX_WEIGHT of the auxiliary heads' where there are any."""
    if not isinstance(output, tuple):
        return loss(output, target)
    logits, extra = output
    return loss(logits, target) + AUX_WEIGHT * sum(loss(head, target) for head in extra) / max(len(extra), 1)


def save(run: Run) -> float:
    """Write a checkpoint in the main process. Returns the seconds it took."""
    begun = time.monotonic()
    if run.main:
        checkpoints.save(run.folder, run.step, run.state())
    run.accelerator.wait_for_everyone()
    return time.monotonic() - begun


def exchange(run: Run, network: nn.Module, *, last: bool):
    """Processes exchange gradients in the last batch of a step only."""
    return contextlib.nullcontext() if last or run.accelerator.num_processes == 1 else run.accelerator.no_sync(network)


def guard(loss: float, norm: float, step: int, parts, run: Run) -> None:
    """NonFinite, with the files of the step, where its loss or gradient is not finite."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    names = ", ".join(name for batch in parts for name in batch.names)
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
    raise NonFinite(f"{run.folder.name}: {what} at step {step + 1}, which was not taken. Images: {names}. Lower lr, or look at these files")
