"""One job after another: what fails, what is reported, and when it stops."""

import io
import os
import signal
import sys
import time
import warnings
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from pictures import photo

from i2sbkit import Error, terminal
from i2sbkit.files import atomic
from i2sbkit.jobs.job import Job
from i2sbkit.jobs.progress import shares
from i2sbkit.jobs.running import Made, run_jobs
from i2sbkit.printable import one_line


class Terminal(io.StringIO):
    """What takes itself for a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with relative paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def jobs_of(here, *pairs):
    return [Job(here / source, here / target) for source, target in pairs]


def test_a_bad_file_is_reported_and_the_rest_goes_on(here, capsys):
    """Errors and what the disk says become outcomes; the message names the file."""

    def work(job):
        if job.source.name == "bad.png":
            raise Error(f"{job.source}: bad")
        if job.source.name == "full.png":
            raise OSError(28, "No space left on device")
        if job.source.name == "huge.png":
            raise MemoryError
        return Made([job.target], 500_000)

    names = ("a.png", "bad.png", "full.png", "huge.png", "b.png")
    report = run_jobs(jobs_of(here, *((name, name[0]) for name in names)), work, "done")
    assert report.stopped is None
    bad, full, huge = (str(here / f"{name}.png") for name in ("bad", "full", "huge"))
    assert [outcome.error for outcome in report.outcomes] == [
        None, f"{bad}: bad", f"{full}: [Errno 28] No space left on device",
        f"{huge}: does not fit into memory", None,
    ]  # fmt: skip
    assert [list(outcome.outputs) for outcome in report.outcomes] == [[str(here / "a")], [], [], [], [str(here / "b")]]
    assert next(iter(report.outcomes)).as_dict()["status"] == "done"
    assert list(report.outcomes)[1].as_dict()["status"] == "failed"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("failed: ") == 3


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_job_under_way_finish(here, signum):
    """Ctrl-C and SIGTERM end the batch between two jobs; a second Ctrl-C at once; none after the last job."""

    def work(job):
        os.kill(os.getpid(), signum)
        return Made([job.target], 1)

    report = run_jobs(jobs_of(here, ("a", "1"), ("b", "2"), ("c", "3")), work, "done")
    assert len(report.outcomes) == 1
    assert report.stopped is not None
    assert report.stopped.exit_code == 128 + signum
    assert "1 of 3 files done" in str(report.stopped)
    assert run_jobs(jobs_of(here, ("a", "1")), work, "done").stopped is None


def test_a_second_ctrl_c_interrupts(here):
    """Who presses twice means it."""

    def work(job):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs_of(here, ("a", "1")), work, "done")


def test_a_second_ctrl_c_leaves_no_half_file(here):
    """Interrupted in the middle of writing: what was there is as it was, and nothing lies beside it."""
    (here / "1").write_text("mine")

    def work(job):
        with atomic(job.target) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs_of(here, ("a", "1")), work, "done")
    assert [path.name for path in here.iterdir()] == ["1"]
    assert (here / "1").read_text() == "mine"


def test_each_job_is_told_of_as_it_ends(here):
    """`noted` gets the outcome and what was made, before the next job begins."""
    events = []

    def work(job):
        events.append(job.source.name)
        return Made([job.target], 9, ["elsewhere"])

    run_jobs(jobs_of(here, ("a", "1"), ("b", "2")), work, "done", lambda outcome, made: events.append((outcome, made)))
    assert [event if isinstance(event, str) else event[0].input[-1] for event in events] == ["a", "a", "b", "b"]
    assert events[1][0].outputs == ["elsewhere"]
    assert events[1][1].files == [here / "1"]


def slowly(monkeypatch):
    """Every look at the clock takes 100 seconds."""
    seconds = count(0, 100)
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def made(job):
    return Made([job.target], 2_000_000)


@pytest.mark.parametrize("variable", ["NOTHING", "FORCE_COLOR"])
def test_silent_where_stderr_is_no_terminal(here, monkeypatch, capsys, variable):
    """However long it takes, whatever colours are asked for: nothing is said of what goes well."""
    monkeypatch.setenv(variable, "1")
    slowly(monkeypatch)
    run_jobs(jobs_of(here, ("a", "1"), ("b", "2")), made, "done")
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal(here, monkeypatch):
    """Files done, megapixels a second and the time left, which goes by pixels."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    slowly(monkeypatch)

    def drawn(job):
        time.sleep(0.25)  # the bar is drawn ten times a second
        return made(job)

    photo(80, 40).save("large.png")
    photo(40, 20).save("small.png")
    run_jobs(jobs_of(here, ("large.png", "1"), ("small.png", "2")), drawn, "done")
    shown = terminal.getvalue()
    assert "1/2 0:00:25 left" in shown  # four fifths of the pixels in 100 s
    assert "2/2 0:00:00 left" in shown
    assert "megapixels/s" in shown


def test_a_terminal_is_told_what_ctrl_c_does(here, monkeypatch):
    """At once, while the file under way goes on, which may take a while; and how to stop without waiting."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")

    def work(job):
        os.kill(os.getpid(), signal.SIGINT)
        assert "stopping after this file; Ctrl-C again stops at once" in sys.stderr.getvalue()
        return made(job)

    assert run_jobs(jobs_of(here, ("a", "1"), ("b", "2")), work, "done").stopped


def test_training_still_says_where_it_is(monkeypatch, capsys):
    """A bar with an interval speaks elsewhere too."""
    slowly(monkeypatch)
    with terminal.Bar(4, 2, "step", every=30) as bar:
        bar.show(3, "loss 1")
    assert capsys.readouterr().err == "step 3/4  loss 1\n"


def test_shares(here):
    """By the pixels that headers tell; what cannot be read takes no time; unknown ones count alike."""
    photo(30, 10).save("a.png")
    photo(10, 10).save("b.jpg")
    Path("bad.png").write_text("x")
    assert shares([Path("a.png"), Path("bad.png"), Path("b.jpg")]) == [0.75, 0.75, 1]
    assert shares([Path("gone"), Path("bad.png")]) == [0.5, 1]


def test_one_line():
    """Line breaks, what drives a terminal, what turns the writing round and broken bytes are escaped; letters not."""
    assert one_line("ü 日本 \n\r\x1b[2J\u202e" + os.fsdecode(b"\xe9")) == r"ü 日本 \n\r\x1b[2J\u202e\udce9"


def test_failures_and_warnings_are_a_line_each(here, capsys):
    """Whatever the file is called."""

    def work(job):
        warnings.warn(f"{job.source}: odd", stacklevel=1)
        raise Error(f"{job.source}: bad")

    run_jobs(jobs_of(here, ("a\nb\x07.png", "1")), work, "done")
    name = str(here / "a") + r"\nb\x07.png"
    assert capsys.readouterr().err == f"warning: {name}: odd\nfailed: {name}: bad\n"
