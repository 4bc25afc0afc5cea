"""Plugins are found by their entry points and loaded alone; what is broken is listed, never fatal."""

import pytest
from fake_plugins import corruption, hook, install, load, message, only_site

from i2sbkit.kernel import interfaces, registry
from i2sbkit.kernel.registry import Registry, Source, installed_sources


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty site-packages, and nothing else installed."""
    return only_site(tmp_path, monkeypatch)


def test_plugins_are_found_by_their_entry_points(site):
    """A component knows its kind, name, plugin, distribution and version."""
    install(site, "i2sbkit-fog", "0.3", fog=corruption("haze", "fog"))
    found = load(site)
    assert [(c.kind, c.name, c.plugin, c.distribution, c.version) for c in found.components] == [
        ("corruption", "fog", "fog", "i2sbkit-fog", "0.3"),
        ("corruption", "haze", "fog", "i2sbkit-fog", "0.3"),
    ]
    assert found.failures == ()
    assert found.names("corruption") == ["fog", "haze"]
    assert found.names("sampler") == []
    part = found.build("corruption", "fog", quality=7)
    assert isinstance(part, interfaces.Corruption)
    assert part.quality == 7


def test_every_kind_has_its_hook(site):
    """The hook of a kind is its plural; all of a plugin's hooks are asked, and listed in the order of the kinds."""
    hooks = [hook(f"{kind}s", "{'a': dict, 'b': dict}").replace("dict", "Part") for kind in reversed(registry.KINDS)]
    install(site, "x", x="def Part(): return 1\n" + "\n".join(hooks))
    found = load(site)
    assert found.failures == ()
    assert [(c.kind, c.name) for c in found.components] == [(kind, name) for kind in registry.KINDS for name in "ab"]


