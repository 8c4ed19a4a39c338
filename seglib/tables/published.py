"""Numbers of others, with their source: rows that stand beside ours. Keys and values are those of report/published.tex."""

from typing import NamedTuple

# Shares of the labelled pixels of Cityscapes' fine training set, per cent, by train id, as commonly quoted (rounded).
CITYSCAPES_SHARES = (36.9, 6.1, 22.8, 0.65, 0.88, 1.23, 0.21, 0.55, 15.9, 1.16, 4.0, 1.22, 0.13, 7.0, 0.27, 0.24, 0.23, 0.10, 0.41)


class Row(NamedTuple):
    """mIoU in per cent of a published model; `cite` is its key in report/references.bib."""

    key: str
    dataset: str
    model: str
    miou: float
    note: str
    cite: str


ROWS = (
    Row("camvid/segnet", "camvid", "SegNet, VGG16", 46.4, "ImageNet-1k", "jegou2017"),
    Row("camvid/unet", "camvid", "FC-DenseNet, plain decoder", 55.2, "random", "jegou2017"),
    Row("camvid/fcn8s", "camvid", "FCN-8s, VGG16", 57.0, "ImageNet-1k", "jegou2017"),
    Row("camvid/fcdensenet103", "camvid", "FC-DenseNet103", 66.9, "random", "jegou2017"),
    Row("cityscapes/prior", "cityscapes", "per-pixel prior", 10.1, "floor", "cordts2016"),
    Row("cityscapes/fcn8s", "cityscapes", "FCN-8s, VGG16", 65.3, "ImageNet-1k", "cordts2016"),
    Row("cityscapes/unet", "cityscapes", "U-Net, 160,000 steps", 69.1, "random", "mmseg2020"),
    Row("cityscapes/setr-random", "cityscapes", "SETR-PUP, ViT-L", 42.3, "random", "zheng2021"),
    Row("cityscapes/setr", "cityscapes", "SETR-PUP, ViT-L", 78.4, "ImageNet-21k", "zheng2021"),
    Row("cityscapes/semask-t", "cityscapes", "SeMask, Swin-T", 74.9, "ImageNet-1k", "jain2023"),
    Row("cityscapes/mask2former", "cityscapes", "Mask2Former, Swin-L", 83.7, "ImageNet-21k", "mmseg2020"),
)
