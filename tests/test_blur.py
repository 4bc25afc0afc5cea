"""The corruptions `blur` and `blur-i2sb`, and the kernels that people name."""

import math

import numpy as np
import pytest
import torch
from exact import images
from PIL import Image

import i2sbkit
from i2sbkit import Error, gaussian_kernel, uniform_kernel
from i2sbkit.point_spread import as_kernel, read_kernel
from i2sbkit_plugins.blur import Blur, convolve
from i2sbkit_plugins.blur_i2sb import BlurI2sb


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def directly(x, kernel):
    """numpy's sum over shifted copies of the mirrored picture, tap by tap."""
    height, width = (side // 2 for side in kernel.shape)
    grown = np.pad(x.numpy(), [(0, 0), (height, height), (width, width)], mode="reflect")
    total = np.zeros(x.shape)
    for i, row in enumerate(kernel.numpy()[::-1, ::-1]):
        for j, tap in enumerate(row):
            total += tap * grown[:, i : i + x.shape[1], j : j + x.shape[2]]
    return total


@pytest.mark.parametrize("size", [(16, 16), (7, 31), (12, 5)])
@pytest.mark.parametrize("options", [{"size": 9}, {"kernel": "gaussian", "size": 5, "sigma": 10.0}, {"size": 1}])
def test_blur_is_a_convolution_of_the_mirrored_picture(size, options):
    """As numpy does it tap by tap, at any shape that is not smaller than the kernel reaches."""
    x0 = images(3, *size)
    y = Blur(**options).corrupt(x0, rng())
    np.testing.assert_allclose(y.image.numpy(), directly(x0, y.params["kernel"].double()), atol=1e-6)
    assert y.mask is None


def test_a_blur_keeps_brightness():
    """A flat picture stays as it is, to its borders."""
    y = Blur(kernel="any", size=(3, 13), sigma=(0.6, 10.0)).corrupt(torch.full((3, 20, 20), 0.3), rng())
    torch.testing.assert_close(y.image, torch.full((3, 20, 20), 0.3))


def test_sizes_are_drawn_odd_with_both_ends():
    """Each odd size of [low, high] comes up, and nothing else."""
    drawn = {len(Blur(size=(3, 9)).corrupt(torch.zeros(3, 16, 16), rng(s)).params["kernel"]) for s in range(60)}
    assert drawn == {3, 5, 7, 9}


def test_sigma_is_drawn_in_its_logarithm():
    """Half of the draws of [0.5, 8] lie below 2, the middle of the logarithm; none outside."""
    blur, sigmas = Blur(kernel="gaussian", size=21, sigma=(0.5, 8.0)), []
    for seed in range(200):
        kernel = blur.corrupt(torch.zeros(1, 16, 16), rng(seed)).params["kernel"]
        middle, beside = float(kernel[10, 10]), float(kernel[10, 11])
        sigmas.append(math.sqrt(0.5 / math.log(middle / beside)))
    assert 0.49 < min(sigmas) < 0.6 < 7 < max(sigmas) < 8.2
    assert 70 < sum(sigma < 2 for sigma in sigmas) < 130


def test_any_draws_both_kernels():
    """Boxes and Gaussians, about as often."""
    blur = Blur(kernel="any", size=5, sigma=1.0)
    kernels = [blur.corrupt(torch.zeros(3, 8, 8), rng(seed)).params["kernel"] for seed in range(60)]
    boxes = sum(torch.equal(kernel, uniform_kernel(5)) for kernel in kernels)
    assert 15 < boxes < 45
    assert sum(torch.allclose(kernel, gaussian_kernel(5, 1.0)) for kernel in kernels) == 60 - boxes


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": 4}, "odd"),
        ({"size": (9, 3)}, "low <= high"),
        ({"size": 0}, "odd"),
        ({"size": 5, "kernel": "box"}, "uniform"),
        ({"size": 5, "kernel": "gaussian"}, "needs sigma"),
        ({"size": 5, "kernel": "gaussian", "sigma": 0.0}, "sigma must be > 0"),
        ({"size": 5, "kernel": "gaussian", "sigma": math.inf}, "sigma must be > 0"),
        ({"size": 5, "sigma": 2.0}, "no sigma"),
    ],
)
def test_wrong_options_are_told(options, says):
    """What a blur may be is said in one line."""
    with pytest.raises(Error, match=says):
        Blur(**options)


def test_a_picture_smaller_than_the_kernel_is_told():
    """Both sizes are in the message."""
    with pytest.raises(Error, match=r"8x4 is too small for a blur of 9x9"):
        Blur(size=9).corrupt(torch.zeros(3, 4, 8), rng())
    with pytest.raises(Error, match=r"at least 9x9 pixels, got 8x16"):
        BlurI2sb(kernel="uniform").corrupt(torch.zeros(3, 16, 8), rng())


def test_blur_i2sb_darkens():
    """8 of 9 taps, 4 of 5: the middle of a white picture is left with (8/9)^2 or (4/5)^2 of its light, about."""
    for kernel, share in (("uniform", 64 / 81), ("gaussian", 0.643)):
        middle = BlurI2sb(kernel=kernel).corrupt(torch.ones(3, 64, 64), rng()).image[:, 28:36, 28:36]
        assert float((middle + 1).mean() / 2) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("spec", "kernel"), [("uniform:9", uniform_kernel(9)), ("gaussian:5:10", gaussian_kernel(5, 10.0))]
)
def test_kernels_by_name(spec, kernel):
    """What the command line takes for --kernel; each sums to 1."""
    assert torch.equal(read_kernel(spec), kernel)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("sigma", [".5", "5e-1", "0.5", "5.0E-1"])
