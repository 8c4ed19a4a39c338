"""The settings of a run do what they say: averages, early stopping, void, class weights, pretraining, frozen statistics."""

import json
import math

import numpy as np
import pytest
import torch
from training_helpers import config, load, weights_digest

from seglib import checkpoints, data, losses, models, training
from seglib.training import optimisation, state, validation


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(data, "load", load)


def run_of(tmp_path, **settings) -> state.Run:
    return state.Run(training.resolve(config(**settings)), tmp_path / "run")


def test_norms_and_biases_do_not_decay():
    model = models.build("unet", 11, width=4)
    for name in optimisation.OPTIMISERS:
        decayed, free = optimisation.make_optimiser(config(optimiser=name, weight_decay=0.1), model).param_groups
        assert decayed["weight_decay"] == 0.1 and free["weight_decay"] == 0
        assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim <= 1 for p in free["params"])
        assert len(decayed["params"]) + len(free["params"]) == len(list(model.parameters()))


def test_an_encoder_may_have_a_rate_of_its_own():
    model = models.build("unet", 11, width=4)
    settings = config(encoder_lr=0.1, weight_decay=0.1)
    optimiser = optimisation.make_optimiser(settings, model)
    optimisation.set_rates(optimiser, 1e-2, 0.9)
    rate = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert {rate[id(p)] for p in model.encoder.parameters()} == {1e-3}
    inside = set(map(id, model.encoder.parameters()))
    assert {rate[id(p)] for p in model.parameters() if id(p) not in inside} == {1e-2} and len(rate) == len(list(model.parameters()))
    decay = {group["weight_decay"] for group in optimiser.param_groups for p in group["params"] if p.ndim <= 1}
    assert decay == {0}
    with pytest.raises(ValueError, match="encoder_lr=-1"):
        config(encoder_lr=-1)


@pytest.mark.parametrize("name", optimisation.OPTIMISERS)
def test_every_optimiser_lowers_the_loss(tmp_path, name):
    lr = 0.1 if name == "sgd" else 5e-3
    record = training.train(config(optimiser=name, lr=lr, epochs=4, final="none"), folder=tmp_path, progress=False)
    assert record.history[-1]["loss"] < 0.98 * record.history[0]["loss"]
    assert record.scores == {}


def test_average_of_the_weights():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average, expected = optimisation.Average(model, 0.5), model[0].weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            model[0].weight += 1
            model[1].running_mean += 1
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model[0].weight.detach()
    assert torch.allclose(average.model[0].weight, expected, atol=1e-6)
    assert torch.equal(average.model[1].running_mean, model[1].running_mean)
    assert not average.model.training and not any(p.requires_grad for p in average.model.parameters())


def test_frozen_batch_norm_keeps_its_statistics(tmp_path):
    frozen = training.train(config(freeze_batch_norm=True, epochs=1), folder=tmp_path, progress=False)
    weights = checkpoints.read(tmp_path / frozen.name / "weights.pt")["model"]
    means = [value for key, value in weights.items() if key.endswith("running_mean")]
    scales = [value for key, value in weights.items() if key.endswith("running_var")]
    assert means and all((mean == 0).all() for mean in means) and all((scale == 1).all() for scale in scales)
    plain = training.train(config(epochs=1), folder=tmp_path, progress=False)
    weights = checkpoints.read(tmp_path / plain.name / "weights.pt")["model"]
    assert any((value != 0).any() for key, value in weights.items() if key.endswith("running_mean"))


def scripted_scores(monkeypatch, scores) -> None:
    """val mIoU per epoch as given."""
    left = iter(scores)

    def validate(run, model):
        matrix = np.zeros((11, 12), np.int64)
        value = next(left)
        matrix[0, 0], matrix[0, 11] = value, 100 - value
        return matrix, 1.0

    monkeypatch.setattr(validation, "validate", validate)


def test_patience_and_best(tmp_path, monkeypatch):
    """Scores 10, 30, 20, 25: with patience 2 the run ends after epoch 4, and "best" keeps the weights of epoch 2."""
    settings = {"epochs": 8, "patience": 2, "schedule": "constant", "final": "none"}
    scripted_scores(monkeypatch, [10, 30, 20, 25])
    early = training.train(config(**settings, select="best"), folder=tmp_path, progress=False)
    assert [round(row["val_miou"], 2) for row in early.history] == [0.1, 0.3, 0.2, 0.25]
    scripted_scores(monkeypatch, [10, 30])
    two = training.train(config(**settings | {"epochs": 2, "patience": 0}), folder=tmp_path, progress=False)
    assert weights_digest(tmp_path, early.name) == weights_digest(tmp_path, two.name)
    scripted_scores(monkeypatch, [10, 30, 20, 25])
    last = training.train(config(**settings), folder=tmp_path, progress=False)
    assert weights_digest(tmp_path, last.name) != weights_digest(tmp_path, two.name)


def test_an_early_end_stays_one_when_resumed(tmp_path, monkeypatch):
    settings = config(epochs=8, patience=1, schedule="constant", final="none")
    scripted_scores(monkeypatch, [30, 20])
    with monkeypatch.context() as patch:
        patch.setattr(training.runs.checkpoints, "write", _write_but_weights)
        with pytest.raises(RuntimeError, match="killed"):
            training.train(settings, folder=tmp_path, progress=False)
    assert len(training.train(settings, folder=tmp_path, progress=False).history) == 2


