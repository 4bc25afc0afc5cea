"""What bridge schedules promise."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import torch
from torch import Tensor

from ..kernel.interfaces import BridgeSchedule, Step, Tables, at_node
from ..kernel.rng import Rng
from .promises import keep
from .surroundings import changed, seeded
from .values import VALUE

NEAR = 0.05
"""How far the ends of a bridge may be from x0 and from x1."""
CLOSE = 5e-3
"""How far moments may be off; on N < 200 nodes 1 / N: the authors' own tables, sums over nodes, are off by 0.7 / N."""
ROUNDING = 1e-9
"""Of a float64 number that was divided and multiplied again."""
PLACES = 9
"""Nodes that are tried, ends included."""


def check_schedule(schedule: BridgeSchedule) -> None:
    """See that a schedule keeps what its interface promises: promises.md, "Schedules".

    Raises:
        BrokenPromise: it does not.
    """
    keep(schedule, (*VALUE, *CURVES, *STEPS, *NETWORK, *ENDS), "Schedules")


def has_tables(schedule: BridgeSchedule) -> str | None:
    """`tables` gives a `Tables` of two nodes or more, the same each time."""
    first, again = schedule.tables(), schedule.tables()
    if not isinstance(first, Tables):
        return f"a {type(first).__name__}"
    if len(first.time) < 2:
        return f"{len(first.time)} nodes"
    different = [name for name in vars(first) if not torch.equal(getattr(first, name), getattr(again, name))]
    return f"{' and '.join(different)} differed" if different else None


def begins_at_x0(schedule: BridgeSchedule) -> str | None:
    """Node 0 is the clean end: A is about 1, B and C are about 0."""
    t = schedule.curves
    a, b, c = float(t.mean_x0[0]), float(t.mean_x1[0]), float(t.std[0])
    return f"A = {a:.3g}, B = {b:.3g}, C = {c:.3g}" if max(abs(a - 1), abs(b), c) > NEAR else None


def ends_without_x0(schedule: BridgeSchedule) -> str | None:
    """Node N-1 is the degraded end: A is about 0."""
    a = float(schedule.curves.mean_x0[-1])
    return f"A = {a:.3g}" if abs(a) > NEAR else None


def tells_nodes_apart(schedule: BridgeSchedule) -> str | None:
    """`label_std` never falls from node to node and ends above 0; where it is above 0, no two nodes have one `time`."""
    t = schedule.curves
    if (t.label_std.diff() < 0).any():
        return f"label_std falls after node {int((t.label_std.diff() < 0).nonzero()[0])}"
    trained = t.time[t.label_std > 0]
    if not len(trained):
        return "label_std is 0 everywhere"
    return None if len(set(trained.tolist())) == len(trained) else "nodes of one time"


def keeps_marginals(schedule: BridgeSchedule) -> str | None:
    """The posterior leads from one marginal to another: N(A_n x0 + B_n x1, C_n^2) becomes N(A_m x0 + B_m x1, C_m^2)."""
    t = schedule.curves
    for m, n in combinations(_places(schedule), 2):
        step = schedule.posterior(n, m)
        mean_x0, mean_x1, variance = _after(step, *_moments(t, n))
        a, b, c2 = _moments(t, m)
        if max(abs(mean_x0 - a), abs(mean_x1 - b), abs(variance - c2)) > _close(schedule):
            now = f"A = {mean_x0:.4g}, B = {mean_x1:.4g}, C^2 = {variance:.4g}"
            return f"from node {n} to {m} {now}, in place of {a:.4g}, {b:.4g}, {c2:.4g}"
    return None


def steps_add_up(schedule: BridgeSchedule) -> str | None:
    """The posterior is that of a Markov chain: two steps, with one estimate of x0, have the law of one."""
    for k, m, n in combinations(_places(schedule)[::2], 3):
        far, one, two = schedule.posterior(n, k), schedule.posterior(n, m), schedule.posterior(m, k)
        g = two.xn
        both = (two.x0 + g * one.x0, g * one.xn, two.x1 + g * one.x1, (g * one.std) ** 2 + two.std**2)
        if max(abs(x - z) for x, z in zip(both, (far.x0, far.xn, far.x1, far.std**2), strict=True)) > _close(schedule):
            return f"from node {n} over {m} to {k}: {_spelt(both)}, in place of {_spelt((*vars(far).values(),))}"
    return None


def has_a_noiseless_step(schedule: BridgeSchedule) -> str | None:
    """`noiseless` draws nothing, and keeps the means: from A_n x0 + B_n x1 to A_m x0 + B_m x1."""
    t = schedule.curves
    for m, n in combinations(_places(schedule), 2):
        step = schedule.noiseless(n, m)
        mean_x0, mean_x1, variance = _after(step, *_moments(t, n)[:2], 0.0)
        a, b, _ = _moments(t, m)
        if variance > 0 or max(abs(mean_x0 - a), abs(mean_x1 - b)) > _close(schedule):
            now = f"A = {mean_x0:.4g}, B = {mean_x1:.4g}, noise {step.std:.3g}"
            return f"from node {n} to {m} {now}, in place of {a:.4g}, {b:.4g}, 0"
    return None


