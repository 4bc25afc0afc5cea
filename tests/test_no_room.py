"""A disk that is full or read-only, numbers that are not finite, memory that runs out: one line, and nothing lost."""

import errno
import re
import shutil
import sys

import pytest
import torch
from disasters import largest_file, read_only, small_disk, train_under_a_limit
from fake_plugins import message
from killing import temporaries
from tiny_training import SHORT, TINY, assert_equal_bits, go, state, states

from i2sbkit.cli import execute
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import load_recipe
from i2sbkit.training import train
from i2sbkit.training.fitting import advice, fitting
from i2sbkit.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


def test_a_state_that_does_not_fit_leaves_the_one_before(whole_run, half_run):
    """Neither weights nor state are half-written; with room the same command ends where it would have."""
    recipe, run = half_run
    before = (run / "state-00000010.safetensors").read_bytes()
    with largest_file(20_000):
        told = message(go, recipe, run, SHORT)
    assert re.fullmatch(
        rf"{run}/state-00000020.safetensors: cannot be written \(.*File too large.*\); the last .* there", told
    )
    assert (run / "state-00000010.safetensors").read_bytes() == before
    assert (states(run), temporaries(run)) == ([10], set())
    go(recipe, run, SHORT)
    assert_equal_bits(state(run, 20), state(whole_run[1], 20))


def test_a_full_disk(whole_run, tmp_path, capsys):
    """Filled up while training: exit code 2, one line, what was saved is whole; and nothing else is left."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        command = ["train", str(whole_run[0]), "--out", str(disk / "run"), "--device", "cpu", "--set", SHORT]
        assert execute([*command, "--set", "train.keep=99", "--set", "train.save_every=1"]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "step 0" not in line]
        assert re.match(r"error: .*No space left on device.*; the last state is whole; make room, and the same", line)
        assert f"{disk}/run/" in line
        saved = states(disk / "run")
        assert saved
        assert temporaries(disk / "run") == set()
        shutil.copytree(disk / "run", tmp_path / "run")
    go(whole_run[0], tmp_path / "run", SHORT)
    assert_equal_bits(state(tmp_path / "run", 20), state(whole_run[1], 20))


def test_a_log_that_cannot_grow(tiny_recipe, tmp_path):
    """The line names the log."""
    recipe = load_recipe(tiny_recipe, [SHORT, "train.iterations=10"])
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        room = disk / "filled"
        with pytest.raises(OSError, match="No space"), room.open("wb") as file:
            while True:
                file.write(bytes(1024))
                file.flush()
        size = room.stat().st_size
        with room.open("rb+") as file:
            file.truncate(size - 4096)  # for the lock
        with pytest.raises((Error, OSError)) as caught:
            train(recipe, disk / "run", torch.device("cpu"))
        assert "log.jsonl" in str(caught.value)
        assert "No space left on device" in str(caught.value)


def test_a_read_only_folder(half_run, tmp_path):
    """A run that cannot be written to, or made: one line before anything is trained; what is there stays."""
    recipe, run = half_run
    with read_only(run):
        told = message(go, recipe, run, SHORT)
        assert re.fullmatch(rf"{run}: no folder to write to \((Read-only file system|Permission denied)\); .*", told)
        assert "no folder to write to" in message(go, recipe, run / "below", SHORT)
    assert states(run) == [10]


@pytest.mark.parametrize("what", ["parameter", "average", "moment"])
def test_no_state_holds_what_is_not_finite(what, tiny_recipe, tmp_path, monkeypatch):
    """Though loss and gradient are finite: the tensor is named, and neither state nor weights are replaced."""
    honest = Trainer.train_step

    def breaking(self, batch):
        result = honest(self, batch)
        if self.step == 13:
            parameter = next(self.net.parameters())
            moment = self.optimizer.state[parameter]["exp_avg_sq"]
            shadow = next(iter(self.ema.shadow.values()))
            with torch.no_grad():
                {"parameter": parameter, "average": shadow, "moment": moment}[what][0] = torch.inf
        return result

    monkeypatch.setattr(Trainer, "train_step", breaking)
    told = message(go, tiny_recipe, tmp_path / "run", "train.save_every=5", "train.iterations=13", SHORT)
    assert re.search(r"run: the tensor \S+ is not finite at step 13; the last good state is kept", told)
    assert states(tmp_path / "run") == [5, 10]
    assert_equal_bits(*(averages(tmp_path / "run", name) for name in ("state-00000010", "weights")))


def averages(run, name):
    from i2sbkit.checkpoint import network_tensors, read_header

    path = run / f"{name}.safetensors"
    return network_tensors(path, read_header(path)["kind"])


def test_advice_names_what_takes_less(tmp_path):
    """Half the microbatch first, with which a run goes on; then what this recipe has and does not use yet."""
    (tmp_path / "r.toml").write_text(TINY)
    told = advice(load_recipe(tmp_path / "r.toml"), 1)
    assert told == (
        "less is taken by --set train.microbatch=2 (now 4), with which a run goes on too; in a new run "
        "by train.precision=bf16 or a smaller data.size; by several processes with train.parallel=fsdp"
    )
    adm = ["train.microbatch=1", "train.precision=bf16", "train.parallel=fsdp", "data.train=x"]
    told = advice(load_recipe("imagenet256/jpeg10", adm), 2)
    assert "microbatch" not in told
    assert "backbone.checkpoint_activations=true" in told
    assert "fsdp" not in told


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_memory_of_any_kind(error, tiny_recipe):
    """A device's, or what Python asks for; other errors come through."""
    recipe = load_recipe(tiny_recipe)
    said = r"^memory ran out in step 3; less is taken by --set train\.microbatch=2"
    with pytest.raises(Error, match=said), fitting(recipe, 1, "in step 3"):
        raise error
    with pytest.raises(RuntimeError, match="shape"), fitting(recipe, 1, "in step 3"):
        raise RuntimeError("shape '[2]' is invalid")


def test_a_microbatch_may_change_when_a_run_goes_on(half_run):
    """As the advice says."""
    recipe, run = half_run
    assert go(recipe, run, SHORT, "train.microbatch=2")["step"] == 20


@pytest.mark.slow
def test_memory_that_really_runs_out(tiny_recipe, tmp_path):
    """Under a limit of the system the allocator fails: exit code 2, and one line that says what takes less."""
    done = train_under_a_limit(tiny_recipe, tmp_path / "run")
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: memory ran out in step 1; less is taken by --set train.microbatch=32 (now 64)")
    assert "Traceback" not in done.stderr


def test_errors_of_writing_name_the_file(tmp_path):
    """An OSError of a write has no name in it; ours has."""
    from i2sbkit.files import write_text

    with largest_file(100), pytest.raises(OSError, match=r"File too large: '.*x\.txt'") as caught:
        write_text(tmp_path / "x.txt", "x" * 1000)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
