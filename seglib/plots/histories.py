"""Figures of training: scores, losses and gradients per epoch, with the spread over seeds."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from seglib.labels import DATASET_NAMES
from seglib.plots.style import blank, canvas, color, level, looks, marker
from seglib.records import Record

# How a loss is written in figures, and its unit.
LOSS_NAMES = {
    "cross_entropy": "cross-entropy", "weighted_cross_entropy": "weighted cross-entropy", "soft_iou": "soft IoU", "dice": "Dice",
    "generalised_dice": "generalised Dice", "lovasz": "Lovász", "cross_entropy_dice": "cross-entropy + Dice",
}  # fmt: skip
MODEL_NAMES = {
    "fcn_baseline": "FCN baseline", "fcn32s": "FCN-32s", "fcn16s": "FCN-16s", "fcn8s": "FCN-8s", "unet": "U-Net", "vit": "ViT",
    "swin": "Swin V2", "cnn_j": "ConvNeXt, Swin's decoder", "unet_lite0": "EfficientNet-U-Net",
}  # fmt: skip


def series(records: Sequence[Record], key: str, along: str = "epoch") -> tuple[np.ndarray, np.ndarray]:
    """Epochs (E,), or what `along` names, and values (seeds, E) of a history key; NaN where not measured. Runs are cut to the shortest."""
    length = min(len(record.history) for record in records)
    cell = [[np.nan if row.get(key) is None else row[key] for row in record.history[:length]] for record in records]
    return np.array([row[along] for row in records[0].history[:length]], float), np.array(cell, float)


def band(axis, records: Sequence[Record], key: str, index: int, label: str | None, factor: float = 1.0, style: str = "-",
         along: str = "epoch") -> None:  # fmt: skip
    """Mean over seeds as a line, the range from lowest to highest seed as a band."""
    epochs, values = series(records, key, along)
    shown = np.isfinite(values).all(axis=0)
    epochs, values = epochs[shown], factor * values[:, shown]
    if not len(epochs):
        return
    every = max(1, len(epochs) // 8)
    axis.plot(epochs, values.mean(axis=0), style, color=color(index), marker=marker(index), markevery=every, label=label)
    if len(values) > 1:
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color(index), alpha=0.2, linewidth=0)


def curves(groups: Mapping[str, Sequence[Record]], panels: Sequence[tuple], height: float = 6.0, along: str = "epoch") -> Figure:
    """One line per group in each panel. panels: (history key, title, y label, factor, options of `axes.set`).

    along "images" draws them against the images shown, which appended pictures make twice as many in an epoch."""
    if not groups:
        return blank()
    figure, axes = canvas(height, 1, len(panels))
    shown = looks(groups)
    for axis, (key, title, ylabel, factor, options) in zip(axes[0], panels, strict=True):
        for label, records in groups.items():
            band(axis, records, key, shown[label], label, factor, along=along)
        axis.set(title=title, xlabel="images shown" if along == "images" else along, ylabel=ylabel, **options)
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if axis.get_yscale() == "log":  # 0.2 and 0.5 between the decades, which a gradient's norm hardly ever spans
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)))
    return figure


def learning(
    groups: Mapping[str, Sequence[Record]],
    num_classes: int,
    title: str = "Score",
    further: Mapping[str, Mapping[str, Sequence[Record]]] | None = None,
) -> Figure:
    """Learning curves of cross-entropy runs: mIoU on val in % under `title`, and the training loss in nats per pixel with the chance
    line ln K. further {title: groups}: mIoU on val of other runs of the same arms, a panel each, all on one axis; of the first of them
    the training loss, too, whatever it is, on an axis of its own under its name."""
    if not groups:
        return blank()
    scored, further = {title: groups, **(further or {})}, list((further or {}).items())
    lost = [(title, groups), *further[:1]]
    figure, axes = canvas(5.8 if further else 4.9, 1, len(scored) + len(lost))
    miou, falling = axes[0][: len(scored)], axes[0][len(scored) :]
    nats = falling[0]
    figure.get_layout_engine().set(wspace=0.06 if further else 0.1)  # the losses have axes of their own
    for label, index in looks(groups).items():
        for axis, (_, runs) in zip(falling, lost, strict=True):
            if label in runs:
                band(axis, runs[label], "loss", index, label)
        for axis, runs in zip(miou, scored.values(), strict=True):
            if label in runs:
                band(axis, runs[label], "val_miou", index, None, 100.0)
    for axis, (words, runs) in zip(falling, lost, strict=True):
        axis.set(title=f"loss, {words.split(', ')[-1]}" if further else "Training loss", xlabel="epoch")
        axis.set_ylabel("nats per pixel" if axis is nats else _loss_of(runs))
        high = axis.get_ylim()[1] / 1.05
        axis.set_ylim(0, 1.12 * (max(np.log(num_classes), high) if axis is nats else high))
    level(nats, np.log(num_classes), "ln K")
    top = max(axis.get_ylim()[1] for axis in miou)
    for axis, words in zip(miou, scored, strict=True):
        axis.set(title=words, xlabel="epoch", ylabel="mIoU on val, %" if axis is miou[0] else "", ylim=(0, top))
        axis.tick_params(axis="y", labelleft=axis is miou[0])  # one axis for all: the room is the curves'
    for axis in axes[0]:
        axis.xaxis.set_major_locator(MaxNLocator(4 if further else 6, integer=True))
        if further:  # narrow panels
            axis.set_title(axis.get_title().replace(", ", ",\n"), fontsize=7.5)
            plt.setp(axis.lines, markersize=3)
    handles, labels = nats.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)))
    return figure


def _loss_of(groups: Mapping[str, Sequence[Record]]) -> str:
    """What an axis of these runs' training loss is called: the loss they share, "loss" where they have several."""
    found = {record.config["loss"] for records in groups.values() for record in records}
    names = [LOSS_NAMES.get(loss, loss) for loss in found]
    return names[0] if len(names) == 1 else "loss"