def undoes_its_label(schedule: BridgeSchedule) -> str | None:
    """`predict_x0` is the inverse of `label`, for a node as for one node an image."""
    t = schedule.curves
    nodes = torch.tensor([n for n in _places(schedule) if t.label_std[n] > 0])
    x0, z = _images(len(nodes), 0), _images(len(nodes), 1)
    x_n = at_node(t.mean_x0, nodes, x0) * x0 + at_node(t.mean_x1, nodes, x0) * z + at_node(t.std, nodes, x0) * z
    together = schedule.predict_x0(x_n, schedule.label(x0, x_n, nodes), nodes)
    for k, n in enumerate(nodes.tolist()):
        one = slice(k, k + 1)
        alone = schedule.predict_x0(x_n[one], schedule.label(x0[one], x_n[one], n), n)
        off = max(float((found - x0[one]).abs().max()) for found in (alone, together[one]))
        if not off <= ROUNDING:
            return f"at node {n} it is off by up to {off:.3g}"
    return None


def can_be_differentiated(schedule: BridgeSchedule) -> str | None:
    """`predict_x0` can be differentiated, even where a schedule was first used in inference mode."""
    fresh, n = dataclasses.replace(schedule), len(schedule.curves.time) - 1  # type: ignore[type-var]
    x = _images(1, 0).float()
    with torch.inference_mode():
        fresh.predict_x0(x, x, n)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(fresh.predict_x0(x, x, n).sum(), x, allow_unused=True)
    return None if gradient is not None and gradient.isfinite().all() else f"a gradient of {gradient}"


def scales_its_input(schedule: BridgeSchedule) -> str | None:
    """`input_scale` is above 0 and finite, the same for a node as for one node an image."""
    nodes = torch.tensor(_places(schedule))
    together = torch.as_tensor(schedule.input_scale(nodes), dtype=torch.float64).expand(len(nodes))
    for k, n in enumerate(nodes.tolist()):
        alone = float(schedule.input_scale(n))
        if not 0 < alone < float("inf") or abs(alone - float(together[k])) > ROUNDING:
            return f"{alone:.6g} at node {n}, and {float(together[k]):.6g} in a batch"
    return None


def starts_where_it_ends(schedule: BridgeSchedule) -> str | None:
    """`start` draws what is at node N-1: B x1 + C z, of the shape and dtype of x1."""
    t, x1 = schedule.curves, torch.full((2, 3, 64, 64), 0.5)
    x = schedule.start(x1, Rng([0, 1]))
    if x.shape != x1.shape or x.dtype != x1.dtype:
        return f"{tuple(x.shape)} {x.dtype} in place of {tuple(x1.shape)} {x1.dtype}"
    mean, std = float(x.mean()), float(x.std())
    b, c = float(t.mean_x1[-1]), float(t.std[-1])
    off = abs(mean - 0.5 * b) > NEAR * (1 + c) or abs(std - c) > NEAR * (1 + c)
    return f"mean {mean:.3g}, deviation {std:.3g}, in place of {0.5 * b:.3g}, {c:.3g}" if off else None


def draws_for_each_image(schedule: BridgeSchedule) -> str | None:
    """`endpoint` and `start` draw from rng alone: an image's depends on its own seed, and x1 is left as it was."""
    x1 = _images(2, 0)
    before = x1.clone()
    for draw in (schedule.endpoint, schedule.start):
        with seeded(1):
            together = draw(x1, Rng([5, 6]))
        with seeded(2):
            alone = draw(x1[1:], Rng([6]))
        if not torch.equal(x1, before):
            return f"{draw.__name__} changed what it was given"
        if not torch.equal(together[1:], alone):
            return f"{draw.__name__} gave another image in a batch, or at another time"
    return None


def works_quietly(schedule: BridgeSchedule) -> str | None:
    """A schedule changes nothing that others share: no global generator, no setting of torch."""

    def use() -> None:
        schedule.posterior(len(schedule.tables().time) - 1, 0)
        schedule.start(schedule.endpoint(_images(2, 0), Rng([5, 6])), Rng([5, 6]))

    found = changed(use)
    return f"it changed {' and '.join(sorted(found))}" if found else None


CURVES = (has_tables, begins_at_x0, ends_without_x0, tells_nodes_apart)
STEPS = (keeps_marginals, steps_add_up, has_a_noiseless_step)
NETWORK = (undoes_its_label, can_be_differentiated, scales_its_input)
ENDS = (starts_where_it_ends, draws_for_each_image, works_quietly)


def _close(schedule: BridgeSchedule) -> float:
    return max(CLOSE, 1 / len(schedule.curves.time))


def _places(schedule: BridgeSchedule) -> list[int]:
    """Nodes to try, ascending, ends included."""
    last = len(schedule.curves.time) - 1
    return sorted({round(last * k / (PLACES - 1)) for k in range(PLACES)})


def _images(batch: int, seed: int) -> Tensor:
    return torch.randn(batch, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _moments(t: Tables, n: int) -> tuple[float, float, float]:
    return float(t.mean_x0[n]), float(t.mean_x1[n]), float(t.std[n] ** 2)


def _after(step: Step, a: float, b: float, variance: float) -> tuple[float, float, float]:
    """Of x0 and x1, and the variance, after a step that is told x0."""
    return step.x0 + step.xn * a, step.x1 + step.xn * b, step.xn**2 * variance + step.std**2


def _spelt(numbers: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{number:.4g}" for number in numbers) + ")"
