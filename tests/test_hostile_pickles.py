"""Whatever lies in a pickle, nothing of it happens: real payloads, which do create their file where they are let."""

import argparse
import io
import os
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch
from payloads import PAYLOADS, Call, written_by_hand, zipped

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.importing import import_weights
from i2sbkit_plugins.official_files import read_checkpoint, read_options

TINY = Path(__file__).parent / "golden" / "official-tiny"
LOUD = [
    "os.system",
    "eval",
    "getattr",
    "setstate",
    "compiled code",
    "a pickle within",
    "numpy's objects",
    "methodcaller",
]
BY_HAND = list(written_by_hand(Path("x")))


def refused(read, path):
    """An Error in one line with the file's name."""
    with pytest.raises(i2sbkit.Error) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500
    return str(caught.value)


@pytest.mark.parametrize("kind", LOUD)
def test_the_payloads_are_real(kind, tmp_path):
    """Unpickled without care they create their file, so that its absence says something."""
    pickle.loads(pickle.dumps(PAYLOADS[kind](tmp_path / "touched")))
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize("kind", ["GLOBAL and REDUCE", "INST", "OBJ", "STACK_GLOBAL", "Python 2's name"])
def test_the_payloads_by_hand_are_real(kind, tmp_path):
    """So do those that no pickler writes."""
    pickle.loads(written_by_hand(tmp_path / "touched")[kind])
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_in_a_pickle_happens(kind, tmp_path):
    """As options.pkl, as a value in it, as a key, as latest.pt zipped and not, at its top, deep in it, as a tensor."""
    touched = tmp_path / "touched"
    payload = PAYLOADS[kind](touched)
    for held in (payload, argparse.Namespace(corrupt=payload), argparse.Namespace(x=[[payload]])):
        (tmp_path / "options.pkl").write_bytes(pickle.dumps(held))
        assert "refused" in refused(read_options, tmp_path / "options.pkl")
    whole = {"net": {"w": torch.zeros(1)}, "ema": {"shadow_params": [torch.zeros(1)]}}
    path = tmp_path / "latest.pt"
    for held in (payload, {**whole, "sched": {"deep": [payload]}}, {**whole, "net": {"w": payload}}):
        for zip_it in (True, False):
            torch.save(held, path, _use_new_zipfile_serialization=zip_it)
            assert "refused, as it does not hold tensors" in refused(read_checkpoint, path)
    (tmp_path / "options.pkl").write_bytes((TINY / "options.pkl").read_bytes())
    with pytest.raises(i2sbkit.Error, match="refused"):
        import_weights(tmp_path, tmp_path / "w.safetensors")
    assert not touched.exists()
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.parametrize("kind", BY_HAND)
def test_nothing_written_by_hand_happens(kind, tmp_path):
    """Operations that no pickler writes any more; what is behind the end of a pickle is not looked at."""
    touched = tmp_path / "touched"
    text = written_by_hand(touched)[kind]
    (tmp_path / "options.pkl").write_bytes(text)
    if kind == "a payload behind the end":
        assert read_options(tmp_path / "options.pkl") == {}
    else:
        refused(read_options, tmp_path / "options.pkl")
    refused(read_checkpoint, zipped(tmp_path / "latest.pt", text))
    (tmp_path / "latest.pt").write_bytes(text)
    refused(read_checkpoint, tmp_path / "latest.pt")
    assert not touched.exists()


