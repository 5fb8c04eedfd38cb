"""What several commands share: options, help text, the reading of `--set`, and the console they print to."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.errors import UsageError
from bench.recipes import FLAGS_OUTSIDE_RECIPE, field_table
from collect import datasets

if TYPE_CHECKING:
    from rich.console import Console

EXIT_CODES = """\b
Exit codes: 0 done, 1 a run failed or stalled, 2 usage, unknown key or missing
dataset, 4 weights or archive, 130 interrupted (finished work is kept).
"""
Data = Annotated[Path, typer.Option(metavar="DIR", help="where datasets are")]
Results = Annotated[Path, typer.Option(metavar="DIR", help="where results are")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
SetValues = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="any recipe field; --set help lists them")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="show no progress")]
Classes = Annotated[int, typer.Option(metavar="K", help="number of classes; two share one logit")]
Size = Annotated[int, typer.Option(metavar="PX", help="side of the square input")]


def make_console(quiet: bool = False) -> "Console":
    """A console as wide as the terminal, or 120 columns in a pipe; a quiet one prints nothing."""
    return datasets.make_console(width=None if sys.stdout.isatty() else 120, quiet=quiet)


def set_values(pairs: Sequence[str]) -> dict[str, str]:
    """The values of `--set KEY=VALUE ...` by Recipe field; `--set help` ends the command. Raises UsageError."""
    if list(pairs) == ["help"]:
        typer.echo(field_table())
        raise typer.Exit
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not value:
            raise UsageError(f"--set {pair}: write KEY=VALUE; bench run --set help lists the fields")
        if name in FLAGS_OUTSIDE_RECIPE:
            raise UsageError(f"--set {pair}: {name} is not a recipe field; use --{name}")
        if name in values:
            raise UsageError(f"--set {name}=...: is given twice; keep one, or give several values as {name}=A,B")
        values[name] = value.strip()
    return values
