"""The corruptions `jpeg` and `jpeg-i2sb`."""

import io

import numpy as np
import pytest
import torch
from pictures import photo
from PIL import Image

import i2sbkit
from i2sbkit import Error
from i2sbkit_plugins.jpeg import Jpeg
from i2sbkit_plugins.jpeg_i2sb import JpegI2sb


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def tables(encoded):
    with Image.open(io.BytesIO(encoded)) as file:
        return file.quantization


def tables_at(quality):
    file = io.BytesIO()
    photo(16, 16).save(file, "JPEG", quality=quality)
    return tables(file.getvalue())


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [1, 10, 75, 100])
@pytest.mark.parametrize("size", [(64, 48), (33, 7), (1, 1)])
def test_bit_equal_to_the_codec(size, quality, subsampling):
    """The observation is what Pillow decodes from what Pillow encodes, and the file is that very file."""
    image, file = photo(*size), io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    y = Jpeg(quality=quality, subsampling=subsampling).corrupt(i2sbkit.from_pil(image), rng())
    assert y.params["file"] == file.getvalue()
    assert y.params["quality"] == quality
    assert np.array_equal(np.asarray(i2sbkit.to_pil(y.image)), np.asarray(Image.open(file)))
    assert y.mask is None


def test_chroma_is_subsampled_unless_told_otherwise():
    """4:2:0, as cameras and the web write."""
    x0 = i2sbkit.from_pil(photo(32, 32))
    default, fine = (Jpeg(quality=30, **o).corrupt(x0, rng()) for o in ({}, {"subsampling": "4:4:4"}))
    with Image.open(io.BytesIO(default.params["file"])) as file:
        assert [component[1:3] for component in file.layer] == [(2, 2), (1, 1), (1, 1)]
    assert not torch.equal(default.image, fine.image)


def test_a_range_is_drawn_from_with_both_ends():
    """Each quality of [low, high] comes up, none outside; and the tables are those of the quality drawn."""
    corruption, x0 = Jpeg(quality=(5, 8)), i2sbkit.from_pil(photo(16, 16))
    drawn = [corruption.corrupt(x0, rng(seed)).params for seed in range(60)]
    assert {params["quality"] for params in drawn} == {5, 6, 7, 8}
    for params in drawn[:5]:
        assert tables(params["file"]) == tables_at(params["quality"])


def test_the_draw_follows_from_the_generator():
    """Same seed, same file; and each call draws anew."""
    corruption, x0 = Jpeg(quality=(5, 95)), i2sbkit.from_pil(photo(16, 16))
    first, second = rng(3), rng(3)
    runs = [[corruption.corrupt(x0, generator).params["quality"] for _ in range(5)] for generator in (first, second)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


@pytest.mark.parametrize("quality", [0, 101, -5, (0, 10), (10, 5), (5, 101), (5,), (1, 2, 3), "10", 10.5])
def test_a_bad_quality_is_refused(quality):
    """Out of range, the wrong way round or of another type: an Error naming the part."""
    with pytest.raises(Error, match=r"jpeg.*quality|corruption 'jpeg'"):
        i2sbkit.registry.build("corruption", "jpeg", quality=quality)


def test_a_bad_subsampling_is_refused():
    """Only what the codec can do."""
    with pytest.raises(Error, match='subsampling must be "4:4:4", "4:2:2" or "4:2:0"'):
        Jpeg(quality=10, subsampling="4:1:1")


@pytest.mark.parametrize("size", [(16, 16), (48, 32)])
def test_jpeg_i2sb_takes_multiples_of_16(size):
    """The authors' transform has no padding; it says so and names the one that has."""
    corruption = JpegI2sb(quality=10)
    x0 = i2sbkit.from_pil(photo(*size))
    assert corruption.corrupt(x0, rng()).image.shape == x0.shape
    for wrong in (x0[:, :-1], x0[:, :, :-8]):
        with pytest.raises(Error, match=r"multiples of 16.*jpeg takes any"):
            corruption.corrupt(wrong, rng())


@pytest.mark.parametrize("quality", [0, 101])
def test_jpeg_i2sb_refuses_a_bad_quality(quality):
    """As libjpeg's: 1 to 100."""
    with pytest.raises(Error, match=r"quality must be in 1\.\.100"):
        JpegI2sb(quality=quality)


def test_jpeg_i2sb_is_close_to_the_codec():
    """It is a JPEG: nearer to the codec's picture of that quality than to the clean one."""
    x0 = i2sbkit.from_pil(photo(128, 96))
    theirs = JpegI2sb(quality=10).corrupt(x0, rng()).image
    codec = Jpeg(quality=10).corrupt(x0, rng()).image
    assert (theirs - codec).square().mean() < 0.25 * (theirs - x0).square().mean()


def test_jpeg_i2sb_at_full_quality_is_nearly_the_picture():
    """At quality 100 only the chroma subsampling is left: a gray picture comes back to a rounding of coefficients."""
    gray = i2sbkit.from_pil(photo(32, 32).convert("L").convert("RGB"))
    y = JpegI2sb(quality=100).corrupt(gray, rng()).image
    assert (y - gray).abs().max() < 2 / 127.5
