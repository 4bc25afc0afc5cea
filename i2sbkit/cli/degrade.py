"""i2sbkit degrade"""

from pathlib import Path

import click

from .options import examples, existing_options, finish_jobs, json_option, policy, shown_warnings
from .places import Place, some_and_out
from .which_weights import Task


@click.command(
    epilog=examples(
        "i2sbkit degrade photos/ damaged/ --task jpeg",
        "i2sbkit degrade clean.png damaged/ --recipe recipes/jpeg10.toml --seed 1",
        "i2sbkit degrade shards-{000000..000009}.tar damaged/ --task sr4x --seed 2",
    )
)
@click.argument("places", nargs=-1, metavar="IN... OUT", type=Place(path_type=Path))
@click.option("--task", type=Task(), help="Damage as the bundled weights of this task were trained on.")
@click.option("--recipe", metavar="FILE", help="Damage as a recipe says.")
@click.option("--seed", default=0, show_default=True, help="With a picture's content it fixes the damage.")
@existing_options
@json_option
def degrade(
    places: tuple[Path, ...],
    task: str | None,
    recipe: str | None,
    seed: int,
    existing: dict[str, bool],
    as_json: bool,
) -> int:
    """Damage the clean pictures in IN and write to OUT what restore reads.

    IN is a file, a folder, a pattern or shards, OUT a folder; for one picture a file.
    """
    *sources, out = some_and_out(places, "damage")
    if (task is None) == (recipe is None):
        raise click.UsageError(
            "give either --task NAME or --recipe FILE; `i2sbkit weights list` and `i2sbkit recipes list` show them"
        )
    if Path("-") in places:
        raise click.UsageError("- is stdin and stdout, and only restore takes them; give files or folders")
    from ..bulk import degrading
    from ..checkpoint import read_weights
    from ..recipe import load_recipe
    from ..shipped import find_weights

    loaded = load_recipe(recipe) if recipe else read_weights(find_weights(str(task))).recipe
    with shown_warnings():
        return finish_jobs(degrading.degrade(sources, out, loaded, seed, policy(**existing)), as_json)
