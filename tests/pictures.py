"""Pictures for tests: crops of the shipped photographs, and files with metadata."""

from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from torch import Tensor

from i2sbkit import Observation, from_pil

CLEAN = Path(__file__).parent.parent / "examples/clean"


@cache
def _clean(name: str) -> np.ndarray:
    with Image.open(CLEAN / f"{name}.png") as file:
        return np.asarray(file.convert("RGB"))


def photo(width: int, height: int, name: str = "lake-sherburne") -> Image.Image:
    """The middle of a photograph."""
    array = _clean(name)
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    assert top >= 0 <= left
    return Image.fromarray(array[top : top + height, left : left + width].copy())


def observation(name: str = "lake-sherburne", width: int = 40, height: int = 32) -> Observation:
    """The middle of a photograph, as something to restore."""
    return Observation(from_pil(photo(width, height, name)))


def distance(a: Tensor, b: Tensor) -> float:
    """The largest difference between two pictures."""
    return float((a - b).abs().max())


def pixels(path: str | Path) -> np.ndarray:
    """What is in a file, as Pillow decodes it."""
    with Image.open(path) as file:
        return np.asarray(file)


def saved(path: Path, image: Image.Image, **options) -> Path:
    """Write a picture with Pillow."""
    image.save(path, **options)
    return path


def jpeg(image: Image.Image, sampling: str = "4:2:0", **options) -> bytes:
    """A JPEG file by Pillow; as sampling, "L" is gray."""
    file, gray = BytesIO(), sampling == "L"
    image.convert("L" if gray else "RGB").save(file, "JPEG", **({} if gray else {"subsampling": sampling}), **options)
    return file.getvalue()


def exif_with(orientation: int, width: int | None = None) -> bytes:
    """EXIF of a camera: its orientation, maker, exposure, place, and the size as it was."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    if width:  # as some phones write; in a TIFF it is the file's layout
        exif[ExifTags.Base.ImageWidth] = width
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.25, ExifTags.Base.ExifImageWidth: 7}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return exif.tobytes()
