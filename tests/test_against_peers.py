"""Ours keep every rule of the table in peers.py; other libraries' losses are recorded as they are."""

import functools
import json
from pathlib import Path

import numpy as np
import peers
import pytest
import torch
from scores_helpers import pair

from seglib import scores

OURS = peers.ours()
RECORD = Path(__file__).resolve().parents[1] / "report" / "results" / "measure-peers.json"


@functools.cache
def measured(name):
    return peers.measure(OURS[name])


@pytest.mark.parametrize("rule", peers.RULES)
@pytest.mark.parametrize("name", OURS)
def test_ours_keep_every_rule(name, rule):
    row = measured(name)
    assert peers.passes(row)[rule], row[rule]


def committed() -> dict:
    if not RECORD.exists():
        pytest.skip(f"{RECORD.name} is not committed yet: PYTHONPATH=. python tests/peers.py --write")
    return json.loads(RECORD.read_text())


def test_the_committed_table_shows_ours_keeping_every_rule():
    rows = committed()["losses"]
    assert {name for name in rows if name.startswith("seglib")} == set(OURS)
    assert all(all(row["kept"].values()) for name, row in rows.items() if name.startswith("seglib"))


@pytest.mark.parametrize("library", peers.LIBRARIES)
def test_peers_are_as_recorded(library):
    """Every other library breaks at least one rule, and the same ones as in the committed table."""
    module = {"smp": "segmentation_models_pytorch", "MONAI": "monai", "torch": "torch"}[library]
    pytest.importorskip(module, reason=f"{library} is not installed: pip install --no-deps -r tests/requirements-peers.txt")
    recorded = committed()
    for name, loss in peers.LIBRARIES[library][1]().items():
        kept = peers.passes(peers.measure(loss))
        assert not all(kept.values()), name
        if recorded["versions"].get(library) == peers.importlib.metadata.version(peers.LIBRARIES[library][0]):
            assert kept == recorded["losses"][name]["kept"], name


def test_torchmetrics_agrees_where_no_class_is_absent():
    functional = pytest.importorskip("torchmetrics.functional.classification", reason="torchmetrics is not installed")
    target, prediction = pair(0)
    ours = scores.confusion(target, prediction, 5)
    tensors = [torch.as_tensor(np.ascontiguousarray(a)).long() for a in (prediction, target)]
    theirs = functional.multiclass_confusion_matrix(*tensors, num_classes=5, ignore_index=255)
    assert np.array_equal(ours[:, :5], theirs.numpy())
    mean = functional.multiclass_jaccard_index(*tensors, num_classes=5, ignore_index=255)
    assert scores.mean_iou(ours) == pytest.approx(mean.item(), abs=1e-6)
