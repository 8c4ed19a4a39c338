"""A Vision Transformer (Dosovitskiy et al. 2021) with the progressive upsampling decoder of SETR (Zheng et al. 2021)."""

from torch import Tensor, nn

from seglib.models import layers, weights

NAME = "vit_small_patch16_224.augreg_in21k_ft_in1k"
PATCH = 16


class ViT(layers.Segmenter):
    """Images (B, 3, H, W) -> logits (B, K, H, W).

    Encoder: timm's ViT-S/16 (384 wide, 12 deep, heads of 64 channels), pre-norm, its 14x14 position embeddings interpolated to the grid
    of the image. Every patch's token goes back to its place in a (H/16, W/16) map; the class token, which has no place, only takes part in
    attention. Decoder (SETR-PUP): four times [3x3 convolution, batch norm, ReLU, x2 bilinear], two thirds of the width wide. The head
    stands before the last interpolation: a 1x1 convolution and an interpolation commute, and K channels are cheaper than 256.
    """

    multiple = PATCH

    def __init__(
        self,
        num_classes: int,
        *,
        width: int = 384,
        depth: int | None = None,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        aux: bool = False,
        init: str = "random",
    ):
        depth = depth or (12 if width >= 384 else 6)
        if width % 64:
            raise ValueError(f"vit: width {width} is not a multiple of 64, the channels of one attention head")
        super().__init__(num_classes, (width,) if aux else ())
        decoder = width * 2 // 3
        self.decoder = nn.ModuleList(layers.conv_block(width if i == 0 else decoder, decoder) for i in range(4))
        self.dropout = nn.Dropout2d(dropout)
        self.head = layers.head(decoder, num_classes)
        layers.initialise(self)
        size = {"embed_dim": width, "depth": depth, "num_heads": width // 64}
        self.encoder = weights.create(
            NAME, init, published={"embed_dim": 384, "depth": 12, "num_heads": 6}, size=size,
            num_classes=0, global_pool="", dynamic_img_size=True, drop_path_rate=drop_path,
        )  # fmt: skip
        self.depth = depth
        self.mean, self.std = self.encoder.pretrained_cfg["mean"], self.encoder.pretrained_cfg["std"]

    def encode(self, images: Tensor) -> list[Tensor]:
        """images (B, 3, H, W) -> [last block's tokens as a map (B, D, H/16, W/16)]; with an auxiliary head the middle block's before it."""
        if self.aux_heads:
            middle = (self.depth - 1) // 2
            return self.encoder.forward_intermediates(images, indices=[middle, self.depth - 1], norm=True, intermediates_only=True)
        tokens = self.encoder.forward_features(images)[:, 1:]  # (B, 1 + N, D) without the class token -> (B, N, D)
        maps = tokens.transpose(1, 2).unflatten(2, (images.shape[-2] // PATCH, images.shape[-1] // PATCH))
        return [maps.contiguous()]  # as the view it is, the decoder would run channels last, whose weight gradients are slow on a CPU

    def compute(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W) -> logits (B, K, H, W), [(B, D, H/16, W/16) of the middle block when there is an auxiliary head]."""
        *maps, x = self.encode(images)
        for block in self.decoder[:-1]:
            x = block(x)
            x = layers.resize(x, (2 * x.shape[-2], 2 * x.shape[-1]))
        scores = self.head(self.dropout(self.decoder[-1](x)))
        return layers.resize(scores, images.shape[-2:]), maps
