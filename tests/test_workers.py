"""Workers: they change no sample, outlive signals, fail in one line, and keep nobody waiting."""

import os
import signal
import subprocess
import sys
from multiprocessing import active_children
from pathlib import Path

import pytest
from photographs import encoded, make_shards, make_tar, picture
from training_sets import assert_same, samples, take, training_set

from i2sbkit import Error
from i2sbkit.data import training_batches
from i2sbkit.sources.shards import open_index

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Twelve photographs of 40 x 30 in three shards."""
    return open_index([make_shards(tmp_path_factory.mktemp("data") / "shards")])


def test_workers_make_the_samples_that_the_main_process_makes(index):
    """Two workers or none: the same batches in the same order."""
    alone, helped = take(index, 8, 4, 10), take(index, 8, 4, 10, workers=2)
    assert [counters for counters, *_ in alone] == [counters for counters, *_ in helped]
    assert_same(samples(alone), samples(helped))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_photograph_is_one_error_without_a_traceback(tmp_path, workers):
    """Also from a worker: the message names shard and key, and holds no Python."""
    shard = make_tar(tmp_path / "s.tar", [("good.png", encoded(picture(0))), ("bad.png", b"bad")])
    with pytest.raises(Error) as caught:
        take(open_index([shard]), 0, 6, 1, workers=workers)
    assert str(caught.value).startswith(f"{shard}: bad: not a readable picture")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_workers_outlive_the_signals_that_ask_to_stop(index, signum):
    """Ctrl-C and a cluster's SIGTERM reach every process, but a step under way needs its batches to be saved."""
    others = active_children()
    batches = training_batches(training_set(index), 0, 4, workers=1)
    next(batches)
    (worker,) = [process for process in active_children() if process not in others]
    os.kill(worker.pid, signum)
    assert [next(batches).counters[0] for _ in range(10)] == list(range(4, 44, 4))
    assert worker.is_alive()
    batches.close()
    worker.join(20)
    assert not worker.is_alive()


AT_EXIT = """
import sys
from i2sbkit.data import training_batches
from i2sbkit.sources.shards import open_index
from training_sets import training_set
batches = training_batches(training_set(open_index([sys.argv[1]])), 0, 4, workers=1)
next(batches)
print("started", flush=True)
{end}
"""


@pytest.mark.parametrize(("end", "code"), [("", 0), ("raise RuntimeError('boom')", 1), ("sys.exit(3)", 3)])
def test_workers_do_not_keep_python_from_exiting(tmp_path, end, code):
    """However a program ends while it holds batches, it ends, with its own exit code and no worker's last words."""
    script = [sys.executable, "-W", "ignore", "-c", AT_EXIT.format(end=end), str(make_shards(tmp_path / "shards"))]
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(script, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=100)
    assert (done.stdout, done.returncode) == ("started\n", code)
    assert "killed by signal" not in done.stderr
    assert ("boom" in done.stderr) == ("boom" in end)
