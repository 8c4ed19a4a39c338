"""What all figures share: size, fonts, colours safe for the colour-blind, and saving with the hash of the records behind them."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from seglib.labels import IGNORE, LabelTable
from seglib.records import Record

# Okabe and Ito 2008: told apart with every common kind of colour blindness. A marker goes with each, so that print in grey works too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Whose looks are the same everywhere; a network and a loss of one look never share a legend.
FAMILIES = ("FCN baseline", "FCN-8s", "U-Net", "ViT", "Swin V2")
LOSSES = ("cross-entropy", "soft IoU", "Dice", "Lovász", "weighted cross-entropy", "generalised Dice", "cross-entropy + Dice")
WIDTH = 16.0  # cm: the text column of an A4 page
_ROOT = Path(__file__).resolve().parents[2]
_STYLE = {
    "font.size": 8, "axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "legend.title_fontsize": 7, "figure.titlesize": 9, "axes.linewidth": 0.6, "grid.linewidth": 0.4, "lines.linewidth": 1.3,
    "lines.markersize": 4, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "pdf.fonttype": 42, "savefig.dpi": 150, "figure.dpi": 110, "axes.grid": True, "legend.frameon": False, "axes.axisbelow": True,
    "font.family": "DejaVu Sans", "axes.spines.top": False, "axes.spines.right": False, "image.interpolation": "nearest",
}  # fmt: skip


def canvas(height: float, rows: int = 1, columns: int = 1, *, width: float = WIDTH, **options) -> tuple[Figure, np.ndarray]:
    """A figure of `width` x `height` cm and its axes (rows, columns). `options` go to `Figure.subplots`.

    The figure is not registered with pyplot, so a notebook shows it once, where it is the cell's last value.
    """
    sns.set_theme(style="whitegrid", rc=_STYLE)
    plt.rcParams.update(_STYLE)
    figure = Figure(figsize=(width / 2.54, height / 2.54), layout="constrained")
    if columns > 1:  # room between a panel and its neighbour's label
        figure.get_layout_engine().set(wspace=0.05)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def blank(text: str = "no records of this experiment yet") -> Figure:
    """A figure that says why it shows nothing."""
    figure, axes = canvas(1.5)
    axes[0, 0].text(0.5, 0.5, text, ha="center", va="center", color="0.4")
    axes[0, 0].axis("off")
    return figure


def looks(labels: Iterable[str]) -> dict[str, int]:
    """The index of colour and marker for each label: a network family or a loss has the same in every figure, others take what is left in
    turn, beside a family first the looks that no family has."""
    labels = list(labels)
    kept = {label: known.index(label) for known in (FAMILIES, LOSSES) for label in labels if label in known}
    others = range(len(FAMILIES) if set(FAMILIES) & set(labels) else 0, len(COLORS))
    order = [*others, *(i for i in range(len(COLORS)) if i not in others), *range(len(COLORS), len(COLORS) + len(labels))]
    free = iter([i for i in order if i not in kept.values()])
    return {label: kept[label] if label in kept else next(free) for label in labels}


def color(index: int) -> str:
    return COLORS[index % len(COLORS)]


def marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]


def level(axis, value: float, text: str) -> None:
    """A dotted line at `value` with its name at the right end."""
    axis.axhline(value, color="0.3", linestyle=":", linewidth=1)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # no grid line through the words
    place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right", "va": "bottom"}
    axis.annotate(text, (0.98, value), xytext=(0, 2), **place, fontsize=7, color="0.3", bbox=paper)


def across(axis, levels: Mapping[str, float]) -> dict:
    """A broken line at each level {words: value}, in the order of the styles -> its handles for a legend."""
    styles = zip(levels.items(), (":", "--", "-."), strict=False)
    return {words: axis.axhline(value, color="0.3", linestyle=style, linewidth=1, zorder=1) for (words, value), style in styles}


def titled(figure: Figure, text: str) -> Figure:
    """The figure under one line that says which runs it shows; a figure that shows nothing stays as it is."""
    if any(axis.has_data() for axis in figure.axes):
        figure.suptitle(text)
    return figure


def picture(axes, image: np.ndarray, title: str = "", **options) -> None:
    """Show (H, W) or (H, W, 3) without axes; a title of one line."""
    axes.imshow(image, **options)
    axes.set_title(title, pad=3)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def luminance(colors) -> np.ndarray:
    """sRGB in [0, 1], last axis of 3 -> relative luminance as WCAG 2 defines it: 0 black, 1 white."""
    colors = np.asarray(colors, float)
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


def class_legend(figure: Figure, table: LabelTable, present: Iterable[int] | None = None, *, columns: int = 7, extra: dict | None = None):
    """A patch per class of `present` (all by default), void in black where it occurs, and `extra` {name: colour}: below the figure, or in
    one column to its right."""
    present = [*range(table.num_classes), IGNORE] if present is None else {int(k) for k in present}
    chosen = sorted(k for k in present if k < table.num_classes)
    patches = [Patch(facecolor=table.colors[k] / 255, edgecolor="0.4", linewidth=0.3, label=table.names[k]) for k in chosen]
    patches += [Patch(facecolor="black", label="void")] if IGNORE in present else []
    patches += [Patch(facecolor=value, label=name) for name, value in (extra or {}).items()]
    beside = {"loc": "outside right center", "labelspacing": 0.05, "fontsize": 6.5}
    place = beside if columns == 1 else {"loc": "outside lower center", "columnspacing": 1.2}
    figure.legend(handles=patches, ncols=min(columns, len(patches)), handlelength=1.2, **place)


def records_hash(records: Iterable[Record]) -> str:
    """sha256 over the whole content of the records, in the order of their names; the same for the same set, however it was loaded."""
    digest = hashlib.sha256()
    for record in sorted({record.name: record for record in records}.values(), key=lambda record: record.name):
        plain = {key: value for key, value in vars(record).items() if key != "scores"}
        digest.update(json.dumps(plain, sort_keys=True).encode())
        for split, scores in sorted(record.scores.items()):
            for key, value in sorted(vars(scores).items()):
                content = value.encode() if isinstance(value, str) else b"" if value is None else np.ascontiguousarray(value).tobytes()
                digest.update(f"{split}.{key}:".encode() + content)
    return digest.hexdigest()


def folder() -> Path:
    """Where figures go: $SEGLIB_OUTPUT/figures, or figures/ of the project where it is not set."""
    return Path(os.environ["SEGLIB_OUTPUT"]) / "figures" if os.environ.get("SEGLIB_OUTPUT") else _ROOT / "figures"


def save(figure: Figure, stem: str, records: Iterable[Record] = ()) -> Path:
    """Write <stem>.pdf and <stem>.png with the records' names and sha256 in their metadata; returns the PDF's path.

    The same records give the same bytes: no date is written. Files are written beside and moved, so a stopped run leaves no half figure.
    OSError names the file that could not be written.
    """
    records = list(records)
    names = ", ".join(sorted({record.name for record in records})) or "none"
    known = {"Title": stem, "Subject": f"records: {names}", "Keywords": f"sha256:{records_hash(records)}"}
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    undated = {"pdf": {"CreationDate": None, "Producer": None, "Creator": "seglib"}, "png": {"Software": "seglib"}}
    with plt.rc_context(_STYLE):
        for suffix, extra in undated.items():
            part = target / f".{stem}.{os.getpid()}.part"
            try:
                figure.savefig(part, format=suffix, metadata=known | extra)
                part.replace(target / f"{stem}.{suffix}")
            except OSError as error:  # a full disk: the picture library names no file
                part.unlink(missing_ok=True)
                raise OSError(error.errno, error.strerror, str(target / f"{stem}.{suffix}")) from error
    return target / f"{stem}.pdf"