def losses(data_sets: Mapping[str, Mapping[str, Sequence[Record]]], num_classes: Mapping[str, int]) -> Figure:
    """Figure 6. {data set: {loss: records}}: mIoU on val per epoch, one panel per data set on the same axes, then each loss in its unit.

    Cross-entropy in nats per pixel with the chance line ln K of each data set; soft IoU and Dice lie in [0, 1] and share a panel. In the
    last two panels further data sets are dashed and dotted.
    """
    if not any(data_sets.values()):
        return blank()
    figure, axes = canvas(4.8, 1, len(data_sets) + 2)
    figure.get_layout_engine().set(wspace=0.1)  # three of the panels have an axis of their own
    *miou, nats, overlap = axes[0]
    look = looks(dict.fromkeys(LOSS_NAMES.get(loss, loss) for groups in data_sets.values() for loss in groups))
    for axis, style, (name, groups) in zip(miou, ("-", "--", ":"), data_sets.items(), strict=False):
        for loss, records in groups.items():
            label = LOSS_NAMES.get(loss, loss)
            band(axis, records, "val_miou", look[label], label, 100.0)
            band(nats if "cross_entropy" in loss else overlap, records, "loss", look[label], None, style=style)
        level(nats, np.log(num_classes[name]), f"chance, {DATASET_NAMES.get(name, name)}")
        axis.set(title=f"score, {DATASET_NAMES.get(name, name)}", xlabel="epoch", ylabel="mIoU on val, %" if axis is miou[0] else "")
    nats.set(title="loss: cross-entropy", xlabel="epoch", ylabel="nats per pixel", ylim=(0, None))
    overlap.set(title="loss: overlap", xlabel="epoch", ylabel="1 − overlap", ylim=(None, 1.02))
    nats.set_ylim(top=1.12 * max(np.log(num_classes[name]) for name in data_sets))
    for axis in axes[0]:
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    top = max(axis.get_ylim()[1] for axis in miou)
    for axis in miou:
        axis.set_ylim(0, top)
    handles, labels = miou[0].get_legend_handles_labels()
    styles = zip(data_sets, ("solid", "dashed", "dotted"), strict=False) if len(data_sets) > 1 else ()
    title = (
        "loss panels: " + ", ".join(f"{DATASET_NAMES.get(name, name)} {style}" for name, style in styles) if len(data_sets) > 1 else None
    )
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), title=title)
    return figure


def gradients(groups: Mapping[str, Sequence[Record]]) -> Figure:
    """Norm of the gradient per epoch and loss, before clipping, on a log axis, beside the learning rate."""
    shown = {LOSS_NAMES.get(name, name): records for name, records in groups.items()}
    panels = [
        ("grad_norm", "Gradient", "L2 norm of the gradient", 1.0, {"yscale": "log"}),
        ("lr", "Learning rate", "learning rate", 1.0, {}),
    ]
    return curves(shown, panels, height=5.5)
