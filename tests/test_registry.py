"""The registry: parts are named, told apart and built, and every mistake says what to type instead."""

import subprocess
import sys

import pytest
from fake_plugins import corruption, hook, install, load, message, only_site

from i2sbkit.kernel import registry
from i2sbkit.kernel.plugins import did_you_mean
from i2sbkit.kernel.registry import Registry, installed_sources


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty site-packages, and nothing else installed."""
    return only_site(tmp_path, monkeypatch)


def test_a_name_from_two_distributions_is_an_error_on_use(site):
    """Nobody wins silently; the error names both and what to type; other names of both stay usable."""
    install(site, "i2sbkit", jpeg=corruption("blur", "jpeg"))
    install(site, "i2sbkit-clash", clash=corruption("blur", "fog"))
    found = load(site)
    assert found.failures == ()
    assert found.names("corruption") == ["blur", "fog", "jpeg"]
    expected = "two plugins bring corruption 'blur': say i2sbkit:blur or i2sbkit-clash:blur"
    assert message(found.get, "corruption", "blur") == expected
    assert message(found.build, "corruption", "blur", quality=1) == expected
    assert found.get("corruption", "fog").distribution == "i2sbkit-clash"


@pytest.mark.parametrize("prefix", ["i2sbkit-clash", "i2sbkit_clash", "I2SBkit.Clash", "clash"])
def test_dist_name_picks_one(site, prefix):
    """By the distribution, spelt in any way that pip takes, or by the plugin; also where there is no clash."""
    install(site, "i2sbkit", jpeg=corruption("blur"))
    install(site, "i2sbkit-clash", clash=corruption("blur", "fog"))
    found = load(site)
    assert found.get("corruption", f"{prefix}:blur").distribution == "i2sbkit-clash"
    assert found.build("corruption", f"{prefix}:fog", quality=3).quality == 3
    assert found.get("corruption", "i2sbkit:blur").distribution == "i2sbkit"


def test_a_name_twice_in_one_distribution_is_picked_by_plugin(site):
    """Where the distribution does not decide, the error says what does, and that works."""
    install(site, "x", one=corruption("blur"), two=corruption("blur"))
    install(site, "y", y=corruption("blur"))
    found = load(site)
    expected = "3 plugins bring corruption 'blur': say one:blur or two:blur or y:blur"
    assert message(found.get, "corruption", "blur") == expected
    assert message(found.get, "corruption", "x:blur").endswith("say one:blur or two:blur")
    for plugin in ("one", "two", "y"):
        assert found.get("corruption", f"{plugin}:blur").plugin == plugin


def test_a_plugin_named_like_its_distribution_can_be_picked(site):
    """Where `x` is a distribution of two plugins and also one of them, `x:blur` is the plugin's."""
    install(site, "x", x=corruption("blur"), y=corruption("blur"))
    assert load(site).get("corruption", "x:blur").plugin == "x"


def test_an_unknown_name_says_what_is_close_and_what_failed(site):
    """A misspelt name; a name nothing is like; a name from a distribution that does not bring it."""
    install(site, "i2sbkit", jpeg=corruption("blur", "jpeg"))
    install(site, "i2sbkit-typo", typo=hook("corruption", "{}"))
    found = load(site)
    failed = "\ni2sbkit-typo 1.0 did not load: unknown hook 'corruption'; did you mean 'corruptions'?"
    close, far = message(found.get, "corruption", "blurr"), message(found.get, "corruption", "xyz")
    assert close.startswith("no corruption called 'blurr'; did you mean 'blur'?" + failed)
    assert far.startswith("no corruption called 'xyz'; there are: blur, jpeg" + failed)
    elsewhere = message(found.get, "corruption", "i2sbkit-typo:blur")
    assert elsewhere.startswith("no corruption 'blur' comes from 'i2sbkit-typo': say i2sbkit:blur" + failed)
    assert message(found.get, "sampler", "sde").startswith("no sampler called 'sde'; there are: none" + failed)


def test_an_unknown_kind_is_an_error():
    """Kinds are singular; the error names them."""
    expected = "no kind 'corruptions'; did you mean 'corruption'? (kinds: corruption, schedule, "
    for call in (Registry([]).names, lambda kind: Registry([]).get(kind, "x")):
        assert message(call, "corruptions").startswith(expected)


