"""`i2sbkit restore` gives back the kind of file it was given: depth, gray, transparency, resolution, orientation."""

import warnings

import numpy as np
import pytest
import pyvips
from pictures import exif_with, photo, pixels
from PIL import ExifTags, Image
from restore_command import run_restore
from working_weights import working_weights

from i2sbkit.cli import execute

SIZE = (40, 32)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights for JPEG, super-resolution and holes, small and untrained."""
    folder = tmp_path_factory.mktemp("kept")
    for kind, name in (("x1", "tiny"), ("sr4x", "sr4x"), ("inpaint", "inpaint")):
        working_weights(folder / f"{kind}.safetensors", name=name)
    return folder


@pytest.fixture
def restore(weights, tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    return lambda *line, kind="x1": run_restore(weights, capsys, line, kind)


def deep_photo():
    """RGB (H, W, 3) of 16 bits, whose lower bytes differ from the upper ones."""
    fine = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3))
    return (np.asarray(photo(*SIZE)).astype(np.uint16) * 256 + fine).astype(np.uint16)


def save_deep(path, array):
    pyvips.Image.new_from_array(array, interpretation="rgb16").write_to_file(path)


def deep_pixels(path):
    return pyvips.Image.new_from_file(path, revalidate=True).numpy()


def with_alpha(mode="RGBA"):
    """A photograph with many transparencies, those of the middle half way."""
    image = photo(*SIZE).convert(mode.removesuffix("A"))
    alpha = np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8), (SIZE[1], 1))
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_in_16_bits_out(restore, suffix):
    """The result is a restored one, of 16 bits of which the lower ones say something."""
    save_deep(f"x{suffix}", deep_photo())
    assert restore(f"x{suffix}", f"y{suffix}") == (0, f"y{suffix}\n", "")
    array = deep_pixels(f"y{suffix}")
    assert (array.dtype, array.shape) == (np.uint16, (32, 40, 3))
    assert len(np.unique(array & 255)) > 200
    assert not np.array_equal(array, deep_photo())


def test_known_pixels_of_16_bits_come_back_bit_for_bit(restore):
    """Around holes, as with 8 bits."""
    save_deep("x.png", deep_photo())
    hole = np.zeros(SIZE[::-1], bool)
    hole[8:20, 10:30] = True
    Image.fromarray(hole.astype(np.uint8) * 255).save("mask.png")
    assert restore("x.png", "y.png", "--mask", "mask.png", kind="inpaint")[0] == 0
    array = deep_pixels("y.png")
    assert np.array_equal(array[~hole], deep_photo()[~hole])
    assert (array[hole] != deep_photo()[hole]).any()


@pytest.mark.parametrize("suffix", [".jpg", ".avif", ".png"])
def test_known_pixels_that_change_in_the_file_are_warned_of(restore, suffix):
    """With a mask, JPEG and AVIF do not keep what is known bit for bit; one line says so, and what does."""
    photo(*SIZE).save("x.png")
    Image.new("L", SIZE).save("mask.png")
    code, _, err = restore("x.png", f"y{suffix}", "--mask", "mask.png", kind="inpaint")
    kind = {".jpg": "JPEG", ".avif": "AVIF"}.get(suffix)
    said = f"y{suffix}: {kind} stores pixels inexactly; for known pixels bit for bit write --format png"
    assert (code, err) == (0, f"warning: {said}\n" if kind else "")


def test_floats_in_floats_out(restore):
    """A float TIFF of one channel, which needs no extra."""
    Image.fromarray(np.asarray(photo(*SIZE).convert("L")).astype(np.float32) / 255).save("x.tif")
    assert restore("x.tif", "y.tif")[0] == 0
    with Image.open("y.tif") as file:
        assert (file.mode, file.size) == ("F", SIZE)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_comes_back_and_colours_are_restored(restore, mode):
    """Alpha bit for bit; the colours are those that the opaque picture would have got."""
    with_alpha(mode).save("x.png")
    photo(*SIZE).convert(mode.removesuffix("A")).save("opaque.png")
    assert restore("x.png", "opaque.png", "out")[0] == 0
    result = pixels("out/x.png")
    assert np.array_equal(result[..., -1], pixels("x.png")[..., -1])
    assert np.array_equal(np.squeeze(result[..., :-1]), pixels("out/opaque.png"))


def test_with_a_mask_transparency_is_kept_beside_it(restore):
    """Only where no mask is given is what is transparent missing."""
    with_alpha().save("x.png")
    Image.new("L", SIZE).save("mask.png")
    assert restore("x.png", "y.png", "--mask", "mask.png", kind="inpaint")[0] == 0
    assert np.array_equal(pixels("y.png"), pixels("x.png"))


def test_enlarged_pictures_keep_transparency_orientation_and_size_on_paper(restore):
    """Super-resolution: alpha four times as large and smooth, upright, four times the dots an inch."""
    exif = Image.Exif()
    exif.load(exif_with(6))
    for tag, value in ((ExifTags.Base.XResolution, 300), (ExifTags.Base.YResolution, 150)):
        exif[tag] = value
    with_alpha().save("x.png", exif=exif, dpi=(300, 150))
    assert restore("x.png", "y.png", kind="sr4x")[0] == 0
    with Image.open("y.png") as file:
        assert (file.mode, file.size) == ("RGBA", (128, 160))
        assert [round(value) for value in file.info["dpi"]] == [600, 1200]
        assert [round(file.getexif()[tag]) for tag in (282, 283)] == [600, 1200]
        assert ExifTags.Base.Orientation not in file.getexif()
        alpha = np.asarray(file)[..., 3].astype(int)
    assert alpha[:4].max() < 4 < 251 < alpha[-4:].min()  # its left is at the top now
    assert np.abs(np.diff(alpha, axis=0)).max() <= 4


def test_a_palette_becomes_rgb(restore):
    """New colours fit no palette."""
    photo(*SIZE).quantize(32).save("x.png")
    assert restore("x.png", "y.png")[0] == 0
    with Image.open("y.png") as file:
        assert file.mode == "RGB"


def test_what_does_not_come_back_is_said(restore):
    """Further frames, transparency that JPEG has not, a wrong suffix: one line each on stderr, and the work is done."""
    image = photo(*SIZE)
    image.save("frames.png", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    with_alpha().save("clear.png")
    image.save("named.jpg", "PNG")
    for source, out, says in (
        ("frames.png", "a.png", "several frames or pages; the first is read, the others are left out"),
        ("clear.png", "a.jpg", "JPEG has no transparency; the picture is laid on white"),
        ("named.jpg", "b.jpg", "holds PNG, though its name says JPEG; read as what it is"),
    ):
        code, _, err = restore(source, out)
        assert (code, err.count("\n")) == (0, 1)
        assert err.startswith("warning: ")
        assert says in err


def test_colours_are_compared_whatever_holds_them(restore, capsys):
    """`compare`: the same colours in 8 and 16 bits, with and without transparency; gray against gray in RGB."""
    array = np.asarray(photo(*SIZE))
    save_deep("deep.png", array.astype(np.uint16) * 257)
    with_alpha().save("clear.png")
    photo(*SIZE).save("plain.png")
    photo(*SIZE).convert("L").save("gray.png")
    photo(*SIZE).convert("L").convert("RGB").save("gray.webp", lossless=True)
    for pair in (("deep.png", "plain.png"), ("clear.png", "deep.png"), ("gray.png", "gray.webp")):
        assert execute(["compare", *pair]) == 0
        out, err = capsys.readouterr()
        assert (out.split()[3], err) == ("inf", "")


def test_compare_says_what_it_reads_only_in_part(restore, capsys):
    """As a line on stderr."""
    image = photo(*SIZE)
    image.save("x.png", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    assert execute(["compare", "x.png", "x.png"]) == 0
    err = capsys.readouterr().err
    assert err.splitlines()[0] == "warning: x.png: several frames or pages; the first is read, the others are left out"


def test_degrade_says_that_transparency_is_left_out(restore, capsys):
    """It damages colours; for inpainting transparency is what it makes."""
    with_alpha().save("x.png")
    with warnings.catch_warnings():
        assert execute(["degrade", "x.png", "out", "--recipe", "jpeg10"]) == 0
    assert "x.png: what is damaged are its colours; its transparency is left out" in capsys.readouterr().err
