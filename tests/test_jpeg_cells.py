"""The cells of JPEG files against a quantiser of our own: each coefficient of the picture that was saved is in them."""

import io

import numpy as np
import pytest
import torch
from exact import images
from pictures import jpeg, photo
from PIL import Image

import i2sbkit
from i2sbkit import NotLinear
from i2sbkit_plugins.jpeg_cells import read_cells

STEPS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2), "L": (0, 0)}
SIZES = [(64, 48), (61, 47), (33, 17), (9, 9), (40, 23), (1, 1)]
ROWS = np.cos(np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16) / 2 / np.sqrt([[2.0]] + [[1.0]] * 7)
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def known(image, file, sampling="4:2:0"):
    """(coefficients (h, w, 8, 8) of a picture, table of its file) of each component, repeated at the border.

    Of a Pillow image as an encoder finds them, which rounds the colours.
    """
    levels = np.asarray(image.convert("RGB"), float) if isinstance(image, Image.Image) else image
    height, width = levels.shape[:2]
    tables, found = Image.open(io.BytesIO(file)).quantization, []
    for number, weights in enumerate(YCBCR[: 1 if sampling == "L" else 3]):
        rows, columns = STEPS[sampling] if number else (1, 1)
        plane = levels @ weights - 128 * (number == 0)
        plane = np.round(plane) if isinstance(image, Image.Image) else plane
        plane = np.pad(plane, ((0, -height % rows), (0, -width % (8 * columns))), "edge")
        plane = plane.reshape(plane.shape[0] // rows, rows, -1, columns).mean((1, 3))
        plane = np.pad(plane, ((0, -plane.shape[0] % 8), (0, 0)), "edge")
        blocks = plane.reshape(plane.shape[0] // 8, 8, -1, 8).swapaxes(1, 2)
        found.append((ROWS @ blocks @ ROWS.T, np.reshape(tables[min(number, 1)], (8, 8))))
    return found


def tensor(image):
    return i2sbkit.from_pil(image.convert("RGB")).double()


def levels(x):
    return (x.permute(1, 2, 0).numpy() + 1) * 127.5


def rms(difference):
    return float(difference.square().mean().sqrt() * 127.5)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("sampling", STEPS)
@pytest.mark.parametrize("size", SIZES)
def test_the_picture_that_was_saved_is_in_the_cells(size, sampling, progressive):
    """Of all blocks and components, those at the border too, and the cells are as wide as the file's tables say."""
    image = photo(*size).convert("L" if sampling == "L" else "RGB")
    file = jpeg(image, sampling, quality=75, progressive=progressive)
    cells = read_cells(file)
    for plane, (truth, table) in zip(cells.planes, known(image, file, sampling), strict=True):
        assert plane.middle.shape == truth.shape
        np.testing.assert_array_equal(plane.half, table / 2)
        misses = np.abs(truth - plane.middle.numpy()) - table / 2
        assert misses.max() < 1.5  # the encoder rounds means, the decoder samples


@pytest.mark.parametrize("sampling", STEPS)
@pytest.mark.parametrize("quality", [10, 75, 90, 100])
def test_whatever_the_estimate_it_goes_into_the_file_s_cells(quality, sampling):
    """Every coefficient of Y, Cb and Cr is in the cell of the file's, the saved picture's but for rounding."""
    image = photo(64, 48).convert("L" if sampling == "L" else "RGB")
    file = jpeg(image, sampling, quality=quality)
    cells = read_cells(file)
    found = levels(cells.projected(images(3, 48, 64, seed=1)))
    for plane, (ours, table) in zip(cells.planes, known(found, file, sampling), strict=True):
        assert (np.abs(ours - plane.middle.numpy()) - table / 2).max() < 1e-3
    if quality > 75:  # there the encoder's own rounding of colours decides
        return
    for (truth, table), (ours, _) in zip(known(image, file, sampling), known(found, file, sampling), strict=True):
        away = np.abs(ours - np.round(truth / table) * table) - table / 2
        assert np.mean(away > 0.01) < 0.01  # where the encoder rounded the other way
        assert away.max() < table.max()


@pytest.mark.parametrize(("begun", "factors", "share"), [("4:2:2", 0x12, (2, 1)), ("4:2:0", 0x41, (1, 4))])
def test_chroma_is_read_whatever_its_subsampling(begun, factors, share):
    """4:4:0 and 4:1:1, which Pillow reads but does not write: files with as many blocks in an MCU."""
    file = bytearray(jpeg(photo(64, 48), begun, quality=60))
    file[file.index(b"\xff\xc0") + 11] = factors
    cells, clean = read_cells(bytes(file)), tensor(Image.open(io.BytesIO(file)))
    assert cells.shares == [(1, 1), share, share]
    found = levels(cells.projected(images(3, *clean.shape[1:], seed=1)))
    for number, (plane, (rows, columns)) in enumerate(zip(cells.planes, cells.shares, strict=True)):
        samples = (
            (found @ YCBCR[number] - 128 * (number == 0)).reshape(len(found) // rows, rows, -1, columns).mean((1, 3))
        )
        assert plane.misfit(torch.from_numpy(samples)).max() < 1e-3
    assert rms(cells.projected(clean) - clean) < 2  # a decoder smooths chroma


@pytest.mark.parametrize("sampling", STEPS)
@pytest.mark.parametrize("size", SIZES)
def test_a_clean_picture_hardly_moves(size, sampling):
    """Whatever its size: it is one that the file can be of."""
    image = photo(*size).convert("L" if sampling == "L" else "RGB")
    for quality in (10, 30, 90):
        cells = read_cells(jpeg(image, sampling, quality=quality))
        assert rms(cells.projected(tensor(image)) - tensor(image)) < 0.6


@pytest.mark.parametrize("sampling, share", [("4:4:4", 0.5), ("4:2:2", 0.8), ("4:2:0", 0.9), ("L", 0.7)])
@pytest.mark.parametrize("size", SIZES)
def test_a_noisy_picture_comes_nearer(size, sampling, share):
    """Over the whole picture, and over the blocks that a border cuts; once there it stays."""
    image = photo(*size).convert("L" if sampling == "L" else "RGB")
    clean = tensor(image)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = noise[:1].expand(3, -1, -1) if sampling == "L" else noise
    cells = read_cells(jpeg(image, sampling, quality=90))
    moved, (width, height) = cells.projected(clean + 0.2 * noise), size
    bottom, right = height // 8 * 8 % height, width // 8 * 8 % width
    for top, left in ((0, 0), (bottom, 0), (0, right)):
        assert rms((moved - clean)[:, top:, left:]) < share * rms(0.2 * noise[:, top:, left:])
    assert rms(cells.projected(moved) - moved) < 0.5


def test_beyond_the_border_stand_the_last_column_of_pixels_and_the_last_row_of_samples():
    """As libjpeg's encoder has it, which differs where two pixels that share a sample of chroma do."""
    colours = np.random.default_rng(0).integers(64, 192, (18, 20, 3), dtype=np.uint8)
    cells, clean = read_cells(jpeg(Image.fromarray(colours), quality=97)), tensor(Image.fromarray(colours))
    assert cells.repeats
    assert rms(cells.projected(clean) - clean) < 0.5


def test_blocks_at_the_border_gain_by_what_they_repeat():
    """At quality 90 no pixel of a block that is cut is left further away than the steps of its quantiser allow."""
    image = photo(61, 47)
    cells, clean = read_cells(jpeg(image, "4:4:4", quality=90)), tensor(image)
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    error = cells.projected(noisy) - clean
    assert cells.repeats
    assert rms(error[:, 40:]) < 1.2 * rms(error[:, :40, :56]) and rms(error[:, :, 56:]) < 1.2 * rms(error[:, :40, :56])


@pytest.mark.parametrize("quality", [10, 90])
def test_a_file_that_was_cut_without_loss_is_not_taken_to_repeat(quality):
    """Beyond its border is the rest of the picture: what is left hardly moves."""
    image, file = photo(64, 48), jpeg(photo(64, 48), quality=quality)
    at = file.index(b"\xff\xc0") + 5
    cells = read_cells(file[:at] + bytes([0, 43, 0, 59]) + file[at + 4 :])
    clean = tensor(image.crop((0, 0, 59, 43)))
    assert not cells.repeats
    assert rms(cells.projected(clean) - clean) < 0.6


def test_no_limit_on_pixels_is_passed(monkeypatch):
    """Pillow's is for pictures as they come; whoever read this one has another."""
    file = jpeg(photo(61, 47))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_cells(file).planes[0].middle.shape == (6, 8, 8, 8)


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\2\0\0\0\4up!\0\0\0\0\0", b"Exif\0\0MM\0"])
def test_an_orientation_that_is_none_turns_nothing(exif):
    """Words where a number belongs, or EXIF that is cut off."""
    cells, plain = (read_cells(jpeg(photo(33, 17), **each)) for each in ({"exif": exif}, {}))
    x = images(3, 17, 33, seed=1)
    assert torch.equal(cells.projected(x), plain.projected(x))


def test_gray_is_gray_whatever_adobe_says():
    """Photoshop's gray files say that nothing was transformed."""
    file = jpeg(photo(33, 17).convert("L"), "L")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    assert torch.equal(read_cells(file[:2] + adobe + file[2:]).planes[0].middle, read_cells(file).planes[0].middle)


def test_what_is_no_jpeg_is_told():
    """In a line, as what other files lack is."""
    with pytest.raises(NotLinear, match="the file is no JPEG"):
        read_cells(b"a note")


@pytest.mark.parametrize("mode, options", [("CMYK", {}), ("RGB", {"keep_rgb": True, "subsampling": "4:4:4"})])
def test_other_colours_than_ycbcr_have_no_cells(mode, options):
    """Which is one line that says what to do."""
    file = io.BytesIO()
    photo(16, 16).convert(mode).save(file, "JPEG", **options)
    with pytest.raises(NotLinear, match="no Y, Cb and Cr; leave out"):
        read_cells(file.getvalue())


def test_more_chroma_than_luma_has_no_cells():
    """Y is then not what a decoder returns."""
    file = bytearray(jpeg(photo(16, 16), "4:4:4"))
    file[file.index(b"\xff\xc0") + 14] = 0x21  # Cb twice as wide as Y
    with pytest.raises(NotLinear, match="leave out the consistency"):
        read_cells(bytes(file))
