"""Training data: pairs that depend on nothing but the seed and their counter."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from photographs import make_folder, make_shards, picture
from PIL import Image
from training_sets import SIZE, Noisy, assert_same, samples, take, training_set

from i2sbkit import Corruption, Observation
from i2sbkit.data import _collate, training_batches
from i2sbkit.images import from_uint8, to_uint8, uint8_to_pil
from i2sbkit.pairs import Damage, Pair, validation_pairs
from i2sbkit.sources.order import epoch_order
from i2sbkit.sources.photographs import Photograph
from i2sbkit.sources.shards import open_index, read_pixels


@dataclass(frozen=True)
class Plain(Corruption):
    """Damages nothing."""

    def corrupt(self, x0, rng):
        return Observation(x0)


@dataclass(frozen=True)
class Sometimes(Corruption):
    """Has a mask for every second picture or so."""

    def corrupt(self, x0, rng):
        return Observation(x0, torch.zeros_like(x0[:1]) if torch.rand((), generator=rng) < 0.5 else None)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Twelve photographs of 40 x 30 in three shards."""
    return open_index([make_shards(tmp_path_factory.mktemp("data") / "shards")])


def test_ranks_make_the_samples_that_one_alone_makes(index):
    """The union over two ranks is the batch of one process, tensor by tensor."""
    both = [take(index, 0, 4, 5, rank=rank, world=2) for rank in (0, 1)]
    assert_same(samples(both[0]) | samples(both[1]), samples(take(index, 0, 4, 5)))


