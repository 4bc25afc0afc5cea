"""Many small pictures: memory does not grow with their number, and kill -9 at any moment loses and repeats none."""

import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from pictures import photo
from restore_command import weights_of_each_kind
from shard_files import content_of, tar_of

from i2sbkit.cli import execute
from i2sbkit.evaluating import measuring

GROWN = 6e6
"""Bytes that a process may take more at its last pictures than at its 200th."""
PROBE = Path(__file__).with_name("memory_probe.py")
SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    weights = weights_of_each_kind(tmp_path_factory.mktemp("w")) / "x1.safetensors"
    return ["--weights", str(weights), "--device", "cpu", "--nfe", "1"]


def small(number):
    """A picture of 8 x 8 as the bytes of a file, each another one."""
    buffer = io.BytesIO()
    photo(8, 8).point(lambda value: (value + 7 * number) % 256).save(buffer, "PNG")
    return buffer.getvalue()


def shards_of(folder, pictures, shards=3):
    """So many pictures in a few shards."""
    each = [(f"{number:05d}.png", small(number)) for number in range(pictures)]
    for number in range(shards):
        tar_of(folder / f"s-{number}.tar", *each[number::shards])
    return folder


def commands(data, out, model):
    """What is measured: evaluating and restoring shards."""
    evaluate = ["evaluate", "--data", data, "--size", "8", "--metrics", "psnr_rgb", "--out", out / "numbers"]
    restore = ["restore", data, out / "restored", "--skip-existing"]
    return {"evaluate": [*map(str, evaluate), *model], "restore": [*map(str, restore), *model]}


def grown_after(command, told, keep=0, seconds=200):
    """Exit code, pictures, and how much more memory a fresh process takes after its 200th picture."""
    subprocess.run([sys.executable, PROBE, told, str(keep), *command], check=True, timeout=seconds, capture_output=True)
    return json.loads(told.read_text())


@pytest.mark.parametrize(
    ("which", "pictures"),
    [
        ("evaluate", 1200),
        ("restore", 500),
        pytest.param("evaluate", 10_000, marks=SLOW),
        pytest.param("restore", 10_000, marks=SLOW),
    ],
)
def test_memory_does_not_grow(which, pictures, model, tmp_path):
    """6 MB at most: at 10,000 pictures 600 bytes of each, less than one of its tensors."""
    data = shards_of(tmp_path / "data", pictures)
    code, count, grown = grown_after(commands(data, tmp_path, model)[which], tmp_path / "told.json", seconds=1500)
    assert code == 0
    assert count in (pictures, pictures + 1)  # evaluate warms up with the first
    assert grown < GROWN


def test_the_measure_can_fail(model, tmp_path):
    """30 kB kept of each picture are seen."""
    data = shards_of(tmp_path / "data", 1200)
    code, _, grown = grown_after(commands(data, tmp_path, model)["evaluate"], tmp_path / "told.json", keep=30_000)
    assert code == 0 and grown > GROWN


def seconds_of(command):
    """How long a command takes that ends well."""
    began = time.monotonic()
    assert execute(command) == 0
    return time.monotonic() - began


def killed_often(command, chance, seconds):
    """Run a command and kill -9 it at a random moment, six times; then let it end. How often it had not ended before.

    Args:
        seconds: what it takes undisturbed; killed after a tenth of that to three tenths, three times do not end it.
    """
    count, kills = 0, 6
    for attempt in range(kills + 1):
        process = multiprocessing.get_context("fork").Process(target=_be, args=(command,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking: torch's threads do nothing
            process.start()
        if attempt < kills:
            time.sleep(chance.uniform(0.1, 0.3) * seconds)
            process.kill()
        process.join()
        count += process.exitcode == -signal.SIGKILL
    assert process.exitcode == 0
    return count


def _be(command):
    torch.set_num_threads(1)
    os._exit(execute(command))


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 9))]


@pytest.mark.parametrize("seed", SEEDS)
def test_evaluating_killed_at_random_moments(seed, model, tmp_path, monkeypatch, capfd):
    """Each picture is there once with the numbers of a run that was never killed, and the means are its means."""
    monkeypatch.setattr(measuring, "SAVE_EVERY", 0.02)
    data = shards_of(tmp_path / "data", 300)
    whole, often = (commands(data, tmp_path / name, model)["evaluate"] for name in ("whole", "often"))
    assert killed_often(often, random.Random(seed), seconds_of(whole)) >= 3
    rows, results = (tmp_path / "often/numbers" / name for name in ("pictures.jsonl", "results.json"))
    assert [{**row, "seconds": None} for row in map(json.loads, rows.read_text().splitlines())] == [
        {**json.loads(row), "seconds": None}
        for row in (tmp_path / "whole/numbers/pictures.jsonl").read_text().splitlines()
    ]
    assert len(rows.read_text().splitlines()) == 600
    means = [json.loads(path.read_text()) for path in (results, tmp_path / "whole/numbers/results.json")]
    assert means[0]["pictures"] == 300
    assert [arm["means"] for arm in means[0]["arms"]] == [arm["means"] for arm in means[1]["arms"]]


@pytest.mark.parametrize("seed", SEEDS)
def test_restoring_shards_killed_at_random_moments(seed, model, tmp_path, capfd):
    """Each picture is in its shard once, with the bytes of a run that was never killed."""
    data = shards_of(tmp_path / "data", 120)
    whole, often = (commands(data, tmp_path / name, model)["restore"] for name in ("whole", "often"))
    assert killed_often(often, random.Random(seed), seconds_of(whole)) >= 3
    for number in range(3):
        found, wanted = (content_of(tmp_path / name / f"restored/s-{number}.tar") for name in ("often", "whole"))
        assert found == wanted
    assert not [path for path in (tmp_path / "often/restored").iterdir() if path.name.startswith(".")]
