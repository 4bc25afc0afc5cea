"""Checks for plugin authors: does a part keep what its interface promises?

    from i2sbkit.testing import check_corruption

    def test_it_keeps_what_a_corruption_promises():
        check_corruption(Fog(density=1.5))

`i2sbkit plugins check NAME` runs the same on what is installed; promises.md, beside this file, lists what is asked.
"""

from .backbone import check_backbone
from .corruption import check_corruption
from .promises import BrokenPromise
from .sampler import check_sampler
from .schedule import check_schedule

__all__ = ["BrokenPromise", "check_backbone", "check_corruption", "check_sampler", "check_schedule"]
