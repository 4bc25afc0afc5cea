"""Shards behind URLs: they hold what they hold in a folder, and cost as few requests as they can."""

import io
import os
import shutil
import tarfile

import fsspec
import pytest
import torch
from file_server import serving
from hypothesis import given
from hypothesis import strategies as st
from photographs import encoded, make_shards, make_tar, picture
from training_sets import assert_same, samples, take

from i2sbkit import Error
from i2sbkit.cli import execute
from i2sbkit.sources.checking import check
from i2sbkit.sources.remote import find
from i2sbkit.sources.shards import expand, open_index, read_pixels
from i2sbkit.sources.tars import READABLE, index_path, write_index

BRACES = "s-{000000..000002}.tar"


@pytest.fixture
def folder(tmp_path):
    """Twelve photographs in three shards."""
    return make_shards(tmp_path / "shards")


@pytest.fixture
def server(folder):
    """A server of that folder."""
    with serving(folder) as server:
        yield server


@pytest.fixture
def memory():
    """fsspec's file system in memory, which lists, writes and has no ETags; emptied in the end."""
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def same_pixels(one, other):
    pairs = zip(one.samples, other.samples, strict=True)
    return all(torch.equal(read_pixels(a), read_pixels(b)) for a, b in pairs)


def test_remote_shards_hold_what_local_ones_hold(folder, server):
    """By name, braces or a list of the server's: the same samples in the same order, so the same training."""
    local = open_index([folder])
    for ways in ([f"s-00000{n}.tar" for n in range(3)], [BRACES], ["*.tar"]):
        remote = open_index([f"{server.url}/{way}" for way in ways])
        assert remote.fingerprint == local.fingerprint
        assert [(sample.key, sample.shard) for sample in remote.samples] == [(s.key, s.shard) for s in local.samples]
        assert same_pixels(remote, local)


def test_any_protocol_of_fsspec_will_do(folder, memory):
    """One that is no HTTP, and files of this machine as a URL."""
    memory.put(f"{folder}/", "/bucket/", recursive=True)
    for way in ("memory://bucket/*.tar", f"memory://bucket/{BRACES}", f"file://{folder.as_posix()}/*.tar"):
        assert same_pixels(open_index([way]), open_index([folder]))


def test_a_picture_is_one_request_for_its_bytes(server):
    """Nothing else is asked of the server, and nothing more is sent."""
    sample = open_index([f"{server.url}/{BRACES}"]).samples[7]
    server.asked.clear()
    server.sent = 0
    read_pixels(sample)
    part = sample.picture
    assert server.asked == [("GET", "s-000001.tar", f"bytes={part.offset}-{part.offset + part.size - 1}", 206)]
    assert server.sent == part.size


def test_with_an_index_beside_it_a_shard_is_opened_by_two_requests(folder, server):
    """Its size, and the index; though uploading changed the shard's time, by which a local index is known."""
    before = open_index([folder])
    for shard in folder.glob("*.tar"):
        write_index(shard)
        os.utime(shard, (0, 0))
    remote = open_index([f"{server.url}/{BRACES}"])
    assert remote.fingerprint == before.fingerprint
    assert sorted(server.asked) == [
        *[("GET", f"s-00000{n}.tar.index.json", None, 200) for n in range(3)],
        *[("HEAD", f"s-00000{n}.tar", None, 200) for n in range(3)],
    ]


def test_without_an_index_headers_are_read_not_pictures(tmp_path):
    """About a request of 4 KiB for each file of the tar."""
    big = [(f"k{number}.png", encoded(picture(number, 100, 100))) for number in range(6)]
    shard = make_tar(tmp_path / "big.tar", big)
    with serving(tmp_path) as server:
        assert len(open_index([f"{server.url}/big.tar"]).samples) == 6
        assert len(server.gets("big.tar")) <= len(big) + 2
        assert server.sent < (len(big) + 2) * 4096 < shard.stat().st_size / 4


def test_without_an_index_it_is_said_what_it_took(server, monkeypatch, capsys):
    """Once for all shards, where it took long: and how to do without."""
    monkeypatch.setattr("i2sbkit.sources.shards.PATIENCE", 0.0)
    open_index([f"{server.url}/{BRACES}"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {server.url}/s-000000.tar: 3 shards have no index beside them")
    assert "i2sbkit shards index" in line


def test_an_index_of_another_size_is_not_used(folder, server):
    """The headers are read then."""
    shard = folder / "s-000000.tar"
    write_index(shard)
    make_shards(folder, (25,))
    assert len(open_index([f"{server.url}/{shard.name}"]).samples) == 25
    assert any(server.gets(shard.name))


def test_a_remote_index_can_show_no_more_than_a_local_one(folder, memory):
    """Pickles are not listed, whether headers or an index speak of them."""
    shard = make_tar(folder / "odd.tar", [("k.pkl", b"cos\nsystem\n."), ("k.png", encoded(picture(0)))])
    memory.put(str(shard), "/bucket/odd.tar")
    (sample,) = open_index(["memory://bucket/odd.tar"]).samples
    assert list(sample.parts) == ["png"]
    size = shard.stat().st_size
    memory.pipe_file("/bucket/odd.tar.index.json", b'{"size": %d, "samples": {"k": {"pkl": [512, 9]}}}' % size)
    assert "pkl" not in READABLE
    assert open_index(["memory://bucket/odd.tar"]).samples[0] == sample


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # fsspec's thread, which is idle then
def test_workers_make_the_samples_that_one_process_makes(folder, server):
    """The connections of the process that opened the shards do not get in the way of those it forks."""
    local = take(open_index([folder]), 0, 4, 5)
    assert_same(samples(take(open_index([f"{server.url}/{BRACES}"]), 0, 4, 5, workers=1)), samples(local))


@given(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9999))))
def test_a_remote_file_reads_as_a_local_one(places):
    """Whatever is read of it in whatever order."""
    data = bytes(range(251)) * 40
    fsspec.filesystem("memory").pipe_file("/property/x", data)
    (remote,) = find(["memory://property/x"])
    with remote.open("rb") as file, io.BytesIO(data) as local:
        for place, count in places:
            assert (file.seek(place), file.read(count)) == (local.seek(place), local.read(count))


