"""The `collect` command: from the options to a recipe, and from the result to lines or JSON."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option
from typer.core import TyperCommand

from collect import datasets
from collect.command_line import HELP_FLAGS, FlagsGivenOnce, name_hint, print_version
from collect.datasets import Dataset
from collect.errors import UsageError, run_command
from collect.terminal import print_text

if TYPE_CHECKING:
    from collect.write import Summary

EPILOG = """Examples:

\b
  collect car bicycle                       search Flickr (needs an API key)
  collect car bicycle --source openverse    search Openverse (needs no key)
  collect car bicycle --train 2000 --test 600
                                            grow it; photos keep their split
  collect --dataset imagenette-160          a published dataset and its split
  collect --from photos.zip --name pets     your class folders, split 80/20
  collect --verify car-bicycle              hash all files and look for leaks

\b
Flickr reads its key from FLICKR_API_KEY and FLICKR_API_SECRET.

\b
Exit codes: 0 done, 1 failed, 2 usage, 3 too few photos,
4 source or credentials, 130 interrupted (run again to continue).
"""


class CollectCommand(FlagsGivenOnce, TyperCommand):
    """The command collect."""


app = typer.Typer(context_settings=HELP_FLAGS, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=CollectCommand, context_settings=HELP_FLAGS, epilog=EPILOG)
def command(
    classes: Annotated[list[str] | None, Argument(metavar="CLASS...", help="classes to search for, or to take")] = None,
    source: Annotated[
        str | None, Option(metavar="NAME", help="flickr, openverse or synthetic [default: flickr]")
    ] = None,
    dataset: Annotated[str | None, Option(metavar="NAME", help="an entry of datasets.toml")] = None,
    origin: Annotated[
        str | None, Option("--from", metavar="PATH_OR_URL", help="archive, folder, .txt or .csv list, manifest")
    ] = None,
    labels: Annotated[str | None, Option(metavar="FILE.csv", help="the class of each file of --from")] = None,
    name: Annotated[str | None, Option(metavar="NAME", help="name of the dataset [default: the classes]")] = None,
    license_: Annotated[
        str | None, Option("--license", metavar="open|any|LIST", help="licences to accept [default: open]")
    ] = None,
    train: Annotated[int | None, Option(metavar="N", min=1, help="training images per class [search: 1000]")] = None,
    test: Annotated[int | None, Option(metavar="N", min=0, help="test images per class [search: 300]")] = None,
    seed: Annotated[int | None, Option(metavar="N", help="seed of the split [default: 1]")] = None,
    split: Annotated[str | None, Option(metavar="owner|image", help="what to keep together [default: owner]")] = None,
    exclude: Annotated[
        Path | None, Option(metavar="FILE", help="remove the photos of a list for good, such as one of preview.html")
    ] = None,
    group_by: Annotated[
        str | None, Option(metavar="REGEX", help="keep files together whose path gives the same match")
    ] = None,
    keep_metadata: Annotated[
        bool, Option("--keep-metadata", help="keep GPS position and serial numbers in the photos")
    ] = False,
    data: Annotated[Path, Option(metavar="DIR", help="folder of all datasets")] = Path("data"),
    workers: Annotated[int | None, Option(metavar="N", min=1, max=64, help="requests at once [default: 64]")] = None,
    allow_private: Annotated[bool, Option("--allow-private", help="allow private addresses")] = False,
    verify: Annotated[str | None, Option(metavar="NAME", help="check a dataset")] = None,
    refresh: Annotated[str | None, Option(metavar="NAME", help="drop removed or relicensed photos")] = None,
    drop: Annotated[str | None, Option(metavar="NAME", help="remove photos for good: --drop NAME FILE...")] = None,
    show: Annotated[bool, Option("--list", help="list all datasets")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="show the plan and its time, do nothing")] = False,
    quiet: Annotated[bool, Option("--quiet", help="show no progress")] = False,
    as_json: Annotated[bool, Option("--json", help="print the result as JSON")] = False,
    version: Annotated[
        bool, Option("--version", is_eager=True, callback=print_version("collect"), help="print the version")
    ] = False,
) -> None:
    """Collect labelled photos into data/NAME/train and data/NAME/test, without duplicates or leaks."""
    names = [dataset, origin, verify, refresh, drop]
    if sum([bool(classes) and drop is None and origin is None, show, *(name is not None for name in names)]) != 1:
        raise UsageError("give exactly one of CLASS..., --dataset, --from, --verify, --refresh, --drop, --list")
    if drop is not None:
        from collect.refresh import drop as drop_photos

        if not classes:
            raise UsageError(f"--drop {drop}: which photos? Name their files: collect --drop {drop} FILE...")
        _print(drop_photos(drop, data, classes), as_json)
    elif verify is not None:
        _verify(data / verify, as_json)
    elif show:
        _list(data, as_json)
    elif refresh is not None:
        from collect.refresh import refresh as refresh_dataset

        _print(refresh_dataset(refresh, data, allow_private=allow_private, quiet=quiet or as_json), as_json)
    else:
        from collect.pipeline import collect, plan
        from collect.sources import source_of
        from collect.write import remember_recipe

        if source is not None and (not classes or origin is not None):
            raise UsageError("--source is for CLASS... only")
        if labels is not None and (origin is None or not Path(labels).is_file()):
            raise UsageError(f"--labels: {labels}: no such file" if origin else "--labels is for --from only")
        if split not in (None, "owner", "image"):
            raise UsageError(f"--split must be owner or image, not {split!r}")
        if group_by is not None:
            datasets.check_pattern(group_by, "--group-by")
        options = {"train": train, "test": test, "seed": seed, "split": split, "licenses": _licenses(license_)}
        options |= {"group_by": group_by, "keep_metadata": keep_metadata or None}
        given: dict[str, object] = {key: value for key, value in options.items() if value is not None}
        if dataset is not None:
            recipe = _entry(dataset, name, given)
        elif origin is not None:
            given |= {"classes": classes} if classes else {}
            given |= {"labels": labels} if labels else {}
            if name is None:
                raise UsageError("--from needs --name NAME, the folder below data/")
            recipe = _recipe(name, {"source": source_of(origin), "url": origin, **given})
        else:
            recipe = _search(classes or [], source or "flickr", name, given)
        if license_ is not None and recipe.source not in datasets.LICENSED:
            raise UsageError(f"--license is for {' and '.join(datasets.LICENSED)} only, not for other sources")
        if dry_run:
            lines = plan(recipe, data, workers=workers)
            _print_lines(lines, {"plan": lines} if as_json else None)
            return
        command, quiet = shlex.join(["collect", *sys.argv[1:]]), quiet or as_json
        summary = collect(
            recipe, data, workers=workers, allow_private=allow_private, quiet=quiet, exclude=exclude, command=command
        )
        if classes and origin is None and summary.changed and (note := remember_recipe(recipe)):
            summary = replace(summary, notes=(*summary.notes, note))
        _print(summary, as_json)


def _licenses(text: str | None) -> list[str] | None:
    if text is None:
        return None
    if text in ("open", "any"):
        return list(datasets.OPEN_LICENSES if text == "open" else datasets.LICENSES)
    codes = [part.strip() for part in text.split(",")]
    if unknown := [code for code in codes if code not in datasets.LICENSES]:
        known = ("open", "any", *datasets.LICENSES)
        raise UsageError(f"--license {unknown[0]}: no such licence; {name_hint(unknown[0], known)}")
    return codes


def _entry(entry: str, name: str | None, given: dict[str, object]) -> Dataset:
    known = datasets.load_datasets()
    if entry not in known:
        raise UsageError(f"--dataset {entry}: no such entry in datasets.toml; {name_hint(entry, known)}")
    return _recipe(name or entry, {**datasets.dataset_table(known[entry]), **given})


def _search(classes: list[str], source: str, name: str | None, given: dict[str, object]) -> Dataset:
    if source not in datasets.SEARCHES:
        raise UsageError(f"--source {source}: no such source; {name_hint(source, datasets.SEARCHES)}")
    names = [c.strip().replace(" ", "_") for c in classes]
    return _recipe(name or "-".join(names), {"source": source, "classes": names, **datasets.DEFAULT_COUNTS, **given})


def _recipe(name: str | None, table: dict[str, object]) -> Dataset:
    if ("train" in table) != ("test" in table):
        raise UsageError("give --train and --test together here")
    return datasets.parse_dataset(name or "", table, "collect")


def _print_lines(lines: list[str], values: dict[str, object] | None) -> None:
    """Print values as JSON, which no terminal's width breaks, or lines if there are none."""
    if values is None:
        print_text("\n".join(lines))
    else:
        print(json.dumps(values))


