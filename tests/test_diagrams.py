"""Figures 2 to 5, EfficientNet-U-Net's and the controls' show the shapes of the modules they are handed, legibly and inside the page."""

import io
import sys

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from seglib import diagrams, models, study
from seglib.diagrams import draw as paper

DRAWN = {"baseline": ("fcn_baseline", 4), "fcn": ("fcn8s", 4), "unet": ("unet", 4), "vit": ("vit", 64), "swin": ("swin", 16)}
DRAWN |= {"lite": ("unet_lite0", 4)}
FULL = {
    "baseline": ("fcn_baseline", {"256", "96×96", "384×384", "19 scores a pixel\n768×768"}),
    "fcn": ("fcn8s", {"4096", "512", "pool4\n48×48", "19 scores\n24×24", "×8", "×2", "×3", "fc6\n7×7"}),
    "unet": ("unet", {"512+512", "1024", "48×48", "19 scores a pixel\n768×768"}),
    "vit": ("vit", {"linear projection,\n768 → 384", "MLP\n384 →\n1536 →\n384", "2304", "384×384"}),
    "swin": (
        "swin",
        {
            "stage 1: 2 blocks\n192×192 tokens\n96 channels\n576 windows",
            "stage 3: 6 blocks\n48×48 tokens\n384 channels\n36 windows",
            "MLP, C → 4C → C",
            "24",
        },
    ),
    "lite": ("unet_lite0", {"112+256", "6 blocks\n48×48", "5 blocks\n24×24", "block, k = 5", "1×1, C → 6C", "19 scores\n768×768"}),
}


def texts(figure) -> list:
    return [text for axes in figure.axes for text in axes.texts]


def words(figure) -> set[str]:
    """What is written, all lines of a label together."""
    return {text.get_label() for text in texts(figure)}


def beside(figure_name, size=(768, 768)):
    """The figure as it is printed: the published network, and the trained one in parentheses."""
    name, profile = DRAWN[figure_name][0], study.profile("cpu-full")
    with torch.device("meta"):
        published, trained = models.build(name, 19), models.build(name, 19, **profile.options[name])
    return getattr(diagrams, figure_name)(published, size, trained=(trained, profile.size["streets"]))


def draw(figure_name, *, width=None, classes=19, size=(768, 768), **options):
    name, small = DRAWN[figure_name]
    with torch.device("meta"):
        model = models.build(name, classes, width=width or small, **options)
    return getattr(diagrams, figure_name)(model, size)


@pytest.mark.parametrize("figure_name", FULL)
def test_the_published_size_is_drawn(figure_name):
    name, expected = FULL[figure_name]
    with torch.device("meta"):
        model = models.build(name, 19)
    assert expected <= words(getattr(diagrams, figure_name)(model))


@pytest.mark.parametrize("figure_name", DRAWN)
def test_another_module_draws_other_numbers(figure_name):
    assert words(draw(figure_name)) != words(draw(figure_name, classes=11))
    assert words(draw(figure_name)) != words(draw(figure_name, size=(256, 512)))


@pytest.mark.parametrize("make", [draw, beside])
@pytest.mark.parametrize("size", [(768, 768), (360, 480), (144, 192)])
@pytest.mark.parametrize("figure_name", DRAWN)
def test_words_are_legible_and_inside_the_page(figure_name, size, make):
    figure = make(figure_name, size=size)
    figure.canvas.draw()
    page = figure.bbox
    for text in texts(figure):
        assert text.get_fontsize() >= 7
        extent = text.get_window_extent()
        inside = page.x0 <= extent.x0 and extent.x1 <= page.x1 and page.y0 <= extent.y0 and extent.y1 <= page.y1
        assert inside, text.get_text()


@pytest.mark.parametrize("figure_name", DRAWN)
def test_no_words_cover_others(figure_name):
    figure = beside(figure_name)
    figure.set_dpi(150)  # as it is saved: hinted letters are wider than printed ones
    figure.canvas.draw()
    found = [(text, text.get_window_extent().padded(1, -0.5)) for text in texts(figure)]
    for i, (text, extent) in enumerate(found):
        for other, place in found[i + 1 :]:
            assert text.get_label() == other.get_label() or not extent.overlaps(place), (text.get_text(), other.get_text())


