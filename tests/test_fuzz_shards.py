"""Shards at random: read, restored and checked, or refused in a line; and nothing is written beside them."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from fuzzing import damaged, fuzz, runs, told, values
from hypothesis import strategies as st
from shard_files import Negative, encoded, run

from i2sbkit.kernel.errors import Error
from i2sbkit.sources.checking import check
from i2sbkit.sources.shards import open_index, read_degraded, read_pixels
from i2sbkit.sources.tars import index_path, write_index

PICTURE = encoded(6, 5)
KINDS = [
    tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
    tarfile.CHRTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"x", b"g", b"L", b"K", b"Z",
]  # fmt: skip
NAMES = [
    "a.png", "a.jpg", "a.degraded.png", "a.json", "a.cls", "a.pth", ".png", "png", "a", "", "../a.png", "/a.png",
    "a/../../b.png", "a" * 300 + ".png", "a\n.png", "\x1b[2J.png", "日本.png", "a.b.c.png", "d/a.png", "d/", "a.PNG",
    "CON.png", "a\\b.png",
]  # fmt: skip
contents = st.sampled_from([PICTURE, b"", b"{}", b"7", b"x" * 600]) | st.binary(max_size=40) | damaged([PICTURE])
members = st.tuples(
    st.sampled_from(NAMES) | st.text(max_size=8), contents, st.sampled_from([tarfile.REGTYPE] * 8 + KINDS)
)


@st.composite
def tars(draw):
    """A tar of members of any name and kind, some of its sizes lies, perhaps damaged."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=draw(st.sampled_from([0, 1, 2]))) as tar:
        for name, content, kind in draw(st.lists(members, max_size=6)):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = (
                kind,
                len(content),
                draw(st.sampled_from(["", "a.png", "/etc/passwd"])),
            )
            if draw(st.sampled_from([False] * 9 + [True])):
                info.size = draw(st.sampled_from([0, 1, 513, 1 << 20, 1 << 35]))
            try:
                tar.addfile(info, io.BytesIO(content + bytes(600)))
            except (ValueError, OSError, UnicodeError):
                continue
    whole = buffer.getvalue()
    return draw(st.just(whole) | damaged([whole]))


@st.composite
def cases(draw):
    """A shard, and perhaps an index beside it that is current and says anything."""
    whole = draw(tars())
    places = st.lists(st.integers(-1, len(whole) + 1) | values, max_size=3)
    samples = st.dictionaries(
        st.sampled_from(["a", "b", "../c", ""]), st.dictionaries(st.sampled_from(["png", "json", "pth", ""]), places)
    )
    said = st.none() | samples | values | st.just("no JSON")
    return whole, draw(said)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return tmp_path


@runs
def test_no_shard_brings_a_traceback(examples, here, capsys):
    """Opened, read, checked, indexed and restored: what comes of it is the same folder of two files and no more."""
    shard = Path("in/a.tar")

    def read(case):
        whole, said = case
        shard.write_bytes(whole)
        index_path(shard).unlink(missing_ok=True)
        if said is not None:
            stat = shard.stat()
            document = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "samples": said}
            index_path(shard).write_text("{" if said == "no JSON" else json.dumps(document))
        for paired in (False, True):
            index = told(lambda paired=paired: open_index([shard], paired))
            if not isinstance(index, Error):
                for sample in index.samples:
                    told(lambda sample=sample: read_pixels(sample))
                    told(lambda sample=sample: read_degraded(sample))
        assert isinstance(check([shard]).as_dict(), dict)
        report = run(Negative(), str(shard))
        assert len(report.outcomes) > 0
        told(lambda: write_index(shard))
        kept = {path.name for path in here.rglob("*") if path.is_file()}
        assert kept <= {"a.tar", "a.tar.index.json", "i2sbkit-manifest.jsonl"}, kept
        for path in Path("out").glob("*"):
            path.unlink()
        capsys.readouterr()

    fuzz(examples, cases(), read)
