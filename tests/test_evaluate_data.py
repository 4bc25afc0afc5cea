"""What `evaluate` is given: photographs that are damaged, small or renamed, and pairs."""

import shutil

import pytest
from evaluate_command import make_place, run_evaluate, table
from photographs import encoded, make_folder, picture
from working_weights import working_weights

from i2sbkit import from_pil
from i2sbkit.metrics import psnr

ONE = ("--nfe", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("data"))


@pytest.fixture
def photographs(place, tmp_path):
    """A place of one's own, with the weights and three photographs, a, b and c."""
    shutil.copy(place / "x1.safetensors", tmp_path)
    make_folder(tmp_path / "data", ["a.png", "b.png", "c.png"])
    return tmp_path


def truncate(file):
    file.write_bytes(file.read_bytes()[:-500])


def given(place, capsys, **how):
    """Mean PSNR of the damaged pictures."""
    return table(place, capsys, *ONE, **how)[1]["input"]["means"]["psnr_rgb"]["mean"]


def test_an_evaluation_is_compared_with_its_own_earlier_run_though_a_photograph_is_damaged(photographs, capsys):
    truncate(photographs / "data/b.png")
    table(photographs, capsys, *ONE, "--out", photographs / "one")
    document, arms = table(photographs, capsys, *ONE, "--against", photographs / "one")
    assert document["pictures"] == 2
    assert arms["sde nfe 1"]["against"]["psnr_rgb"]["difference"]["mean"] == 0


def test_other_photographs_of_the_same_names_are_not_compared(photographs, capsys):
    table(photographs, capsys, *ONE, "--out", photographs / "one")
    truncate(photographs / "data/b.png")
    code, out, err = run_evaluate(photographs, capsys, *ONE, "--against", photographs / "one")
    assert (code, out, "evaluated other pictures (Data was '3 pictures" in err) == (2, "", True)


@pytest.mark.parametrize("parts", [1, 2])
def test_enlarged_photographs_are_counted(photographs, capsys, parts):
    """However many parts there are, and when the finished parts are only added up again."""
    for name in ("d", "e"):
        (photographs / f"data/{name}.png").write_bytes(encoded(picture(9, 20, 30)))
    line = [*ONE, "--out", photographs / "out"]
    for part in range(1, parts):
        assert run_evaluate(photographs, capsys, *line, "--part", f"{part}/{parts}")[0] == 0
    for _ in range(2):
        document, _ = table(photographs, capsys, *line, "--part", f"{parts}/{parts}")
        assert "2 of 5 pictures are smaller than 24 pixels a side, and were enlarged first." in document["notes"]
    document, _ = table(photographs, capsys, *ONE, "--size", "20")
    assert not any("enlarged" in note for note in document["notes"])


def test_damage_follows_from_the_key_and_not_from_where_the_photograph_lies(photographs, capsys):
    """As docs/determinism.md says: in another folder, as another kind of file it is the same; renamed it is not."""
    working_weights(photographs / "holes.safetensors", name="inpaint")
    for name, file in (("one", "a.png"), ("moved", "a.webp"), ("renamed", "b.png")):
        (photographs / name).mkdir()
        kind = {"kind": "WEBP", "lossless": True} if file.endswith("webp") else {}
        (photographs / name / file).write_bytes(encoded(picture(1), **kind))
    one, moved, renamed = (given(photographs, capsys, kind="holes", data=name) for name in ("one", "moved", "renamed"))
    assert one == moved != renamed


def test_pairs_are_measured_from_their_degraded_half(photographs, capsys):
    """Weights of paired data need no other command: the input is what the data brings."""
    paired = ("data.paired=true", "data.train=x", "data.val=[]")
    working_weights(photographs / "pairs.safetensors", *paired, name="pix2pix")
    make_folder(photographs / "pairs/clean", ["a.png", "b.png"])
    make_folder(photographs / "pairs/degraded", ["b.png", "a.png"])
    a, b = (from_pil(picture(number))[:, 3:27, 8:32] for number in (0, 1))
    assert given(photographs, capsys, kind="pairs", data="pairs") == pytest.approx(psnr(a, b), abs=1e-6)
