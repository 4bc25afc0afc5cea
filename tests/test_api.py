"""The Python way in: what goes in comes out, and wrong types say what to give."""

import numpy as np
import pytest
import torch
from pictures import photo, pixels
from PIL import Image
from working_weights import working_weights

import i2sbkit
from i2sbkit import Error, shipped
from i2sbkit.cli import execute


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return working_weights(tmp_path_factory.mktemp("w") / "tiny.safetensors")


@pytest.fixture(scope="module")
def model(path):
    return i2sbkit.load(path, "cpu")


def test_a_pillow_image_gives_one_back(model):
    """RGB in, RGB out, of the same size and not the same picture."""
    image = photo(37, 23)
    result = model.restore(image)
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size) == ("RGB", (37, 23))
    assert not np.array_equal(np.asarray(result), np.asarray(image))


@pytest.mark.parametrize(
    ("mode", "gives"),
    [("L", "L"), ("LA", "LA"), ("RGBA", "RGBA"), ("P", "RGB"), ("1", "L"), ("I;16", "I;16"), ("F", "F")],
)
def test_the_mode_of_a_pillow_image_comes_back(model, mode, gives):
    """Gray, transparency and depth are kept; palettes, which new colours do not fit, become RGB."""
    plain = photo(37, 23).convert("L" if mode in ("L", "LA", "I;16", "F") else "RGB")
    image = plain if mode in ("I;16", "F") else plain.convert(mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(plain).astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(plain).astype(np.float32) / 255)
    elif mode.endswith("A"):
        image.putalpha(77)
    result = model.restore(image)
    assert (result.mode, result.size) == (gives, image.size)
    if mode.endswith("A"):
        assert set(result.getchannel("A").tobytes()) == {77}
        assert result.convert(plain.mode).tobytes() == model.restore(plain).tobytes()
    if mode in ("I;16", "F"):
        white = 65535 if mode == "I;16" else 1
        expected = np.asarray(model.restore(plain)) / 255.0
        assert np.abs((np.asarray(result) / white).clip(0, 1) - expected).max() < 0.51 / 255


def test_an_array_gives_one_back(model):
    """uint8 (H, W, 3), also one that is not contiguous; the same numbers as the Pillow image."""
    image = photo(37, 23)
    array = np.asarray(image)
    result = model.restore(array)
    assert isinstance(result, np.ndarray)
    assert (result.dtype, result.shape) == (np.uint8, (23, 37, 3))
    assert np.array_equal(result, np.asarray(model.restore(image)))
    turned = model.restore(array[::-1].copy())
    assert np.array_equal(model.restore(array[::-1]), turned)


def test_a_tensor_gives_one_back_unclamped(model):
    """Float (3, H, W) in [-1, 1]: the same picture before clamping and rounding; what was given is not changed."""
    image = photo(37, 23)
    tensor = i2sbkit.from_pil(image)
    before = tensor.clone()
    result = model.restore(tensor)
    assert result.shape == (3, 23, 37)
    assert result.abs().max() > 1
    assert np.array_equal(np.asarray(i2sbkit.to_pil(result)), np.asarray(model.restore(image)))
    assert torch.equal(tensor, before)
    result.clamp_(-1, 1)  # an ordinary tensor


