"""Choose the settings of the peers that have some, on training photographs; writes benchmarks/peers/settings.json.

    python benchmarks/quality_settings.py [PEER...] [--data SHARDS_OR_FOLDER] [--count 12]

For each damage the choice with the highest mean PSNR. The photographs are those that the shipped recipes train on, none
of which is among the held-out ones that the comparison is made with.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from peers import ALL, Missing
from peers.cases import DAMAGES, SETTINGS, Picture, damaged, read_pictures
from peers.measuring import decibels
from peers.peer import Peer
from peers.running import one_thread

from i2sbkit.recipe import load_recipe

WRITTEN = Path(__file__).parent / "peers/settings.json"


def main(names: Sequence[str], data: str, count: int) -> None:
    """Try every choice of every peer; print what each gives."""
    one_thread()
    pictures = read_pictures(data, count)
    chosen = {key: dict(value) for key, value in SETTINGS.items()}
    for peer in ALL:
        if not peer.choices or (names and peer.name not in names):
            continue
        try:
            print(f"{peer.task}: {peer.name} ({peer.source.versions()})")
        except Missing as missing:
            print(f"{peer.task}: {peer.name}: missing, {missing}")
            continue
        chosen[f"{peer.task}: {peer.name}"] = {damage: best(peer, damage, pictures) for damage in DAMAGES[peer.task]}
        WRITTEN.write_text(json.dumps(chosen, indent=1, sort_keys=True) + "\n", "utf-8")


def best(peer: Peer, damage: str, pictures: Sequence[Picture]) -> object:
    """The choice with the highest mean PSNR."""
    cases = [damaged(picture, peer.task, damage) for picture in pictures]
    means: dict[object, float] = {}
    for choice in peer.choices:
        restore = peer.load(choice)
        values = [decibels(restore(case), picture.clean) for case, picture in zip(cases, pictures, strict=True)]
        means[choice] = sum(values) / len(values)
    print(f"  {damage}: " + ", ".join(f"{choice}: {mean:.2f}" for choice, mean in means.items()), flush=True)
    return max(means, key=lambda choice: means[choice])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*")
    parser.add_argument("--data", default=load_recipe("jpeg").paths("train")[0])
    parser.add_argument("--count", type=int, default=12)
    given = parser.parse_args()
    main(given.peers, given.data, given.count)
