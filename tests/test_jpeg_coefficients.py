"""The coefficients that JPEG files hold, against what libjpeg makes of them and a quantiser of our own."""

import io
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import exif_with, photo
from PIL import Image

from i2sbkit import NotLinear
from i2sbkit_plugins.jpeg_blocks import coefficients, samples_of
from i2sbkit_plugins.jpeg_coefficients import read_components

WAYS = [
    {"progressive": True},
    {"restart_marker_blocks": 1},
    {"restart_marker_rows": 1, "progressive": True},
    {"optimize": True, "exif": b"Exif\0\0" + b"\xff\xc0\0\x11\x08\0\x01\0\x01\xff\xda" * 9},
    {"comment": b"\xff\xd8\xff\xda"},
]
SAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "L"]
SIZES = [(61, 47), (33, 17), (9, 25), (1, 1), (48, 32)]


def written(image, sampling="4:2:0", **options):
    """A JPEG file by Pillow."""
    file, gray = io.BytesIO(), sampling == "L"
    image.convert("L" if gray else "RGB").save(file, "JPEG", **({} if gray else {"subsampling": sampling}), **options)
    return file.getvalue()


def found(file):
    return [component.decoded[0] for component in read_components(file)]


def all_equal(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.mark.parametrize("quality", [1, 40, 90, 100])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", SIZES)
def test_libjpeg_decodes_them_to_the_samples_of_the_file(size, sampling, quality):
    """To a level, as decoders round differently; and the steps are those that Pillow reads."""
    file = written(photo(*size), sampling, quality=quality)
    components = read_components(file)
    with Image.open(io.BytesIO(file)) as picture:
        for component, layer in zip(components, picture.layer, strict=True):
            assert component.decoded[1].flatten().tolist() == list(picture.quantization[layer[3]])
        picture.draft("YCbCr" if sampling == "4:4:4" else "L", picture.size)
        planes = np.asarray(picture, dtype=np.float32).reshape(size[1], size[0], -1) - 128
    for component, plane in zip(components, planes.transpose(2, 0, 1), strict=False):
        samples = samples_of(component.decoded[0])[: size[1], : size[0]].clamp(-128, 127)
        assert (samples - torch.tensor(plane)).abs().max() < 1.01


@pytest.mark.parametrize("quality", [75, 90, 97, 100])
def test_they_are_the_levels_that_were_written(quality):
    """However fine the quantiser: those of our own transform, but where that comes out halfway between two."""
    image = photo(64, 48).convert("L")
    (component,) = read_components(written(image, "L", quality=quality))
    decoded, steps = component.decoded
    true = coefficients(torch.tensor(np.asarray(image, dtype=np.float64)) - 128) / steps
    assert (decoded / steps - true).abs().max() < 0.5 + 0.2 / steps.min()
    assert (decoded / steps == true.round()).double().mean() > 0.9


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way))
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", SIZES)
def test_it_does_not_matter_how_they_are_coded(size, sampling, way):
    """Sequential or progressive, with restart markers or none, whatever stands in comments: bit for bit the same."""
    for quality in (20, 95):
        plain = found(written(photo(*size), sampling, quality=quality))
        assert all_equal(found(written(photo(*size), sampling, quality=quality, **way)), plain)


def test_what_follows_the_picture_does_not_matter():
    """Cameras put more there."""
    file = written(photo(33, 17))
    assert all_equal(found(file + b"\xff\xc0 and \xff\xda what a camera adds"), found(file))


def test_a_single_component_has_one_block_after_the_other():
    """Whatever sampling factors are written for it (T.81 A.2.2)."""
    file = bytearray(written(photo(33, 17), "L"))
    plain = found(bytes(file))
    file[file.index(b"\xff\xc0") + 11] = 0x22
    assert all_equal(found(bytes(file)), plain)


def test_no_limit_on_pixels_is_passed_by_reading_whole_blocks(monkeypatch):
    """Pillow warns of pictures that are too large: none of 61 x 47 pixels where that is the limit."""
    file = written(photo(61, 47), exif=exif_with(6))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 61 * 47)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(file)[0].shape == (6, 8, 8, 8)


def test_the_longest_sides_are_read():
    """libjpeg writes no more than 65500 pixels a side."""
    assert found(written(photo(8, 8).resize((65500, 3))))[0].shape == (1, 8188, 8, 8)


def test_a_progressive_file_that_lacks_its_last_bits_is_refused():
    """What it shows is no quantiser's work then."""
    file = written(photo(33, 17), progressive=True)
    last = file.rindex(b"\xff\xda")
    with pytest.raises(NotLinear, match="leave out the consistency"):
        read_components(file[:last] + b"\xff\xd9")


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCA])
def test_rare_codings_are_refused(marker):
    """Lossless and arithmetic ones."""
    file = written(photo(16, 16))
    with pytest.raises(NotLinear, match="coded in a rare way"):
        read_components(file.replace(b"\xff\xc0", bytes([0xFF, marker])))


@pytest.mark.parametrize("kept", [0, 2, 20, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused(kept):
    """Even if its header is whole."""
    file = written(photo(61, 47), quality=90)
    data = file.index(b"\xff\xda") + 14
    cut = kept if isinstance(kept, int) else round(data + kept * (len(file) - data))
    with pytest.raises(NotLinear, match="damaged"):
        read_components(file[:cut])


FILES = [written(photo(33, 17), sampling, progressive=progressive)
         for sampling in ("4:2:0", "L") for progressive in (False, True)]  # fmt: skip


@given(st.sampled_from(FILES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_is_told_or_does_not_show(file, changes):
    """Whatever bytes are changed: no other error."""
    damaged, frame = bytearray(file), max(file.find(b"\xff\xc0"), file.find(b"\xff\xc2"))
    for share, byte in changes:
        if not frame + 5 <= (at := int(share * (len(file) - 1))) < frame + 9:  # the size; Pillow limits that
            damaged[at] = byte
    try:
        components = read_components(bytes(damaged))
    except NotLinear:
        return
    assert all(component.decoded[0].isfinite().all() for component in components)