def test_one_network_or_two_of_one_kind_have_no_parentheses():
    with torch.device("meta"):
        model = models.build("unet", 19)
    twice = words(diagrams.unet(model, trained=(model, (768, 768))))
    assert words(diagrams.unet(model)) - {""} == {label for label in twice if "published width" not in label}


def inked(figure) -> tuple[np.ndarray, np.ndarray]:
    """Where the page is written on (H, W), and where in the trained network's colour."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    return (page < 200).any(-1), page[..., 2] - page[..., 0] > 60


def columns(mask: np.ndarray) -> tuple[int, int]:
    found = np.flatnonzero(mask.any(0))
    return found[0], found[-1]


def test_the_trained_part_is_written_where_it_belongs_in_its_colour():
    (plain, page), (marked, other) = paper.page(2), paper.page(2)
    paper.text(page, 8, 1, "64 (16): wide", va="baseline")
    paper.text(other, 8, 1, "64 ‹(16)›: wide")
    (before, none), (after, blue) = inked(plain), inked(marked)
    assert not none.any() and np.allclose(columns(before), columns(after), atol=2)
    first, last = columns(after)
    assert first < columns(blue)[0] < columns(blue)[1] < last


@pytest.mark.parametrize("figure_name", DRAWN)
def test_pictures_in_either_layout_and_none(figure_name):
    name, width = DRAWN[figure_name]
    model = models.build(name, 19, width=width)
    scene = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
    pages = []
    for image in (scene, scene.transpose(2, 0, 1)):
        stream = io.BytesIO()
        getattr(diagrams, figure_name)(model, (96, 96), image, scene).savefig(stream, format="raw", dpi=40)
        pages.append(stream.getvalue())
    assert pages[0] == pages[1]


def test_a_unet_without_skips_has_none_drawn_and_none_in_the_legend():
    copied = "copy of the\nencoder's map"
    assert copied in words(draw("unet")) and any("+" in text for text in words(draw("unet")))
    assert copied in words(draw("unet", fine_skips=False))
    assert copied not in words(draw("unet", skips=False)) and not any("+" in text for text in words(draw("unet", skips=False)))


def test_a_unet_behind_patches_is_no_u():
    with pytest.raises(ValueError, match="stem='convolutions'"):
        draw("unet", stem="patches")


def test_sides_are_said_to_be_extended_where_they_are():
    words_of = {size: " ".join(words(draw("lite", size=size))) for size in ((96, 192), (144, 192))}
    assert "multiples" not in words_of[96, 192] and "sides are extended to multiples of 32" in words_of[144, 192]
    assert "160×192" in words_of[144, 192] and "19 scores\n144×192" in words_of[144, 192]


@pytest.mark.parametrize("name", ["fcn16s", "fcn32s"])
def test_the_other_fcns(name):
    with torch.device("meta"):
        drawn = words(diagrams.fcn(models.build(name, 19, width=8)))
    assert ("×32" if name == "fcn32s" else "×16") in drawn


def test_shapes_are_those_of_a_real_pass():
    model = models.build("unet", 5, width=4).eval()
    seen = {}
    model.decoder[1].register_forward_hook(lambda *args: seen.update(real=tuple(args[2].shape[1:])))
    model(torch.zeros(1, 3, 90, 70))
    found = diagrams.shapes(model, (90, 70))
    assert found["decoder.1"] == seen["real"] == (16, 23, 18)
    assert found["image"] == (3, 90, 70) and found[""] == (5, 90, 70)
    assert next(model.parameters()).device.type == "cpu", "the model itself must be left as it was"


U_NET, SWIN = ("U-Net", "no\nfine skips", "patches"), ("Swin V2", "convolutions", "ConvNeXt")


def controls(profile="cpu-full", **changes):
    """The families' controls as notebook 02 draws them. changes {title: settings}: another network in the place of one of them."""
    here, made = study.profile(profile), {}
    chosen = {"no\nfine skips": {"fine_skips": False}, "patches": {"stem": "patches"}, "convolutions": {"stem": "convolutions"}} | changes
    with torch.device("meta"):
        for title in (*U_NET, *SWIN):
            name, family = "cnn_j" if title == "ConvNeXt" else "unet" if title in U_NET else "swin", "unet" if title in U_NET else "swin"
            made[title] = models.build(name, 19, **here.options[family] | chosen.get(title, {}))
    origin = {title: group[0] for group in (U_NET, SWIN) for title in group[1:]}
    return diagrams.controls(made, here.size["streets"], of=origin)