def test_resuming_gives_the_samples_of_running_through(index):
    """From any counter, over the end of an epoch (36 samples) too."""
    through = samples(take(index, 0, 4, 20))
    for start in (4, 32, 36, 40):
        resumed = samples(take(index, start, 4, (80 - start) // 4))
        assert_same(resumed, {number: pair for number, pair in through.items() if number >= start})


def test_the_global_generator_is_left_alone(index):
    """Loading data draws nothing from torch's own generator, which networks draw from."""
    torch.manual_seed(0)
    expected = torch.rand(4)
    torch.manual_seed(0)
    take(index, 0, 4, 3)
    assert torch.equal(torch.rand(4), expected)


def test_samples_do_not_depend_on_what_was_decoded_before(index):
    """In any order, alone or after others, sample k is sample k."""
    forwards, backwards = training_set(index), training_set(index)
    one = {k: forwards[k] for k in range(40)}
    other = {k: backwards[k] for k in reversed(range(40))}
    assert_same({k: (p.x0, p.x1) for k, p in one.items()}, {k: (p.x0, p.x1) for k, p in other.items()})


def test_every_epoch_is_drawn_anew(index):
    """The same place in the next epoch gets other noise: it belongs to the counter, which goes on."""
    pairs = training_set(index, quantize=False)
    first, second = (pairs[k].x1 - pairs[k].x0 for k in (0, len(pairs)))
    assert not torch.allclose(first, second, atol=1e-4)


def test_each_photograph_is_decoded_once_an_epoch(index, monkeypatch):
    """Several crops are cut from one decoding."""
    decoded = []
    reading = "i2sbkit.sources.photographs.read_pixels"
    monkeypatch.setattr(reading, lambda sample: decoded.append(sample.key) or read_pixels(sample))
    pairs = training_set(index, crops=4)
    for counter in range(len(pairs)):
        pairs[counter]
    assert len(pairs) == 48
    assert sorted(decoded) == sorted(sample.key for sample in index.samples)


def test_crops_are_windows_of_the_photograph(index):
    """Without flips x0 is a part of its photograph to the bit; crops of one photograph differ."""
    pairs = training_set(index, Plain(), flip=False)
    order = epoch_order(index, 0, 0, 3)
    places = set()
    for counter in range(12):
        photograph = from_uint8(read_pixels(index.samples[order[counter]]))
        windows = photograph.unfold(1, SIZE, 1).unfold(2, SIZE, 1)  # (3, rows, columns, SIZE, SIZE)
        equal = (windows == pairs[counter].x0[:, None, None]).all(dim=-1).all(dim=-1).all(dim=0)
        assert int(equal.sum()) == 1
        places.add(tuple(equal.nonzero()[0].tolist()))
    assert len(places) > 6


def test_half_of_the_crops_are_flipped(index):
    """Flipping mirrors the crop that would be without it, for about every second sample."""
    plain, flipped = training_set(index, Plain(), flip=False), training_set(index, Plain(), flip=True)
    mirrored = [torch.equal(plain[k].x0.flip(2), flipped[k].x0) for k in range(200)]
    unchanged = [torch.equal(plain[k].x0, flipped[k].x0) for k in range(200)]
    assert all(one != other for one, other in zip(mirrored, unchanged, strict=True))
    assert 70 < sum(mirrored) < 130


def test_centre_crops_are_of_the_whole_shorter_side(index):
    """crop = "center": the shorter side becomes `size`, and the middle is cut out; every epoch the same."""
    pairs = training_set(index, Plain(), crop="center", flip=False, crops=1)
    number = epoch_order(index, 0, 0, 1)[5]
    whole = Photograph(read_pixels(index.samples[number])).resized(SIZE).clean
    assert whole.shape == (3, 16, 21)
    assert torch.equal(pairs[5].x0, from_uint8(whole[:, :, 2:18]))


@pytest.mark.parametrize(("width", "height", "expected"), [(50, 37, (21, 16)), (37, 50, (16, 21)), (16, 40, (16, 40))])
def test_resizing_is_that_of_the_authors(width, height, expected):
    """Pillow's bilinear, as torchvision's Resize: the shorter side to the size, the longer one cut to a whole pixel."""
    image = picture(0, width, height)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    made = uint8_to_pil(Photograph(pixels).resized(16).clean)
    assert made.size == expected
    assert made.tobytes() == image.resize(expected, Image.Resampling.BILINEAR).tobytes()


@pytest.mark.parametrize(("spare", "first"), [(4, 2), (5, 2), (7, 4), (1, 0), (3, 2)])
def test_centre_crops_begin_where_the_authors_do(tmp_path, spare, first):
    """int(round(spare / 2.0)), as torchvision's CenterCrop: at a half to the even pixel; for validation too."""
    picture(0, SIZE + spare, SIZE).save(tmp_path / "a.png")
    one = open_index([tmp_path])
    expected = from_uint8(read_pixels(one.samples[0])[:, :, first : first + SIZE])
    assert torch.equal(training_set(one, Plain(), crop="center", flip=False)[0].x0, expected)
    (pair,) = validation_pairs(one, Damage(Plain()), size=SIZE, crop="center", seed=0, count=1)
    assert torch.equal(pair.x0, expected)


@pytest.mark.parametrize("crop", ["random", "center"])
def test_photographs_smaller_than_the_crop_are_enlarged(tmp_path, crop):
    """In one direction or both, the shorter side becomes `size`."""
    for name, (width, height) in {"wide": (40, 10), "high": (9, 30), "tiny": (5, 5), "fits": (16, 16)}.items():
        picture(0, width, height).save(tmp_path / f"{name}.png")
    pairs = training_set(open_index([tmp_path]), Plain(), crop=crop)
    assert {tuple(pairs[k].x0.shape) for k in range(len(pairs))} == {(3, SIZE, SIZE)}


def test_observations_are_rounded_to_8_bits(index):
    """quantize: x1 before its lift is what an 8-bit file would hold; without it, it is not."""

    class OnlyCorrupt(Noisy):
        def lift(self, y, rng):
            return y.image

    rounded, exact = (training_set(index, OnlyCorrupt(), quantize=quantize)[0].x1 for quantize in (True, False))
    assert torch.equal(rounded, from_uint8(to_uint8(rounded)))
    assert torch.equal(rounded, from_uint8(to_uint8(exact)))
    assert exact.abs().max() > 1
    assert rounded.abs().max() <= 1


def test_8_bits_to_float_and_back_is_exact():
    """Every value comes back, white is 1, black is -1, and floats are rounded, not cut."""
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(from_uint8(values)), values)
    assert from_uint8(values)[[0, 255]].tolist() == [-1, 1]
    assert to_uint8(torch.tensor([1.0, 0.9999, 7.0, -7.0])).tolist() == [255, 255, 255, 0]


def test_pictures_without_a_mask_count_whole_beside_masked_ones(index):
    """In a batch where only some have a mask, masks and pictures keep together."""
    batch = next(training_batches(training_set(index, Sometimes()), 0, 12))
    pairs = training_set(index, Sometimes())
    assert batch.mask.shape == (12, 1, SIZE, SIZE)
    for counter, mask in zip(batch.counters, batch.mask, strict=True):
        assert bool(mask.all()) == (pairs[counter].mask is None)
    assert len({bool(mask.all()) for mask in batch.mask}) == 2


def test_batches_split_into_microbatches():
    """In order, masks and counters with them, the last as short as it must be."""
    numbers = torch.arange(5.0).reshape(5, 1, 1, 1)
    batch = _collate([(i, Pair(numbers[i], -numbers[i], numbers[i]), ()) for i in range(5)])
    parts = list(batch.split(2))
    assert [part.counters for part in parts] == [(0, 1), (2, 3), (4,)]
    assert torch.equal(torch.cat([part.x1 for part in parts]), -numbers)
    assert torch.equal(torch.cat([part.mask for part in parts]), numbers)


def test_validation_damage_follows_from_the_key(tmp_path):
    """A photograph's validation pair stays the same when others come or go; another seed is other damage."""
    options = {"size": SIZE, "count": 9}
    one = make_folder(tmp_path / "one", ("b.png", "a.png"))
    alone = make_folder(tmp_path / "alone", ("b.png",))
    (_, among) = validation_pairs(open_index([one]), Damage(Noisy()), seed=0, **options)
    (single,) = validation_pairs(open_index([alone]), Damage(Noisy()), seed=0, **options)
    (other,) = validation_pairs(open_index([alone]), Damage(Noisy()), seed=1, **options)
    assert torch.equal(among.x1, single.x1)
    assert torch.equal(single.x0, other.x0)
    assert not torch.equal(single.x1, other.x1)


def test_validation_takes_the_middle(index):
    """A plain centre crop of the first photographs: nothing is resized."""
    pairs = validation_pairs(index, Damage(Plain()), size=SIZE, seed=0, count=2)
    assert len(pairs) == 2
    assert torch.equal(pairs[1].x0, from_uint8(read_pixels(index.samples[1])[:, 7:23, 12:28]))


def test_validation_of_centre_crops_resizes(index):
    """crop = "center": as in training, the shorter side is made the size first."""
    (pair,) = validation_pairs(index, Damage(Plain()), size=SIZE, crop="center", seed=0, count=1)
    whole = Photograph(read_pixels(index.samples[0])).resized(SIZE).clean
    assert torch.equal(pair.x0, from_uint8(whole[:, :, 2:18]))
