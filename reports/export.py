"""The comparison table as Markdown, CSV, LaTeX or JSON, and one line per dataset."""

import csv
import io
import json
import re
from collections.abc import Sequence

from reports.columns import cell, shown_columns
from reports.parts import short_verdict
from reports.study import Comparison, Measures, all_measures
from reports.words import PERCENT, plural

MARKDOWN = re.compile(r"[\\|`\[\]]")
"""What would end a cell, or begin code or a link, in Markdown."""
FOOTNOTE = "statistically tied with the best"


def export(comparisons: Sequence[Comparison], form: str) -> str:
    """All groups as md, csv, latex or json. CSV and JSON hold the numbers unrounded, in the units of run.json."""
    rows = [row for comparison in comparisons for row in all_measures(comparison)]
    if form == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(rows)
    heads, body = _text_table(rows, len(comparisons) > 1)
    if form == "latex":
        import pandas as pd

        return f"{pd.DataFrame(body, columns=heads).to_latex(index=False, escape=True)}% * {FOOTNOTE}\n"
    lines = [[MARKDOWN.sub(r"\\\g<0>", text).replace("<", "&lt;") for text in row] for row in (heads, *body)]
    lines.insert(1, ["-"] * len(heads))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n\\* {FOOTNOTE}\n"


def _text_table(rows: list[Measures], several: bool) -> tuple[list[str], list[list[str]]]:
    """Headers and text cells for a document: rounded, units in headers, ties with the best marked."""
    shown = shown_columns(rows)
    table = [["Dataset", "Model", "Weights", "Seeds", *(f"{c.title} ({c.unit})" for c in shown), "Note"]]
    for row in rows:
        name = f"{row['name']} *" if row["ties_best"] else row["name"]
        cells = [cell(c, row)[0] for c in shown]
        table.append([row["dataset"], name, row["weights"] or "none", row["status"], *cells, row["note"] or ""])
    heads, *body = table if several else [line[1:] for line in table]
    return heads, body


def _csv(rows: list[Measures]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow("" if v is None else _inert(v) if isinstance(v, str) else v for v in row.values())
    return out.getvalue()


def _inert(text: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def summary_line(comparison: Comparison) -> str:
    """One line about a dataset: its runs, the decision, the files left out."""
    runs = sum(len(g.runs) + len(g.replaced) + len(g.unfinished) for g in comparison.study.groups)
    left_out = f", {plural(len(comparison.left_out), 'file')} left out" if comparison.left_out else ""
    result = short_verdict(comparison).replace(PERCENT, "%")
    return f"{plural(runs, 'run')}, {result}{left_out}"
