"""Write the lock of what CI installs, each file by its hash: python scripts/lock.py

`constraints.txt` says which versions, `pyproject.toml` which packages; the hashes are those of all files that the index
has of a version. Of torch it is PyTorch's build for CPUs on Linux, Python 3.11, as CI installs it: PyPI's is a CUDA
build of several GB. PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL may lead to it, else PyTorch's index does. uv resolves, in an
environment of its own.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK, SOURCES = ROOT / "requirements-ci.lock", ROOT / "requirements-ci-sources.lock"
FROM_SOURCE = ("pyvips",)
"""What the index has as source alone."""
TO_BUILD = ("setuptools", "cffi", "pkgconfig", "editables~=0.3")
"""What their builds need; and hatchling, for `pip install -e`."""
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
HEADER = "# Made by scripts/lock.py; Linux on x86_64, Python 3.11. {}\n"


def resolve(folder: Path) -> str:
    """What uv finds: a requirement with its hashes, and the next."""
    venv.create(folder / "venv", with_pip=True)
    tools = folder / "venv" / "bin"
    subprocess.run([tools / "pip", "install", "--quiet", "uv"], check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["test"]
    wanted += [*project["build-system"]["requires"], *TO_BUILD]
    (folder / "all.in").write_text("\n".join(wanted), "utf-8")
    command = [tools / "uv", "pip", "compile", folder / "all.in", "--constraints", ROOT / "constraints.txt"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    command += ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"]
    if links := os.environ.get("PIP_FIND_LINKS"):
        command += ["--find-links", links]
    else:
        index = os.environ.get("PIP_EXTRA_INDEX_URL", CPU_INDEX)
        command += ["--index", index, "--index-strategy", "unsafe-best-match"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        entries = re.findall(r"^\S+==(?:.*\\\n)*.*\n", resolve(Path(folder)), re.MULTILINE)
    torch = next(entry for entry in entries if entry.startswith("torch=="))
    if "+cpu" not in torch.partition("\n")[0]:
        print("torch's build for CPUs was not found: set PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL", file=sys.stderr)
        return 2
    built = [entry for entry in entries if entry.startswith(tuple(f"{name}==" for name in FROM_SOURCE))]
    wheels = [entry for entry in entries if entry not in built]
    LOCK.write_text(HEADER.format("Wheels.") + "".join(wheels), "utf-8")
    SOURCES.write_text(HEADER.format("What has no wheel and is built from its source.") + "".join(built), "utf-8")
    print(f"{len(wheels)} wheels in {LOCK.name}, {len(built)} sources in {SOURCES.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
