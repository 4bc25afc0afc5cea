"""The command line. Each command lives in its own file and is imported only when it is called."""

import os
import signal
import sys
import traceback
from importlib import import_module

import click

from .. import __version__
from ..kernel.errors import Error
from ..stopping import Stopped

COMMANDS = {
    "train": "Train a bridge from a recipe; the same command again resumes.",
    "restore": "Restore images with bundled or trained weights.",
    "degrade": "Damage clean images as a task or recipe does: what restore reads.",
    "evaluate": "Measure weights on photographs: a table over samplers and evaluations.",
    "compare": "Measure one folder against another, matched by file stem.",
    "tune": "Find the samplers and evaluations that are worth their time.",
    "recipes": "List, show, check and copy recipes.",
    "plugins": "List the installed plugins, check them, begin one of your own.",
    "shards": "Pack, index and check shards of photographs.",
    "weights": "List, describe, check, export and import weights.",
    "doctor": "Describe this installation, for bug reports.",
}

MEMORY = {"THP_MEM_ALLOC_ENABLE": "1"}
"""Environment that torch reads at its first allocation: tensors on huge pages, where Linux has them on request. A CPU
restores a megapixel in half the time (benchmarks/speed.py), as it no longer waits for 4 KB pages of fresh memory."""


class LazyGroup(click.Group):
    """Knows every command's name and summary, and imports a command's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f".{cmd_name}", __name__), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from ..kernel.plugins import did_you_mean

            ctx.fail(f"no such command {name!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value:
        return
    from importlib.metadata import version

    click.echo(f"i2sbkit {__version__}, torch {version('torch')}, python {sys.version.split()[0]}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog="""\b
Examples:
  i2sbkit restore photos/ restored/ --task jpeg
  i2sbkit train recipes/jpeg10.toml

\b
Exit codes: 0 done, 1 some files failed, 2 usage or recipe, 130 Ctrl-C, 143 SIGTERM.
Environment: I2SBKIT_PLUGINS=off loads only our own plugins, a comma list those besides ours;
I2SBKIT_DEBUG=1 shows tracebacks. Completion: eval "$(_I2SBKIT_COMPLETE=bash_source i2sbkit)".
""")  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print versions."
)
def main() -> None:
    """Image restoration with Schrödinger bridges (I2SB)."""


def run() -> None:
    """The console command: `main` with our exit codes, and no traceback for what a user can put right."""
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    try:
        code = execute(sys.argv[1:])
    except SystemExit as end:
        if not isinstance(end.code, int):  # a text, which Python prints
            raise
        code = end.code
    if distributed := sys.modules.get("i2sbkit.distributed"):  # not imported for it: torch takes seconds
        distributed.leave(code)
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    debug = os.environ.get("I2SBKIT_DEBUG", "") not in ("", "0")
    try:
        result = main.main(arguments, prog_name="i2sbkit", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Stopped as stop:
        click.echo(str(stop), err=True)
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nothing more can be said to a closed pipe
        return 128 + signal.SIGPIPE
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        if debug:
            traceback.print_exc()
        click.echo(f"error: {told}", err=True)
        return 2


def _told(error: Exception) -> str | None:
    """An error in a line, where a user can put it right; None of others, which are bugs."""
    if isinstance(error, Error | OSError):  # an OSError says which file and why: no room, no permission
        return str(error)
    memory = sys.modules.get("i2sbkit.memory")  # it knows what torch says; not imported for it
    if isinstance(error, MemoryError) or (memory and memory.out_of_memory(error)):
        return "memory ran out; take smaller pictures (--size, --tile), fewer at once (--batch), or free memory"
    return None
