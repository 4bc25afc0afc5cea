"""Recipe files as things to list, check and copy."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from .devices import pick_device
from .document.toml_text import key_lines, read_document
from .files import write_text
from .kernel.errors import Error
from .recipe import PATHS, absolute, find_recipe, load_recipe

STRING = re.compile(r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
"""A TOML string on one line, or a comment, which is passed over."""


def opening_sentence(text: str) -> str:
    """The first sentence of the comment that a recipe begins with; "" where it begins with none."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#") or not line.strip("# "):
            break
        lines.append(line.strip("# "))
    match = re.match(r".*?[.!?](?=\s|$)", " ".join(lines))
    return match[0] if match else " ".join(lines)


def recipe_problems(source: str | Path, overrides: Iterable[str] = ()) -> list[str]:
    """What is wrong with a recipe, its data and on this machine, a line each; an empty list says that nothing is."""
    from .data import open_data
    from .sources.masks import open_masks

    overrides = list(overrides)
    try:
        recipe = load_recipe(source, overrides)
    except Error as error:
        return [line for line in str(error).splitlines() if not re.fullmatch(r"\d+ errors? in the recipe", line)]
    problems = []
    openers: dict[Literal["train", "val", "masks"], Callable[[], object]] = {
        "train": lambda: open_data(recipe, "train"),
        "val": lambda: open_data(recipe, "val"),
        "masks": lambda: open_masks(*recipe.paths("masks")),
    }
    for key, opener in openers.items():
        try:
            if recipe.paths(key):
                opener()
        except Error as error:
            problems.append(f"{_place(find_recipe(source), overrides, 'data', key)}: data.{key}: {error}")
    try:
        recipe.parts.backbone.check_device(pick_device())
    except Error as error:  # it begins with the option
        option = str(error).partition(" ")[0]
        problems.append(f"{_place(find_recipe(source), overrides, 'backbone', option)}: backbone: {error}")
    return problems


def _place(path: Path, overrides: Iterable[str], section: str, key: str) -> str:
    """Where a key was given."""
    if any(override.partition("=")[0].strip() == f"{section}.{key}" for override in overrides):
        return "--set"
    lines = key_lines(path.read_text("utf-8"))
    return f"{path}:{lines.get((section, key)) or lines.get((section,), 1)}"


def copy_recipe(source: str | Path, target: Path, overwrite: bool = False) -> Path:
    """Copy a recipe to edit it, comments and all; its relative paths become absolute, so that they still hold.

    Args:
        source: a shipped recipe's name, or a file.
        target: a .toml file, or a folder to put it in under its own name.

    Returns:
        The file written.

    Raises:
        Error: no such recipe, not valid TOML, or the target exists.
    """
    path = find_recipe(source)
    if target.is_dir():
        target /= path.name
    if target.suffix != ".toml":
        raise Error(f"{target}: no such folder; for a file of that name say {target.with_name(target.name + '.toml')}")
    if target.exists() and target.samefile(path):
        raise Error(f"{target}: is the recipe itself; give another DEST")
    if target.exists() and not overwrite:
        raise Error(f"{target}: exists already; --overwrite replaces it")
    text, _ = read_document(path)
    write_text(target, with_absolute_paths(text, path.parent.absolute()))
    return target


def with_absolute_paths(text: str, base: Path) -> str:
    """A recipe's text with the paths in it starting from `base`; nothing else is changed.

    Raises:
        Error: a path is written in a way that cannot be replaced, such as a string over several lines.
        tomllib.TOMLDecodeError: not valid TOML.
    """
    wanted = tomllib.loads(text)
    for section, key in PATHS:
        table = wanted.get(section)
        if isinstance(table, dict) and key in table:
            table[key] = absolute(table[key], base)
    starts = {line: path for path, line in key_lines(text).items()}
    keys: tuple[str, ...] = ()
    lines = []
    for number, line in enumerate(io.StringIO(text), 1):
        keys = starts.get(number, keys)
        lines.append(STRING.sub(lambda found: _replaced(found[0], base), line) if keys in PATHS else line)
    result = "".join(lines)
    try:
        faithful = tomllib.loads(result) == wanted
    except tomllib.TOMLDecodeError:
        faithful = False
    if not faithful:
        raise Error('its paths are written in a way that cannot be copied; write each as a plain "..." after its key')
    return result


def _replaced(token: str, base: Path) -> str:
    """A TOML string with its path absolute; a comment as it is."""
    if token.startswith("#"):
        return token
    return json.dumps(absolute(tomllib.loads(f"path = {token}")["path"], base), ensure_ascii=False)
