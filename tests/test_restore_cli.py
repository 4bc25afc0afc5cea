"""`i2sbkit restore` as a careless user types it: streams, exit codes, mistakes, and what must not be lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import photo, pixels
from PIL import Image
from restore_command import everything

import i2sbkit.restoring
from i2sbkit import files, shipped
from i2sbkit.cli import execute


def test_a_bad_file_is_reported_and_the_rest_goes_on(here, restore):
    """One line for each on stderr, the others done, exit code 1."""
    Path("in/text.png").write_text("no picture")
    Path("in/empty.jpg").touch()
    Path("in/cut.png").write_bytes(Path("in/a.png").read_bytes()[:900])
    code, out, err = restore("in", "out")
    assert code == 1
    assert len(out.splitlines()) == 4
    lines = err.splitlines()
    assert lines[-1] == "3 of 7 files failed"
    assert [line.split(":")[:2] for line in lines[:-1]] == [
        ["failed", f" in/{name}"] for name in ("cut.png", "empty.jpg", "text.png")
    ]
    assert everything("out") == sorted(line.removeprefix("out/") for line in out.splitlines())


def test_existing_outputs(here, restore):
    """Refused as a whole before anything is done; --skip-existing leaves them, --overwrite replaces them."""
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")
    code, out, err = restore("in", "out")
    assert (code, out, everything("out")) == (2, "", ["a.png"])
    assert "--overwrite" in err
    assert restore("in", "out", "--skip-existing")[0] == 0
    assert Path("out/a.png").read_bytes() == b"mine"
    assert len(everything("out")) == 4
    assert restore("in", "out", "--overwrite")[0] == 0
    assert pixels("out/a.png").shape == (32, 40, 3)
    assert restore("in", "out", "--overwrite", "--skip-existing")[0] == 2


def test_inputs_are_never_replaced(here, restore):
    """IN as OUT, in any spelling and with any option, leaves every input as it was."""
    before = {name: (here / "in" / name).read_bytes() for name in everything("in")}
    Path("link").symlink_to("in")
    for line in (
        ("in", "in"),
        ("in/a.png", "in/a.png"),
        ("in", "link"),
        ("in/a.png", "in"),
        ("link/a.png", "in/../in"),
    ):
        for option in ([], ["--overwrite"], ["--skip-existing"]):
            code, _, err = restore(*line, *option)
            assert code == 2
            assert "would replace an input" in err or "is an input" in err
    assert {name: (here / "in" / name).read_bytes() for name in everything("in")} == before


def test_out_below_in(here, restore):
    """A second run over a folder that holds its own results restores the inputs, not the results."""
    assert restore("in", "in/out")[0] == 0
    made = everything("in/out")
    code, out, _ = restore("in", "in/out", "--overwrite")
    assert code == 0
    assert everything("in/out") == made
    assert len(out.splitlines()) == 4


def test_never_into_the_input_folder(here, restore):
    """Results do not go beside the originals: refused before anything is done, with what replaces them if meant."""
    before = everything("in")
    code, out, err = restore("in", "in", "--format", "webp")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--in-place" in err
    assert everything("in") == before


def test_json(here, restore):
    """One document on stdout: a row an input, with what was written, or why not."""
    Path("in/bad.png").write_text("x")
    code, out, _ = restore("in", "out", "--json", "--samples", 2)
    assert code == 1
    rows = {row["input"]: row for row in json.loads(out)}
    assert rows["in/a.png"]["outputs"] == ["out/a.1.png", "out/a.2.png"]
    assert rows["in/a.png"]["status"] == "done"
    assert rows["in/a.png"]["error"] is None
    assert rows["in/a.png"]["megapixels"] == pytest.approx(2 * 40 * 32 / 1e6)
    assert rows["in/a.png"]["seconds"] > 0
    assert rows["in/bad.png"]["status"] == "failed"
    assert rows["in/bad.png"]["outputs"] == []


def test_damaged_metadata_is_a_warning_line(here, restore):
    """The picture is restored; stderr has one line."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    photo(16, 16).save("x.jpg", exif=exif)
    whole = Path("x.jpg").read_bytes()
    at = whole.index(b"MM\0*") + 8
    Path("x.jpg").write_bytes(whole[:at] + b"\xff\xff" + whole[at + 2 :])
    code, out, err = restore("x.jpg", "y.jpg")
    assert (code, out) == (0, "y.jpg\n")
    assert err.startswith("warning: x.jpg: its metadata is damaged")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["in"], "give what to restore, and then OUT"),
        (["gone", "out"], "gone: no such file or folder"),
        (["in/sub/ü/d.webp", "in/a.png", "x.png"], "give a folder as OUT"),
        (["in", "in/a.png"], "give a folder as OUT"),
        (["in/a.png", "note.txt"], "note.txt: a file"),
        (["in/a.png", "note.txt/x.png"], "note.txt: a file"),
        (["in/a.png", "x" * 300 + ".png"], "File name too long"),
        (["in", "out", "--spread"], "--samples"),
        (["in", "out", "--nfe", "0"], "--nfe"),
        (["in", "out", "--eta", "0.5"], "sampler 'sde': sampler.eta: unknown key"),
        (["in", "out", "--sampler", "sd"], "did you mean 'sde'"),
        (["in", "out", "--task", "jpeg"], "either --task NAME or --weights FILE"),
    ],
)
def test_mistakes_are_a_line_and_exit_code_2(here, restore, line, says):
    """Found before any work: what is wrong on stderr, nothing on stdout, nothing written."""
    Path("note.txt").write_text("mine")
    before = everything(".")
    code, out, err = restore(*line)
    assert (code, out) == (2, "")
    assert says in err
    assert everything(".") == before


