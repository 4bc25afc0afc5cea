"""`i2sbkit plugins` and `i2sbkit doctor`: what is installed, and what of it is broken."""

import json
import re
import sys

from fake_plugins import corruption, hook, install
from stand_in_xformers import forget, refuse, stand_in
from tiny_weights import tiny_weights

from i2sbkit import KERNEL_API, __version__, shipped
from i2sbkit.cli import execute
from i2sbkit.diagnosis import VARIABLES
from i2sbkit.kernel import registry


def report(capsys, *arguments):
    """The JSON that a command prints, and that it exits with 0."""
    assert execute([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_plugins_alone_is_plugins_list(capsys):
    """`i2sbkit plugins` lists, a line a part, with its options and where it is from."""
    assert execute(["plugins"]) == 0
    alone = capsys.readouterr().out
    assert execute(["plugins", "list"]) == 0
    assert capsys.readouterr().out == alone
    header, *lines = alone.splitlines()
    assert header.split() == ["KIND", "NAME", "FROM", "OPTIONS"]
    found = {tuple(line.split()[:2]): line for line in lines}
    jpeg = found["corruption", "jpeg"]
    assert jpeg.endswith(f"i2sbkit {__version__}  quality, subsampling=4:2:0")
    assert {("sampler", "sde"), ("logger", "tensorboard"), ("logger", "wandb")} <= found.keys()


def test_plugins_list_of_a_kind(capsys):
    """--kind keeps that kind alone; a kind that is none is a usage error."""
    assert {row["kind"] for row in report(capsys, "plugins", "list", "--kind", "sampler")["plugins"]} == {"sampler"}
    assert execute(["plugins", "list", "--kind", "samplers"]) == 2
    assert "'sampler'" in capsys.readouterr().err


def test_plugins_list_as_json(capsys, site):
    """Every part with its plugin, distribution, version, and options with defaults; tuples as lists."""
    install(site, "i2sbkit-fog", "0.3", fog=corruption("fog"))
    found = {(row["kind"], row["name"]): row for row in report(capsys, "plugins", "list")["plugins"]}
    assert found["corruption", "fog"] == {
        "kind": "corruption",
        "name": "fog",
        "plugin": "fog",
        "distribution": "i2sbkit-fog",
        "version": "0.3",
        "options": {"quality": {"required": True}, "subsampling": {"default": "4:2:0"}},
    }
    assert found["backbone", "compact"]["options"]["encoder"] == {"default": [1, 1, 2, 4]}
    assert found["logger", "wandb"]["options"] == {}  # its argument is the run folder


def test_a_default_that_is_no_json_is_spelt(capsys, site):
    """A default of any type can be listed."""
    text = "import i2sbkit\ndef Part(x=int): pass\n@i2sbkit.hookimpl\ndef samplers(): return {'odd': Part}\n"
    install(site, "i2sbkit-odd", odd=text)
    found = {row["name"]: row for row in report(capsys, "plugins", "list")["plugins"]}
    assert found["odd"]["options"] == {"x": {"default": "<class 'int'>"}}


def test_plugins_that_did_not_load_are_told_with_a_way_out(capsys, site):
    """A broken plugin: the others are listed on stdout, it is named on stderr with what to type; the code is 0."""
    install(site, "i2sbkit-bad", "2.0", bad="import no_such_module")
    assert execute(["plugins", "list"]) == 0
    out, err = capsys.readouterr()
    assert "jpeg" in out
    assert "i2sbkit-bad" not in out
    assert "i2sbkit-bad 2.0 did not load: ModuleNotFoundError: No module named 'no_such_module'" in err
    assert "pip uninstall i2sbkit-bad" in err
    assert "I2SBKIT_PLUGINS=off" in err
    (failure,) = report(capsys, "plugins", "list")["failures"]
    assert (failure["distribution"], failure["version"], failure["plugin"]) == ("i2sbkit-bad", "2.0", "bad")
    assert "pip uninstall i2sbkit-bad" in failure["way_out"]


def test_a_broken_part_of_ours_is_not_to_be_uninstalled(capsys, site):
    """Where i2sbkit itself is damaged, the way out is to install it again."""
    install(site, "i2sbkit", "9.9", bad="import no_such_module")
    (failure,) = report(capsys, "plugins", "list")["failures"]
    assert failure["way_out"].endswith("pip install --force-reinstall i2sbkit")


def test_tables_on_a_terminal_have_lines(capsys, site, monkeypatch):
    """On a terminal it is a drawn table; brackets in it are text, not markup."""
    install(site, "i2sbkit-x", x=hook("corruptions", "{'brackets': Part}") + "def Part(levels=[5, 40]): pass\n")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert execute(["plugins", "list", "--kind", "corruption"]) == 0
    out = capsys.readouterr().out
    assert "│" in out
    assert "levels=[5, 40]" in out


def test_doctor_says_what_a_bug_report_needs(capsys):
    """Versions, devices, attention, weights, plugins, recipes; as JSON and as text, exit code 0."""
    found = report(capsys, "doctor")
    assert found["versions"]["i2sbkit"] == __version__
    for package in ("python", "torch", "numpy", "pillow", "safetensors", "webdataset", "pydantic"):
        assert found["versions"][package][0].isdigit(), package
    assert "wandb" in found["versions"]  # extras are named whether they are there or not
    assert "pytest" not in found["versions"]
    assert found["devices"]["cpu"]["threads"] >= 1
    assert isinstance(found["devices"]["cuda"], list)
    assert found["attention"]["sdpa"]["usable"] is True
    assert "corruption jpeg" in found["plugins"]["installed"][f"i2sbkit {__version__}"]
    assert found["plugins"]["failures"] == []
    assert found["plugins"]["interface"] == KERNEL_API
    assert found["recipes"]["names"] == list(shipped.recipes())
    assert execute(["doctor"]) == 0
    text = capsys.readouterr().out
    assert f"  torch: {found['versions']['torch']}\n" in text
    assert "  sdpa:\n    usable: yes\n" in text


def test_doctor_tells_all_that_the_environment_says_to_us():
    """Each variable of ours that the sources name is in the report."""
    sources = [path.read_text("utf-8") for path in shipped.PACKAGE.rglob("*.py")]
    ours = {name for text in sources for name in re.findall(r"(?<!_)I2SBKIT_[A-Z_]+", text)}
    assert {"I2SBKIT_CACHE", "I2SBKIT_ALLOW_PIPE"} <= ours <= set(VARIABLES)


def test_doctor_lists_weights_even_damaged_ones(capsys, tmp_path, monkeypatch):
    """Bundled weights are listed with what they are; a damaged file is told, not fatal."""
    tiny_weights(tmp_path / "jpeg.safetensors")
    (tmp_path / "worse.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    good, bad = report(capsys, "doctor")["weights"]["files"]
    assert good["task"] == "jpeg"
    assert "worse.safetensors" in bad["file"]
    assert "not a readable safetensors" in bad["error"]
    assert execute(["doctor"]) == 0
    assert "not a readable safetensors" in capsys.readouterr().out


def test_doctor_lists_broken_plugins(capsys, site, monkeypatch):
    """Plugins that did not load are part of the report; a wrong I2SBKIT_PLUGINS is too."""
    install(site, "i2sbkit-bad", bad="1 / 0")
    (failure,) = report(capsys, "doctor")["plugins"]["failures"]
    assert failure["error"] == "ZeroDivisionError: division by zero"
    assert execute(["doctor"]) == 0
    assert "ZeroDivisionError" in capsys.readouterr().out
    monkeypatch.setenv("I2SBKIT_PLUGINS", "no-such-plugin")
    registry.default.cache_clear()
    found = report(capsys, "doctor")
    assert "no-such-plugin" in found["plugins"]["error"]
    assert found["environment"]["I2SBKIT_PLUGINS"] == "no-such-plugin"


def test_doctor_tries_xformers(capsys, monkeypatch):
    """xformers counts as usable where it computes, else the reason is told; its warnings are kept off stderr."""
    stand_in(monkeypatch, lambda q, k, v: q)
    assert execute(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)["attention"]["xformers"]
    assert (found["installed"], found["usable"]) == ("0.0.99", True)
    stand_in(monkeypatch, refuse)
    found = report(capsys, "doctor")["attention"]["xformers"]
    assert (found["installed"], found["usable"]) == ("0.0.99", False)
    assert found["reason"] == "does not run here: NotImplementedError: No operator found"
    monkeypatch.setitem(sys.modules, "xformers", None)
    forget(monkeypatch)
    found = report(capsys, "doctor")["attention"]["xformers"]
    assert found["installed"] is None
    assert 'pip install "i2sbkit[xformers]"' in found["reason"]
