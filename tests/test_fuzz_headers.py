"""Safetensors files at random: read, or refused in a line, by everything that reads weights."""

import json
import struct

from fuzzing import changed, damaged, fuzz, runs, told, values
from hostile_files import parts_of
from hypothesis import strategies as st

from i2sbkit.checkpoint import network_tensors, read_header, read_tensors, read_weights
from i2sbkit.kernel.errors import Error
from i2sbkit.publishing import summary
from i2sbkit.restoring import Settings, choose_sampler
from i2sbkit.stored import BYTES
from i2sbkit.verifying import check

EFFORTS = {
    "fast": {"sampler": {"name": "sde", "nfe": 1}, "seconds": 0.1},
    "best": {"sampler": {"name": "ode", "nfe": 2}},
}
dtypes = st.sampled_from([*BYTES, "F4", "F8_E8M0", "X"])
sizes = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def described(draw):
    """Tensors that fill a body as they should, or nearly."""
    header, end = {}, 0
    for name in draw(st.lists(st.text(max_size=4), max_size=4, unique=True)):
        dtype, shape = draw(dtypes), draw(sizes)
        length = BYTES.get(dtype, 1)
        for size in shape:
            length *= size
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + length]}
        end += length
    texts = draw(st.dictionaries(st.sampled_from(["i2sbkit", "format"]) | st.text(max_size=4), st.text(max_size=20)))
    if draw(st.booleans()):
        header["__metadata__"] = texts
    if draw(st.booleans()):
        header = draw(changed(header))
    return file_of(header, bytes(end), draw(st.sampled_from([0, 0, 0, 1, -1, 1 << 62])))


def file_of(header, body, lie=0):
    """The bytes of a file, the length of its header off by some."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", max(len(text) + lie, 0)) + text + body


@st.composite
def claimed(draw, weights):
    """Real weights whose own header, or its text, is not what we wrote."""
    header, body = parts_of(weights)
    own = json.loads(header["__metadata__"]["i2sbkit"])
    own |= {"efforts": EFFORTS, "licence": "CC0-1.0", "metrics": {"psnr_rgb": 30.0}, "restores": True, "source": "x"}
    text = json.dumps(draw(changed(own) | values))
    if draw(st.sampled_from([False] * 4 + [True])):
        text = draw(damaged([text.encode()])).decode("utf-8", "replace")
    header["__metadata__"]["i2sbkit"] = text
    return file_of(header, body)


@runs
def test_no_file_brings_a_traceback(examples, tmp_path, tiny_weights):
    """Of tensors at random, of headers at random, of real weights damaged."""
    path = tmp_path / "w.safetensors"
    header, body = parts_of(tiny_weights)
    real = changed(header).map(lambda header: file_of(header, body)) | damaged([tiny_weights.read_bytes()])

    def read(content):
        path.write_bytes(content)
        for reader in (read_tensors, summary, check, lambda path: network_tensors(path, "state")):
            one_line(path, told(lambda reader=reader: reader(path)))
        known = told(lambda: read_header(path))
        one_line(path, known)
        weights = told(lambda: read_weights(path))
        one_line(path, weights)
        if isinstance(weights, Error):
            return
        one_line(path, told(weights.build))
        for effort in (None, *weights.header.get("efforts", {})):
            told(lambda effort=effort: choose_sampler(weights, Settings(effort=effort)))

    fuzz(examples, described() | claimed(tiny_weights) | real, read)


def one_line(path, result):
    """Of an Error: that it is one, about the file, and can be shown."""
    problem = str(result) if isinstance(result, Error) else getattr(result, "problem", None)
    if problem:
        assert problem.startswith(f"{path}: ")
        assert problem.isprintable(), problem
        assert len(problem) < 1500
