"""Optimisers, learning rate schedules, the average of the weights, and batch norm that stands still."""

import copy
import math

import torch
from torch import nn

OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adamax": torch.optim.Adamax}


def make_optimiser(config, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of `config` over two groups: weights with decay, norms and biases (one dimension or none) without. An encoder with a
    rate of its own makes four: its two have the `factor` that `set_rates` multiplies by."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    parts = {1.0: parameters}
    if config.encoder_lr != 1:
        inside = set(model.encoder.parameters())
        parts = {1.0: [p for p in parameters if p not in inside], config.encoder_lr: [p for p in parameters if p in inside]}
    groups = []
    for factor, part in parts.items():
        own = {} if factor == 1 else {"factor": factor}
        groups.append({"params": [p for p in part if p.ndim > 1], "weight_decay": config.weight_decay, **own})
        groups.append({"params": [p for p in part if p.ndim <= 1], "weight_decay": 0.0, **own})
    options = {"lr": config.lr}
    if config.optimiser == "sgd":
        options["momentum"] = config.momentum
    else:
        options["betas"] = (config.momentum, 0.999)
    if config.device == "cuda" and config.optimiser != "adamax":
        options["fused"] = True
    return OPTIMISERS[config.optimiser](groups, **options)


def rates(config, step: int, steps: int, steps_per_epoch: int) -> tuple[float, float]:
    """(learning rate, momentum) of step `step` of `steps`: a function of the step alone, so a resumed run needs no schedule state."""
    done = step / steps
    if config.schedule == "onecycle":
        return _onecycle(config.lr, config.momentum, step, steps)
    factor = min(1.0, (step + 1) / (config.warmup * steps)) if config.warmup else 1.0
    if config.schedule == "step":
        factor *= config.gamma ** (step // steps_per_epoch // config.step_epochs)
    elif config.schedule == "polynomial":
        factor *= (1 - done) ** 0.9
    return config.lr * factor, config.momentum


def _onecycle(lr: float, momentum: float, step: int, steps: int) -> tuple[float, float]:
    """Smith and Topin 2018, as torch's OneCycleLR: up from lr/25 in 30 % of the steps, down to lr/250000, on cosines; momentum mirrored."""
    peak, last = max(0.3 * steps - 1, 1e-9), steps - 1
    if step <= peak:
        start, end, done = lr / 25, lr, step / peak
        low, high = momentum + 0.05, momentum - 0.05
    else:
        start, end, done = lr, lr / 25e4, (step - peak) / max(last - peak, 1e-9)
        low, high = momentum - 0.05, momentum + 0.05
    weight = (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return end + (start - end) * weight, min(high + (low - high) * weight, 0.999)


def set_rates(optimiser: torch.optim.Optimizer, lr: float, momentum: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = lr * group.get("factor", 1.0)
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum


def freeze_batch_norm(model: nn.Module) -> None:
    """Batch norms use their running statistics and leave them as they are; their scale and shift still train."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


class Average:
    """Exponential moving average of a model's weights: `model` is a copy whose parameters follow the trained ones, with their buffers.

    The decay grows from 0.1 as (1 + step) / (10 + step), so that the first steps do not weigh for ever.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.model, self.decay = copy.deepcopy(model).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers()):
            mine.copy_(theirs)
