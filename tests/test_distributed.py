"""Training in several processes gives the numbers of one, and its states go on in any number of them."""

import pytest
import torch
import torch.nn.functional as F
from ranks import run_ranks, train_in_ranks
from tiny_training import PHOTOS, SHORT, go, log, state, states
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

import i2sbkit.training.sharding  # noqa: F401 - before processes are forked, as it takes seconds
from i2sbkit.checkpoint import read_header
from i2sbkit.data import TrainingSet, training_batches
from i2sbkit.distributed import World, joined
from i2sbkit.kernel.algorithms import call_network
from i2sbkit.recipe import load_recipe
from i2sbkit.sources.shards import open_index
from i2sbkit.training import loop, trainer
from i2sbkit.training.trainer import Trainer

HOW = ["train.parallel=ddp", "train.parallel=fsdp"]
CPU = torch.device("cpu")


@pytest.fixture
def each_step(monkeypatch):
    """Every step is logged."""
    monkeypatch.setattr(loop, "LOG_EVERY", 1)


def numbers(run):
    """The log without what the clock tells."""
    return [{name: line[name] for name in line if name not in ("time", "images_per_second")} for line in log(run)]


@pytest.mark.parametrize("how", HOW)
def test_two_processes_train_as_one(how, tiny_recipe, tmp_path, each_step):
    """20 steps and two validations: losses, gradient norms and PSNR are those of one process to 1e-4, told once."""
    options = ["train.clip=0.1", "train.microbatch=1", "train.val_every=10", "train.val_nfe=[1]", how]
    go(tiny_recipe, tmp_path / "one", *options)
    both = train_in_ranks(tiny_recipe, tmp_path / "two", *options)
    one, two = numbers(tmp_path / "one"), numbers(tmp_path / "two")
    assert len(one) == len(two) == 22
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-4)
    assert [(made["step"], made["images"]) for made in both] == [(20, 80)] * 2


def double_loss(net, bridge, x0, lifted, rng, **_):
    """`training_loss` without its float32."""
    x0, lifted = x0.double(), lifted.double()
    x1 = bridge.endpoint(lifted, rng)
    n = bridge.trained_nodes[rng.integers(len(bridge.trained_nodes))]
    x_n = bridge.marginal(x0, x1, n, rng)
    output = call_network(net, bridge, torch.cat([x_n, lifted], dim=1), n, x0.shape[1])
    return F.mse_loss(output, bridge.label(x0, x_n, n))


def test_in_float64_they_are_the_same_to_1e_9(tiny_recipe, tmp_path, each_step, monkeypatch):
    """So what is left between them is rounding, and not data, noise or weighting."""
    monkeypatch.setattr(trainer, "training_loss", double_loss)
    torch.set_default_dtype(torch.float64)
    try:
        go(tiny_recipe, tmp_path / "one", SHORT)
        train_in_ranks(tiny_recipe, tmp_path / "two", SHORT)
    finally:
        torch.set_default_dtype(torch.float32)
    losses = [[line["loss"] for line in log(tmp_path / run)] for run in ("one", "two")]
    assert len(losses[0]) == 20
    assert losses[1] == pytest.approx(losses[0], rel=1e-9)


def test_a_state_goes_on_in_any_number_of_processes(whole_run, half_run):
    """One, two with FSDP, two with DDP, one again: the state at step 20 is that of one process, to rounding."""
    recipe, run = half_run
    train_in_ranks(recipe, run, SHORT, "train.iterations=13", HOW[1])
    train_in_ranks(recipe, run, SHORT, "train.iterations=16", HOW[0])
    go(recipe, run, SHORT, "train.iterations=20")
    assert states(run) == [13, 16, 20]
    whole = state(whole_run[1], 20)
    for step in (13, 16, 20):
        assert {name: tensor.shape for name, tensor in state(run, step).items()} == {
            name: tensor.shape for name, tensor in whole.items()
        }
    for name, tensor in state(run, 20).items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-4, atol=1e-6, msg=name)
    assert log(run)[-1]["loss"] == pytest.approx(log(whole_run[1])[-1]["loss"], rel=1e-4)


