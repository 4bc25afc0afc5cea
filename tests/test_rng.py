"""Random numbers: they belong to an image, they are pinned, and streams do not meet."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import exact

from i2sbkit import Rng
from i2sbkit.kernel.rng import derive_seed

parts = st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.binary(), max_size=4)


@pytest.mark.parametrize(
    ("given_parts", "seed"),
    [
        ((), 6510301506637419378),
        ((0,), 2736609759171767065),
        ((1, "noise", 2), 6506345233684488913),
        (("é",), 4566224582732825786),
        ((b"\x00\xff",), 636781247713789159),
    ],
)
def test_derived_seeds_are_pinned(given_parts, seed):
    """Another value would change every training run and every restored picture."""
    assert derive_seed(*given_parts) == seed


@pytest.mark.parametrize(
    ("seed", "normals", "few", "integers", "child"),
    [
        (
            0,
            [-1.1258398294, -1.1523602009, -0.2505785823, -0.4338788092],
            [1.5409960747, -0.2934288979, -2.1787893772],
            [44, 239, 933, 760],
            2909063148639648389,
        ),
        (
            6506345233684488913,
            [-0.5541642904, -0.4275304377, -1.8709460497, 0.2345736041],
            [0.8259809613, 1.2780184746, 0.5751474500],
            [996, 823, 211, 7],
            819481599633666264,
        ),
    ],
)
def test_streams_are_pinned(seed, normals, few, integers, child):
    """The first draws from a seed; torch makes fewer than 16 normals in another way, and its last bits vary by CPU."""
    drawn = Rng([seed]).normal_like(torch.empty(1, 3, 8, 8)).flatten()[:4].tolist()
    assert drawn == pytest.approx(normals, abs=5e-6)
    assert Rng([seed]).normal_like(torch.empty(1, 3)).flatten().tolist() == pytest.approx(few, abs=5e-6)
    rng = Rng([seed])
    assert [int(rng.integers(1000)) for _ in range(4)] == integers
    assert rng.child("lift").seeds == (child,)


@exact
@given(parts, parts)
def test_derived_seeds_tell_their_parts_apart(first, second):
    """Other parts, or the same split elsewhere, give another seed, and every seed fits a generator."""
    as_text = [[p if isinstance(p, bytes) else str(p).encode() for p in each] for each in (first, second)]
    assert (derive_seed(*first) == derive_seed(*second)) == (as_text[0] == as_text[1])
    assert 0 <= derive_seed(*first) < 2**63


def test_what_an_image_draws_does_not_depend_on_its_batch():
    """Image k draws the same alone and among others, whatever was drawn before."""
    together, shape = Rng([5, 6, 7]), (3, 8, 8)
    first = (
        together.normal_like(torch.empty(3, *shape)),
        together.integers(100),
        together.normal_like(torch.empty(3, 2)),
    )
    for k, seed in enumerate([5, 6, 7]):
        alone = Rng([seed])
        again = alone.normal_like(torch.empty(1, *shape)), alone.integers(100), alone.normal_like(torch.empty(1, 2))
        assert all(torch.equal(a[0], t[k]) for a, t in zip(again, first, strict=True))


def test_same_seed_same_numbers_other_seed_others():
    """A stream is its seed, nothing else."""
    like = torch.empty(2, 3, 8, 8)
    a, b = Rng([1, 2]).normal_like(like), Rng([1, 3]).normal_like(like)
    assert torch.equal(a, Rng([1, 2]).normal_like(like))
    assert torch.equal(a[0], b[0])
    assert not torch.isclose(a[1], b[1]).any()


def test_children_are_reproducible_and_leave_the_parent_alone():
    """A child depends on the parent's seeds and its name, not on what was drawn; drawing from it moves nothing else."""
    like = torch.empty(2, 3, 8, 8)
    parent = Rng([1, 2])
    before = parent.child("lift").normal_like(like)
    first = parent.normal_like(like)
    assert torch.equal(parent.child("lift").normal_like(like), before)
    assert torch.equal(Rng([1, 2]).normal_like(like), first)


def test_children_are_independent():
    """Parent, children of other names and grandchildren are uncorrelated (5 sigma of 10^5 numbers)."""
    parent = Rng([1, 2])
    streams = [parent, parent.child("a"), parent.child("b"), parent.child("a").child("b"), parent.child("b").child("a")]
    drawn = torch.cat([s.normal_like(torch.empty(2, 100_000, dtype=torch.float64)) for s in streams])
    correlation = torch.corrcoef(drawn) - torch.eye(len(drawn))
    assert correlation.abs().max() < 5 / 100_000**0.5


def test_draws_are_standard_normal_and_uniform():
    """Mean, variance and frequencies are within 5 sigma of what they should be."""
    rng, n = Rng([11]), 200_000
    z = rng.normal_like(torch.empty(1, n, dtype=torch.float64))
    assert abs(z.mean()) < 5 / n**0.5
    assert abs(z.var() - 1) < 5 * (2 / n) ** 0.5
    counts = torch.bincount(torch.cat([rng.integers(7) for _ in range(7000)]), minlength=7)
    assert len(counts) == 7
    assert (counts - 1000).abs().max() < 5 * (1000 * 6 / 7) ** 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_normals_have_the_shape_and_dtype_of_what_they_are_like(dtype):
    """normal_like takes shape and dtype from x, and none of its values."""
    z = Rng([0, 1]).normal_like(torch.full((2, 3, 5, 4), torch.nan, dtype=dtype))
    assert (z.shape, z.dtype) == ((2, 3, 5, 4), dtype)
    assert z.isfinite().all()


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_of_another_size_is_refused(batch):
    """Noise for one image is never spread over several."""
    with pytest.raises(ValueError, match=f"made for 2 images, the batch has {batch}"):
        Rng([0, 1]).normal_like(torch.empty(batch, 3, 8, 8))


def test_generators_are_one_an_image():
    """Iterating gives the generators that corruptions draw from: the same streams as normal_like."""
    rng = Rng([3, 4])
    drawn = [torch.randn(3, 8, 8, generator=g) for g in rng]
    assert len(rng) == len(drawn) == 2
    assert torch.equal(torch.stack(drawn), Rng([3, 4]).normal_like(torch.empty(2, 3, 8, 8)))


def test_draws_leave_the_global_generator_alone():
    """Nothing here reads or moves torch's own state."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = Rng([1]).normal_like(torch.empty(1, 20))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(1)
    assert torch.equal(Rng([1]).normal_like(torch.empty(1, 20)), first)