def test_a_batch_gives_one_back_equal_to_singles(model):
    """(B, 3, H, W): each as it would be alone, to 1e-5."""
    batch = torch.stack([i2sbkit.from_pil(photo(32, 24, name)) for name in ("typewriter", "level-15")])
    result = model.restore(batch, nfe=3)
    assert result.shape == batch.shape
    for one, alone in zip(result, batch, strict=True):
        torch.testing.assert_close(one, model.restore(alone, nfe=3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_the_dtype_comes_back(model, dtype):
    """Any floating point: the result has the type that was given."""
    assert model.restore(i2sbkit.from_pil(photo(16, 16)).to(dtype)).dtype == dtype


def test_each_of_a_batch_has_its_mask(model):
    """(B, 1, H, W) are masks of their own; (H, W) is one for all."""
    picture = i2sbkit.from_pil(photo(16, 16))
    batch = torch.stack([picture, picture.flip(-1)])
    masks = torch.zeros(2, 1, 16, 16)
    masks[0, :, 2:6, 2:6] = masks[1, :, 8:12, 3:9] = 1
    found = model.restore(batch, mask=masks)
    assert torch.equal(torch.where(masks > 0, 0.0, found), torch.where(masks > 0, 0.0, batch))
    alone = [model.restore(picture, mask=mask) for picture, mask in zip(batch, masks[:, 0], strict=True)]
    torch.testing.assert_close(found, torch.stack(alone), atol=1e-5, rtol=0)


def test_draws_that_are_all_the_same_are_told(path):
    """One evaluation ends at node 0, where no noise is drawn: a warning says what to take."""
    model = i2sbkit.load(path, "cpu")
    with pytest.warns(UserWarning, match="all draws are the same, as Sde.*take more evaluations"):
        model.restore(photo(16, 16), samples=2, nfe=1)


def test_samples_are_a_list_of_distinct_draws(model):
    """`samples` > 1 gives a list; the first is the single run; 1 gives no list."""
    image = photo(32, 24)
    draws = model.restore(image, samples=3)
    assert [type(draw) for draw in draws] == [Image.Image] * 3
    arrays = [np.asarray(draw).astype(int) for draw in draws]
    assert np.array_equal(arrays[0], np.asarray(model.restore(image)))
    assert all(abs(arrays[a] - arrays[b]).max() > 5 for a, b in ((0, 1), (0, 2), (1, 2)))
    batch = torch.zeros(2, 3, 8, 8)
    assert [draw.shape for draw in model.restore(batch, samples=2)] == [batch.shape] * 2


def test_restore_equals_the_command_line(model, path, tmp_path):
    """`model.restore` and `i2sbkit restore` give the same bytes for the same file and settings."""
    photo(45, 31).save(tmp_path / "x.png")
    line = [str(tmp_path / "x.png"), str(tmp_path / "y.png"), "--weights", str(path)]
    assert execute(["restore", *line, "--nfe", "3", "--seed", "5", "--device", "cpu"]) == 0
    with Image.open(tmp_path / "x.png") as image:
        result = model.restore(image, nfe=3, seed=5)
    assert np.array_equal(np.asarray(result), pixels(tmp_path / "y.png"))


@pytest.mark.parametrize(
    "picture",
    [
        "photo.png",
        None,
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(1, 8, 8),
        torch.zeros(8, 8, 3),
        torch.zeros(8, 8),
        torch.zeros(0, 3, 8, 8),
        torch.zeros(3, 0, 8),
        torch.full((3, 8, 8), 255.0),
        torch.full((3, 8, 8), float("nan")),
        Image.new("CMYK", (8, 8)),
        Image.new("I", (8, 8)),
        Image.new("F", (8, 8), 255),
        Image.new("RGB", (0, 8)),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'shape', getattr(value, 'mode', ''))}",
)
def test_wrong_pictures_are_an_error(model, picture):
    """Another type, mode, dtype, shape or range: an Error, not a wrong result."""
    with pytest.raises(Error):
        model.restore(picture)


def test_wrong_pictures_say_what_to_give(model):
    """The message names what came and what is taken."""
    with pytest.raises(Error, match=r"uint8 array \(H, W, 3\).*got ndarray uint8 \(8, 8\)"):
        model.restore(np.zeros((8, 8), np.uint8))
    with pytest.raises(Error, match="kind CMYK; convert it to RGB first"):
        model.restore(Image.new("CMYK", (8, 8)))
    with pytest.raises(Error, match=r"reaches 255.*127\.5"):
        model.restore(torch.full((3, 8, 8), 255.0))


def square():
    mask = np.zeros((24, 32), np.uint8)
    mask[4:12, 6:20] = 255
    return mask


def test_a_mask_in_any_form(model):
    """Pillow, array or tensor, bool or numbers, (H, W) or (1, H, W): non-zero is missing."""
    image, mask = photo(32, 24), square()
    forms = [mask, mask > 0, mask.astype(np.float32) / 255, torch.from_numpy(mask)[None], Image.fromarray(mask)]
    forms += [Image.fromarray(mask).convert("1"), mask.astype(np.uint16), -mask.astype(int)]
    first, *others = (np.asarray(model.restore(image, mask=form)) for form in forms)
    assert all(np.array_equal(first, other) for other in others)
    assert not np.array_equal(first, np.asarray(model.restore(image)))
    assert np.array_equal(first[mask == 0], np.asarray(image)[mask == 0])


@pytest.mark.parametrize("mask", [np.zeros((32, 24)), np.zeros((24, 32, 3)), torch.zeros(2, 24, 32), 1, "mask.png", []])
def test_a_wrong_mask_is_an_error(model, mask):
    """Turned, with colours, a batch of them, or no picture at all: an Error with the shape wanted."""
    with pytest.raises(Error, match=r"\(H, W\) = \(24, 32\)"):
        model.restore(photo(32, 24), mask=mask)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"samples": 0}, "samples must be at least 1"),
        ({"sampler": "odee"}, "did you mean 'ode'"),
        ({"nfe": 1000}, "nfe must be between"),
        ({"precision": "half"}, "fp16"),
        ({"tile": -5}, "tile"),
    ],
)
def test_wrong_settings_are_an_error(model, settings, says):
    """Nothing but i2sbkit.Error for what a user can put right."""
    with pytest.raises(Error, match=says):
        model.restore(photo(16, 16), **settings)


def test_load_takes_a_task_or_a_path(path, monkeypatch):
    """Bundled weights by task, any by path, as text or Path."""
    monkeypatch.setattr(shipped, "WEIGHTS", path.parent)
    image = photo(16, 16)
    results = [np.asarray(i2sbkit.load(which).restore(image)) for which in ("tiny", path, str(path))]
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_load_of_nonsense_suggests(path, monkeypatch, tmp_path):
    """A misspelt task, a missing file, a folder and a file of another kind are explained."""
    monkeypatch.setattr(shipped, "WEIGHTS", path.parent)
    (tmp_path / "x.safetensors").write_text("no weights")
    half = tmp_path / "half.safetensors"
    half.write_bytes(path.read_bytes()[:-100])
    for given, says in [
        ("tinny", "did you mean 'tiny'"),
        ("nonsense", "there are: tiny"),
        (tmp_path, "a folder"),
        (tmp_path / "x.safetensors", "not a readable safetensors"),
        (half, "not a readable safetensors"),
    ]:
        with pytest.raises(Error, match=says):
            i2sbkit.load(given)
