"""Fuzzing with hypothesis: so many cases of a kind, the same ones in every short run, others in every long one."""

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from i2sbkit.kernel.errors import Error

SHORT, LONG = 500, 10_000
runs = pytest.mark.parametrize(
    "examples", [SHORT, pytest.param(LONG, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])]
)
"""A short run by default, a long one with --slow."""

ODD_NUMBERS = [0, 1, 2, 3, 7, 16, -1, 101, 1 << 31, 1 << 63, 1 << 64, 10**12, 10**40, -(10**18)]
ODD_FLOATS = [0.0, -0.0, 0.5, 1e-300, -1.5, 1e300, 5e-324, 1.7976931348623157e308]
ODD_TEXTS = [
    "", " ", "sde", "jpeg", "os.system", "../x", "a" * 2000, "\n", "\x1b[31m", "\0", "\u202e", "日本", "{0}", "%s",
    "nan", "1e999", "weights", "F32", "i2sbkit 0.1", "*", "/",
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from(ODD_NUMBERS)
    | st.integers()
    | st.sampled_from(ODD_FLOATS)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD_TEXTS)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
"""JSON values of any kind."""


def fuzz(examples: int, cases: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Run a check on so many cases; an `Error` is an answer, whatever else comes through is reported with its case."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples == SHORT,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        try:
            check(case)
        except Error as error:
            assert str(error)
            assert "Traceback" not in str(error)

    with warnings.catch_warnings():  # ours on what is damaged, and hypothesis' on long cases
        warnings.simplefilter("ignore")
        run()


def told(action: Callable[[], Any]) -> Any:
    """What an action gives, or the `Error` that it raises."""
    try:
        return action()
    except Error as error:
        return error


@st.composite
def damaged(draw: st.DrawFn, wholes: list[bytes]) -> bytes:
    """One of several files with some of its bytes changed, cut off, cut out, repeated or taken from another."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        low = draw(st.integers(0, len(content) - 1) | st.integers(0, min(len(content) - 1, 64)))
        high = min(low + draw(st.sampled_from([1, 1, 1, 2, 4, 8, 32, 400])), len(content))
        way = draw(st.sampled_from(["set", "set", "set", "add", "cut", "out", "twice", "other"]))
        if way == "set":
            size = high - low
            content[low:high] = draw(
                st.binary(min_size=size, max_size=size) | st.sampled_from([bytes(size), b"\xff" * size])
            )
        elif way == "add":
            content[low:low] = draw(st.binary(max_size=40))
        elif way == "cut":
            del content[low:]
        elif way == "out":
            del content[low:high]
        elif way == "twice":
            content[low:low] = content[low:high]
        else:
            content[low:high] = draw(st.sampled_from(wholes))[low:high]
    return bytes(content)


@st.composite
def changed(draw: st.DrawFn, document: Any, new: st.SearchStrategy[Any] = values) -> Any:
    """A JSON document with one to three of its values, wherever they are, replaced, renamed or left out."""
    result = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 3))):
        place, keys = result, list(_places(result))
        if not keys:
            break
        *path, last = draw(st.sampled_from(keys))
        for key in path:
            place = place[key]
        way = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "add"]))
        if way == "replace":
            place[last] = draw(new)
        elif way == "remove":
            del place[last]
        elif way == "rename" and isinstance(place, dict):
            place[draw(st.text(max_size=8) | st.sampled_from(ODD_TEXTS))] = place.pop(last)
        elif isinstance(place, dict):
            place[draw(st.text(max_size=8) | st.sampled_from(ODD_TEXTS))] = draw(new)
        else:
            place.append(draw(new))
    return result


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The paths of all values in a document."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _places(value[key], (*path, key))
