"""The shapes that a module really produces, recorded by hooks: what the drawings are made from."""

import copy

import torch
from torch import Tensor, nn


def shapes(model: nn.Module, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """The output shape of every submodule, without the batch axis, for an image of `size`: {"encoder.pool": (64, 384, 384), ...}.

    "" is the model itself, "image" its input, "<name>.input" the first input of a submodule. Runs on the meta device: nothing is computed,
    a full-size model costs nothing. A module that is called several times (a shared pool) keeps its last shape; modules that return
    lists are left out.
    """
    twin = copy.deepcopy(model).to("meta").eval()
    seen: dict[str, tuple[int, ...]] = {"image": (3, *size)}
    handles = [layer.register_forward_hook(_recorder(seen, name)) for name, layer in twin.named_modules()]
    with torch.no_grad():
        twin(torch.empty(1, 3, *size, device="meta"))
    for handle in handles:
        handle.remove()
    return seen


def _recorder(seen: dict, name: str):
    def record(_, inputs, output):
        if isinstance(output, Tensor):
            seen[name] = tuple(output.shape[1:])
        if inputs and isinstance(inputs[0], Tensor):
            seen[f"{name}.input"] = tuple(inputs[0].shape[1:])

    return record
