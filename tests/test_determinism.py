"""`--deterministic`: each sentence of docs/determinism.md that other tests do not hold already."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from evaluate_command import SMALL, make_place
from pictures import photo
from restore_command import folder_of_pictures
from tiny_training import TINY

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.determinism import deterministic
from i2sbkit.kernel.errors import Error
from i2sbkit.kernel.interfaces import Observation
from i2sbkit.memory import UNKNOWN, free_memory
from i2sbkit.restoring import Settings
from i2sbkit.tiling import halving

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("evaluate"))


def in_a_process(folder, *words):
    """Run the command in `folder`, in a Python of its own; all files that are there then, but `log.jsonl`."""
    folder.mkdir()
    command = [sys.executable, "-m", "i2sbkit", *map(str, words), "--deterministic", "--device", "cpu"]
    subprocess.run(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "log.jsonl"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_the_same_bytes(tmp_path, *words, some):
    """Of two runs of a command, in folders of their own."""
    one, two = (in_a_process(tmp_path / name, *words) for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert {*some} <= one.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_training_twice(tmp_path):
    """States, weights and pictures."""
    (tmp_path / "tiny.toml").write_text(TINY, "utf-8")
    states = ["run/state-00000003.safetensors", "run/weights.safetensors"]
    words = ["train", tmp_path / "tiny.toml", "--set", "train.iterations=3", "--set", "data.workers=1", "--out", "run"]
    assert_the_same_bytes(tmp_path, *words, some=states)


def test_restoring_twice(place, tmp_path):
    """Files and the manifest, which then tells no seconds."""
    folder_of_pictures(tmp_path / "in")
    words = ["restore", tmp_path / "in", "out", "--weights", place / "x1.safetensors", "--samples", "2"]
    assert_the_same_bytes(tmp_path, *words, some=["out/a.1.png", "out/manifest.jsonl"])
    assert '"seconds": null' in (tmp_path / "one/out/manifest.jsonl").read_text()


def test_evaluating_twice(place, tmp_path):
    """All that is in the folder; the seconds are left out."""
    words = ["evaluate", "--weights", place / "x1.safetensors", "--data", place / "data", *SMALL, "--count", "3"]
    wanted = ["out/results.json", "out/pictures.jsonl", "out/pictures.csv", "out/part-1-of-1.safetensors"]
    assert_the_same_bytes(tmp_path, *words, "--out", "out", some=wanted)
    assert '"Deterministic": "yes"' in (tmp_path / "one/out/results.json").read_text()


def test_a_page_without_seconds(place, tmp_path, capsys):
    """--report has nothing to draw over seconds, and is written all the same."""
    page = tmp_path / "page.html"
    words = ["evaluate", "--weights", str(place / "x1.safetensors"), "--data", str(place / "data"), *SMALL]
    assert execute([*words, "--count", "3", "--device", "cpu", "--deterministic", "--report", str(page)]) == 0
    assert page.stat().st_size


def test_the_option_ends_with_the_command():
    """In Python nothing stays switched on."""
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
    with deterministic(False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_without_a_deterministic_form_is_told_in_a_line():
    """torch's own error, of an operation that has none on CPUs either."""
    with pytest.raises(Error) as caught, deterministic(True):
        torch.ops.aten.put_(torch.zeros(4), torch.tensor([0, 0]), torch.ones(2))
    assert str(caught.value).startswith("--deterministic: put_")
    assert "\n" not in str(caught.value)
    with pytest.raises(RuntimeError, match="mine"), deterministic(True):
        raise RuntimeError("mine")


def test_tiles_do_not_follow_from_free_memory():
    """They are chosen for a fixed amount of it; where that is not there it is an error and no smaller tile."""

    def tiles(side):
        def denoise(x, n):
            raise torch.OutOfMemoryError("out of memory")

        return denoise

    with deterministic(True):
        assert free_memory(CPU) == UNKNOWN
        with pytest.raises(torch.OutOfMemoryError):
            halving(tiles, 512, 32)(torch.zeros(1, 3, 8, 8), 1)


def restored(model, images, tile=0, threads=1):
    """The pictures of a batch, as so many threads make them."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with deterministic(True):
            settings = Settings(nfe=5, tile=tile)
            return model.restorer(settings).pictures([Observation(image) for image in images])
    finally:
        torch.set_num_threads(before)


def test_batch_tile_and_threads_change_no_more_than_rounding():
    """Bundled weights, 5 evaluations: 1e-5 of [-1, 1] at most, and the same bytes each time."""
    model = i2sbkit.load("jpeg", "cpu")
    images = [i2sbkit.from_pil(photo(96, 96)).flip(k + 1) for k in range(2)]
    alone = torch.cat([restored(model, [image]) for image in images])
    for others in (
        restored(model, images),
        torch.cat([restored(model, [image], tile=32) for image in images]),
        torch.cat([restored(model, [image], threads=2) for image in images]),
    ):
        torch.testing.assert_close(others, alone, atol=1e-5, rtol=0)
    assert torch.equal(restored(model, images, threads=2), restored(model, images, threads=2))


def test_docs_name_tests_that_there_are():
    """Each row of the table ends with a file of tests."""
    root = Path(__file__).parent.parent
    lines = (root / "docs/determinism.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and line.endswith("` |")]
    assert len(rows) > 8
    for row in rows:
        name = row.split("`")[-2]
        assert (root / name).is_file(), row
