"""Masks from files: every layout read to the pixel, what is not one refused, and used as the authors use them."""

import struct
import zipfile

import numpy as np
import pytest
import torch
from photographs import make_folder
from PIL import Image
from tiny_training import TINY, go
from training_sets import SIZE, training_set

from i2sbkit import Corruption, Error, Observation
from i2sbkit.cli import execute
from i2sbkit.pairs import Damage, validation_pairs
from i2sbkit.recipe import load_recipe
from i2sbkit.sources import masks
from i2sbkit.sources.masks import open_masks
from i2sbkit.sources.shards import open_index

HOLES = TINY.replace('name = "jpeg"\nquality = 10', 'name = "inpaint"')


class Plain(Corruption):
    """Damages nothing."""

    def corrupt(self, x0, rng):
        return Observation(x0)


def drawn(count, rows, columns):
    """Masks of 0 and 1, all different."""
    return np.random.default_rng(0).integers(0, 2, (count, rows, columns), dtype=np.uint8)


def read(path):
    masks = open_masks(path)
    return np.stack([masks.read(number) for number in range(len(masks))])


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize(
    "kind",
    [
        lambda masks: masks,
        lambda masks: masks[:, None],
        lambda masks: masks.astype(bool),
        lambda masks: masks * 255,
        lambda masks: masks.astype(np.float32),
        lambda masks: np.zeros_like(masks),
    ],
    ids=["N,H,W", "N,1,H,W", "bool", "0 and 255", "float", "empty"],
)
def test_arrays_of_masks_are_read_to_the_pixel(tmp_path, suffix, kind):
    """(N, H, W) or (N, 1, H, W), of 0 and 1, bool or 0 and 255."""
    made = kind(drawn(150, 5, 7))
    path = tmp_path / f"m.{suffix}"
    np.save(path, made) if suffix == "npy" else np.savez(path, mask=made)
    assert np.array_equal(read(path), made.reshape(150, 5, 7) != 0)


def test_masks_of_palette_are_read_to_the_pixel(tmp_path):
    """Bits of 256 x 256 masks in a row, several arrays a file, one named after a colon; the count follows from them."""
    masks = drawn(3, 256, 256)
    arrays = {"10-20% freeform": masks, "20-30% freeform": 1 - masks}
    np.savez(tmp_path / "p.npz", **{key: np.packbits(array, axis=None) for key, array in arrays.items()})
    for key, array in arrays.items():
        assert np.array_equal(read(f"{tmp_path}/p.npz:{key}"), array == 1)


def test_pictures_are_masks_where_they_are_white(tmp_path):
    """A folder of pictures in the order of their names: what is nearer to white is missing."""
    Image.fromarray(np.array([[0, 127], [128, 255]], np.uint8)).save(tmp_path / "b.png")
    Image.new("RGB", (2, 2), "white").save(tmp_path / "a.png")
    assert read(tmp_path).tolist() == [[[True, True], [True, True]], [[False, False], [True, True]]]


def test_masks_of_another_size_are_resized_to_the_nearest_pixel(tmp_path):
    """Twice as large each pixel is four; half as large, every second one's neighbour; never a shade between."""
    masks = drawn(1, 4, 4)
    np.save(tmp_path / "m.npy", masks)
    opened = open_masks(tmp_path / "m.npy")
    assert np.array_equal(opened.sized(0, 8, 8)[0].numpy(), masks[0].repeat(2, 0).repeat(2, 1))
    assert np.array_equal(opened.sized(0, 2, 2)[0].numpy(), masks[0][1::2, 1::2])
    assert set(opened.sized(0, 5, 3).unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.npz", "no such masks; give a folder"),
        ("two.npz", r'several arrays; say which of: "two.npz:a", "two.npz:b"'),
        ("two.npz:c", r"no array 'c' in it; say which of"),
        ("grey.npy", "mask 0: holds other numbers than 0 and 1"),
        ("grey.npz", "masks from 0: holds other numbers than 0 and 1"),
        ("flat.npy", r"uint8 of shape \(7, 7\); masks are \(N, H, W\)"),
        ("objects.npy", r"objects\.npy: .*Python objects|objects\.npy: not a readable file of masks"),
        ("objects.npz", "holds Python objects, which are never unpickled"),
        ("text.npz", "not a readable file of masks"),
        ("cut.npy", "not a readable file of masks"),
        ("text", r"m\.png: not a readable mask"),
    ],
)
def test_what_is_no_file_of_masks_is_named(tmp_path, name, message):
    """An Error says which file, which array and what is wrong; nothing is unpickled."""
    np.savez(tmp_path / "two.npz", a=drawn(1, 4, 4), b=drawn(1, 4, 4))
    np.save(tmp_path / "grey.npy", np.full((1, 4, 4), 7, np.uint8))
    np.savez(tmp_path / "grey.npz", np.full((1, 4, 4), 7, np.uint8))
    np.save(tmp_path / "flat.npy", drawn(1, 7, 7)[0])
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", np.array([[[{}]]]))
    (tmp_path / "text.npz").write_text("no zip")
    np.save(tmp_path / "whole.npy", drawn(9, 9, 9))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:200])
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "m.png").write_text("no picture")
    with pytest.raises(Error, match=message):
        read(tmp_path / name)


