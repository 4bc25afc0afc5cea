"""From what a user asks for to the plan of an evaluation, and what its numbers depend on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from .. import __version__
from ..api import Model
from ..determinism import deterministic_now
from ..jobs.manifest import sha256_of
from ..kernel.errors import Error
from ..kernel.interfaces import Corruption
from ..metrics import Scorer
from ..part_text import part_of
from ..printable import spell
from ..recipe import Recipe
from ..restoring import Settings
from .arms import ways
from .cases import Cases
from .judging import Judge
from .measuring import EvaluationPlan
from .reference import Reference

METRICS = ("psnr_rgb", "ssim_rgb", "psnr_y", "ssim_y")


@dataclass(frozen=True)
class Wanted:
    """What to evaluate, as the command line says it.

    Attributes:
        data: shards and folders of clean photographs, or of pairs where the recipe is paired.
        corruption: in place of the recipe's, as `part_text.part_of` reads it; such as one quality of many.
        size, subset, count, seed: see `Cases.of`.
        samplers, nfes, etas: see `arms.ways`.
        samples, batch, told: see `measuring.EvaluationPlan`.
        metrics, features: columns, and files of networks for them; see `metrics.Scorer`.
        reference: clean pictures for the columns of sets.
        strict: damaged data is an error; else it is left out, but for that of `reference`, where it is one anyhow.
    """

    data: Sequence[str]
    corruption: str | None = None
    size: int | None = None
    subset: Path | None = None
    count: int | None = None
    seed: int = 0
    samplers: Sequence[str] = ()
    nfes: Sequence[int] = ()
    etas: Sequence[float] = ()
    samples: int = 1
    batch: int = 1
    told: bool = False
    metrics: Sequence[str] = METRICS
    features: Sequence[Path] = ()
    reference: Sequence[str] = ()
    strict: bool = False


def make_plan(model: Model, wanted: Wanted, base: Settings) -> EvaluationPlan:
    """The plan for what is wanted of a model.

    Raises:
        Error: anything of it is not there or does not fit.
    """
    recipe = model.weights.recipe
    corruption = None if wanted.corruption is None else _corruption(wanted.corruption, recipe)
    chosen = (wanted.size, wanted.subset, wanted.count, wanted.seed)
    cases = Cases.of(recipe, wanted.data, *chosen, corruption, wanted.strict)
    scorer = Scorer(wanted.metrics, model.device, wanted.features)
    return EvaluationPlan(
        cases,
        ways(model, base, wanted.samplers, wanted.nfes, wanted.etas),
        Judge(scorer, cases.damage.corruption, wanted.samples),
        wanted.samples,
        wanted.batch,
        wanted.told,
    )


def _corruption(text: str, recipe: Recipe) -> Corruption:
    found: Corruption
    found, _ = part_of("corruption", text)
    scale = recipe.parts.corruption.scale
    if recipe.data.paired:
        raise Error(f"--corruption {text}: these weights' data comes in pairs, which are the damage; leave it out")
    if found.scale != scale:
        raise Error(f"--corruption {text}: has scale {found.scale}, the weights {scale}")
    return found


def reference_of(wanted: Wanted, plan: EvaluationPlan) -> Reference | None:
    """The photographs that sets are held against, cut as those that are evaluated.

    Raises:
        Error: they, or those that are evaluated, are too few for a column of sets; or there is no such column.
    """
    sets = plan.judge.scorer.set_columns
    if sets and len(plan.cases) < 2:
        raise Error(f"{sets[0]}: a distance between sets of pictures needs two pictures in each, better thousands")
    if not wanted.reference:
        return None
    if not sets:
        raise Error("--reference: only sets are held against it; add a column of sets, such as frechet_efflite0")
    reference = Reference(wanted.reference, plan.cases.size, plan.cases.crop)
    reference.check()
    return reference


def _damage(wanted: Wanted, recipe: Recipe) -> str:
    """What damages, with all of its options: however it was asked for, the same damage reads the same."""
    if wanted.corruption is None and recipe.data.paired:
        return "the data's own pairs"
    if wanted.corruption is None and recipe.data.masks:
        return f"masks of {recipe.data.masks}"
    if wanted.corruption is None:
        return spell(dict(sorted(recipe.document["corruption"].items())))
    part, table = part_of("corruption", wanted.corruption)
    options = {field.name: getattr(part, field.name) for field in fields(part)} | table
    return spell(dict(sorted(options.items())))


def settings_of(model: Model, wanted: Wanted, plan: EvaluationPlan, base: Settings) -> dict[str, str]:
    """What the numbers depend on, and so what another reader needs to repeat them."""
    recipe, cases = model.weights.recipe, plan.cases
    size = f"{cases.size} x {cases.size} pixels" if cases.size else "whole photographs"
    resized = ", the shorter side resized first" if cases.crop == "center" else ""
    return {
        "Weights": f"{model.weights.path.stem}, sha256 {sha256_of(model.weights.path)}",
        "Damage": _damage(wanted, recipe),
        "Rounded to 8 bits": "yes" if recipe.data.quantize else "no",
        "Data": f"{len(cases)} pictures, {cases.fingerprint}",
        "Crop": f"middle {size}{resized}" if cases.size else size,
        "Arms": ", ".join(plan.labels[1:]),
        "Columns": ", ".join(wanted.metrics),
        "Networks": ", ".join(f"{name} {each.sha256[:16]}" for name, each in plan.judge.scorer.networks.items())
        or "none",
        "Sets held against": ", ".join(wanted.reference) or "the clean pictures themselves",
        "Draws a picture": str(wanted.samples),
        "Told the damage": "yes" if wanted.told else "no",
        "Consistency": base.pull(wanted.told) or "none",
        "Seed": str(wanted.seed),
        "Precision": base.precision,
        "Tiles": {None: "automatic", 0: "whole pictures"}.get(base.tile, f"{base.tile} px"),
        "Device": model.device.type,
        "Deterministic": "yes" if deterministic_now() else "no",
        "Versions": f"i2sbkit {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }
