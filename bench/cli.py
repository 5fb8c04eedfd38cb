"""The command `bench`. Each subcommand is a file of bench/commands/."""

from typing import Annotated

import typer
from typer.core import TyperCommand

from bench.commands import COMMANDS, EXIT_CODES, RUN_EPILOG
from bench.errors import HELP_FLAGS, FlagsGivenOnce, print_version, run_command

EPILOG = f"""Examples:

\b
  bench run all                     train all four models, then open
                                    results/sample/report.html
  bench run all --dataset car-bicycle --size 64 --seeds 3
  bench models --classes 10         parameters, FLOPs and memory
  bench list                        all runs
  bench predict frozen-vgg photo.jpg

{EXIT_CODES}"""
app = typer.Typer(
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings=HELP_FLAGS,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class BenchCommand(FlagsGivenOnce, TyperCommand):
    """A subcommand of bench."""


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version("bench"), help="print the version")
    ] = False,
) -> None:
    """Train a VGG from scratch, frozen and fine-tuned, and a small CNN, on the same device under the same rules."""


for name, command in COMMANDS.items():
    app.command(name, cls=BenchCommand, epilog=RUN_EPILOG if name == "run" else None)(command)


def main() -> None:
    """Run the command and end with its exit code."""
    run_command(app, "bench", "finished epochs and trials are kept, the same command continues")
