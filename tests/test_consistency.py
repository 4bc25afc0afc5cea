"""Data consistency: each method does what its formula says, with every sampler, and in tiles."""

import pytest
import torch
from exact import images
from pictures import photo, pixels
from sampler_walks import walk
from test_operators import LINEAR, observed
from working_weights import working_weights

import i2sbkit
from i2sbkit import Bridge, Error, NotLinear, Observation, Rng
from i2sbkit.cli import execute
from i2sbkit.consistency import METHODS, consistency_of, parsed
from i2sbkit.kernel.consistency import consistent, deeply, gradient_step, projection
from i2sbkit.restoring import Settings
from i2sbkit_plugins.i2sb import I2sb


def misfit(operator, y, x):
    return (operator.A(x) + operator.offset - y.image).square().sum()


@pytest.mark.parametrize("name", LINEAR)
def test_cddb_is_the_gradient(name):
    """x - grad ||A x + offset - y||^2, as autograd has it."""
    x0, y, operator = observed(name, 12, 10)
    x = images(*x0.shape, seed=3).requires_grad_()
    (gradient,) = torch.autograd.grad(misfit(operator, y, x), x)
    torch.testing.assert_close(gradient_step(operator, y.image)(x.detach()), x.detach() - gradient)


def test_deep_cddb_goes_through_the_network():
    """Its step is the gradient with respect to x_n, from within inference mode too."""
    _, y, operator = observed("uniform", 12, 10)
    net = torch.nn.Conv2d(3, 3, 3, padding=1).double()
    x_n = images(1, 3, 12, 10).requires_grad_()
    estimate = net(x_n)
    (gradient,) = torch.autograd.grad(misfit(operator, y, estimate[0]), x_n)
    with torch.inference_mode():
        found = deeply(lambda x, n: net(x), [gradient_step(operator, y.image)], 0.3)(x_n.detach(), 5)
    torch.testing.assert_close(found, estimate.detach() - 0.3 * gradient)


@pytest.mark.parametrize("name", [name for name, (kind, _) in LINEAR.items() if kind in ("superres", "inpaint")])
def test_ddnm_without_noise_is_the_pseudo_inverse(name):
    """It leads to A x = y, by the shortest way: x + A+ (y - A x)."""
    x0, y, operator = observed(name, 8, 6)
    x = images(*x0.shape, seed=3)
    found = projection(operator, y.image, noise=0.0)(x)
    torch.testing.assert_close(operator.A(found) + operator.offset, y.image, atol=5e-3, rtol=0)
    wanted = x + operator.pinv(y.image - operator.offset - operator.A(x))
    torch.testing.assert_close(found, wanted, atol=2e-2, rtol=0)


