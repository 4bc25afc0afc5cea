"""The parts of docs/quality.md that are generated, and how they get there."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from i2sbkit.files import write_text
from i2sbkit.kernel.errors import Error

from .cases import DAMAGES, setting_of
from .peer import Peer

BEGIN, END = "<!-- benchmarks/quality.py writes {}: begin -->", "<!-- {}: end -->"


def machine() -> str:
    """The processor, the system and what everything runs on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text("utf-8").splitlines() if "model name" in line
        ]
        model = named[0] if named else model
    versions = ", ".join(f"{package} {version(package)}" for package in ("torch", "numpy", "pillow"))
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"one thread of an {model} ({os.cpu_count()} cores, shared with other work), {system}, {versions}"


def methods(task: str, present: Mapping[Peer, str], missing: Mapping[Peer, str]) -> list[str]:
    """How each method is run: a line each, and those that are missing with what brings them."""
    lines = []
    for peer, versions in present.items():
        said = [versions] + ([f"told {peer.told}"] if peer.told else [])
        if peer.choices:
            chosen = [f"{setting_of(task, peer.name, damage)} ({damage})" for damage in DAMAGES[task]]
            said.append(f"{peer.setting}, chosen on training photographs: {', '.join(chosen)}")
        said += [peer.note] if peer.note else []
        lines.append(f"- {peer.name}: {'; '.join(said)}.")
    lines += [f"- {peer.name}: **missing**: `{why}`." for peer, why in missing.items() if not peer.ours]
    lines += [f"- {peer.name}: {why}." for peer, why in missing.items() if peer.ours]
    return lines


def write_between(path: Path, task: str, lines: Sequence[str], mark: str = BEGIN) -> None:
    """Replace what stands between the two marks of a task on a page; `mark` is the first one, {} for the task.

    Raises:
        Error: it lacks one.
    """
    text = path.read_text("utf-8")
    head, begin, rest = text.partition(mark.format(task))
    _, end, tail = rest.partition(END.format(task))
    if not begin or not end:
        raise Error(f"{path}: no place for {task}; put the lines {mark.format(task)} and {END.format(task)} there")
    write_text(path, "\n".join([head + begin, "", *lines, "", end + tail]))
