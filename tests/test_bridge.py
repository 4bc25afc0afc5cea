"""The mathematics of the bridge: identities on random exact tables; its nodes and draws."""

from itertools import pairwise

import pytest
import torch
from exact import Symbols, after, close, images, moments
from hypothesis import given
from hypothesis import strategies as st
from strategies import Chain, chains, etas, exact, i2sb_chains, steps

from i2sbkit import Bridge, BridgeSchedule, Error, Rng, Tables
from i2sbkit_plugins.brownian import Brownian
from i2sbkit_plugins.i2sb import I2sb


def condition(chain: Chain, target: int, given_nodes: list[int]) -> tuple[float, list[float], float]:
    """The law of one node of the free chain given x0 and others: coefficients of x0 and of these, and the variance.

    By conditioning the joint Gaussian of the nodes, whose covariance is alpha_j alpha_k min(v_j, v_k).
    """
    alpha, v = (torch.tensor(values, dtype=torch.float64) for values in (chain.alpha, chain.variance))
    covariance = alpha[:, None] * alpha * torch.minimum(v[:, None], v)
    across = covariance[target, given_nodes]
    gain = torch.linalg.solve(covariance[given_nodes][:, given_nodes], across)
    return (
        float(alpha[target] - gain @ alpha[given_nodes]),
        gain.tolist(),
        float(covariance[target, target] - gain @ across),
    )


@exact
@given(steps())
def test_marginal_is_the_chain_pinned_at_both_ends(case):
    """q(x_n | x0, x1) of the tables is the law of node n of the chain, given its ends."""
    chain, n, _ = case
    last = len(chain.variance) - 1
    x0, (x1,), variance = condition(chain, n, [last])
    close(moments(Bridge(chain), n), (x0, x1, variance))


@exact
@given(steps())
def test_posterior_is_the_chain_given_the_later_node(case):
    """Eq. 4: the posterior is the law of node m given x0 and x_n, and x1 then tells nothing more."""
    chain, n, m = case
    last = len(chain.variance) - 1
    step = Bridge(chain).posterior(n, m)
    x0, gain, variance = condition(chain, m, [n] if n == last else [n, last])
    close((step.x0, step.xn, step.x1, step.std**2), (x0, gain[0], sum(gain[1:]), variance), 1e-8)


@exact
@given(steps())
def test_eta_1_is_the_markov_posterior(case):
    """The generic step with all of the noise is the Markov posterior."""
    chain, n, m = case
    step, posterior = Bridge(chain).generic(n, m, 1.0), Bridge(chain).posterior(n, m)
    close((step.x0, step.xn, step.x1), (posterior.x0, posterior.xn, posterior.x1), 1e-9)
    close(step.std**2, posterior.std**2)


@exact
@given(steps())
def test_posterior_composed_with_marginal_is_the_marginal(case):
    """A posterior step from a draw of q(x_n | x0, x1) is a draw of q(x_m | x0, x1)."""
    chain, n, m = case
    bridge = Bridge(chain)
    close(after(bridge.posterior(n, m), *moments(bridge, n)), moments(bridge, m))


@exact
@given(steps(), etas)
def test_every_eta_keeps_the_marginal(case, eta):
    """With any share of the noise, a step from a draw of q(x_n | x0, x1) is a draw of q(x_m | x0, x1)."""
    chain, n, m = case
    bridge = Bridge(chain)
    boot = n == len(bridge) - 1
    close(after(bridge.generic(n, m, eta, boot), *moments(bridge, n)), moments(bridge, m))


@exact
@given(steps(), etas)
def test_noise_is_the_share_eta_of_the_markov_posteriors(case, eta):
    """The deviation drawn is eta times the posterior's (DBIM, Eq. 15); eta = 0 draws none."""
    chain, n, m = case
    if n < len(chain.variance) - 1:  # (at n = N-1 the state holds no noise to keep: the boot)
        close(Bridge(chain).generic(n, m, eta).std, eta * Bridge(chain).posterior(n, m).std, 1e-7)
        assert Bridge(chain).generic(n, m, 0.0).std == 0


