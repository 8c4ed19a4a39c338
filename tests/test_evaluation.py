"""Predictions at any size: streamed, in windows, mirrored and rescaled, against the plain way of computing the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from training_helpers import load

from seglib import evaluation, models, scores
from seglib.data import cityscapes
from seglib.evaluation import outputs
from seglib.labels import IGNORE


def picture(height, width, seed=0) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return models.build("fcn_baseline", 11, width=8).eval()


@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 90), st.integers(2, 90), st.integers(1, 12), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_streamed_decision_is_the_whole_one(h, w, height, width, classes, every):
    maps = torch.randn(classes, h, w, generator=torch.Generator().manual_seed(h * w))
    whole = F.interpolate(maps[None], size=(height, width), mode="bilinear", align_corners=False)[0]
    labels, confidence = outputs.decide(maps, (height, width), classes, every)
    assert torch.equal(labels, whole.argmax(0).to(torch.uint8))
    assert torch.allclose(confidence, whole.softmax(0).amax(0)[::every, ::every], atol=1e-6)


def test_void_class_becomes_void():
    maps = torch.zeros(4, 2, 2)
    maps[3, 0] = 1
    labels, _ = outputs.decide(maps, (2, 2), 3)
    assert labels.tolist() == [[IGNORE, IGNORE], [0, 0]]


@pytest.mark.parametrize("size", [(96, 160), (130, 170), (64, 200)])
@pytest.mark.parametrize("window, overlap", [((64, 64), 24), ((64, 96), 32)])
def test_windows_are_exact_at_the_seams(model, size, window, overlap):
    """fcn_baseline reaches 11 pixels and has stride 8: windows on its grid, cut by 12, give the whole image's logits."""
    image = picture(*size)
    whole = evaluation.logits(model, image)
    tiled = evaluation.logits(model, image, window=window, overlap=overlap)
    assert whole.shape == tiled.shape == (11, *size)
    assert (whole - tiled).abs().max() < 1e-5


def test_windows_without_overlap_are_not(model):
    """The seams are real: without overlap the same comparison fails."""
    image = picture(96, 160)
    assert (evaluation.logits(model, image) - evaluation.logits(model, image, window=(64, 64))).abs().max() > 1e-3
    with pytest.raises(ValueError, match="overlap=64"):
        evaluation.logits(model, image, window=(64, 64), overlap=64)


@given(st.integers(32, 400), st.integers(32, 200), st.integers(0, 31))
@settings(max_examples=100, deadline=None)
def test_windows_tile_the_axis(length, window, overlap):
    spans = list(outputs._spans(length, min(window, length), overlap))
    assert spans[0][0] == 0 and spans[-1][1] == length
    kept = [pixel for _, _, first, last in spans for pixel in range(first, last)]
    assert kept == list(range(length))
    for start, end, first, last in spans:
        assert start <= first <= last <= end and end - start >= min(window, length)


class Bright(torch.nn.Module):
    """Logits = the image's own channels: what a transform does to the image can be seen in the output."""

    mean, std, num_classes = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 3

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        return images * self.weight


def test_mirrored_and_rescaled_copies_are_undone():
    image = picture(40, 60)
    plain = evaluation.logits(Bright(), image)
    assert torch.allclose(evaluation.logits(Bright(), image, flip=True), plain, atol=1e-6)
    smooth = torch.arange(60, dtype=torch.uint8).expand(3, 40, 60) * 4
    plain, scaled = evaluation.logits(Bright(), smooth), evaluation.logits(Bright(), smooth, scales=(1.0, 2.0))
    assert (plain - scaled)[:, :, 2:-2].abs().max() < 2 / 255  # uint8 rounding of the enlarged image


def test_flip_is_the_mean_of_both(model):
    image = picture(64, 96)
    both = (evaluation.logits(model, image) + evaluation.logits(model, image.flip(-1)).flip(-1)) / 2
    assert torch.allclose(evaluation.logits(model, image, flip=True), both, atol=1e-6)


