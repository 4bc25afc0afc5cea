"""`i2sbkit train --nproc N` and torchrun itself: processes started, signals handed on, one voice and one exit code."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from test_interrupted import wait_for
from tiny_training import SHORT, go, states
from torch.distributed.elastic.multiprocessing.api import SignalException

from i2sbkit import launching
from i2sbkit.cli import execute


def started(before, recipe, run, *overrides, after=()):
    """`python -m BEFORE train RECIPE --set ... --out RUN AFTER`, started; its lines of stderr are whole."""
    sets = [word for override in overrides for word in ("--set", override)]
    line = [sys.executable, "-m", *before, "train", str(recipe), *sets, "--out", str(run), "--device", "cpu", *after]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(line, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_nproc(tiny_recipe, tmp_path):
    """Two processes; SIGTERM to the command saves and ends both, which is said once; one process goes on from there."""
    run = tmp_path / "run"
    running = started(["i2sbkit"], tiny_recipe, run, SHORT, "train.iterations=1000000", after=["--nproc", "2"])
    try:
        wait_for(run / "weights.safetensors", running)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=200)
    finally:
        running.kill()
    last = states(run)[-1]
    assert (running.returncode, out) == (143, "")
    assert err.splitlines()[0] == f"{run}: step 0 of 1000000, 1,443 parameters"
    assert err.splitlines()[-1] == f"stopped at step {last}, state saved; the same command goes on from there"
    assert err.count("stopped at") == err.count("step 0 of") == 1
    assert "Traceback" not in err
    assert go(tiny_recipe, run, SHORT, f"train.iterations={last + 1}")["step"] == last + 1


@pytest.mark.slow
def test_torchrun(tiny_recipe, tmp_path):
    """The command line of docs/scale.md: stdout has one path, whatever the number of processes."""
    torchrun = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    run = tmp_path / "run"
    running = started([*torchrun, "-m", "i2sbkit"], tiny_recipe, run, SHORT)
    out, err = running.communicate(timeout=280)
    assert (running.returncode, out) == (0, f"{run / 'weights.safetensors'}\n"), err
    assert states(run) == [10, 20]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_command(tiny_recipe, tmp_path):
    """By the system, for want of memory, say: the rest ends within a minute, and the command says which it was."""
    run = tmp_path / "run"
    running = started(["i2sbkit"], tiny_recipe, run, SHORT, "train.iterations=1000000", after=["--nproc", "2"])
    try:
        wait_for(run / "weights.safetensors", running)
        children = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=True)
        os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 2
    assert "was ended by SIGKILL; the same command goes on from the last state that was saved" in err


def test_nproc_within_torchrun(tiny_recipe, monkeypatch, capsys):
    """Processes that would each start more are refused."""
    for name in ("RANK", "LOCAL_RANK", "MASTER_PORT", "WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setenv("MASTER_ADDR", "here")
    assert execute(["train", str(tiny_recipe), "--nproc", "2"]) == 2
    assert "--nproc starts processes, as torchrun did already; leave it out" in capsys.readouterr().err


def test_one_process_is_not_launched(tiny_recipe, tmp_path, monkeypatch, capsys):
    """--nproc 1 is the command without it."""
    monkeypatch.setattr(launching, "launch", None)
    words = ["--nproc", "1", "--set", SHORT, "--set", "train.iterations=1", "--device", "cpu"]
    assert execute(["train", str(tiny_recipe), "--out", str(tmp_path / "run"), *words]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'run' / 'weights.safetensors'}\n"


def test_the_plan_of_several_processes(tiny_recipe, capsys):
    """--dry-run starts none: a process's share of the batch, and of the memory where it is split."""
    memory = {}
    for how in ("ddp", "fsdp"):
        words = ["--nproc", "2", "--set", f"train.parallel={how}", "--set", "train.batch=64"]
        words += ["--set", "backbone.width=128", "--dry-run"]
        assert execute(["train", str(tiny_recipe), *words]) == 0
        out = capsys.readouterr().out
        assert "20 of 64 images (1 microbatches each, in 2 processes)" in out
        (line,) = (line for line in out.splitlines() if "memory" in line)
        assert line.endswith("MB in each process")
        memory[how] = int(line.split()[2].replace(",", ""))
    assert memory["fsdp"] < memory["ddp"]


def test_a_signal_is_not_handed_on_in_the_middle_of_a_poll(monkeypatch):
    """There it comes again a moment later: raised at once it would leave a lock of `subprocess` taken for ever."""
    later = []
    monkeypatch.setattr(launching.threading, "Timer", lambda *given: later.append(given) or SimpleNamespace(start=int))
    polling = SimpleNamespace(f_code=SimpleNamespace(co_filename=subprocess.__file__))
    launching._hand_on(signal.SIGTERM, polling)
    assert later == [(0.05, os.kill, (os.getpid(), signal.SIGTERM))]
    for signum, handed in ((signal.SIGINT, signal.SIGINT), (signal.SIGHUP, signal.SIGTERM)):
        with pytest.raises(SignalException) as raised:
            launching._hand_on(signum, None)
        assert raised.value.sigval == handed
