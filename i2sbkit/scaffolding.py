"""A new plugin, written from one that works: the example distribution of its kind, under another name."""

from __future__ import annotations

import importlib.util
import keyword
import re
import secrets
import shutil
from pathlib import Path

from .files import TEMPORARY
from .kernel import registry
from .kernel.errors import Error
from .kernel.plugins import normalise
from .shipped import PACKAGE

EXAMPLES = {"corruption": "fog", "schedule": "eased", "backbone": "plain", "sampler": "settle"}
"""The part that the example of each kind brings; its distribution is `i2sbkit-` and that."""
FILES = (".gitignore", "README.md", "pyproject.toml", "i2sbkit_{0}.py", "recipes/{0}.toml", "tests/test_{0}.py")
"""Of an example, {0} being its part."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 60


def new_plugin(name: str, kind: str, parent: Path) -> Path:
    """Write a distribution that brings one part: with entry point, module, recipe, tests and README.

    Args:
        name: of the distribution, such as "i2sbkit-rain"; the part is called "rain".
        kind: "corruption", "schedule", "backbone" or "sampler".
        parent: the folder to write it in, as a folder of its name.

    Returns:
        That folder, whole.

    Raises:
        Error: the name does not do, or is taken, by a folder, a package or a part.
    """
    part, module = _names(name)
    target = parent / name
    if target.exists() or target.is_symlink():
        raise Error(f"{target}: exists already; choose another name, or remove it")
    if importlib.util.find_spec(module):
        raise Error(f"there is a Python package {module} already; choose another name")
    taken = [f"{c.distribution} {c.version}" for c in registry.default().components if (c.kind, c.name) == (kind, part)]
    if taken:
        raise Error(f"{taken[0]} brings a {kind} {part!r} already; choose another name")
    temporary = parent / TEMPORARY.format(secrets.token_hex(8))
    try:
        _write(temporary, EXAMPLES[kind], name, part)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def examples() -> Path:
    """The folder of the example distributions: the wheel's, else the checkout's."""
    packed = PACKAGE / "examples"
    return packed if packed.is_dir() else PACKAGE.parent / "plugins"


def _names(name: str) -> tuple[str, str]:
    """The part and the module of a distribution of this name."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        better = normalise(name)
        hint = f"; say {better}" if NAME.fullmatch(better) and len(better) <= LONGEST else ""
        asked = f"a lower-case letter, then letters and digits, with - between words, at most {LONGEST}"
        raise Error(f"{name!r} is no name for a distribution{hint} ({asked})")
    part, module = name.removeprefix("i2sbkit-"), name.replace("-", "_")
    if not part[0].isalpha():
        raise Error(f"{name!r} gives no name for a part; choose another name")
    for what, word in (("module", module), ("class", _class(part))):
        if keyword.iskeyword(word):
            raise Error(f"{name!r} gives no name for a {what}, as Python has {word} for itself; choose another name")
    return part, module


def _class(part: str) -> str:
    """What the class of a part is called."""
    return "".join(word.title() for word in part.split("-"))


def _write(folder: Path, example: str, name: str, part: str) -> None:
    """The files of an example, renamed inside and out."""
    renamed = {
        f"i2sbkit_{example}": name.replace("-", "_"),
        f"i2sbkit-{example}": name,
        example.title(): _class(part),
        f"test_{example}": f"test_{part.replace('-', '_')}",
        example: part,
    }
    words = re.compile("|".join(rf"(?<![A-Za-z0-9]){word}(?=[^a-z0-9]|$)" for word in renamed))
    for file in FILES:
        source = examples() / f"i2sbkit-{example}" / file.format(example)
        target = folder / words.sub(lambda found: renamed[found[0]], file.format(example))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(words.sub(lambda found: renamed[found[0]], source.read_text("utf-8")), "utf-8")
