"""Shards behind a URL against shards in a folder: requests, bytes and pictures a second, from a server on loopback.

    env OMP_NUM_THREADS=1 PYTHONPATH=tests python benchmarks/remote.py

The server runs in a process of its own; with a delay each answer comes so much later, as from an object store.
"""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from file_server import FileServer, serving

from i2sbkit.recipe import load_recipe
from i2sbkit.sources.shards import Index, expand, open_index, read_pixels
from i2sbkit.sources.tars import write_index

DELAYS = (0.0, 0.03)
"""Seconds."""


@contextmanager
def serving_elsewhere(folder: Path, delay: float) -> Iterator[str]:
    """The URL of a server in another process."""
    server = FileServer(folder)
    server.delay = delay
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever)
    process.start()
    try:
        yield server.url
    finally:
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join()


def rates(index: Index) -> str:
    """Pictures a second, and the processor's time for each: read only, and read and decoded."""
    found = []
    for action in (lambda sample: sample.picture.read(), read_pixels):
        began, used = time.perf_counter(), time.process_time()
        for sample in index.samples:
            action(sample)
        found.append((time.perf_counter() - began) / len(index.samples))
        found.append((time.process_time() - used) / len(index.samples))
    return "read: {:.1f} ms each, {:.1f} of CPU; and decoded: {:.1f} ms, {:.1f} of CPU".format(
        *(1000 * t for t in found)
    )


def counts(folder: Path, name: str) -> str:
    """What it takes to open a shard."""
    with serving(folder) as server:
        index = open_index([f"{server.url}/{name}"])
        opening = f"opened by {len(server.asked)} requests, {server.sent} bytes"
        asked, sent = len(server.asked), server.sent
        for sample in index.samples:
            read_pixels(sample)
        parts = [sample.picture.size for sample in index.samples if sample.picture]
        more = (server.sent - sent - sum(parts)) / len(parts)
        return f"{opening}; a picture by {(len(server.asked) - asked) / len(parts):.2f} requests, {more:.0f} bytes more"


def main() -> None:
    """Print what opening and reading takes."""
    with tempfile.TemporaryDirectory() as name:
        shard = Path(shutil.copy(expand(load_recipe("jpeg").paths("train"))[0], name))
        local = open_index([shard])
        size = sum(sample.picture.size for sample in local.samples if sample.picture)
        print(f"{shard.name}: {len(local.samples)} pictures of {size / len(local.samples):.0f} bytes")
        print(f"without an index: {counts(shard.parent, shard.name)}")
        write_index(shard)
        print(f"with an index:    {counts(shard.parent, shard.name)}")
        print(f"folder:           {rates(local)}")
        for delay in DELAYS:
            with serving_elsewhere(shard.parent, delay) as url:
                print(f"http, {1000 * delay:2.0f} ms late: {rates(open_index([f'{url}/{shard.name}']))}")


if __name__ == "__main__":
    main()
