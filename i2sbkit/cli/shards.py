"""i2sbkit shards"""

from pathlib import Path
from typing import Literal

import click

from .options import examples, json_option, print_json


@click.group(
    epilog=examples("i2sbkit shards pack photos/ data/train --size 512", "i2sbkit shards check 'data/train/*.tar'")
)
def shards() -> None:
    """Pack, index and check shards of photographs.

    SHARDS are .tar files in webdataset's format, patterns of them (train-{000000..000009}.tar), folders, or URLs.
    """


@shards.command(
    epilog=examples(
        "i2sbkit shards pack photos/ data/train --size 512",
        "i2sbkit shards pack maps/ data/maps --paired",
        "i2sbkit shards pack imagenet/val data/val10k --labels --names val_faster_imagefolder_10k_fn.txt",
    )
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--shard-size",
    type=click.FloatRange(min=0, min_open=True),
    default=100,
    show_default=True,
    metavar="MB",
    help="Begin a new shard after so many megabytes.",
)
@click.option(
    "--size",
    type=click.IntRange(min=1),
    metavar="PX",
    help="Make photographs with a longer shorter side smaller. [default: pack the files as they are]",
)
@click.option("--paired", is_flag=True, help="FOLDER holds clean/ and degraded/, matched by path, whatever the suffix.")
@click.option(
    "--degraded",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Pairs too: FOLDER holds the clean pictures, DIR the degraded ones.",
)
@click.option(
    "--side-by-side",
    type=click.Choice(["left", "right"]),
    help="Pairs too: each picture holds both, as pix2pix's do; this half is the degraded one.",
)
@click.option("--labels", is_flag=True, help="Folders in FOLDER are classes: their numbers go into .cls files.")
@click.option(
    "--names", type=click.Path(path_type=Path), metavar="FILE", help="Pack only those in this list, in its order."
)
@click.option("--overwrite", is_flag=True, help="Replace the shards packed into OUT before.")
@json_option
def pack(
    folder: Path,
    out: Path,
    shard_size: float,
    size: int | None,
    paired: bool,
    degraded: Path | None,
    side_by_side: Literal["left", "right"] | None,
    labels: bool,
    names: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Pack the pictures in FOLDER into shards in OUT.

    Those in folders below it too; the shards are printed. What lies beside a picture under the same name as .json,
    .txt or .npy is packed with it. FOLDER may also be an LMDB as the authors of I2SB make it of ImageNet.
    """
    from ..sources.pack_sources import Source
    from ..sources.packing import pack as pack_folder

    source = Source(paired, degraded, side_by_side, labels, names)
    packed = pack_folder(folder, out, shard_size=shard_size, size=size, overwrite=overwrite, source=source)
    if as_json:
        print_json(packed.as_dict())
    else:
        for shard in packed.shards:
            click.echo(shard)
    if packed.failed:
        click.echo(f"{len(packed.failed)} of {packed.photographs + len(packed.failed)} pictures left out", err=True)
    return 1 if packed.failed else 0


@shards.command(epilog=examples("i2sbkit shards index data/train", "i2sbkit shards index 'train-*.tar'"))
@click.argument("sources", nargs=-1, required=True, metavar="SHARDS...")
@json_option
def index(sources: tuple[str, ...], as_json: bool) -> None:
    """Write an index beside each shard, so that it opens fast.

    Its file names are printed. An index counts only while its shard has the size and time that it had; uploaded with
    it, while it has the size.
    """
    from ..kernel.errors import Error
    from ..sources.shards import find
    from ..sources.tars import write_index

    paths = find(sources)
    for folder in (path for path in paths if isinstance(path, Path) and path.is_dir()):
        raise Error(f"{folder}: no shards in it; `i2sbkit shards pack {folder} OUT` makes some of its pictures")
    indexes = map(write_index, paths)
    if as_json:
        print_json([str(index) for index in indexes])
    else:
        for index in indexes:
            click.echo(index)


@shards.command(epilog=examples("i2sbkit shards check data/train", "i2sbkit shards check 'train-*.tar' --json"))
@click.argument("sources", nargs=-1, required=True, metavar="SHARDS...")
@json_option
def check(sources: tuple[str, ...], as_json: bool) -> int:
    """Decode every photograph and print what is wrong.

    A line each, and exit code 1 where anything is. Found are truncated shards, pictures that cannot be decoded, pairs
    that do not fit, duplicates, and indexes out of date. Folders of pictures are checked too.
    """
    from ..sources.checking import check as check_shards

    report = check_shards(sources)
    if as_json:
        print_json(report.as_dict())
    else:
        for problem in report.problems:
            click.echo(problem)
        click.echo(str(report), err=True)
    return 1 if report.problems else 0
