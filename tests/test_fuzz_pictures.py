"""Picture files at random: read, or refused in a line, as a file and as a member of a shard."""

import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
from fuzzing import damaged, fuzz, runs, told
from hypothesis import strategies as st
from pictures import exif_with, photo
from PIL import Image

from i2sbkit.images import FORMATS
from i2sbkit.kernel.errors import Error
from i2sbkit.pictures import decoding
from i2sbkit.pictures.files import format_of, read_picture
from i2sbkit.sources.shards import decode

PNG = b"\x89PNG\r\n\x1a\n"
CHUNKS = [
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"eXIf",
    b"iCCP",
    b"iTXt",
    b"tEXt",
    b"zTXt",
    b"acTL",
    b"fcTL",
    b"pHYs",
]


def encoded(image, kind, **options):
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep(suffix, dtype=np.uint16):
    """A picture of 16 bits, or of floats."""
    levels = (np.asarray(photo(12, 9)) / 255 * (65535 if dtype == np.uint16 else 1)).astype(dtype)
    kind = "rgb16" if dtype == np.uint16 else "rgb"
    return pyvips.Image.new_from_array(levels, interpretation=kind).write_to_buffer(suffix)


def wholes():
    """Small files of every format that is read, plain and with all that may be in them, and of some that are not."""
    small, exif = photo(12, 9), exif_with(6)
    files = [encoded(small, kind) for kind in dict.fromkeys(FORMATS.values())]
    files += [encoded(small, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")]
    files += [encoded(small.convert(mode), "PNG") for mode in ("1", "L", "P", "RGBA", "LA", "I;16")]
    files += [encoded(small.convert(mode), "TIFF") for mode in ("1", "L", "RGBA", "CMYK", "F", "I;16", "LAB")]
    files += [encoded(small, "TIFF", compression=how) for how in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits")]
    files += [encoded(small, "PNG", icc_profile=b"x" * 200), encoded(small.convert("CMYK"), "JPEG")]
    files += [encoded(small, "JPEG", progressive=True), encoded(small.convert("L"), "BMP"), encoded(small, "MPO")]
    files += [encoded(small, kind, save_all=True, append_images=[small]) for kind in ("WEBP", "TIFF", "PNG", "AVIF")]
    files += [deep(".png"), deep(".tif"), deep(".tif", np.float32), encoded(small, "GIF"), encoded(small, "PPM")]
    return files


@st.composite
def chunked(draw, files):
    """A PNG whose chunks are changed and whose checksums are right all the same, so that decoders believe it."""
    content = draw(st.sampled_from([file for file in files if file.startswith(PNG)]))
    chunks, place = [], len(PNG)
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(chunks) - 1))
        name, data = chunks[number]
        way = draw(st.sampled_from(["data", "data", "name", "twice", "move", "insert"]))
        if way == "data":
            chunks[number] = (name, draw(damaged([data])) if data else draw(st.binary(max_size=20)))
        elif way == "name":
            chunks[number] = (draw(st.sampled_from(CHUNKS)), data)
        elif way == "twice":
            chunks.insert(number, (name, data))
        elif way == "move":
            chunks.insert(draw(st.integers(0, len(chunks) - 1)), chunks.pop(number))
        else:
            chunks.insert(number, (draw(st.sampled_from(CHUNKS)), draw(st.binary(max_size=40))))
    made = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return PNG + b"".join(made)


@pytest.fixture
def small_pictures(monkeypatch):
    """What is small here and claims to be large is refused for that: else a case could take seconds."""
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1_000_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500_000)


@runs
def test_no_picture_brings_a_traceback(examples, tmp_path, small_pictures):
    """Of every format, damaged; also with right checksums. What is read is of its shape and in its range."""
    files = wholes()
    path = tmp_path / "x.png"

    def read(content):
        path.write_bytes(content)
        told(lambda: format_of(path))
        told(lambda: decode(content, "shard: key"))
        for holes in (False, True):
            picture = told(lambda holes=holes: read_picture(path, holes=holes))
            if isinstance(picture, Error):
                assert str(path) in str(picture)
                assert str(picture).isprintable(), picture
            else:
                assert picture.image.shape[0] == 3
                assert picture.image.isfinite().all()

    fuzz(examples, damaged(files) | chunked(files) | st.binary(max_size=200), read)
