"""Shards for tests: tars written member by member, what is in one, and restoring them without a network."""

import io
import tarfile
from pathlib import Path

from pictures import photo

from i2sbkit.bulk.shards import run_shards
from i2sbkit.jobs.job import Job
from i2sbkit.jobs.running import Made, silent
from i2sbkit.pictures.files import read_picture, write_picture


def encoded(width: int, height: int, kind: str = "PNG") -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    photo(width, height).save(buffer, kind)
    return buffer.getvalue()


def tar_of(path: Path, *members: tuple[str, bytes | tarfile.TarInfo]) -> Path:
    """Write a tar of (name, bytes), or of members that are no files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def content_of(path: Path) -> list[tuple[str, bytes]]:
    """(name, bytes) of every member, in order."""
    with tarfile.open(path) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def names_in(path: Path) -> list[str]:
    """The names of all members, in order."""
    return [name for name, _ in content_of(path)]


class Negative:
    """Work that turns a picture into its negative, and counts; it can be made to fail at some pictures."""

    def __init__(self, fail_at=None):
        self.done, self.fail_at = [], fail_at or {}

    def __call__(self, job):
        error = self.fail_at.get(len(self.done))
        self.done.append(job.source.name)
        if error:
            raise error
        picture = read_picture(job.source)
        write_picture(job.target, -picture.image, picture)
        return Made([job.target], picture.image[0].numel())


def run(work, *shards, suffix=None, settings="s", noted=silent):
    """Restore shards into `out`."""
    jobs = [Job(Path(shard), Path("out") / Path(shard).name) for shard in shards]
    return run_shards(jobs, work, suffix, settings, "restored", noted)


def five(path="in/a.tar"):
    """A shard of five samples with all that may lie beside a picture."""
    beside = [(f"k{n}.json", b'{"n": %d}' % n) for n in range(5)]
    pictures = [(f"k{n}.png", encoded(20 + n, 10)) for n in range(5)]
    members = [member for pair in zip(pictures, beside, strict=True) for member in pair]
    return tar_of(Path(path), *members, ("dir/k.x/only.txt", b"no picture"), ("k4.pth", b"\x80\x00"), ("README", b"hi"))
