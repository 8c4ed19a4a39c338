"""Swin Transformer V2 (Liu et al. 2022) with a J-shaped decoder, and the same decoder on a convolutional encoder of equal size."""

import math

import torch
from torch import Tensor, nn

from seglib.models import layers, weights

VARIANTS = {"tiny": (96, (2, 2, 6, 2)), "small": (96, (2, 2, 18, 2)), "base": (128, (2, 2, 18, 2))}
PATCH = 4


class JDecoder(nn.Module):
    """The decoder of the original study's Swin2-JNet: longer than the encoder's arm is, hence a J.

    Two 3x3 blocks at stride 32; three times [2x2 transposed convolution, the encoder's map beside it, two blocks] to stride 4, with 4w, 2w
    and w channels; twice the same without a skip to stride 1, with w/2 and w/4 channels. Every block has batch norm and ReLU.
    skips=5: the last two steps have a skip, too, for an encoder with maps of w/2 and w/4 channels at strides 2 and 1.
    """

    def __init__(self, width: int, dropout: float, skips: int = 3):
        super().__init__()
        channels = (8 * width, 4 * width, 2 * width, width, width // 2, width // 4)
        self.bottom = layers.double_conv(channels[0], channels[0], dropout=dropout)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in zip(channels, channels[1:]))
        self.convs = nn.ModuleList(layers.double_conv(2 * b if i < skips else b, b, dropout=dropout) for i, b in enumerate(channels[1:]))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """maps (B, w, h, w'), (B, 2w, ...), (B, 4w, ...), (B, 8w, ...) at strides 4, 8, 16, 32, those of finer skips before them ->
        (B, w/4, 4h, 4w')."""
        *skips, x = maps
        x = self.bottom(x)
        for i, (up, conv) in enumerate(zip(self.ups, self.convs)):
            x = up(x)
            if i < len(skips):
                skip = skips[-1 - i]
                x = torch.cat([skip, layers.cut(x, skip)], dim=1)
            x = conv(x)
        return x