def test_predict_any_size(model):
    labels, confidence = evaluation.predict(model, picture(75, 131), size=(48, 64))
    assert labels.shape == confidence.shape == (75, 131) and labels.dtype == np.uint8 and confidence.dtype == np.float32
    assert confidence.min() >= 1 / 11 and confidence.max() <= 1
    with pytest.raises(ValueError, match="expected uint8"):
        evaluation.predict(model, picture(40, 40).float())


def test_evaluate_counts_by_hand(model):
    dataset = load("camvid", "test", size=(48, 64))
    found = evaluation.evaluate(model, dataset, size=(48, 64))
    matrix = np.zeros((11, 12), np.int64)
    for i in range(len(dataset)):
        target, _ = dataset.truth(i)
        logits = model(evaluation.normalise(dataset[i].image[None], model))
        predicted = F.interpolate(logits, size=target.shape, mode="bilinear", align_corners=False)[0].argmax(0)
        matrix += scores.confusion(target.numpy(), predicted.numpy(), 11)
    assert np.array_equal(found.matrix, matrix) and found.labels == "camvid" and found.tp.shape == (3, 11)
    assert found.instance_tp is None and found.boundary.shape == (3, 11)
    assert found.calibration[:, 0].sum() == sum((dataset.truth(i)[0][::4, ::4] != IGNORE).sum() for i in range(3))
    model.train()
    again = evaluation.evaluate(model, dataset, size=(48, 64))
    assert np.array_equal(again.matrix, matrix) and model.training  # scored in eval mode, handed back as it came
    model.eval()


def test_stretched_mask_is_nearest(model):
    image = picture(96, 128)
    small = evaluation.logits(model, image, size=(48, 64)).argmax(0).numpy()
    assert np.array_equal(evaluation.stretched_mask(model, image, size=(48, 64)), small.repeat(2, 0).repeat(2, 1))
    dataset = load("camvid", "test", size=(48, 64))
    found = evaluation.evaluate(model, dataset, size=(48, 64), mask="stretch")
    assert found.matrix.sum() == evaluation.evaluate(model, dataset, size=(48, 64)).matrix.sum() and found.calibration is None


def test_errors(model):
    dataset = load("camvid", "test", size=(48, 64))
    with pytest.raises(ValueError, match="7 outputs"):
        evaluation.evaluate(models.build("fcn_baseline", 7, width=8), dataset, size=(48, 64))
    with pytest.raises(ValueError, match="choose logits or stretch"):
        evaluation.evaluate(model, dataset, size=(48, 64), mask="nearest")
    broken = Bright()
    broken.weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        evaluation.predict(broken, picture(40, 40))


def test_export_is_what_the_scorer_reads(tmp_path, model):
    """Label ids of the files, one PNG per image, at the truth's own size."""
    dataset = load("camvid", "val", size=(48, 64))
    paths = evaluation.export(model, dataset, tmp_path, size=(48, 64))
    assert [path.name for path in paths] == [f"{i:03d}_pred_labelIds.png" for i in range(5)]
    for i, path in enumerate(paths):
        ids = np.array(Image.open(path))
        assert ids.shape == (96, 128) and ids.dtype == np.uint8
        whole, _ = outputs.decide(evaluation.logits(model, dataset[i].image), (96, 128), 11)
        assert np.array_equal(ids, dataset.labels.to_file[whole.numpy()])


def test_export_of_pictures_without_labels(tmp_path):
    """The official test split: images alone, named as the server expects, at their own size."""
    city = tmp_path / "leftImg8bit" / "test" / "berlin"
    city.mkdir(parents=True)
    Image.fromarray(picture(96, 128).permute(1, 2, 0).numpy()).save(city / "berlin_000000_000019_leftImg8bit.png")
    pictures = cityscapes.Pictures(tmp_path)
    model = models.build("fcn_baseline", 19, width=8).eval()
    (path,) = evaluation.export(model, pictures, tmp_path / "out", size=(48, 64))
    assert path.name == "berlin_000000_000019_pred_labelIds.png"
    ids = np.array(Image.open(path))
    assert ids.shape == (96, 128) and set(np.unique(ids)) <= set(pictures.labels.to_file[:19])
    with pytest.raises(FileNotFoundError, match="no images of val"):
        cityscapes.Pictures(tmp_path, "val")
