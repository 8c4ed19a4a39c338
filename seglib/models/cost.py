"""What a model costs and how far it sees: parameters, FLOPs, memory, time, output stride, receptive field. All of it is measured."""

import copy
import statistics
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


class Field(NamedTuple):
    """Where a change of the image reaches one output pixel: `heat` (H, W), mean absolute gradient; the extent of its support in pixels."""

    heat: Tensor
    height: int
    width: int


def parameters(module: nn.Module) -> int:
    """The number of learnable values."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def flops(model: nn.Module, size: tuple[int, int]) -> int:
    """Floating point operations of one forward pass at (1, 3, *size); a multiplication and an addition count as two.

    Counted on the meta device: on CPU tensors fused attention would count as nothing.
    """
    return _count(copy.deepcopy(model).to("meta").eval(), size)


def encoder_flops(model: nn.Module, size: tuple[int, int]) -> int:
    """As `flops`, of the encoder alone."""
    return _count(copy.deepcopy(model).to("meta").eval().encode, size)


def _count(function, size: tuple[int, int]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        function(torch.empty(1, 3, *size, device="meta"))
    return counter.get_total_flops()


def output_stride(model: nn.Module, size: tuple[int, int] = (256, 256)) -> int:
    """Pixels of the image per pixel of the encoder's coarsest map."""
    with torch.no_grad():
        maps = copy.deepcopy(model).to("meta").eval().encode(torch.empty(1, 3, *size, device="meta"))
    return size[0] // maps[-1].shape[-2]


def sensitivity(model: nn.Module, images: Tensor, pixel: tuple[int, int] | None = None) -> Tensor:
    """The effective receptive field (Luo et al. 2016): mean over images and channels of |d logits[pixel] / d image|.

    images (B, 3, H, W) normalised, pixel (row, column), default the middle -> (H, W). The model is left in the mode it was in.
    """
    row, column = pixel or (images.shape[-2] // 2, images.shape[-1] // 2)
    was_training = model.training
    model.eval()
    images = images.detach().requires_grad_()
    try:
        # Random signs keep the classes' gradients from cancelling out.
        logits = model(images)[:, :, row, column]
        (gradient,) = torch.autograd.grad(logits, images, _signs(logits))
    finally:
        model.train(was_training)
    return gradient.abs().mean((0, 1))


def _signs(values: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.randint(0, 2, values.shape, generator=generator) * 2 - 1).to(values)


def receptive_field(model: nn.Module, size: tuple[int, int], pixel: tuple[int, int] | None = None) -> Field:
    """The theoretical receptive field of one output pixel, measured by gradient at an image of `size` (larger than the field).

    Dead ReLUs, unchosen maxima and weights that start at zero hide paths that exist, so a copy in float64 is measured whose ReLUs are the
    identity, whose max-pools are means, and whose zero normalisation weights are ones. Weights do not matter, nor does the width but for
    Swin below 96, which has fewer blocks and smaller windows.
    """
    twin = copy.deepcopy(model).double().eval()
    for name, layer in list(twin.named_modules()):
        if isinstance(layer, nn.ReLU):
            twin.set_submodule(name, nn.Identity())
        elif isinstance(layer, nn.MaxPool2d):
            twin.set_submodule(name, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode))
        elif isinstance(layer, nn.LayerNorm) and not layer.weight.any():
            nn.init.ones_(layer.weight)
    generator = torch.Generator().manual_seed(0)
    heat = sensitivity(twin, torch.randn(1, 3, *size, generator=generator, dtype=torch.float64), pixel)
    rows, columns = heat.sum(1).nonzero(), heat.sum(0).nonzero()
    return Field(heat, int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1))


def milliseconds(model: nn.Module, size: tuple[int, int], *, batch: int = 1, repeats: int = 5, train: bool = False) -> float:
    """Median milliseconds per image on the model's device, forward only or a training step's forward and backward, after one warm-up."""
    step = _step(model, size, batch, train)
    step()
    times = []
    for _ in range(repeats):
        _wait(model)
        start = time.perf_counter()
        step()
        _wait(model)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times) / batch


def peak_memory(model: nn.Module, size: tuple[int, int], *, batch: int = 1, train: bool = False) -> float:
    """The most memory, in MB (1e6 bytes), that tensors held at once during a step, weights included and gradients with train=True."""
    step = _step(model, size, batch, train)
    held = sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])
    if _device(model).type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() / 1e6
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return (held + most) / 1e6


def _step(model: nn.Module, size: tuple[int, int], batch: int, train: bool):
    """A function that runs one step: forward in eval mode, or forward, cross-entropy and backward in train mode."""
    device = _device(model)
    images = torch.randn(batch, 3, *size, device=device)
    target = torch.zeros(batch, *size, dtype=torch.long, device=device)

    def infer():
        with torch.no_grad():
            model.eval()(images)

    def learn():
        model.train().zero_grad()
        F.cross_entropy(model(images), target).backward()

    return learn if train else infer


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _wait(model: nn.Module) -> None:
    if _device(model).type == "cuda":
        torch.cuda.synchronize()
