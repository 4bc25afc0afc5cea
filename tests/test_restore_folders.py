"""`i2sbkit restore` on folders as people have them: formats, patterns, in place, hostile files."""

import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from pictures import photo, pixels
from PIL import Image
from restore_command import everything


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF")])
def test_format(here, restore, name, kind):
    """--format is that of every output, and its name says so."""
    code, out, _ = restore("in", "out", "--format", name)
    assert code == 0
    assert sorted(out.splitlines()) == sorted(f"out/{stem}.{name}" for stem in ("a", "one", "sub/b c", "sub/ü/d"))
    for file in out.splitlines():
        with Image.open(file) as image:
            assert image.format == kind


def test_jpeg_quality(here, restore):
    """A lower quality gives a smaller file; what is beside a JPEG stays PNG."""
    for quality in (40, 95):
        line = ["in/a.png", f"{quality}", "--format", "jpg", "--jpeg-quality", quality, "--trajectory"]
        assert restore(*line)[0] == 0
        assert everything(f"{quality}") == ["a.jpg", "a.trajectory.png"]
        with Image.open(f"{quality}/a.trajectory.png") as image:
            assert image.format == "PNG"
    assert Path("40/a.jpg").stat().st_size < 0.6 * Path("95/a.jpg").stat().st_size


def test_formats_that_clash(here, restore):
    """a.png and a.jpg would both become a.png: refused before anything is done; and an OUT of another format."""
    photo(8, 8).save("in/a.jpg")
    code, out, err = restore("in", "out", "--format", "png")
    assert (code, out) == (2, "")
    assert "in/a.jpg and in/a.png would both become out/a.png" in err
    code, _, err = restore("in/a.png", "x.jpg", "--format", "png")
    assert code == 2
    assert "give x.png" in err


def test_a_pattern(here, restore):
    """A quoted pattern is expanded here; paths below its fixed part are kept."""
    code, out, _ = restore("in/**/*.[jJ][pP][gG]", "out")
    assert (code, out) == (0, "out/sub/b c.JPG\n")


def test_in_place(here, restore):
    """Pictures are replaced by what they would become elsewhere, a bad one stays, and nothing is added."""
    Path("in/bad.png").write_text("x")
    assert restore("in", "out")[0] == 1
    code, out, _ = restore("in", "--in-place")
    assert code == 1
    assert len(out.splitlines()) == 4
    assert Path("in/bad.png").read_text() == "x"
    assert [path.name for path in Path("in").rglob("*manifest*")] == []
    for name in everything("out"):
        assert Path("in", name).read_bytes() == Path("out", name).read_bytes()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["in", "--in-place", "--samples", "2"], "--samples"),
        (["in", "--in-place", "--format", "png"], "--format"),
        (["in", "--in-place", "--overwrite"], "--overwrite"),
        (["--in-place"], "give what to restore"),
        (["-", "--in-place"], "give an OUT"),
    ],
)
def test_what_does_not_go_in_place(here, restore, line, says):
    """Whatever is more than one picture in the place of another."""
    before = {name: Path("in", name).read_bytes() for name in everything("in")}
    code, out, err = restore(*line)
    assert (code, out) == (2, "")
    assert says in err
    assert {name: Path("in", name).read_bytes() for name in everything("in")} == before


def bomb(width, height):
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_hostile_files_are_a_line_each(here, restore):
    """Bombs, what is cut off, empty or no picture: reported by name, escaped, and the rest goes on."""
    Path("in/bomb.png").write_bytes(bomb(60_000, 60_000))
    Path("in/cut.jpg").write_bytes(Path("in/sub/b c.JPG").read_bytes()[:500])
    Path("in/empty.webp").touch()
    Path("in/line\nbreak\x1b[2J.png").write_text("x")
    code, out, err = restore("in", "out")
    assert code == 1
    assert len(out.splitlines()) == 4
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines[:-1]] == [
        "in/bomb.png", "in/cut.jpg", "in/empty.webp", r"in/line\nbreak\x1b[2J.png",
    ]  # fmt: skip
    assert all(line.startswith("failed: ") for line in lines[:-1])
    assert lines[-1] == "4 of 8 files failed"


