"""A training cut short, by kill -9, a signal or a damaged file: it goes on as if nothing had been."""

import json
import shutil
import signal
import time

import pytest
from fake_plugins import install, message
from tiny_training import SHORT, assert_equal_bits, command, go, log, state, states, with_plugin

from i2sbkit.checkpoint import read_header, read_tensors, save
from i2sbkit.files import atomic
from i2sbkit.kernel import registry
from i2sbkit.stopping import Stopped


@pytest.mark.parametrize("keep", [0, 7, 1000, -1])
def test_a_damaged_newest_state_is_passed_over_with_a_warning(keep, whole_run, tmp_path, capsys):
    """Cut off anywhere: the state before it is taken, which stderr says; training ends where it would have."""
    recipe, run = tmp_path / "r.toml", tmp_path / "run"
    shutil.copy(whole_run[0], recipe)
    shutil.copytree(whole_run[1], run)
    newest = run / "state-00000020.safetensors"
    newest.write_bytes(newest.read_bytes()[:keep])
    go(recipe, run, SHORT)
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"warning: {newest}: not a readable safetensors file")
    assert told[0].endswith("; going on from the state before it")
    assert told[1].startswith(f"{run}: step 10 of 20")
    assert_equal_bits(state(run, 20), state(whole_run[1], 20))


def test_a_damaged_state_does_not_push_out_good_ones(whole_run, tmp_path):
    """With keep = 1 the state that was just written stays, though a broken one has a higher number."""
    shutil.copytree(whole_run[1], tmp_path / "run")
    (tmp_path / "run" / "state-00000020.safetensors").write_bytes(b"")
    go(whole_run[0], tmp_path / "run", SHORT, "train.iterations=15", "train.keep=1")
    assert states(tmp_path / "run") == [15, 20]
    assert read_header(tmp_path / "run" / "state-00000015.safetensors")["step"] == 15


def test_what_a_killed_process_left_is_swept_up(half_run):
    """A file that was being written when the power went is gone from the run folder after going on."""
    recipe, run = half_run
    with pytest.raises(OSError, match="no space"), atomic(run / "weights.safetensors") as temporary:
        temporary.write_text("half")
        shutil.copy(temporary, left := temporary.with_name(temporary.name.replace("-", "-0", 1)))
        raise OSError("no space")
    assert left.exists()
    go(recipe, run, SHORT, "train.iterations=11")
    assert not left.exists()


def test_nothing_but_damaged_states(half_run):
    """Then it is an Error: to start anew in silence would be the loss of a training."""
    recipe, run = half_run
    (run / "state-00000010.safetensors").write_bytes(b"x" * 99)
    assert "not a readable safetensors file" in message(go, recipe, run, SHORT)


LOST = ["header:ema_updates", "header:scaler", "header:step", "header:data"]


@pytest.mark.parametrize("lost", ["net/ending.bias", "ema/ending.bias", *LOST])
def test_a_state_that_is_not_whole_is_an_error(lost, half_run):
    """A tensor or a fact that is missing is told by name."""
    recipe, run = half_run
    path = run / "state-00000010.safetensors"
    tensors, header = read_tensors(path), read_header(path)
    kind, _, key = lost.rpartition(":")
    del (header if kind else tensors)[key]
    save(path, tensors, header)
    told = message(go, recipe, run, SHORT)
    assert told.startswith(f"{path}: ")
    assert (key.split("/")[-1] if key != "data" else "not a whole training state") in told


def test_what_safetensors_leaves_is_swept_up(half_run):
    """It writes to a file of its own beside the one it is given."""
    recipe, run = half_run
    for name in (".tmpZZsa1P", "samples/.i2sbkit-00.tmp"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).touch()
    (run / ".tmp-mine").touch()
    go(recipe, run, SHORT, "train.iterations=11")
    assert [path.name for path in run.rglob(".*")] == [".tmp-mine"]


