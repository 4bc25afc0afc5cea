"""Tensors that are not those of the recipe's network, and networks that nobody could hold: one line, and no memory."""

import json
import resource
import time

import pytest
import torch
from hostile_files import refusal, with_our_header
from torch import nn

from i2sbkit.checkpoint import FLOATS, network_for, read_header, read_tensors, read_weights, save
from i2sbkit.cli import execute
from i2sbkit.memory import peak_bytes

ADM = {
    "name": "adm", "image_size": 32, "model_channels": 32, "channel_mult": [1, 1], "num_res_blocks": 1,
    "attention_resolutions": [16],
}  # fmt: skip
ABSURD = {
    "a width of 4,000": {"width": 4000},
    "1,000 blocks": {"middle": 1000},
    "1,000 blocks on the way down": {"encoder": [1000]},
    "an embedding of 8,000": {"time_dim": 8000},
    "adm of 10^12 channels": {**ADM, "model_channels": 32 * 10**12},
    "adm of 10^9 blocks": {**ADM, "num_res_blocks": 10**9},
    "adm of 10^9 times as many": {**ADM, "channel_mult": [1, 10**9]},
    "adm as the paper's": {"name": "adm"},
}


def build(path):
    """What restoring makes of a file."""
    return read_weights(path).build()


def changed(path, weights, change):
    """A copy of weights with other tensors."""
    tensors = read_tensors(weights)
    change(tensors)
    header = read_header(weights)
    save(path, tensors, {key: header[key] for key in ("kind", "recipe", "plugins", "step")})
    return path


@pytest.mark.parametrize("kind", ABSURD)
def test_a_network_that_nobody_could_hold_ends_before_memory_is_taken(kind, tmp_path, tiny_weights):
    """Terabytes, or blocks without end: a line, in seconds, in the memory that the file's own size allows for."""

    def change(own):
        options = ABSURD[kind]
        own["recipe"]["backbone"] = options if "name" in options else {**own["recipe"]["backbone"], **options}
        own["recipe"]["data"]["size"] = 32

    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, change)
    weights = read_weights(path)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    told = refusal(lambda path: weights.build(), path)
    assert time.monotonic() - begun < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert "does not fit the network of its recipe" in told or "the network of its recipe cannot be made" in told


def test_the_count_is_of_this_network_alone(tmp_path, tiny_weights):
    """Afterwards networks of any size can be made, also where one was refused."""
    path = with_our_header(tmp_path / "w", tiny_weights, lambda own: own["recipe"]["backbone"].update(middle=1000))
    refusal(build, path)
    assert nn.Linear(3000, 3000).weight.numel() == 9_000_000
    build(tiny_weights)
    assert nn.Linear(3000, 3000).weight.numel() == 9_000_000


def test_what_fits_is_never_refused_for_its_size(tiny_weights, monkeypatch):
    """A network may make parameters that it replaces; and one as large as its file is built."""

    class Wasteful(nn.Module):
        def __init__(self):
            super().__init__()
            for _ in range(3):
                self.linear = nn.Linear(1000, 2000)

    weights = read_weights(tiny_weights)
    monkeypatch.setattr(type(weights.recipe.parts.backbone), "build", lambda self, inside, outside: Wasteful())
    tensors = nn.ModuleDict({"linear": nn.Linear(1000, 2000)}).state_dict()
    assert network_for(weights.recipe, tensors, tiny_weights).linear.weight.shape == (2000, 1000)


