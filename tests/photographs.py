"""Small photographs, shards and folders of them, made up for tests."""

import io
import tarfile

import numpy as np
from PIL import Image


def picture(number, width=40, height=30):
    """An RGB picture unlike that of any other number."""
    values = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def encoded(image, kind="PNG", **options):
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def make_tar(path, files):
    """A tar of (name, bytes) pairs, in their order."""
    with tarfile.open(path, "w") as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def make_shards(folder, counts=(5, 4, 3)):
    """Shards of so many PNGs each, all different: `s-000000.tar` and on."""
    folder.mkdir(exist_ok=True)
    number = 0
    for shard, count in enumerate(counts):
        files = [(f"k{number + i:03d}.png", encoded(picture(number + i))) for i in range(count)]
        make_tar(folder / f"s-{shard:06d}.tar", files)
        number += count
    return folder


def make_folder(folder, names=("a.png", "sub/b.png", "sub/deep/c.png")):
    """A folder of different PNGs under the given names."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(picture(number)))
    return folder
