"""Shards and folders: what is found in them, what is never read, and what is said of damaged ones."""

import os
import pickle
import tarfile
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from photographs import encoded, make_folder, make_shards, make_tar, picture
from PIL import Image

from i2sbkit import Error
from i2sbkit.sources.checking import check
from i2sbkit.sources.folders import folder_keys
from i2sbkit.sources.packing import pack
from i2sbkit.sources.shards import open_index, read_degraded, read_pixels


def keys(*paths):
    return [sample.key for sample in open_index(paths).samples]


def pixels(*paths):
    return {sample.key: read_pixels(sample) for sample in open_index(paths).samples}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_shards_are_found_by_path_brace_glob_and_folder(tmp_path):
    """Four ways to name the same shards give the same index."""
    folder = make_shards(tmp_path / "shards")
    named = open_index(sorted(folder.glob("*.tar")))
    assert named.shards == 3
    assert [sample.shard for sample in named.samples] == [0] * 5 + [1] * 4 + [2] * 3
    for way in (f"{folder}/s-{{000000..000002}}.tar", f"{folder}/s-*.tar", folder):
        assert open_index([way]) == named


def test_a_path_that_exists_stands_for_itself(tmp_path):
    """A name with braces or brackets in it is no pattern where there is such a file."""
    odd = make_shards(tmp_path / "a{1,2}[x]")
    assert len(keys(odd)) == 12


def test_a_sample_is_what_shares_its_name_up_to_the_first_dot(tmp_path):
    """webdataset's rule: folder and stem are the key, all behind the first dot is the extension."""
    image = encoded(picture(0))
    shard = make_tar(tmp_path / "s.tar", [("d.x/k.png", image), ("d.x/k.json", b"{}"), ("d.x/k.seg.png", image)])
    (sample,) = open_index([shard]).samples
    assert sample.key == "d.x/k"
    assert sorted(sample.parts) == ["json", "png"]
    assert sample.parts["json"].read() == b"{}"


def test_a_degraded_picture_is_no_picture_of_its_own(tmp_path):
    """KEY.degraded.png belongs to KEY.png, whichever comes first; the clean one is what is read."""
    clean, degraded = picture(0), picture(1)
    shard = make_tar(tmp_path / "s.tar", [("k.degraded.png", encoded(degraded)), ("k.jpg", encoded(clean, "JPEG"))])
    (sample,) = open_index([shard]).samples
    assert sorted(sample.parts) == ["degraded.png", "jpg"]
    assert torch.equal(read_degraded(sample), torch.from_numpy(np.array(degraded)).permute(2, 0, 1))
    assert not torch.equal(read_pixels(sample), read_degraded(sample))
    assert check([make_tar(tmp_path / "t.tar", [("k.degraded.png", encoded(degraded))])]).problems[0].key == "k"


def test_pickles_are_never_read(tmp_path):
    """A member that would run code if unpickled is not even listed, whatever it is called."""
    canary = tmp_path / "ran"

    class Malice:
        def __reduce__(self):
            return os.mkdir, (str(canary),)

    evil = pickle.dumps(Malice())
    names = [f"k.{extension}" for extension in ("pkl", "pickle", "pyd", "pth", "pt", "png.pkl")]
    shard = make_tar(tmp_path / "s.tar", [*((name, evil) for name in names), ("k.png", encoded(picture(0)))])
    (sample,) = open_index([shard]).samples
    assert list(sample.parts) == ["png"]
    read_pixels(sample)
    assert check([shard]).problems == []
    assert not canary.exists()
    pickle.loads(evil)  # the canary can sing
    assert canary.exists()


