"""The bundled weights against what a user would pick instead: the same held-out crops, the same degraded inputs.

    python benchmarks/quality.py [--task T] [--data D] [--peers NAME,...] [--crops N] [--write docs/quality.md]

Prints Markdown: PSNR and SSIM over RGB of 8-bit results, no border cropped, and the median seconds of the processor
that one thread takes for a picture, once warm. The data are 31 crops of 256 pixels of photographs that no bundled
weights were trained on. A peer whose packages are not installed is listed with the command that brings them; all of
them at once, into an environment of their own that has i2sbkit:

    pip install --no-deps -r benchmarks/peers/requirements.txt

What each peer made is kept in runs/quality, so that a run that was stopped goes on; --write also makes the pictures
docs/images/quality-TASK.webp.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from peers import ALL, Missing
from peers.cases import DAMAGES, Picture, read_pictures
from peers.comparing import compare, strips_of
from peers.measuring import measure
from peers.page import machine, methods, write_between
from peers.peer import Peer
from peers.running import one_thread
from peers.strips import drawn
from peers.tables import sentences, table

ROOT = Path(__file__).parent.parent
HELDOUT = ROOT / "benchmarks/heldout"
KEPT = ROOT / "runs/quality"
PICTURED = {"jpeg": "quality 10", "blur": "uniform 9", "sr4x": "bicubic", "inpaint": "freeform 20-30 %"}
"""The damage that the picture of a task shows."""


def main(tasks: Sequence[str], data: str, names: Sequence[str], crops: int | None, written: Path | None) -> None:
    """Compare, print, and write what is asked for."""
    one_thread()
    pictures = read_pictures(data, crops)
    about = f"{len(pictures)} crops of `{shown(data)}`; {machine()}."
    for task in tasks:
        lines = [f"## {task}", "", about, "", *section(task, pictures, names, written)]
        print("\n".join(lines), end="\n\n", flush=True)
        if written is not None:
            write_between(written, task, lines)


def section(task: str, pictures: Sequence[Picture], names: Sequence[str], written: Path | None) -> list[str]:
    """The Markdown of a task; its picture, where a page is written."""
    present, missing = installed([peer for peer in ALL if peer.task == task and (not names or peer.name in names)])
    measured, lines = measure(), []
    compared = {
        damage: compare(present, pictures, task, damage, KEPT, measured, lambda line: print(line, file=sys.stderr))
        for damage in DAMAGES[task]
    }
    if written is not None:
        path = written.parent / f"images/quality-{task}.webp"
        damage = PICTURED[task]
        drawn(strips_of(compared[damage], pictures)).save(path, quality=82, method=6)
        lines += [f"![{task}, {damage}: a detail of three crops](images/{path.name})", ""]
    for damage, each in compared.items():
        lines += [f"### {task}, {damage}", "", sentences(each.rows), "", *table(each.rows), ""]
    return [*lines, "How they are run:", "", *methods(task, present, missing)]


def installed(peers: Sequence[Peer]) -> tuple[dict[Peer, str], dict[Peer, str]]:
    """The peers that are there with their versions, and those that are not with what brings them."""
    present, missing = {}, {}
    for peer in peers:
        try:
            present[peer] = peer.source.versions()
        except Missing as why:
            missing[peer] = str(why)
    return present, missing


def shown(data: str) -> str:
    """A path as a reader of the page knows it."""
    path = Path(data).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=DAMAGES, action="append", help="may be given again; the default is all")
    parser.add_argument("--data", default=str(HELDOUT), metavar="SHARDS_OR_FOLDER")
    parser.add_argument("--peers", default="", metavar="NAME,...", help="only these rows, separated by commas")
    parser.add_argument("--crops", type=int, metavar="N", help="so many of them, evenly chosen; the default is all")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page to write the tables to")
    given = parser.parse_args()
    chosen = [name.strip() for name in given.peers.split(",") if name.strip()]
    if unknown := set(chosen) - {peer.name for peer in ALL}:
        parser.error(f"no peer {sorted(unknown)[0]!r}; there are: {', '.join(sorted({peer.name for peer in ALL}))}")
    main(given.task or list(DAMAGES), given.data, chosen, given.crops, given.write)