def test_sigma_may_be_spelt_as_any_number(sigma):
    assert torch.equal(read_kernel(f"gaussian:5:{sigma}"), gaussian_kernel(5, 0.5))


@pytest.mark.parametrize("kind", [{"dtype": torch.bfloat16}, {"requires_grad": True}, {"dtype": torch.uint8}])
def test_a_kernel_may_be_any_tensor_of_real_numbers(kind):
    torch.testing.assert_close(as_kernel(torch.ones(3, 3, **kind)), uniform_kernel(3))


def test_the_gaussian_is_the_papers():
    """5 taps of exp(-x^2 / 200), made to sum to 1."""
    taps = np.exp(-0.5 * (np.arange(-2, 3) / 10) ** 2)
    expected = np.outer(taps, taps) / taps.sum() ** 2
    np.testing.assert_allclose(gaussian_kernel(5, 10.0).numpy(), expected, atol=1e-7)


def test_kernels_from_files(tmp_path):
    """A picture's brightness or the numbers of a .npy file, brought to sum 1 and to odd sizes."""
    numbers = np.array([[0.0, 1.0], [2.0, 5.0], [0.0, 2.0]])
    np.save(tmp_path / "k.npy", numbers)
    kernel = read_kernel(str(tmp_path / "k.npy"))
    assert kernel.shape == (3, 3)
    np.testing.assert_allclose(kernel.numpy(), np.pad(numbers, [(0, 0), (0, 1)]) / 10, atol=1e-7)
    Image.fromarray(np.array([[0, 50, 0], [50, 100, 0], [0, 50, 0]], np.uint8)).save(tmp_path / "k.png")
    assert float(read_kernel(str(tmp_path / "k.png"))[1, 1]) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("uniform:4", "odd"),
        ("uniform:0", "odd"),
        ("gaussian:5:0", "sigma must be a number > 0"),
        ("gaussian:5:-1", "sigma must be a number > 0"),
        ("gaussian:5:1.2.3", "sigma must be a number > 0"),
        ("gaussian:5:1e999", "sigma must be a number > 0"),
        ("uniform:100001", "up to 1001"),
        ("gaussian:5", "no such file"),
        ("motion.png", "no such file; give uniform:SIZE, gaussian:SIZE:SIGMA, or a file"),
    ],
)
def test_what_is_no_kernel_is_told(spec, says):
    """The message says what to type."""
    with pytest.raises(Error, match=says):
        read_kernel(spec)


@pytest.mark.parametrize("size", [0, -1, 4, 1.5, "5", None, 2**20 + 1])
def test_a_size_that_is_none_is_told(size):
    """Of a kernel made in Python, as on the command line."""
    for make in (lambda: uniform_kernel(size), lambda: gaussian_kernel(size, 1.0)):
        with pytest.raises(Error, match="the size must be an odd number up to 1001"):
            make()


@pytest.mark.parametrize("sigma", [0, -1, np.nan, np.inf, "x", None])
def test_a_sigma_that_is_none_is_told(sigma):
    """No kernel of NaN, and none of a negative width."""
    with pytest.raises(Error, match="sigma must be a number > 0"):
        gaussian_kernel(5, sigma)


@pytest.mark.parametrize(
    "values", [np.zeros((3, 3)), np.ones(4), np.full((3, 3), np.nan), np.zeros((0, 3)), [[1], [1, 2]]]
)
def test_numbers_that_are_no_kernel_are_told(values):
    """Nothing to divide by, another shape, not finite, empty, rows of several lengths."""
    with pytest.raises(Error, match="a kernel"):
        as_kernel(values)


def test_a_damaged_kernel_file_is_told(tmp_path):
    """A file that is no picture, and one that would have to be unpickled."""
    (tmp_path / "k.png").write_bytes(b"no picture")
    np.save(tmp_path / "k.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("k.png", "k.npy"):
        with pytest.raises(Error, match="cannot be read"):
            read_kernel(str(tmp_path / name))


def test_convolution_keeps_dtype_and_grads():
    """It can be differentiated, and float64 stays float64."""
    x = images(3, 9, 9).requires_grad_()
    y = convolve(x, uniform_kernel(3))
    assert y.dtype == torch.float64
    y.sum().backward()
    assert x.grad is not None and float(x.grad.sum()) == pytest.approx(x.numel(), rel=1e-6)


def test_it_is_a_built_in():
    """Found by name through its entry point."""
    assert isinstance(i2sbkit.registry.build("corruption", "blur", size=9), Blur)


def test_a_first_use_while_sampling_bars_nothing():
    """What blur-i2sb keeps of a size can be differentiated through, also where it was made in inference mode."""
    with torch.inference_mode():
        BlurI2sb(kernel="uniform").corrupt(torch.zeros(3, 23, 21), rng())
    x = images(3, 23, 21).requires_grad_()
    BlurI2sb(kernel="uniform").corrupt(x, rng()).image.sum().backward()
    assert x.grad is not None
