"""`i2sbkit evaluate` on real files: the table is what restoring and measuring by hand gives."""

import csv
import json
import warnings

import pytest
import torch
from evaluate_command import SMALL, make_place, run_evaluate, table
from working_weights import working_weights

import i2sbkit
from i2sbkit.cli import execute
from i2sbkit.images import from_uint8, to_uint8
from i2sbkit.metrics import psnr
from i2sbkit.pairs import Damage, damage_rng
from i2sbkit.sources.shards import open_index, read_pixels


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("evaluate"))


def by_hand(place, nfe, kind="x1"):
    """Mean PSNR of inputs and results, from the public parts alone."""
    model = i2sbkit.load(place / f"{kind}.safetensors", "cpu")
    damage = Damage.of(model.weights.recipe)
    before, after = [], []
    for sample in open_index([place / "data"]).samples:
        x0 = from_uint8(read_pixels(sample))[:, 3:27, 8:32]
        y = damage.observed(x0, None, damage_rng(0, sample.key))
        before.append(psnr(y.image, x0))
        after.append(psnr(from_uint8(to_uint8(model.restore(y.image, nfe=nfe))), x0))
    return sum(before) / len(before), sum(after) / len(after)


def test_samplers_take_options(place, capsys):
    """An option goes with the sampler before it; arms are told apart by what is not as by default."""
    _, arms = table(place, capsys, "--nfe", "3", "--sampler", "dbim:order=2,spacing=karras,sde,dbim:eta=0.5")
    assert list(arms) == ["input", "dbim nfe 3 order 2 spacing karras", "sde nfe 3", "dbim nfe 3 eta 0.5"]


def test_the_table_is_what_restoring_by_hand_gives(place, capsys):
    document, arms = table(place, capsys, "--nfe", "1,3")
    assert list(arms) == ["input", "sde nfe 1", "sde nfe 3"]
    assert document["pictures"] == 12
    for nfe in (1, 3):
        before, after = by_hand(place, nfe)
        assert arms["input"]["means"]["psnr_rgb"]["mean"] == pytest.approx(before, abs=1e-6)
        assert arms[f"sde nfe {nfe}"]["means"]["psnr_rgb"]["mean"] == pytest.approx(after, abs=1e-3)
        assert arms[f"sde nfe {nfe}"]["seconds"] > 0
    assert arms["input"]["seconds"] is None


def test_every_mean_has_its_interval(place, capsys):
    _, arms = table(place, capsys)
    for arm in arms.values():
        for interval in arm["means"].values():
            assert interval["low"] < interval["mean"] < interval["high"]


def test_samplers_etas_and_evaluations_are_combined_where_they_go_together(place, capsys):
    """eta is dbim's alone: sde comes once."""
    _, arms = table(place, capsys, "--sampler", "sde,dbim", "--eta", "0.25,0.5", "--nfe", "1,2", "--count", "2")
    assert list(arms) == [
        "input", "sde nfe 1", "sde nfe 2",
        "dbim nfe 1 eta 0.25", "dbim nfe 1 eta 0.5", "dbim nfe 2 eta 0.25", "dbim nfe 2 eta 0.5",
    ]  # fmt: skip


def test_batches_change_nothing_but_rounding(place, capsys):
    _, one = table(place, capsys, "--nfe", "2")
    _, five = table(place, capsys, "--nfe", "2", "--batch", "5")
    assert five["sde nfe 2"]["means"]["psnr_rgb"]["mean"] == pytest.approx(
        one["sde nfe 2"]["means"]["psnr_rgb"]["mean"], abs=0.01
    )


def test_another_damage_of_the_same_scale_may_be_given(place, capsys):
    """A stronger JPEG leaves less; the weights stay the same."""
    psnrs = [
        table(place, capsys, "--corruption", f"jpeg:quality={quality}", "--count", "4")[1]["input"]["means"]["psnr_rgb"]
        for quality in (5, 90)
    ]
    assert psnrs[0]["mean"] + 1 < psnrs[1]["mean"]
    code, _, err = run_evaluate(place, capsys, "--corruption", "superres:scale=4")
    assert code == 2
    assert "scale 4" in err


