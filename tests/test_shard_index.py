"""The index beside a shard: true, current, or not used."""

import json
import os

import pytest
from photographs import make_folder, make_shards

from i2sbkit.cli import execute
from i2sbkit.sources.checking import check
from i2sbkit.sources.shards import open_index
from i2sbkit.sources.tars import index_path, read_index, scan_tar, write_index


def keys(*paths):
    return [sample.key for sample in open_index(paths).samples]


def test_an_index_says_what_the_tar_says(tmp_path):
    """Opening by the index gives the same samples, and does not read the tar."""
    (shard,) = make_shards(tmp_path, (4,)).glob("*.tar")
    scanned, stat = open_index([shard]), shard.stat()
    assert write_index(shard) == index_path(shard)
    assert open_index([shard]) == scanned
    shard.write_bytes(bytes(stat.st_size))
    os.utime(shard, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert open_index([shard]) == scanned


def test_an_index_of_another_shard_is_not_used(tmp_path):
    """Where size or time differ the tar itself is read, and a check says so."""
    (shard,) = make_shards(tmp_path, (4,)).glob("*.tar")
    write_index(shard)
    make_shards(tmp_path, (6,))
    assert len(keys(shard)) == 6
    assert ["out of date" in problem.what for problem in check([shard]).problems] == [True]


@pytest.mark.parametrize(
    "samples",
    [
        {"k": {"pkl": [0, 9]}},
        {"k": {"png": [-1, 9]}},
        {"k": {"png": [0, 1 << 40]}},
        {"k": {"png": ["0", 9]}},
        {"k": [1]},
        7,
    ],
)
def test_an_index_that_cannot_be_true_is_not_used(tmp_path, samples):
    """An index cannot make us read a pickle, or anything outside its shard."""
    (shard,) = make_shards(tmp_path, (2,)).glob("*.tar")
    stat = shard.stat()
    document = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "samples": samples}
    index_path(shard).write_text(json.dumps(document))
    assert read_index(shard) is None
    assert keys(shard) == ["k000", "k001"]


def test_index_command_writes_and_names_the_indexes(tmp_path, capsys):
    """One index beside each shard, its path on stdout; a folder without shards is an error that says what to do."""
    folder = make_shards(tmp_path / "s", (2, 2))
    assert execute(["shards", "index", str(folder)]) == 0
    paths = capsys.readouterr().out.split()
    assert paths == [str(index_path(shard)) for shard in sorted(folder.glob("*.tar"))]
    assert execute(["shards", "index", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == paths
    assert all(read_index(shard) == scan_tar(shard) for shard in folder.glob("*.tar"))
    assert execute(["shards", "index", str(make_folder(tmp_path / "p"))]) == 2
    assert "shards pack" in capsys.readouterr().err