def _write_but_weights(content, path, write=checkpoints.write):
    if path.name == "weights.pt":
        raise RuntimeError("killed")
    write(content, path)


def test_void_as_a_class(tmp_path):
    record = training.train(config(void="class", epochs=8, lr=1e-2), folder=tmp_path, progress=False)
    model, _ = training.load_model(tmp_path, record.name)
    assert model.num_classes == 12 and model.scored == 11
    matrix = record.scores["test"].matrix
    truth = [load("", "test", size=(32, 48)).truth(i)[0] for i in range(3)]
    assert matrix.shape == (11, 12) and matrix.sum() == sum((target != 255).sum() for target in truth)


def test_class_weights_come_from_the_training_pixels(tmp_path):
    run = run_of(tmp_path, loss="weighted_cross_entropy")
    dataset = load("", "train", size=(32, 48))
    pixels = np.bincount(np.concatenate([dataset[i].target.flatten().numpy() for i in range(18)]), minlength=256)
    wanted = losses.median_frequency_weights(pixels[:11])
    logits, target = torch.randn(2, 11, 8, 8), torch.randint(0, 11, (2, 8, 8))
    assert torch.equal(run.loss(logits, target), losses.weighted_cross_entropy(logits, target, wanted))
    run = run_of(tmp_path, loss="weighted_cross_entropy", void="class")
    wanted = losses.median_frequency_weights(np.append(pixels[:11], pixels[255]))
    logits = torch.randn(2, 12, 8, 8)
    target[0] = 255
    assert torch.equal(run.loss(logits, target), losses.weighted_cross_entropy(logits, torch.where(target == 255, 11, target), wanted))


def test_start_from_the_weights_of_a_run(tmp_path):
    """All weights for the same classes, the encoder alone for others (here: one class more)."""
    first = training.train(config(epochs=1), folder=tmp_path, progress=False)
    given = checkpoints.read(tmp_path / first.name / "weights.pt")["model"]
    for void in ("ignore", "class"):
        settings = training.resolve(config(init=first.name, void=void))
        weights = training.runs._initial_weights(settings, tmp_path)
        model = state.Run(settings, tmp_path / "x", weights).model.state_dict()
        same = {key for key in given if model[key].shape == given[key].shape and torch.equal(model[key], given[key])}
        assert {key for key in given if key.startswith("encoder.")} <= same
        assert (same == set(given)) == (void == "ignore")
    with pytest.raises(FileNotFoundError, match="unet-nothing.*no weights"):
        training.train(config(init="unet-nothing"), folder=tmp_path, progress=False)


def test_first_weights_may_lie_in_a_folder_beside(tmp_path):
    """What is neither in the folder nor beside it is not found."""
    first = training.train(config(epochs=1), folder=tmp_path / "streets", progress=False)
    settings = training.resolve(config(init=first.name))
    model = state.Run(settings, tmp_path / "x", training.runs._initial_weights(settings, tmp_path / "camvid")).model.state_dict()
    given = checkpoints.read(tmp_path / "streets" / first.name / "weights.pt")["model"]
    assert all(torch.equal(model[key], given[key]) for key in given)
    with pytest.raises(FileNotFoundError, match="camvid.*no weights"):
        training.runs._initial_weights(settings, tmp_path / "deeper" / "camvid")


def test_imagenet_weights_are_named_by_content(tmp_path, monkeypatch):
    """Without the network: the builder stands for one that finds published weights."""
    real = models.build
    monkeypatch.setattr(models, "build", lambda *args, init, **options: real(*args, init="random", **options))
    run = run_of(tmp_path, init="imagenet")
    assert run.imagenet == state.encoder_digest(run.model) and len(run.imagenet) == 64
    assert run_of(tmp_path, init=f"imagenet:{run.imagenet}").imagenet == run.imagenet
    with pytest.raises(ValueError, match=f"found here have sha256 {run.imagenet}"):
        run_of(tmp_path, init="imagenet:0000")


def test_auxiliary_heads_add_their_loss(tmp_path):
    record = training.train(config(aux=True, epochs=1, final="none"), folder=tmp_path, progress=False)
    plain = training.train(config(epochs=1, final="none"), folder=tmp_path, progress=False)
    ratio = record.history[0]["loss"] / plain.history[0]["loss"]
    assert 1.2 < ratio < 1.6  # 0.4 of a loss about as large


def test_accumulated_batches_equal_one_large_batch(tmp_path):
    """With statistics frozen and equal numbers of valid pixels, two batches of 4 give the gradient of one of 8."""
    common = {"freeze_batch_norm": True, "precision": "float64", "epochs": 2, "final": "none", "flip": False}
    digests = []
    for settings in ({"batch_size": 4, "accumulate": 2}, {"batch_size": 8}):
        record = training.train(config(**common, **settings), folder=tmp_path, progress=False)
        digests.append(checkpoints.read(tmp_path / record.name / "weights.pt")["model"])
    assert max((digests[0][key] - digests[1][key]).abs().max() for key in digests[0]) < 1e-9


def test_rows_are_json(tmp_path):
    """A class that val does not have is NaN in the score and null in the record."""
    row = validation.finite({"val_iou": [0.5, math.nan], "loss": math.inf, "step": 3})
    assert json.loads(json.dumps(row, allow_nan=False)) == {"val_iou": [0.5, None], "loss": None, "step": 3}


def test_tensorboard_is_optional(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        training.train(config(), folder=tmp_path, progress=False, tensorboard=True)
