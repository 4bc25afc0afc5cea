"""TOML as text: where keys stand, and writing documents back."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2sbkit.document.toml_text import key_lines, to_toml

often = settings(deadline=None, derandomize=True, max_examples=80)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
flat_documents = st.dictionaries(texts, st.dictionaries(texts, values, max_size=4), max_size=4)


@often
@given(flat_documents)
def test_to_toml_round_trips(document):
    """tomllib reads back what was written: any text, control characters and quotes too, lists, nested tables."""
    assert tomllib.loads(to_toml(document)) == document


def test_to_toml_is_what_a_person_would_write():
    """Bare keys, plain numbers, inline tables; None is left out."""
    text = to_toml({"data": {"train": ["a", "b"], "val": None, "x": {"name": "blur", "k w": 2}}, "train": {"lr": 1e-5}})
    assert text == '[data]\ntrain = ["a", "b"]\nx = { name = "blur", "k w" = 2 }\n\n[train]\nlr = 1e-05\n'


@pytest.mark.parametrize(
    "character", ["\x7f", "\x00", "\x1f", "\u2028", "\x85", '"', "\\", "'", "\n", "\r", "\t", "é", "𝄞"]
)
def test_every_kind_of_character_survives(character):
    """Each in a value, in a key and in a nested key."""
    document = {"s": {f"k{character}": f"a{character}b", "t": {character: [character]}}}
    assert tomllib.loads(to_toml(document)) == document


NOISE = ["", "   ", "# a comment", "# [not.a.table]", "#key = 1"]
ONE_LINE = ["1", "-2.5e3", "true", '"x = 1"', "'[a]'", '["]", "#"]', "{ a = 1, b = [2] }", "[]", '""', "1979-05-27"]
MORE_LINES = [
    ["[", "  1,  # one ]", "", "  2,", "]  # end"],
    ['["""', "]", 'key = 3""",', "'''", "[table]'''", "]"],
    ['"""', "[section]", "key = 1", "", '\\"\\"\\" """'],
    ["'''a", "b]'''  # c"],
    ["[[", "1],", "[2]]"],
]


@st.composite
def marked_documents(draw):
    """The text of a document, and the line on which each of its tables and keys begins."""
    lines, places = [], {}

    def add(*text):
        lines.extend(draw(st.lists(st.sampled_from(NOISE), max_size=2)))
        lines.extend(text)
        return len(lines) - len(text) + 1

    def statement(prefix, key):
        spelt, path = draw(st.sampled_from([(key, (key,)), (f'"{key} x"', (f"{key} x",)), (f"{key}.a", (key, "a"))]))
        first, *rest = draw(st.sampled_from([[value] for value in ONE_LINE] + MORE_LINES))
        line = add(draw(st.sampled_from(["", "  "])) + f"{spelt} = {first}", *rest)
        places.update({(*prefix, *path[:depth]): line for depth in range(1, len(path) + 1)})

    for number in range(draw(st.integers(0, 3))):
        statement((), f"k{number}")
    for number in range(draw(st.integers(0, 3))):
        name = f"t{number}"
        path, spelt = draw(st.sampled_from([((name,), name), ((name,), f"'{name}'"), ((name, "b"), f"{name} . b")]))
        header = draw(st.sampled_from(["[{}]", " [ {} ]  # it", "[[{}]]"])).format(spelt)
        line = add(header)
        places.update({path[:depth]: line for depth in range(1, len(path) + 1)})
        for key in range(draw(st.integers(0, 3))):
            statement(path, f"k{key}")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"])), places


@often
@given(marked_documents())
def test_key_lines_finds_every_key(marked):
    """Tables, arrays of tables, dotted and quoted keys, among comments and values over many lines."""
    text, places = marked
    tomllib.loads(text)  # the strategy makes valid documents
    found = key_lines(text)
    assert {path: found.get(path) for path in places} == places


def test_key_lines_finds_nothing_else():
    """What looks like a key inside a text, a list or a comment is none."""
    text = '# a = 1\nx = """\nb = 2\n[c]\n"""\ny = [ # d = 3\n "e = 4" ]\n'
    assert key_lines(text) == {("x",): 2, ("y",): 6}


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\u2029"])
def test_only_newlines_end_lines(separator):
    """Separators that Python's splitlines() knows and TOML does not are no line ends."""
    assert key_lines(f'a = "{separator}"\nb = 1')[("b",)] == 2


def test_windows_line_ends():
    """A file with CRLF has the same lines."""
    assert key_lines('[a]\r\nb = [\r\n1,\r\n]\r\nc = """x\r\n"""\r\nd = 1\r\n')["a", "d"] == 7


def test_long_lists_are_quick():
    """A list of thousands of shards, one a line, takes no quadratic time."""
    shards = "\n".join(f"  {json.dumps(f'shard-{number:06d}.tar')}," for number in range(20_000))
    assert key_lines(f"[data]\ntrain = [\n{shards}\n]\nval = 1")["data", "val"] == 20_004
