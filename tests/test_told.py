"""What the owner of a picture knows of its damage: holes, masks and kernels, on the command line and in Python."""

import numpy as np
import pytest
import torch
from exact import images
from pictures import photo, pixels, saved
from PIL import Image
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error
from i2sbkit.cli import execute


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Weights of the shipped recipes for inpainting, blur, super-resolution and JPEG, small and untrained."""
    folder = tmp_path_factory.mktemp("told")
    return {
        name: working_weights(folder / f"{name}.safetensors", name=name)
        for name in ("inpaint", "blur", "sr4x", "jpeg", "mixture")
    }


@pytest.fixture
def run(made, tmp_path, monkeypatch, capsys):
    """Restore with one of them; exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def restore(name, *line):
        code = execute(["restore", *line, "--weights", str(made[name]), "--device", "cpu"])
        return code, capsys.readouterr().err

    return restore


def torn(width=40, height=32):
    """A picture with transparent holes, and where they are."""
    image, hole = photo(width, height), np.zeros((height, width), bool)
    hole[8:20, 10:30] = True
    image.putalpha(Image.fromarray(np.where(hole, 0, 255).astype(np.uint8)))
    return image, hole


def test_transparent_holes_are_filled(run):
    """What is not opaque is missing; the rest comes back bit for bit, and the result is opaque."""
    image, hole = torn()
    image.save("torn.png")
    assert run("inpaint", "torn.png", "whole.png") == (0, "")
    whole = pixels("whole.png")
    assert whole.shape == (32, 40, 3)
    assert np.array_equal(whole[~hole], np.asarray(image)[..., :3][~hole])
    assert (whole[hole] != np.asarray(image)[..., :3][hole]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("alpha", [1, 254])
def test_half_transparent_is_missing(run, alpha):
    """The soft edge of an eraser is no known pixel."""
    image = photo(16, 16)
    image.putalpha(Image.fromarray(np.where(np.eye(16) > 0, alpha, 255).astype(np.uint8)))
    image.save("soft.png")
    assert run("inpaint", "soft.png", "out.png")[0] == 0
    changed = (pixels("out.png") != np.asarray(image)[..., :3]).any(axis=2)
    assert np.array_equal(changed, np.eye(16) > 0)


def test_a_mask_says_what_is_missing(run, tmp_path):
    """White = missing; a picture for all inputs, or a folder of masks with the inputs' stems; the same as by alpha."""
    image, hole = torn()
    image.save("torn.png")
    image.convert("RGB").save("photo.png")
    mask = Image.fromarray(np.where(hole, 255, 0).astype(np.uint8))
    mask.save("mask.png")
    assert run("inpaint", "photo.png", "a.png", "--mask", "mask.png") == (0, "")
    tmp_path.joinpath("masks").mkdir()
    mask.save("masks/photo.png")
    assert run("inpaint", "photo.png", "b.png", "--mask", "masks") == (0, "")
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
    assert np.array_equal(pixels("a.png")[~hole], np.asarray(image)[..., :3][~hole])


@pytest.mark.parametrize(
    ("mask", "code", "says"),
    [
        ("nowhere.png", 2, "no such mask"),
        ("small.png", 1, "the mask is 8x8, the picture photo.png 16x16; they must agree"),
        ("masks", 1, "no mask of the name 'photo' in masks"),
        ("text.png", 1, "not a readable mask"),
    ],
)
def test_masks_that_do_not_fit_are_told(run, mask, code, says, tmp_path):
    """One line says which mask and why; nothing is written."""
    photo(16, 16).save("photo.png")
    photo(8, 8).save("small.png")
    tmp_path.joinpath("masks").mkdir()
    photo(16, 16).save("masks/other.png")
    tmp_path.joinpath("text.png").write_text("no picture")
    found, err = run("inpaint", "photo.png", "out.png", "--mask", mask)
    assert found == code
    assert says in err
    assert not tmp_path.joinpath("out.png").exists()


def test_nothing_missing_is_told(run):
    """Inpainting an opaque picture without a mask is a mistake, not a silent copy."""
    photo(16, 16).save("photo.png")
    code, err = run("inpaint", "photo.png", "out.png")
    assert code == 1
    assert "nothing says which pixels are missing" in err


def test_for_weights_without_holes_transparency_is_no_mask(run):
    """It comes back as it was, and the colours under it are restored."""
    image, _ = torn()
    image.save("torn.png")
    assert run("jpeg", "torn.png", "out.png") == (0, "")
    assert np.array_equal(pixels("out.png")[..., 3], np.asarray(image)[..., 3])
    assert not np.array_equal(pixels("out.png"), np.asarray(image))


def test_a_mixture_fills_holes_where_there_are_some(run):
    """One network for all: with holes they are filled, without it restores as it is."""
    image, hole = torn(32, 32)
    image.save("torn.png")
    assert run("mixture", "torn.png", "whole.png") == (0, "")
    assert np.array_equal(pixels("whole.png")[~hole], np.asarray(image)[..., :3][~hole])
    photo(32, 32).save("photo.png")
    assert run("mixture", "photo.png", "out.png") == (0, "")
    assert not np.array_equal(pixels("out.png"), pixels("photo.png"))


def test_a_small_picture_comes_back_four_times_as_large(run):
    """Super-resolution takes the small file; the trajectory is as large as the result."""
    photo(10, 8).save("small.png")
    assert run("sr4x", "small.png", "large.png", "--trajectory", "--nfe", "2") == (0, "")
    assert pixels("large.png").shape == (32, 40, 3)
    assert pixels("large.trajectory.png").shape == (32, 120, 3)


@pytest.mark.parametrize("kernel", ["uniform:5", "gaussian:5:10", "kernel.png"])
def test_a_known_kernel_pulls_towards_the_file(run, made, kernel):
    """Told the kernel, the restored picture, blurred again, is nearer to the file than it is blind."""
    saved_kernel = Image.fromarray(np.full((5, 5), 200, np.uint8))
    saved_kernel.save("kernel.png")
    blur = i2sbkit.registry.build("corruption", "blur", size=5)
    y = blur.corrupt(i2sbkit.from_pil(photo(40, 32)), torch.Generator().manual_seed(0))
    i2sbkit.to_pil(y.image).save("blurred.png")
    misfits = []
    for number, options in enumerate(([], ["--kernel", kernel])):
        assert run("blur", "blurred.png", f"{number}.png", *options) == (0, "")
        again = blur.operator(y).A(i2sbkit.from_pil(Image.open(f"{number}.png")))
        misfits.append(float((again - i2sbkit.from_pil(Image.open("blurred.png"))).square().mean().sqrt()))
    assert misfits[1] < 0.8 * misfits[0]


@pytest.mark.parametrize(
    ("name", "kernel", "says"),
    [
        ("blur", "uniform:4", "odd"),
        ("blur", "nowhere.png", "no such file; give uniform:SIZE"),
        ("jpeg", "uniform:5", "a kernel helps weights that were trained on blurs only"),
        ("sr4x", "uniform:5", "a kernel helps weights that were trained on blurs only"),
    ],
)
def test_kernels_that_do_not_fit_are_told(run, name, kernel, says):
    """Before any file is touched: exit code 2."""
    photo(16, 16).save("photo.png")
    code, err = run(name, "photo.png", "out.png", "--kernel", kernel)
    assert code == 2
    assert says in err


def test_python_takes_kernels_and_masks(made, tmp_path):
    """`restore(image, kernel=..., mask=...)`: text, a path, an array or a tensor, the same as each other."""
    model, image = i2sbkit.load(made["blur"], "cpu"), images(3, 16, 20, dtype=torch.float32)
    blind = model.restore(image)
    np.save(tmp_path / "k.npy", np.full((3, 3), 2.0))
    kernels = ("uniform:3", np.full((3, 3), 2.0), i2sbkit.uniform_kernel(3), tmp_path / "k.npy")
    told = [model.restore(image, kernel=kernel) for kernel in kernels]
    assert not torch.equal(told[0], blind)
    assert all(torch.allclose(other, told[0], atol=1e-6) for other in told[1:])
    with pytest.raises(Error, match="trained on blurs"):
        i2sbkit.load(made["jpeg"], "cpu").restore(image, kernel="uniform:3")
    mask = torch.zeros(16, 20)
    mask[4:9, 5:15] = 1
    filled = i2sbkit.load(made["inpaint"], "cpu").restore(image, mask=mask)
    assert torch.equal(filled[:, mask == 0], image[:, mask == 0])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_python_fills_transparent_holes(run, made, mode):
    """As the command line does, with a mask or without: the kind of picture is kept, and what was filled is opaque."""
    image, hole = torn()
    if mode == "P":
        image = image.quantize(64)
    image = image.convert(mode)
    image.save("torn.png")
    assert run("inpaint", "torn.png", "whole.png") == (0, "")
    model = i2sbkit.load(made["inpaint"], "cpu")
    for mask in (None, hole):
        whole = model.restore(image, mask=mask)
        assert whole.mode == ("RGBA" if mode == "P" else mode)
        assert set(whole.getchannel("A").tobytes()) == {255}
        assert np.array_equal(np.asarray(whole.convert("RGB")), np.asarray(Image.open("whole.png").convert("RGB")))
    if mode == "RGBA":
        ends = i2sbkit.trajectory(model, image).x[-1]
        assert np.array_equal(np.asarray(i2sbkit.to_pil(ends)), pixels("whole.png"))


def test_what_a_mask_fills_is_opaque(run, made):
    """Beyond it transparency comes back as it was; and all of it for weights that fill no holes."""
    image, hole = torn()
    image.save("torn.png")
    half = hole & (np.arange(40) < 20)
    Image.fromarray(np.where(half, 255, 0).astype(np.uint8)).save("mask.png")
    for name, opaque in (("inpaint", half | ~hole), ("jpeg", ~hole)):
        assert run(name, "torn.png", f"{name}.png", "--mask", "mask.png") == (0, "")
        assert np.array_equal(pixels(f"{name}.png")[..., 3] == 255, opaque)
        whole = i2sbkit.load(made[name], "cpu").restore(image, mask=half)
        assert np.array_equal(np.asarray(whole), pixels(f"{name}.png"))


def test_degrade_writes_what_restore_reads(run, made, tmp_path, capsys):
    """Holes become transparent pixels, in a PNG; all else is the clean picture's."""
    clean = saved(tmp_path / "clean.png", photo(32, 32))
    assert execute(["degrade", str(clean), "damaged", "--recipe", "inpaint"]) == 0
    with Image.open("damaged/clean.png") as file:
        assert file.mode == "RGBA"
        damaged = np.asarray(file)
    known = damaged[..., 3] == 255
    assert 0.6 < known.mean() < 0.98
    assert np.array_equal(damaged[known][:, :3], pixels(clean)[known])
    assert run("inpaint", "damaged", "out")[0] == 0
    assert np.array_equal(pixels("out/clean.png")[known], pixels(clean)[known])


def test_degrade_says_what_it_crops(tmp_path, monkeypatch, capsys):
    """Super-resolution of a size that does not divide: both sizes are in the warning."""
    monkeypatch.chdir(tmp_path)
    photo(33, 30).save("odd.png")
    assert execute(["degrade", "odd.png", "small.png", "--recipe", "sr4x"]) == 0
    assert "33x30 is cropped to 32x28, multiples of 4" in capsys.readouterr().err
    assert pixels("small.png").shape == (7, 8, 3)
