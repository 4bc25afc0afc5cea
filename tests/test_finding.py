"""Which pictures there are: files, folders, patterns, links, and what is in the way of reading them."""

import os

import pytest
from test_jobs import mapping, message, touch

from i2sbkit.jobs.job import find_jobs, settle_existing
from i2sbkit.pictures.finding import pictures_in


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with relative paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_called_like_a_picture(here):
    """x.png can be a folder: it is searched, and never taken for a picture."""
    touch(here, "in/x.png/a.png", "in/b.png")
    assert [path.name for path in pictures_in(here / "in")] == ["b.png", "a.png"]
    assert mapping(here, ["in/x.png"], "out") == {"in/x.png/a.png": "out/a.png"}


def test_links_to_files_count(here):
    """A link to a picture is a picture; a link to nothing is none."""
    touch(here, "real/a.png", "in/b.png")
    (here / "in/link.png").symlink_to(here / "real/a.png")
    (here / "in/broken.png").symlink_to(here / "gone.png")
    (here / "in/loop").symlink_to(here / "in")
    assert [path.name for path in pictures_in(here / "in")] == ["b.png", "link.png"]


def test_patterns(here):
    """A pattern takes the pictures that it fits; paths below its fixed part are kept, hidden ones passed over."""
    touch(here, "p/a.jpg", "p/b.png", "p/x/c.jpg", "p/x/y/d.jpg", "p/.hidden.jpg", "p/.git/e.jpg", "p/note.txt")
    assert mapping(here, ["p/*.jpg"], "out") == {"p/a.jpg": "out/a.jpg"}
    assert mapping(here, ["p/**/*.jpg"], "out") == {
        "p/a.jpg": "out/a.jpg",
        "p/x/c.jpg": "out/x/c.jpg",
        "p/x/y/d.jpg": "out/x/y/d.jpg",
    }
    assert mapping(here, ["p/[ab].*"], "out") == {"p/a.jpg": "out/a.jpg", "p/b.png": "out/b.png"}
    assert mapping(here, ["p/?"], "out") == {"p/x/c.jpg": "out/x/c.jpg", "p/x/y/d.jpg": "out/x/y/d.jpg"}
    assert mapping(here, ["p/b*"], "one.png") == {"p/b.png": "one.png"}


def test_a_pattern_does_not_find_what_is_in_out(here):
    """'**/*.png' with OUT below: what earlier runs put there is no input."""
    touch(here, "a.png", "out/a.png", "out/x/b.png")
    assert list(mapping(here, ["**/*.png"], "out")) == ["a.png"]


def test_a_name_with_signs_of_a_pattern(here):
    """A file or folder that is called so stands for itself."""
    touch(here, "[1].png", "1.png", "a*/b.png", "ab/c.png")
    assert mapping(here, ["[1].png"], "out") == {"[1].png": "out/[1].png"}
    assert mapping(here, ["a*"], "out") == {"a*/b.png": "out/b.png"}


@pytest.mark.parametrize("pattern", ["p/*.webp", "q/*", "p/**.png", "[", "p/*.txt"])
def test_a_pattern_that_fits_nothing(here, pattern):
    """An error that repeats it."""
    touch(here, "p/a.png", "p/note.txt")
    assert f"{here / pattern}: no" in message(find_jobs, [here / pattern], here / "out")


def test_links_in_a_circle(here):
    """Folders that lead to themselves are not followed, files that do are none, and outputs that do are in the way."""
    touch(here, "in/a.png", "in/sub/b.png")
    (here / "in/sub/up").symlink_to(here / "in")
    (here / "in/self.png").symlink_to(here / "in/self.png")
    (here / "out").mkdir()
    (here / "out/a.png").symlink_to(here / "out/a.png")
    for given in ("in", "in/**/*"):
        assert list(mapping(here, [given], "out")) == ["in/a.png", "in/sub/b.png"]
    assert "no such file or folder" in message(find_jobs, [here / "in/self.png"], here / "out")
    jobs = find_jobs([here / "in"], here / "out")
    assert "out/a.png: exists already" in message(settle_existing, jobs, "refuse")
    assert settle_existing(jobs, "skip") == jobs[1:]


def test_what_is_neither_file_nor_folder(here):
    """A pipe is not read as a file: given itself it is refused, in a folder passed over."""
    touch(here, "in/a.png")
    os.mkfifo(here / "in/pipe.png")
    assert list(mapping(here, ["in"], "out")) == ["in/a.png"]
    assert "neither a file nor a folder" in message(find_jobs, [here / "in/pipe.png"], here / "out")


def test_a_folder_that_may_not_be_read(here, monkeypatch):
    """It is warned of, in one line, and the others are searched."""
    touch(here, "in/a.png", "in/se\ncret/b.png", "in/z/c.png")
    scandir = os.scandir

    def forbidding(path):
        if "cret" in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    with pytest.warns(UserWarning, match=r"in/se\\ncret: cannot be read \(Permission denied\); passed over"):
        assert list(mapping(here, ["in"], "out")) == ["in/a.png", "in/z/c.png"]
