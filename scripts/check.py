"""All checks, cheapest first, and the tests last: python scripts/check.py [arguments for pytest, such as --slow].

The first that fails ends it, with its exit code.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
CHECKS = (["ruff", "check"], ["ruff", "format", "--check"], ["lint-imports", "--no-logo"], ["mypy"])


def run(command: list[str]) -> None:
    """Run a tool of this environment at the root of the checkout; leave with its exit code if it finds fault."""
    print("$", *command, flush=True)
    code = subprocess.run([TOOLS / command[0], *command[1:]], cwd=ROOT).returncode
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    for check in CHECKS:
        run(check)
    run(["pytest", *sys.argv[1:]])
