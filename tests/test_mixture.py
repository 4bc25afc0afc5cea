"""The corruptions `mixture` and `paired`."""

import pickle
from dataclasses import replace

import pytest
import torch
from exact import images

from i2sbkit import Error, NotLinear, Observation
from i2sbkit_plugins.blur import Blur
from i2sbkit_plugins.jpeg import Jpeg
from i2sbkit_plugins.mixture import Mixture
from i2sbkit_plugins.paired import Paired
from i2sbkit_plugins.superres import Superres

NINE = (
    {"name": "jpeg-i2sb", "quality": 5},
    {"name": "jpeg-i2sb", "quality": 10},
    {"name": "blur-i2sb", "kernel": "uniform"},
    {"name": "blur-i2sb", "kernel": "gaussian"},
    {"name": "superres", "filter": "pool"},
    {"name": "superres", "filter": "bicubic"},
    {"name": "inpaint"},
    {"name": "inpaint", "shape": "freeform", "ratio": [0.1, 0.2]},
    {"name": "inpaint", "shape": "freeform", "ratio": [0.2, 0.3]},
)
"""The paper's, whose mixture in the authors' code cannot be sampled from."""


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_each_of_the_nine_is_drawn_and_lifts():
    """All come up; every observation and lift has the picture's size, and masks go with the holes alone."""
    mixture, x0 = Mixture(of=NINE), images(3, 32, 32, dtype=torch.float32)
    seen = set()
    for seed in range(80):
        y = mixture.corrupt(x0, rng(seed))
        part = y.params["part"]
        seen.add(part)
        assert (y.mask is not None) == (NINE[part]["name"] == "inpaint")
        assert y.image.shape == mixture.lift(y, rng(seed)).shape == x0.shape
    assert seen == set(range(9))


def test_a_part_does_what_it_does_alone():
    """Super-resolution beside another scale is its lift; the lift of that changes nothing more."""
    parts = ({"name": "superres", "scale": 4}, {"name": "blur", "size": 3})
    mixture, x0, alone = Mixture(of=parts, weights=(1.0, 0.0)), images(3, 8, 8), Superres(scale=4)
    y = mixture.corrupt(x0, rng())
    assert torch.equal(y.image, alone.lift(alone.corrupt(x0, rng()), rng()))
    assert torch.equal(mixture.lift(y, rng()), y.image)
    assert mixture.scale == 1


def test_parts_of_one_scale_give_it_to_the_mixture():
    """Blind over filters: small observations stay small, and one from a file is enlarged once."""
    mixture = Mixture(of=({"name": "superres", "filter": "pool"}, {"name": "superres", "filter": "bicubic"}))
    y = mixture.corrupt(images(3, 8, 12), rng())
    assert (mixture.scale, y.image.shape) == (4, (3, 2, 3))
    for observation in (y, Observation(y.image)):
        assert mixture.lift(observation, rng()).shape == (3, 8, 12)


def test_weights_say_how_often():
    """A weight of 0 is never, 3 three times as often as 1."""
    parts = ({"name": "blur", "size": 3}, {"name": "blur", "size": 5}, {"name": "blur", "size": 7})
    mixture, count = Mixture(of=parts, weights=(3.0, 0.0, 1.0)), [0, 0, 0]
    for seed in range(200):
        count[mixture.corrupt(torch.zeros(3, 8, 8), rng(seed)).params["part"]] += 1
    assert count[1] == 0
    assert 2 < count[0] / count[2] < 4.5


def test_a_picture_from_a_file_is_lifted_as_it_is():
    """Nothing says what happened to it: holes are filled with noise, all else stays."""
    mixture, image = Mixture(of=NINE), images(3, 32, 32, dtype=torch.float32)
    assert torch.equal(mixture.lift(Observation(image), rng()), image)
    mask = torch.zeros(1, 32, 32)
    mask[:, :16] = 1
    lifted = mixture.lift(Observation(image, mask), rng())
    assert torch.equal(lifted[:, 16:], image[:, 16:])
    assert not torch.isclose(lifted[:, :16], image[:, :16]).any(dim=0).all()


def test_the_operator_is_that_of_the_part():
    """Known for what was drawn; for a kernel that is told, that of the blur among them; else the reasons."""
    x0 = images(3, 16, 16)
    blurs = Mixture(of=({"name": "jpeg", "quality": 10}, {"name": "blur", "size": [3, 9]}), weights=(0.0, 1.0))
    y = blurs.corrupt(x0, rng())
    torch.testing.assert_close(blurs.operator(y).A(x0), y.image)
    told = Observation(y.image, params={"kernel": y.params["kernel"]})
    torch.testing.assert_close(blurs.operator(told).A(x0), y.image)
    with pytest.raises(NotLinear, match=r"(?s)not a linear.*--kernel"):
        blurs.operator(Observation(y.image))


