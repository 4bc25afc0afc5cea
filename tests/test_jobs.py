"""Which file becomes which, and what is never overwritten."""

import os
from pathlib import Path

import pytest

from i2sbkit import Error
from i2sbkit.jobs.job import Job, find_jobs, in_place_jobs, settle_existing


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with relative paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def mapping(root, inputs, out, suffix=None):
    """The jobs as relative names: source -> target."""
    jobs = find_jobs([root / name for name in inputs], root / out, suffix)
    return {str(job.source.relative_to(root)): str(job.target.relative_to(root)) for job in jobs}


def message(call, *args, **options):
    with pytest.raises(Error) as caught:
        call(*args, **options)
    return str(caught.value)


def test_a_nested_folder_keeps_its_paths(here):
    """Every picture in a folder and below it gets the same relative path under OUT, whatever its spelling."""
    touch(here, "in/a.png", "in/b/c d.JPG", "in/b/ü/e\nf.webp", "in/.hidden.png", "in/.git/x.png", "in/note.txt")
    found = mapping(here, ["in"], "out")
    assert found == {
        "in/a.png": "out/a.png",
        "in/b/c d.JPG": "out/b/c d.JPG",
        "in/b/ü/e\nf.webp": "out/b/ü/e\nf.webp",
    }


def test_files_and_folders_mixed(here):
    """Files go to OUT under their name, folders under their relative paths; a picture given twice counts once."""
    touch(here, "in/a.png", "in/sub/b.png", "c.jpg")
    twice = ["in", "c.jpg", "c.jpg", "in/../c.jpg"]
    assert mapping(here, twice, "out") == {
        "in/a.png": "out/a.png",
        "in/sub/b.png": "out/sub/b.png",
        "c.jpg": "out/c.jpg",
    }


def test_one_file_to_one_file(here):
    """One file goes to OUT itself where OUT ends like a picture and is no folder."""
    touch(here, "a.png")
    (here / "folder.png").mkdir()
    assert mapping(here, ["a.png"], "new/b.WEBP") == {"a.png": "new/b.WEBP"}
    assert mapping(here, ["a.png"], "out") == {"a.png": "out/a.png"}
    assert mapping(here, ["a.png"], "folder.png") == {"a.png": "folder.png/a.png"}


def test_a_suffix_replaces_the_last_one(here):
    """Where outputs have a format of their own, only the last suffix changes."""
    touch(here, "in/a.b.png", "in/c.JPG")
    assert mapping(here, ["in"], "out", ".jpg") == {"in/a.b.png": "out/a.b.jpg", "in/c.JPG": "out/c.jpg"}
    assert mapping(here, ["in/a.b.png"], "x.jpeg", ".jpg") == {"in/a.b.png": "x.jpeg"}


def test_an_output_of_another_format_is_refused(here):
    """JPEG bytes are never written to a file called .png."""
    touch(here, "a.png")
    assert "give" in (said := message(find_jobs, [here / "a.png"], here / "b.png", ".jpg"))
    assert str(here / "b.jpg") in said


@pytest.mark.parametrize("out", ["in", "in/sub/..", "link"])
def test_out_that_is_an_input_is_refused(here, out):
    """In any spelling and through links; the message says how originals are replaced, if that is meant."""
    touch(here, "in/a.png", "in/sub/b.png")
    (here / "link").symlink_to(here / "in")
    said = message(find_jobs, [here / "in"], here / out)
    assert "is an input" in said
    assert "--in-place" in said


def test_out_below_in_is_no_input(here):
    """OUT inside IN: what earlier runs put there is not taken for an input."""
    touch(here, "in/a.png", "in/out/a.png", "in/out/deep/b.png", "in/outer/c.png")
    assert list(mapping(here, ["in"], "in/out")) == ["in/a.png", "in/outer/c.png"]


def test_out_beside_an_input_is_fine(here):
    """A name that only begins like the input's, and a folder that the input leads out of."""
    touch(here, "in/a.png", "in-2/x.png")
    assert mapping(here, ["in"], "in-2") == {"in/a.png": "in-2/a.png"}
    assert mapping(here, ["in"], "in/../out") == {"in/a.png": "in/../out/a.png"}


def test_relative_paths_and_dots(here, monkeypatch):
    """`restore . ../out` works, and `restore . out`, which leaves out what is in out."""
    touch(here, "in/a.png", "in/out/a.png")
    monkeypatch.chdir("in")
    for out in ("../out", "out"):
        assert find_jobs([Path()], Path(out))[0] == Job(Path("a.png"), Path(f"{out}/a.png"))
    assert find_jobs([Path()], Path("out")) == [Job(Path("a.png"), Path("out/a.png"))]


def test_in_below_out_is_fine(here):
    """IN inside OUT is an ordinary folder."""
    touch(here, "out/in/a.png")
    assert mapping(here, ["out/in"], "out") == {"out/in/a.png": "out/a.png"}


