"""A run in progress: its model, loss, optimiser and data, and the state that a checkpoint holds."""

import functools
import hashlib
import json

import numpy as np
import torch
from torch import nn

from seglib import data, losses, models
from seglib.evaluation import normalise
from seglib.training import batches, optimisation, processes
from seglib.training.config import from_dict, model_options, to_dict

_COUNTERS = ("step", "history", "sums", "seconds", "best_score", "best_epoch", "best", "peak_memory")


class Run:
    """Everything of one run in progress: model, optimiser, data, and the state that a checkpoint holds."""

    def __init__(self, config, folder, weights=None):
        self.config, self.folder = config, folder
        self.accelerator = processes.accelerator(config.device)
        tune(config)
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
        self.imagenet = encoder_digest(self.model) if config.init.startswith("imagenet") else None
        if weights is not None:
            weights(self.model)
        self.model.to(self.device)
        if config.device == "cuda":
            self.model.to(memory_format=torch.channels_last)
        self.optimiser = optimisation.make_optimiser(config, self.model)
        self.average = optimisation.Average(self.model, config.ema) if config.ema else None
        self.step, self.history, self.seconds = 0, [], 0.0
        self.sums = [0.0, 0.0, 0]  # of the epoch in progress: losses, gradient norms, steps
        self.best_score, self.best_epoch, self.best = -1.0, 0, None
        self.peak_memory = 0.0

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return self.accelerator.is_main_process

    @property
    def scored_model(self) -> nn.Module:
        return self.average.model if self.average else self.model

    def count(self, loss: float, norm: float, *, seconds: float) -> None:
        """A step has been taken."""
        self.step += 1
        self.sums = [self.sums[0] + loss, self.sums[1] + norm, self.sums[2] + 1]
        self.seconds += seconds

    def state(self) -> dict:
        """What a checkpoint holds: plain numbers, strings and tensors. Order, augmentation, dropout and rates follow from the step."""
        state = {key: getattr(self, key) for key in _COUNTERS} | {"config": json.dumps(to_dict(self.config))}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        return state | ({"average": self.average.model.state_dict()} if self.average else {})

    def restore(self, state: dict) -> None:
        """Continue from a checkpoint's state. ValueError where it belongs to another config."""
        if from_dict(json.loads(state["config"])) != self.config:
            raise ValueError(f"{self.folder}: its checkpoint is of another config; delete the folder, or train with --force")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average:
            self.average.model.load_state_dict(state["average"])
        for key in _COUNTERS:
            setattr(self, key, state[key])

    def network(self) -> nn.Module:
        """What the loop calls: the model with its auxiliary heads, compiled on a GPU, wrapped for several processes."""
        distributed = self.accelerator.num_processes > 1
        if distributed and self.config.device == "cuda":  # gloo knows no synchronised batch norm: on CPUs each process has its own
            nn.SyncBatchNorm.convert_sync_batchnorm(self.model)
        network = WithAux(self.model) if self.config.aux else self.model
        if self.config.compile == "yes" or (self.config.compile == "auto" and self.config.device == "cuda"):
            network = torch.compile(network)
        return self.accelerator.prepare_model(network) if distributed else network

    @property
    def ended_early(self) -> bool:
        """Whether val mIoU has not become better for `patience` epochs."""
        return bool(self.config.patience) and len(self.history) - self.best_epoch >= self.config.patience

    def inputs(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 3, h, w) -> what the network takes, with channels last on a GPU."""
        images = normalise(images, self.model)
        return images.contiguous(memory_format=torch.channels_last) if self.device.type == "cuda" else images

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16")


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


def make_model(config, labels) -> nn.Module:
    """The model of `config`, on the CPU, its initial weights a function of the seed. A void class adds one output.

    ValueError where init names ImageNet weights by their sha256 (encoder_digest) and others were found.
    """
    torch.manual_seed(config.seed)
    init = config.init if config.init == "random" or config.init.startswith("imagenet") else "random"
    outputs = labels.num_classes + (config.void == "class")
    model = models.build(config.model, outputs, init=init.split(":")[0], **model_options(config))
    if ":" in init and encoder_digest(model) != init.split(":")[1]:
        raise ValueError(f"init={init}: the ImageNet weights found here have sha256 {encoder_digest(model)}")
    model.scored, model.precision = labels.num_classes, config.precision
    return model.double() if config.precision == "float64" else model


def encoder_digest(model: nn.Module) -> str:
    """sha256 over the tensors of the encoder, in the order of their names: names weights by content, whatever file they came in."""
    found = hashlib.sha256()
    for _, tensor in sorted(model.encoder.state_dict().items()):
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def tune(config) -> None:
    """Kernels for a GPU. cuDNN's attention is left out: its backward gives NaN with a mask and 64 tokens on Hopper (pytorch#196678)."""
    if config.device != "cuda":
        return
    torch.backends.cuda.enable_cudnn_sdp(False)
    fast = config.precision == "bfloat16"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
    torch.backends.cudnn.benchmark = not config.deterministic
    torch.use_deterministic_algorithms(config.deterministic, warn_only=True)
