"""`i2sbkit restore` where it could do harm: empty names, permissions, further frames; and kernels that are none."""

from pathlib import Path

import numpy as np
import pytest
from pictures import photo
from restore_command import everything

from i2sbkit import Error
from i2sbkit.files import write_text
from i2sbkit.point_spread import as_kernel, read_kernel


@pytest.mark.parametrize(
    "line",
    [["", "out"], ["in/a.png", ""], ["--in-place", ""], ["in", "out", "--mask", ""], ["in", "out", "--report", ""]],
)
def test_an_empty_name_is_not_the_current_folder(here, restore, line):
    """Exit code 2 before anything is done."""
    before = {name: Path(name).read_bytes() for name in everything(".")}
    code, out, err = restore(*line)
    assert (code, out) == (2, "")
    assert "is empty" in err
    assert {name: Path(name).read_bytes() for name in everything(".")} == before


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o444])
def test_what_is_replaced_keeps_its_permissions(here, restore, mode):
    """In place and by --overwrite; they are neither widened nor narrowed."""
    path = Path("in/a.png")
    path.chmod(mode)
    assert restore(path, "--in-place")[0] == 0
    assert path.stat().st_mode & 0o777 == mode
    write_text(path, "x")
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_further_frames_are_not_lost_in_place(here, restore, suffix):
    """An animation or a file of pages stays as it is, and is told; into an OUT its first frame is restored."""
    path = Path(f"frames.{suffix}")
    photo(16, 16).save(path, save_all=True, append_images=[photo(16, 16, "typewriter")])
    before = path.read_bytes()
    code, _, err = restore(path, "--in-place")
    assert code == 1
    assert err.startswith(f"failed: {path}: several frames or pages")
    assert path.read_bytes() == before
    assert restore(path, "out")[0] == 0


@pytest.mark.parametrize("values", [np.array([["a"]]), np.array([[1j]]), np.array([[None]])])
def test_a_kernel_of_no_real_numbers(values):
    """Strings, complex numbers and objects are told in a line."""
    with pytest.raises(Error, match="kernel: a kernel holds real numbers"):
        as_kernel(values)


def test_a_kernel_file_that_cannot_be_read(tmp_path, monkeypatch):
    """Nor is an empty file or a bomb a traceback."""
    tmp_path.joinpath("k.npy").touch()
    photo(8, 8).save(tmp_path / "k.png")
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 4)
    for name in ("k.npy", "k.png"):
        with pytest.raises(Error, match=f"{name}: cannot be read"):
            read_kernel(str(tmp_path / name))
