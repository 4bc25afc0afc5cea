"""What `deepinv` promises. Run where it and deepinv are installed: pip install -e . pytest && pytest

deepinv imports torchvision. Where the torch that is there has none, a stand-in does, as these operators do not use it:
PYTHONPATH=tests/stand_in pytest
"""

import pytest
import torch

import i2sbkit
from i2sbkit.testing import check_corruption

pytest.importorskip("deepinv")
from i2sbkit_deepinv import OPTIONS, Deepinv

PARTS = [
    ("Blur", {"sigma": 2.0}),
    ("Blur", {"filter": [[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0]], "padding": "reflect"}),
    ("Blur", {"sigma": 1.0, "padding": "replicate"}),
    ("Blur", {"sigma": 1.0, "padding": "constant"}),
    ("BlurFFT", {"sigma": [1.0, 2.0]}),
    ("Downsampling", {}),
    ("Downsampling", {"factor": 4, "filter": "bicubic"}),
    ("Downsampling", {"factor": 3, "filter": "gaussian", "padding": "reflect"}),
    ("Inpainting", {}),
    ("Inpainting", {"mask": 0.2}),
    ("Demosaicing", {}),
    ("Decolorize", {}),
    ("CompressedSensing", {"m": 100, "seed": 3}),
]


def picture(side=32):
    """A clean image (3, H, W) from -1 to 1."""
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("physics", "options"), PARTS)
def test_it_keeps_what_a_corruption_promises(physics, options):
    """Shapes, seeds, the operator, its adjoint and pseudo-inverse, recipes: all that i2sbkit asks of one."""
    check_corruption(Deepinv(physics, options))


def test_a_camera_of_one_pixel_takes_powers_of_two():
    """It keeps its promises there, and says so elsewhere."""
    part, x0 = Deepinv("SinglePixelCamera", {"m": 200}), picture()
    check_corruption(part, pair=(x0, part.corrupt(x0, torch.Generator())))
    with pytest.raises(i2sbkit.Error, match=r"deepinv's SinglePixelCamera: .* power of 2"):
        part.corrupt(picture(24), torch.Generator())


def test_every_class_is_tried():
    """The list of what is taken, and of what is tested, are one."""
    assert {physics for physics, _ in PARTS} | {"SinglePixelCamera"} == OPTIONS.keys()


def test_sides_that_do_not_divide_are_cropped():
    """With a warning, as for i2sbkit's own `superres`."""
    with pytest.warns(UserWarning, match="33x33 is cropped to 32x32, multiples of 4"):
        y = Deepinv("Downsampling", {"factor": 4}).corrupt(picture(33), torch.Generator())
    assert y.image.shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("physics", "options"), [("Blur", {"sigma": 1.0}), ("Downsampling", {}), ("Demosaicing", {}), ("Decolorize", {})]
)
def test_consistency_leads_to_the_observation(physics, options):
    """Conjugate gradients on its operator find a picture that it makes the same observation of."""
    part, x0 = Deepinv(physics, options), picture()
    y = part.corrupt(x0, torch.Generator())
    operator = part.operator(y)
    x, residual = torch.zeros_like(x0), operator.At(y.image)
    direction, size = residual, residual.square().sum()
    for _ in range(200):
        image = operator.At(operator.A(direction))
        step = size / (direction * image).sum()
        x, residual = x + step * direction, residual - step * image
        before, size = size, residual.square().sum()
        if size < 1e-9:
            break
        direction = residual + size / before * direction
    assert (operator.A(x) - y.image).abs().max() < 1e-2


@pytest.mark.parametrize(
    ("physics", "options", "message"),
    [
        ("os.system", {}, "physics must be one of Blur, .*, got 'os.system'"),
        ("Denoising", {}, "physics must be one of"),
        ("Blur", {}, "Blur needs either sigma, in pixels, or filter"),
        (
            "Blur",
            {"sigma": 1.0, "device": "cuda"},
            "Blur has no option 'device' here; there are: filter, padding, sigma",
        ),
        ("Blur", {"sigma": 1.0, "padding": "valid"}, "padding must be one of circular"),
        ("Inpainting", {"mask": 2.0}, "mask must be the share of pixels that are kept"),
        ("Downsampling", {"factor": 1}, "factor must be a whole number, at least 2, got 1"),
    ],
)
def test_wrong_options_are_told(physics, options, message):
    """What may be given, and what was; nothing but the names listed is looked up in deepinv."""
    with pytest.raises(i2sbkit.Error, match=message):
        Deepinv(physics, options)
