"""What the families share: sizes, convolution blocks, initial weights, auxiliary heads."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SMALLEST = 32  # pixels; below this the deepest map of a stride-32 encoder would be empty


class Segmenter(nn.Module):
    """The outside of every model: normalised images (B, 3, H, W), H and W >= 32 -> logits (B, K, H, W).

    A child has an `encoder` (what transfers between class counts) and two methods: `encode(images)` -> the encoder's maps, fine to coarse,
    and `compute(images) -> (logits, maps)`: logits at least as large as its input and aligned with it at the top left, and the maps that
    the auxiliary heads read. Images are extended to a multiple of `multiple` pixels on the right and below by repeating the last column
    and row, and the logits are cut back to (H, W).
    """

    mean = IMAGENET_MEAN
    std = IMAGENET_STD
    multiple = 1

    def __init__(self, num_classes: int, aux_channels: tuple[int, ...] = ()):
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"num_classes is {num_classes}: a model needs at least one class")
        self.num_classes = num_classes
        self.aux_heads = nn.ModuleList(head(channels, num_classes) for channels in aux_channels)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) float, normalised -> logits (B, K, H, W). ValueError below 32x32."""
        height, width = check_size(images)
        return self.compute(extend(images, self.multiple))[0][..., :height, :width]

    def forward_aux(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """As forward, and the logits of the auxiliary heads, each (B, K, H, W); the list is empty unless built with aux=True."""
        height, width = check_size(images)
        extended = extend(images, self.multiple)
        logits, maps = self.compute(extended)
        aux = [resize(head(features), extended.shape[-2:]) for head, features in zip(self.aux_heads, maps)]
        return logits[..., :height, :width], [a[..., :height, :width] for a in aux]


def check_size(images: Tensor) -> tuple[int, int]:
    """(B, 3, H, W) -> (H, W), or a ValueError that names the shape."""
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < SMALLEST:
        raise ValueError(f"images have shape {tuple(images.shape)}: expected (B, 3, H, W) with H and W at least {SMALLEST}")
    return images.shape[-2], images.shape[-1]


def check_stem(stem: str) -> str:
    """What a network begins with, "convolutions" or "patches"; ValueError for anything else."""
    if stem not in ("convolutions", "patches"):
        raise ValueError(f"stem is {stem!r}: a network begins with 'convolutions' or 'patches'")
    return stem


def extend(images: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) -> (B, C, H', W') with H', W' the next multiples; the last row and column are repeated."""
    down, right = -images.shape[-2] % multiple, -images.shape[-1] % multiple
    return F.pad(images, (0, right, 0, down), mode="replicate") if down or right else images


def resize(maps: Tensor, size) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), bilinear with pixel centres aligned."""
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def cut(maps: Tensor, like: Tensor) -> Tensor:
    """Drop the rows and columns that rounding up at an odd size added: (B, C, h', w') -> the height and width of `like`."""
    return maps[..., : like.shape[-2], : like.shape[-1]]


def conv_block(
    inside: int, outside: int, *, kernel: int = 3, batch_norm: bool = True, dropout: float = 0.0, dilation: int = 1
) -> nn.Sequential:
    """Convolution, batch norm, ReLU, Dropout2d; (B, inside, H, W) -> (B, outside, H, W).

    The convolution has a bias only without batch norm, which would subtract it again. ReLU is in place: one map less in memory.
    """
    layers = [nn.Conv2d(inside, outside, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outside))
    layers.append(nn.ReLU(inplace=True))
    if dropout:
        layers.append(nn.Dropout2d(dropout))
    return nn.Sequential(*layers)


def double_conv(inside: int, outside: int, *, batch_norm: bool = True, dropout: float = 0.0) -> nn.Sequential:
    """Two 3x3 blocks, the pair that U-Net and the J-shaped decoder are made of."""
    first = conv_block(inside, outside, batch_norm=batch_norm)
    return nn.Sequential(first, conv_block(outside, outside, batch_norm=batch_norm, dropout=dropout))


def head(inside: int, num_classes: int) -> nn.Conv2d:
    """A 1x1 convolution to K logits that starts near zero, so that the first cross-entropy is ln K whatever the family."""
    layer = nn.Conv2d(inside, num_classes, 1)
    layer.is_head = True
    return layer


def initialise(module: nn.Module) -> None:
    """Kaiming normal for convolutions followed by ReLU, small logits from heads; batch norm starts as the identity.

    Heads start in proportion to their inputs: with a fixed 0.01 a head of 12 channels needs a hundred steps merely to grow.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            if getattr(layer, "is_head", False):
                # The baseline's head, a transposed convolution, reads maps that nothing has normalised.
                share = 0.1 if isinstance(layer, nn.ConvTranspose2d) else 0.3
                nn.init.normal_(layer.weight, std=share * layer.in_channels**-0.5)
            elif isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:  # without overlap each output pixel sees `in_channels` inputs, and no ReLU follows
                nn.init.normal_(layer.weight, std=layer.in_channels**-0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def bilinear_kernel(factor: int) -> Tensor:
    """The (2 factor, 2 factor) kernel with which a transposed convolution of stride `factor` interpolates bilinearly (Long et al. 2015)."""
    ramp = 1 - (torch.arange(2 * factor) - factor + 0.5).abs() / factor
    return ramp[:, None] * ramp[None, :]


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """A learnable transposed convolution (B, C, h, w) -> (B, C, factor h, factor w) that starts as bilinear interpolation."""
    layer = nn.ConvTranspose2d(channels, channels, 2 * factor, stride=factor, padding=factor // 2, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(channels), range(channels)] = bilinear_kernel(factor)
    return layer