def test_masks_hide_what_they_say(tmp_path):
    """The observation is white where the mask is 1 and the photograph elsewhere; training draws masks, always alike."""
    masks = drawn(5, SIZE, SIZE)
    np.save(tmp_path / "m.npy", masks)
    index = open_index([make_folder(tmp_path / "photos")])
    one, two = (training_set(index, Plain(), masks=open_masks(tmp_path / "m.npy"), quantize=False) for _ in range(2))
    used = set()
    for counter in range(30):
        pair = one[counter]
        assert torch.equal(pair.x1, torch.where(pair.mask > 0, 1.0, pair.x0))
        assert torch.equal(pair.mask, two[counter].mask)
        (number,) = (n for n in range(5) if np.array_equal(masks[n], pair.mask[0].numpy()))
        used.add(number)
    assert used == set(range(5))


def test_validation_takes_the_masks_in_turn(tmp_path):
    """Photograph k has mask k, from the first again after the last."""
    masks = drawn(2, SIZE, SIZE)
    np.savez(tmp_path / "m.npz", masks)
    index = open_index([make_folder(tmp_path / "photos")])
    damage = Damage(Plain(), masks=open_masks(tmp_path / "m.npz"))
    found = [pair.mask[0].numpy() for pair in validation_pairs(index, damage, size=SIZE, seed=0, count=3)]
    assert np.array_equal(found, masks[[0, 1, 0]])


def test_a_recipe_trains_on_masks_beside_it(tmp_path):
    """`data.masks` is a path from the recipe; steps and validation run; resuming takes the masks from elsewhere too."""
    np.savez(tmp_path / "m.npz", a=drawn(4, 256, 256), b=drawn(4, 16, 16))
    recipe = tmp_path / "r.toml"
    recipe.write_text(HOLES.replace("[data]", '[data]\nmasks = "m.npz:b"'))
    assert execute(["recipes", "check", str(recipe)]) == 0
    go(recipe, tmp_path / "run", "train.iterations=2")
    (tmp_path / "else").mkdir()
    (tmp_path / "m.npz").rename(tmp_path / "else/m.npz")
    go(recipe, tmp_path / "run", "train.iterations=3", f"data.masks={tmp_path}/else/m.npz:b")
    with pytest.raises(Error, match=r"data\.masks: was .*m\.npz:b.*, is .*m\.npz:a"):
        go(recipe, tmp_path / "run", "train.iterations=4", f"data.masks={tmp_path}/else/m.npz:a")


def test_masks_are_for_corruptions_that_make_some(tmp_path, capsys):
    """With another corruption, with pairs, or where there are none, the recipe is wrong at data.masks."""
    recipe = tmp_path / "r.toml"
    for text, more, message in (
        (TINY, "train.batch=4", 'such as corruption.name = "inpaint"'),
        (HOLES, "data.paired=true", "pairs take no masks"),
        (HOLES, "data.val=[]", "m.npz: no such masks"),
    ):
        recipe.write_text(text.replace("[data]", '[data]\nmasks = "m.npz"'))
        assert execute(["recipes", "check", str(recipe), "--set", more]) == 2
        line = text.splitlines().index("[data]") + 2
        assert f"{recipe}:{line}: data.masks: " in (err := capsys.readouterr().err)
        assert message in err


def test_masks_stay_where_they_are_in_a_resolved_recipe(tmp_path):
    """The resolved recipe, and a copy, name the masks by their absolute path, key and all."""
    recipe, copy = tmp_path / "r.toml", tmp_path / "else" / "c.toml"
    copy.parent.mkdir()
    recipe.write_text(HOLES.replace("[data]", '[data]\nmasks = "m.npz:10-20% freeform"'))
    assert execute(["recipes", "copy", str(recipe), str(copy)]) == 0
    (tmp_path / "resolved.toml").write_text(load_recipe(recipe).to_toml())
    for path in (copy, tmp_path / "resolved.toml"):
        assert load_recipe(path).paths("masks") == [f"{tmp_path}/m.npz:10-20% freeform"]


def bomb(path, shape, dtype="|b1", length=1 << 20, header=None):
    """An archive whose array claims a shape, of zeros, which compress to nothing."""
    text = header or repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + bytes(length))
    return path


@pytest.mark.parametrize(
    ("shape", "dtype", "says"),
    [
        ((1_000_000, 4096, 4096), "|b1", "too large to unpack; write it as a .npy file"),
        ((1, 1 << 16, 1 << 16), "|b1", "too large to unpack"),
        ((1, 1 << 13, 1 << 13), "<f8", "too large to unpack"),
        ((1 << 33,), "|u1", "too large to unpack"),
        ((-5, 4, 4), "|b1", "of shape (-5, 4, 4)"),
        ((4, -4, -4), "|b1", "of shape (4, -4, -4)"),
    ],
)
def test_an_archive_that_would_fill_the_memory_is_refused(shape, dtype, says, tmp_path):
    """By what it says it holds, before it is unpacked; and masks of less than nothing."""
    with pytest.raises(Error) as caught:
        open_masks(bomb(tmp_path / "m.npz", shape, dtype))
    assert str(caught.value).startswith(f"{tmp_path / 'm.npz'}:m: ")
    assert says in str(caught.value)


def test_no_header_of_gigabytes_is_read(tmp_path):
    """Neither is one that is nested until Python gives up, or is no header."""
    for header, says in ((b" " * (1 << 20), "a header of more than"), (b"(" * 9000, "not a readable"), (b"1", "not a")):
        with pytest.raises(Error, match=says):
            open_masks(bomb(tmp_path / "m.npz", (), header=header))


def test_masks_are_unpacked_a_few_at_a_time(tmp_path, monkeypatch):
    """In pieces of whole masks, which together are all of them."""
    monkeypatch.setattr(masks, "CHUNK", 100)
    made = drawn(50, 5, 7)
    np.savez_compressed(tmp_path / "m.npz", mask=made)
    assert np.array_equal(read(tmp_path / "m.npz"), made != 0)
