"""The linear corruptions know their operator: A, its adjoint, its pseudo-inverse, and the offset of the observation."""

import pytest
import torch
from exact import images
from hypothesis import given, settings
from hypothesis import strategies as st

import i2sbkit
from i2sbkit import NotLinear, Observation
from i2sbkit.kernel.consistency import consistent, gradient_step

LINEAR = {
    "uniform": ("blur", {"size": 5}),
    "gaussian": ("blur", {"kernel": "gaussian", "size": 7, "sigma": 1.5}),
    "flat gaussian": ("blur", {"kernel": "gaussian", "size": 9, "sigma": 50.0}),
    "uniform-i2sb": ("blur-i2sb", {"kernel": "uniform"}),
    "gaussian-i2sb": ("blur-i2sb", {"kernel": "gaussian"}),
    "pool 2": ("superres", {"scale": 2, "filter": "pool"}),
    "pool 4": ("superres", {"scale": 4, "filter": "pool"}),
    "bicubic 2": ("superres", {"scale": 2}),
    "bicubic 3": ("superres", {"scale": 3}),
    "bicubic 4": ("superres", {}),
    "center": ("inpaint", {}),
    "box": ("inpaint", {"shape": "box", "ratio": (0.1, 0.4)}),
    "freeform": ("inpaint", {"shape": "freeform", "ratio": (0.1, 0.4)}),
}
SQUARED_KERNEL = torch.tensor([[0.0, 0.1, 0.0, 0.0, 0.0], [0.2, 0.3, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 0.1, 0.2]])
"""No outer product, and not symmetric."""


def observed(name, height, width, seed=0):
    """A picture of a size that suits, float64, what the corruption makes of it, and its operator."""
    kind, options = LINEAR[name]
    corruption = i2sbkit.registry.build("corruption", kind, **options)
    x0 = images(3, height * corruption.scale, width * corruption.scale, seed=seed)
    y = corruption.corrupt(x0, torch.Generator().manual_seed(seed))
    return x0, y, corruption.operator(y)


def size_range(name):
    return st.integers(2, 7) if LINEAR[name][0] == "superres" else st.integers(9, 24)


@pytest.mark.parametrize("name", LINEAR)
@settings(deadline=None, derandomize=True, max_examples=15)
@given(data=st.data())
def test_the_adjoint(name, data):
    """<A x, y> = <x, At y> at any size."""
    x0, y, operator = observed(name, data.draw(size_range(name)), data.draw(size_range(name)))
    other = images(*y.image.shape, seed=1)
    torch.testing.assert_close((operator.A(x0) * other).sum(), (x0 * operator.At(other)).sum(), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", LINEAR)
@settings(deadline=None, derandomize=True, max_examples=15)
@given(data=st.data())
def test_the_pseudo_inverse(name, data):
    """A A+ A = A, and of all that leads there A+ y is a fixed point: A+ A A+ = A+."""
    x0, _, operator = observed(name, data.draw(size_range(name)), data.draw(size_range(name)))
    seen = operator.A(x0)
    back = operator.pinv(seen)
    # A wide kernel drops what is below 1e-5 of its largest singular value.
    torch.testing.assert_close(operator.A(back), seen, atol=2e-4 if "gaussian" in name else 1e-9, rtol=0)
    torch.testing.assert_close(operator.pinv(operator.A(back)), back, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", LINEAR)
def test_the_operator_leads_to_the_observation(name):
    """A x0 + offset is what `corrupt` made; on every device and dtype of the tensors alone."""
    x0, y, operator = observed(name, 12, 10)
    torch.testing.assert_close(operator.A(x0) + operator.offset, y.image, atol=1e-9, rtol=0)
    single = operator.A(x0.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), operator.A(x0), atol=1e-5, rtol=0)


def test_a_kernel_that_is_no_outer_product():
    """It convolves, has its adjoint, and claims no pseudo-inverse."""
    blur = i2sbkit.registry.build("corruption", "blur", size=3)
    operator = blur.operator(Observation(torch.zeros(3, 8, 9), params={"kernel": SQUARED_KERNEL}))
    x, y = images(2, 3, 8, 9)
    torch.testing.assert_close((operator.A(x) * y).sum(), (x * operator.At(y)).sum(), atol=1e-9, rtol=0)
    assert operator.pinv is None
    point = torch.zeros(1, 11, 11)
    point[0, 5, 5] = 1
    torch.testing.assert_close(operator.A(point)[0, 4:7, 3:8], SQUARED_KERNEL)  # a point becomes the kernel, not turned


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [("blur", {"size": 5}, "--kernel"), ("inpaint", {}, "mask"), ("jpeg", {"quality": 10}, "not a linear")],
)
def test_what_is_not_known_is_said(name, options, says):
    """An observation from a file lacks the kernel or the mask; JPEG is not linear at all."""
    with pytest.raises(NotLinear, match=says):
        i2sbkit.registry.build("corruption", name, **options).operator(Observation(torch.zeros(3, 16, 16)))


@pytest.mark.parametrize("name", LINEAR)
def test_consistency_pulls_towards_the_observation(name):
    """`consistent` with rho = 0.5 lowers ||A x0h + offset - y||, and leaves an estimate that fits as it is."""
    x0, y, operator = observed(name, 12, 10)
    wrong = images(*x0.shape, seed=5)

    def misfit(x):
        return float((operator.A(x) + operator.offset - y.image).norm())

    pulled = consistent(lambda x_n, n: wrong[None], [gradient_step(operator, y.image)], 0.5)(x0[None], 1)[0]
    assert misfit(pulled) < 0.97 * misfit(wrong)
    fits = consistent(lambda x_n, n: x0[None], [gradient_step(operator, y.image)], 0.5)(x0[None], 1)[0]
    torch.testing.assert_close(fits, x0, atol=1e-9, rtol=0)


def test_consistency_is_an_image_at_a_time():
    """Each image of a batch has its own operator, and sizes of observations may differ from the picture's."""
    both = [observed("bicubic 2", 4, 4, seed) for seed in (0, 1)]
    x = torch.stack([x0 for x0, _, _ in both])
    pulls = [gradient_step(operator, y.image) for _, y, operator in both]
    together = consistent(lambda x_n, n: 0.5 * x_n, pulls, 0.5)(x, 1)
    for k, (x0, _, _) in enumerate(both):
        alone = consistent(lambda x_n, n: 0.5 * x_n, [pulls[k]], 0.5)(x0[None], 1)
        torch.testing.assert_close(together[k], alone[0])
