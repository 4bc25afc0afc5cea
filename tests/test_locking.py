"""Two trainings in one run folder: the second is refused, and the lock is gone as soon as its holder is."""

import errno
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from fake_plugins import message
from ranks import train_in_ranks
from tiny_training import SHORT, go, states

from i2sbkit import locking
from i2sbkit.kernel.errors import Error
from i2sbkit.locking import NAME

locked = partial(locking.locked, doing="trains in it", other="--out")


def forked(work):
    """A process that does `work(pipe)`, and our end of the pipe."""
    context = multiprocessing.get_context("fork")
    ours, its = context.Pipe()
    process = context.Process(target=work, args=(its,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    its.close()
    return process, ours


def holding(folder):
    """A process that holds the lock, and has a worker that outlives it, until it is killed."""

    def work(pipe):
        with locked(folder):
            worker = os.fork()
            if worker:
                pipe.send(worker)
            time.sleep(100)

    process, pipe = forked(work)
    return process, pipe.recv()


@pytest.fixture
def held(tmp_path):
    """A run folder that another process holds, that process, and the worker that it forked."""
    process, worker = holding(tmp_path / "run")
    yield tmp_path / "run", process, worker
    process.kill()
    process.join()
    os.kill(worker, signal.SIGKILL)


def test_a_second_training_is_refused_and_says_who_holds_the_folder(held, tiny_recipe):
    """One line with process and machine; nothing in the folder is touched, not even what is half-written there."""
    run, process, _ = held
    (run / ".i2sbkit-00.tmp").touch()
    told = message(go, tiny_recipe, run, SHORT)
    assert told.startswith(f"{run}: process {process.pid} on {socket.gethostname()} trains in it since 20")
    assert told.endswith("; let it finish, or take another --out")
    assert sorted(path.name for path in run.iterdir()) == [".i2sbkit-00.tmp", NAME]


def test_killed_with_kill_nine_it_holds_nothing(held, tiny_recipe):
    """At once, though its worker lives on; and at the end nothing is left of the lock."""
    run, process, worker = held
    process.kill()
    process.join()
    os.kill(worker, 0)
    assert (run / NAME).exists()
    assert go(tiny_recipe, run, SHORT, "train.iterations=1")["step"] == 1
    assert not (run / NAME).exists()


def test_reading_needs_no_lock(whole_run, tmp_path, tiny_recipe):
    """While a training holds its folder, another begins from the weights in it."""
    with locked(whole_run[1]):
        weights = whole_run[1] / "weights.safetensors"
        assert go(tiny_recipe, tmp_path / "other", SHORT, "train.iterations=1", f"train.init={weights}")["step"] == 1


def test_in_one_process_too(tmp_path):
    """The system would give it the same lock twice; under another name the folder is the same."""
    with locked(tmp_path / "run"):
        (tmp_path / "link").symlink_to("run")
        with ThreadPoolExecutor(1) as other:
            for name in ("run", "link"):
                told = other.submit(message, locked(tmp_path / name).__enter__).result()
                assert f"process {os.getpid()} on" in told
    with locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()


def test_the_first_process_holds_it_for_all(tiny_recipe, tmp_path, held):
    """Two processes that train together share a folder, and are refused together."""
    assert [each["step"] for each in train_in_ranks(tiny_recipe, tmp_path / "free", SHORT)] == [20, 20]
    told, code = train_in_ranks(tiny_recipe, held[0], SHORT)
    assert f"process {held[1].pid} on" in told
    assert code == "2"
    assert states(held[0]) == []


def test_of_many_at_once_one_has_it(tmp_path):
    """Six processes take it in turns: never two, and each gets it, though the file comes and goes."""
    log = tmp_path / "log"

    def work(pipe):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with locked(tmp_path / "run"):
                    with log.open("a") as file:
                        print(os.getpid(), "in", file=file, flush=True)
                        time.sleep(0.01)
                        print(os.getpid(), "out", file=file, flush=True)
                    return
            except Error:
                time.sleep(0.001)

    processes = [forked(work)[0] for _ in range(6)]
    for process in processes:
        process.join()
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [word for _, word in lines] == ["in", "out"] * 6
    assert [lines[n][0] == lines[n + 1][0] for n in range(0, 12, 2)] == [True] * 6
    assert {int(pid) for pid, _ in lines} == {process.pid for process in processes}


@pytest.fixture
def no_locks(monkeypatch):
    """A file system without locks."""

    def lock(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", lock)


def test_without_locks_the_file_counts(no_locks, tmp_path):
    """While its process lives; one of this machine that is gone holds nothing."""
    with locked(tmp_path / "run"):
        locking._OURS.clear()
        told = message(locked(tmp_path / "run").__enter__)
        assert f"process {os.getpid()} on" in told
        assert told.endswith(f"; if it has ended, remove {tmp_path / 'run' / NAME}")
        locking._OURS[(tmp_path / "run").resolve()] = {}
    process, _ = forked(lambda pipe: None)
    process.join()
    holder = {"pid": process.pid, "host": socket.gethostname(), "since": "2026-01-01 00:00:00"}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / NAME).write_text(json.dumps(holder))
    with locked(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / NAME).read_text())["pid"] == os.getpid()


def test_without_locks_another_machine_may_live(no_locks, tmp_path):
    """Nobody here knows: it is named, and so is the file to remove."""
    (tmp_path / NAME).write_text(json.dumps({"pid": 1, "host": "node7\n", "since": "2026-01-01 00:00:00"}))
    told = message(locked(tmp_path).__enter__)
    assert r"process 1 on node7\n trains in it" in told
    assert "if it has ended, remove" in told


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}', "\x00" * 99])
def test_whatever_is_in_the_file_the_lock_is_the_systems(text, tmp_path):
    """A file of that name that nobody holds is in nobody's way."""
    (tmp_path / NAME).write_text(text)
    with locked(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / NAME).read_text()


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
