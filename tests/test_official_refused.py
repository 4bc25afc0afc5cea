"""What lies in a foreign pickle is never run, and what is no network that we have is refused by name."""

import argparse
import importlib
import os
import pickle
import subprocess
from pathlib import Path, PosixPath

import pytest
import torch

import i2sbkit
from i2sbkit.importing import import_weights
from i2sbkit_plugins.official import read_adm, read_results
from i2sbkit_plugins.official_files import float_tensors, read_checkpoint, read_options
from i2sbkit_plugins.official_shapes import NotThisAdm, architecture

TINY = Path(__file__).parent / "golden" / "official-tiny"
SHAPES = {
    name.removeprefix("diffusion_model."): tuple(tensor.shape)
    for name, tensor in torch.load(TINY / "latest.pt", weights_only=True)["net"].items()
}


class Call:
    """Pickled, it is a call: what it does to whoever unpickles it."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


class Remembers:
    """Its __setstate__ writes a file."""

    def __getstate__(self):
        return {"path": self.path}

    def __setstate__(self, state):
        Path(state["path"]).touch()


def remembers(path):
    made = Remembers()
    made.path = str(path)
    return made


PAYLOADS = {
    "a command": lambda path: Call(os.system, f"touch {path}"),
    "a process": lambda path: Call(subprocess.call, ["touch", str(path)]),
    "code": lambda path: Call(eval, f"__import__('pathlib').Path({str(path)!r}).touch()"),
    "more code": lambda path: Call(exec, f"open({str(path)!r}, 'w').close()"),
    "an attribute": lambda path: Call(getattr, Call(importlib.import_module, "os"), "system"),
    "a path that does something": lambda path: Call(PosixPath.touch, PosixPath(path)),
    "an object that remembers": remembers,
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_in_options_is_run(tmp_path, kind, nested):
    """Whether the file is the payload or a Namespace with one deep in it: an Error, and no file is made."""
    touched = tmp_path / "touched"
    payload = PAYLOADS[kind](touched)
    held = argparse.Namespace(corrupt="jpeg-10", more=[{"deep": payload}]) if nested else payload
    tmp_path.joinpath("options.pkl").write_bytes(pickle.dumps(held))
    tmp_path.joinpath("latest.pt").symlink_to(TINY / "latest.pt")
    with pytest.raises(i2sbkit.Error, match=r"options\.pkl: refused"):
        import_weights(tmp_path, tmp_path / "w.safetensors")
    assert not touched.exists()
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_in_a_checkpoint_is_run(tmp_path, kind, zipped):
    """Neither in latest.pt nor in a state dict, zipped or as older versions of torch saved: an Error, and no file."""
    touched = tmp_path / "touched"
    whole = torch.load(TINY / "latest.pt", weights_only=True)
    for name in ("latest.pt", "256x256_diffusion_uncond.pt"):
        bad = {**whole, "sched": PAYLOADS[kind](touched)}
        torch.save(bad, tmp_path / name, _use_new_zipfile_serialization=zipped)
        tmp_path.joinpath("options.pkl").write_bytes((TINY / "options.pkl").read_bytes())
        with pytest.raises(i2sbkit.Error, match="refused, as it does not hold tensors and plain values alone"):
            import_weights(tmp_path if name == "latest.pt" else tmp_path / name, tmp_path / "w.safetensors")
        assert not touched.exists()


def test_a_pickle_cannot_change_our_classes(tmp_path):
    """Opcodes that set attributes of a class reach one made for that file, and neither Namespace nor the paths."""
    build = b"\x80\x02cpathlib\nPosixPath\nN}X\x04\x00\x00\x00nameX\x04\x00\x00\x00evils\x86b."
    tmp_path.joinpath("options.pkl").write_bytes(build)
    with pytest.raises(i2sbkit.Error, match="it holds a type"):
        read_options(tmp_path / "options.pkl")
    assert Path("a/b").name == "b"


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x04K\x01.", b"\x80\x04\x95\xff\xff\xff\xff", b"\x80\x04." * 300_000]
)
def test_damaged_options_are_an_error(tmp_path, content):
    """Empty, no pickle, another value, cut off, far too long."""
    tmp_path.joinpath("options.pkl").write_bytes(content)
    with pytest.raises(i2sbkit.Error, match=r"options\.pkl: refused"):
        read_options(tmp_path / "options.pkl")


@pytest.mark.parametrize("module", [b"pathlib", b"pathlib._local"])
@pytest.mark.parametrize("name", [b"PosixPath", b"WindowsPath"])
def test_paths_of_any_system_are_text(tmp_path, module, name):
    """A Namespace pickled on Windows or by a newer Python is read here too; its paths come as text."""
    text = (
        b"cargparse\nNamespace\n)\x81}X\x03\x00\x00\x00dirc" + module + b"\n" + name + b"\nX\x01\x00\x00\x00a\x85Rsb."
    )
    tmp_path.joinpath("options.pkl").write_bytes(b"\x80\x02" + text)
    assert read_options(tmp_path / "options.pkl") == {"dir": "a"}


def test_what_is_no_checkpoint_is_not_ours(tmp_path):
    """The importers leave alone what is not of their kind, and the command says what can be read."""
    tmp_path.joinpath("notes.txt").write_text("hello")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "other.pt"):
        assert read_results(path) is None
        assert read_adm(path) is None
        with pytest.raises(i2sbkit.Error, match="no importer knows what this is; there are: adm, i2sb"):
            import_weights(path, tmp_path / "w.safetensors")


def test_a_damaged_checkpoint_is_an_error(tmp_path):
    """Cut off in the middle."""
    tmp_path.joinpath("latest.pt").write_bytes((TINY / "latest.pt").read_bytes()[:100_000])
    with pytest.raises(i2sbkit.Error, match=r"latest\.pt: refused"):
        read_checkpoint(tmp_path / "latest.pt")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["ema"]["shadow_params"].pop(), "its 215 averages are not its 216 parameters"),
        (lambda c: c["ema"]["shadow_params"].reverse(), "are not its 216 parameters in their order"),
        (lambda c: c.pop("ema"), "lacks `net` or the averages"),
        (lambda c: c["net"].update({3: 4}), "lacks `net` or the averages"),
        (lambda c: c["ema"]["shadow_params"].append("more"), "lacks `net` or the averages"),
    ],
)
def test_averages_must_be_the_networks(tmp_path, change, says):
    """torch_ema's list has no names: it must go with the network's parameters one by one."""
    whole = torch.load(TINY / "latest.pt", weights_only=True)
    change(whole)
    torch.save(whole, tmp_path / "latest.pt")
    tmp_path.joinpath("options.pkl").write_bytes((TINY / "options.pkl").read_bytes())
    with pytest.raises(i2sbkit.Error, match=says):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label_emb.weight": (1000, 128)}, "class-conditional"),
        ({"input_blocks.0.0.weight": (32, 4, 3, 3)}, "takes 4 channels"),
        ({"out.2.weight": (1, 32, 3, 3)}, "gives 1 channels"),
        ({"input_blocks.2.0.op.weight": (32, 32, 3, 3)}, "resamples by convolutions"),
        ({"input_blocks.1.0.emb_layers.1.weight": (32, 128)}, "does not scale and shift"),
        ({"output_blocks.6.0.in_layers.2.weight": (32, 64, 3, 3)}, "its 7 stages are not 3 levels"),
        ({"input_blocks.5.0.in_layers.2.weight": (48, 32, 3, 3)}, "no multiples of its 32"),
        ({"time_embed.0.weight": ()}, "it lacks 'time_embed.0.weight'"),
    ],
)
def test_networks_that_adm_does_not_have_are_named(change, says):
    """Class-conditional, without scale-shift norm, ...: told what it is, not which tensor is missing."""
    with pytest.raises(NotThisAdm, match=says):
        architecture(SHAPES | change, 32)


def test_lists_of_lists_do_not_blow_up(tmp_path):
    """A few hundred bytes that stand for 2^40 numbers are refused at once."""
    many = [1]
    for _ in range(40):
        many = [many, many]
    (tmp_path / "options.pkl").write_bytes(pickle.dumps(argparse.Namespace(x=many)))
    with pytest.raises(i2sbkit.Error, match="lists deeper than"):
        read_options(tmp_path / "options.pkl")


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (torch.full((4,), float("nan")), "not finite"),
        (torch.zeros(1, dtype=torch.half).expand(1 << 40), "not a plain tensor"),
        (torch.zeros(4, dtype=torch.int64), "not a plain tensor"),
        (torch.zeros(4, 4).to_sparse(), "not a plain tensor"),
        (torch.zeros(26), "larger than the file"),
    ],
)
def test_tensors_that_are_no_weights_are_refused(tensor, says, tmp_path):
    """Before anything of their size is made of them."""
    tmp_path.joinpath("latest.pt").write_bytes(bytes(100))
    with pytest.raises(i2sbkit.Error, match=f"'w'.*{says}"):
        float_tensors({"w": tensor}, tmp_path / "latest.pt")


def test_a_flipped_byte_is_noticed(tmp_path):
    """The checksums in the file are asked, which torch does not do."""
    path = tmp_path / "x.pt"
    torch.save({"w": torch.arange(1000.0)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(1000.0).numpy().tobytes()) + 1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(i2sbkit.Error, match="is damaged"):
        read_checkpoint(path)
