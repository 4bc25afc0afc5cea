"""`i2sbkit plugins check`: what is installed keeps what it promises, or is told which promise it breaks."""

import json
from pathlib import Path

import pytest
from fake_plugins import hook, install

from i2sbkit import __version__
from i2sbkit.cli import execute
from i2sbkit.testing import promises

FOG = (Path(__file__).parent.parent / "plugins/i2sbkit-fog/i2sbkit_fog.py").read_text("utf-8")
BROKEN = FOG.replace("x0 + (1 - self._clear)", "x0 + 300 * (1 - self._clear)")
TWO = hook("samplers", "{'fog': Part, 'sde2': Part}") + "def Part(nfe=1): pass\n"


def run(capsys, *names):
    """Exit code, stdout and stderr."""
    code = execute(["plugins", "check", *names])
    return (code, *capsys.readouterr())


def test_a_sound_plugin_passes(capsys, site):
    """By its distribution, its plugin or the name of its part: exit code 0, a line on stdout, nothing on stderr."""
    install(site, "i2sbkit-fog", "0.1", fog=FOG)
    line = "corruption i2sbkit-fog:fog (i2sbkit-fog 0.1): keeps what it promises\n"
    for name in ("i2sbkit-fog", "I2SBKIT_Fog", "fog"):
        assert run(capsys, name) == (0, line, "")
    assert run(capsys, "i2sbkit-fog:fog") == (0, line, "")
    assert run(capsys, "fog:density=2.5")[1] == line.replace("i2sbkit-fog:fog", "fog:density=2.5")


def test_a_broken_promise_is_told(capsys, site):
    """What is promised, what came back, and the page: exit code 1."""
    install(site, "i2sbkit-fog", "0.1", fog=BROKEN)
    code, out, err = run(capsys, "i2sbkit-fog")
    assert code == 1
    first, promise, found, page = out.splitlines()
    assert first == "corruption i2sbkit-fog:fog (i2sbkit-fog 0.1): breaks a promise"
    assert promise.startswith("  An observation's numbers are those of a picture in [-1, 1]")
    assert found.startswith("  found: up to 1")
    assert page == f"  see: {promises.PAGE}, Corruptions"
    assert err == "1 of 1 parts failed\n"


def test_as_json(capsys, site):
    """One record a part, each part once."""
    install(site, "i2sbkit-fog", "0.1", fog=BROKEN)
    code, out, _ = run(capsys, "jpeg:quality=10", "fog", "i2sbkit-fog", "--json")
    good, bad = json.loads(out)
    assert code == 1
    assert good == {
        "kind": "corruption",
        "part": "jpeg:quality=10",
        "origin": f"i2sbkit {__version__}",
        "problem": None,
        "promise": None,
        "page": None,
    }
    assert bad["problem"].startswith("up to 1")
    assert bad["page"] == f"{promises.PAGE}, Corruptions"


def test_a_built_in_takes_the_options_of_a_recipe(capsys):
    """Those that it needs, of a recipe that comes with i2sbkit, which is named; pairs need nothing."""
    code, out, _ = run(capsys, "i2sb", "blur", "paired")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith(f"schedule i2sbkit:i2sb as in recipe blur (i2sbkit {__version__}): keeps")
    assert lines[1].startswith("corruption i2sbkit:blur as in recipe ")
    assert lines[2] == f"corruption i2sbkit:paired (i2sbkit {__version__}): keeps what it promises"


def test_options_that_are_needed_are_asked_for(capsys, site):
    """A part without them is not checked, which is no success; what to type is said. A sampler is given its nfe."""
    install(site, "i2sbkit-fog", "0.1", fog=FOG.replace("density: float = 0.7", "density: float"))
    code, out, _ = run(capsys, "fog")
    assert code == 1
    assert out.startswith("corruption i2sbkit-fog:fog (i2sbkit-fog 0.1): not checked: it needs density; say ")
    assert out.endswith("i2sbkit plugins check fog:density=VALUE\n")
    assert run(capsys, "fog:density=1.0", "i2sb:beta_max=0.3", "ode")[0] == 0
    assert run(capsys, "sde:spacing=karras", "--kind", "sampler")[0] == 0


def test_wrong_options_are_told(capsys):
    """As a recipe would."""
    code, out, _ = run(capsys, "jpeg:quality=101")
    assert code == 1
    assert "not checked" in out
    assert "quality must be in 1..100" in out


def test_a_recipe_brings_the_options(capsys):
    """The parts that it composes are checked as it has them; --kind leaves out the others."""
    path = str(Path(__file__).parent.parent / "recipes" / "jpeg10.toml")
    code, out, _ = run(capsys, path, "--kind", "corruption")
    assert code == 0
    assert run(capsys, "no-such.toml")[0] == 2
    assert out == f"corruption jpeg in {path} (i2sbkit {__version__}): keeps what it promises\n"


def test_what_did_not_load_is_a_failure(capsys, site):
    """Beside the parts of the same distribution, which are checked."""
    install(site, "i2sbkit-weather", "0.2", fog=FOG, rain="1 / 0")
    code, out, _ = run(capsys, "i2sbkit-weather")
    assert code == 1
    assert out.splitlines() == [
        "plugin rain (i2sbkit-weather 0.2): did not load: ZeroDivisionError: division by zero",
        "corruption i2sbkit-weather:fog (i2sbkit-weather 0.2): keeps what it promises",
    ]
    assert run(capsys, "rain")[0] == 1


def test_names_that_mean_nothing_are_told(capsys, site):
    """With what is close, or what there is in place of parts; exit code 2."""
    install(site, "i2sbkit-fog", fog=FOG)
    code, _, err = run(capsys, "fogg")
    assert code == 2
    assert "no plugin or part called 'fogg'; did you mean 'fog'?" in err
    assert "called 'jpeg10'; did you mean 'jpeg'? (of a recipe give the .toml file)" in run(capsys, "jpeg10")[2]
    assert "tensorboard brings loggers: nothing to check here" in run(capsys, "tensorboard")[2]


def test_a_name_of_two_kinds_asks_for_the_kind(capsys, site):
    """A corruption and a sampler of one name."""
    install(site, "i2sbkit-fog", a=FOG, b=TWO)
    code, _, err = run(capsys, "fog:density=1.0")
    assert code == 2
    assert "'fog' is a corruption and a sampler: say --kind corruption or another" in err
    assert run(capsys, "fog:density=1.0", "--kind", "corruption")[0] == 0


@pytest.mark.parametrize("names", [[], ["--kind", "samplers", "sde"]])
def test_it_needs_a_name(capsys, names):
    """Without one, or with no such kind, it is a usage error."""
    code, out, err = run(capsys, *names)
    assert (code, out) == (2, "")
    assert "Usage: i2sbkit plugins check" in err
