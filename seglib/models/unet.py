"""U-Net (Ronneberger, Fischer and Brox 2015)."""

import itertools

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from seglib.models import layers
from seglib.models.swin import PATCH


class Encoder(nn.Module):
    """The contracting path: five pairs of 3x3 convolutions with w, 2w, 4w, 8w and 16w channels, a 2x2 max-pool between two pairs.

    patches=True: a layer of 4x4 patches with 2w channels and layer norm, as Swin V2 begins, in the place of the first two pairs.
    """

    def __init__(self, width: int, batch_norm: bool, dropout: float, patches: bool = False):
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 8 * width, 16 * width)
        # The paper drops out at the end of the contracting path.
        rates = (0.0, 0.0, 0.0, 0.0, dropout)
        pairs = list(zip(channels, channels[1:], rates))[2 if patches else 0 :]
        self.embed = nn.Sequential(nn.Conv2d(3, 2 * width, PATCH, stride=PATCH), LayerNorm2d(2 * width)) if patches else nn.Identity()
        self.stages = nn.ModuleList(layers.double_conv(a, b, batch_norm=batch_norm, dropout=rate) for a, b, rate in pairs)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> five maps, (B, w, H, W) to (B, 16w, H/16, W/16), sizes rounded up; of patches the last three."""
        maps = [self.stages[0](self.embed(images))]
        for stage in self.stages[1:]:
            maps.append(stage(self.pool(maps[-1])))
        return maps


class Up(nn.Module):
    """2x2 transposed convolution, the encoder's map of `skip` channels beside it (0: none), two 3x3 convolutions."""

    def __init__(self, inside: int, skip: int, outside: int, *, batch_norm: bool = True, dropout: float = 0.0):
        super().__init__()
        self.beside = bool(skip)
        self.up = nn.ConvTranspose2d(inside, outside, 2, stride=2)
        self.conv = layers.double_conv(outside + skip, outside, batch_norm=batch_norm, dropout=dropout)

    def forward(self, below: Tensor, skip: Tensor | None) -> Tensor:
        """below (B, inside, h, w), skip (B, skip, H, W) with h = ceil(H/2), or None for H = 2h -> (B, outside, H, W)."""
        upsampled = self.up(below) if skip is None else layers.cut(self.up(below), skip)
        return self.conv(torch.cat([skip, upsampled], dim=1) if self.beside else upsampled)


class UNet(layers.Segmenter):
    """Images (B, 3, H, W) -> logits (B, K, H, W). Ronneberger et al. 2015, with padding 1 and batch norm where the paper has neither.

    Odd sizes: pools round up, and the upsampled map is cut to the size of the skip. skips=False leaves the four concatenations out, and
    with them half the input channels of four convolutions: the decoder then sees the 16w channels at stride 16 and nothing else.
    stem="patches": 4x4 patches in the place of the two finest stages (`Encoder`), whose skips go with them; nothing else changes.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        width: int = 64,
        skips: bool = True,
        fine_skips: bool = True,
        batch_norm: bool = True,
        dropout: float = 0.0,
        aux: bool = False,
        stem: str = "convolutions",
    ):
        super().__init__(num_classes, (8 * width, 4 * width) if aux else ())
        patches = layers.check_stem(stem) == "patches"
        self.multiple = PATCH if patches else 1
        self.encoder = Encoder(width, batch_norm, dropout, patches)
        channels = (8 * width, 4 * width, 2 * width, width)
        fine = skips and fine_skips and not patches
        beside = (skips, skips, fine, fine)
        self.decoder = nn.ModuleList(Up(2 * c, c if skip else 0, c, batch_norm=batch_norm) for c, skip in zip(channels, beside))
        self.head = layers.head(width, num_classes)
        layers.initialise(self)

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> five maps, (B, w, H, W) to (B, 16w, H/16, W/16); three, from (B, 4w, H/4, W/4), behind patches."""
        return self.encoder(images)

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, H, W), [(B, 8w, H/8, W/8), (B, 4w, H/4, W/4)]."""
        *skips, x = self.encode(images)
        maps = []
        for up, skip in itertools.zip_longest(self.decoder, reversed(skips)):
            x = up(x, skip)
            maps.append(x)
        return self.head(x), maps[:2]
