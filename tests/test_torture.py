"""kill -9 at random moments of training, and within its writes: nothing is broken, nothing lost, nothing left over."""

import sys

import pytest
from killing import torture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def check(recipe, folder, kills, in_a_write=0):
    counts = torture(recipe, folder, kills)
    assert counts.wrong == {}, str(counts)
    assert counts.kills == kills
    assert counts.kills_in_a_write >= in_a_write, str(counts)
    assert counts.runs_done >= 1


def test_some_kills(tiny_recipe, tmp_path):
    """A handful; each run that ends is to the bit the one that was never stopped."""
    check(tiny_recipe, tmp_path, kills=4)  # so few may all miss the writes


@pytest.mark.slow
def test_fifty_kills(tiny_recipe, tmp_path):
    """Of which a good part left a file half-written."""
    check(tiny_recipe, tmp_path, kills=50, in_a_write=10)