def test_a_cut_remote_shard_is_an_error(folder, memory):
    """As a local one, at whatever place it was cut."""
    whole = (folder / "s-000000.tar").read_bytes()
    with tarfile.open(folder / "s-000000.tar") as tar:
        second, last = tar.getmembers()[1], tar.getmembers()[-1]
    for cut in (0, 300, second.offset, last.offset + 600):
        memory.pipe_file("/bucket/cut.tar", whole[:cut])
        with pytest.raises(Error, match=r"memory://bucket/cut\.tar: .*(truncated|not a readable tar)"):
            open_index(["memory://bucket/cut.tar"])


def test_check_reads_remote_shards(folder, server, memory):
    """The same findings as in a folder; and an index out of date is told of, where a size cannot tell."""
    make_tar(folder / "s-000001.tar", [("k000.png", encoded(picture(0))), ("bad.png", encoded(picture(5))[:99])])
    told = [str(problem).replace(f"{folder}/", "") for problem in check([folder]).problems]
    remote = [str(problem).replace(f"{server.url}/", "") for problem in check([f"{server.url}/*.tar"]).problems]
    assert remote == told
    assert len(told) == 3
    write_index(folder / "s-000002.tar")
    stale = index_path(folder / "s-000002.tar").read_bytes().replace(b"k009", b"k999")
    memory.put(f"{folder}/s-000002.tar", "/bucket/s.tar")
    memory.pipe_file("/bucket/s.tar.index.json", stale)
    (problem,) = check(["memory://bucket/s.tar"]).problems
    assert str(problem).startswith("memory://bucket/s.tar.index.json: out of date")


def test_index_command_writes_beside_remote_shards(folder, memory, capsys):
    """Where the protocol can write; what it wrote is used."""
    memory.put(f"{folder}/", "/bucket/", recursive=True)
    assert execute(["shards", "index", "memory://bucket/*.tar"]) == 0
    assert capsys.readouterr().out.split() == [f"memory:///bucket/s-00000{n}.tar.index.json" for n in range(3)]
    memory.pipe_file("/bucket/s-000000.tar", bytes(memory.size("/bucket/s-000000.tar")))  # nobody looks into the tar
    assert [sample.key for sample in open_index(["memory://bucket/*.tar"]).samples] == [f"k{n:03d}" for n in range(12)]


def test_index_command_where_nothing_can_be_written(server, capsys):
    """An HTTP server that takes no files: an error that names the index."""
    assert execute(["shards", "index", f"{server.url}/s-000000.tar"]) == 2
    assert f"error: {server.url}/s-000000.tar.index.json: " in capsys.readouterr().err


def test_what_restores_shards_takes_local_ones(server):
    """There shards are read and written whole; URLs are refused, not half supported."""
    with pytest.raises(Error, match="only local files"):
        expand([f"{server.url}/s-000000.tar"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/none.tar", "none.tar: no such file"),
        ("/s-{000000..000003}.tar", "s-000003.tar: no such file"),
        ("/t-*.tar", "nothing there"),
        ("/", r"a folder; write .*/\*\.tar"),
        ("/s-{1", "not a path or pattern"),
    ],
)
def test_what_is_not_there_is_named(server, name, message):
    """An Error says which URL it was."""
    with pytest.raises(Error, match=message):
        open_index([server.url + name])


def test_a_remote_folder_is_told_of(folder, memory):
    """Where the protocol knows folders."""
    memory.put(f"{folder}/", "/bucket/", recursive=True)
    with pytest.raises(Error, match=r"memory://bucket: a folder; write memory://bucket/\*\.tar"):
        open_index(["memory://bucket"])


def test_shards_near_and_far_mix(folder, server, tmp_path):
    """Shards are numbered in the order they are given, wherever they lie."""
    shutil.copy(folder / "s-000001.tar", tmp_path / "near.tar")
    index = open_index([f"{server.url}/s-000002.tar", tmp_path / "near.tar", f"{server.url}/s-000000.tar"])
    assert [sample.key for sample in index.samples] == [f"k{n:03d}" for n in (9, 10, 11, 5, 6, 7, 8, 0, 1, 2, 3, 4)]