def _print(summary: "Summary", as_json: bool) -> None:
    _print_lines(summary.as_lines(), summary.as_values() if as_json else None)
    for photo in summary.missing:
        print_text(f"gone: {photo}", sys.stderr)
    if summary.missing:
        raise typer.Exit(3)


def _verify(folder: Path, as_json: bool) -> None:
    from collect.audit import check_dataset
    from collect.wording import counted

    check = check_dataset(folder)
    if as_json:
        values = {k: getattr(check, k) for k in ("images", "differences", "leaks", "known_leaks")}
        print(json.dumps({"passed": check.passed, **values}))
    else:
        for line in [*check.differences, *check.leaks, *(f"as published: {leak}" for leak in check.known_leaks)]:
            print_text(line)
        known = f", {counted(len(check.known_leaks), 'leak')} as published" if check.known_leaks else ""
        print_text(
            f"{folder.name}: {'passes' if check.passed else 'FAILS'}: {counted(check.images, 'image')}, "
            f"{counted(len(check.differences), 'difference')}, {counted(len(check.leaks), 'leak')}{known}"
        )
    if not check.passed:
        raise typer.Exit(1)


def _list(data: Path, as_json: bool) -> None:
    from collect.manifest import MANIFEST, is_dataset
    from collect.resume import unfinished_runs

    collected = sorted(p.name for p in data.iterdir() if is_dataset(p)) if data.is_dir() else []
    known, unfinished = datasets.load_datasets(), unfinished_runs(data)
    if as_json:
        commands = {name: run.command for name, run in unfinished.items()}
        sources = {name: dataset.source for name, dataset in known.items()}
        print(json.dumps({"collected": collected, "known": sources, "unfinished": commands}))
        return
    for name in collected:
        print_text(f"{name}: in {data / name}" + ("" if (data / name / MANIFEST).is_file() else ", without a manifest"))
    for name, run in unfinished.items():
        for line in run.as_lines(name):
            print_text(line)
    for name, entry in known.items():
        if name not in collected and name not in unfinished:
            print_text(f"{name}: {entry.source}, not collected; collect --dataset {name}")


def main() -> None:
    """Run the command and end with its exit code."""
    run_command(app, "collect", "what was fetched is kept; run the same command again to continue")
