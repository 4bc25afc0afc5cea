"""Parts in one word, as the command line takes them."""

import pytest
from tiny_training import TINY, with_plugin

from i2sbkit import Error
from i2sbkit.kernel import registry
from i2sbkit.part_text import part_of
from i2sbkit.recipe import load_recipe


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("jpeg:quality=10", {"name": "jpeg", "quality": 10}),
        ("blur:kernel=uniform,size=9", {"name": "blur", "kernel": "uniform", "size": 9}),
        ("jpeg:quality=[5, 40],subsampling=4:4:4", {"name": "jpeg", "quality": [5, 40], "subsampling": "4:4:4"}),
        ('jpeg:quality=10,subsampling="4:2:0"', {"name": "jpeg", "quality": 10, "subsampling": "4:2:0"}),
        ("i2sbkit:jpeg:quality=10", {"name": "i2sbkit:jpeg", "quality": 10}),
        ("inpaint:shape=center", {"name": "inpaint", "shape": "center"}),
        (
            'mixture:of=[{name="jpeg",quality=10},{name="jpeg",quality=20}]',
            {"name": "mixture", "of": [{"name": "jpeg", "quality": 10}, {"name": "jpeg", "quality": 20}]},
        ),
    ],
)
def test_a_part_is_written_as_its_name_and_options(text, table):
    part, found = part_of("corruption", text)
    assert found == table
    assert type(part).__module__.startswith("i2sbkit_plugins")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jpg:quality=10", "jpeg"),
        ("jpeg:quality", "write it as|no corruption"),
        ("jpeg:quality=10,", "write it as"),
        ("jpeg:quality=ten", "quality"),
        ("jpeg:quality=10,sharpness=1", "sharpness"),
        ("", "corruption"),
        ("=1", "write it as|corruption"),
    ],
)
def test_what_is_no_part_is_told_in_a_line(text, says):
    with pytest.raises(Error, match=says) as caught:
        part_of("corruption", text)
    assert repr(text) in str(caught.value)


STRANGER = """
import i2sbkit, torch
from collections.abc import Callable
class Dirt(i2sbkit.Corruption):
    def __init__(self, amount: int, noise: Callable = torch.randn_like):
        self.amount, self.noise = amount, noise
    def corrupt(self, x0, rng):
        return i2sbkit.Observation(x0)
@i2sbkit.hookimpl
def corruptions():
    return {"dirt": Dirt}
"""


def test_an_option_that_cannot_be_written_down_keeps_its_default(tmp_path, monkeypatch):
    """A stranger's part with a function among its options can be had; a recipe, which is kept, cannot name it."""
    found = with_plugin(STRANGER)
    monkeypatch.setattr(registry, "default", lambda: found)
    part, _ = part_of("corruption", "dirt:amount=3")
    assert part.amount == 3 and callable(part.noise)
    (tmp_path / "a.toml").write_text(TINY.replace('name = "jpeg"\nquality = 10', 'name = "dirt"\namount = 3'))
    with pytest.raises(Error, match="corruption: has an option that no recipe can hold"):
        load_recipe(tmp_path / "a.toml")
