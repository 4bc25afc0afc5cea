"""Foreign checkpoints: asking each plugin's importer, and writing what it read as weights of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from .checkpoint import network_for, write_weights
from .document.toml_text import KeyPath
from .kernel import registry
from .kernel.errors import Error
from .plain import short
from .publishing import summary
from .recipe import Recipe, apply_overrides, from_document


@dataclass(frozen=True)
class Imported:
    """What an importer read of a foreign checkpoint.

    Attributes:
        document: the recipe as a dict of its sections, as a TOML file would give it.
        tensors: the network's state dict under the names of the recipe's backbone.
        assumed: what the source did not say and was taken to be so, a line each, shown to the user. One that begins
            with a key of the recipe, as `section.key`, is not where the user sets that key.
        facts: what else is known, for the header: step, licence, source. `restores` False marks weights that only
            training can begin from.
    """

    document: Mapping[str, Mapping[str, Any]]
    tensors: Mapping[str, Tensor]
    assumed: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def import_weights(
    source: Path, out: Path, overrides: Sequence[str] = (), overwrite: bool = False
) -> tuple[dict[str, Any], Sequence[str]]:
    """Read a foreign checkpoint and write it as weights.

    Args:
        source: a file or a folder that some importer knows.
        overrides: "section.key=value" as for `load_recipe`; they win over what was read and assumed.
        overwrite: replace `out` where it exists.

    Returns:
        The summary of what was written, and what was assumed.

    Raises:
        Error: no importer knows the source, it cannot be read or its tensors do not fit, or `out` exists.
    """
    if out.suffix != ".safetensors":
        raise Error(f"{out}: weights are .safetensors files; say {out.with_name(out.name + '.safetensors')}")
    if out.exists() and not overwrite:
        raise Error(f"{out}: exists already; --overwrite replaces it")
    if not source.exists():
        raise Error(f"{source}: no such file or folder")
    found = _read(source)
    recipe, changed = _recipe(found, source, out, overrides)
    network_for(recipe, found.tensors, source)
    write_weights(out, found.tensors, recipe, **found.facts)
    settled = {".".join(keys) for keys in changed}
    return summary(out), [line for line in found.assumed if line.partition(" ")[0] not in settled]


def _read(source: Path) -> Imported:
    """What the first importer gives that can read the source.

    One that knows its kind and cannot read it does not keep another from trying; its reason is told where none can.
    """
    readers, reasons = registry.default(), []
    for component in readers.components:
        if component.kind == "importer":
            try:
                found = component.factory(source)
            except Error as error:
                reasons.append(short(error))  # what it quotes of the source may be of any length
            else:
                if found is not None:
                    return _checked(found, component)
    if reasons:
        raise Error("; ".join(reasons))
    known = ", ".join(readers.names("importer")) or "none"
    raise Error(
        f"{source}: no importer knows what this is; there are: {known}. `i2sbkit weights import --help` says what they "
        "read, `i2sbkit plugins list --kind importer` who brings them"
    )


def _checked(found: object, component: registry.Component) -> Imported:
    if not isinstance(found, Imported):
        plugin = f"{component.distribution} {component.version} (plugin {component.plugin!r})"
        given = f"{type(found).__name__}, which is no i2sbkit.Imported"
        raise Error(f"importer {component.name!r}: {plugin} gave a {given}: tell the plugin's author")
    return found


def _recipe(found: Imported, source: Path, out: Path, overrides: Sequence[str]) -> tuple[Recipe, set[KeyPath]]:
    """The recipe as it was read, with what the user set; and the keys of that."""
    document: dict[str, Any] = json.loads(json.dumps(found.document))
    changed = apply_overrides(document, overrides)
    recipe = from_document(
        document,
        lambda keys: "--set" if keys[:2] in changed else str(source),
        base=out.parent.absolute(),
        name=out.stem,
    )
    return recipe, changed