def marks(figure, column: int) -> tuple[list[set[int]], set[int]]:
    """What is vermilion in one network's column: the strides of each frame's rows, and those of the crosses."""
    module = sys.modules["seglib.diagrams.controls"]
    lefts = module._lefts([*U_NET, *SWIN], dict.fromkeys((*U_NET[1:], *SWIN[1:])))
    left, right = lefts[column] - 0.2, lefts[column] + module.STEP - 0.2
    axes, rows = figure.axes[0], {stride: module._row(stride) for stride in module.STRIDES}
    frames = []
    for patch in axes.patches:
        if isinstance(patch, FancyBboxPatch) and to_hex(patch.get_edgecolor()).upper() == paper.POOL:
            low, high = patch.get_y(), patch.get_y() + patch.get_height()
            if left < patch.get_x() < right and low > module.HIGH / 10:  # the legend's is below
                frames.append({stride for stride, y in rows.items() if low < y < high})
    crosses = [np.mean(line.get_ydata()) for line in axes.lines if line.get_color() == paper.POOL and left < line.get_xdata()[0] < right]
    return frames, {stride for stride, y in rows.items() for cross in crosses if abs(y - cross) < 0.01}


@pytest.mark.parametrize(("profile", "channels", "blocks"), [
    ("cpu-full", {"256", "12", "384"}, {"2 Swin V2 blocks", "3 ConvNeXt blocks"}),
    ("smoke", {"64", "4", "128"}, {"1 Swin V2 block", "1 ConvNeXt block"}),
    ("gpu", {"1024", "24", "768"}, {"2 to 6 Swin V2 blocks", "3 to 9 ConvNeXt blocks"}),
])  # fmt: skip
def test_controls_have_their_channels_and_blocks_and_words_apart(profile, channels, blocks):
    figure = controls(profile)
    figure.set_dpi(150)
    figure.canvas.draw()
    assert channels | blocks | {"(b) no\nfine skips", "4×4\npatches", "7×7 convolution\nof each channel", "MLP, C→4C→C"} <= words(figure)
    found = [(text, text.get_window_extent().padded(-0.5)) for text in texts(figure)]
    page = figure.bbox
    for i, (text, place) in enumerate(found):
        inside = page.x0 <= place.x0 and place.x1 <= page.x1 and page.y0 <= place.y0 and place.y1 <= page.y1
        assert text.get_fontsize() >= 7 and inside, text.get_text()
        assert not any(place.overlaps(other) for _, other in found[i + 1 :]), text.get_text()


def test_what_a_control_changes_is_framed_and_nothing_else():
    figure = controls()
    found = [marks(figure, column) for column in range(6)]
    assert found == [([], set()), ([{1, 2}], {1, 2}), ([{1, 2}], set()), ([], set()), ([{1, 2}], set()), ([{4, 8, 16, 32}], set())]
    assert marks(controls(**{"no\nfine skips": {"skips": False}}), 1) == ([{1, 2, 4, 8}], {1, 2, 4, 8})
    assert marks(controls(**{"no\nfine skips": {}}), 1) == ([], set()), "a network like its origin"


def test_controls_of_other_networks_are_refused():
    with torch.device("meta"):
        vit = models.build("vit", 19, width=64)
    with pytest.raises(ValueError, match="U-Nets and of networks with Swin's decoder"):
        diagrams.controls({"ViT": vit}, (96, 96))
