"""Scoring: many columns at once, each network loaded once and asked once."""

import pytest
import torch
from tiny_networks import Tiny, scripted, tiny

from i2sbkit import Error
from i2sbkit.metrics import Distribution, ModuleNetwork, Scorer, column, networks
from i2sbkit.metrics.perceptual import perceptual_distance

ALL = ("psnr_rgb", "percep_tiny", "frechet_tiny", "ssim_y_crop2", "agreement_tiny", "accuracy_tiny", "kernel_tiny")


def noise(seed, width=32, height=24):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Counted(Tiny):
    """Counts its calls."""

    calls = 0

    def forward(self, images):
        """See `Tiny`."""
        Counted.calls += 1
        return super().forward(images)


def test_columns_are_in_the_order_asked_for():
    """Those of sets among them; a name said twice is one column."""
    scorer = Scorer([*ALL, "psnr_rgb"], "cpu", networks=[tiny()])
    assert tuple(scorer.higher_is_better) == ALL
    assert tuple(scorer.higher_is_better.values()) == (True, False, False, True, True, True, False)
    assert scorer.set_columns == ("frechet_tiny", "kernel_tiny")
    assert scorer.picture_columns == ("psnr_rgb", "percep_tiny", "ssim_y_crop2", "agreement_tiny", "accuracy_tiny")
    assert list(scorer.networks) == ["tiny"]


def test_a_score_is_what_each_column_measures():
    """The same numbers as one by one, and the features for a distribution."""
    net, clean, result = tiny(), noise(0), noise(1)
    scorer = Scorer(ALL, "cpu", networks=[net])
    seen, wanted = net.look(result[None]), net.look(clean[None])
    prepared = scorer.prepared(clean, label=int(seen.classes))
    score = scorer.score(result, prepared)
    assert score.values == {
        "psnr_rgb": column("psnr_rgb").measure(result, clean),
        "percep_tiny": perceptual_distance(seen, wanted),
        "ssim_y_crop2": column("ssim_y_crop2").measure(result, clean),
        "agreement_tiny": float(seen.classes == wanted.classes),
        "accuracy_tiny": 1.0,
    }
    torch.testing.assert_close(score.pooled["tiny"], seen.pooled[0])
    torch.testing.assert_close(prepared.pooled["tiny"], wanted.pooled[0])


def test_accuracy_is_against_the_label_and_agreement_against_the_clean_picture():
    """A clean picture agrees with itself, whatever it is."""
    scorer = Scorer(["agreement_tiny", "accuracy_tiny"], "cpu", networks=[tiny()])
    clean = noise(0)
    right = int(tiny().look(clean[None]).classes)
    for label in range(4):
        values = scorer.score(clean, scorer.prepared(clean, label=label)).values
        assert values == {"agreement_tiny": 1.0, "accuracy_tiny": float(label == right)}


def test_a_network_looks_once_at_each_picture():
    """At the clean one once for all results, at a result once for all columns."""
    Counted.calls = 0
    scorer = Scorer(ALL, "cpu", networks=[ModuleNetwork("tiny", Counted(), "cpu")])
    prepared = scorer.prepared(noise(0), label=0)
    for seed in (1, 2, 3):
        scorer.score(noise(seed), prepared)
    assert Counted.calls == 4


def test_a_network_is_loaded_once_and_only_if_needed(monkeypatch):
    """Columns of pixels alone load none."""
    loaded = []

    def load(device):
        loaded.append(device)
        return tiny("efflite0")

    monkeypatch.setitem(networks.NETWORKS, "efflite0", load)
    Scorer(["psnr_y", "ssim_rgb"], "cpu")
    assert loaded == []
    Scorer(["percep_efflite0", "frechet_efflite0", "agreement_efflite0"], "cpu")
    assert loaded == ["cpu"]


def test_set_values_are_the_distances_of_the_distributions():
    """By network, in the order of the columns."""
    scorer = Scorer(["kernel_tiny", "psnr_rgb", "frechet_tiny"], "cpu", networks=[tiny()])
    clean, results = Distribution(), Distribution()
    for seed in range(5):
        prepared = scorer.prepared(noise(seed))
        clean.add([f"{seed}"], prepared.pooled["tiny"][None])
        results.add([f"{seed}"], scorer.score(noise(seed + 9), prepared).pooled["tiny"][None])
    found = scorer.set_values({"tiny": results}, {"tiny": clean})
    assert list(found.items()) == [("kernel_tiny", results.kernel(clean)), ("frechet_tiny", results.frechet(clean))]


def test_features_are_kept_for_set_columns_only():
    """Nobody asks for the others."""
    scorer = Scorer(["percep_tiny"], "cpu", networks=[tiny()])
    prepared = scorer.prepared(noise(0))
    assert prepared.pooled == scorer.score(noise(1), prepared).pooled == {}


