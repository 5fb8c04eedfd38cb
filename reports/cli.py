"""The command `reports`: build, table, list. What does the work is imported late, so that --help is quick."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.records import exit_codes

KEPT = "what was built before is unchanged"
RESULTS = typer.Option("--results", help="Folder that holds NAME/RUN/run.json.", show_default=True)
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn stored runs into an HTML report, a table or a list.\n\n"
    "\b\nreports build                        every dataset below results/\n"
    "reports build --dataset car-bicycle --open\n"
    "reports table --format md            paste it into a README",
)
Dataset = Annotated[str | None, typer.Option("--dataset", help="Only this dataset; without it, all of them.")]
Results = Annotated[Path, RESULTS]


@app.command()
@exit_codes("reports", KEPT)
def build(
    dataset: Dataset = None,
    results: Results = Path("results"),
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default results/NAME/report.html.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
) -> None:
    """Write one self-contained HTML report per dataset.

    \b
    reports build --dataset car-bicycle --out report.html
    """
    from reports import page

    written = page.build(results, dataset, out)
    for path in written:
        print(path)
    if open_:
        typer.launch(written[0].resolve().as_uri())


@app.command()
@exit_codes("reports", KEPT)
def table(
    dataset: Dataset = None,
    form: Annotated[Literal["md", "csv", "latex", "json"], typer.Option("--format")] = "md",
    results: Results = Path("results"),
) -> None:
    """Print the comparison table.

    \b
    reports table --dataset car-bicycle --format csv > table.csv
    """
    from reports.study import chosen, load

    names = chosen(results, dataset)
    from reports.parts import tables
    from reports.study import compare

    comparisons = [compare(load(results, name)) for name in names]
    sys.stdout.write(tables.export(comparisons, form))
    for text in sorted({text for c in comparisons for text in c.study.left_out}):
        print(f"left out: {text}", file=sys.stderr)


@app.command("list")
@exit_codes("reports", KEPT)
def list_(results: Results = Path("results")) -> None:
    """List the datasets that have runs, with their best model.

    \b
    reports list --results elsewhere/results
    """
    from reports.parts import tables
    from reports.study import compare, datasets, load
    from reports.words import clean

    for name in datasets(results):
        print(f"{clean(name, 100)}: {tables.summary_line(compare(load(results, name)))}")


def main() -> None:
    """Run the command and end with its exit code."""
    app()
