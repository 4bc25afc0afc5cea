"""The order of the training samples: every crop once an epoch, mixed, and shared by ranks without a gap."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2sbkit import Error
from i2sbkit.sources.order import BLOCK, WINDOW, CounterSampler, epoch_order
from i2sbkit.sources.shards import Index, Sample


def made_up(counts):
    """An index of shards of so many samples, without files."""
    return Index(tuple(Sample(f"{s}-{i}", s, {}) for s, n in enumerate(counts) for i in range(n)), len(counts))


shard_counts = st.lists(st.integers(0, 20), min_size=1, max_size=12).filter(any)


@given(shard_counts, st.integers(1, 4), st.integers(0, 2**40), st.integers(0, 100))
def test_an_epoch_visits_each_crop_of_each_photograph_once(counts, crops, seed, epoch):
    """Every sample comes exactly `crops` times, whatever the shards."""
    order = epoch_order(made_up(counts), seed, epoch, crops)
    assert sorted(order) == sorted(list(range(sum(counts))) * crops)


@given(shard_counts, st.integers(1, 4), st.integers(0, 2**40))
def test_an_epoch_holds_few_photographs_at_a_time(counts, crops, seed):
    """All crops of a photograph lie in one run of WINDOW photographs: each is decoded once."""
    order = epoch_order(made_up(counts), seed, 0, crops)
    runs = [set(order[start : start + WINDOW * crops]) for start in range(0, len(order), WINDOW * crops)]
    assert sum(map(len, runs)) == sum(counts)


def test_shards_are_read_in_turn():
    """Photographs of BLOCK shards are mixed, those of others come before or after."""
    each = WINDOW // 2  # whole windows in a block: they are not cut at its end
    index = made_up([each] * (3 * BLOCK))
    order = epoch_order(index, 0, 0, 1)
    blocks = [order[start : start + each * BLOCK] for start in range(0, len(order), each * BLOCK)]
    assert [len({index.samples[n].shard for n in block}) for block in blocks] == [BLOCK] * 3


def test_orders_differ_by_seed_and_epoch_and_come_again():
    """Another epoch or seed is another order; the same is the same."""
    index = made_up([9] * 9)
    orders = [tuple(epoch_order(index, seed, epoch, 2)) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert tuple(epoch_order(index, 0, 0, 2)) == orders[0]


def test_the_order_is_pinned():
    """Another order would break the resuming of every run under way."""
    assert epoch_order(made_up([3, 2, 3]), 0, 0, 2) == [0, 7, 3, 6, 4, 0, 1, 6, 7, 5, 5, 2, 3, 4, 2, 1]


@given(st.integers(0, 10**9), st.integers(1, 5), st.sampled_from([1, 2, 4]))
def test_ranks_share_the_counters(start, per_rank, world):
    """Together the ranks of any world draw what one alone draws: each batch whole, no counter twice."""
    batch = 4 * per_rank
    alone = islice(CounterSampler(start, batch), 3)
    ranks = [islice(CounterSampler(start, batch, rank, world), 3) for rank in range(world)]
    for whole, *shares in zip(alone, *ranks, strict=True):
        assert len({len(share) for share in shares}) == 1
        assert sorted(counter for share in shares for counter in share) == whole


def test_counters_go_on_without_a_gap():
    """Batch after batch, from the counter that a run resumes at."""
    drawn = [counter for batch in islice(CounterSampler(35, 8), 4) for counter in batch]
    assert drawn == list(range(35, 35 + 32))


def test_a_batch_that_ranks_cannot_share_is_an_error():
    """Else the gradients of the ranks would not weigh the same."""
    with pytest.raises(Error, match=r"train\.batch 6 .* 4 devices"):
        CounterSampler(0, 6, 0, 4)
