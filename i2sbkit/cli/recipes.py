"""i2sbkit recipes"""

from pathlib import Path

import click

from .completing import complete_recipes
from .options import examples, json_option, print_json, set_option
from .tables import print_table


@click.group(epilog=examples("i2sbkit recipes list", "i2sbkit recipes copy jpeg10 mine.toml"))
def recipes() -> None:
    """List, show, check and copy recipes.

    A recipe is the path of a .toml file or the name of one that ships with i2sbkit.
    """


@recipes.command("list", epilog=examples("i2sbkit recipes list", "i2sbkit recipes list --json"))
@json_option
def list_(as_json: bool) -> None:
    """List the shipped recipes."""
    from ..recipe_files import opening_sentence
    from ..shipped import recipes as shipped

    rows = [
        {"name": name, "summary": opening_sentence(path.read_text("utf-8")), "file": str(path)}
        for name, path in shipped().items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("name", "what it trains"), [(row["name"], row["summary"]) for row in rows])


@recipes.command(epilog=examples("i2sbkit recipes show jpeg10", "i2sbkit recipes show mine.toml --resolved"))
@click.argument("recipe", shell_complete=complete_recipes)
@click.option("--resolved", is_flag=True, help="As it would be trained: every default filled in, paths absolute.")
def show(recipe: str, resolved: bool) -> None:
    """Print a recipe as TOML."""
    from ..recipe import find_recipe, load_recipe

    click.echo(load_recipe(recipe).to_toml() if resolved else find_recipe(recipe).read_text("utf-8"), nl=False)


@recipes.command(
    epilog=examples("i2sbkit recipes check mine.toml", "i2sbkit recipes check tiny jpeg10 --set train.batch=8")
)
@click.argument("recipe", nargs=-1, required=True, metavar="RECIPE...", shell_complete=complete_recipes)
@set_option
@json_option
def check(recipe: tuple[str, ...], overrides: tuple[str, ...], as_json: bool) -> int:
    """Check recipes and their data without training.

    The exit code is 2 where anything is wrong.
    """
    from ..recipe_files import recipe_problems

    found = {source: recipe_problems(source, overrides) for source in recipe}
    if as_json:
        print_json([{"recipe": source, "ok": not lines, "problems": lines} for source, lines in found.items()])
    else:
        for source, lines in found.items():
            for line in lines:
                click.echo(line, err=True)
            if not lines:
                click.echo(f"{source}: ok")
    return 2 if any(found.values()) else 0


@recipes.command(epilog=examples("i2sbkit recipes copy jpeg10", "i2sbkit recipes copy jpeg10 mine.toml"))
@click.argument("recipe", shell_complete=complete_recipes)
@click.argument("target", metavar="[DEST]", default=".", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace DEST where it exists.")
def copy(recipe: str, target: Path, overwrite: bool) -> None:
    """Copy a recipe to DEST or here, to edit it.

    Paths to its data become absolute, so that they still hold.
    """
    from ..recipe_files import copy_recipe

    click.echo(copy_recipe(recipe, target, overwrite))
