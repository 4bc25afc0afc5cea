"""The paper's network at its own size on a CPU. Slow, so most runs leave it out."""

import json
import subprocess
import sys

import pytest
from tiny_training import TINY

SCRIPT = """
import json, resource, sys, time
from pathlib import Path

import torch

import i2sbkit
from i2sbkit.checkpoint import build_network, write_weights
from i2sbkit.recipe import load_recipe

torch.set_num_threads(1)
folder, seconds, began = Path(sys.argv[1]), {}, time.perf_counter()

def done(step):
    global began
    seconds[step], began = round(time.perf_counter() - began, 1), time.perf_counter()

recipe = load_recipe(folder / "adm.toml")
net = build_network(recipe)
done("build")
write_weights(folder / "adm.safetensors", net.state_dict(), recipe)
del net
done("save")
model = i2sbkit.load(folder / "adm.safetensors", "cpu")
done("load")
restored = model.restore(torch.zeros(3, 256, 256), nfe=1)
done("restore")
parameters = sum(parameter.numel() for parameter in model.net.parameters())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps({"parameters": parameters, "shape": restored.shape, "peak_gb": peak, "seconds": seconds}))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_builds_loads_and_runs_in_8_gb(tmp_path):
    """552,807,171 parameters (six channels in: 6,912 more) are built, saved, loaded and restore a 256x256 picture."""
    before, rest = TINY.split("[backbone]")
    text = before + '[backbone]\nname = "adm"\n\n[sampler]' + rest.split("[sampler]")[1]
    tmp_path.joinpath("adm.toml").write_text(text.replace("size = 16", "size = 256"), "utf-8")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["parameters"] == 552_807_171 + 256 * 3 * 3 * 3
    assert found["shape"] == [3, 256, 256]
    assert found["peak_gb"] < 8
