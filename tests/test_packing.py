"""Packing: nothing lost, nothing added, the same bytes each time, and nothing overwritten by accident."""

import json
import os
import signal
import tarfile

import numpy as np
import pytest
import torch
from photographs import make_folder, picture
from PIL import Image

from i2sbkit import Error
from i2sbkit.cli import execute
from i2sbkit.locking import NAME
from i2sbkit.sources import packing
from i2sbkit.sources.packing import _aside, pack
from i2sbkit.sources.shards import open_index, read_pixels
from i2sbkit.sources.tars import scan_tar, write_index


def keys(*paths):
    return [sample.key for sample in open_index(paths).samples]


def test_packing_keeps_bytes_and_companions(tmp_path):
    """Files are packed as they are, with .json, .txt and .npy of their name; others get their path as .json."""
    folder = make_folder(tmp_path / "photos", ("a.png", "sub/b.png"))
    (folder / "a.json").write_text('{"title": "mine"}')
    (folder / "a.txt").write_text("words")
    (folder / "a.pkl").write_bytes(b"never")
    packed = pack(folder, tmp_path / "out")
    assert packed.photographs == 2
    found = {sample.key: sample.parts for sample in open_index(packed.shards).samples}
    assert {key: sorted(parts) for key, parts in found.items()} == {
        "a": ["json", "png", "txt"],
        "sub/b": ["json", "png"],
    }
    assert found["a"]["png"].read() == (folder / "a.png").read_bytes()
    assert json.loads(found["a"]["json"].read()) == {"title": "mine"}
    assert json.loads(found["sub/b"]["json"].read()) == {"path": "sub/b.png"}


def test_packing_is_reproducible(tmp_path):
    """Equal folders give equal bytes: no date, no owner, no order of the disk."""
    names = ("a.png", "b.png", "sub/c.png")
    for copy in ("one", "two"):
        make_folder(tmp_path / copy / "photos", names)
    os.utime(tmp_path / "two/photos/a.png", (1, 1))
    (one,) = pack(tmp_path / "one/photos", tmp_path / "one/out").shards
    (two,) = pack(tmp_path / "two/photos", tmp_path / "two/out").shards
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in tar} == {(0, 0, 0, "")}


def test_packing_fills_shards_to_their_size(tmp_path):
    """No shard is longer than asked for, unless by one photograph; none is empty and none is lost."""
    folder = make_folder(tmp_path / "photos", [f"{i}.png" for i in range(9)])
    one = (folder / "0.png").stat().st_size
    packed = pack(folder, tmp_path / "out", shard_size=2.5 * one / 1e6)
    assert [shard.name for shard in packed.shards] == [f"out-{i:06d}.tar" for i in range(5)]
    assert [len(scan_tar(shard)) for shard in packed.shards] == [2, 2, 2, 2, 1]
    assert len(pack(folder, tmp_path / "tiny", shard_size=1e-6).shards) == 9


def test_packing_makes_large_photographs_smaller(tmp_path):
    """--size makes the shorter side that long, upright; photographs that are no larger keep their bytes."""
    folder, exif = tmp_path / "photos", Image.Exif()
    make_folder(folder, ("large.png", "small.png"))
    exif[274] = 6
    picture(0, 80, 60).save(folder / "large.png", exif=exif)
    picture(1, 20, 15).save(folder / "small.png")
    found = {sample.key: sample for sample in open_index(pack(folder, tmp_path / "out", size=30).shards).samples}
    assert read_pixels(found["large"]).shape == (3, 40, 30)
    upright = picture(0, 80, 60).transpose(Image.Transpose.ROTATE_270)
    expected = np.array(upright.resize((30, 40), Image.Resampling.LANCZOS))
    assert torch.equal(read_pixels(found["large"]), torch.from_numpy(expected).permute(2, 0, 1))
    assert found["small"].parts["png"].read() == (folder / "small.png").read_bytes()


def test_packing_leaves_out_what_cannot_be_resized(tmp_path, capsys):
    """A bad file is named on stderr, the rest is packed, and the exit code is 1."""
    folder = make_folder(tmp_path / "photos", ("a.png", "b.png"))
    (folder / "bad.png").write_bytes(b"bad")
    assert execute(["shards", "pack", str(folder), str(tmp_path / "out"), "--size", "10"]) == 1
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/out/out-000000.tar\n"
    assert "bad.png" in err
    assert "1 of 3 pictures left out" in err
    assert keys(tmp_path / "out") == ["a", "b"]


