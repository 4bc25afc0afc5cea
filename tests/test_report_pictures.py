"""What a report keeps of a picture: both versions, the frames of its film, and where draws differ."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from working_weights import working_weights

import i2sbkit
from i2sbkit.bulk.files import Extras, file_restorer
from i2sbkit.jobs.job import Job
from i2sbkit.jobs.running import run_jobs
from i2sbkit.observing import Told
from i2sbkit.report.collecting import Collector
from i2sbkit.report.film import FRAMES, Film
from i2sbkit.report.previews import FRAME_SIDE, SIDE, heat, preview
from i2sbkit.report.restoration import restoration_page
from i2sbkit.restoring import Settings


@pytest.fixture(scope="module")
def weights_for(tmp_path_factory):
    """Weights of a shipped recipe by its name, as a file."""
    folder = tmp_path_factory.mktemp("weights")
    return lambda name: working_weights(folder / f"{name}.safetensors", name=name)


def pictures_of(entry):
    """An entry's before and after, as (H, W, 3) arrays of what the page shows."""
    return [np.asarray(Image.open(io.BytesIO(each.data)).convert("RGB")) for each in (entry.before, entry.after)]


def collected(restorer, observation_file, out):
    """Restore one file for a page; its entry."""
    collector = Collector(restorer)
    work = file_restorer(restorer, Extras(), Told(), collector)
    report = run_jobs([Job(observation_file, out)], work, "restored", collector.noted)
    assert not next(iter(report.outcomes)).error
    return restoration_page(collector, 1, {}).entries[0]


def test_a_small_picture_is_enlarged_for_the_slider(pairs_here, weights_for):
    """Super-resolution: before is the small picture in squares, as large as what became of it."""
    restorer = i2sbkit.load(weights_for("sr4x"), "cpu").restorer(Settings(nfe=1))
    entry = collected(restorer, Path("in/a.png"), Path("large.png"))
    before, after = pictures_of(entry)
    assert before.shape == after.shape == (128, 160, 3)
    small = np.asarray(Image.open("in/a.png")).astype(int)
    assert abs(before.astype(int) - small.repeat(4, 0).repeat(4, 1)).mean() < 5
    assert entry.labels == ("before, × 4", "restored")


def test_holes_are_shown_as_holes(pairs_here, weights_for):
    """Inpainting: before has the holes of the file, white; after has what they were filled with."""
    Image.fromarray(np.dstack([np.full((32, 40, 3), 90), np.full((32, 40), 255)]).astype(np.uint8)).save("holes.png")
    with Image.open("holes.png") as picture:
        picture.paste((0, 0, 0, 0), (8, 8, 24, 24))
        picture.save("holes.png")
    restorer = i2sbkit.load(weights_for("inpaint"), "cpu").restorer(Settings(nfe=1))
    before, after = pictures_of(collected(restorer, Path("holes.png"), Path("filled.png")))
    assert before[12:20, 12:20].min() > 240
    assert abs(before[2, 2].astype(int) - 90).max() < 8
    assert abs(after[2, 2].astype(int) - 90).max() < 8


@pytest.mark.parametrize(("evaluations", "kept"), [(1, 2), (5, 6), (11, 12), (12, 12), (100, 12)])
def test_a_film_has_few_frames(evaluations, kept):
    """All of a short walk, evenly chosen ones of a long one, the first and the result always among them."""
    film = Film(evaluations)
    for n in range(evaluations, 0, -1):
        film.watch(n, torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    film.end(torch.zeros(3, 8, 8))
    nodes = [frame.n for frame in film.frames]
    steps = [a - b for a, b in itertools.pairwise(nodes)]
    assert len(nodes) == kept <= FRAMES
    assert (nodes[0], nodes[-1]) == (evaluations, 0)
    assert max(steps) - min(steps) <= 1


@pytest.mark.parametrize(("side", "size"), [(SIDE, (3000, 2000)), (FRAME_SIDE, (3000, 2000)), (SIDE, (5000, 1))])
def test_previews_are_small(side, size):
    """The longer side is the limit, the shape is kept, and a plain colour stays what it was."""
    width, height = size
    small = preview(torch.full((3, height, width), 0.5), side)
    assert small.width == side
    assert small.height == pytest.approx(height * side / width, abs=1)
    assert preview(torch.zeros(3, 20, 30)).width == 30


def test_maps_name_what_is_lightest():
    """The top of the scale is the value that all but the largest 2 % lie below; a flat map has a top too."""
    _, top = heat(torch.linspace(0, 10, 1000).repeat(4, 1))
    assert top == pytest.approx(9.8, abs=0.05)
    assert heat(torch.zeros(4, 4))[1] == 0
