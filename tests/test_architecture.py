"""The rules of the house, as tests: which way dependencies point, what counts as public, how long things may be."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import i2sbkit

ROOT = Path(__file__).parent.parent
KERNEL = sorted((ROOT / "i2sbkit/kernel").glob("*.py"))
PARTS = sorted((ROOT / "plugins/i2sbkit_plugins").rglob("*.py"))
PLUGINS = PARTS + sorted(path for path in (ROOT / "plugins").glob("i2sbkit-*/*.py") if "test" not in path.name)
FOLDERS = ("i2sbkit", "plugins", "scripts", "benchmarks", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FILE_LINES, FUNCTION_LINES, KERNEL_LINES = 250, 40, 600
LONGER = {"i2sbkit/training/loop.py:train": 80}
VALUES = {"__version__", "KERNEL_API", "Denoise", "Spacing", "hookimpl"}  # explained where they are assigned
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def parse(path):
    return ast.parse(path.read_text("utf-8"))


def code_lines(text):
    """The numbers of the lines that hold code: no blanks, comments or docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        first = node.body[0] if isinstance(getattr(node, "body", None), list) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            lines.difference_update(range(first.lineno, first.end_lineno + 1))
    return lines


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def imported(tree):
    """The modules a file imports, from wherever in it; relative ones begin with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def private_names(tree):
    """What a file takes from i2sbkit that is not public."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("i2sbkit."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "i2sbkit":
            names = {alias.name for alias in node.names}
            yield from names - set(i2sbkit.__all__) if node.module == "i2sbkit" else [node.module]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "i2sbkit":
            yield from {node.attr} - set(i2sbkit.__all__)


def test_dependencies_point_down():
    """The contracts of [tool.importlinter] in pyproject.toml are kept."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", KERNEL, ids=name_of)
def test_the_kernel_stands_on_torch_pluggy_and_the_standard_library(path):
    """No file of the kernel imports anything else, nor anything of i2sbkit outside the kernel."""
    allowed = sys.stdlib_module_names | {"torch", "pluggy"}
    for module in imported(parse(path)):
        own = module.startswith(".") and not module.startswith("..")
        assert own or module.split(".")[0] in allowed, module


def test_the_kernel_is_small():
    """The kernel has under 600 lines of code; docstrings, comments and blank lines do not count."""
    assert sum(len(code_lines(path.read_text("utf-8"))) for path in KERNEL) < KERNEL_LINES


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_plugins_use_public_names_only(path):
    """Built-ins and the example plugin take from i2sbkit what any stranger's plugin may take."""
    assert list(private_names(parse(path))) == []


@pytest.mark.parametrize("path", PARTS, ids=name_of)
def test_parts_take_no_free_keywords(path):
    """No function of a built-in swallows options it does not name."""
    assert [node.name for node in functions(parse(path)) if node.args.kwarg] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_stay_short(path):
    """A file has at most 250 lines, a function 40 of code, the training loop 80."""
    text = path.read_text("utf-8")
    code = code_lines(text)
    lines = len(text.splitlines())
    assert lines <= FILE_LINES
    for node in functions(ast.parse(text)):
        length = len(code & set(range(node.lineno, node.end_lineno + 1)))
        assert length <= LONGER.get(f"{name_of(path)}:{node.name}", FUNCTION_LINES), node.name


@pytest.mark.parametrize("name", i2sbkit.__all__)
def test_every_public_name_resolves_and_explains_itself(name):
    """`i2sbkit.<name>` exists; a class, function or module has a docstring that somebody wrote."""
    value = getattr(i2sbkit, name)
    if name not in VALUES:
        written = vars(value).get("__doc__") if isinstance(value, type) else value.__doc__
        assert written and not written.startswith(f"{name}("), "a dataclass without a docstring is given its signature"


@pytest.mark.parametrize(
    "line",
    ["import i2sbkit.images", "from i2sbkit.images import to_pil", "from i2sbkit import secret", "i2sbkit.secret"],
)
def test_the_check_of_public_names_finds_private_ones(line):
    """The rule above can fail."""
    assert list(private_names(ast.parse(line)))
