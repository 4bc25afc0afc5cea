"""Values of a wrong type are an Error that names them, wherever Python lets one be given."""

import numpy as np
import pytest
from pictures import photo

from i2sbkit import Error
from i2sbkit_plugins.sde import Sde


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"nfe": 1.5}, "nfe must be int or None, got 1.5"),
        ({"nfe": "3"}, "nfe must be int or None, got '3'"),
        ({"sampler": 3}, "sampler must be str or Sampler or None, got 3"),
        ({"sampler": Sde}, "sampler must be str or Sampler or None, got <class"),
        ({"eta": "0.5"}, "eta must be float or None, got '0.5'"),
        ({"seed": None}, "seed must be int, got None"),
        ({"tile": 64.0}, "tile must be int or None, got 64.0"),
        ({"precision": 16}, "precision must be str, got 16"),
        ({"effort": 1}, "effort must be str or None, got 1"),
        ({"consistency": True}, "consistency must be str or None, got True"),
        ({"samples": 2.0}, "samples must be at least 1, a whole number, got 2.0"),
    ],
)
def test_a_value_of_another_type_is_told(model, settings, says):
    """What was given, and what is taken."""
    with pytest.raises(Error, match=says):
        model.restore(photo(16, 16), **settings)


def test_numbers_of_numpy_are_numbers(model):
    """And a whole one is any number."""
    image, mine = photo(16, 16), {"nfe": 3, "sampler": "dbim", "seed": 2, "tile": 0}
    numpys = {"nfe": np.int64(3), "sampler": "dbim", "seed": np.uint8(2), "tile": np.int32(0), "samples": np.int64(1)}
    assert model.restore(image, eta=1, **mine) == model.restore(image, eta=np.float32(1), **numpys)
