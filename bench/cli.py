"""The command `bench`. Each subcommand is a file of bench/commands/."""

import typer

from bench.commands import COMMANDS, EXIT_CODES, RUN_EPILOG
from bench.errors import run_command

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
    help="Train a VGG from scratch, frozen and fine-tuned, and a small CNN, on the same device under the same rules.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name, epilog=RUN_EPILOG if name == "run" else None)(command)


def main() -> None:
    """Run the command and end with its exit code."""
    run_command(app, "bench", "finished epochs and trials are kept, the same command continues")
