"""The device that `load` is given."""

import pytest
import torch
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return working_weights(tmp_path_factory.mktemp("w") / "tiny.safetensors")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "hpu", ""])
def test_a_device_that_is_not_there(path, device):
    """An unknown or absent device is an Error that names one which works."""
    with pytest.raises(Error, match="--device cpu"):
        i2sbkit.load(path, device)


def test_a_device_is_a_name_or_torchs_own(path):
    """`load` takes torch's device as `train` does; what is neither is an Error."""
    assert i2sbkit.load(path, torch.device("cpu")).device == torch.device("cpu")
    for wrong in (None, 0):
        with pytest.raises(Error, match="device is a name"):
            i2sbkit.load(path, wrong)
