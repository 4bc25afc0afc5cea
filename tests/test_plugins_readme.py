"""plugins/README.md is true: its plugins work, its commands run, its messages and signatures are the real ones."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from fake_plugins import corruption, install, load, message
from PIL import Image
from plugin_projects import put_on
from tiny_weights import SMALL

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.kernel import hookspecs, registry
from i2sbkit.recipe import from_document, load_recipe
from i2sbkit.testing import check_backbone, check_corruption, check_sampler, check_schedule
from i2sbkit.training import train

PAGE = Path(__file__).parent.parent / "plugins" / "README.md"
TEXT = PAGE.read_text("utf-8")
SHORT = ("train.iterations=2", "train.batch=2", "data.size=16", "data.val=[]", "data.crops=1")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


PLUGINS = {found[1]: text for text in blocks("python") if (found := re.search(r'return \{"(\w+)":', text))}
(TEST,) = (text for text in blocks("python") if "def test_" in text)
(CORRUPTION,) = blocks("toml")
CHECKS = {
    "corruption": check_corruption,
    "schedule": check_schedule,
    "backbone": check_backbone,
    "sampler": check_sampler,
}


@pytest.fixture
def component(site, request):
    """What one of the page's plugins brings: a part, and nothing is wrong with it."""
    install(site, "i2sbkit-page", page=PLUGINS[request.param])
    assert load(site).failures == ()
    (found,) = load(site).components
    return found


def test_the_page_has_a_plugin_for_each_noun():
    """A corruption, a schedule, a sampler and a backbone."""
    assert list(PLUGINS) == ["grain", "eased", "settle", "plain"]


@pytest.mark.parametrize("component", PLUGINS, indirect=True)
def test_each_plugin_trains_and_restores(component, tmp_path):
    """In a recipe whose other parts are built in, on real photographs: two steps, then a picture."""
    toy = load_recipe("tiny", [*SMALL, *SHORT])
    document = {**toy.document, component.kind: {"name": component.name}}
    if component.kind == "sampler":
        document["sampler"]["nfe"] = 3
    recipe = from_document(document, lambda keys: "the page", base=toy.base, name="page")
    result = train(recipe, tmp_path / "run", torch.device("cpu"))
    x = torch.linspace(-1, 1, 3 * 24 * 40).reshape(3, 24, 40)
    restored = i2sbkit.load(result["weights"], "cpu").restore(x)
    assert restored.shape == x.shape
    assert restored.isfinite().all()


@pytest.mark.parametrize("component", PLUGINS, indirect=True)
def test_each_plugin_keeps_what_it_promises(component):
    """As `i2sbkit plugins check` sees it."""
    CHECKS[component.kind](component.factory(**({"nfe": 5} if component.kind == "sampler" else {})))


@pytest.mark.parametrize("name", ["eased", "settle", "plain"])
def test_the_other_nouns_are_real_distributions(name):
    """What the page shows of them is their module, word for word."""
    assert PLUGINS[name] == (PAGE.parent / f"i2sbkit-{name}" / f"i2sbkit_{name}.py").read_text("utf-8")


def test_the_commands_run_as_they_stand(tmp_path, monkeypatch, capsys, site):
    """From `plugins new` over the edited module and recipe to `plugins check`; the training is cut short."""
    monkeypatch.chdir(tmp_path)
    Path("grainy").mkdir()
    Image.new("RGB", (20, 20), "teal").save("grainy/a.png")
    lines = "".join(blocks("sh")).splitlines()
    told = [line.removeprefix("i2sbkit ").split()[0] for line in lines]
    assert told == ["plugins", "pip", "pytest", "plugins", "recipes", "train", "restore", "plugins"]
    for line, first in zip(lines, told, strict=True):
        if first == "pip":  # the module is made what the page makes of it, and so is its test
            Path("i2sbkit-grain/i2sbkit_grain.py").write_text(PLUGINS["grain"])
            put_on(site, Path("i2sbkit-grain"))
            registry.default.cache_clear()
        elif first == "pytest":
            names = {}
            exec(TEST, names)
            names["test_it_keeps_what_a_corruption_promises"]()
        else:
            shorter = [word for setting in SHORT for word in ("--set", setting)] if first == "train" else []
            assert execute([*line.split()[1:], *shorter]) == 0, line
        if first == "recipes":
            copied = Path("grain.toml").read_text("utf-8")
            Path("grain.toml").write_text(re.sub(r"\[corruption\]\n(\w.*\n)+", lambda _: CORRUPTION, copied))
    shown = capsys.readouterr().out
    assert "i2sbkit-grain 0.1  std=0.2" in shown
    assert "corruption i2sbkit-grain:grain (i2sbkit-grain 0.1): keeps what it promises" in shown
    assert load_recipe("grain.toml").parts.corruption.std == 0.3
    assert Path("clean/a.png").is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^):]+)\)", TEXT))))
def test_its_links_lead_somewhere(target):
    """What it links to in the repository is there."""
    assert (PAGE.parent / target).exists()


def test_the_page_names_every_hook_and_signature():
    """All hooks, and all that the four nouns have, with the names of their arguments."""
    for kind in registry.KINDS:
        assert inspect.isfunction(getattr(hookspecs, f"{kind}s"))
        assert f"`{kind}s()`" in TEXT
    for noun in (i2sbkit.Corruption, i2sbkit.BridgeSchedule, i2sbkit.Backbone, i2sbkit.Sampler):
        names = {name for name in {*vars(noun), *noun.__annotations__} if not name.startswith("_")}
        for name in names - {"curves"}:  # what the kernel reads tables() by
            member = vars(noun).get(name)
            arguments = list(inspect.signature(member).parameters)[1:] if inspect.isfunction(member) else None
            spelled = name if arguments is None else f"{name}({', '.join(arguments)})"
            assert f"`{spelled}`" in TEXT


def test_the_messages_are_the_real_ones(site):
    """A broken plugin, two of a name, a misspelt name: as the page shows them."""
    install(site, "i2sbkit-fog", fog=corruption("fog"))
    install(site, "i2sbkit-rain", "0.2", rain="raise ModuleNotFoundError(\"No module named 'scipy'\")")
    misspelt = message(load(site).get, "corruption", "fogg").splitlines()[0]
    install(site, "i2sbkit-haze", haze=corruption("fog"))
    found = load(site)
    (broken,) = found.failures
    (shown,) = blocks("text")
    assert shown.splitlines() == [str(broken), message(found.get, "corruption", "fog"), misspelt]
    assert found.get("corruption", "i2sbkit-fog:fog").distribution == "i2sbkit-fog"
