"""`degrade` of shards: each picture damaged as in a file, everything else as it was."""

import tarfile

import numpy as np
import pytest
from pictures import photo
from PIL import Image
from shard_files import content_of, encoded, names_in, tar_of
from working_weights import working_weights

import i2sbkit
from i2sbkit.bulk import degrading
from i2sbkit.cli import execute


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return working_weights(tmp_path_factory.mktemp("w") / "tiny.safetensors", "corruption.quality=[5,40]")


@pytest.fixture(scope="module")
def recipe(weights):
    """The recipe of the weights as a file."""
    path = weights.with_suffix(".toml")
    path.write_text(i2sbkit.load(weights, "cpu").weights.recipe.to_toml())
    return path


def degrade(source, out, recipe, *options):
    return execute(["degrade", str(source), str(out), "--recipe", str(recipe), *options])


def test_shards_in_shards_out(weights, recipe, tmp_path):
    """Each picture as `degrade` damages it in a file, under its key; all else as it was; restore reads them."""
    shard = tar_of(
        tmp_path / "clean/a.tar",
        ("k0.png", encoded(40, 32)),
        ("k0.json", b"{}"),
        ("k1.webp", encoded(33, 17, "WEBP")),
        ("bad.png", b"no picture"),
    )
    assert degrade(shard, tmp_path / "out", recipe) == 1
    with tarfile.open(shard) as tar:
        tar.extractall(tmp_path / "files", filter="data")
    damaged = []
    for key, suffix in (("k0", "png"), ("k1", "webp")):
        assert degrade(tmp_path / f"files/{key}.{suffix}", tmp_path / f"{key}.jpg", recipe) == 0
        damaged.append((f"{key}.jpg", (tmp_path / f"{key}.jpg").read_bytes()))
    assert content_of(tmp_path / "out/a.tar") == [damaged[0], ("k0.json", b"{}"), damaged[1]]
    assert degrade(tmp_path / "clean", tmp_path / "again", recipe) == 1
    assert (tmp_path / "again/a.tar").read_bytes() == (tmp_path / "out/a.tar").read_bytes()
    line = [
        str(tmp_path / "out"),
        str(tmp_path / "restored"),
        "--weights",
        str(weights),
        "--device",
        "cpu",
        "--nfe",
        "1",
    ]
    assert execute(["restore", *line]) == 0
    assert names_in(tmp_path / "restored/a.tar") == ["k0.jpg", "k0.json", "k1.jpg"]


def test_shards_of_another_seed_are_not_gone_on_with(recipe, tmp_path, monkeypatch):
    """What a killed run left of another seed is thrown away; of the same seed it is used."""
    shard = tar_of(tmp_path / "clean/a.tar", ("k0.png", encoded(16, 16)), ("k1.png", encoded(24, 16)))
    count = [0]
    made = degrading.write_observation

    def killed(*given):
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt
        made(*given)

    monkeypatch.setattr(degrading, "write_observation", killed)
    assert degrade(shard, tmp_path / "out", recipe) == 130
    assert degrade(shard, tmp_path / "out", recipe) == 0
    assert count[0] == 3
    whole = (tmp_path / "out/a.tar").read_bytes()
    count[0] = 0
    assert degrade(shard, tmp_path / "other", recipe) == 130
    assert degrade(shard, tmp_path / "other", recipe, "--seed", "5") == 0
    assert count[0] == 4
    assert (tmp_path / "other/a.tar").read_bytes() != whole


def test_several_inputs(recipe, tmp_path, capsys):
    """As a shell expands `shards-{0..1}.tar`; with OUT alone there is one line of error."""
    shards = [tar_of(tmp_path / f"s-{n}.tar", (f"k{n}.png", encoded(16 + n, 16))) for n in range(2)]
    assert execute(["degrade", *map(str, shards), str(tmp_path / "out"), "--recipe", str(recipe)]) == 0
    assert [names_in(tmp_path / f"out/s-{n}.tar") for n in range(2)] == [["k0.jpg"], ["k1.jpg"]]
    capsys.readouterr()
    assert degrade(shards[0], tmp_path / "out", recipe) == 2
    assert "exists already" in capsys.readouterr().err
    assert execute(["degrade", str(shards[0]), "--recipe", str(recipe)]) == 2
    assert f"only {shards[0]} is given; give what to damage, and then OUT" in capsys.readouterr().err


def test_out_below_shards_does_not_count(recipe, tmp_path, capsys):
    """Pictures there do not make a folder of shards one of pictures; pictures beside shards do, and that is said."""
    tar_of(tmp_path / "data/s.tar", ("k.png", encoded(16, 16)))
    out = tmp_path / "data/out"
    out.mkdir()
    photo(16, 16).save(out / "old.png")
    assert degrade(tmp_path / "data", out, recipe) == 0
    assert names_in(out / "s.tar") == ["k.jpg"]
    assert capsys.readouterr().err == ""
    photo(16, 16).save(tmp_path / "data/new.png")
    assert degrade(tmp_path / "data", tmp_path / "other", recipe) == 0
    assert not (tmp_path / "other/s.tar").exists()
    assert f"{tmp_path / 'data/s.tar'}: passed over" in capsys.readouterr().err


def test_leftovers_beside_shards_that_are_there_are_removed(recipe, tmp_path):
    """A process that was killed between writing a shard and sweeping leaves a folder; --skip-existing sweeps it."""
    shard = tar_of(tmp_path / "s.tar", ("k.png", encoded(16, 16)))
    assert degrade(shard, tmp_path / "out", recipe) == 0
    (tmp_path / "out/.s.tar.abcdefabcdef.partial").mkdir()
    assert degrade(shard, tmp_path / "out", recipe, "--skip-existing") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["s.tar"]


def test_the_recipes_masks_are_what_is_missing(tmp_path):
    """As in training: `data.masks` in place of what the corruption would draw."""
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, 2:7] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks/a.png")
    photo(16, 16).save(tmp_path / "a.png")
    masked = working_weights(tmp_path / "w.safetensors", f"data.masks={tmp_path / 'masks'}", name="inpaint")
    recipe = tmp_path / "r.toml"
    recipe.write_text(i2sbkit.load(masked, "cpu").weights.recipe.to_toml())
    assert degrade(tmp_path / "a.png", tmp_path / "b.png", recipe) == 0
    with Image.open(tmp_path / "b.png") as made:
        assert np.array_equal(np.asarray(made.getchannel("A")), 255 - mask)


def test_warnings_name_the_file(recipe, tmp_path, capsys):
    """Of thousands, the one that was cut."""
    (tmp_path / "in").mkdir()
    photo(33, 16).save(tmp_path / "in/odd.png")
    photo(32, 16).save(tmp_path / "in/even.png")
    smaller = working_weights(tmp_path / "w.safetensors", name="sr4x")
    path = tmp_path / "sr.toml"
    path.write_text(i2sbkit.load(smaller, "cpu").weights.recipe.to_toml())
    assert degrade(tmp_path / "in", tmp_path / "out", path) == 0
    assert capsys.readouterr().err.count(f"{tmp_path / 'in/odd.png'}: ") == 1
