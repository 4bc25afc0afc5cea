"""The site builds without a warning, loads nothing, and says everything: each built-in, public name and command."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import i2sbkit
from i2sbkit.kernel import registry
from i2sbkit.kernel.plugins import PARTS

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
sys.path.insert(0, str(Path(__file__).parent.parent / "docs/extensions"))
import concept_figures
import help_text
import part_options

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BUILT_IN = sorted((part.kind, part.name) for part in registry.default().components if part.distribution == "i2sbkit")
PAGES = sorted(path for path in (DOCS / "builtins").glob("*/*.md"))
FORMULA = re.compile(r"^\$\$\n.+?\n\$\$$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder it is built into; every warning is an error."""
    out = tmp_path_factory.mktemp("site")
    command = ["sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "-d", out / "trees", DOCS, out / "html"]
    command[0] = Path(sys.executable).with_name(command[0])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / "html"


def test_the_site_loads_nothing(site):
    """No page has a script, style, font or picture from elsewhere; links are for the reader to follow."""
    pages = list(site.rglob("*.html")) + list(site.rglob("*.css"))
    assert len(pages) > len(PAGES)
    for page in pages:
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=\"(?:https?:)?//[^>]*>", text)
        assert loaded + re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//\S+", text) == [], page


def test_every_page_of_the_docs_is_in_it(site):
    """Nothing that lies in docs is left out, or out of reach of the menu (which would be a warning)."""
    written = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert written == {p.relative_to(site).with_suffix("").as_posix() for p in site.rglob("*.html")} - {
        "genindex", "py-modindex", "search",
    }  # fmt: skip


def test_markers_were_replaced(site):
    """The pages hold what the program says in their place."""
    for page in site.rglob("*.html"):
        assert not re.search(r"&lt;!-- (command line|options of|text of)", page.read_text("utf-8")), page
    dbim = (site / "builtins/sampler/dbim.html").read_text("utf-8")
    assert "share of the Markov posterior" in dbim and "<math" in dbim
    assert "ten minutes" in (site / "plugins.html").read_text("utf-8")


def test_every_built_in_has_its_page():
    """And there is no page of what is not there any more."""
    assert sorted((path.parent.name, path.stem) for path in PAGES) == BUILT_IN
    index = (DOCS / "builtins/index.md").read_text("utf-8")
    assert [f"({kind}/{name}.md)" for kind, name in BUILT_IN if f"({kind}/{name}.md)" not in index] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_of_a_built_in_says_what_it_must(path):
    """Equation, source, options and when to take it; its example is a part that can be built."""
    text, kind = path.read_text("utf-8"), path.parent.name
    assert text.startswith(f"# {path.stem}\n") and "**Source.** " in text and "\n## When to use it\n" in text
    if kind in PARTS:
        assert FORMULA.search(text) and f"<!-- options of {kind} {path.stem} -->" in text
        (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        table = tomllib.loads(example)[kind]
        assert table["name"] == path.stem
        i2sbkit.build_part(kind, table)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in BUILT_IN if kind in PARTS])
def test_every_option_is_explained(kind, name):
    """The table has a row for each option, with words of its own."""
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", part_options.options_table(kind, name), re.MULTILINE)
    assert [option for option, _ in rows] == list(registry.options(registry.default().get(kind, name)))


def test_an_option_that_nothing_explains_is_an_error(monkeypatch):
    """The build would end there."""
    monkeypatch.setattr(part_options, "meanings", lambda factory: {})
    with pytest.raises(ValueError, match=r"sampler sde: its docstring does not say what these are: nfe, spacing"):
        part_options.options_table("sampler", "sde")


def test_every_public_name_has_its_place():
    """In the reference of Python."""
    page = (DOCS / "reference/python.md").read_text("utf-8")
    shown = {name.rpartition(".")[2] for name in re.findall(r"^\.\. auto\w+:: (\S+)$", page, re.MULTILINE)}
    assert set(i2sbkit.__all__) - shown == {"__version__", "registry"}
    assert "i2sbkit.registry.build" in page, "the module is shown function by function"


def test_the_command_line_is_all_there():
    """Every command of every group, each of its options, and its examples as code."""
    text = help_text.command_line()
    for command in ("train", "restore", "plugins", "shards pack", "weights import", "doctor"):
        assert re.search(rf"^##+ i2sbkit {command}$", text, re.MULTILINE)
    assert "`--jpeg-quality N`\n: Of .jpg files." in text
    assert "```sh\ni2sbkit restore photos/ restored/ --task jpeg\n" in text
    assert "\b" not in text


@pytest.mark.parametrize(("name", "text"), list(concept_figures.figures()))
def test_figures_are_what_the_code_draws(name, text):
    """Else: python scripts/concept_figures.py."""
    drawn = (DOCS / "images" / name).read_text("utf-8")
    assert re.sub(r"[-\d.]+", "", drawn) == re.sub(r"[-\d.]+", "", text)
    numbers = zip(*(map(float, re.findall(r"-?\d+\.?\d*", each)) for each in (drawn, text)), strict=True)
    assert all(abs(a - b) <= 0.2 for a, b in numbers), "but for rounding on another machine"


@pytest.mark.browser
@pytest.mark.parametrize("page", ["index", "builtins/sampler/dbmsolver", "reference/python"])
def test_pages_fit_a_phone(page, site, browser):
    """No page is wider than a phone, and the browser has nothing to complain of."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    opened, problems = context.new_page(), []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("requestfailed", lambda request: problems.append(request.url))
    opened.goto((site / f"{page}.html").as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert problems == []
