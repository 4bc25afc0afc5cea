"""What the tests of `i2sbkit evaluate` share: small data, weights of each kind, and running the command."""

import json

from photographs import make_shards
from working_weights import OT_ODE, SDE, working_weights

from i2sbkit.cli import execute

SMALL = ("--size", "24", "--metrics", "psnr_rgb,ssim_rgb")


def make_place(folder):
    """Shards of twelve small pictures, and weights: sees x1, plain SDE, OT-ODE."""
    make_shards(folder / "data")
    for name, kind in (("x1", ()), ("plain", SDE), ("otode", OT_ODE)):
        working_weights(folder / f"{name}.safetensors", "corruption.quality=20", *kind)
    return folder


def run_evaluate(place, capsys, *line, kind="x1", data="data"):
    """Exit code, stdout and stderr of the command."""
    weights, device = ["--weights", str(place / f"{kind}.safetensors")], ["--device", "cpu"]
    code = execute(["evaluate", *weights, "--data", str(place / data), *device, *SMALL, *map(str, line)])
    out, err = capsys.readouterr()
    return code, out, err


def table(place, capsys, *line, **how):
    """The JSON document, and its arms by label."""
    code, out, err = run_evaluate(place, capsys, *line, "--json", **how)
    assert code == 0, err
    document = json.loads(out)
    return document, {arm["label"]: arm for arm in document["arms"]}
