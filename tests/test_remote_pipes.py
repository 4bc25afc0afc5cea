"""Shards that a command writes: never unless the user's environment says so, and then once."""

import pytest
from photographs import make_shards

from i2sbkit import Error
from i2sbkit.sources.shards import open_index


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with two shards, and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("I2SBKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("I2SBKIT_ALLOW_PIPE", raising=False)
    return make_shards(tmp_path / "s", (3, 2))


@pytest.fixture
def allowed(monkeypatch):
    """What a user who knows the command sets."""
    monkeypatch.setenv("I2SBKIT_ALLOW_PIPE", "1")


@pytest.mark.parametrize("value", [None, "", "0", "yes"])
def test_no_command_runs_unasked(here, tmp_path, monkeypatch, value):
    """An Error that says what to set, and how to do without; the command has not run."""
    if value is not None:
        monkeypatch.setenv("I2SBKIT_ALLOW_PIPE", value)
    with pytest.raises(Error, match=r"^pipe:touch ran: would run a command; I2SBKIT_ALLOW_PIPE=1 .*> shard\.tar"):
        open_index(["pipe:touch ran"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("given", ["a.tar::pipe:touch ran", "https://x.org/a.tar::pipe:touch ran", "x/pipe:touch ran"])
def test_no_command_hides_behind_a_path(here, allowed, tmp_path, given):
    """Only what begins with it is a command, even where commands are allowed."""
    with pytest.raises(Error):
        open_index([given])
    assert not (tmp_path / "ran").exists()


def test_what_a_command_writes_is_a_shard(here, allowed):
    """With braces, several; the samples are those of the files."""
    index = open_index(["pipe:cat s/s-{000000..000001}.tar"])
    assert index.fingerprint == open_index([here]).fingerprint
    assert index.samples[4].picture.read() == open_index([here]).samples[4].picture.read()


def test_a_command_runs_once(here, allowed, tmp_path):
    """What it wrote is kept: for the other processes, and for when a training goes on."""
    command = "pipe:echo ran >> log; cat s/s-000000.tar"
    assert open_index([command]) == open_index([command])
    assert (tmp_path / "log").read_text() == "ran\n"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("cat s/s-000000.tar; exit 3", "the command failed with exit code 3"),
        ("cat none | head -c 0", "not a readable tar"),
        ("head -c 2000 s/s-000000.tar | cat", "truncated"),
    ],
)
def test_half_a_shard_is_not_kept(here, allowed, tmp_path, command, what):
    """A command that fails, or one in a pipeline whose failure the shell does not tell: an Error, and nothing stays."""
    with pytest.raises(Error, match="pipe:") as caught:
        open_index([f"pipe:{command}"])
    assert what in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "cache" / "pipes").iterdir()) == []
