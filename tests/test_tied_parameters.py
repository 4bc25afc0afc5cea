"""A network that has a parameter under two names, which its average and its file would have once."""

import torch
from fake_plugins import message
from test_trainer import STRANGER
from tiny_training import SHORT, TINY, go, with_plugin

from i2sbkit.ema import tied
from i2sbkit.kernel import registry

TIED = STRANGER.replace("        self.table", "        self.ending = self.mix\n        self.table")


def test_it_is_refused_before_anything_is_trained(tiny_recipe, tmp_path, monkeypatch):
    """By its name; else it would fail at the first save, or store averages beside what was not averaged."""
    found = with_plugin(TIED)
    monkeypatch.setattr(registry, "default", lambda: found)
    start, _, rest = TINY.partition("[backbone]")
    tiny_recipe.write_text(f'{start}[backbone]\nname = "frozen"\n\n{rest[rest.index("[sampler]") :]}')
    told = message(go, tiny_recipe, tmp_path / "run", SHORT)
    assert told.startswith("backbone 'frozen': ending.weight is another parameter too; ")
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_which_they_are():
    """A whole module under two names, or one tensor; not two that are equal."""
    net = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    net["c"] = net["a"]
    net["b"].load_state_dict(net["a"].state_dict())
    assert tied(net) == ["c.weight", "c.bias"]
    net["b"].weight = net["a"].weight
    assert tied(net) == ["b.weight", "c.weight", "c.bias"]
