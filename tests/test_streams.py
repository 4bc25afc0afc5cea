"""`i2sbkit restore - -`: a picture from a pipe, a picture to a pipe, and nothing else."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pictures import photo, pixels
from PIL import Image

from i2sbkit.cli import execute


@pytest.fixture
def piped(weights, monkeypatch, capsysbinary):
    """Run the command with bytes on stdin; its exit code, the bytes on stdout, and stderr."""

    def run(*line, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        words = ["restore", *map(str, line), "--weights", str(weights / "x1.safetensors"), "--device", "cpu"]
        code = execute(words)
        out, err = capsysbinary.readouterr()
        return code, out, err.decode()

    return run


@pytest.mark.parametrize(("kind", "options"), [("PNG", []), ("WEBP", []), ("BMP", ["--format", "bmp"])])
def test_from_stdin_to_stdout(here, piped, kind, options):
    """The bytes of the restored picture and nothing else, in the format of the input or the one asked for."""
    photo(40, 32).save("x.bmp")
    encoded = io.BytesIO()
    photo(40, 32).save(encoded, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert piped("x.bmp", "file.bmp")[0] == 0
    code, out, err = piped("-", "-", *options, stdin=encoded.getvalue())
    assert (code, err) == (0, "")
    with Image.open(io.BytesIO(out)) as image:
        assert image.format == kind
        assert image.tobytes() == Image.open("file.bmp").tobytes()


def test_stdin_to_a_file(here, piped):
    """Its name is on stdout, as always; --skip-existing leaves it, and without it nothing is replaced."""
    data = Path("in/a.png").read_bytes()
    assert piped("-", "new/x.webp", stdin=data) == (0, b"new/x.webp\n", "")
    assert pixels("new/x.webp").shape == (32, 40, 3)
    assert piped("-", "new/x.webp", "--skip-existing", stdin=b"") == (0, b"", "")
    assert "exists already" in piped("-", "new/x.webp", stdin=data)[2]


def test_a_file_to_stdout(here, piped):
    """In the format of its name."""
    code, out, err = piped("in/sub/b c.JPG", "-")
    assert (code, err) == (0, "")
    assert Image.open(io.BytesIO(out)).format == "JPEG"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture(here, piped, data):
    """One line that calls it stdin, nothing on stdout, exit code 1."""
    code, out, err = piped("-", "-", stdin=data)
    assert (code, out) == (1, b"")
    assert err.startswith("failed: stdin: not a")
    assert err.endswith("\n1 of 1 files failed\n")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["-", "out"], "give a file such as restored.png"),
        (["-", "in"], "give a file such as restored.png"),
        (["-", "x.jpg", "--format", "png"], "give x.png"),
        (["-", "in/a.png", "-"], "one picture"),
        (["in", "-"], "one picture"),
        (["gone.png", "-"], "no such file"),
        (["-", "-", "--samples", "2"], "stdout takes one picture"),
        (["-", "-", "--json"], "--json"),
        (["-", "x.png", "--report", "x.html"], "--report"),
    ],
)
def test_what_does_not_go_through_a_pipe(here, piped, line, says):
    """Refused before anything is read, in a line, with nothing on stdout."""
    code, out, err = piped(*line)
    assert (code, out) == (2, b"")
    assert says in err


@pytest.mark.parametrize(("stream", "line"), [("stdin", ["-", "x.png"]), ("stdout", ["in/a.png", "-"])])
def test_never_on_a_terminal(here, piped, monkeypatch, stream, line):
    """No picture is waited for from a keyboard, and none fills a screen."""
    monkeypatch.setattr("i2sbkit.bulk.streams.on_terminal", lambda given: given == getattr(sys, stream))
    code, out, err = piped(*line)
    assert (code, out) == (2, b"")
    assert f"{stream} is a terminal" in err


def test_a_reader_that_has_gone(here, piped, monkeypatch):
    """Exit code 141, and not a word: nothing is wrong with the picture."""

    def write(data):
        raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=SimpleNamespace(write=write), isatty=lambda: False))
    code, _, err = piped("in/a.png", "-")
    sys.stdout.close()
    assert (code, err) == (141, "")


@pytest.mark.parametrize(("stream", "line"), [("stdin", ["-", "x.png"]), ("stdout", ["in/a.png", "-"])])
def test_a_closed_stream_is_told(here, piped, monkeypatch, stream, line):
    """Python has None for it: a line says so."""
    monkeypatch.setattr(
        "i2sbkit.bulk.streams.sys", SimpleNamespace(**{"stdin": sys.stdin, "stdout": sys.stdout, stream: None})
    )
    code, out, err = piped(*line)
    assert (code, out) == (2, b"")
    assert f"{stream} is closed" in err


def test_names_on_a_closed_stdout(here, piped, monkeypatch):
    """Are not printed; the picture is written."""
    monkeypatch.setattr(sys, "stdout", None)
    assert piped("in/a.png", "x.png") == (0, b"", "")
    assert Path("x.png").exists()
