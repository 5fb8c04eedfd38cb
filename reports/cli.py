"""The command `reports`: build, table, list. Everything heavy is imported late, so that --help is fast."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperCommand

from bench.records import HELP_FLAGS, FlagsGivenOnce, print_text, print_version, run_command

EPILOG = """Examples:

\b
  reports build                              every dataset in results/
  reports build --dataset car-bicycle --open
  reports build --dataset car-bicycle --out report.html
  reports table --format md                  paste it into a README
  reports table --dataset car-bicycle --format csv > table.csv
  reports list --results elsewhere/results

\b
Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted
"""
app = typer.Typer(
    context_settings=HELP_FLAGS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EPILOG,
)


class ReportsCommand(FlagsGivenOnce, TyperCommand):
    """A subcommand of reports."""


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version("reports"), help="print the version")
    ] = False,
) -> None:
    """Turn stored runs into an HTML report, a table or a list."""


Dataset = Annotated[
    str | None, typer.Option("--dataset", metavar="NAME", help="only this dataset [default: all of them]")
]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="folder that holds DATASET/RUN/run.json")]


@app.command(cls=ReportsCommand, epilog=EPILOG)
def build(
    dataset: Dataset = None,
    results: Results = Path("results"),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="file to write [default: results/NAME/report.html]")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="open the report in the browser")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="do not print where the report is")] = False,
) -> None:
    """Write one self-contained HTML report per dataset."""
    from reports import page

    paths = page.build(results, dataset, out)
    for path in paths if not quiet else ():
        print_text(path)
    if open_:
        typer.launch(paths[0].resolve().as_uri())


@app.command(cls=ReportsCommand, epilog=EPILOG)
def table(
    dataset: Dataset = None,
    form: Annotated[Literal["md", "csv", "latex", "json"], typer.Option("--format", help="format of the table")] = "md",
    results: Results = Path("results"),
) -> None:
    """Print the comparison table."""
    from reports import export, study, words

    names = study.select_datasets(results, dataset)
    comparisons = [study.compare_study(study.load_study(results, name)) for name in names]
    sys.stdout.write(export.export(comparisons, form))
    for line in sorted({line for c in comparisons for line in c.left_out}):
        print_text(f"left out: {words.redact(line, 400)}", sys.stderr)


@app.command("list", cls=ReportsCommand, epilog=EPILOG)
def list_(results: Results = Path("results")) -> None:
    """List the datasets that have runs, with their best model."""
    from reports import export, study, words

    for name in study.select_datasets(results):
        comparison = study.compare_study(study.load_study(results, name))
        print_text(f"{words.clean(name, 100)}: {export.summary_line(comparison)}")


def main() -> None:
    """Run the command and end with its exit code."""
    run_command(app, "reports", "what was built before is unchanged")
