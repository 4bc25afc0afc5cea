"""However one of several processes ends, all do: with one message, a saved state where there can be one, no hang."""

import os
import signal
import time

import pytest
from fake_plugins import message
from ranks import rank, run_ranks, train_in_ranks
from tiny_training import PHOTOS, SHORT, TINY, go, states, with_plugin

import i2sbkit.training.sharding  # noqa: F401 - before processes are forked, as it takes seconds
from i2sbkit.cli import execute
from i2sbkit.data import TrainingSet
from i2sbkit.distributed import World, joined
from i2sbkit.kernel.errors import Error
from i2sbkit.training import resuming, saving
from i2sbkit.training.trainer import Trainer

LONG = (SHORT, "train.iterations=1000000", "train.save_every=1000000")


def at_step(monkeypatch, step, act, of_rank=1):
    """Have one of the processes do something when it has made a step."""
    before = Trainer.train_step

    def train_step(self, batch):
        result = before(self, batch)
        if self.step == step and self.world.rank == of_rank:
            act()
        return result

    monkeypatch.setattr(Trainer, "train_step", train_step)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_one_stops_all_at_one_step(signum, tiny_recipe, tmp_path, monkeypatch):
    """The state is saved once, the first says so, and each has the exit code of the signal; one process goes on."""
    at_step(monkeypatch, 3, lambda: os.kill(os.getpid(), signum))
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", *LONG)
    assert told == "stopped at step 3, state saved; the same command goes on from there"
    assert code == str(128 + signum)
    assert states(tmp_path / "run") == [3]
    assert go(tiny_recipe, tmp_path / "run", SHORT, "train.iterations=4")["step"] == 4


def test_a_broken_photograph_ends_all(tiny_recipe, tmp_path, monkeypatch):
    """It is in the share of one; the first tells which and whose."""
    before = TrainingSet.__getitem__

    def broken(self, counter):
        if counter == 9:
            raise Error("shard.tar: ninth: not a readable picture")
        return before(self, counter)

    monkeypatch.setattr(TrainingSet, "__getitem__", broken)
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", *LONG)
    assert told.startswith("process 1 on ")
    assert told.endswith(": shard.tar: ninth: not a readable picture")
    assert code == "2"


def test_a_loss_that_is_not_finite_ends_all(tiny_recipe, tmp_path):
    """One message, of the first."""
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", *LONG, "train.lr=1e30")
    assert "the loss is nan at step 10; the last good state is kept" in told
    assert code == "2"
    assert states(tmp_path / "run") == []