CHANGES = {
    "no tensor": (lambda tensors: tensors.clear(), "it lacks "),
    "a missing one": (lambda tensors: tensors.pop("intro.bias"), "it lacks 'intro.bias' (1 names differ)"),
    "one more": (lambda tensors: tensors.update(extra=torch.zeros(1)), "it has 'extra', which the network lacks"),
    "one with signs for the terminal": (lambda tensors: tensors.update({"\x1b[2J\n": torch.zeros(1)}), r"\x1b[2J\n"),
    "one with a long name": (lambda tensors: tensors.update({"x" * 100_000: torch.zeros(1)}), "xxx"),
    "another shape": (
        lambda tensors: tensors.update({"intro.bias": torch.zeros(3)}),
        "'intro.bias' is (3,), the network has (4,)",
    ),
    "a scalar": (lambda tensors: tensors.update({"intro.bias": torch.zeros(())}), "'intro.bias' is (), "),
    "another name": (
        lambda tensors: tensors.update({"os.system": tensors.pop("intro.bias")}),
        "it lacks 'intro.bias' (2 names differ)",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_tensors_of_another_architecture_are_one_line(kind, tmp_path, tiny_weights):
    """Which one it is, how it is and how it should be."""
    change, says = CHANGES[kind]
    path = changed(tmp_path / "w.safetensors", tiny_weights, change)
    assert says in refusal(build, path)


OTHERS = [
    torch.int64, torch.int8, torch.uint8, torch.bool, torch.uint16, torch.complex64, torch.float8_e4m3fn,
    torch.float8_e5m2,
]  # fmt: skip


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
def test_other_numbers_than_floats_are_not_taken_for_floats(dtype, tmp_path, tiny_weights):
    """They would be turned into some without a word."""
    path = changed(
        tmp_path / "w.safetensors",
        tiny_weights,
        lambda tensors: tensors.update({"intro.bias": torch.zeros(4).to(dtype)}),
    )
    assert f"'intro.bias' is {dtype}, the network has torch.float32" in refusal(build, path)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floats_of_any_width_are(dtype, tmp_path, tiny_weights):
    """Half precision, and double, become float32."""
    path = changed(
        tmp_path / "w.safetensors",
        tiny_weights,
        lambda tensors: tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()}),
    )
    assert build(path).intro.bias.dtype == torch.float32


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
def test_weights_check_tells_them_too(dtype, tmp_path, tiny_weights, capsys):
    """Also such as torch cannot ask whether they are finite."""
    path = changed(
        tmp_path / "w.safetensors",
        tiny_weights,
        lambda tensors: tensors.update({"intro.bias": torch.zeros(4).to(dtype)}),
    )
    assert execute(["weights", "check", str(path)]) == 1
    assert f"{path}: " in capsys.readouterr().out


def test_numbers_that_are_none_are_told_by_weights_check(tmp_path, tiny_weights, capsys):
    """It names the tensor; reading does not look at each number, as that would take as long as all else."""
    path = changed(
        tmp_path / "w.safetensors",
        tiny_weights,
        lambda tensors: tensors.update({"intro.bias": torch.tensor([0, float("nan"), 0, 0])}),
    )
    build(path)
    assert execute(["weights", "check", str(path), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["problem"].startswith(f"{path}: 'intro.bias' ")
    assert "\n" not in found["problem"]


@pytest.mark.parametrize("kind", ["a width of 4,000", "1,000 blocks"])
def test_weights_check_ends_alike(kind, tmp_path, tiny_weights, capsys):
    """The command that is asked whether a file is whole does not fall for it."""
    path = with_our_header(
        tmp_path / "w.safetensors", tiny_weights, lambda own: own["recipe"]["backbone"].update(ABSURD[kind])
    )
    assert execute(["weights", "check", str(path)]) == 1
    assert "the network of its recipe" in capsys.readouterr().out


def test_a_skeleton_takes_no_memory(tiny_weights):
    """Counted: for one layer too many, at most that layer is asked of the allocator, and nobody writes to it."""
    weights = read_weights(tiny_weights)
    object.__setattr__(weights.recipe.parts.backbone, "middle", 10**9)
    object.__setattr__(weights.recipe.parts.backbone, "width", 1000)
    peak = peak_bytes(lambda: refusal(lambda path: weights.build(), tiny_weights))
    assert peak < 10**8