def test_the_log_has_no_step_twice(half_run):
    """Lines of steps beyond the state that is gone on from are dropped, a half-written one too."""
    recipe, run = half_run
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": 15, "loss": 1.0}) + '\n{"step": 17, "lo')
    assert [line["step"] for line in log_until_broken(run)] == [10, 20, 15]
    go(recipe, run, SHORT)
    assert [line["step"] for line in log(run)] == [10, 20]


def log_until_broken(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()[:-1]]


STOPPING = """
import i2sbkit, os, signal
class Stopping(i2sbkit.Logger):
    def __init__(self, run): pass
    def log(self, step, metrics): pass
    def picture(self, step, name, image):
        os.kill(os.getpid(), signal.SIGTERM)
@i2sbkit.hookimpl
def loggers():
    return {"stopping": Stopping}
"""


def test_a_signal_while_validating_saves_the_next_step(tiny_recipe, tmp_path, monkeypatch):
    """The message says that the state is saved: it is, and the training goes on from it to the bit."""
    found = with_plugin(STOPPING)
    monkeypatch.setattr(registry, "default", lambda: found)
    validating = ["train.val_every=3", "train.save_every=100", 'log.loggers=["stopping"]']
    with pytest.raises(Stopped, match="stopped at step 4, state saved") as caught:
        go(tiny_recipe, tmp_path / "run", *validating)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert states(tmp_path / "run") == [4]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


PAUSING = """
import i2sbkit, os, pathlib, time
class Pausing(i2sbkit.Logger):
    def __init__(self, run): pass
    def log(self, step, metrics):
        if step == 13 and "PAUSE_AT" in os.environ:
            pathlib.Path(os.environ["PAUSE_AT"]).touch()
            time.sleep(600)
@i2sbkit.hookimpl
def loggers():
    return {"pausing": Pausing}
"""


def wait_for(path, process, seconds=200):
    """Until a file is there, written by a process that has not ended."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {path} after {seconds} s"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [0, 2])
def test_kill_nine(workers, whole_run, tmp_path):
    """A process killed at step 13, the same command again: every tensor that of the run that was never stopped."""
    recipe, whole = whole_run
    run, paused = tmp_path / "run", tmp_path / "paused"
    install(tmp_path / "site", "pause", pausing=PAUSING)
    words = [recipe, run, "train.val_every=13", 'log.loggers=["pausing"]', f"data.workers={workers}"]
    killed = command(*words, PYTHONPATH=str(tmp_path / "site"), PAUSE_AT=str(paused))
    try:
        wait_for(paused, killed)
    finally:
        killed.kill()
        killed.communicate()
    assert (killed.returncode, states(run)) == (-signal.SIGKILL, [10])
    again = command(*words, PYTHONPATH=str(tmp_path / "site"))
    out, err = again.communicate()
    assert (again.returncode, out) == (0, f"{run / 'weights.safetensors'}\n"), err
    assert f"{run}: step 10 of 20" in err
    assert_equal_bits(state(run, 20), state(whole, 20))
    assert_equal_bits(read_tensors(run / "weights.safetensors"), read_tensors(whole / "weights.safetensors"))
    assert [line["step"] for line in log(run)] == [10, 13, 20, 20]


@pytest.mark.parametrize(("signum", "code", "workers"), [(signal.SIGTERM, 143, 2), (signal.SIGINT, 130, 0)])
def test_asked_to_stop(signum, code, workers, whole_run, tmp_path):
    """SIGTERM and Ctrl-C, sent to the process: the state of the step is saved, and the exit code says which it was."""
    run = tmp_path / "run"
    running = command(whole_run[0], run, SHORT, "train.iterations=1000000", f"data.workers={workers}")
    try:
        wait_for(run / "weights.safetensors", running)
        running.send_signal(signum)
        out, err = running.communicate(timeout=200)
    finally:
        running.kill()
    assert (running.returncode, out) == (code, ""), err
    last = states(run)[-1]
    assert f"stopped at step {last}, state saved; the same command goes on from there" in err
    assert "Traceback" not in err
    assert read_header(run / "weights.safetensors")["step"] == last
    assert go(whole_run[0], run, SHORT, f"train.iterations={last + 1}")["step"] == last + 1
