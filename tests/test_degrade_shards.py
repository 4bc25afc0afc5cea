"""`degrade` of shards: each picture damaged as in a file, everything else as it was."""

import tarfile

import pytest
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
