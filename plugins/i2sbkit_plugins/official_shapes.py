"""The architecture of an ADM network, read off the shapes of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

HEADS = 64
"""num_head_channels of the 256x256 networks, which no shape tells."""


class NotThisAdm(ValueError):
    """Why shapes are not those of an unconditional ADM network with scale-shift norm and resampling blocks."""


def architecture(shapes: Shapes, image_size: int) -> dict[str, Any]:
    """The options of backbone `adm` that have these shapes, `num_head_channels` and `dropout` aside.

    A level of the way up ends with an upsampling block, which counts the levels; both ways have as many stages.

    Raises:
        NotThisAdm: no options have these shapes.
    """
    _check_kind(shapes)
    base = _shape(shapes, "time_embed.0.weight")[1]
    stages = next(n for n in count() if f"output_blocks.{n}.0.in_layers.2.weight" not in shapes)
    ups = [name for name in shapes if re.fullmatch(r"output_blocks\.\d+\.[12]\.in_layers\.2\.weight", name)]
    levels = len(ups) + 1
    if stages % levels or stages // levels < 2:
        raise NotThisAdm(f"its {stages} stages are not {levels} levels of one size")
    depth = stages // levels
    firsts = [1 + level * depth for level in range(levels)]
    widths = [_shape(shapes, f"input_blocks.{first}.0.in_layers.2.weight")[0] for first in firsts]
    if any(width % base for width in widths):
        raise NotThisAdm(f"the channels of its levels, {widths}, are no multiples of its {base}")
    attended = [level for level, first in enumerate(firsts) if f"input_blocks.{first}.1.qkv.weight" in shapes]
    return {
        "name": "adm",
        "image_size": image_size,
        "model_channels": base,
        "channel_mult": [width // base for width in widths],
        "num_res_blocks": depth - 1,
        "attention_resolutions": [image_size >> level for level in attended],
        "num_head_channels": HEADS,
    }


def _check_kind(shapes: Shapes) -> None:
    """See that it is ADM, and the kind that I2SB trains."""
    if "label_emb.weight" in shapes:
        raise NotThisAdm("it is class-conditional (label_emb); take the unconditional network")
    inside = _shape(shapes, "input_blocks.0.0.weight")[1]
    if inside not in (3, 6):
        raise NotThisAdm(f"it takes {inside} channels; 3, or 6 with x1, are known")
    outside = _shape(shapes, "out.2.weight")[0]
    if outside not in (3, 6):
        raise NotThisAdm(f"it gives {outside} channels; 3, or 6 with their variances, are known")
    if any(name.endswith((".0.op.weight", ".conv.weight")) for name in shapes):
        raise NotThisAdm("it resamples by convolutions of their own; only resampling residual blocks are known")
    told, made = (_shape(shapes, f"input_blocks.1.0.{part}.weight")[0] for part in ("emb_layers.1", "in_layers.2"))
    if told != 2 * made:
        raise NotThisAdm("its time embedding does not scale and shift (use_scale_shift_norm is off)")


def _shape(shapes: Shapes, name: str) -> tuple[int, ...]:
    if len(shapes.get(name, ())) < 2 or 0 in shapes[name]:
        raise NotThisAdm(f"it lacks {name!r}")
    return shapes[name]
