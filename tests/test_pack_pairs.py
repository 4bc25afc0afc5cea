"""Packing pairs: matched by path, from folders anywhere or from halves, nothing lost and nothing unmatched packed."""

import json

import numpy as np
import pytest
import torch
from photographs import encoded, make_folder, make_tar, picture
from PIL import Image

from i2sbkit import Error
from i2sbkit.cli import execute
from i2sbkit.sources.checking import check
from i2sbkit.sources.pack_sources import Source
from i2sbkit.sources.packing import pack
from i2sbkit.sources.shards import open_index, read_degraded, read_pixels


def pack_command(capsys, *words):
    """The exit code, stdout and stderr of `shards pack`."""
    code = execute(["shards", "pack", *map(str, words)])
    return code, *capsys.readouterr()


def parts(path):
    return {sample.key: sorted(sample.parts) for sample in open_index([path]).samples}


def test_pairs_are_matched_by_path_whatever_their_suffix(tmp_path):
    """Each clean file and its degraded one are packed as they are, under the clean one's key."""
    folder = make_folder(tmp_path / "p", ("clean/a.png", "clean/sub/b.c.png", "degraded/a.png"))
    degraded = folder / "degraded/sub/b.c.jpg"
    degraded.parent.mkdir()
    degraded.write_bytes(encoded(picture(9), "JPEG"))
    (folder / "clean/a.txt").write_text("words")
    packed = pack(folder, tmp_path / "out", source=Source(paired=True))
    assert (packed.photographs, packed.failed) == (2, [])
    assert parts(tmp_path / "out") == {
        "a": ["degraded.png", "json", "png", "txt"],
        "sub/b_c": ["degraded.jpg", "json", "png"],
    }
    second = open_index(packed.shards, paired=True).samples[1]
    assert second.parts["png"].read() == (folder / "clean/sub/b.c.png").read_bytes()
    assert second.parts["degraded.jpg"].read() == degraded.read_bytes()
    assert json.loads(second.parts["json"].read()) == {"path": "sub/b.c.png"}


def test_degraded_pictures_may_lie_anywhere(tmp_path, capsys):
    """--degraded DIR gives the shards that --paired gives of the two in one folder."""
    one, two = make_folder(tmp_path / "p/clean"), make_folder(tmp_path / "p/degraded")
    assert pack_command(capsys, tmp_path / "p", tmp_path / "a/s", "--paired")[0] == 0
    assert pack_command(capsys, one, tmp_path / "b/s", "--degraded", two)[0] == 0
    assert (tmp_path / "a/s/s-000000.tar").read_bytes() == (tmp_path / "b/s/s-000000.tar").read_bytes()


@pytest.mark.parametrize("side", ["left", "right"])
def test_halves_are_cut_without_loss(tmp_path, capsys, side):
    """--side-by-side: the named half becomes the degraded picture, to the pixel, of JPEGs as decoded."""
    (tmp_path / "p").mkdir()
    whole = picture(0, 40, 30)
    whole.save(tmp_path / "p/a.png")
    whole.save(tmp_path / "p/b.jpg")
    assert pack_command(capsys, tmp_path / "p", tmp_path / "s", "--side-by-side", side)[0] == 0
    for sample, name in zip(open_index([tmp_path / "s"], paired=True).samples, ("a.png", "b.jpg"), strict=True):
        with Image.open(tmp_path / "p" / name) as file:
            pixels = torch.from_numpy(np.array(file)).permute(2, 0, 1)
        halves = pixels[:, :, :20], pixels[:, :, 20:]
        clean, degraded = halves if side == "right" else halves[::-1]
        assert torch.equal(read_pixels(sample), clean)
        assert torch.equal(read_degraded(sample), degraded)


def test_unmatched_files_are_left_out_and_named(tmp_path, capsys):
    """A line each on stderr, the exit code 1, and the pairs that there are packed."""
    folder = make_folder(tmp_path / "p", ("clean/a.png", "clean/b.png", "degraded/a.png", "degraded/c.png"))
    code, out, err = pack_command(capsys, folder, tmp_path / "s", "--paired")
    assert (code, out) == (1, f"{tmp_path}/s/s-000000.tar\n")
    assert "clean/b.png: no degraded picture of that name" in err
    assert "degraded/c.png: no clean picture of that name" in err
    assert "2 of 3 pictures left out" in err
    assert list(parts(tmp_path / "s")) == ["a"]


def test_pictures_that_differ_in_their_suffix_keep_to_their_own(tmp_path):
    """a.png goes with a.png and a.jpg with a.jpg; one that could be of either is left out."""
    folder = make_folder(tmp_path / "p", ("clean/a.png", "degraded/a.png", "clean/b.png"))
    for name in ("clean/a.jpg", "degraded/a.jpg", "clean/b.jpg", "degraded/b.bmp"):
        picture(5).save(folder / name)
    packed = pack(folder, tmp_path / "out", source=Source(paired=True))
    assert {key: names[0] for key, names in parts(tmp_path / "out").items()} == {
        "a": "degraded.jpg",
        "a_png": "degraded.png",
    }
    assert len(packed.failed) == 3


def test_pairs_of_one_size_are_made_smaller_alike(tmp_path):
    """--size makes both smaller by Lanczos; a pair of two sizes is left out with the reason."""
    folder = make_folder(tmp_path / "p", ("clean/a.png", "degraded/a.png", "clean/b.png"))
    picture(5, 20, 15).save(folder / "degraded/b.png")
    packed = pack(folder, tmp_path / "out", size=15, source=Source(paired=True))
    (sample,) = open_index(packed.shards, paired=True).samples
    assert read_pixels(sample).shape == read_degraded(sample).shape == (3, 15, 20)
    assert packed.failed == ["b.png: 40 x 30 and 20 x 15; --size takes pairs of one size only: leave it out"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--paired",), "clean: no such folder; pairs lie as FOLDER/clean/NAME.png"),
        (("--degraded", "none"), "none: no such folder"),
        (("--degraded", "other"), "no picture of one has its name in the other"),
        (("--side-by-side", "left"), "none of its pictures could be packed; the first: .*odd.png: 41 pixels wide"),
        (("--side-by-side", "left", "--paired"), "leave out --paired and --degraded"),
    ],
)
def test_what_is_no_pairs_is_named(tmp_path, capsys, monkeypatch, options, message):
    """Exit code 2, what is wrong and what to do, and no shard."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    picture(0, 41, 30).save(tmp_path / "p/odd.png")
    make_folder(tmp_path / "other", ("x.png",))
    code, out, err = pack_command(capsys, "p", "s", *options)
    assert (code, out) == (2, "")
    assert len(list(tmp_path.rglob("*.tar"))) == 0
    with pytest.raises(Error, match=message):
        raise Error(err.replace("\n", " "))


def test_check_looks_at_degraded_pictures(tmp_path):
    """One that cannot be decoded, or does not go into the clean one a whole number of times, is a problem."""
    small, odd = encoded(picture(1, 20, 15)), encoded(picture(2, 20, 10))
    files = [("a.png", encoded(picture(0))), ("a.degraded.png", small)]
    files += [("b.png", encoded(picture(3))), ("b.degraded.png", odd)]
    files += [("c.png", encoded(picture(4))), ("c.degraded.png", b"bad")]
    problems = check([make_tar(tmp_path / "s.tar", files)]).problems
    assert [problem.key for problem in problems] == ["b", "c"]
    assert problems[0].what == "the clean picture is 40 x 30, the degraded 20 x 10, which goes into it no whole times"
    assert problems[1].what.startswith("degraded: not a readable picture")