def test_the_content_decides_what_is_read_and_the_name_what_is_written(here, restore):
    """A PNG called .jpg is read, and written as the JPEG that its name says; a warning tells."""
    Path("in/lie.jpg").write_bytes(Path("in/a.png").read_bytes())
    code, _, err = restore("in/lie.jpg", "out")
    assert code == 0
    assert err.startswith("warning: in/lie.jpg: ")
    assert err.count("\n") == 1
    with Image.open("out/lie.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (40, 32))


def test_names_as_long_as_they_may_be(here, restore):
    """255 bytes are written; where something beside it would be longer, that file fails and the rest goes on."""
    name = "x" * 251 + ".png"
    photo(8, 8).save(Path("in", name))
    assert restore("in", "out")[0] == 0
    assert Path("out", name).is_file()
    code, out, err = restore("in", "more", "--trajectory")
    assert code == 1
    assert len(out.splitlines()) == 8
    assert "File name too long" in err
    assert err.count("failed:") == 1


def test_a_file_that_may_not_be_read(here, restore, monkeypatch):
    """One line, and the rest goes on (by a stand-in: tests may run as root, who may read everything)."""
    opened = Path.open

    def forbidding(path, *args, **options):
        if path.name == "a.png" and path.parent.name == "in":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", forbidding)
    monkeypatch.setattr(Image, "open", refusing(Image.open))
    code, out, err = restore("in", "out")
    assert (code, len(out.splitlines())) == (1, 3)
    assert "failed: in/a.png" in err
    assert "Permission denied" in err
    assert err.count("\n") == 2


def refusing(open_image):
    def opened(path, *args, **options):
        if str(path) == "in/a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return open_image(path, *args, **options)

    return opened


def test_a_place_that_may_not_be_written_to(here, restore, monkeypatch):
    """Found before any work."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
    code, out, err = restore("in", "out")
    assert (code, out) == (2, "")
    assert err == "error: .: may not be written to; give another OUT\n"


def test_pixels_of_a_skipped_file_are_not_touched(here, restore):
    """--skip-existing leaves an output as it is, whatever --format says of its name."""
    assert restore("in/a.png", "out", "--format", "webp")[0] == 0
    before = pixels("out/a.webp")
    assert restore("in/a.png", "out", "--format", "webp", "--skip-existing", "--seed", 5)[0] == 0
    assert (pixels("out/a.webp") == before).all()


def test_a_disk_that_is_really_full(here, restore):
    """On 300 kB of disk: what fits is whole, the rest is a line each, and nothing half-written takes up room."""
    Path("disk").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", "disk"], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk here; test_a_full_disk does without")
    try:
        for number in range(4):
            photo(128, 128).save(f"in/large{number}.png")
        code, out, err = restore("in", "disk/out")
        made = everything("disk/out")
        assert code == 1
        assert sorted(out.splitlines()) == [f"disk/out/{name}" for name in made]
        assert 1 <= len(made) < 8
        assert all(pixels(f"disk/out/{name}").size for name in made)
        assert err.count("No space left on device") == 8 - len(made)
    finally:
        subprocess.run(["umount", "disk"], check=True)


@pytest.mark.slow
def test_ctrl_c_twice_stops_at_once(here, weights):
    """In the middle of a picture that takes minutes: exit code 130 within seconds, and no file of it is there."""
    photo(512, 384).resize((2048, 1536)).save("huge.png")
    line = f"{sys.executable} -m i2sbkit restore huge.png out --nfe 99 --device cpu --weights"
    process = subprocess.Popen([*line.split(), str(weights / "plain.safetensors")], stderr=subprocess.PIPE, text=True)
    time.sleep(12)
    assert process.poll() is None, process.communicate()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert not Path("out").exists() or everything("out") == []
