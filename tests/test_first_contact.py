"""What a user meets first: the wheel, offline, on photographs that the weights never saw."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise OSError("no network in this test")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The built wheel, installed by itself into a folder that no checkout is near."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip, *build], check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("i2sbkit-*.whl")
    site = folder / "site"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([*pip, *install], check=True, capture_output=True, text=True)
    (site / "sitecustomize.py").write_text(NO_NETWORK)
    return site


def i2sbkit(site, folder, *arguments):
    """Run the installed command line and give what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "i2sbkit", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_restores_photographs_offline(installed, tmp_path):
    """degrade, restore and compare from the wheel alone give a PSNR above the degraded files', on each photograph."""
    clean = ROOT / "examples" / "clean"
    i2sbkit(installed, tmp_path, "degrade", clean, "in", "--task", "jpeg")
    i2sbkit(installed, tmp_path, "restore", "in", "out", "--task", "jpeg")
    degraded = json.loads(i2sbkit(installed, tmp_path, "compare", "in", clean, "--json"))
    restored = json.loads(i2sbkit(installed, tmp_path, "compare", "out", clean, "--json"))
    for before, after in zip(degraded["pictures"], restored["pictures"], strict=True):
        assert after["name"] == before["name"]
        assert after["psnr_rgb"] > before["psnr_rgb"] + 0.2
        assert after["ssim_rgb"] > before["ssim_rgb"]
    assert restored["mean"]["psnr_rgb"] > degraded["mean"]["psnr_rgb"] + 0.5


def test_the_wheel_trains_a_shipped_recipe_by_name(installed, tmp_path):
    """`i2sbkit train tiny` works from the wheel: its recipe and its photographs are in it."""
    small = ["--set", "train.iterations=2", "--set", "train.val_images=1"]
    i2sbkit(installed, tmp_path, "train", "tiny", *small)
    assert (tmp_path / "runs" / "tiny" / "weights.safetensors").is_file()