def test_packing_as_json(tmp_path, capsys):
    """The shards, how many photographs are in them, and a line for each that was left out."""
    folder = make_folder(tmp_path / "photos", ("a.png", "b.png"))
    (folder / "bad.png").write_bytes(b"bad")
    assert execute(["shards", "pack", str(folder), str(tmp_path / "out"), "--size", "10", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (left_out,) = found.pop("left_out")
    assert "bad.png" in left_out
    assert found == {"shards": [f"{tmp_path}/out/out-000000.tar"], "photographs": 2}


def test_packing_refuses_a_folder_that_is_not_empty(tmp_path):
    """Without --overwrite nothing in OUT is touched."""
    folder = make_folder(tmp_path / "photos")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(Error, match="--overwrite"):
        pack(folder, out)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_overwriting_leaves_no_shard_of_the_packing_before(tmp_path):
    """Fewer shards than before: the surplus and all indexes go, other people's files stay."""
    folder, out = make_folder(tmp_path / "photos"), tmp_path / "out"
    for shard in pack(folder, out, shard_size=1e-6).shards:
        write_index(shard)
    others = {"notes.txt", "out-000001.tar.bak", "other-000000.tar"}
    for name in others:
        (out / name).write_text("mine")
    packed = pack(folder, out, overwrite=True)
    assert {path.name for path in out.iterdir()} == {"out-000000.tar"} | others
    assert [len(scan_tar(shard)) for shard in packed.shards] == [3]


def test_a_packing_cut_short_leaves_the_old_shards(tmp_path, monkeypatch):
    """Whatever stops it, OUT holds the shards that it held, whole, and nothing else."""
    folder, out = make_folder(tmp_path / "photos"), tmp_path / "out"
    before = {shard: shard.read_bytes() for shard in pack(folder, out).shards}
    calls = []

    def fail(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {"png": b"x"}

    monkeypatch.setattr("i2sbkit.sources.packing._sized", fail)
    with pytest.raises(KeyboardInterrupt):
        pack(folder, out, shard_size=1e-6, overwrite=True)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_name_that_is_no_utf_8_is_left_out(tmp_path, capsys):
    """It is told as what cannot be read is; where nothing else is there, no empty folder is left."""
    folder, out = make_folder(tmp_path / "photos", ("a.png",)), tmp_path / "out"
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes((folder / "a.png").read_bytes())
    assert execute(["shards", "pack", str(folder), str(out)]) == 1
    assert r"left out: caf\udce9.png: its name is not UTF-8" in capsys.readouterr().err
    assert keys(out) == ["a"]
    (folder / "a.png").unlink()
    with pytest.raises(Error, match="none of its pictures could be packed; the first: caf"):
        pack(folder, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_a_killed_packing_left_is_in_nobodys_way(tmp_path):
    """The same command goes on: it is swept away, and does not count as something in OUT."""
    folder, out = make_folder(tmp_path / "photos"), tmp_path / "out"
    (out / ".packing-x1").mkdir(parents=True)
    (out / ".packing-x1" / "out-000000.tar").write_bytes(b"half")
    (out / NAME).write_text("")
    packed = pack(folder, out)
    assert list(out.iterdir()) == packed.shards


def test_two_packings_into_one_folder(tmp_path):
    """The second is refused, and what the first has so far is not swept away."""
    folder, out = make_folder(tmp_path / "photos"), tmp_path / "out"
    with _aside(out, overwrite=False) as aside:
        with pytest.raises(Error, match=rf"out: process {os.getpid()} .*packs into it since .*take another OUT$"):
            pack(folder, out, overwrite=True)
        assert aside.is_dir()
    assert not out.exists()


def test_ctrl_c_between_old_and_new_shards_waits(tmp_path, monkeypatch):
    """While shards take their places a signal is only noted: afterwards all are of one packing."""
    folder, out = make_folder(tmp_path / "photos"), tmp_path / "out"
    settle = packing._settle

    def interrupted(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return settle(*given)

    monkeypatch.setattr(packing, "_settle", interrupted)
    assert pack(folder, out).shards == [out / "out-000000.tar"]