@pytest.mark.parametrize("how", HOW)
def test_loss_scaling(how, tiny_recipe, tmp_path):
    """fp16: the processes agree on the scale, and on which gradients it made infinite."""
    options = [SHORT, "train.precision=fp16", "train.iterations=4", how]
    go(tiny_recipe, tmp_path / "one", *options)
    train_in_ranks(tiny_recipe, tmp_path / "two", *options)
    assert numbers(tmp_path / "two")[-1] == pytest.approx(numbers(tmp_path / "one")[-1], rel=0.01)
    scalers = [read_header(tmp_path / run / "state-00000004.safetensors")["scaler"] for run in ("one", "two")]
    assert scalers[0] == scalers[1]


def test_gradients_are_summed_once_a_step(tiny_recipe):
    """However many microbatches there are: with the last."""
    recipe = load_recipe(tiny_recipe, ["train.microbatch=1"])
    pairs = TrainingSet.of(recipe, open_index(recipe.paths("train")))

    def work():
        with joined("cpu") as (world, device):
            alone, shared = Trainer(recipe, device), Trainer(recipe, device, world)
            sums = []

            def hook(group, bucket):
                sums.append(bucket.buffer().numel())
                return allreduce_hook(group, bucket)

            shared.spread.module.register_comm_hook(None, hook)
            whole = next(training_batches(pairs, 0, 4))
            own = next(training_batches(pairs, 0, 4, rank=world.rank, world=world.size))
            norms = float(alone.train_step(whole)[1]), float(shared.train_step(own)[1])
            return norms, sums, sum(parameter.numel() for parameter in shared.net.parameters())

    for norms, sums, parameters in run_ranks(work):
        assert norms[1] == pytest.approx(norms[0], rel=1e-5)
        assert sum(sums) == parameters


def test_fsdp_holds_a_share(tiny_recipe):
    """Parameters, averages and moments of a process are about half of them, and nothing is left whole."""
    recipe = load_recipe(tiny_recipe, [HOW[1]])
    pairs = TrainingSet.of(recipe, open_index(recipe.paths("train")))

    def work():
        with joined("cpu") as (world, device):
            made = Trainer(recipe, device, world)
            made.train_step(next(training_batches(pairs, 0, 4, rank=world.rank, world=world.size)))
            moments = [slots["exp_avg"] for slots in made.optimizer.state.values()]
            held = (made.net.parameters(), made.ema.shadow.values(), moments)
            return [sum(tensor.to_local().numel() for tensor in tensors) for tensors in held]

    for held in run_ranks(work):
        assert len(set(held)) == 1
        assert 0.4 * 1443 < held[0] < 0.6 * 1443


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
def test_the_network_of_the_paper(how, tmp_path, each_step):
    """ADM with 1x1 kernels, attention and checkpointed activations, an eighth as wide: the losses of one process."""
    options = ["backbone.model_channels=32", "backbone.checkpoint_activations=true", "data.size=32", "train.batch=2"]
    options += [f"data.train={PHOTOS}", "train.microbatch=1", "train.iterations=3", "train.precision=fp32", how]
    go("imagenet256/jpeg10", tmp_path / "one", *options)
    train_in_ranks("imagenet256/jpeg10", tmp_path / "two", *options)
    one, two = numbers(tmp_path / "one"), numbers(tmp_path / "two")
    assert len(one) == 3
    for a, b in zip(one, two, strict=True):
        assert b == pytest.approx(a, rel=1e-4)


def test_one_process_is_as_it_was(tiny_recipe):
    """Neither DDP nor FSDP: the network itself is called, in channels_last."""
    made = Trainer(load_recipe(tiny_recipe, [HOW[1]]), CPU, World())
    assert made.forward is made.net
    assert made.net.intro.weight.is_contiguous(memory_format=torch.channels_last)