BROKEN = {
    "import": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax": ("def", "SyntaxError"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "misspelt": (hook("corruption", "{}"), "unknown hook 'corruption'; did you mean 'corruptions'?"),
    "unknown": (hook("zzz", "{}"), "unknown hook 'zzz' (hooks: corruptions, schedules, "),
    "unmarked": ("def corruptions(): return {}", "no function in it is marked @i2sbkit.hookimpl"),
    "argument": (hook("corruptions", "{}").replace("()", "(x)"), "Argument(s) {'x'}"),
    "raises": (hook("corruptions", "1 / 0"), "ZeroDivisionError: division by zero"),
    "exits": (hook("corruptions", "exit(4)"), "SystemExit: 4"),
    "none": (hook("corruptions", "None"), "hook 'corruptions' must return a dict of names and factories, not None"),
    "list": (hook("corruptions", "['a']"), "must return a dict of names and factories, not ['a']"),
    "uncallable": (hook("corruptions", "{'a': 1}"), "the factory of 'a' cannot be called: 1"),
    "signature": (hook("corruptions", "{'a': dict}"), "no signature found"),
    "number": (hook("corruptions", "{1: print}"), "the name 1 may only hold letters, digits, - and _"),
    "colon": (hook("corruptions", "{'a:b': print}"), "the name 'a:b' may only hold"),
    "space": (hook("corruptions", "{'a b': print}"), "the name 'a b' may only hold"),
    "empty": (hook("corruptions", "{'': print}"), "the name '' may only hold"),
    "newline": (hook("corruptions", r"{'a\n': print}"), r"the name 'a\n' may only hold"),
    "half": (corruption("good") + hook("samplers", "1 / 0"), "ZeroDivisionError"),
    "later": (corruption("good", "not good"), "the name 'not good'"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_plugin_is_listed_and_contributes_nothing(site, broken):
    """Whatever is wrong with it, the reason is one line, and the plugins beside it work."""
    text, reason = BROKEN[broken]
    install(site, "a-bad", "0.2", bad=text)
    install(site, "b-good", good=corruption("blur"))
    found = load(site)
    assert [c.name for c in found.components] == ["blur"]
    (failure,) = found.failures
    assert (failure.source.plugin, failure.source.distribution, failure.source.version) == ("bad", "a-bad", "0.2")
    assert reason in failure.error
    assert "\n" not in str(failure)
    assert str(failure).startswith("a-bad 0.2 did not load: ")


def test_one_broken_entry_point_spares_the_others_of_its_distribution(site):
    """Plugins are loaded one by one, not a distribution at a time."""
    install(site, "x", bad="import no_such_module", good=corruption("blur"))
    found = load(site)
    assert found.names("corruption") == ["blur"]
    assert [failure.source.plugin for failure in found.failures] == ["bad"]


def test_an_interrupt_while_loading_is_not_swallowed():
    """Ctrl-C during an import stops the program."""

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Registry([Source("x", "x", "1", interrupted)])


def test_a_malformed_entry_point_file_harms_nobody_else(site):
    """One bad line makes the standard library's entry_points() fail for every program; here it is one failure."""
    install(site, "a-bad")
    site.joinpath("a_bad-1.0.dist-info/entry_points.txt").write_text("[console_scripts]\nno equals sign\n")
    install(site, "b-good", good=corruption("blur"))
    found = load(site)
    assert found.names("corruption") == ["blur"]
    assert [failure.source.distribution for failure in found.failures] == ["a-bad"]


def test_a_distribution_without_metadata_is_still_found(site):
    """A half-removed distribution is not fatal."""
    install(site, "x", fog=corruption("fog"))
    site.joinpath("x-1.0.dist-info/METADATA").unlink()
    assert load(site).get("corruption", "fog").distribution == "unknown"


def test_a_distribution_found_twice_counts_once(site):
    """The first on the path wins, as in `import`."""
    install(site / "first", "i2sbkit-fog", "2.0", fog=corruption("fog"))
    install(site / "second", "i2sbkit_fog", "1.0", fog=corruption("fog"), old=corruption("old"))
    sources = installed_sources([str(site / "first"), str(site / "first"), str(site / "second")])
    assert [(s.plugin, s.version) for s in sources] == [("fog", "2.0")]


def test_sources_are_sorted_whatever_the_path(site):
    """The order of installation decides nothing."""
    install(site / "1", "b", z=corruption("z"), a=corruption("a"))
    install(site / "2", "a", m=corruption("m"))
    for path in (["1", "2"], ["2", "1"]):
        sources = installed_sources([str(site / part) for part in path])
        assert [(s.distribution, s.plugin) for s in sources] == [("a", "m"), ("b", "a"), ("b", "z")]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("off", ["jpeg"]),
        ("i2sbkit-fog", ["fog", "jpeg"]),
        ("i2sbkit_fog , rain", ["fog", "jpeg", "rain"]),
        ("rain,", ["jpeg", "rain"]),
        ("i2sbkit", ["jpeg"]),
        ("", ["fog", "jpeg", "rain", "snow"]),
        (" ", ["fog", "jpeg", "rain", "snow"]),
        (None, ["fog", "jpeg", "rain", "snow"]),
    ],
)
def test_i2sbkit_plugins_chooses(site, monkeypatch, setting, expected):
    """The word off keeps ours; a list lets those distributions or plugins in besides; no stranger can pose as us."""
    install(site, "i2sbkit", jpeg=corruption("jpeg"))
    install(site, "i2sbkit-fog", fog=corruption("fog"))
    install(site, "i2sbkit-weather", rain=corruption("rain"), i2sbkit=corruption("snow"))
    if setting is not None:
        monkeypatch.setenv("I2SBKIT_PLUGINS", setting)
    assert registry.default().names("corruption") == expected


def test_what_i2sbkit_plugins_shuts_out_is_not_imported(site, monkeypatch):
    """The way round a plugin that does harm when imported: it is not even tried."""
    install(site, "i2sbkit", jpeg=corruption("jpeg"))
    install(site, "i2sbkit-bomb", bomb="import no_such_module")
    monkeypatch.setenv("I2SBKIT_PLUGINS", "off")
    assert registry.default().failures == ()


def test_i2sbkit_plugins_that_names_nothing_installed_is_an_error(site, monkeypatch):
    """A misspelt plugin would otherwise be missed in silence."""
    install(site, "i2sbkit", jpeg=corruption("jpeg"))
    install(site, "i2sbkit-fog", fog=corruption("fog"))
    monkeypatch.setenv("I2SBKIT_PLUGINS", "i2sbkit-fgo")
    expected = "I2SBKIT_PLUGINS=i2sbkit-fgo: no plugin 'i2sbkit-fgo' is installed; did you mean 'i2sbkit-fog'?"
    assert message(registry.default).startswith(expected)
