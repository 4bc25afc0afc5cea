"""Weights from an enemy: every lie in a header ends in one line, before a tensor is read or memory is taken."""

import json
import resource
import time
import tracemalloc

import pytest
from hostile_files import entry, parts_of, raw, refusal, with_our_header
from safetensors.torch import save_file
from torch import zeros

from i2sbkit import stored
from i2sbkit.checkpoint import read_header, read_tensors, read_weights
from i2sbkit.cli import execute
from i2sbkit.stored import LARGEST, read_contents

FOUR = bytes(4)
FILES = {  # the header, the bytes behind it, the length that is claimed; what is said
    "a length of 2^63": (b"{}", b"", 1 << 63, "shorter than its header"),
    "a length of 2^64 - 1": (b"{}", b"", (1 << 64) - 1, "shorter than its header"),
    "a length beyond the file": (b"{}", b"", 1000, "shorter than its header"),
    "no header": (b"", b"", None, "Expecting value"),
    "a list": ([], b"", None, "no table"),
    "a number": (3, b"", None, "no table"),
    "another encoding": ("{}".encode("utf-16"), b"", None, "utf-8"),
    "half a sign": (b'{"\\ud800": 1}', b"", None, "surrogates"),
    "lists in lists": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", None, "nested too deep"),
    "tables in tables": (b'{"a":' * 40 + b"1" + b"}" * 40, b"", None, "nested too deep"),
    "a number of 5,000 digits": (b'{"a":' + b"9" * 5000 + b"}", b"", None, "limit"),
    "NaN": (b'{"a": NaN}', b"", None, "not finite"),
    "1e999": (b'{"a": 1e999}', b"", None, "not finite"),
    "a tensor twice": (b'{"a":' + json.dumps(entry()).encode() + b',"a":' + json.dumps(entry()).encode() + b"}", FOUR,
                       None, "comes twice"),
    "metadata that are a list": ({"__metadata__": [3]}, b"", None, "no texts"),
    "metadata that are null": ({"__metadata__": None}, b"", None, "no texts"),
    "metadata of numbers": ({"__metadata__": {"i2sbkit": 3}}, b"", None, "no texts"),
    "a tensor of text": ({"a": "F32"}, FOUR, None, "'a' is not described"),
    "a tensor without place": ({"a": {"dtype": "F32", "shape": [1]}}, FOUR, None, "'a' is not described"),
    "a tensor with more": ({"a": {**entry(), "code": "x"}}, FOUR, None, "'a' is not described"),
    "overlapping tensors": ({"a": entry(), "b": entry()}, FOUR, None, "does not begin where"),
    "half overlapping tensors": ({"a": entry(), "b": entry(place=(2, 6))}, bytes(6), None, "does not begin where"),
    "a hole": ({"a": entry(), "b": entry(place=(8, 12))}, bytes(12), None, "does not begin where"),
    "a hole at the start": ({"a": entry(place=(4, 8))}, bytes(8), None, "does not begin where"),
    "a place beyond the file": ({"a": entry(shape=(100,), place=(0, 400))}, FOUR, None, "its header says 400"),
    "bytes of nobody": ({"a": entry()}, bytes(44), None, "holds 44 bytes"),
    "a place that ends before it begins": ({"a": entry(place=(4, 0))}, FOUR, None, "not as large"),
    "a place below 0": ({"a": entry(place=(-4, 0))}, FOUR, None, "no place"),
    "a place of text": ({"a": entry(place=("0", "4"))}, FOUR, None, "no place"),
    "a place of booleans": ({"a": entry("U8", (1,), (False, True))}, b"x", None, "no place"),
    "a place of one": ({"a": entry(place=(4,))}, FOUR, None, "no place"),
    "a type that is none": ({"a": entry("F33")}, FOUR, None, "'F33', which is not read here"),
    "a type of a list": ({"a": entry(["F32"])}, FOUR, None, "which is not read here"),
    "a packed type": ({"a": entry("F4", (8,))}, FOUR, None, "'F4', which is not read here"),
    "a size below 0": ({"a": entry(shape=(-1,))}, FOUR, None, "no shape"),
    "a size of a float": ({"a": entry(shape=(1.0,))}, FOUR, None, "no shape"),
    "a shape that is none": ({"a": entry(shape=1)}, FOUR, None, "no shape"),
    "sizes whose product is beyond 64 bits": ({"a": entry(shape=(1 << 40, 1 << 40))}, FOUR, None, "not as large"),
    "a size of 2^64, times 0": ({"a": entry(shape=(0, 1 << 64), place=(0, 0))}, b"", None, "no shape"),
    "a thousand dimensions": ({"a": entry(shape=(1,) * 1000)}, FOUR, None, "no shape"),
    "signs for the terminal": ({"a": entry("\x1b[2J\n\u202e")}, FOUR, None, r"\\x1b[2J\\n\\u202e"),
    "a name of a megabyte": ({"a" * 1_000_000: 1}, FOUR, None, "aaa ..."),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_every_lie_about_tensors_is_one_line(kind, tmp_path):
    """Whoever asks: for the header, the tensors, or the weights."""
    header, body, length, says = FILES[kind]
    path = raw(tmp_path / "w.safetensors", header, body, length)
    for read in (read_contents, read_header, read_weights, read_tensors):
        told = refusal(read, path)
        assert told.startswith(f"{path}: not a readable safetensors file (")
        assert says.replace("\\\\", "\\") in told
        assert told.endswith("; take another copy of it")


def test_what_safetensors_writes_is_read_as_it_reads_it(tmp_path):
    """Empty tensors, scalars, no tensor at all; and places and types are those that the file has."""
    tensors = {"scalar": zeros(()), "none": zeros(0, 3), "b": zeros(2, 3).half(), "a": zeros(5).bool()}
    save_file(tensors, tmp_path / "w", {"note": "ü"})
    contents = read_contents(tmp_path / "w")
    assert contents.texts == {"note": "ü"}
    assert {name: tensor.shape for name, tensor in contents.tensors.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    assert contents.tensors["b"].dtype == "F16"
    assert read_tensors(tmp_path / "w").keys() == tensors.keys()
    save_file({}, tmp_path / "empty")
    assert read_contents(tmp_path / "empty").tensors == {}


@pytest.mark.parametrize("size", [LARGEST + 1, 100_000_000, 1 << 40])
def test_a_huge_header_is_refused_unread(size, tmp_path):
    """100 MB of JSON, and a terabyte, of a file that is that large: at once, and not a megabyte of it is held."""
    path = raw(tmp_path / "w.safetensors", b'{"__metadata__":{"i2sbkit":"[[[[', length=size)
    with path.open("r+b") as file:
        file.truncate(8 + size)  # a hole, which takes no disk
    tracemalloc.start()
    begun = time.monotonic()
    told = refusal(read_weights, path)
    taken, peak = time.monotonic() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"a header of {size} bytes, and more than 16777216 are not read" in told
    assert peak < 1_000_000
    assert taken < 1


@pytest.mark.parametrize("count", [5_500_000, 999_999])
def test_the_worst_header_that_is_read_takes_little_memory(count, tmp_path):
    """16 MB of JSON of the worst kind, empty lists: not more than a million of them are made."""
    text = b'{"a":[' + b"[]," * count + b"[]]}"
    assert len(text) < LARGEST
    path = raw(tmp_path / "w.safetensors", text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal(read_header, path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


def test_no_tensor_is_read_before_the_header_is_seen_to(tmp_path, tiny_weights, monkeypatch):
    """safetensors itself, which maps the file, is not asked to open it."""
    header, body = parts_of(tiny_weights)
    path = raw(tmp_path / "w.safetensors", header, body + FOUR)
    monkeypatch.setattr("i2sbkit.checkpoint.safe_open", lambda *given: pytest.fail("opened"))
    refusal(read_weights, path)
    refusal(read_tensors, path)


def test_what_only_safetensors_finds_is_told_alike(tmp_path, tiny_weights, monkeypatch):
    """Should it refuse what passed here, that is no traceback."""
    monkeypatch.setattr(stored, "_check_places", lambda tensors, size: None)
    header, body = parts_of(tiny_weights)
    path = raw(tmp_path / "w.safetensors", header, body + FOUR)
    assert "not a readable safetensors file (Error while deserializing header" in refusal(read_weights, path)


def test_the_commands_say_it_in_a_line(tmp_path, tiny_weights, capsys):
    """restore, info and check: their exit codes, and no traceback."""
    path = with_our_header(tmp_path / "w.safetensors", tiny_weights, lambda own: "[" * 100_000)
    (tmp_path / "x.png").write_bytes(b"x")
    for line, code in (
        (["weights", "info", path], 2),
        (["weights", "check", path], 1),
        (["restore", tmp_path / "x.png", tmp_path / "y.png", "--weights", path, "--device", "cpu"], 2),
    ):
        assert execute(list(map(str, line))) == code
        out, err = capsys.readouterr()
        assert f"{path}: its i2sbkit header is damaged (nested too deep)" in out + err
        assert "Traceback" not in out + err
