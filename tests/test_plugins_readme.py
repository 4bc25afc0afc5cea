"""plugins/README.md is true: its plugins work, its commands run, its messages and signatures are the real ones."""

import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from itertools import combinations
from pathlib import Path

import pytest
import torch
from fake_plugins import corruption, install, load, message
from PIL import Image
from tiny_weights import SMALL

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.kernel import hookspecs, registry
from i2sbkit.recipe import from_document, load_recipe
from i2sbkit.training import train

TEXT = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
SHORT = ("train.iterations=2", "train.batch=2", "data.size=16", "data.val=[]", "data.crops=1")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


PLUGINS = {re.search(r'return \{"(\w+)":', text)[1]: text for text in blocks("python")}
PYPROJECT, CORRUPTION = blocks("toml")


@pytest.fixture
def component(site, request):
    """What one of the page's plugins brings: a part, and nothing is wrong with it."""
    install(site, "i2sbkit-page", page=PLUGINS[request.param])
    assert load(site).failures == ()
    (found,) = load(site).components
    return found


def test_the_page_has_a_plugin_for_each_noun():
    """A corruption, a schedule, a sampler and a backbone."""
    assert list(PLUGINS) == ["grain", "eased", "redraw", "plain"]


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


@pytest.mark.parametrize("component", ["eased"], indirect=True)
def test_the_schedule_is_a_bridge(component):
    """From x1 to x0, and its posterior composed with its marginal is its marginal."""
    schedule = component.factory(steps=20)
    t = schedule.curves
    assert [float(curve[n]) for curve in (t.mean_x0, t.mean_x1, t.std) for n in (0, -1)] == [1, 0, 0, 1, 0, 0]
    for m, n in combinations(range(20), 2):
        step = schedule.posterior(n, m)
        assert float(step.x0 + step.xn * t.mean_x0[n]) == pytest.approx(float(t.mean_x0[m]))
        assert float(step.xn * t.mean_x1[n]) == pytest.approx(float(t.mean_x1[m]))
        assert float(step.std**2 + (step.xn * t.std[n]) ** 2) == pytest.approx(float(t.std[m] ** 2), abs=1e-12)


@pytest.mark.parametrize("component", ["redraw"], indirect=True)
def test_the_sampler_ends_where_a_perfect_denoiser_points(component):
    """With x0 known it ends there, in nfe calls."""
    x0, calls = torch.rand(2, 3, 4, 4), []
    bridge = i2sbkit.Bridge(registry.build("schedule", "brownian", std=0.5, steps=50))
    states = component.factory(nfe=7).sample(
        lambda x, n: calls.append(n) or x0, bridge, torch.ones_like(x0), i2sbkit.Rng([1, 2])
    )
    assert torch.equal(list(states)[-1].x, x0)
    assert len(calls) == 7


@pytest.mark.parametrize("component", ["plain"], indirect=True)
def test_the_backbone_sees_as_far_as_it_says(component):
    """A pixel `receptive_field` away changes the output, one further away does not."""
    backbone = component.factory(width=4)
    torch.manual_seed(0)
    net, x, t = backbone.build(3, 3), torch.zeros(1, 3, 1, 9), torch.tensor([500.0])
    near, far = x.clone(), x.clone()
    near[..., backbone.receptive_field], far[..., backbone.receptive_field + 1] = 1, 1
    assert not torch.equal(net(near, t)[..., 0], net(x, t)[..., 0])
    assert torch.equal(net(far, t)[..., 0], net(x, t)[..., 0])


def test_the_two_files_are_a_distribution(tmp_path):
    """The wheel that hatchling builds of them holds the module, and the entry point leads to it."""
    project = tmp_path / "i2sbkit-grain"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "i2sbkit_grain.py").write_text(PLUGINS["grain"])
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        files = {name: wheel.read(name).decode("utf-8") for name in wheel.namelist()}
    entries = ConfigParser()
    entries.read_string(files["i2sbkit_grain-0.1.dist-info/entry_points.txt"])
    assert dict(entries["i2sbkit"]) == tomllib.loads(PYPROJECT)["project"]["entry-points"]["i2sbkit"]
    assert entries["i2sbkit"]["grain"] + ".py" in files


def test_the_commands_run_as_they_stand(site, tmp_path, monkeypatch, capsys):
    """From `recipes copy` over the edited recipe to a restored folder; the training is cut short."""
    install(site, "i2sbkit-grain", "0.1", grain=PLUGINS["grain"])
    monkeypatch.chdir(tmp_path)
    Path("grainy").mkdir()
    Image.new("RGB", (20, 20), "teal").save("grainy/a.png")
    lines = "".join(blocks("sh")).splitlines()
    assert [line.split()[1] for line in lines] == ["install", "plugins", "recipes", "train", "restore"]
    for line in lines[1:]:
        shorter = [word for setting in SHORT for word in ("--set", setting)] if " train " in line else []
        assert execute([*line.split()[1:], *shorter]) == 0, line
        if " copy " in line:
            copied = Path("grain.toml").read_text("utf-8")
            Path("grain.toml").write_text(re.sub(r"\[corruption\]\n(\w.*\n)+", lambda _: CORRUPTION, copied))
    assert "i2sbkit-grain 0.1  std=0.2" in capsys.readouterr().out
    assert load_recipe("grain.toml").parts.corruption.std == 0.3
    assert Path("clean/a.png").is_file()


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
