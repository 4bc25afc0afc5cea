"""Recipes at random: read, or refused with what is wrong in each line."""

import json
from pathlib import Path

from fuzzing import ODD_TEXTS, changed, damaged, fuzz, runs, told
from hypothesis import strategies as st
from tiny_training import TINY

from i2sbkit.document.toml_text import key_lines, to_toml
from i2sbkit.kernel.errors import Error
from i2sbkit.recipe import from_document, load_recipe
from i2sbkit.recipe_files import copy_recipe
from i2sbkit.shipped import recipes

TEXTS = [TINY, *(recipes()[name].read_text("utf-8") for name in ("jpeg10", "blur", "inpaint", "mixture", "sr4x"))]
LITERALS = [
    "nan", "-inf", "1e400", "0x10", "1_000", "9" * 5000, "true", "1979-05-27", "07:32:00", '"""a\nb"""', "'''x'''",
    '"\\u0000"', "[" * 40 + "]" * 40, "[" * 3000, "{a = {b = {}}}", "[[1], [2.5], ['x']]", "[]", "{}", '"\\"]"', "'['",
    "[\n# ]\n1,\n]", "-1", "1000000", "0", "4", "0.5", "10000000000000000000000", '"os.system"',
    '"i2sbkit_plugins.jpeg.Jpeg"', "",
]  # fmt: skip
LINES = [
    "[a.b.c]",
    "[[train]]",
    "[corruption]",
    "a.b = 1",
    '"a\\nb" = 1',
    "x = 1",
    "]",
    "}",
    '"',
    "= 1",
    "[]",
    "\x00",
    "\r",
    "a" * 3000,
]
numbers = st.sampled_from([-1, 0, 1, 2, 3, 4, 7, 9, 16, 64, 101, 10**6, 10**18, 10**40, 0.0, 0.5, -0.5, 1e-300, 1e300])
options = numbers | st.sampled_from(ODD_TEXTS) | st.booleans() | st.lists(numbers, max_size=3) | st.none()


@st.composite
def texts(draw):
    """The text of a recipe with some of its lines changed."""
    lines = draw(st.sampled_from(TEXTS)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        way = draw(st.sampled_from(["value", "value", "value", "remove", "insert", "move", "text"]))
        if way == "value":
            key = lines[number].partition("=")[0]
            lines[number] = f"{key}= {draw(st.sampled_from(LITERALS))}"
        elif way == "remove" and len(lines) > 1:
            del lines[number]
        elif way == "insert":
            lines.insert(number, draw(st.sampled_from(LINES)))
        elif way == "move":
            lines.insert(number, lines.pop(draw(st.integers(0, len(lines) - 1))))
        else:
            lines[number] = draw(st.text(max_size=30))
    return "\n".join(lines).encode("utf-8", "replace")


@runs
def test_no_recipe_file_brings_a_traceback(examples, tmp_path):
    """Lines changed, bytes damaged, values replaced: load_recipe and copy_recipe, and each line names the file."""
    path = tmp_path / "r.toml"
    (tmp_path / "copy.toml").touch()
    documents = [json.loads(json.dumps(load_recipe(source).document)) for source in ("jpeg10", "mixture", "inpaint")]
    replaced = st.sampled_from(documents).flatmap(lambda document: changed(document, options)).map(as_toml)

    def read(content):
        path.write_bytes(content)
        recipe = told(lambda: load_recipe(path))
        copied = told(lambda: copy_recipe(path, tmp_path / "copy.toml", overwrite=True))
        if not isinstance(copied, Error):
            key_lines(copied.read_text("utf-8"))
        if isinstance(recipe, Error):
            lines = str(recipe).splitlines()
            assert all(line.startswith(str(path)) or "error" in line for line in lines), lines
            assert all(line.isprintable() for line in lines), lines
        else:
            path.write_text(recipe.to_toml(), "utf-8")
            assert load_recipe(path).document.keys() == recipe.document.keys()

    fuzz(examples, texts() | damaged([text.encode() for text in TEXTS]) | replaced, read)


def as_toml(document):
    """What of a document TOML can say."""
    sections = {key: value for key, value in document.items() if isinstance(value, dict)}
    return to_toml(sections).encode("utf-8", "replace")


@runs
def test_no_document_and_no_set_brings_a_traceback(examples, tmp_path):
    """Documents as a header holds them, and what --set may be given."""
    path = tmp_path / "r.toml"
    path.write_text(TINY, "utf-8")
    document = json.loads(json.dumps(load_recipe(path).document))
    keys = [f"{section}.{key}" for section, table in document.items() for key in table]
    key = st.sampled_from([*keys, "", ".", "a.b.c", "train.", "x"]) | st.text(max_size=8)
    sets = st.tuples(key, st.sampled_from(["=", "", "=="]), st.sampled_from(LITERALS) | st.text(max_size=10)).map(
        "".join
    )

    def read(case):
        if isinstance(case, str):
            load_recipe(path, [case])
        else:
            from_document(case, lambda keys: "x", base=Path("/"), name="x")

    fuzz(examples, sets | changed(document, options).filter(lambda case: isinstance(case, dict)), read)