def test_torchs_oldest_format_is_refused(tmp_path):
    """A tar of pickles; and the message does not tell how to load it unsafely."""
    payload = pickle.dumps(Call(os.system, f"touch {tmp_path / 'touched'}"), protocol=2)
    with tarfile.open(tmp_path / "latest.pt", "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            archive.addfile(member, io.BytesIO(payload))
    assert "weights_only" not in refused(read_checkpoint, tmp_path / "latest.pt")
    assert not (tmp_path / "touched").exists()


GREEDY = {
    "a bytearray": lambda: Call(bytearray, 10**12),
    "a tensor": lambda: Call(torch.Tensor, 10**12),
    "a storage": lambda: Call(torch.UntypedStorage, 10**12),
    "a tensor of meta": lambda: torch.zeros(10**12, device="meta"),
    "an expanded tensor": lambda: torch.zeros(1).expand(10**12),
}


@pytest.mark.parametrize("zip_it", [True, False])
@pytest.mark.parametrize("kind", GREEDY)
def test_nothing_is_made_of_a_size_that_a_pickle_asks_for(kind, zip_it, tmp_path):
    """What torch itself lets through, such as a bytearray of a terabyte, is not asked for: no memory, no traceback."""
    whole = torch.load(TINY / "latest.pt", weights_only=True)
    whole["ema"]["shadow_params"][0] = GREEDY[kind]()
    torch.save(whole, tmp_path / "latest.pt", _use_new_zipfile_serialization=zip_it)
    (tmp_path / "options.pkl").write_bytes((TINY / "options.pkl").read_bytes())
    tracemalloc.start()
    refused(lambda path: import_weights(path.parent, tmp_path / "w.safetensors"), tmp_path / "latest.pt")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**8


def test_one_tensor_many_times_is_refused(tmp_path):
    """Small in a file, as large as one likes in float32."""
    shared = torch.zeros(100_000, dtype=torch.half)
    torch.save({"input_blocks.0.0.weight": shared, **{str(n): shared for n in range(1000)}}, tmp_path / "x.pt")
    told = refused(lambda path: import_weights(path, tmp_path / "w.safetensors"), tmp_path / "x.pt")
    assert "larger than the file" in told


@pytest.mark.parametrize("number", [10**8, 0xFFFFFFFF])
def test_a_pickle_cannot_number_its_memory_as_it_likes(number, tmp_path):
    """Python makes room for all numbers below: ten bytes would take gigabytes."""
    (tmp_path / "options.pkl").write_bytes(b"\x80\x02Nr" + struct.pack("<I", number) + b".")
    assert f"remembers something as number {number}" in refused(read_options, tmp_path / "options.pkl")


def test_tuples_within_themselves_are_refused(tmp_path):
    """As the key of a table one of 2^60 parts is never done; nor by copies on the stack."""
    many = b"K\x00\x85q\x01" + b"h\x01h\x01\x86q\x01" * 60
    for text in (b"\x80\x02}" + many + b"Ns.", b"\x80\x02})" + b"2\x86" * 60 + b"Ns."):
        (tmp_path / "options.pkl").write_bytes(text)
        begun = time.monotonic()
        refused(read_options, tmp_path / "options.pkl")
        refused(read_checkpoint, zipped(tmp_path / "latest.pt", text))
        assert time.monotonic() - begun < 5


def test_an_ordered_dict_that_answers_otherwise_is_refused(tmp_path):
    """A pickle can give one attributes: another `get`, another `items`."""
    table = b"\x80\x02ccollections\nOrderedDict\n)R}X\x03\x00\x00\x00get" + b"ccollections\nOrderedDict\nsb."
    assert "holds a OrderedDict, not a checkpoint" in refused(read_checkpoint, zipped(tmp_path / "latest.pt", table))


def repacked(path, change):
    """The authors' latest.pt as another archive."""
    with zipfile.ZipFile(TINY / "latest.pt") as source, zipfile.ZipFile(path, "w") as archive:
        for member in source.infolist():
            archive.writestr(member.filename, source.read(member))
        change(archive)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_torch_and_python_could_read_differently_are_refused(tmp_path):
    """Two members of one name, two pickles: the one that was looked through might not be the one that is read."""
    evil = pickle.dumps(Call(os.system, f"touch {tmp_path / 'touched'}"), protocol=2)
    path = tmp_path / "latest.pt"
    assert read_checkpoint(repacked(path, lambda archive: None)).keys() > {"net", "ema"}
    assert "overlap" in refused(read_checkpoint, repacked(path, lambda a: a.writestr("latest/data.pkl", evil)))
    assert "2 pickles" in refused(read_checkpoint, repacked(path, lambda a: a.writestr("evil/data.pkl", evil)))
    assert not (tmp_path / "touched").exists()


def test_a_compressed_archive_is_refused_unread(tmp_path):
    """torch.save compresses nothing; deflated zeros are a thousandth of their size."""
    with zipfile.ZipFile(tmp_path / "latest.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    begun = time.monotonic()
    assert "compressed" in refused(read_checkpoint, tmp_path / "latest.pt")
    assert time.monotonic() - begun < 2


def test_the_command_says_it_in_a_line(tmp_path, capsys):
    """`weights import` of an evil folder: exit code 2, one line, no file."""
    torch.save({"x": PAYLOADS["os.system"](tmp_path / "touched")}, tmp_path / "latest.pt")
    (tmp_path / "options.pkl").write_bytes((TINY / "options.pkl").read_bytes())
    assert execute(["weights", "import", str(tmp_path), "--out", str(tmp_path / "w.safetensors")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'latest.pt'}: refused, as it does not hold tensors")
    assert not (tmp_path / "touched").exists()
