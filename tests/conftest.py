"""Shared test set-up: --slow, one thread, and a recipe and weights to work with."""

import importlib
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from chromium import CHROMIUM, launch
from pictures import photo
from playwright.sync_api import sync_playwright
from report_pages import HOSTILE, write_report
from restore_command import folder_of_pictures, run_restore, weights_of_each_kind
from tiny_training import SHORT, TINY, go, write_tiny_weights
from working_weights import OT_ODE, SDE, working_weights

import i2sbkit
from i2sbkit.kernel import registry

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))
        if "cuda" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
        if "browser" in item.keywords and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="needs Chromium: apt-get install chromium"))


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


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed plugins besides what is installed already."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delenv("I2SBKIT_PLUGINS", raising=False)
    monkeypatch.setattr(registry, "default", cache(registry.default.__wrapped__))
    return tmp_path / "site"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Weights that see x1, as most are."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "x1.safetensors"), "cpu")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """SDE weights that do not see x1."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "plain.safetensors", *SDE), "cpu")


@pytest.fixture(scope="module")
def otode(tmp_path_factory):
    """Weights of an OT-ODE bridge."""
    return i2sbkit.load(working_weights(tmp_path_factory.mktemp("w") / "otode.safetensors", *OT_ODE), "cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of weights of each kind."""
    return weights_of_each_kind(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with pictures in `in` and below it."""
    monkeypatch.chdir(tmp_path)
    folder_of_pictures(tmp_path / "in")
    return tmp_path


@pytest.fixture
def pairs_here(tmp_path, monkeypatch):
    """A folder to work in: two photographs in `in`, one nested, and what they are measured against in `clean`."""
    monkeypatch.chdir(tmp_path)
    for name, size in (("a.png", (40, 32)), ("sub/b.png", (24, 48))):
        for folder, picture in (("in", photo(*size).quantize(8).convert("RGB")), ("clean", photo(*size))):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    return tmp_path


@pytest.fixture
def restore(weights, capsys):
    """Run the command; its exit code, stdout and stderr."""
    return lambda *line, kind="x1": run_restore(weights, capsys, line, kind)


@pytest.fixture(scope="module")
def report_page(tmp_path_factory):
    """A page of two pictures."""
    return write_report(tmp_path_factory.mktemp("report") / "r.html", "photo.png", HOSTILE)


@pytest.fixture(scope="module")
def browser():
    """A browser for all tests of a file."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def problems():
    """What the browser complains of, and what the page asks the network for."""
    return []


@pytest.fixture
def visit(browser, report_page, problems):
    """Open the page as a reader with these settings; in the end there must be no problem."""
    contexts = []

    def open_page(motion="reduce", **settings):
        contexts.append(browser.new_context(reduced_motion=motion, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.extend([request.url] if request.url.startswith("http") else []))
        page.goto(report_page.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def bench():
    """Imports a module of the benchmarks' folder, which is on the path as for `python benchmarks/samplers.py`."""
    folder = str(Path(__file__).parent.parent / "benchmarks")
    sys.path.insert(0, folder)
    yield importlib.import_module
    sys.path.remove(folder)