def test_a_list_and_a_count_choose_the_pictures(place, capsys, tmp_path):
    (tmp_path / "names.txt").write_text("k003\nk001\nk007\n")
    document, _ = table(place, capsys, "--subset", tmp_path / "names.txt", "--count", "2", "--out", tmp_path / "out")
    assert document["pictures"] == 2
    keys = [json.loads(line)["key"] for line in (tmp_path / "out/pictures.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(keys)) == ["k003", "k001"]


def test_the_folder_has_every_picture_as_lines_and_csv(place, capsys, tmp_path):
    document, arms = table(place, capsys, "--nfe", "1", "--out", tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "pictures.jsonl").read_text().splitlines()]
    assert len(lines) == 12 * 2
    restored = [line["psnr_rgb"] for line in lines if line["arm"] == "sde nfe 1"]
    assert sum(restored) / 12 == pytest.approx(arms["sde nfe 1"]["means"]["psnr_rgb"]["mean"])
    with (tmp_path / "pictures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [line["key"] for line in lines]
    assert float(rows[1]["ssim_rgb"]) == lines[1]["ssim_rgb"]
    assert json.loads((tmp_path / "results.json").read_text()) == document
    assert "| sde nfe 1" in (tmp_path / "results.md").read_text()


def test_several_draws_tell_how_sure_they_are(place, capsys):
    """The mean of draws errs less than a draw, and there are spread, error and their ratio."""
    _, arms = table(place, capsys, "--nfe", "4", "--samples", "5", "--count", "3", kind="plain")
    means = {name: interval["mean"] for name, interval in arms["sde nfe 4"]["means"].items()}
    assert means["psnr_rgb_of_mean"] > means["psnr_rgb"]
    assert means["spread"] > 0
    assert means["calibration"] == pytest.approx(means["error"] / means["spread"], rel=0.2)
    assert "spread" not in arms["input"]["means"]


def test_equal_draws_have_no_calibration(place, capsys):
    """One evaluation draws no noise here: the spread is 0, and nothing is divided by it."""
    _, arms = table(place, capsys, "--nfe", "1", "--samples", "2", "--count", "2")
    assert arms["sde nfe 1"]["means"]["spread"]["mean"] == 0
    assert "calibration" not in arms["sde nfe 1"]["means"]


def test_consistency_is_measured_where_the_damage_is_linear(place, capsys, tmp_path):
    """The distance from the observation in levels, at nothing for what was hidden and kept; not for JPEG."""
    working_weights(tmp_path / "inpaint.safetensors", name="inpaint")
    (tmp_path / "data").symlink_to(place / "data")
    _, arms = table(tmp_path, capsys, "--nfe", "1", "--count", "3", kind="inpaint")
    assert arms["ode nfe 1"]["means"]["consistency"]["mean"] == pytest.approx(0, abs=1e-4)
    _, arms = table(place, capsys, "--nfe", "1", "--count", "1")
    assert "consistency" not in arms["sde nfe 1"]["means"]


def test_what_is_told_is_the_kernel_and_only_when_asked(capsys, tmp_path, place):
    """A blur's weights restore blind unless --told; JPEG's have nothing to be told."""
    working_weights(tmp_path / "blur.safetensors", name="blur")
    (tmp_path / "data").symlink_to(place / "data")
    line = ["--nfe", "1", "--count", "3", "--corruption", "blur:kernel=uniform,size=5"]
    _, blind = table(tmp_path, capsys, *line, kind="blur")
    _, told = table(tmp_path, capsys, *line, "--told", kind="blur")
    distances = [arms["ode nfe 1"]["means"]["consistency"]["mean"] for arms in (blind, told)]
    assert distances[1] < distances[0]
    code, _, err = run_evaluate(place, capsys, "--told")
    assert code == 2
    assert "nothing to tell" in err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["--metrics", "psnr_rbg"], "psnr_rgb"),
        (["--nfe", "0"], "nfe"),
        (["--nfe", "1,x"], "nfe"),
        (["--sampler", "ddim"], "ddim"),
        (["--size", "8"], "ssim_rgb"),
        (["--part", "3/2", "--out", "x"], "1/8"),
        (["--part", "1/2"], "--out DIR"),
        (["--part", "1/20", "--out", "x"], "more parts than pictures"),
        (["--subset", "gone.txt"], "gone.txt"),
        (["--markdown", "--json"], "exclude"),
        (["--report", "page.txt"], ".html"),
        (["--nfe", "1000"], "between 1 and 99 "),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_printed(place, capsys, line, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run_evaluate(place, capsys, *line)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


def test_a_stochastic_sampler_does_not_fit_an_ode(place, capsys):
    code, _, err = run_evaluate(place, capsys, "--sampler", "sde", kind="otode")
    assert code == 2
    assert "OT-ODE" in err
    assert run_evaluate(place, capsys, "--sampler", "sde", "--force", "--count", "1", kind="otode")[0] == 0


def test_text_and_markdown_go_to_stdout(place, capsys):
    code, out, _ = run_evaluate(place, capsys, "--nfe", "1", "--count", "2")
    assert code == 0
    assert "sde nfe 1" in out
    code, out, _ = run_evaluate(place, capsys, "--nfe", "1", "--count", "2", "--markdown")
    assert "| sde nfe 1 |" in out


def test_the_page_shows_the_worst_the_median_and_the_best(place, capsys, tmp_path):
    page = tmp_path / "page.html"
    code, _, err = run_evaluate(place, capsys, "--nfe", "1,2", "--report", page, "--out", tmp_path / "out")
    assert code == 0, err
    text = page.read_text("utf-8")
    lines = [json.loads(line) for line in (tmp_path / "out/pictures.jsonl").read_text().splitlines()]
    best = max(
        ("sde nfe 1", "sde nfe 2"), key=lambda arm: sum(line["psnr_rgb"] for line in lines if line["arm"] == arm)
    )
    ranked = sorted((line for line in lines if line["arm"] == best), key=lambda line: line["psnr_rgb"])
    for line in (ranked[0], ranked[6], ranked[-1]):
        assert line["key"] in text
    assert ranked[3]["key"] not in text
    code, _, err = run_evaluate(place, capsys, "--report", page)
    assert (code, "--overwrite" in err) == (2, True)


def test_features_of_a_network_of_ones_own_and_a_reference(place, capsys, tmp_path, monkeypatch):
    """A TorchScript file gives frechet_STEM; the reference's features are kept by content and used again."""
    monkeypatch.setenv("I2SBKIT_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 5, 4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    example = torch.zeros(2, 3, 24, 24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch would rather not have TorchScript
        torch.jit.trace(net, example).save(tmp_path / "mine.pt")
    line = ["--features", tmp_path / "mine.pt", "--metrics", "psnr_rgb,frechet_mine", "--nfe", "1"]
    document, arms = table(place, capsys, *line, "--reference", place / "data")
    cached = list((tmp_path / "cache/statistics").glob("*.safetensors"))
    assert len(cached) == 1
    stamp = cached[0].stat().st_mtime_ns
    assert arms["sde nfe 1"]["sets"]["frechet_mine"] > arms["input"]["sets"]["frechet_mine"] >= 0
    _, again = table(place, capsys, *line, "--reference", place / "data")
    assert again["sde nfe 1"]["sets"] == arms["sde nfe 1"]["sets"]
    assert cached[0].stat().st_mtime_ns == stamp
    _, own = table(place, capsys, *line)
    assert own["sde nfe 1"]["sets"]["frechet_mine"] == pytest.approx(
        arms["sde nfe 1"]["sets"]["frechet_mine"], rel=1e-3
    )
    assert any("frechet_mine" in note for note in document["notes"])


def test_memory_does_not_grow_with_the_pictures(place, tmp_path):
    """Sums are of one size, however many pictures: the state on disk is as large after 2 as after 12."""
    sizes = []
    for count in (2, 12):
        out = tmp_path / str(count)
        line = ["evaluate", "--weights", str(place / "x1.safetensors"), "--data", str(place / "data"), *SMALL]
        assert execute([*line, "--count", str(count), "--out", str(out), "--device", "cpu"]) == 0
        sizes.append((out / "part-1-of-1.safetensors").stat().st_size)
    assert abs(sizes[0] - sizes[1]) < 64