@pytest.mark.parametrize("sampler", ["sde", "ode"])
def test_cddb_shifts_the_estimate_of_the_posterior(sampler):
    """A step with cddb is the posterior of the shifted estimate, with its noise or, as the OT-ODE, without."""
    _, y, operator = observed("uniform", 12, 10)
    bridge, x1 = Bridge(I2sb(beta_max=0.3, steps=20)), y.image[None]
    wrapped = consistent(lambda x, n: 0.5 * x, [gradient_step(operator, y.image)], 0.5)
    state = walk(i2sbkit.registry.build("sampler", sampler, nfe=2), bridge, x1, Rng([4]), denoise=wrapped)[0]
    shifted = torch.lerp(0.5 * x1, gradient_step(operator, y.image)(0.5 * x1[0])[None], 0.5)
    step = bridge.posterior(19, state.n)
    noise = step.std * Rng([4]).normal_like(x1) if sampler == "sde" else 0.0
    torch.testing.assert_close(state.x, step.x0 * shifted + step.xn * x1 + noise)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consistency")
    return {
        name: i2sbkit.load(working_weights(folder / f"{name}.safetensors", name=name), "cpu")
        for name in ("blur", "sr4x", "jpeg", "inpaint", "mixture")
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sampler", i2sbkit.registry.default().names("sampler"))
def test_every_method_goes_with_every_sampler(models, method, sampler):
    """The result is finite, differs from the one without, and does not depend on the batch."""
    y = images(2, 3, 6, 5, dtype=torch.float32)
    how = {"sampler": sampler, "nfe": 2, "force": True}
    with pytest.warns(UserWarning) if sampler.startswith("ode") else torch.no_grad():
        blind, both = models["sr4x"].restore(y, **how), models["sr4x"].restore(y, consistency=method, **how)
        alone = models["sr4x"].restore(y[1], consistency=method, **how)
    assert both.isfinite().all() and not torch.equal(blind, both)
    torch.testing.assert_close(both[1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_it_goes_with_a_trajectory(models, method):
    """Which ends at what `restore` gives, and shows estimates that are pulled already."""
    y = images(3, 6, 5, dtype=torch.float32)
    way, blind = (i2sbkit.trajectory(models["sr4x"], y, nfe=3, consistency=how) for how in (method, None))
    torch.testing.assert_close(way.x[-1], models["sr4x"].restore(y, nfe=3, consistency=method), rtol=0, atol=0)
    assert all(not torch.equal(pulled, free) for pulled, free in zip(way.x0h, blind.x0h, strict=True))
    if method == "ddnm":
        operator = models["sr4x"].weights.recipe.parts.corruption.operator(Observation(y))
        misfits = [float((operator.A(x0h) - y).square().mean().sqrt()) for x0h in (*way.x0h, *blind.x0h)]
        assert max(misfits[:3]) < 0.1 * min(misfits[3:])


def test_the_command_line_draws_the_trajectory_of_it(models, tmp_path, monkeypatch):
    """`--trajectory` beside `--consistency`: another strip than without, and the result at its right."""
    monkeypatch.chdir(tmp_path)
    photo(32, 32).save("a.jpg", quality=20)
    line = ["--weights", str(models["jpeg"].weights.path), "--device", "cpu", "--format", "png", "--trajectory"]
    assert execute(["restore", "a.jpg", "plain.png", *line, "--nfe", "2"]) == 0
    assert execute(["restore", "a.jpg", "near.png", *line, "--nfe", "2", "--consistency", "ddnm"]) == 0
    plain, near = (pixels(tmp_path / f"{name}.trajectory.png") for name in ("plain", "near"))
    assert plain.shape == near.shape and (plain != near).any()
    assert (near[:32, -32:] == pixels(tmp_path / "near.png")).all()


@pytest.mark.parametrize("method", METHODS)
def test_pictures_of_a_mixture_are_each_pulled_by_their_own_part(models, method):
    """In one batch, whichever part made which."""
    model = models["sr4x"]
    corruption = model.weights.recipe.parts.corruption
    x0 = images(3, 24, 20, dtype=torch.float32)
    made = [corruption.corrupt(x0, torch.Generator().manual_seed(seed)) for seed in range(8)]
    both = [next(y for y in made if y.params["part"] == part) for part in (0, 1)]
    together = model.restorer(Settings(nfe=2, consistency=method)).pictures(both)
    alone = [model.restorer(Settings(nfe=2, consistency=method)).pictures([y])[0] for y in both]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-5, rtol=0)
    if method == "ddnm":
        for y, found in zip(both, together, strict=True):
            own, other = (corruption.operator(Observation(y.image, params={"part": part})) for part in (0, 1))
            own, other = (other, own) if y.params["part"] else (own, other)
            assert misfit(own, y, found) < 0.1 * misfit(other, y, found)


def test_a_mixture_takes_the_kernel_of_its_blur(models):
    """Told the kernel the blur in it is undone; what no part can tell is an error in one line."""
    y = images(3, 32, 32, dtype=torch.float32)
    blind, told = (models["mixture"].restore(y, kernel=kernel, nfe=1) for kernel in (None, "uniform:5"))
    operator = i2sbkit.registry.build("corruption", "blur", size=5).operator(observed("uniform", 9, 9)[1])
    assert misfit(operator, Observation(y), told) < 0.5 * misfit(operator, Observation(y), blind)
    with pytest.raises(NotLinear):
        models["mixture"].restore(y, consistency="cddb")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["inpaint", "blur"])
def test_it_goes_with_known_pixels(models, name, method):
    """Outside the mask the picture is the observation, bit for bit; inside, consistency has its say and is finite."""
    y, mask = images(3, 32, 32, dtype=torch.float32), torch.zeros(1, 32, 32)
    mask[:, 8:20, 10:30] = 1
    how = {"mask": mask, "nfe": 2, "consistency": method, **({"kernel": "uniform:5"} if name == "blur" else {})}
    found = models[name].restore(y, **how)
    assert found.isfinite().all()
    assert torch.equal(torch.where(mask > 0, 0.0, found), torch.where(mask > 0, 0.0, y))
    if name == "blur":
        blind = models[name].restore(y, mask=mask, nfe=2)
        assert not torch.equal(found, blind)


@pytest.mark.parametrize("method", METHODS)
def test_tiles_see_the_whole_observation(models, method):
    """In tiles the picture is the one without, to rounding."""
    y = images(3, 70, 90, dtype=torch.float32)
    whole, tiles = (models["blur"].restore(y, kernel="uniform:5", consistency=method, tile=t) for t in (0, 32))
    torch.testing.assert_close(tiles, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("text", ["ddnm:1.5", "cddb:0", "cddb:x", "cddb-deep:nan", "ddnm:"])
def test_strengths_out_of_range_are_told(text):
    """One line with the range."""
    with pytest.raises(Error, match="the strength is above 0 and at most"):
        parsed(text)


def test_a_blur_without_its_kernel_is_told():
    """Consistency needs an operator."""
    with pytest.raises(NotLinear, match="--kernel"):
        consistency_of("ddnm", i2sbkit.registry.build("corruption", "blur", size=5), [Observation(images(3, 9, 9))])
