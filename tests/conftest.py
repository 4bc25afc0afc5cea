"""Shared test set-up: --slow, one thread, and a recipe and weights to work with."""

import shutil

import pytest
import torch
from tiny_training import SHORT, TINY, go, write_tiny_weights

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


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    """That recipe, and a run of it that was never stopped: 20 steps, states at 10 and 20. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    folder.joinpath("r.toml").write_text(TINY, "utf-8")
    go(folder / "r.toml", folder / "run", SHORT)
    return folder / "r.toml", folder / "run"


@pytest.fixture
def half_run(whole_run, tmp_path):
    """The same recipe, and a run of it that has come to step 10."""
    recipe, run = whole_run
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("*20.safetensors", "weights.*"))
    return recipe, tmp_path / "run"
