"""Several processes of one world, forked from this one: they have all imported already, and see what it has patched."""

import multiprocessing
import os
import socket
import sys
import traceback
import warnings

import torch

from i2sbkit.distributed import joined, one_voice
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import load_recipe
from i2sbkit.stopping import Stopped
from i2sbkit.training import train


def run_ranks(work, size=2, seconds=120):
    """What `work()` gave in each of `size` processes, which torchrun could have started; an `Ended` where it did not.

    None of them may be there any more after `seconds`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(size)]
    ranks = [context.Process(target=_be, args=(work, place, size, port, pipes[place][1])) for place in range(size)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking: torch has threads, which do nothing
        for process in ranks:
            process.start()
    for _, end in pipes:
        end.close()
    return [_result(process, pipe, seconds) for process, (pipe, _) in zip(ranks, pipes, strict=True)]


class Ended(str):
    """How a process ended that gave no result: what it raised, or its exit code."""


def rank():
    """Of the process that asks."""
    return int(os.environ["RANK"])


def train_in_ranks(recipe, run, *overrides, size=2, others=None, registry=None):
    """`i2sbkit train RECIPE --set ... --out RUN` in so many processes; see `run_ranks`.

    Args:
        others: overrides of all processes but the first, in place of `overrides`.
    """

    def work():
        given = overrides if others is None or rank() == 0 else others
        with joined("cpu") as (world, device), one_voice(world):
            return train(load_recipe(recipe, given, registry=registry), run, device, "auto", world)

    return run_ranks(work, size)


def _be(work, place, size, port, pipe):
    """Be a process of the world: say what came of `work`, and end without pytest's exit handlers."""
    told = {"RANK": place, "WORLD_SIZE": size, "LOCAL_RANK": place, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()}, GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    try:
        result = work()
    except (Error, Stopped) as error:
        result = Ended(error)
    except SystemExit as end:
        result = Ended(end.code)
    except BaseException:
        result = Ended(traceback.format_exc())
    sys.stdout.flush()
    sys.stderr.flush()
    pipe.send(result)
    pipe.close()
    os._exit(0)


def _result(process, pipe, seconds):
    try:
        if not pipe.poll(seconds):
            return Ended("hung")
        return pipe.recv()
    except EOFError:
        process.join(10)
        return Ended(process.exitcode)
    finally:
        process.kill()
        process.join()
