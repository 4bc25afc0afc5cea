"""What others build on does not change unnoticed: signatures, options, words are the last release's, or told."""

import sys
from pathlib import Path

import pytest

import i2sbkit
from i2sbkit.kernel import hookspecs, interfaces

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import public_api

ROOT = Path(__file__).parent.parent

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
SNAPSHOT = public_api.read((ROOT / "tests/golden/api.txt").read_text("utf-8"))
NOUNS = [name for name, value in vars(interfaces).items() if getattr(value, "__module__", "") == interfaces.__name__]
IMPLEMENTED = (*(f"i2sbkit.{name}" for name in NOUNS), *(f"hook {name}" for name in vars(hookspecs)))
"""By plugins, or made and read by them: no signature may change."""
CALLED = ("i2sbkit.Bridge", "i2sbkit.Rng")
"""By plugins: arguments with a default may be added at the end."""
TOLD = (
    "# Changelog\n\n## [Unreleased]\n\n### Interfaces\n\n- `i2sbkit.load` takes a folder too.\n\n### Fixed\n\n- `f`.\n"
)


@pytest.fixture(scope="module")
def api():
    return public_api.public_api()


def test_what_changed_is_in_the_changelog(api):
    """Each signature that is not the last release's is named there; see CONTRIBUTING.md, "What others build on"."""
    missing = public_api.unnamed(SNAPSHOT, api, CHANGELOG)
    assert missing == [], "below ### Interfaces in CHANGELOG.md, in backticks:\n" + "\n".join(missing)


def test_the_snapshot_is_of_the_last_release():
    """Whoever names a new version in the changelog renews it: python scripts/public_api.py --write."""
    first = (ROOT / "tests/golden/api.txt").read_text("utf-8").splitlines()[0]
    assert f", {public_api.released(CHANGELOG)}. " in first


def kernel_api_must_rise(old, new):
    """Whether something that plugins implement, exchange or call is gone or no longer takes what it took."""
    changed = {name for name in old if old[name] != new.get(name)}
    extended = {name for name in changed if new.get(name, "").startswith(old[name].rpartition(")")[0] + ",")}
    return any(within(name, IMPLEMENTED) or (within(name, CALLED) and name not in extended) for name in changed)


def within(name, owners):
    return any(name == each or name.startswith(f"{each}.") for each in owners)


def test_the_kernels_version_rises_with_the_nouns(api):
    """A plugin can tell by `KERNEL_API` whether it would still work."""
    if kernel_api_must_rise(SNAPSHOT, api):
        assert int(SNAPSHOT["i2sbkit.KERNEL_API"]) < i2sbkit.KERNEL_API


@pytest.mark.parametrize(
    ("name", "now", "must_rise"),
    [
        ("i2sbkit.Corruption.lift", "(self, y: Observation) -> Tensor", True),
        ("i2sbkit.Observation.mask", None, True),
        ("hook samplers", None, True),
        ("i2sbkit.Sampler.name", "str", False),
        ("i2sbkit.Rng.integers", None, True),
        ("i2sbkit.Rng.integers", "(self, high: int, low: int=0) -> Tensor", False),
        ("i2sbkit.Rng.integers", "(self, low: int, high: int) -> Tensor", True),
        ("i2sbkit.load", "(weights: str) -> Model", False),
    ],
)
def test_which_changes_break_plugins(name, now, must_rise, api):
    """Those of nouns, their values and hooks, but for additions."""
    changed = {key: value for key, value in {**api, name: now}.items() if value is not None}
    assert kernel_api_must_rise(api, changed) == must_rise


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"i2sbkit.f": "(a)"}, {"i2sbkit.f": "(a, b)"}, ["i2sbkit.f"]),
        ({"i2sbkit.f": "(a)"}, {}, ["i2sbkit.f"]),
        ({}, {"restore --new": "flag"}, ["restore --new"]),
        ({"f": "(a)"}, {"f": "()"}, ["f"]),  # named, but below another heading
        ({"i2sbkit.load": "(a)"}, {"i2sbkit.load": "(a, b)"}, []),
        ({"i2sbkit.f": "(a)"}, {"i2sbkit.f": "(a)"}, []),
    ],
)
def test_a_change_that_nothing_names_is_found(old, new, found):
    """Changed, gone or new."""
    assert [line.splitlines()[0] for line in public_api.unnamed(old, new, TOLD)] == found


def test_lines_of_earlier_releases_name_nothing():
    """What was told of the last release does not tell of this one."""
    earlier = TOLD.replace("## [Unreleased]", "## [Unreleased]\n\n## [0.1.0] - 2026-12-01")
    assert public_api.unnamed({"i2sbkit.load": "(a)"}, {}, earlier) != []
    assert public_api.released(earlier) == "0.1.0"


def test_the_snapshot_is_not_renewed_unless_changes_are_named(tmp_path, monkeypatch):
    """`--write` says what is missing and leaves the file as it was; once it is named, the file is what there is."""
    snapshot, changelog, said = tmp_path / "api.txt", tmp_path / "CHANGELOG.md", []
    monkeypatch.setattr(public_api, "SNAPSHOT", snapshot)
    monkeypatch.setattr(public_api, "CHANGELOG", changelog)
    monkeypatch.setattr(public_api, "public_api", lambda: {"i2sbkit.load": "(a, b)", "i2sbkit.f": "()"})
    changelog.write_text(TOLD)
    snapshot.write_text("# of the last release\ni2sbkit.load: (a)\n")
    assert public_api.main(True, said.append) == 1
    assert "i2sbkit.f\n    was not there" in said[0]
    assert public_api.read(snapshot.read_text()) == {"i2sbkit.load": "(a)"}
    changelog.write_text(TOLD.replace("too.", "too, and `i2sbkit.f` is new."))
    assert public_api.main(True, said.append) == 0
    assert public_api.read(snapshot.read_text()) == public_api.public_api()


def test_it_holds_all_that_is_public(api):
    """Each public name, part of ours, hook and command; so none can change unseen."""
    names = {f"i2sbkit.{name}" for name in set(i2sbkit.__all__) - {"__version__"}}
    parts = {
        f"{part.kind} {part.name}" for part in i2sbkit.registry.default().components if part.distribution == "i2sbkit"
    }
    assert api.keys() >= names | parts
    assert {
        "i2sbkit.Model.restore",
        "i2sbkit.testing.check_corruption",
        "hook corruptions",
        "restore --task",
    } <= api.keys()
    assert "consistency: str | None" in api["i2sbkit.Model.restore"]
    assert api["schedule vp"].startswith("(std: float = 0.5, correlation: float = 0.5, steps: int = 1000, beta_min:")


def test_the_page_says_what_is_held():
    """docs/stability.md names the modules that the snapshot has, and the version of the kernel's interface."""
    page = (ROOT / "docs/stability.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in ("i2sbkit", *public_api.MODULES))
    assert f"`i2sbkit.KERNEL_API`, now {i2sbkit.KERNEL_API}, is" in page
