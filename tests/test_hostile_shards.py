"""Shards, masks and kernels that hold pickles or programs: whatever reads them, none of that happens."""

import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from payloads import PAYLOADS
from PIL import EpsImagePlugin, Image
from shard_files import Negative, content_of, encoded, names_in, run, tar_of
from tiny_training import SHORT, TINY, go

from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.pictures.files import read_picture
from i2sbkit.point_spread import read_kernel
from i2sbkit.sources.checking import check
from i2sbkit.sources.masks import open_masks
from i2sbkit.sources.packing import pack
from i2sbkit.sources.shards import open_index, read_pixels
from i2sbkit.sources.tars import index_path, write_index

SUFFIXES = ["pyd", "pickle", "pkl", "pth", "pt", "ten", "tb", "mp", "json", "cls", "txt", "npy", "npz"]
"""What webdataset's own decoders would unpickle or load, and what may lie beside a picture."""


@pytest.fixture
def touched(tmp_path, monkeypatch):
    """Where the payloads put their file; in the end it is not there."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "touched"
    assert not (tmp_path / "touched").exists()


def payload_of(touched):
    return pickle.dumps(PAYLOADS["os.system"](touched))


def test_the_payload_in_a_shard_is_real(tmp_path):
    """As a file beside a picture it would do its work."""
    pickle.loads(payload_of(tmp_path / "touched"))
    assert (tmp_path / "touched").exists()


def shard_with(evil, count=3):
    """A shard of photographs, each with a pickle under every name beside it."""
    members = [(f"k{n}.{suffix}", evil) for n in range(count) for suffix in SUFFIXES]
    pictures = [(f"k{n}.png", encoded(32, 32 + n)) for n in range(count)]
    beside = [*members, *pictures, ("__init__.py", evil), ("x.pickle", evil), ("bad.jpg", evil)]
    return tar_of(Path("in/a.tar"), *sorted(beside))


def test_no_member_of_a_shard_is_unpickled(touched):
    """Restoring, checking and indexing see pictures, and what lies beside them as bytes; a picture must be one."""
    shard = shard_with(payload_of(touched))
    report = run(Negative(), "in/a.tar")
    assert [bool(outcome.error) for outcome in list(report.outcomes)[:4]] == [True, False, False, False]
    assert "k0.pth" in names_in(Path("out/a.tar"))
    assert check([shard]).problems
    write_index(shard)
    samples = open_index([shard]).samples
    assert [sample.key for sample in samples] == ["bad", "k0", "k1", "k2"]
    with pytest.raises(Error, match="not a readable picture"):
        read_pixels(samples[0])


def test_training_reads_no_pickle(touched):
    """Of a shard with pickles beside every photograph the photographs are trained on."""
    tar_of(Path("in/a.tar"), *[each for each in content_of(shard_with(payload_of(touched))) if each[0] != "bad.jpg"])
    Path("r.toml").write_text(TINY)
    go(Path("r.toml"), Path("run"), SHORT, "data.train=in", "train.iterations=2", "train.batch=2")
    assert Path("run/weights.safetensors").is_file()


def test_packing_reads_no_pickle(touched):
    """Files beside pictures go into shards as they are or stay out; none is opened."""
    evil = payload_of(touched)
    Path("in").mkdir()
    for suffix in [*SUFFIXES, "jpg"]:
        Path(f"in/a.{suffix}").write_bytes(evil)
    Path("in/b.png").write_bytes(encoded(16, 16))
    packed = pack(Path("in"), Path("out"), size=8)
    assert packed.photographs == 1
    assert len(packed.failed) == 1
    assert execute(["shards", "check", "out"]) == 0


def test_an_index_beside_a_shard_is_json_or_nothing(touched):
    """A pickle under its name is passed over, as is one nested too deep."""
    shard = tar_of(Path("in/a.tar"), ("k.png", encoded(8, 8)))
    for text in (payload_of(touched), b"[" * 100_000, b'{"size": ' * 50_000, b"\xff", b"9" * 5000):
        index_path(shard).write_bytes(text)
        assert [sample.key for sample in open_index([shard]).samples] == ["k"]


@pytest.mark.parametrize("name", ["m.npy", "m.npz"])
def test_masks_and_kernels_are_not_unpickled(name, touched):
    """Arrays of Python objects are refused."""
    objects = np.array([PAYLOADS["os.system"](touched)], dtype=object)
    (np.save if name == "m.npy" else np.savez)(name, objects, **({"allow_pickle": True} if name == "m.npy" else {}))
    with pytest.raises(Error, match=name):
        open_masks(name)
    Path("m.npy").write_bytes(payload_of(touched))
    for read in (open_masks, read_kernel):
        with pytest.raises(Error, match=r"m\.npy"):
            read("m.npy")


@pytest.fixture
def ghostscript(touched, monkeypatch):
    """A program called gs, which decoders of PostScript would start: it creates the file."""
    Path("bin").mkdir()
    Path("bin/gs").write_text(f"#!/bin/sh\ntouch {touched}\n")
    Path("bin/gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    monkeypatch.setattr(EpsImagePlugin, "gs_windows_binary", None)
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def test_postscript_would_start_a_program(tmp_path, ghostscript, touched):
    """Pillow hands it to Ghostscript where any of its decoders may have a file."""
    Path("x.png").write_bytes(ghostscript)
    with pytest.raises(OSError), Image.open("x.png") as file:
        file.load()
    assert touched.exists()
    touched.unlink()


def test_no_program_is_started_for_a_picture(ghostscript, touched):
    """PostScript under the name of a picture: in a folder, in a shard, as a kernel, as a mask."""
    Path("x.png").write_bytes(ghostscript)
    tar_of(Path("in/a.tar"), ("k.png", ghostscript))
    (sample,) = open_index(["in/a.tar"]).samples
    Path("masks").mkdir()
    Path("masks/m.png").write_bytes(ghostscript)
    for read in (
        lambda: read_picture(Path("x.png")),
        lambda: read_kernel("x.png"),
        lambda: read_pixels(sample),
        lambda: open_masks("masks").read(0),
    ):
        with pytest.raises(Error):
            read()


@pytest.mark.parametrize(
    ("kind", "size", "times"), [(b"x", 1 << 35, 1), (b"L", 1 << 35, 1), (b"L", 1, 2000), (b"x", 0, 2000)]
)
def test_headers_that_tarfile_would_believe_are_refused(kind, size, times, touched):
    """A name of 32 GB, and names of names of names: one line, where tarfile raises MemoryError or RecursionError."""
    info = tarfile.TarInfo("k.png")
    info.type, info.size = kind, size
    block = info.tobuf(tarfile.GNU_FORMAT) + bytes(512 if 0 < size < 512 else 0)
    Path("a.tar").write_bytes(block * times + bytes(1024))
    with pytest.raises(Error, match=r"a\.tar: ") as caught:
        open_index(["a.tar"])
    assert str(caught.value).isprintable()
