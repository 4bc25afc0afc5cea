"""benchmarks/quality.py is fair and says where we lose: same inputs for all, missing peers named, losses marked."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import i2sbkit
from i2sbkit.metrics import psnr

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """The benchmarks' folder on the path, as it is for `python benchmarks/quality.py`."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def peers(importable):
    return importlib.import_module("peers")


@pytest.fixture(scope="module")
def cases(importable):
    return importlib.import_module("peers.cases")


@pytest.fixture(scope="module")
def crops(cases):
    """Two held-out crops, made small."""
    found = cases.read_pictures(BENCHMARKS / "heldout", 2)
    return [cases.Picture(each.name, np.ascontiguousarray(each.clean[96:160, 96:160])) for each in found]


def decibels(result, clean):
    return psnr(*(torch.from_numpy(each.copy()).double() / 127.5 - 1 for each in (result, clean)))


def peer_of(peers, name):
    return next(peer for peer in peers.ALL if peer.name == name)


def constant(peers, name, level, ours=False, **more):
    """A peer that paints everything in one level of gray."""
    source = importlib.import_module("peers.peer").Source(("numpy",), "pip install numpy")
    load = lambda _: lambda case: np.full((*case.image.shape[:2], 3), level, np.uint8)  # noqa: E731
    return importlib.import_module("peers.peer").Peer(name, "jpeg", source, load, ours=ours, **more)


def compared(peers, crops, folder, *some):
    comparing, measuring = (importlib.import_module(f"peers.{name}") for name in ("comparing", "measuring"))
    versions = {peer: peer.source.versions() for peer in some}
    return comparing.compare(versions, crops, "jpeg", "quality 10", folder, measuring.measure(), lambda line: None)


def test_a_case_follows_from_content_and_damage_alone(cases, crops):
    """Drawn twice it is the same, whatever the picture is called; of another picture the holes are others."""
    here = cases.damaged(crops[0], "inpaint", "freeform 10-20 %")
    again = cases.damaged(cases.Picture("another name", crops[0].clean), "inpaint", "freeform 10-20 %")
    other = cases.damaged(crops[1], "inpaint", "freeform 10-20 %")
    assert (here.mask == again.mask).all() and (here.image == again.image).all()
    assert (here.mask != other.mask).any()


@pytest.mark.parametrize("task", ["jpeg", "blur", "sr4x", "inpaint"])
def test_every_damage_makes_8_bits_and_says_what_may_be_told(cases, crops, task):
    """Cases hold uint8 of the size that the scale asks for; kernels sum to 1 and are symmetric; masks are bool."""
    for damage in cases.DAMAGES[task]:
        case = cases.damaged(crops[0], task, damage)
        assert case.image.dtype == np.uint8
        assert [side * case.scale for side in case.image.shape[:2]] == [64, 64]
        if task == "blur":
            assert case.kernel.sum() == pytest.approx(1) and (case.kernel == case.kernel[::-1, ::-1]).all()
        assert (case.mask is not None and case.mask.dtype == bool) == (task == "inpaint")
        assert (case.file is not None) == (task == "jpeg")


def test_all_peers_are_handed_the_same(peers, cases, crops, tmp_path):
    """What each sees of a damage is equal to the bit."""
    seen = {}

    def spy(name):
        def restore(case):
            seen.setdefault(name, []).append(case)
            return case.image

        return restore

    kinds = importlib.import_module("peers.peer")
    source = kinds.Source(("numpy",), "")
    some = [kinds.Peer(name, "jpeg", source, lambda _, name=name: spy(name), ours=name == "a") for name in "abc"]
    compared(peers, crops, tmp_path, *some)
    for a, *others in zip(*seen.values(), strict=True):
        assert all((a.image == other.image).all() and a.file == other.file for other in others)


def test_a_missing_peer_is_listed_with_what_brings_it(peers, monkeypatch):
    """Not an error: the line names the command."""
    kinds = importlib.import_module("peers.peer")
    source = kinds.Source(("surely-not-installed",), "pip install surely-not-installed")
    absent = kinds.Peer("absent", "jpeg", source, lambda _: None)
    present, missing = importlib.import_module("quality").installed([absent, constant(peers, "gray", 128)])
    lines = importlib.import_module("peers.page").methods("jpeg", present, missing)
    assert "- absent: **missing**: `pip install surely-not-installed`." in lines
    assert any(line.startswith("- gray: numpy ") for line in lines)


def test_every_peer_says_how_to_get_it(peers):
    """Where its package is missing; and everything that pip brings is pinned."""
    pinned = (BENCHMARKS / "peers/requirements.txt").read_text("utf-8")
    for peer in peers.ALL:
        if peer.ours:
            continue
        assert peer.source.install.startswith("pip install")
        for package in set(peer.source.packages) - {"numpy", "pillow", "torch"}:
            assert re.search(rf"^{package}==", pinned, re.MULTILINE), package


def test_losses_are_marked(peers, crops, tmp_path):
    """A better peer stands above ours, in bold, with the decibels; the sentence names it."""
    means = [int(crop.clean.mean()) for crop in crops]
    good, bad = sum(means) // 2, 255
    tables = importlib.import_module("peers.tables")
    rows = compared(peers, crops, tmp_path, constant(peers, "ours", bad, ours=True), constant(peers, "gray", good)).rows
    lines = tables.table(rows)
    gray, ours = (next(number for number, line in enumerate(lines) if name in line) for name in ("| gray", "**ours"))
    assert gray < ours
    assert re.search(r"\*\*we lose \d+\.\d\d dB\*\*; better on [12] of 2", lines[gray])
    assert re.search(r"`ours` is 2nd of 2; \*\*gray is \d+\.\d\d dB better\*\* at .*x the time", tables.sentences(rows))
    assert "leaving the picture as it is would be" in tables.sentences(rows)


