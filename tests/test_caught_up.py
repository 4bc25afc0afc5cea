"""What comes behind a state, weights and validation, and was cut off: it is made when the run goes on."""

import pytest
from ranks import train_in_ranks
from tiny_training import SHORT, assert_equal_bits, go, log, state, states

from i2sbkit.checkpoint import read_tensors
from i2sbkit.training import saving
from i2sbkit.training.validation import Validation


def killed(*given, **more):
    raise KeyboardInterrupt


def sheets(run):
    return sorted(path.name for path in (run / "samples").glob("*.png"))


@pytest.mark.parametrize("cut", [10, 20])
def test_weights(cut, whole_run, tiny_recipe, tmp_path, monkeypatch):
    """Killed between state and weights, which are missing then, or those of the state before."""
    run = tmp_path / "run"
    if cut > 10:
        go(tiny_recipe, run, SHORT, "train.iterations=10")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(saving, "write_weights", killed)
        go(tiny_recipe, run, SHORT, f"train.iterations={cut}")
    assert states(run) == list(range(10, cut + 1, 10))
    go(tiny_recipe, run, SHORT)
    assert_equal_bits(state(run, 20), state(whole_run[1], 20))
    assert_equal_bits(*(read_tensors(each / "weights.safetensors") for each in (run, whole_run[1])))


@pytest.mark.parametrize("iterations", [10, 20])
def test_a_validation(iterations, whole_run, tiny_recipe, tmp_path, monkeypatch):
    """At the last step or before: it is made once, as it would have been, and the steps behind it are the same."""
    words = ["train.val_every=10", f"train.iterations={iterations}"]
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Validation, "measure", killed)
        go(tiny_recipe, tmp_path / "run", *words)
    assert (states(tmp_path / "run"), sheets(tmp_path / "run")) == ([10], [])
    found, again = (go(tiny_recipe, tmp_path / "run", *words) for _ in range(2))
    assert "psnr_nfe2" in found
    assert "psnr_nfe2" not in again
    go(tiny_recipe, tmp_path / "never stopped", *words)
    both = [tmp_path / "run", tmp_path / "never stopped"]
    assert sheets(both[0]) == sheets(both[1]) != []
    measured = [[line["psnr_nfe2"] for line in log(run) if "psnr_nfe2" in line] for run in both]
    assert measured[0] == measured[1]
    assert_equal_bits(*(state(run, iterations) for run in both))


@pytest.mark.parametrize("how", ["ddp", "fsdp"])
def test_by_several_processes(how, tiny_recipe, tmp_path):
    """All of them know what is missing, as the first sees it."""
    run, words = tmp_path / "run", [f"train.parallel={how}", "train.iterations=2"]
    train_in_ranks(tiny_recipe, run, *words)
    before = read_tensors(run / "weights.safetensors")
    (run / "weights.safetensors").unlink()
    (run / "samples" / "step-00000002.png").unlink()
    assert ["psnr_nfe2" in each for each in train_in_ranks(tiny_recipe, run, *words)] == [True, True]
    assert_equal_bits(read_tensors(run / "weights.safetensors"), before)
    assert sheets(run) == ["step-00000002.png"]