@exact
@given(chains, st.integers(0, 2**31), st.booleans())
def test_predict_x0_inverts_label(chain, seed, one_node):
    """The clean image comes back from its label, for one node or one node an image."""
    bridge = Bridge(chain)
    nodes = bridge.trained_nodes[torch.tensor([seed, seed // 7, seed // 13]) % len(bridge.trained_nodes)]
    n = int(nodes[0]) if one_node else nodes
    x0, x_n = images(2, 3, 3, 2, 2, seed=seed)
    label = bridge.label(x0, x_n, n)
    torch.testing.assert_close(bridge.predict_x0(x_n, label, n), x0, atol=1e-12, rtol=0)


@exact
@given(steps(i2sb_chains()), etas)
def test_zero_std_is_the_ot_ode(case, eta):
    """C = 0 is the exact solution of dX = beta / sigma^2 (X - x0h) dt (Prop. 3.4), whatever eta; nothing is drawn."""
    chain, n, m = case
    bridge, rng = Bridge(chain, ot_ode=True), Symbols(3, 0)
    x_n, x0h, x1 = (rng.variable(k) for k in range(3))
    r = chain.variance[m] / chain.variance[n]
    expected = x0h + r * (x_n - x0h)
    torch.testing.assert_close(bridge.step(x_n, x0h, x1, n, m, rng, eta=eta), expected, atol=1e-12, rtol=0)
    step = bridge.generic(n, m, eta)
    close((step.x0, step.xn, step.x1, step.std), (1 - r, r, 0.0, 0.0))


@exact
@given(steps(), etas)
def test_generic_step_tends_to_the_ot_ode(case, eta):
    """Shrinking the noise of the bridge leads to its OT-ODE: C = 0 is a limit, not another case."""
    chain, n, m = case

    class Quiet(BridgeSchedule):
        def tables(self) -> Tables:
            t = chain.tables()
            return Tables(t.mean_x0, t.mean_x1, 1e-9 * t.std, t.label_std, t.time)

    step, limit = Bridge(Quiet()).generic(n, m, 1.0), Bridge(chain, ot_ode=True).generic(n, m, eta)
    close((step.x0, step.xn, step.x1, step.std), (limit.x0, limit.xn, limit.x1, limit.std), 1e-7)


@exact
@given(steps())
def test_noise_as_x1_without_std_is_ddim(case):
    """A = alpha, B = sigma, C = 0, x1 = noise: DDIM's step, alpha_m x0h + sigma_m (x_n - alpha_n x0h) / sigma_n."""
    chain, n, m = case

    class Diffusion(BridgeSchedule):
        def tables(self) -> Tables:
            t = chain.tables()
            return Tables(t.mean_x0, t.label_std, torch.zeros_like(t.std), t.label_std, t.time)

    t, step = chain.tables(), Bridge(Diffusion()).generic(n, m, 0.0)
    g = float(t.label_std[m] / t.label_std[n])
    close((step.x0, step.xn, step.x1, step.std), (float(t.mean_x0[m] - g * t.mean_x0[n]), g, 0.0, 0.0))


@exact
@given(chains, st.data())
def test_first_step_from_x1_has_the_marginal_of_its_node(chain, data):
    """The state after the first step is A_m x0h + B_m x1 with variance C_m^2, for every eta."""
    bridge, eta = Bridge(chain), data.draw(etas | st.just(1.0))
    last, m = len(bridge) - 1, data.draw(st.integers(1, len(bridge) - 2))
    rng = Symbols(2, 1)
    x0h, x1 = rng.variable(0), rng.variable(1)
    mean, variance = rng.split(bridge.step(x1, x0h, x1, last, m, rng, eta=eta, boot=True))
    close((*mean, variance), moments(bridge, m))


@pytest.mark.parametrize("steps", [2, 3, 10, 101, 1000])
def test_nodes_descend_from_the_last_to_0(steps):
    """For every nfe there are nfe + 1 nodes, from N-1 strictly down to 0."""
    bridge = Bridge(Brownian(std=1.0, steps=steps))
    for nfe in range(1, steps):
        nodes = bridge.nodes(nfe)
        assert (len(nodes), nodes[0], nodes[-1]) == (nfe + 1, steps - 1, 0)
        assert all(n > m for n, m in pairwise(nodes))


@pytest.mark.parametrize("nfe", [-1, 0, 10])
def test_nodes_refuse_an_nfe_that_does_not_fit(nfe):
    """nfe must be between 1 and N-1, and the message says so."""
    with pytest.raises(Error, match="between 1 and 9 on this schedule, got"):
        Bridge(Brownian(std=1.0, steps=10)).nodes(nfe)


@exact
@given(steps(), st.booleans())
def test_marginal_is_its_formula(case, ot_ode):
    """marginal() is A x0 + B x1 + C z, with z drawn once; the OT-ODE draws nothing."""
    chain, n, _ = case
    bridge, rng = Bridge(chain, ot_ode), Symbols(2, 1)
    mean, variance = rng.split(bridge.marginal(rng.variable(0), rng.variable(1), n, rng))
    a, b, _ = moments(bridge, n)
    close((*mean, variance, rng.drawn), (a, b, 0.0 if ot_ode else float(chain.curves.std[n] ** 2), int(not ot_ode)))


def test_nodes_may_differ_between_images():
    """marginal, label and predict_x0 with one node an image give what each image gives alone."""
    bridge, nodes = Bridge(Brownian(std=0.5, steps=10)), torch.tensor([1, 9, 4])
    x0, x1, x_n = images(3, 3, 2, 5, 4)
    together = bridge.marginal(x0, x1, nodes, Rng([0, 1, 2])), bridge.label(x0, x_n, nodes)
    for k, n in enumerate(nodes.tolist()):
        one = slice(k, k + 1)
        alone = bridge.marginal(x0[one], x1[one], n, Rng([k])), bridge.label(x0[one], x_n[one], n)
        assert all(torch.equal(a, t[one]) for a, t in zip(alone, together, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [3, torch.tensor([3, 8])])
def test_images_keep_their_dtype(dtype, n):
    """The tables are float64, and what is made of images has the images' dtype."""
    bridge = Bridge(I2sb(beta_max=0.3, steps=10))
    x0, x1 = images(2, 2, 3, 4, 4, dtype=dtype)
    x_n = bridge.marginal(x0, x1, n, Rng([0, 1]))
    label = bridge.label(x0, x_n, n)
    x_m = bridge.step(x_n, x0, x1, 3, 1, Rng([0, 1]), eta=0.5)
    assert [t.dtype for t in (x_n, label, bridge.predict_x0(x_n, label, n), x_m)] == [dtype] * 4
    assert all(t.dtype == torch.float64 for t in vars(bridge.tables).values())


def test_tables_first_read_in_inference_mode_still_train():
    """A bridge that sampled before still lets gradients through, for images as exact as its tables."""
    bridge = Bridge(Brownian(std=1.0, steps=5))
    with torch.inference_mode():
        _ = bridge.tables
    output = images(1, 3, 2, 2).requires_grad_()
    bridge.predict_x0(images(1, 3, 2, 2), output, 2).sum().backward()
    assert output.grad is not None