def test_a_win_says_who_is_next(peers, crops, tmp_path):
    """And the peer's cell says by how much it is worse."""
    tables = importlib.import_module("peers.tables")
    good = int(np.mean([crop.clean.mean() for crop in crops]))
    some = constant(peers, "ours", good, ours=True), constant(peers, "white", 255)
    rows = compared(peers, crops, tmp_path, *some).rows
    assert re.search(r"`ours` is 1st of 2; the next, white, is \d+\.\d\d dB worse", tables.sentences(rows))
    white = next(line for line in tables.table(rows) if "| white" in line)
    assert re.search(r"\d+\.\d\d dB worse; better on 0 of 2", white)


def test_where_we_have_no_weights_it_says_so(peers, crops, tmp_path):
    """The peers are shown all the same."""
    tables = importlib.import_module("peers.tables")
    rows = compared(peers, crops, tmp_path, constant(peers, "gray", 128)).rows
    assert tables.sentences(rows).startswith("No bundled weights yet.")
    assert "| gray" in "\n".join(tables.table(rows))


def test_what_is_told_is_held_against_what_is_told(peers, crops, tmp_path):
    """A rank counts those that are told as much."""
    tables = importlib.import_module("peers.tables")
    some = (
        constant(peers, "blind", 100, ours=True),
        constant(peers, "knowing", 120, ours=True, told="the kernel"),
        constant(peers, "rival", 110, told="the kernel"),
    )
    text = tables.sentences(compared(peers, crops, tmp_path, *some).rows)
    assert "`blind` is 1st of 1 that are told nothing" in text
    assert re.search(r"`knowing` is \S+ of 2 that are told the kernel", text)


def test_a_run_goes_on_where_it_was(peers, crops, tmp_path):
    """Nothing is run twice; another version is."""
    kinds = importlib.import_module("peers.peer")
    calls = []

    def load(_):
        return lambda case: calls.append(1) or case.image

    versions = iter(["1", "1", "2"])
    source = kinds.Source((), "", lambda: next(versions))
    peer = kinds.Peer("counted", "jpeg", source, load)
    counts = []
    for some in (crops[:1], crops, crops):
        compared(peers, some, tmp_path, peer)
        counts.append(len(calls))
    assert counts == [2, 4, 7]  # once to warm up wherever something is left to do


def test_deconvolution_that_is_told_the_kernel_beats_the_blur(peers, cases, crops):
    """Total variation, in numpy, gains over 2 dB on a 9x9 box."""
    restore = peer_of(peers, "total variation").load(1e-4)
    case = cases.damaged(crops[0], "blur", "uniform 9")
    assert decibels(restore(case), crops[0].clean) > decibels(case.image, crops[0].clean) + 2


def test_a_mirrored_period_makes_the_blur_a_product(cases, crops):
    """The spectrum times the kernel's is what `blur` makes, to rounding: the boundaries are told exactly."""
    mirrored = importlib.import_module("peers.mirrored")
    case = cases.damaged(crops[0], "blur", "gaussian 21, sigma 3")
    period = mirrored.unfold(crops[0].clean.astype(np.float64))[..., 0]
    spectrum = np.fft.rfft2(period) * mirrored.transfer(case.kernel, *period.shape)
    assert np.abs(np.fft.irfft2(spectrum, period.shape)[:64, :64] - case.image[..., 0]).max() < 0.51


@pytest.mark.parametrize("name", ["Pillow bicubic", "Pillow Lanczos"])
def test_interpolation_is_better_than_repeated_pixels(peers, cases, crops, name):
    """And as large as the clean picture."""
    case = cases.damaged(crops[0], "sr4x", "bicubic")
    larger = peer_of(peers, name).load(None)(case)
    assert decibels(larger, crops[0].clean) > decibels(cases.untouched(case), crops[0].clean)


def test_a_peer_that_gives_another_size_is_refused(peers, crops, tmp_path):
    """Instead of being measured."""
    kinds = importlib.import_module("peers.peer")
    peer = kinds.Peer("cropping", "jpeg", kinds.Source((), ""), lambda _: lambda case: case.image[1:])
    with pytest.raises(ValueError, match="cropping gives uint8"):
        compared(peers, crops, tmp_path, peer)


def test_the_page_keeps_what_was_written_by_hand(tmp_path):
    """Only what stands between the marks is replaced; a page without them is refused."""
    page = importlib.import_module("peers.page")
    path = tmp_path / "quality.md"
    begin, end = page.BEGIN.format("blur"), page.END.format("blur")
    path.write_text(f"above\n{begin}\nold\n{end}\nbelow\n", "utf-8")
    page.write_between(path, "blur", ["new"])
    assert path.read_text("utf-8") == f"above\n{begin}\n\nnew\n\n{end}\nbelow\n"
    with pytest.raises(i2sbkit.Error, match="no place for jpeg"):
        page.write_between(path, "jpeg", ["new"])


def test_every_setting_was_chosen_among_the_choices(peers, cases):
    """`settings.json` has one for each damage of each peer that has choices, and for no other."""
    for peer in peers.ALL:
        chosen = cases.SETTINGS.get(f"{peer.task}: {peer.name}", {})
        assert set(chosen) == (set(cases.DAMAGES[peer.task]) if peer.choices else set())
        assert set(chosen.values()) <= set(peer.choices)