def test_a_full_disk_ends_all(tiny_recipe, tmp_path, monkeypatch):
    """Only the first writes; that it cannot, all are told."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "save", full)
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", SHORT, "train.iterations=1")
    assert "No space left on device" in told
    assert code == "2"


@pytest.mark.parametrize("how", ["train.parallel=ddp", "train.parallel=fsdp"])
def test_a_process_that_dies_ends_the_others(how, tiny_recipe, tmp_path, monkeypatch):
    """Killed in the middle: the other ends with an Error at once, not after a timeout."""
    at_step(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGKILL))
    began = time.monotonic()
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", *LONG, how)
    assert code == str(-signal.SIGKILL)
    assert told.startswith("another process of this run has ended, or cannot be reached any more; what it said tells")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (f"data.train={PHOTOS}/val-*.tar", "data.train: 8 photographs, fingerprint "),
        ("train.lr=2e-3", "train.lr: 0.002 here, 0.001 in process 0; all machines need the same"),
        ("data.train=nowhere", "nowhere: no such shard or folder"),
    ],
)
def test_machines_must_see_the_same(other, says, tiny_recipe, tmp_path):
    """Another recipe, other photographs or none on one of them: told before the first step, by name and place."""
    told, code = train_in_ranks(tiny_recipe, tmp_path / "run", SHORT, others=(SHORT, other))
    assert told.startswith("process 1 on ")
    assert says in told
    assert code == "2"
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_another_machine_does_not_see(half_run, monkeypatch):
    """The state is found by the first alone: told, with what to do."""
    recipe, run = half_run
    before = resuming.Path.is_file
    monkeypatch.setattr(resuming.Path, "is_file", lambda path: before(path) and not (rank() and run in path.parents))
    told, code = train_in_ranks(recipe, run, SHORT)
    assert told.startswith("process 1 on ")
    assert "state-00000010.safetensors: not there on this machine; all machines need the run folder" in told
    assert code == "2"


def test_a_batch_that_cannot_be_shared(tiny_recipe, tmp_path, capsys):
    """Told before the first step, with what to type: by the processes, by --nproc before it starts any, by the plan."""
    says = "train.batch 5 cannot be shared evenly by 2 devices; --set train.batch=6 can"
    assert train_in_ranks(tiny_recipe, tmp_path / "run", "train.batch=5") == [says, "2"]
    assert not (tmp_path / "run").exists()
    for more in ([], ["--dry-run"]):
        assert execute(["train", str(tiny_recipe), "--set", "train.batch=5", "--nproc", "2", *more]) == 2
        assert capsys.readouterr().err == f"error: {says}\n"


UNUSED = """
import i2sbkit, torch
from torch import nn
class Net(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.mix, self.idle = nn.Conv2d(inside, outside, 1), nn.Linear(2, 2)
    def forward(self, x, t):
        return self.mix(x)
class Backbone(i2sbkit.Backbone):
    def build(self, in_channels, out_channels):
        return Net(in_channels, out_channels)
@i2sbkit.hookimpl
def backbones():
    return {"idle": Backbone}
"""


def test_parameters_without_a_gradient_are_explained(tiny_recipe, tmp_path):
    """DDP would wait for it; in one process, and where the parameters are split, it trains."""
    start, _, rest = TINY.partition("[backbone]")
    tiny_recipe.write_text(f'{start}[backbone]\nname = "idle"\n\n{rest[rest.index("[sampler]") :]}')
    registry = with_plugin(UNUSED)
    told, _ = train_in_ranks(tiny_recipe, tmp_path / "run", SHORT, registry=registry)
    assert told.startswith("the backbone has parameters that its output does not depend on")
    done = train_in_ranks(tiny_recipe, tmp_path / "fsdp", SHORT, "train.parallel=fsdp", registry=registry)
    assert [each["step"] for each in done] == [20, 20]


def test_each_process_takes_a_device_of_its_own():
    """A GPU by name would be everybody's."""
    for told in run_ranks(lambda: joined("cuda:1").__enter__()):
        assert told == "--device cuda:1: each process takes a GPU of its own; leave it out, or say --device cpu"


def test_what_torchrun_tells(monkeypatch):
    """One process without it, or where only a part is set; numbers, or an Error."""
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert World.of_environment() == World(0, 1, 0)
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert World.of_environment() == World(0, 1, 0)
    for name, value in (("RANK", "5"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "a"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    world = World.of_environment()
    assert (world, world.first) == (World(5, 8, 1), False)
    assert list(world.share(range(20))) == [5, 13]
    monkeypatch.setenv("RANK", "five")
    assert "RANK=five WORLD_SIZE=8 LOCAL_RANK=1: not what torchrun sets" in message(World.of_environment)


def test_waiting_has_no_end_but_the_last(tmp_path):
    """Who has done its share waits for the others, whatever they take, and is not stopped by a signal."""

    def work():
        with joined("cpu") as (world, _):
            if not world.first:
                time.sleep(1.5)
                (tmp_path / "done").touch()
            else:
                signal.setitimer(signal.ITIMER_REAL, 0.5)
                signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
            world.wait()
            return (tmp_path / "done").exists(), world.gathered(world.rank)

    assert run_ranks(work) == [(True, [0, 1]), (True, [])]
