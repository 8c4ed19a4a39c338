"""What several processes of one run (torchrun) share: pooled sums with gradient, counts, a common decision to stop."""

from datetime import timedelta

import torch
import torch.distributed as dist
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils import gather_object

PATIENCE = timedelta(minutes=30)  # one process may score at full size while the others wait


def accelerator(device: str) -> Accelerator:
    """Device placement and, under torchrun, one process per device: NCCL on GPUs, gloo on CPUs."""
    handlers = [InitProcessGroupKwargs(timeout=PATIENCE), DistributedDataParallelKwargs(gradient_as_bucket_view=True)]
    return Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=handlers)


class _Sum(torch.autograd.Function):
    """Sum over processes. Each computes the same loss from the sum, and DDP averages gradients, so backward multiplies by their number."""

    @staticmethod
    def forward(ctx, value):
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient):
        return gradient * dist.get_world_size()


def distributed() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def pooled(loss):
    """`loss` over the batch of all processes instead of this one's share; `loss` itself where there is one process."""
    return lambda logits, target: loss(logits, target, reduce=_Sum.apply if distributed() else None)


def total(value, device) -> float:
    """The sum of a number over processes."""
    if not distributed():
        return float(value)
    tensor = torch.tensor(float(value), dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.item()


def gathered(items: list) -> list:
    """The items of all processes, in every process, process by process."""
    return gather_object(items) if distributed() else items


def share_buffers(model) -> None:
    """Every process takes the first one's buffers: batch norm statistics are per process, and all must score the same model."""
    if distributed():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)
