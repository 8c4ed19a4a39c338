"""Fully convolutional networks: the original study's baseline, and FCN-32s, 16s and 8s on VGG16 (Long, Shelhamer and Darrell 2015)."""

import torch
from torch import Tensor, nn

from seglib.models import layers

VGG16 = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))  # channels of the thirteen convolutions, in units of the width


class FCNBaseline(layers.Segmenter):
    """The original study's baseline: three times [3x3 convolution, ReLU, 2x2 max-pool], then three 2x2 transposed convolutions.

    Nothing stands between the transposed convolutions, so the decoder is linear, and a pixel sees 22 pixels of the image.
    dilations=(1, 2, 8): the same weights, spread so that it sees 82 (Chen et al. 2018).
    """

    batch_norm = False

    def __init__(
        self,
        num_classes: int,
        *,
        width: int = 64,
        dropout: float = 0.0,
        aux: bool = False,
        dilations: tuple[int, int, int] = (1, 1, 1),
    ):
        super().__init__(num_classes, (4 * width,) if aux else ())
        if len(dilations) != 3 or min(dilations) < 1:
            raise ValueError(f"dilations {tuple(dilations)} must be three positive numbers, one for each convolution")
        channels = (3, width, 2 * width, 4 * width)
        stages = [
            nn.Sequential(layers.conv_block(a, b, batch_norm=self.batch_norm, dilation=by), nn.MaxPool2d(2, ceil_mode=True))
            for a, b, by in zip(channels, channels[1:], dilations)
        ]
        self.encoder = nn.Sequential(*stages)
        self.dropout = nn.Dropout2d(dropout)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2), nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        )
        self.head = nn.ConvTranspose2d(width, num_classes, 2, stride=2)
        self.head.is_head = True
        layers.initialise(self)

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> [(B, 4w, H/8, W/8)]."""
        return [self.encoder(images)]

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, 8 ceil(H/8), 8 ceil(W/8)), [(B, 4w, H/8, W/8)]."""
        (code,) = self.encode(images)
        return self.head(self.decoder(self.dropout(code))), [code]


class FCNBaselineBN(FCNBaseline):
    """The baseline with batch norm after its three convolutions, which the original has not: a control, for the other families have it."""

    batch_norm = True


class VGG(nn.Module):
    """VGG16 whose two fully connected layers are convolutions (7x7 and 1x1); returns the maps at strides 8, 16 and 32 (Long et al. 2015).

    The paper pads the image by 100 pixels; here fc6 is padded by 3, so that the map stays at stride 32 and nothing is computed twice.
    Pools round up, as Caffe's do. fc6_kernel: 1 in the place of 7 leaves out fc6's view of its neighbours; fc_multiple: channels of fc6
    and fc7, in units of the width.
    """

    def __init__(self, width: int, batch_norm: bool, dropout: float, fc6_kernel: int = 7, fc_multiple: int = 64):
        super().__init__()
        if fc6_kernel < 1 or fc6_kernel % 2 == 0 or fc_multiple < 1:
            raise ValueError(f"fc6_kernel {fc6_kernel} must be odd, so that the map keeps its size, fc_multiple {fc_multiple} positive")
        stages, inside = [], 3
        for multiples in VGG16:
            blocks = []
            for multiple in multiples:
                blocks.append(layers.conv_block(inside, multiple * width, batch_norm=batch_norm))
                inside = multiple * width
            stages.append(nn.Sequential(*blocks, nn.MaxPool2d(2, ceil_mode=True)))
        self.stages = nn.ModuleList(stages)
        fc = fc_multiple * width
        self.fc6 = nn.Sequential(nn.Conv2d(inside, fc, fc6_kernel, padding=fc6_kernel // 2), nn.ReLU(inplace=True), nn.Dropout2d(dropout))
        self.fc7 = nn.Sequential(nn.Conv2d(fc, fc, 1), nn.ReLU(inplace=True), nn.Dropout2d(dropout))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> pool3 (B, 4w, H/8, W/8), pool4 (B, 8w, H/16, W/16), fc7 (B, 64w, H/32, W/32) or of fc_multiple w."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps[2], maps[3], self.fc7(self.fc6(maps[4]))


class FCN(layers.Segmenter):
    """FCN-32s, FCN-16s and FCN-8s (Long et al. 2015): score fc7, pool4 and pool3, sum, upsample by transposed convolutions.

    Departures: batch norm after the thirteen 3x3 convolutions (VGG16-BN), without which VGG16 does not train from scratch; the last
    upsampling is learned too; dropout is off unless asked for (the paper's is 0.5). fc6_kernel, fc_multiple: see `VGG`.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        stride: int,
        width: int = 64,
        batch_norm: bool = True,
        dropout: float = 0.0,
        aux: bool = False,
        fc6_kernel: int = 7,
        fc_multiple: int = 64,
    ):
        super().__init__(num_classes, (8 * width,) if aux else ())
        self.encoder = VGG(width, batch_norm, dropout, fc6_kernel, fc_multiple)
        self.score_fc7 = layers.head(fc_multiple * width, num_classes)
        self.score_pool4 = layers.head(8 * width, num_classes) if stride <= 16 else None
        self.score_pool3 = layers.head(4 * width, num_classes) if stride <= 8 else None
        layers.initialise(self)
        self.up_fc7 = layers.bilinear_upsampling(num_classes, 2) if stride <= 16 else None
        self.up_pool4 = layers.bilinear_upsampling(num_classes, 2) if stride <= 8 else None
        self.up = layers.bilinear_upsampling(num_classes, stride)

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> [pool3 (B, 4w, H/8, W/8), pool4 (B, 8w, H/16, W/16), fc7 (B, 64w, H/32, W/32)]."""
        return list(self.encoder(images))

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, >= H, >= W), [pool4 (B, 8w, H/16, W/16)]."""
        pool3, pool4, fc7 = self.encode(images)
        scores = self.score_fc7(fc7)
        if self.score_pool4 is not None:
            scores = layers.cut(self.up_fc7(scores), pool4) + self.score_pool4(pool4)
        if self.score_pool3 is not None:
            scores = layers.cut(self.up_pool4(scores), pool3) + self.score_pool3(pool3)
        return self.up(scores), [pool4]


def convert_vgg(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's VGG16 (with or without batch norm) -> the names of `VGG`; its fully connected layers are convolutions already."""
    names = iter(sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")}))
    batch_norm = any("running_mean" in key for key in state)
    result = {}
    for stage, multiples in enumerate(VGG16):
        for block in range(len(multiples)):
            for layer in range(1 + batch_norm):
                number = next(names)
                for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                    value = state.get(f"features.{number}.{kind}")
                    if value is not None:
                        result[f"stages.{stage}.{block}.{layer}.{kind}"] = value
    return _absorb_bias(result) | _convert_fc(state) if batch_norm else result | _convert_fc(state)


def _absorb_bias(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A convolution's bias before batch norm is the same as a shifted running mean; our convolutions there have none."""
    for key in [k for k in state if k.endswith(".0.bias")]:
        mean = key.removesuffix("0.bias") + "1.running_mean"
        state[mean] = state[mean] - state.pop(key)
    return state


def _convert_fc(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        f"{ours}.0.{kind}": torch.as_tensor(state[f"pre_logits.{theirs}.{kind}"])
        for ours, theirs in (("fc6", "fc1"), ("fc7", "fc2"))
        for kind in ("weight", "bias")
    }
