"""What comes with i2sbkit, its recipes and its weights, by file name alone: no torch, so that completion is quick."""

from pathlib import Path

from .argument_types import path_of
from .kernel.errors import Error
from .kernel.plugins import did_you_mean

PACKAGE = Path(__file__).parent
WEIGHTS = PACKAGE / "weights"
REINSTALL = "pip install --force-reinstall --no-deps i2sbkit brings it anew"


def shipped_recipes() -> Path:
    """The folder of the recipes that come with i2sbkit: the checkout's where we run from one, else the wheel's."""
    pyproject = PACKAGE.parent / "pyproject.toml"
    if pyproject.is_file() and 'name = "i2sbkit"' in pyproject.read_text("utf-8"):
        return PACKAGE.parent / "recipes"
    return PACKAGE / "recipes"


def recipes() -> dict[str, Path]:
    """The shipped recipes by name ("jpeg10", "imagenet256/blur"), sorted."""
    folder = shipped_recipes()
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.toml"))}


def bundled() -> dict[str, Path]:
    """The bundled weights by task, sorted."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}


def published_sums() -> dict[Path, str]:
    """SHA-256 of each file of bundled weights, in hexadecimal digits, as SHA256SUMS beside them has it.

    Raises:
        Error: there is no such list, or it is not one of `sha256sum`.
    """
    path = WEIGHTS / "SHA256SUMS"
    if not path.is_file():
        raise Error(f"{path}: missing, so nothing can be compared; {REINSTALL}")
    lines = [line.split() for line in path.read_text("utf-8", "replace").splitlines()]
    if not all(len(line) == 2 and len(line[0]) == 64 for line in lines):
        raise Error(f"{path}: damaged; {REINSTALL}")
    return {WEIGHTS / name.removeprefix("*"): digest for digest, name in lines}


def find_weights(name_or_path: str | Path) -> Path:
    """The file of bundled weights, given their task, or of others, given their path or the run folder they are in.

    A text is a task before it is a path; with a separator in it, as in "./jpeg", it is no task, and a `Path` never is.

    Raises:
        Error: there are no such weights.
    """
    tasks, path = bundled(), path_of(name_or_path, "weights are a file, a run folder or a bundled task")
    if isinstance(name_or_path, str) and name_or_path in tasks:
        return tasks[name_or_path]
    if path.is_file():
        return path
    if (path / "weights.safetensors").is_file():
        return path / "weights.safetensors"
    if path.is_dir():
        raise Error(f"{path}: a folder without weights.safetensors; training writes it every train.save_every steps")
    named = f"; the bundled task is --task {path}, in Python the text {str(path)!r}" if str(path) in tasks else ""
    hint, listed = named or did_you_mean(str(name_or_path), tasks), ", ".join(tasks) or "none"
    raise Error(
        f"no weights {str(name_or_path)!r}{hint}: give a file, a run folder or a bundled task (there are: {listed})"
    )
