"""Pairs that the data brings: clean and degraded are cut, flipped and resized alike, from shards and from folders."""

from dataclasses import dataclass

import pytest
import torch
from photographs import encoded, make_tar, picture
from PIL import Image
from tiny_training import TINY, go, log
from training_sets import SIZE, assert_same, samples, take, training_set

from i2sbkit import Corruption, Error
from i2sbkit.cli import execute
from i2sbkit.images import uint8_to_pil
from i2sbkit.pairs import Damage, validation_pairs
from i2sbkit.sources.photographs import Photograph
from i2sbkit.sources.shards import open_index

PAIRED = TINY.replace('name = "jpeg"\nquality = 10', 'name = "paired"').replace("[data]", "[data]\npaired = true")


@dataclass(frozen=True)
class Enlarged(Corruption):
    """What the data brings, each pixel `scale` x `scale` times."""

    scale: int = 1

    def corrupt(self, x0, rng):
        raise AssertionError("the data brings the damage")

    def lift(self, y, rng):
        return y.image.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)


def enlarged(image, scale):
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def write_pairs(folder, scale=1, count=4):
    """A folder of degraded pictures and, `scale` times as large, clean ones of the same pixels."""
    for name in ("clean", "degraded"):
        (folder / name / "sub").mkdir(parents=True)
    for number in range(count):
        small = picture(number, 40 + number, 30)
        small.save(folder / "degraded" / "sub" / f"{number}.png")
        enlarged(small, scale).save(folder / "clean" / "sub" / f"{number}.bmp")
    return folder


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_both_pictures_are_cut_and_flipped_alike(tmp_path, scale):
    """Where the clean picture is the degraded one enlarged, so is every crop of it, to the bit."""
    index = open_index([write_pairs(tmp_path / "p", scale)], paired=True)
    made = training_set(index, Enlarged(scale), size=2 * SIZE if scale > 1 else SIZE, paired=True)
    for pair in (made[counter] for counter in range(30)):
        assert pair.x0.shape == (3, made.size, made.size)
        assert torch.equal(pair.x0, pair.x1)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_both_pictures_are_resized_alike(tmp_path, scale):
    """crop = "center": of a ramp, pixels of both stand for the same place, to a quarter of a degraded pixel."""
    for name, times in (("clean", scale), ("degraded", 1)):
        ramp = torch.linspace(0, 1, 51 * scale).unfold(0, scale // times, scale // times).mean(-1)
        pixels = (255 * ramp).round().to(torch.uint8).expand(3, 37 * times, -1)
        (tmp_path / name).mkdir()
        uint8_to_pil(pixels).save(tmp_path / name / "k.png")
    made = training_set(open_index([tmp_path], paired=True), Enlarged(scale), size=32, crop="center", paired=True)
    step = 255 / 51 * (37 * scale / 32)  # from one degraded pixel to the next, in levels
    for pair in (made[0], made[1], made[2]):
        levels = ((pair.x0 - pair.x1) * 127.5)[:, :, 4:-4].unfold(2, scale, scale).mean(-1)
        assert levels.abs().max() < max(step / 4, 2)


def test_crops_of_pairs_are_taken_everywhere(tmp_path):
    """At every multiple of the scale, up to the edges."""
    small = Image.new("RGB", (10, 8))
    small.putdata([(x * 20, y * 20, 0) for y in range(8) for x in range(10)])
    shard = make_tar(tmp_path / "s.tar", [("k.png", encoded(enlarged(small, 2))), ("k.degraded.png", encoded(small))])
    pairs = training_set(open_index([shard], paired=True), Enlarged(2), size=12, flip=False, paired=True)
    corners = {tuple(((pairs[k].x0[:2, 0, 0] + 1) * 127.5 / 20).round().int().tolist()) for k in range(200)}
    assert corners == {(x, y) for x in range(5) for y in range(3)}


def test_small_pairs_are_enlarged_alike(tmp_path):
    """Of a photograph smaller than the crop both pictures are resized, and still fit each other."""
    for size, scale in ((96, 1), (96, 4)):
        index = open_index([write_pairs(tmp_path / f"{scale}", 1)], paired=True)
        photograph = Damage(Enlarged(), paired=True).read(index.samples[3])
        large = Photograph(photograph.clean, photograph.degraded[:, : 30 // scale, : 43 // scale], scale).resized(size)
        assert min(large.clean.shape[1:]) == size
        assert large.clean.shape[1:] == tuple(side * scale for side in large.degraded.shape[1:])


def test_pairs_depend_on_the_counter_alone(tmp_path):
    """The same counters give the same pairs with a worker and without, from a folder and from its shards."""
    folder = write_pairs(tmp_path / "p", 2)
    assert execute(["shards", "pack", str(folder), str(tmp_path / "s"), "--paired"]) == 0
    options = {"corruption": Enlarged(2), "paired": True}
    whole = open_index([folder], paired=True)
    alone = samples(take(whole, 0, 4, 3, **options))
    assert_same(samples(take(whole, 0, 4, 3, workers=1, **options)), alone)
    assert_same(samples(take(open_index([tmp_path / "s"], paired=True), 0, 4, 3, **options)), alone)


def test_validation_takes_the_middle_of_pairs(tmp_path):
    """Both pictures of each pair, without the corruption's own damage."""
    index = open_index([write_pairs(tmp_path / "p", 2)], paired=True)
    for crop in ("random", "center"):
        pairs = validation_pairs(index, Damage(Enlarged(2), paired=True), size=60, crop=crop, seed=0, count=9)
        assert len(pairs) == 4
        assert all(torch.equal(pair.x0, pair.x1) for pair in pairs)  # 60 is the shorter side: none is resized


@pytest.mark.parametrize("packed", [True, False])
def test_a_recipe_trains_on_pairs(tmp_path, packed):
    """`data.paired`: steps, validation and resuming on shards, and on a folder as it is."""
    folder, recipe = write_pairs(tmp_path / "p"), tmp_path / "r.toml"
    if packed:
        assert execute(["shards", "pack", str(folder), str(tmp_path / "s"), "--paired"]) == 0
    recipe.write_text(PAIRED)
    data = [f"data.{key}={tmp_path / ('s' if packed else 'p')}" for key in ("train", "val")]
    assert execute(["recipes", "check", str(recipe), *(word for one in data for word in ("--set", one))]) == 0
    more = (*data, "data.val_size=28", "train.val_every=2")
    go(recipe, tmp_path / "run", "train.iterations=2", *more)
    assert go(recipe, tmp_path / "run", "train.iterations=3", *more)["step"] == 3
    assert {"psnr_input", "psnr_nfe2"} <= set().union(*log(tmp_path / "run"))
    with pytest.raises(Error, match=r"data\.paired: was true, is false"):
        changed = ("data.paired=false", "data.val=[]", "corruption.name=superres")
        go(recipe, tmp_path / "run", "train.iterations=4", *more, *changed)


def test_the_shipped_pairs_train(tmp_path):
    """recipes/pix2pix.toml runs as it is shipped."""
    small = ("backbone.width=8", "backbone.encoder=[1]", "backbone.middle=0", "backbone.decoder=[1]")
    go("pix2pix", tmp_path, *small, "train.iterations=2", "train.val_nfe=[2]", "train.val_images=2", "train.batch=2")
    assert any("psnr_nfe2" in line for line in log(tmp_path))


CLEAN, SMALL = encoded(picture(0)), encoded(picture(1, 20, 15))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("k.png", CLEAN)], r"s\.tar: k: no degraded picture beside it.*shards pack FOLDER OUT --paired"),
        ([("k.png", CLEAN), ("k.degraded.png", SMALL)], r"s\.tar: k: .* is 40 x 30, the degraded 20 x 15;.* scale 1"),
        ([("k.png", CLEAN), ("k.degraded.png", b"bad")], r"s\.tar: k: degraded: not a readable picture"),
    ],
)
def test_pairs_that_are_none_are_named(tmp_path, files, message):
    """A degraded picture that is missing, of a size that does not fit or undecodable: the Error has file and key."""
    shard = make_tar(tmp_path / "s.tar", files)
    with pytest.raises(Error, match=message):
        training_set(open_index([shard], paired=True), Enlarged(), paired=True)[0]


def test_a_folder_of_pairs_must_be_whole(tmp_path):
    """As data a folder needs clean/ and degraded/, and a degraded picture for each clean one."""
    folder = write_pairs(tmp_path / "p")
    (folder / "degraded/sub/2.png").unlink()
    with pytest.raises(Error, match=r"sub/2\.bmp: no degraded picture of that name; remove .*--paired"):
        open_index([folder], paired=True)
    with pytest.raises(Error, match=r"clean/clean: no such folder; pairs lie as FOLDER/clean"):
        open_index([folder / "clean"], paired=True)


def test_sizes_of_pairs_are_multiples_of_the_scale(tmp_path, capsys):
    """A crop that the degraded picture cannot be cut to is wrong in the recipe."""
    recipe = tmp_path / "r.toml"
    recipe.write_text(PAIRED)
    assert execute(["recipes", "check", str(recipe), "--set", "corruption.scale=3"]) == 2
    err = capsys.readouterr().err
    assert "data.size: must be a multiple of the corruption's scale, 3, got 16" in err
    assert "data.val_size: must be a multiple of the corruption's scale, 3, got 32" in err
