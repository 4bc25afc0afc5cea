"""Weights remember which distribution brought each of their parts, and say so where one is missing."""

import pytest
from fake_plugins import corruption, install, message
from tiny_weights import tiny_weights

import i2sbkit
from i2sbkit import __version__
from i2sbkit.checkpoint import read_header, read_tensors, read_weights, save, write_weights
from i2sbkit.kernel import registry
from i2sbkit.publishing import export
from i2sbkit.recipe import from_document


@pytest.fixture
def foggy(site, tmp_path):
    """Weights whose corruption came from i2sbkit-fog 0.3."""
    install(site, "i2sbkit-fog", "0.3", fog=corruption("fog"))
    plain = read_weights(tiny_weights(tmp_path / "plain.safetensors"))
    document = {**plain.recipe.document, "corruption": {"name": "fog", "quality": 1}}
    recipe = from_document(document, lambda keys: "here", base=tmp_path, name="foggy")
    write_weights(tmp_path / "foggy.safetensors", plain.tensors, recipe, step=1)
    return tmp_path / "foggy.safetensors"


def uninstall(site):
    """Take i2sbkit-fog away again."""
    for path in site.glob("i2sbkit_fog-*/*"):
        path.unlink()
    registry.default.cache_clear()


def test_weights_record_where_their_parts_came_from(foggy):
    """A distribution and version for each of the four nouns; it comes along when they are exported."""
    ours = f"i2sbkit {__version__}"
    expected = {"corruption": "i2sbkit-fog 0.3", "schedule": ours, "backbone": ours, "sampler": ours}
    assert read_header(foggy)["plugins"] == expected
    out = foggy.with_name("out.safetensors")
    export(foggy, out)
    assert read_header(out)["plugins"] == expected


@pytest.mark.parametrize("use", [i2sbkit.load, lambda path: export(path, path.with_name("out.safetensors"))])
def test_a_missing_plugin_is_named_with_what_to_type(foggy, site, use):
    """One line: the file, the distribution and version, how to install it, and what is missing."""
    uninstall(site)
    told = message(use, foggy)
    assert told.startswith(f"{foggy}: needs i2sbkit-fog 0.3 (pip install i2sbkit-fog==0.3; ")
    assert "no corruption called 'fog'; there are: " in told
    assert "\n" not in told


def test_a_plugin_that_is_shut_out_or_in_another_s_way_can_be_chosen(foggy, site, monkeypatch):
    """Where it is installed, the message says what lets it in alone; and that works."""
    install(site, "i2sbkit-haze", haze=corruption("fog"))
    for setting in ("off", ""):
        monkeypatch.setenv("I2SBKIT_PLUGINS", setting)
        registry.default.cache_clear()
        assert "where that is done, I2SBKIT_PLUGINS=i2sbkit-fog)" in message(read_weights, foggy)
    monkeypatch.setenv("I2SBKIT_PLUGINS", "i2sbkit-fog")
    registry.default.cache_clear()
    assert read_weights(foggy).recipe.origins["corruption"] == "i2sbkit-fog 0.3"


def test_weights_that_do_not_record_it_are_read(foggy, site):
    """Files from before: they load, and a missing part is told all the same."""
    header = {key: value for key, value in read_header(foggy).items() if key != "plugins"}
    save(foggy, read_tensors(foggy), header)
    read_weights(foggy).build()
    uninstall(site)
    assert "no corruption called 'fog'" in message(read_weights, foggy)


@pytest.mark.parametrize("plugins", [3, ["x"], {"corruption": 1}, {"bridge": "x 1"}, {"corruptions": "x 1"}])
def test_a_damaged_record_is_told(foggy, plugins):
    """No traceback, whatever stands there."""
    save(foggy, read_tensors(foggy), {**read_header(foggy), "plugins": plugins})
    assert "its i2sbkit header is damaged" in message(read_weights, foggy)
