"""`i2sbkit restore shards-{000000..000009}.tar OUT/`, as it is typed: streams, the manifest, and kill -9."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shard_files import content_of, encoded, five, names_in, tar_of


@pytest.fixture
def shards(here):
    """Two shards in `s`."""
    five("s/s-000000.tar")
    tar_of(Path("s/s-000001.tar"), ("x.jpg", encoded(30, 20, "JPEG")), ("x.cls", b"3"), ("bad.png", b"no picture"))
    return here


def lines_of(folder):
    return [json.loads(line) for line in Path(folder, "manifest.jsonl").read_bytes().decode().splitlines()]


@pytest.mark.parametrize("given", ["s/s-{000000..000001}.tar", "s/*.tar", "s"])
def test_shards_in_shards_out(shards, restore, given):
    """stdout names the shards, stderr what failed; each picture is the one that restoring its file gives."""
    code, out, err = restore(given, "out")
    assert code == 1
    assert out == "out/s-000000.tar\nout/s-000001.tar\n"
    assert err.splitlines()[0].startswith("failed: s/s-000001.tar/bad.png: not a picture")
    assert names_in(Path("out/s-000001.tar")) == ["x.jpg", "x.cls"]
    Path("k2.png").write_bytes(dict(content_of(Path("s/s-000000.tar")))["k2.png"])
    assert restore("k2.png", "alone.png")[0] == 0
    assert dict(content_of(Path("out/s-000000.tar")))["k2.png"] == Path("alone.png").read_bytes()


def test_the_manifest_of_shards(shards, restore):
    """A line a picture, with the hash of its bytes in the shard, and one a shard; skipped ones too."""
    assert restore("s", "out")[0] == 1
    assert restore("s", "out", "--skip-existing")[0] == 0
    lines = lines_of("out")
    assert [line["input"].removeprefix("s/") for line in lines if line["status"] == "done"] == [
        *(f"s-000000.tar/k{n}.png" for n in range(5)), "s-000000.tar", "s-000001.tar/x.jpg", "s-000001.tar",
    ]  # fmt: skip
    assert [line["input"] for line in lines if line["status"] == "failed"] == ["s/s-000001.tar/bad.png"]
    assert [line["output"] for line in lines if line["status"] == "skipped"] == ["out/s-000000.tar", "out/s-000001.tar"]
    first = lines[0]
    data = dict(content_of(Path("out/s-000000.tar")))["k0.png"]
    assert (first["output"], first["sha256"]) == ("out/s-000000.tar/k0.png", hashlib.sha256(data).hexdigest())


def test_formats_in_shards(shards, restore):
    """--format changes the extension of pictures and nothing else."""
    assert restore("s/s-000000.tar", "out", "--format", "jpg", "--jpeg-quality", 80)[0] == 0
    assert [name for name in names_in(Path("out/s-000000.tar")) if "jpg" in name] == [f"k{n}.jpg" for n in range(5)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["s", "in", "out"], "apart"),
        (["s", "s"], "is an input"),
        (["s/s-000000.tar", "s"], "would replace an input"),
        (["s", "out.tar"], "give a folder as OUT"),
        (["s", "out", "--samples", "2"], "one picture a sample"),
        (["s", "--in-place"], "give an OUT"),
        (["s", "out", "--report", "x.html"], "--report"),
        (["s/none-{0..2}.tar", "out"], "no such shard"),
        (["s/s-000000.tar", "-"], "one picture"),
    ],
)
def test_what_does_not_go_with_shards(shards, restore, line, says):
    """Refused before anything is done."""
    before = sorted(Path().rglob("*"))
    code, out, err = restore(*line)
    assert (code, out) == (2, "")
    assert says in err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.slow
def test_kill_nine(here, weights, restore):
    """A process killed in the middle, the same command again: no picture is restored twice, and the shard is whole."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
    members = []
    for number, pixels in enumerate(noise):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        members += [(f"k{number:02}.png", buffer.getvalue()), (f"k{number:02}.json", b"{}")]
    tar_of(Path("s.tar"), *members)
    command = [sys.executable, "-m", "i2sbkit", "restore", "s.tar", "out", "--nfe", "9", "--device", "cpu"]
    weights_of_it = ["--weights", str(weights / "plain.safetensors")]
    process = subprocess.Popen([*command, *weights_of_it], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(list(Path().glob("out/.s.tar.*/*.png"))) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = [path for path in Path().glob("out/.s.tar.*/*.png") if not path.name.startswith(".")]
    assert 3 <= len(kept) < 20
    assert not Path("out/s.tar").exists()
    before = len(lines_of("out"))
    assert restore("s.tar", "out", "--nfe", 9, kind="plain")[0] == 0
    assert len(lines_of("out")) - before == 20 - len(kept) + 1
    assert restore("s.tar", "again", "--nfe", 9, kind="plain")[0] == 0
    assert Path("out/s.tar").read_bytes() == Path("again/s.tar").read_bytes()
    assert sorted(path.name for path in Path("out").iterdir()) == ["manifest.jsonl", "s.tar"]