@pytest.mark.parametrize(
    ("inputs", "out", "says"),
    [
        (["nothing"], "out", "no such file or folder"),
        (["nothing"], "out.png", "no such file or folder"),
        (["empty"], "out", "no pictures in it"),
        (["a.png", "b.png"], "d.png", "give a folder"),
        (["in"], "c.png", "give a folder"),
        (["a.png", "c.jpg"], "b.png", "give a folder"),
        (["a.png"], "note.txt", "give a folder"),
        (["in"], "note.txt", "give a folder"),
    ],
)
def test_wrong_arguments_say_what_to_give(here, inputs, out, says):
    """A missing or empty input, and a file where only a folder can be, are refused before anything is done."""
    touch(here, "a.png", "b.png", "c.jpg", "note.txt", "in/d.png")
    (here / "empty").mkdir()
    assert says in message(find_jobs, [here / name for name in inputs], here / out)


def jobs_of(here, *pairs):
    return [Job(here / source, here / target) for source, target in pairs]


def test_outputs_that_exist_are_refused(here):
    """The default neither replaces nor skips: it says how to do either."""
    touch(here, "a.png", "out/a.png", "out/b.png")
    jobs = jobs_of(here, ("a.png", "out/a.png"), ("b.png", "out/b.png"), ("c.png", "out/c.png"))
    said = message(settle_existing, jobs, "refuse")
    assert "out/a.png and 1 more: exists already" in said
    assert "--overwrite" in said
    assert "--skip-existing" in said
    assert settle_existing(jobs, "overwrite") == jobs
    assert settle_existing(jobs, "skip") == jobs[2:]


def test_skipping_wants_every_output(here):
    """A job is passed over only where all that it writes is there."""
    touch(here, "out/a.1.png", "out/b.1.png", "out/b.2.png")

    def two(job):
        return [job.target.with_suffix(f".{number}.png") for number in (1, 2)]

    jobs = jobs_of(here, ("a.png", "out/a.png"), ("b.png", "out/b.png"))
    assert settle_existing(jobs, "skip", two) == jobs[:1]


@pytest.mark.parametrize("policy", ["refuse", "skip", "overwrite"])
def test_an_output_never_replaces_an_input(here, policy):
    """Whatever the policy: not by name, not through a link, not in a chain of jobs."""
    touch(here, "a.png", "b.png")
    (here / "link.png").symlink_to(here / "a.png")
    for pair in (("a.png", "a.png"), ("a.png", "link.png"), ("link.png", "a.png")):
        assert "would replace an input" in message(settle_existing, jobs_of(here, pair), policy)
    chain = jobs_of(here, ("a.png", "c.png"), ("b.png", "a.png"))
    assert "would replace an input" in message(settle_existing, chain, policy)


def test_colliding_outputs_are_refused(here):
    """Two inputs that would become one file, be it the picture or what is written beside it."""
    touch(here, "x/a.png", "y/a.png", "in/p.png", "in/p.jpg")
    jobs = find_jobs([here / "x", here / "y"], here / "out")
    assert "would both become" in message(settle_existing, jobs, "overwrite")
    jobs = find_jobs([here / "in"], here / "out")
    assert settle_existing(jobs, "refuse") == jobs
    assert "out/p.spread.png" in message(
        settle_existing, jobs, "refuse", lambda job: [job.target, job.target.with_name("p.spread.png")]
    )


def test_a_link_to_nothing_is_in_the_way(here):
    """A dangling link at the output counts as existing."""
    (here / "out").mkdir()
    (here / "out/a.png").symlink_to(here / "gone")
    assert "exists already" in message(settle_existing, jobs_of(here, ("a.png", "out/a.png")), "refuse")


def test_places_that_cannot_be_written_to(here, monkeypatch):
    """A folder or a file in the way, and a folder without permission, are found before the work."""
    touch(here, "file")
    (here / "out/a.png").mkdir(parents=True)
    assert "a folder is where" in message(settle_existing, jobs_of(here, ("a.png", "out/a.png")), "overwrite")
    assert "file: a file, so" in message(settle_existing, jobs_of(here, ("a.png", "file/sub/a.png")), "refuse")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "may not be written to" in message(settle_existing, jobs_of(here, ("a.png", "new/a.png")), "refuse")


def test_in_place(here):
    """Each picture is its own output, once, and a link's is the file that it leads to."""
    touch(here, "real/a.png", "in/b.png", "in/sub/c.jpg")
    (here / "in/link.png").symlink_to(here / "real/a.png")
    jobs = in_place_jobs([here / "in", here / "in/b.png", here / "in/*.png", here / "real/a.png"])
    assert jobs == jobs_of(
        here, ("in/b.png", "in/b.png"), ("in/link.png", "real/a.png"), ("in/sub/c.jpg", "in/sub/c.jpg")
    )
    assert settle_existing(jobs, "in place") == jobs


def test_messages_stay_on_their_line(here):
    """A name with a line break or signs that drive a terminal is escaped in what is said of it."""
    touch(here, "in/a\n\x1b[2J.png", "out/a\n\x1b[2J.png")
    said = message(settle_existing, find_jobs([here / "in"], here / "out"), "refuse")
    assert r"a\n\x1b[2J.png: exists already" in said
