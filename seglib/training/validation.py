"""What happens at the end of an epoch: scoring val at training size, a row of history, the best weights so far."""

import math

import numpy as np
import psutil
import torch
from torch import nn

from seglib import evaluation, scores
from seglib.labels import IGNORE
from seglib.training import processes
from seglib.training.state import Run


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
    """One epoch as TensorBoard scalars; board=None writes nothing."""
    for key in ("loss", "lr", "grad_norm", "val_miou", "val_loss"):
        if board is not None and row[key] is not None:
            board.add_scalar(key, row[key], row["step"])