class ConvolutionalStem(nn.Module):
    """U-Net's first two stages in the place of Swin V2's patches: two pairs of 3x3 blocks at strides 1 and 2, with w/4 and w/2 channels, a
    2x2 max-pool behind each; then a linear layer to w channels and layer norm, as behind the patches."""

    def __init__(self, width: int):
        super().__init__()
        self.stages = nn.ModuleList([layers.double_conv(3, width // 4), layers.double_conv(width // 4, width // 2)])
        self.pool = nn.MaxPool2d(2)
        self.proj = nn.Conv2d(width // 2, width, 1)
        self.norm = nn.LayerNorm(width)

    def fine(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> (B, w/4, H, W), (B, w/2, H/2, W/2)."""
        first = self.stages[0](images)
        return [first, self.stages[1](self.pool(first))]

    def forward(self, fine: Tensor) -> Tensor:
        """The finer maps' last, (B, w/2, H/2, W/2) -> tokens (B, H/4, W/4, w)."""
        return self.norm(self.proj(self.pool(fine)).permute(0, 2, 3, 1))


class Swin(layers.Segmenter):
    """Images (B, 3, H, W) -> logits (B, K, H, W): timm's Swin V2 features at strides 4, 8, 16 and 32, and the J-shaped decoder.

    `variant` tiny, small or base sets width and depths; `width` alone scales the tiny one. Below width 96 there are two blocks a stage and
    windows of 6x6 tokens instead of 8x8, because 6 divides the maps of a 144x192 image where 8 would pad a third of them. Maps that a
    window does not divide are padded with zeros on the right and below, inside the attention only.
    `shift_whole`: every second window shifts even along a side that it spans, which only keeps tokens apart that it could join (stage 4 of
    a 144x192 image), as in the published runs; False leaves it in place there.
    stem="convolutions": `ConvolutionalStem` in the place of the patches, with a skip from each of its two stages.
    """

    multiple = PATCH

    def __init__(
        self,
        num_classes: int,
        *,
        width: int | None = None,
        variant: str | None = None,
        depths: tuple[int, ...] | None = None,
        window: int | None = None,
        shift_whole: bool = True,
        dropout: float = 0.0,
        drop_path: float | None = None,
        aux: bool = False,
        init: str = "random",
        stem: str = "patches",
    ):
        width, depths, variant = _size(width, variant, depths)
        super().__init__(num_classes, (4 * width,) if aux else ())
        window = window or (8 if width >= 96 else 6)
        self.patches = layers.check_stem(stem) == "patches"
        self.decoder = JDecoder(width, dropout, skips=3 if self.patches else 5)
        self.head = layers.head(width // 4, num_classes)
        layers.initialise(self)
        per_head = 32 if width % 32 == 0 else 16
        heads = tuple(width * 2**i // per_head for i in range(4))
        size = {"embed_dim": width, "depths": depths, "num_heads": heads, "window_size": window}
        full_width, full_depths = VARIANTS[variant]
        published = {
            "embed_dim": full_width,
            "depths": full_depths,
            "num_heads": tuple(full_width * 2**i // 32 for i in range(4)),
            "window_size": 8,
        }
        self.encoder = weights.create(
            f"swinv2_{variant}_window8_256.ms_in1k", init, published=published, size=size, features_only=True,
            # Built for a large image, so that no stage's window shrinks; the masks are made for the size that comes.
            img_size=1024, strict_img_size=False, drop_path_rate=_drop_path(drop_path, width),
        )  # fmt: skip
        if not self.patches:
            self.encoder["patch_embed"] = ConvolutionalStem(width)
            layers.initialise(self.encoder["patch_embed"])
        self.window, self.depths, self.shift_whole = window, depths, shift_whole
        self.mean, self.std = self.encoder.pretrained_cfg["mean"], self.encoder.pretrained_cfg["std"]

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> four maps, (B, w, H/4, W/4) to (B, 8w, H/32, W/32); before them the two of a convolutional stem."""
        if not self.shift_whole:
            self._shift_windows(images.shape[-2:])
        fine = [] if self.patches else self.encoder["patch_embed"].fine(images)
        maps = self.encoder(images if self.patches else fine[-1])
        return fine + [m.permute(0, 3, 1, 2).contiguous() for m in maps]  # timm's are (B, h, w, C); contiguous as in vit.py

    def _shift_windows(self, size: tuple[int, int]) -> None:
        """Shifts every second block's windows by half a window along the sides of its map that are longer than one; size: the image's."""
        for i in range(4):
            sides = (math.ceil(side / (PATCH * 2**i)) for side in size)
            shift = tuple(self.window // 2 if side > self.window else 0 for side in sides)
            for block in getattr(self.encoder, f"layers_{i}").blocks[1::2]:
                block.shift_size = shift

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, H, W), [(B, 4w, H/16, W/16)]."""
        maps = self.encode(images)
        return self.head(self.decoder(maps)), [maps[-2]]


class CNNJ(layers.Segmenter):
    """The J-shaped decoder on a convolutional encoder of the Swin's size, so that the two differ in the encoder alone.

    Encoder: timm's ConvNeXt (Liu et al. 2022), made of Swin's stages with 7x7 depthwise convolutions in the place of window attention:
    27.8 M parameters for the tiny one against 27.6 M. A block has 8 C^2 weights where Swin's has 12 C^2, so depths are 1.5 times Swin's.
    Departure: layer scale starts at 0.1, not 1e-6, when trained from scratch: short runs would otherwise see the stem alone.
    """

    multiple = 32  # its downsampling convolutions would drop an odd row

    def __init__(
        self,
        num_classes: int,
        *,
        width: int | None = None,
        depths: tuple[int, ...] | None = None,
        dropout: float = 0.0,
        drop_path: float | None = None,
        aux: bool = False,
        init: str = "random",
    ):
        width, depths, _ = _size(width, None, depths)
        super().__init__(num_classes, (4 * width,) if aux else ())
        self.decoder = JDecoder(width, dropout)
        self.head = layers.head(width // 4, num_classes)
        layers.initialise(self)
        size = {"dims": tuple(width * 2**i for i in range(4)), "depths": tuple(d * 3 // 2 for d in depths)}
        self.encoder = weights.create(
            "convnext_tiny.fb_in1k", init, published={"dims": (96, 192, 384, 768), "depths": (3, 3, 9, 3)}, size=size,
            features_only=True, ls_init_value=0.1, drop_path_rate=_drop_path(drop_path, width),
        )  # fmt: skip
        self.depths = depths
        self.mean, self.std = self.encoder.pretrained_cfg["mean"], self.encoder.pretrained_cfg["std"]

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> four maps, (B, w, H/4, W/4) to (B, 8w, H/32, W/32)."""
        return self.encoder(images)

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, H, W), [(B, 4w, H/16, W/16)]."""
        maps = self.encode(images)
        return self.head(self.decoder(maps)), [maps[2]]


def _size(width: int | None, variant: str | None, depths: tuple[int, ...] | None) -> tuple[int, tuple[int, ...], str]:
    """Width, depths and the variant they belong to. ValueError for an unknown variant or a width that is no multiple of 16."""
    if variant is not None and variant not in VARIANTS:
        raise ValueError(f"swin: unknown variant {variant!r}; there are {', '.join(VARIANTS)}")
    full_width, full_depths = VARIANTS[variant or "tiny"]
    width = width or full_width
    if width % 16:
        raise ValueError(f"swin: width {width} is not a multiple of 16, the channels of one attention head")
    if depths is None:
        depths = full_depths if variant or width >= 96 else (2, 2, 2, 2)
    if len(depths) != 4 or min(depths) < 1:
        raise ValueError(f"swin: depths {tuple(depths)} must be four positive numbers")
    return width, tuple(depths), variant or "tiny"


def _drop_path(rate: float | None, width: int) -> float:
    """Stochastic depth: 0.1 at published sizes, none in the small ones, which underfit as it is."""
    return rate if rate is not None else (0.1 if width >= 96 else 0.0)
