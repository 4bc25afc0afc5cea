"""The coefficients that JPEG files hold, against what libjpeg makes of them and a quantiser of our own."""

import io
import re
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import jpeg, photo
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


def found(file):
    return [component.decoded[0] for component in read_components(file)]


def all_equal(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.mark.parametrize("quality", [1, 40, 90, 100])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", SIZES)
def test_libjpeg_decodes_them_to_the_samples_of_the_file(size, sampling, quality):
    """To a level, as decoders round differently; and the steps are those that Pillow reads."""
    file = jpeg(photo(*size), sampling, quality=quality)
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
    (component,) = read_components(jpeg(image, "L", quality=quality))
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
        plain = found(jpeg(photo(*size), sampling, quality=quality))
        assert all_equal(found(jpeg(photo(*size), sampling, quality=quality, **way)), plain)


def patched(file, marker, at, *values):
    """With other bytes behind the first such marker."""
    start = file.index(bytes([0xFF, marker])) + at
    return file[:start] + bytes(values) + file[start + len(values) :]


def without_tables(file):
    """As the frames of a film."""
    while (start := file.find(b"\xff\xc4")) >= 0:
        file = file[:start] + file[start + 2 + int.from_bytes(file[start + 2 : start + 4]) :]
    return file


def quantisers(file, size):
    """The file's DQT segments, the steps in so many bytes each."""
    found = []
    for start in (at.start() for at in re.finditer(rb"\xff\xdb\0\x43", file)):
        steps = b"".join(step.to_bytes(size) for step in file[start + 5 : start + 69])
        found.append(b"\xff\xdb" + (3 + 64 * size).to_bytes(2) + bytes([(size - 1) << 4 | file[start + 4]]) + steps)
    return b"".join(found)


def between_scans(file, more):
    start = file.rindex(b"\xff\xda")
    return file[:start] + more + file[start:]


SEQUENTIAL, PROGRESSIVE = (
    jpeg(photo(61, 47), quality=95, progressive=each, restart_marker_blocks=3) for each in (0, 1)
)
UNUSUAL = {
    "more behind its end": SEQUENTIAL + b"\xff\xc0 and \xff\xda what a camera adds",
    "no band in a sequential scan": patched(SEQUENTIAL, 0xDA, 11, 0, 0, 0),
    "bits in a sequential scan": patched(SEQUENTIAL, 0xDA, 13, 0x10),
    "no Huffman tables": without_tables(SEQUENTIAL),
    "extended": SEQUENTIAL.replace(b"\xff\xc0", b"\xff\xc1"),
    "steps of 16 bits": between_scans(SEQUENTIAL, quantisers(SEQUENTIAL, 2)),
    "other steps after the first scan": between_scans(PROGRESSIVE, quantisers(PROGRESSIVE, 1).replace(b"\1", b"\2")),
    "fill bytes": re.sub(rb"(?=\xff[\xd0-\xd7])", b"\xff", SEQUENTIAL),
    "components of one name": patched(
        patched(patched(SEQUENTIAL, 0xC0, 13, 1), 0xC0, 16, 1), 0xDA, 5, 1, 0, 1, 0x11, 1, 0x11
    ),
}


@pytest.mark.parametrize("unusual", UNUSUAL)
def test_what_libjpeg_reads_is_read(unusual):
    """Whatever encoders leave out or get wrong: the coefficients of the file that is as it should be."""
    file, plain = UNUSUAL[unusual], PROGRESSIVE if unusual.startswith("other steps") else SEQUENTIAL
    assert file != plain
    with Image.open(io.BytesIO(file)) as one, Image.open(io.BytesIO(plain)) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert all_equal(found(file), found(plain))


def test_a_single_component_has_one_block_after_the_other():
    """Whatever sampling factors are written for it (T.81 A.2.2)."""
    file = jpeg(photo(33, 17), "L")
    assert all_equal(found(patched(file, 0xC0, 11, 0x22)), found(file))


def test_the_longest_sides_are_read():
    """libjpeg writes no more than 65500 pixels a side."""
    assert found(jpeg(photo(8, 8).resize((65500, 3))))[0].shape == (1, 8188, 8, 8)


@pytest.mark.parametrize("changed", [
    SEQUENTIAL.replace(b"\xff\xc0", b"\xff\xc3"), SEQUENTIAL.replace(b"\xff\xc0", b"\xff\xc9"),
    PROGRESSIVE.replace(b"\xff\xc2", b"\xff\xca"), patched(SEQUENTIAL, 0xC0, 4, 12),
    patched(SEQUENTIAL, 0xC0, 5, 0, 0), patched(SEQUENTIAL, 0xC0, 11, 0x20), patched(SEQUENTIAL, 0xC0, 12, 3),
    patched(SEQUENTIAL, 0xC4, 4, 0x77), patched(SEQUENTIAL, 0xC4, 5, 3),
    between_scans(SEQUENTIAL, SEQUENTIAL[SEQUENTIAL.index(b"\xff\xc0") :][:19]),
    SEQUENTIAL[: SEQUENTIAL.rindex(b"\xff\xd0")] + b"\xff\xd9", between_scans(PROGRESSIVE, b"\xff\xd9"),
    PROGRESSIVE.replace(b"\1\x3f\x21", b"\1\x3f\x20"),
], ids=[
    "lossless", "arithmetic", "arithmetic-progressive", "12-bits", "no-height", "no-blocks", "no-quantiser",
    "table-77", "too-many-codes", "two-frames", "an-interval-less", "a-scan-less", "a-bit-passed",
])  # fmt: skip
def test_what_is_damaged_or_rare_is_refused(changed):
    """Before anything is taken for a coefficient that is none."""
    assert changed not in (SEQUENTIAL, PROGRESSIVE)
    with pytest.raises(NotLinear, match="damaged, or coded in a rare way"):
        read_components(changed)


@pytest.mark.parametrize("kept", [0, 2, 20, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused(kept):
    """Even if its header is whole."""
    file = jpeg(photo(61, 47), quality=90)
    data = file.index(b"\xff\xda") + 14
    cut = kept if isinstance(kept, int) else round(data + kept * (len(file) - data))
    with pytest.raises(NotLinear, match="damaged"):
        read_components(file[:cut])


FILES = [jpeg(photo(33, 17), sampling, progressive=progressive)
         for sampling in ("4:2:0", "L") for progressive in (False, True)]  # fmt: skip


@given(st.sampled_from(FILES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_ends_in_no_other_error(file, changes):
    """Whatever bytes are changed, there are coefficients or NotLinear."""
    damaged, frame = bytearray(file), max(file.find(b"\xff\xc0"), file.find(b"\xff\xc2"))
    for share, byte in changes:
        if not frame + 5 <= (at := int(share * (len(file) - 1))) < frame + 9:  # the size; Pillow limits that
            damaged[at] = byte
    with suppress(NotLinear):
        found(bytes(damaged))