def test_the_operator_of_a_picture_with_holes_is_that_of_what_makes_holes():
    """Of the part that lifts it, though another stands before it that could tell its own of any picture."""
    mixture = Mixture(of=({"name": "blur-i2sb", "kernel": "uniform"}, {"name": "inpaint"}))
    x0, mask = images(3, 64, 64, dtype=torch.float32), torch.zeros(1, 64, 64)
    mask[..., :20, :20] = 1
    torch.testing.assert_close(mixture.operator(Observation(x0, mask)).A(x0), x0 * (1 - mask))


def test_a_jpeg_file_is_projected_by_the_part_that_reads_it():
    """As by `jpeg` alone, wherever it stands; but a kernel that is told is meant. Of pixels it says why not."""
    jpeg, blur = {"name": "jpeg", "quality": 10}, {"name": "blur", "size": [3, 9]}
    x = images(3, 16, 16, dtype=torch.float32)
    y = Jpeg(quality=30).corrupt(x, rng())
    seen = Observation(y.image, params={"file": y.params["file"]})
    expected = Jpeg(quality=30).projection(seen)(x)
    for of in ((jpeg, blur), (blur, jpeg), (blur, jpeg, {"name": "inpaint"})):
        assert torch.equal(Mixture(of=of).projection(seen)(x), expected)
    mixture = Mixture(of=(jpeg, blur))
    told = replace(seen, params={**seen.params, "kernel": torch.full((3, 3), 1 / 9)})
    assert mixture.projection(told) is None
    torch.testing.assert_close(mixture.operator(told).A(x), Blur(size=3).operator(told).A(x))
    with pytest.raises(NotLinear, match=r"(?s)kernel of this blur.*only a JPEG file"):
        mixture.projection(Observation(y.image))


def test_a_codec_in_a_mixture_hands_over_pixels():
    """Its file is dropped: `degrade` writes one format for all parts."""
    y = Mixture(of=({"name": "jpeg", "quality": 10},)).corrupt(torch.zeros(3, 16, 16), rng())
    assert "file" not in y.params
    assert y.params["quality"] == 10


def test_masks_and_pickling():
    """It says whether any part makes holes, and is sent to workers as it is."""
    assert Mixture(of=NINE).masks
    blurs = Mixture(of=({"name": "blur", "size": 3},))
    assert not blurs.masks
    assert pickle.loads(pickle.dumps(blurs)) == blurs


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"of": ()}, "of is empty"),
        ({"of": ({"quality": 10},)}, "needs a name"),
        ({"of": ({"name": "jepg", "quality": 10},)}, 'item 1 of "of": .*did you mean'),
        ({"of": ({"name": "jpeg", "quality": 10}, {"name": "blur", "szie": 3})}, 'item 2 of "of": .*szie'),
        ({"of": ({"name": "blur", "size": 3},), "weights": (1.0, 2.0)}, "2 weights for 1"),
        ({"of": ({"name": "blur", "size": 3},), "weights": (0.0,)}, "not all 0"),
        ({"of": ({"name": "blur", "size": 3},), "weights": (float("inf"),)}, "finite"),
        ({"of": ({"name": "mixture", "of": [{"name": "inpaint"}]},)}, "is a mixture itself"),
        ({"of": ({"name": "superres", "scale": 4.0},)}, "scale: must be an integer"),
        ({"of": ({"name": "jpeg", "quality": "10"},)}, "quality: must be an integer"),
        ({"of": "jpeg"}, "a list of tables"),
        ({"of": ("jpeg",)}, "a list of tables"),
    ],
)
def test_wrong_options_are_told(options, says):
    """Which item is wrong, and how."""
    with pytest.raises(Error, match=says):
        Mixture(**options)


def test_paired_damage_is_not_simulated():
    """It comes with the data; the lift repeats pixels where the degraded pictures are smaller."""
    with pytest.raises(Error, match=r"data\.paired = true"):
        Paired().corrupt(torch.zeros(3, 4, 4), rng())
    image = images(3, 2, 3)
    assert torch.equal(Paired().lift(Observation(image), rng()), image)
    twice = Paired(scale=2).lift(Observation(image), rng())
    assert twice.shape == (3, 4, 6)
    assert torch.equal(twice[:, 1::2, ::2], image)
    with pytest.raises(Error, match="at least 1"):
        Paired(scale=0)
