"""Shared test set-up: --slow, one thread, and a recipe and weights to work with."""

import pytest
import torch
from tiny_training import TINY, write_tiny_weights

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))
        if "cuda" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def tiny_recipe(tmp_path):
    """A recipe file: 20 steps of 1,443 parameters on the shipped photographs; about a second."""
    path = tmp_path / "tiny-test.toml"
    path.write_text(TINY, "utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Weights of that recipe: a safetensors file, untrained but not the zero function. Not to be changed."""
    folder = tmp_path_factory.mktemp("tiny-weights")
    folder.joinpath("tiny-test.toml").write_text(TINY, "utf-8")
    return write_tiny_weights(folder / "tiny-test.toml", folder / "weights.safetensors")
