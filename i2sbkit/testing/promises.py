"""How a promise is checked, and what a broken one says."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("promises.md")
"""All promises, by the kind of the part."""
Check = Callable[[Any], str | None]
"""What came back in place of the promise, or None. The promise is the first paragraph of its docstring."""


class BrokenPromise(AssertionError):
    """A part that does not keep what its interface promises.

    Attributes:
        promise: what every such part does.
        found: what this one did.
        page: the file and section that say more.
    """

    def __init__(self, promise: str, found: str, page: str) -> None:
        super().__init__(f"{promise}\n  found: {found}\n  see: {page}")
        self.promise, self.found, self.page = promise, found, page


def keep(case: Any, checks: Sequence[Check], section: str) -> None:
    """Run checks on a case, one after another.

    Raises:
        BrokenPromise: the first that is not kept; whatever a part raises breaks the promise that was tried.
    """
    for check in checks:
        cause: Exception | None = None
        try:
            found = check(case)
        except Exception as error:
            cause, found = error, f"it raised {type(error).__name__}: {error}"
        if found:
            raise BrokenPromise(promise_of(check), found, f"{PAGE}, {section}") from cause


def promise_of(check: Check) -> str:
    """The promise that a check is about, in a line."""
    return " ".join((inspect.getdoc(check) or check.__name__).partition("\n\n")[0].split())
