"""JPEG files without their borders cut: the same pixels, and more of them."""

import io

import pytest
import torch
from pictures import photo

from i2sbkit_plugins.jpeg_file import decoded, uncut

STEPS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}
WAYS = [
    {},
    {"progressive": True},
    {"restart_marker_blocks": 1},
    {"restart_marker_rows": 1, "progressive": True},
    {"optimize": True, "exif": b"Exif\0\0" + b"\xff\xc0\0\x11\x08\0\x01\0\x01\xff\xda" * 9},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way) or "plain")
@pytest.mark.parametrize("sampling", STEPS)
@pytest.mark.parametrize("size", [(61, 47), (33, 17), (9, 25), (1, 1), (48, 32)])
def test_what_was_visible_stays_as_it_was(size, sampling, way):
    """Samples of Y, and of Cb and Cr before they are enlarged, are those of the file; whole blocks come out."""
    (rows, columns), file = STEPS[sampling], io.BytesIO()
    photo(*size).save(file, "JPEG", quality=40, subsampling=sampling, **way)
    before, after = (decoded(bytes_, "L") for bytes_ in (file.getvalue(), uncut(file.getvalue(), 8, 8)))
    assert after.shape[1] % 8 == after.shape[2] % 8 == 0
    assert torch.equal(after[:, : size[1], : size[0]], before)
    smaller = 2 if sampling == "4:2:0" else 1
    whole = uncut(file.getvalue(), 8 * rows, 8 * columns, without_first=True)
    before, after = (decoded(bytes_, "YCbCr", smaller)[1:] for bytes_ in (file.getvalue(), whole))
    assert after.shape[1] % 8 == after.shape[2] % 8 == 0
    height, width = before.shape[1:]
    width -= (columns, smaller) == (2, 1)  # of 4:2:2 the last column is mixed with the next
    assert torch.equal(after[:, :height, :width], before[..., :width])


def test_a_file_of_whole_blocks_is_copied():
    """Byte for byte, whatever follows its end."""
    file = io.BytesIO()
    photo(48, 32).save(file, "JPEG", restart_marker_blocks=2)
    data = file.getvalue() + b"\xff\xc0 and \xff\xda what a camera adds"
    assert uncut(data, 16, 16) == data


def test_scans_of_y_alone_are_left_out_where_they_would_have_too_few_blocks():
    """Of a progressive file; those of Cb and Cr, and of all three, are kept."""
    file = io.BytesIO()
    photo(33, 17).save(file, "JPEG", progressive=True)
    alone = b"\xff\xda\x00\x08\x01\x01"
    before, after = file.getvalue(), uncut(file.getvalue(), 16, 16, without_first=True)
    assert before.count(alone) == 4 and alone not in after
    assert after.count(b"\xff\xda") == before.count(b"\xff\xda") - 4