def test_too_many_evaluations(here, restore):
    """An nfe beyond the schedule is refused before any file is read."""
    code, _, err = restore("in/a.png", "x.png", "--nfe", 100)
    assert code == 2
    assert "nfe must be between 1 and 99" in err


def test_a_sampler_takes_its_options(here, restore):
    """As NAME:option=value; what it does not take is told."""
    assert restore("in/a.png", "one.png", "--sampler", "dbim:order=2,spacing=karras", "--nfe", 3)[0] == 0
    code, _, err = restore("in/a.png", "x.png", "--sampler", "sde:spacing=nope")
    assert code == 2
    assert "sampler.spacing: must be 'uniform', 'karras' or 'logsnr', got \"nope\"" in err
    code, _, err = restore("in/a.png", "x.png", "--sampler", "sde:order=2")
    assert code == 2
    assert "sampler 'sde': sampler.order: unknown key" in err
    code, _, err = restore("in/a.png", "x.png", "--sampler", "ode:nfe=1.5")
    assert code == 2
    assert "sampler 'ode': sampler.nfe: must be an integer, got 1.5" in err


def test_draws_that_are_the_same_are_told(here, restore):
    """One evaluation draws nothing: a line on stderr says so."""
    code, _, err = restore("in/a.png", "out", "--samples", 2, "--nfe", 1)
    assert code == 0
    assert "warning: all draws are the same" in err


def test_a_task_is_named(here, weights, monkeypatch, capsys):
    """--task takes bundled weights; a misspelt one is suggested."""
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    assert execute(["restore", "in/a.png", "x.png", "--task", "plain", "--device", "cpu"]) == 0
    assert execute(["restore", "in/a.png", "y.png", "--task", "plian", "--device", "cpu"]) == 2
    assert "did you mean 'plain'" in capsys.readouterr().err


def test_a_full_disk(here, restore, monkeypatch):
    """No room: each file is reported, nothing half-written stays, what was there is as it was."""
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    code, out, err = restore("in", "out", "--overwrite")
    assert (code, out) == (1, "")
    assert err.count("No space left on device") == 4
    assert everything("out") == ["a.png"]
    assert Path("out/a.png").read_bytes() == b"mine"


def test_out_of_memory_says_what_helps(here, restore, monkeypatch):
    """A picture too large for the memory is an error, which names --tile 0 where that was it; the rest goes on."""
    walk = i2sbkit.restoring.walk

    def limited(net, recipe, sampler, lifted, *args, **options):
        if lifted.numel() > 3000:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 1 bytes"
            )
        return walk(net, recipe, sampler, lifted, *args, **options)

    monkeypatch.setattr(i2sbkit.restoring, "walk", limited)
    code, out, err = restore("in", "out")
    assert code == 1
    assert len(out.splitlines()) == 3
    assert "failed: in/a.png: 40x32 does not fit into memory, even in tiles" in err
    assert "leave out --tile 0" in restore("in/a.png", "whole", "--tile", 0)[2]


def test_ctrl_c_finishes_the_file_under_way(here, weights):
    """SIGINT in the middle of a folder: whole files only, what was done on stdout, exit code 130."""
    Path("many").mkdir()
    for number in range(30):
        photo(256, 192).save(f"many/{number:02}.png")
    line = f"{sys.executable} -m i2sbkit restore many out --nfe 20 --device cpu --weights"
    command = [*line.split(), str(weights / "plain.safetensors")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(Path().glob("out/*.png")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    made = everything("out")
    assert 1 <= len(made) < 30
    assert out.splitlines() == [f"out/{name}" for name in made]
    assert f"stopped: {len(made)} of 30 files restored; --skip-existing goes on" in err
    assert "Traceback" not in err
    assert all(pixels(f"out/{name}").shape == (192, 256, 3) for name in made)


def test_names_that_are_no_utf8(here, weights, capfdbinary):
    """A name of any bytes passes through to OUT and to stdout, and into JSON as an escape."""
    name = os.fsdecode(b"caf\xe9 \n.png")
    photo(8, 8).save(Path("in") / name)
    line = ["restore", f"in/{name}", "out", "--weights", str(weights / "x1.safetensors"), "--device", "cpu"]
    assert execute(line) == 0
    assert capfdbinary.readouterr() == (b"out/caf\xe9 \n.png\n", b"")
    assert (Path("out") / name).is_file()
    assert execute([*line, "--json", "--overwrite"]) == 0
    assert json.loads(capfdbinary.readouterr().out)[0]["outputs"] == [f"out/{name}"]
