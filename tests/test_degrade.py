"""`degrade`: the damage of a corruption as the files that restore reads."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pictures import photo, pixels
from PIL import ExifTags, Image, ImageCms
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error, Observation
from i2sbkit.bulk.degrading import degraded_suffix, file_degrader
from i2sbkit.cli import execute
from i2sbkit.jobs.job import Job
from i2sbkit.jobs.running import Made
from i2sbkit.pairs import Damage, quantized
from i2sbkit.pictures.files import read_picture
from i2sbkit.restoring import Settings, content_seed
from i2sbkit_plugins.jpeg import Jpeg
from i2sbkit_plugins.jpeg_i2sb import JpegI2sb

RANGE = ("corruption.quality=[5,40]",)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return working_weights(tmp_path_factory.mktemp("w") / "tiny.safetensors", *RANGE)


@pytest.fixture
def clean(tmp_path):
    """A nested folder of clean pictures."""
    folder = tmp_path / "clean"
    (folder / "sub dir").mkdir(parents=True)
    photo(40, 32).save(folder / "a.png")
    photo(33, 17, "typewriter").save(folder / "sub dir" / "b.webp", lossless=True)
    photo(24, 24, "level-15").convert("L").save(folder / "gray.bmp")
    return folder


def degrade(source, out, weights, *options):
    return execute(["degrade", str(source), str(out), "--recipe", recipe(weights), *options])


def recipe(weights):
    """The recipe of weights as a file."""
    path = weights.with_suffix(".toml")
    if not path.exists():
        path.write_text(i2sbkit.load(weights, "cpu").weights.recipe.to_toml())
    return str(path)


def tables_at(quality, folder):
    photo(16, 16).save(folder / "reference.jpg", quality=quality)
    with Image.open(folder / "reference.jpg") as file:
        return file.quantization


def test_jpeg_becomes_the_codecs_own_file(clean, weights, tmp_path):
    """Same place, suffix .jpg; its pixels are the observation, its tables those of the quality drawn."""
    assert degrade(clean, tmp_path / "out", weights) == 0
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert made == ["a.jpg", "gray.jpg", "sub dir/b.jpg"]
    for name, source in (("a", "a.png"), ("sub dir/b", "sub dir/b.webp")):
        image = read_picture(clean / source).image
        generator = torch.Generator().manual_seed(content_seed(Observation(image), 0, 0))
        y = Jpeg(quality=(5, 40)).corrupt(image, generator)
        path = tmp_path / "out" / f"{name}.jpg"
        assert torch.equal(i2sbkit.from_pil(Image.open(path)), y.image)
        with Image.open(path) as file:
            assert file.quantization == tables_at(y.params["quality"], tmp_path)


def test_the_seed_decides_and_the_name_does_not(clean, weights, tmp_path):
    """Same seed, same bytes, alone or in a folder or under another name; another seed, another damage."""
    (clean / "z.png").write_bytes((clean / "a.png").read_bytes())
    for out, seed in (("one", "0"), ("two", "0"), ("three", "3")):
        assert degrade(clean, tmp_path / out, weights, "--seed", seed) == 0
    assert degrade(clean / "a.png", tmp_path / "alone.jpeg", weights) == 0
    files = [tmp_path / name for name in ("one/a.jpg", "two/a.jpg", "one/z.jpg", "alone.jpeg", "three/a.jpg")]
    first, *same, other = (path.read_bytes() for path in files)
    assert all(bytes_ == first for bytes_ in same)
    assert other != first


def test_files_equal_memory(clean, weights, tmp_path):
    """degrade, then restore, through files gives exactly what corrupt, round and restore give in memory."""
    model = i2sbkit.load(weights, "cpu")
    corruption = model.weights.recipe.parts.corruption
    source = read_picture(clean / "a.png").image
    y = quantized(corruption.corrupt(source, torch.Generator().manual_seed(content_seed(Observation(source), 0, 0))))
    expected = np.asarray(i2sbkit.to_pil(model.restorer(Settings()).pictures([y])[0]))
    assert degrade(clean / "a.png", tmp_path / "a.jpg", weights) == 0
    line = [str(tmp_path / "a.jpg"), str(tmp_path / "a.png"), "--weights", str(weights), "--device", "cpu"]
    assert execute(["restore", *line]) == 0
    assert np.array_equal(pixels(tmp_path / "a.png"), expected)


def test_a_corruption_that_is_no_codec_gives_png(tmp_path):
    """Its observation, rounded to 8 bits, is in the file to the bit."""
    corruption = JpegI2sb(quality=10)
    assert degraded_suffix(Damage(corruption)) == ".png"
    assert degraded_suffix(Damage(Jpeg(quality=10))) == ".jpg"
    photo(32, 16).save(tmp_path / "x.png")
    made = file_degrader(Damage(corruption), 0)(Job(tmp_path / "x.png", tmp_path / "y.png"))
    assert made == Made([tmp_path / "y.png"], 32 * 16)
    y = corruption.corrupt(i2sbkit.from_pil(photo(32, 16)), torch.Generator())
    assert torch.equal(read_picture(tmp_path / "y.png").image, quantized(y).image)


def test_a_size_that_the_corruption_refuses(tmp_path, capsys):
    """The file is named, the others are done, the exit code is 1."""
    path = tmp_path / "i2sb.toml"
    lines = '[corruption]\nname = "jpeg-i2sb"\nquality = 10\n'
    text = (i2sbkit.load(working_weights(tmp_path / "w.safetensors"), "cpu").weights.recipe).to_toml()
    path.write_text(lines + text[text.index("[schedule]") :])
    (tmp_path / "in").mkdir()
    photo(32, 16).save(tmp_path / "in/good.png")
    photo(33, 16).save(tmp_path / "in/odd.png")
    assert execute(["degrade", str(tmp_path / "in"), str(tmp_path / "out"), "--recipe", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out/good.png'}\n"
    assert f"failed: {tmp_path / 'in/odd.png'}: jpeg-i2sb needs sizes" in err
    assert "1 of 2 files failed" in err


def test_an_output_of_another_format_is_refused(clean, weights, tmp_path, capsys):
    """JPEG bytes are not written to a .png, which would lie about them."""
    assert degrade(clean / "a.png", tmp_path / "b.png", weights) == 2
    assert f"give {tmp_path / 'b.jpg'}" in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_two_suffixes_of_one_stem_collide(clean, weights, tmp_path, capsys):
    """a.png and a.bmp would both become a.jpg: refused before anything is written."""
    photo(8, 8).save(clean / "a.bmp")
    assert degrade(clean, tmp_path / "out", weights) == 2
    assert "would both become" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_existing_outputs(clean, weights, tmp_path, capsys):
    """Refused; left with --skip-existing; replaced with --overwrite."""
    assert degrade(clean, tmp_path / "out", weights) == 0
    (tmp_path / "out/a.jpg").write_bytes(b"mine")
    assert degrade(clean, tmp_path / "out", weights) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert degrade(clean, tmp_path / "out", weights, "--skip-existing") == 0
    assert (tmp_path / "out/a.jpg").read_bytes() == b"mine"
    assert capsys.readouterr().out == ""
    assert degrade(clean, tmp_path / "out", weights, "--overwrite") == 0
    assert pixels(tmp_path / "out/a.jpg").shape == (32, 40, 3)


def test_json(clean, weights, tmp_path, capsys):
    """One document: what became of each file."""
    (clean / "bad.png").write_text("no picture")
    assert degrade(clean, tmp_path / "out", weights, "--json") == 1
    rows = {row["input"]: row for row in json.loads(capsys.readouterr().out)}
    good, bad = rows[str(clean / "a.png")], rows[str(clean / "bad.png")]
    assert good["status"] == "done"
    assert good["outputs"] == [str(tmp_path / "out/a.jpg")]
    assert good["megapixels"] == pytest.approx(40 * 32 / 1e6)
    assert bad["status"] == "failed"
    assert bad["outputs"] == []
    assert str(clean / "bad.png") in bad["error"]


@pytest.mark.parametrize("which", [[], ["--task", "jpeg", "--recipe", "y"]])
def test_task_or_recipe(clean, tmp_path, which, capsys):
    """Exactly one of them."""
    assert execute(["degrade", str(clean), str(tmp_path / "out"), *which]) == 2
    assert "either --task NAME or --recipe FILE" in capsys.readouterr().err


@dataclass(frozen=True)
class Broken(i2sbkit.Corruption):
    """A corruption that cannot do what it is asked."""

    def corrupt(self, x0, rng):
        raise Error("cannot")


def test_a_corruptions_own_error_names_the_file(tmp_path):
    """The batch adds the file to a message that lacks it."""
    from i2sbkit.jobs.running import run_jobs

    photo(8, 8).save(tmp_path / "x.png")
    report = run_jobs([Job(tmp_path / "x.png", tmp_path / "y.png")], file_degrader(Damage(Broken()), 0), "degraded")
    assert next(iter(report.outcomes)).error == f"{tmp_path / 'x.png'}: cannot"


@pytest.mark.parametrize(("source", "out"), [("", "out"), ("a.png", ""), ("a.png", "-")])
def test_empty_names_and_pipes_are_told(weights, tmp_path, monkeypatch, capsys, source, out):
    """An empty name is not the current folder and - no folder: exit code 2, nothing is made."""
    monkeypatch.chdir(tmp_path)
    photo(16, 16).save("a.png")
    assert degrade(source, out, weights) == 2
    assert ("is empty" if "" in (source, out) else "only restore") in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_colour_profile_stays_or_is_told(weights, tmp_path, capsys):
    """Pixels keep profile and EXIF; of a codec's own bytes the profile is left out, and that is said once."""
    profile, exif = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), Image.Exif()
    exif[ExifTags.Base.Artist] = "me"
    photo(16, 16).save(tmp_path / "a.png", icc_profile=profile, exif=exif)
    assert degrade(tmp_path / "a.png", tmp_path / "out", weights) == 0
    assert capsys.readouterr().err.count("a.png: its colour profile is left out") == 1
    blur = working_weights(tmp_path / "blur.safetensors", name="blur")
    assert degrade(tmp_path / "a.png", tmp_path / "out", blur) == 0
    assert capsys.readouterr().err == ""
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert (image.info["icc_profile"], image.getexif()[ExifTags.Base.Artist]) == (profile, "me")