def test_did_you_mean_is_silent_where_nothing_is_close():
    """No wild guesses."""
    assert did_you_mean("xyz", ["blur"]) == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"qualty": 10}, "no option 'qualty'; did you mean 'quality'? (options: quality, subsampling)"),
        ({"quality": 10, "zz": 1}, "no option 'zz' (options: quality, subsampling)"),
        ({}, "give a value for 'quality' (options: quality, subsampling)"),
        ({"quality": 0}, "quality must be in 1..100, got 0"),
        ({"quality": 101}, "quality must be at most 100"),
        ({"quality": 1, "subsampling": 1}, "object of type 'int' has no len()"),
    ],
)
def test_a_wrong_option_is_an_error_that_names_the_part(site, given, expected):
    """Unknown, missing, and refused by the factory."""
    install(site, "i2sbkit", jpeg=corruption("jpeg"))
    assert message(load(site).build, "corruption", "jpeg", **given) == f"corruption 'jpeg': {expected}"


def test_a_bug_in_a_factory_keeps_its_traceback(site):
    """What is no mistake of the user's is not dressed up as one."""
    install(site, "x", x=corruption("x"))
    with pytest.raises(RuntimeError, match="a bug"):
        load(site).build("corruption", "x", quality=102)


@pytest.mark.parametrize(
    ("kind", "interface"),
    [("corruption", "Corruption"), ("schedule", "BridgeSchedule"), ("backbone", "Backbone"), ("sampler", "Sampler")],
)
def test_what_is_built_must_be_of_its_kind(site, kind, interface):
    """The error names the plugin and its version."""
    install(site, "i2sbkit-odd", "0.7", odd="def odd(): return 'text'\n" + hook(f"{kind}s", "{'odd': odd}"))
    expected = f"{kind} 'odd': i2sbkit-odd 0.7 (plugin 'odd') built a str, which is no i2sbkit.{interface}"
    assert message(load(site).build, kind, "odd").startswith(expected)


def test_loggers_and_importers_may_build_anything(site):
    """Their interfaces are not the kernel's."""
    text = "def odd(): return 'text'\n" + hook("loggers", "{'a': odd}") + hook("importers", "{'b': odd}")
    install(site, "x", x=text)
    assert load(site).build("logger", "a") == "text"
    assert load(site).build("importer", "b") == "text"


def test_options_are_those_of_the_factory(site):
    """In order, with their defaults; a factory that takes everything or by position offers nothing there."""
    install(site, "x", x=corruption("jpeg") + hook("samplers", "{'s': lambda a, /, *b, c=1, **d: None}"))
    jpeg, sampler = load(site).components
    options = registry.options(jpeg)
    assert list(options) == ["quality", "subsampling"]
    assert options["quality"].default is options["quality"].empty
    assert options["subsampling"].default == "4:2:0"
    assert list(registry.options(sampler)) == ["c"]


def test_registries_are_independent(site):
    """Two values made of different sources know nothing of each other."""
    install(site, "a", a=corruption("blur"))
    install(site, "b", b=corruption("blur", "fog"))
    one, two = installed_sources([str(site)])
    first, second, both = Registry([one]), Registry([two]), Registry([two, one])
    assert first.get("corruption", "blur").distribution == "a"
    assert second.get("corruption", "blur").distribution == "b"
    assert first.names("corruption") == ["blur"]
    assert both.names("corruption") == ["blur", "fog"]
    assert Registry([]).components == ()


def test_the_default_registry_is_made_once_on_use(site):
    """Built from what is installed; `registry.build` asks it."""
    install(site, "i2sbkit", jpeg=corruption("jpeg"))
    assert registry.default() is registry.default()
    assert registry.build("corruption", "jpeg", quality=4).quality == 4


def test_a_checkout_that_is_not_installed_says_so(site):
    """Its built-ins are entry points like any other: without metadata there are none."""
    install(site, "i2sbkit-fog", fog=corruption("fog"))
    assert "pip install -e ." in message(registry.default)


def test_importing_the_registry_does_not_import_torch():
    """Plugins can be named, and the command line helped, where torch is broken or slow to load."""
    program = "import sys, i2sbkit.kernel.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
