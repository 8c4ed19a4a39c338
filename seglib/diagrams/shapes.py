"""The shapes that a module really produces, recorded by hooks: what the drawings are made from."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seglib.diagrams import draw


@dataclass(frozen=True)
class Net:
    """A module and its `shapes` at one size."""

    model: nn.Module
    shapes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Pair:
    """The network that is drawn and the narrow one that was trained, of the same family; without the second only the first is labelled."""

    published: Net
    trained: Net | None

    def __getitem__(self, name: str) -> tuple[int, ...]:
        """The shape of the drawn network's map."""
        return self.published.shapes[name]

    def words(self, of: Callable[[Net], object], between: str = " ") -> str:
        """What `of` says of both networks, as `draw.both` writes it."""
        return draw.both(of(self.published), of(self.trained or self.published), between)

    def channels(self, name: str, between: str = " ") -> str:
        """The channels of a map (C, H, W): "64 (16)", the second marked for `draw.text`."""
        return self.words(lambda net: net.shapes[name][0], between)

    def extent(self, name: str, between: str = "\n") -> str:
        """The extent of a map (C, H, W): "384×384", below it "(72×96)"."""
        return self.words(lambda net: draw.by(net.shapes[name]), between)

    def key(self, name: str, in_a_line: int = 4) -> str:
        """What the two kinds of numbers mean, with the channels of a map as the example, in four parts; "" where there is but one kind."""
        if self.trained is None:
            return ""
        parts = [f"{self.channels(name)}: channels", "at published width", "‹(as trained here)›,", "sizes likewise"]
        return "\n".join(" ".join(parts[i : i + in_a_line]) for i in range(0, 4, in_a_line))


def pair(model: nn.Module, size: tuple[int, int], trained: tuple[nn.Module, tuple[int, int]] | None) -> Pair:
    """The shapes of a module at `size` (H, W) and of `trained`: (the module as it was trained, the size it was trained at), or None."""
    return Pair(Net(model, shapes(model, size)), trained and Net(trained[0], shapes(*trained)))


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
