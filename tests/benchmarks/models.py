"""Run by hand: python tests/benchmarks/models.py [--rounds 5] [--table]. Our U-Net beside a textbook one and, where installed, smp's.

A round trains every candidate for one step, so a busy moment of the machine meets all of them; ratios are medians over the rounds.
--table prints what every family costs: parameters, FLOPs, receptive field, stride, memory, milliseconds on this CPU.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import timing

from seglib import models
from seglib.models import cost

WIDTH, SIZE, BATCH = 16, (144, 192), 8
STUDY = {"fcn_baseline": 16, "fcn8s": 16, "unet": 16, "vit": 192, "swin": 48, "cnn_j": 48, "unet_lite0": 16}


class TextbookUNet(nn.Module):
    """The usual public U-Net: convolutions with bias before batch norm, ReLU out of place; otherwise the layers of ours."""

    def __init__(self, classes: int, width: int):
        super().__init__()
        channels = [3, *(width * 2**i for i in range(5))]
        self.down = nn.ModuleList(self.pair(a, b) for a, b in zip(channels, channels[1:]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(channels[-2:0:-1], channels[:1:-1]))
        self.conv = nn.ModuleList(self.pair(2 * a, a) for a in channels[-2:0:-1])
        self.head = nn.Conv2d(width, classes, 1)

    @staticmethod
    def pair(inside: int, outside: int) -> nn.Sequential:
        layers = []
        for channels in (inside, outside):
            layers += [nn.Conv2d(channels, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, x):
        skips = []
        for stage in self.down[:-1]:
            skips.append(stage(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.down[-1](x)
        for up, conv, skip in zip(self.up, self.conv, reversed(skips)):
            x = conv(torch.cat([skip, up(x)], 1))
        return self.head(x)


def candidates() -> dict[str, nn.Module]:
    found = {"ours": models.build("unet", 19, width=WIDTH), "textbook": TextbookUNet(19, WIDTH)}
    try:
        import segmentation_models_pytorch as smp
    except ImportError:
        print("segmentation_models_pytorch is not installed: pip install -r tests/requirements-peers.txt")
        return found
    # smp's U-Net has no width: its smallest published encoder, and a resnet18 with a narrow decoder.
    decoder = tuple(WIDTH * 2**i for i in (3, 2, 1, 0, 0))
    found["smp resnet18"] = smp.Unet("resnet18", encoder_weights=None, classes=19, decoder_channels=decoder)
    found["smp timm-mobilenetv3_small_minimal_100"] = smp.Unet(
        "timm-mobilenetv3_small_minimal_100", encoder_weights=None, classes=19, decoder_channels=decoder
    )
    return found


def training_step(model: nn.Module, images: torch.Tensor, target: torch.Tensor):
    def step():
        model.zero_grad()
        F.cross_entropy(model(images), target).backward()

    return step


def compare(rounds: int) -> None:
    images, target = torch.randn(BATCH, 3, *SIZE), torch.randint(19, (BATCH, *SIZE))
    found = candidates()
    steps = {name: training_step(model.train(), images, target) for name, model in found.items()}
    timing.paired(steps, 1)
    seconds = timing.paired(steps, rounds)
    print(f"training step, batch {BATCH}, {SIZE[0]}x{SIZE[1]}, {torch.get_num_threads()} thread(s), median of {rounds} rounds")
    print(f"{'model':42} {'M params':>8} {'GFLOP/img':>9} {'img/s':>7} {'GFLOP/s':>8} {'MB':>6} {'time / textbook':>15}")
    for name, model in found.items():
        best = sorted(seconds[name])[rounds // 2]
        work = 3 * cost.flops(model, SIZE) / 1e9  # backward costs twice the forward pass
        memory = cost.peak_memory(model, SIZE, batch=BATCH, train=True)
        row = f"{cost.parameters(model) / 1e6:8.2f} {work:9.2f} {BATCH / best:7.2f} {BATCH * work / best:8.1f} {memory:6.0f}"
        print(f"{name:42} {row} {timing.ratio(seconds, name, 'textbook'):15.3f}")


def table() -> None:
    """Every family at its published size on the meta device, and at its CPU width measured."""
    print("published size: M parameters (encoder), GFLOP at 768x768 (encoder), GFLOP at 1024x2048")
    for name in models.MODELS:
        with torch.device("meta"):
            model = models.build(name, 19)
        whole, encoder = cost.parameters(model) / 1e6, cost.parameters(model.encoder) / 1e6
        at_768, enc_768 = cost.flops(model, (768, 768)) / 1e9, cost.encoder_flops(model, (768, 768)) / 1e9
        print(f"{name:14} {whole:7.2f} ({encoder:6.2f})  {at_768:6.1f} ({enc_768:6.1f})  {cost.flops(model, (1024, 2048)) / 1e9:7.0f}")
    print(f"CPU width at {SIZE[0]}x{SIZE[1]}: M parameters, GFLOP, stride, ms an image forward, MB forward, MB training a batch of 8")
    for name, width in STUDY.items():
        model = models.build(name, 19, width=width)
        memory = cost.peak_memory(model, SIZE), cost.peak_memory(model, SIZE, batch=8, train=True)
        row = f"{cost.parameters(model) / 1e6:6.2f} {cost.flops(model, SIZE) / 1e9:6.2f} {cost.output_stride(model):3d}"
        print(f"{name:14} {row} {cost.milliseconds(model, SIZE):7.1f} {memory[0]:6.0f} {memory[1]:6.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    table() if options.table else compare(options.rounds)
