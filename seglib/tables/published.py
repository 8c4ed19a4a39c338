"""Numbers of others, with their source: rows that stand beside ours. Keys and values are those of report/published.tex."""

from typing import NamedTuple


class Row(NamedTuple):
    """mIoU in per cent of a published model; `cite` is its key in report/references.bib."""

    key: str
    dataset: str
    model: str
    miou: float
    note: str
    cite: str


ROWS = (
    Row("camvid/unet", "camvid", "U-Net-like, 20 M", 55.2, "not pretrained", "jegou2017"),
    Row("camvid/fcn8s", "camvid", "FCN-8s", 57.0, "pretrained", "jegou2017"),
    Row("camvid/fcdensenet103", "camvid", "FC-DenseNet103", 66.9, "not pretrained", "jegou2017"),
    Row("cityscapes/prior", "cityscapes", "per-pixel prior", 10.1, "floor", "cordts2016"),
    Row("cityscapes/fcn8s", "cityscapes", "FCN-8s", 65.3, "pretrained, full size", "cordts2016"),
    Row("cityscapes/unet", "cityscapes", "U-Net", 69.1, "not pretrained, 160,000 steps", "mmseg2020"),
    Row("cityscapes/setr-random", "cityscapes", "SETR, ViT-L", 42.3, "not pretrained", "zheng2021"),
    Row("cityscapes/setr", "cityscapes", "SETR, ViT-L", 78.4, "pretrained", "zheng2021"),
    Row("cityscapes/semask-t", "cityscapes", "SeMask, Swin-T", 74.9, "pretrained", "jain2023"),
)
BESIDE = {"camvid": "camvid", "streets": "cityscapes", "cityscapes": "cityscapes"}  # whose published rows stand under our data set


def beside(dataset: str) -> list[Row]:
    """The published rows to print under our results on `dataset`."""
    return [row for row in ROWS if row.dataset == BESIDE[dataset] and row.note != "floor"]
