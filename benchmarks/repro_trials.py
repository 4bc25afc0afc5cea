"""What is compared: weights, the way they restore, and the tiles that are restored.

A tile is a square of 32 pixels, the size that is trained at: each picture of benchmarks/heldout is cut into all that
lie side by side in it from its upper left corner, 64 in 256 pixels. They are many enough for a distance of sets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from repro_training import RECIPES, milestones

from i2sbkit import Observation
from i2sbkit.api import Model
from i2sbkit.checkpoint import build_network, read_weights, write_weights
from i2sbkit.devices import pick_device
from i2sbkit.kernel.consistency import Pull
from i2sbkit.pictures.finding import pictures_in
from i2sbkit.recipe import from_document, load_recipe
from i2sbkit.restoring import Settings
from i2sbkit_plugins.superres import Superres

HELDOUT = Path(__file__).parent / "heldout"
SIDE = 32
NFES, CURVE_NFES = (1, 2, 5, 10, 20, 50), (1, 5, 20)
METHODS = {"i2sb": ("sde",), "diffusion": ("sde", "ode"), "ddnm": ("sde", "ode")}
"""By method its samplers: ancestral (I2SB's Algorithm 2, DDPM), and DDIM, which draws noise at the start only."""
BESIDE = {"i2sb-x1": ("sde",)}
"""Of learning curves alone: I2SB whose network sees the damaged tile too, as the diffusion's does."""
CURVES = {method: samplers[-1] for method, samplers in {**METHODS, **BESIDE}.items()}
"""By method the sampler of its learning curve."""


@dataclass(frozen=True, kw_only=True)
class BySharpest(Superres):
    """Super-resolution whose DDNM is that of its paper, x - A^+ (A x - y), and quick on tiles.

    What `--consistency ddnm` does bears 8-bit rounding better and takes pictures of any size, for 7 times the seconds.
    """

    def projection(self, y: Observation) -> Pull:
        operator = self.operator(y)
        assert operator.pinv
        inverse = operator.pinv
        return lambda x: x - inverse(operator.A(x) - y.image)


@dataclass(frozen=True)
class Trial:
    """Weights that restore in one way, at several nfe.

    Attributes:
        method: of `METHODS` or `BESIDE`; "ddnm" is the unconditional diffusion, told the damage.
        step: of the milestone.
    """

    task: str
    method: str
    sampler: str
    step: int
    weights: Path
    nfes: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of the training that made the weights."""
        return training_of(self.task, self.method)

    @property
    def settings(self) -> Settings:
        """What the method adds."""
        return Settings(consistency="ddnm" if self.method == "ddnm" else None, tile=0)

    def model(self) -> Model:
        """The network; the unconditional one with the damage of the task, which it has never been shown."""
        weights = read_weights(self.weights)
        task = load_recipe(RECIPES / f"{self.task}-i2sb.toml").document
        document = {**weights.recipe.document, "corruption": task["corruption"]}
        recipe = from_document(document, str, base=weights.recipe.base, name=weights.recipe.name)
        if self.task == "sr4x":
            superres = BySharpest(**{key: value for key, value in task["corruption"].items() if key != "name"})
            recipe = replace(recipe, parts=replace(recipe.parts, corruption=superres))
        return Model(replace(weights, recipe=recipe), pick_device("cpu"))


def training_of(task: str, method: str) -> str:
    """The name of what is trained for a method."""
    return "unconditional" if method == "ddnm" else f"{task}-{method}"


def trials(task: str, method: str, sampler: str, runs: Path) -> list[Trial]:
    """Of the milestones, the first one first: the last of `METHODS` at all nfe, and by one sampler others at a few."""
    weights = milestones(training_of(task, method), runs)
    whole = {max(weights, default=0)} if method in METHODS else set()
    return [
        Trial(task, method, sampler, step, path, NFES if step in whole else CURVE_NFES)
        for step, path in weights.items()
        if step in whole or sampler == CURVES[method]
    ]


def untrained(task: str, method: str, sampler: str, runs: Path) -> Trial:
    """Of a network as a training begins with it, which takes as long as one that has learned."""
    name = training_of(task, method)
    recipe = load_recipe(RECIPES / f"{name}.toml")
    path = runs / f"repro-untrained-{name}.safetensors"
    write_weights(path, build_network(recipe).state_dict(), recipe)
    return Trial(task, method, sampler, 0, path, NFES)


def tiles(runs: Path) -> Path:
    """The folder of the tiles, made where it is not there; the names say picture, row and column."""
    folder, made = runs / "repro-tiles", runs / "repro-tiles.partial"
    if folder.is_dir():
        return folder
    made.mkdir(parents=True, exist_ok=True)
    for path in sorted(pictures_in(HELDOUT)):
        with Image.open(path) as picture:
            image = picture.convert("RGB")
        for top in range(0, image.height - SIDE + 1, SIDE):
            for left in range(0, image.width - SIDE + 1, SIDE):
                tile = image.crop((left, top, left + SIDE, top + SIDE))
                tile.save(made / f"{path.stem}-{top // SIDE:02d}-{left // SIDE:02d}.png")
    return made.rename(folder)