def test_a_file_brings_a_network(tmp_path):
    """Named by its stem."""
    scorer = Scorer(["percep_mine"], "cpu", files=[scripted(tmp_path, "mine.pt")])
    by_file = scorer.score(noise(1), scorer.prepared(noise(0))).values["percep_mine"]
    by_hand = perceptual_distance(tiny().look(noise(1)[None]), tiny().look(noise(0)[None]))
    assert by_file == pytest.approx(by_hand, rel=1e-5)


def test_a_perceptual_distance_by_hand():
    """Zhang et al. 2018, Eq. 1, pixel by pixel, with and without weights; the length of features does not matter."""
    from i2sbkit.metrics import Look

    a, b = torch.rand(1, 4, 3, 5), torch.rand(1, 4, 3, 5)
    heads = [torch.tensor([0.5, 0.0, 2.0, 1.0])]
    for weights, given in ((torch.ones(4), None), (heads[0], heads)):
        wanted = sum(
            weights @ (a[0, :, y, x] / a[0, :, y, x].norm() - b[0, :, y, x] / b[0, :, y, x].norm()) ** 2
            for y in range(3)
            for x in range(5)
        )
        for scale in (1, 7):
            found = perceptual_distance(Look(None, (scale * a, a)), Look(None, (b, a)), given and given * 2)
            assert found == pytest.approx(float(wanted) / 15, rel=1e-5)


def test_small_pictures_are_refused_by_column():
    """The first that cannot be measured, with what it needs."""
    scorer = Scorer(["psnr_rgb", "ssim_y_crop8", "percep_tiny"], "cpu", networks=[tiny(least=40)])
    scorer.check(40, 50)
    with pytest.raises(Error, match="50x39 pixels are too few for percep_tiny, which needs 40 a side"):
        scorer.check(39, 50)
    with pytest.raises(Error, match="26x90 pixels are too few for ssim_y_crop8, which needs 27 a side"):
        scorer.check(90, 26)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("psnr_rbg", "no column 'psnr_rbg'; did you mean 'psnr_rgb'?"),
        ("precep_efflite0", "no column 'precep_efflite0'; did you mean 'percep_efflite0'?"),
        ("lpip", "no column 'lpip'; did you mean 'lpips'?"),
        ("percep_", "no column 'percep_'; did you mean"),
        ("percep_efflite", "column 'percep_efflite': no network 'efflite'; did you mean 'efflite0'?"),
        (
            "frechet_vit",
            "no network 'vit'; there are efflite0, inception, resnet50, lpips_alexnet, lpips_vgg16, and any",
        ),
        ("frechet_inception", "column 'frechet_inception': its name is fid"),
        ("percep_lpips_alexnet", "column 'percep_lpips_alexnet': its name is lpips"),
        ("psnr_y_crop", "after _crop comes a number of pixels"),
        ("fid_tiny", "no column 'fid_tiny'; there are"),
        ("lpips_tiny", "no column 'lpips_tiny'; did you mean"),
    ],
)
def test_other_columns_are_refused(name, said):
    """No network but the published one gives an FID or LPIPS; a published number has one name."""
    with pytest.raises(Error) as caught:
        Scorer(["psnr_y", name], "cpu", networks=[])
    assert said in str(caught.value)


def test_a_network_that_is_not_used_is_a_mistake(tmp_path):
    """It would have been given for nothing."""
    path = scripted(tmp_path, "mine.pt")
    with pytest.raises(Error, match="no column looks through the network mine; name one, such as frechet_mine"):
        Scorer(["percep_efflite0"], "cpu", files=[path])


def test_names_are_not_taken_twice(tmp_path):
    """Neither a built-in's nor another's; a file does not stand in for a published network."""
    (tmp_path / "a").mkdir()
    paths = [scripted(tmp_path, "mine.pt"), scripted(tmp_path / "a", "mine.pt")]
    for files, further in (
        (paths, []),
        ([scripted(tmp_path, "efflite0.pt")], []),
        ([scripted(tmp_path, "inception_standin.pt")], []),
        (paths[:1], [tiny("mine")]),
        ([], [tiny("inception")]),
    ):
        with pytest.raises(Error, match="is the name of another network; rename it"):
            Scorer(["frechet_mine"], "cpu", files, further)


class Blind(torch.nn.Module):
    """Gives maps alone."""

    def forward(self, images):
        """The pictures."""
        return images


@pytest.mark.parametrize(
    ("measure", "lacking"), [("frechet", "pooled"), ("kernel", "pooled"), ("agreement", "classes")]
)
def test_a_network_must_give_what_a_column_needs(measure, lacking):
    """Said with the first clean picture."""
    scorer = Scorer([f"{measure}_blind"], "cpu", networks=[ModuleNetwork("blind", Blind(), "cpu")])
    with pytest.raises(Error, match=f"column {measure}_blind: the network blind gives no {lacking}"):
        scorer.prepared(noise(0))


def test_accuracy_needs_labels():
    """And agreement does not."""
    scorer = Scorer(["accuracy_tiny"], "cpu", networks=[tiny()])
    said = "column accuracy_tiny: the pictures carry no class labels; agreement_tiny needs none"
    with pytest.raises(Error, match=said):
        scorer.prepared(noise(0))
