"""Shared by all tests: the long ones run with --all; tests on CamVid's photographs need CAMVID_DATASET."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also the long fault tests, the peers and the browser")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: runs with --all only")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    skip = pytest.mark.skip(reason="long: run it with bash tests/run.sh --all")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The folder of CamVid, or a skip that says how to have it."""
    root = os.environ.get("CAMVID_DATASET")
    if not root or not Path(root).is_dir():
        pytest.skip("CAMVID_DATASET does not name a folder with CamVid (python -m seglib data get camvid)")
    return Path(root)


@pytest.fixture(autouse=True)
def _no_output_outside(tmp_path_factory, monkeypatch):
    """No test writes to the checkout's figures or report: what a test saves goes to a folder of its own."""
    monkeypatch.setenv("SEGLIB_OUTPUT", str(tmp_path_factory.mktemp("output")))
