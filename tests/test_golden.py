"""Parity with the authors' code, to the digit (values: tests/golden/README.md)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from i2sbkit import Bridge, registry
from i2sbkit_plugins.i2sb import I2sb
from i2sbkit_plugins.jpeg_i2sb import JpegI2sb

GOLDEN = Path(__file__).parent / "golden"
CASES = [(steps, beta_max) for steps in (1000, 100, 8) for beta_max in (0.3, 1.0)]


@pytest.fixture(scope="module")
def schedule_file():
    with np.load(GOLDEN / "schedule.npz") as file:
        return {key: torch.from_numpy(file[key]).double() for key in file.files}


@pytest.mark.parametrize(("steps", "beta_max"), CASES)
def test_tables_equal_the_authors(schedule_file, steps, beta_max):
    """Means, deviation and the label's deviation agree with the authors' tables to 1e-6."""
    tables = I2sb(beta_max=beta_max, steps=steps).tables()
    ours = {"mu_x0": tables.mean_x0, "mu_x1": tables.mean_x1, "std_sb": tables.std, "std_fwd": tables.label_std}
    for name, table in ours.items():
        assert table.dtype == torch.float64
        torch.testing.assert_close(table, schedule_file[f"i{steps}_b{beta_max}/{name}"], atol=1e-6, rtol=0)


def test_network_time_is_the_authors():
    """The network is told linspace(1e-4, 1, N) * N."""
    time = I2sb(beta_max=0.3).tables().time
    torch.testing.assert_close(time, torch.linspace(1e-4, 1, 1000, dtype=torch.float64) * 1000, atol=1e-9, rtol=0)


@pytest.mark.parametrize("beta_max", [0.3, 1.0])
def test_label_equals_the_authors(schedule_file, beta_max):
    """The label is (x_n - x0) / std_fwd_n at every node, to 1e-6."""
    bridge = Bridge(I2sb(beta_max=beta_max))
    std_fwd = schedule_file[f"i1000_b{beta_max}/std_fwd"]
    generator = torch.Generator().manual_seed(0)
    x0, x_n = torch.randn(2, 1000, 1, 1, 1, generator=generator, dtype=torch.float64)
    expected = (x_n - x0) / std_fwd.reshape(-1, 1, 1, 1)
    torch.testing.assert_close(bridge.label(x0, x_n, torch.arange(1000)), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("nfe", "nodes"), json.loads((GOLDEN / "nodes.json").read_text()).items())
def test_nodes_are_the_authors(nfe, nodes):
    """Sampling visits the nodes that the authors' code visits."""
    assert Bridge(I2sb(beta_max=0.3)).nodes(int(nfe)) == nodes


@pytest.mark.parametrize("row", json.loads((GOLDEN / "posterior.json").read_text()))
def test_posterior_is_the_authors(row):
    """The coefficients of x0h and x_n and the deviation of x_m agree with the authors' posterior to 1e-6."""
    step = Bridge(I2sb(beta_max=row["beta_max"])).posterior(row["n"], row["m"])
    ours = (step.x0, step.xn, step.x1, step.std)
    assert ours == pytest.approx((row["x0"], row["xn"], 0.0, row["std"]), abs=1e-6)


@pytest.mark.parametrize(("quality", "size"), [(5, 64), (10, 64), (10, 256)])
def test_jpeg_i2sb_is_the_authors(quality, size):
    """`jpeg-i2sb` gives the authors' picture to 2e-3 on all but 0.1 % of pixels."""
    with np.load(GOLDEN / "corruptions.npz") as file:
        clean, expected = torch.from_numpy(file[f"x{size}"]), torch.from_numpy(file[f"jpeg-{quality}/{size}"])
    corruption = JpegI2sb(quality=quality)
    ours = torch.stack([corruption.corrupt(x0, torch.Generator()).image for x0 in clean])
    assert ((ours - expected).abs() > 2e-3).float().mean() < 1e-3


CORRUPTIONS = {
    "blur-uni": ("blur-i2sb", {"kernel": "uniform"}),
    "blur-gauss": ("blur-i2sb", {"kernel": "gaussian"}),
    "sr4x-pool": ("superres", {"scale": 4, "filter": "pool"}),
    "sr4x-bicubic": ("superres", {"scale": 4, "filter": "bicubic"}),
    "inpaint-center": ("inpaint", {"shape": "center"}),
}


@pytest.fixture(scope="module")
def corruptions_file():
    with np.load(GOLDEN / "corruptions.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@pytest.mark.parametrize(
    ("task", "size"), [*((task, 64) for task in CORRUPTIONS), ("blur-gauss", 256), ("sr4x-bicubic", 256)]
)
def test_corruptions_equal_the_authors(corruptions_file, task, size):
    """What the paper's blurs, super-resolutions and centre mask make of a picture, enlarged to its size, to 1e-4."""
    name, options = CORRUPTIONS[task]
    corruption, rng = registry.build("corruption", name, **options), torch.Generator().manual_seed(0)
    for x0, theirs in zip(corruptions_file[f"x{size}"], corruptions_file[f"{task}/{size}"], strict=True):
        y = corruption.corrupt(x0, rng)
        ours = y.image if y.mask is not None else corruption.lift(y, rng)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_the_centre_mask_equals_the_authors(corruptions_file):
    """Its place, to the pixel."""
    x0, mask = corruptions_file["x64"][0], corruptions_file["inpaint-center/64/mask"][0]
    y = registry.build("corruption", "inpaint").corrupt(x0, torch.Generator().manual_seed(0))
    assert torch.equal(y.mask, mask.float())
