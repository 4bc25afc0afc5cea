"""One job after another: what fails, what is reported, and when it stops."""

import os
import signal

import pytest

from i2sbkit import Error
from i2sbkit.batch import Made, run_jobs
from i2sbkit.jobs import Job


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
        return Made([job.target], 500_000)

    report = run_jobs(jobs_of(here, ("a.png", "1"), ("bad.png", "2"), ("full.png", "3"), ("b.png", "4")), work, "done")
    assert report.stopped is None
    bad, full = str(here / "bad.png"), str(here / "full.png")
    assert [outcome.error for outcome in report.outcomes] == [
        None, f"{bad}: bad", f"{full}: [Errno 28] No space left on device", None,
    ]  # fmt: skip
    assert [list(outcome.outputs) for outcome in report.outcomes] == [[str(here / "1")], [], [], [str(here / "4")]]
    assert report.outcomes[0].as_dict()["status"] == "done"
    assert report.outcomes[1].as_dict()["status"] == "failed"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("failed: ") == 2


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
