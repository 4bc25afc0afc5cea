"""What a recipe may hold: the sections that are our own, and those of parts, read off their factories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    create_model,
)
from pydantic.errors import PydanticUserError

from ..kernel import registry
from ..kernel.errors import Error

Share = Annotated[float, Field(ge=0, lt=1)]
Side = Annotated[int, Field(gt=0, le=4096)]
"""Of a crop in pixels; a larger one would not fit a batch into any memory."""
MOST = 10**12
"""Of what is counted; times the largest batch it still is an int64."""
Count = Annotated[int, Field(gt=0, le=MOST)]
Batch = Annotated[int, Field(gt=0, le=2**20)]
"""As for workers and crops, nobody has so many: a slip of the finger is told before it takes all memory."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class BridgeSection(_Section):
    """How the bridge is trained: as OT-ODE, with the network seeing x1, with noise added to where it ends."""

    ot_ode: bool = False
    cond_x1: bool = False
    add_x1_noise: bool = False


class DataSection(_Section):
    """Shards or folders, relative to the recipe, and how training pictures are cut from them.

    `margin`: pixels around each crop that are damaged with it and cut off. `paired`: they bring the degraded pictures
    too. `masks`: a folder or file of them, in place of what the corruption would draw. A recipe that cannot know where
    its data lies names none.
    """

    train: str | tuple[str, ...] = ()
    val: str | tuple[str, ...] = ()
    size: Side = 256
    crop: Literal["random", "center"] = "random"
    crops: Annotated[int, Field(gt=0, le=4096)] = 1
    margin: Annotated[int, Field(ge=0, le=1024)] = 0
    val_size: Side = 256
    flip: bool = True
    quantize: bool = True
    paired: bool = False
    masks: str | None = None
    workers: Annotated[int, Field(ge=0, le=512)] = 0


class TrainSection(_Section):
    """The optimisation; `schedule` "step" multiplies lr by lr_gamma every lr_step, "cosine" falls to 2 % of lr.

    `end_share`: of the images, trained at the last node, where sampling begins, rather than at a node drawn evenly;
    for weights that restore with one or few evaluations. `relative`: the loss of an image is divided by its damage, the
    mean square of lifted - x0, so that slight damage counts as much as heavy. `batch` counts over all processes,
    `microbatch` in each of them. `parallel`: with several, each holds the network ("ddp"), or they split it ("fsdp");
    see docs/scale.md.
    """

    iterations: Count
    batch: Batch
    microbatch: Batch | None = None
    lr: PositiveFloat
    schedule: Literal["step", "cosine"] = "step"
    lr_step: Count = 1000
    lr_gamma: PositiveFloat = 0.99
    warmup: Annotated[int, Field(ge=0, le=MOST)] = 0
    betas: tuple[Share, Share] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0
    clip: PositiveFloat | None = None
    ema: Share = 0.99
    end_share: Share = 0.0
    relative: bool = False
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    init: str | None = None
    seed: int = 0
    save_every: Count = 1000
    keep: Count = 3
    val_every: Count = 1000
    val_nfe: tuple[Count, ...] = (1, 2, 5, 10)
    val_images: Count = 16


class LogSection(_Section):
    """Names of loggers beside log.jsonl, which is always written."""

    loggers: tuple[str, ...] = ()


SECTIONS: Mapping[str, type[BaseModel]] = {
    "bridge": BridgeSection,
    "data": DataSection,
    "train": TrainSection,
    "log": LogSection,
}


def options_model(component: registry.Component) -> type[BaseModel]:
    """The options of a part as a strict schema, read off its factory's signature and annotations.

    Raises:
        Error: an annotation cannot be resolved, or is no type that a recipe could hold.
    """
    made_by: Any = component.factory
    try:
        annotated = made_by.__init__ if isinstance(made_by, type) else made_by  # type: ignore[misc]
        hints = get_type_hints(annotated, include_extras=True)
        fields: dict[str, Any] = {
            name: (hints.get(name, Any), ... if option.default is option.empty else option.default)
            for name, option in registry.options(component).items()
        }
        return create_model("Options", __config__=_Section.model_config, **fields)
    except (NameError, TypeError, PydanticUserError) as error:
        plugin = f"{component.distribution} {component.version} (plugin {component.plugin!r})"
        what = f"{plugin}: the options of {component.kind} {component.name!r} cannot be read"
        why = f"{str(error).splitlines()[0]}; an option is a number, a text, true or false, or a list of these"
        raise Error(f"{what} ({why}): tell the plugin's author, or choose another") from None