@pytest.mark.parametrize("url", ["pipe:touch ran", "https://x.org/a.tar", "s3://b/a.tar", "a.tar::pipe:touch ran"])
def test_urls_and_commands_behind_a_folder_are_refused(tmp_path, monkeypatch, url):
    """Only what begins as one is one; a folder before it has folded its slashes."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match="only local files"):
        open_index([tmp_path / url])
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.tar", "no such shard or folder"),
        ("s-{000000..000003}.tar", "s-000003.tar: no such shard"),
        ("s-*.zip", "no such shard or folder"),
        ("**s.tar", "not a pattern|no such shard"),  # from Python 3.13 on it is one
        ("s-{1", "not a path or pattern"),
        ("empty", "no pictures in it"),
        ("text.tar", "not a readable tar"),
        ("bare.tar", "no pictures in .*shards pack"),
    ],
)
def test_what_cannot_be_opened_is_named(tmp_path, name, message):
    """An Error says which path it was and what is wrong with it."""
    make_shards(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no tar")
    make_tar(tmp_path / "bare.tar", [("k.txt", b"words")])
    with pytest.raises(Error, match=message):
        open_index([tmp_path / name])


def test_a_folder_and_its_shards_give_the_same_pixels_and_keys(tmp_path):
    """Packing changes neither the pixels nor the keys that validation damage follows from."""
    folder = make_folder(tmp_path / "photos", ("a.png", "b.c.png", "sub/b.png", "sub.d/x.png"))
    (folder / "t.jpg").write_bytes(encoded(picture(9), "JPEG"))
    packed = pack(folder, tmp_path / "shards")
    assert same(pixels(folder), pixels(*packed.shards))
    assert set(keys(folder)) == {"a", "b_c", "sub/b", "sub_d/x", "t"}


def test_hidden_files_are_passed_over(tmp_path):
    """Nothing under a name with a leading dot counts as a photograph."""
    assert keys(make_folder(tmp_path / "p", ("a.png", ".b.png", ".thumbs/c.png"))) == ["a"]


names = st.lists(st.from_regex(r"[ab](\.[ab])?\.(png|jpg|PNG)", fullmatch=True), min_size=1, max_size=12, unique=True)


@given(names)
def test_keys_of_a_folder_are_unique_and_hold_no_dot(found):
    """However alike the names, each file has a key of its own, which webdataset reads back whole."""
    made = folder_keys(PurePosixPath("x") / name for name in sorted(found))
    assert len(set(made)) == len(found)
    assert not any("." in key for key in made)


def test_gray_palette_and_alpha_become_rgb(tmp_path):
    """Whatever 8-bit kind a picture is, its pixels are (3, H, W) uint8."""
    folder = tmp_path / "p"
    folder.mkdir()
    gray = picture(0).convert("L")
    gray.save(folder / "gray.png")
    picture(1).convert("P").save(folder / "palette.png")
    picture(2).convert("RGBA").save(folder / "alpha.png")
    found = pixels(folder)
    assert {(tuple(value.shape), value.dtype) for value in found.values()} == {((3, 30, 40), torch.uint8)}
    assert torch.equal(found["gray"], torch.from_numpy(np.array(gray)).expand(3, -1, -1))


def test_exif_orientation_is_applied(tmp_path):
    """A photograph taken upright by turning the camera is upright."""
    image, exif = picture(0), Image.Exif()
    exif[274] = 6  # turn by 90 degrees clockwise
    make_tar(tmp_path / "s.tar", [("k.png", encoded(image, exif=exif))])
    expected = np.array(image.transpose(Image.Transpose.ROTATE_270))
    assert torch.equal(pixels(tmp_path / "s.tar")["k"], torch.from_numpy(expected).permute(2, 0, 1))


def test_deep_gray_is_refused_not_whitened(tmp_path):
    """16-bit gray, which Pillow clips to white when made RGB, is an Error."""
    Image.fromarray(np.full((8, 8), 20000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(Error, match="more than 8 bits"):
        pixels(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"not a picture", lambda data: b""]
)
def test_an_undecodable_picture_names_its_shard_and_key(tmp_path, damage):
    """The Error says where the picture is and which command finds all such."""
    shard = make_tar(tmp_path / "s.tar", [("good.png", encoded(picture(0))), ("bad.png", damage(encoded(picture(1))))])
    with pytest.raises(Error, match=r"s\.tar: bad: not a readable picture .*i2sbkit shards check"):
        pixels(shard)


def test_a_shard_cut_anywhere_is_an_error(tmp_path):
    """In a header, between two files, in a file or at the end mark: photographs never go missing silently."""
    whole = make_tar(tmp_path / "whole.tar", [(f"k{i}.png", encoded(picture(i, 12, 8))) for i in range(4)])
    data = whole.read_bytes()
    with tarfile.open(whole) as tar:
        members = tar.getmembers()
        end = tar.offset
    cuts = {member.offset + extra for member in members[1:] for extra in (0, 100, 512, 600)} | {end, end + 100}
    assert min(cuts) > 0
    for cut in sorted(cuts):
        shard = tmp_path / "cut.tar"
        shard.write_bytes(data[:cut])
        with pytest.raises(Error, match=rf"cut\.tar: .*i2sbkit shards check {shard}"):
            open_index([shard])


def test_a_damaged_header_is_not_the_end(tmp_path):
    """A header whose checksum is wrong does not end the shard in silence."""
    shard = make_tar(tmp_path / "s.tar", [(f"k{i}.png", encoded(picture(i))) for i in range(3)])
    data = bytearray(shard.read_bytes())
    with tarfile.open(shard) as tar:
        data[tar.getmembers()[1].offset + 3] ^= 1
    shard.write_bytes(data)
    with pytest.raises(Error, match="damaged"):
        open_index([shard])
