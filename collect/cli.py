"""The `collect` command: what is asked for, turned into a recipe, run, and told."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collect.datasets import (
    DEFAULT_COUNTS,
    LICENSED,
    LICENSES,
    OPEN_LICENSES,
    SEARCHES,
    Dataset,
    checked,
    load_datasets,
    parse_dataset,
)
from collect.errors import UsageError, exit_codes

if TYPE_CHECKING:
    from collect.write import Summary

EPILOG = """Examples:

\b
  collect --dataset imagenette-160           a published set, its split kept
  collect --from photos.zip --name pets      your own class folders, split 80/20
  collect car bicycle                        Flickr; needs FLICKR_API_KEY and FLICKR_API_SECRET
  collect car bicycle --source openverse     the same without a key
  collect car bicycle --train 2000 --test 600
                                             grow it; no photo changes sides
  collect --verify car-bicycle               hash every file, look for leaks

\b
Exit codes: 0 done, 1 failed, 2 usage, 3 shortfall, 4 source or credentials,
130 interrupted (nothing is lost).
"""
ARCHIVES, LISTS = (".tgz", ".tar.gz", ".tar", ".zip", ".tar.xz", ".tar.bz2"), (".txt", ".csv")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog=EPILOG)
def command(
    classes: Annotated[list[str] | None, typer.Argument(metavar="CLASS...", help="what to search photos of")] = None,
    source: Annotated[str | None, typer.Option(help="flickr, openverse or synthetic [default: flickr]")] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="an entry of datasets.toml")] = None,
    origin: Annotated[
        str | None, typer.Option("--from", metavar="PATH_OR_URL", help="archive, folder, .txt or .csv list, manifest")
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the dataset [default: the classes]")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", metavar="open|any|LIST", help="for Flickr and Openverse [default: open]")
    ] = None,
    train: Annotated[int | None, typer.Option(min=1, help="training images per class [CLASS...: 1000]")] = None,
    test: Annotated[int | None, typer.Option(min=0, help="test images per class [CLASS...: 300]")] = None,
    seed: Annotated[int | None, typer.Option(help="seed of the split [default: 1]")] = None,
    split: Annotated[str | None, typer.Option(help="keep an owner on one side, or only an image: owner, image")] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="where datasets live")] = Path("data"),
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="requests at once [default: up to 64]")] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private", help="fetch from private addresses too")] = False,
    verify: Annotated[str | None, typer.Option(metavar="NAME", help="check a dataset and exit")] = None,
    refresh: Annotated[str | None, typer.Option(metavar="NAME", help="drop photos gone or relicensed")] = None,
    show: Annotated[bool, typer.Option("--list", help="list the datasets that are known and there")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="tell the outcome as JSON")] = False,
) -> None:
    """Collect labelled photos into data/NAME/train and data/NAME/test, without duplicates or leaks."""
    with exit_codes("collect", "what was fetched is kept, the same command continues"):
        jobs = [bool(classes), dataset is not None, origin is not None, verify is not None, refresh is not None, show]
        if sum(jobs) != 1:
            raise UsageError(
                "give one of CLASS..., --dataset NAME, --from PATH_OR_URL, --verify NAME, --refresh NAME, --list"
            )
        if verify is not None:
            _verify(data / verify, as_json)
        elif show:
            _list(data, as_json)
        elif refresh is not None:
            from collect.refresh import refresh as refreshed

            _tell(refreshed(refresh, data, allow_private=allow_private, quiet=quiet or as_json), as_json)
        else:
            settings = {"train": train, "test": test, "seed": seed, "split": split, "licenses": _licenses(license_)}
            if split not in (None, "owner", "image"):
                raise UsageError(f"--split must be owner or image, not {split!r}")
            given: dict[str, object] = {k: v for k, v in settings.items() if v is not None}
            if dataset is not None:
                _only_with("--source", source, "CLASS...")
                recipe = _entry(dataset, name, given)
            elif origin is not None:
                _only_with("--source", source, "CLASS...")
                recipe = _from(origin, name, given)
            else:
                recipe = _search(classes or [], source, name, given)
            if license_ is not None and recipe.source not in LICENSED:
                raise UsageError(f"--license goes with {' and '.join(LICENSED)} only; other sources are taken whole")
            _collect(recipe, data, workers, allow_private, quiet or as_json, as_json, remember=bool(classes))


def _only_with(flag: str, value: object, what: str) -> None:
    if value is not None:
        raise UsageError(f"{flag} goes with {what} only")


def _licenses(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    if text in ("open", "any"):
        return OPEN_LICENSES if text == "open" else LICENSES
    found = tuple(part.strip() for part in text.split(","))
    if odd := [part for part in found if part not in LICENSES]:
        raise UsageError(f"--license: {odd[0]!r} is none of open, any, {', '.join(LICENSES)}")
    return found


def _entry(entry: str, name: str | None, given: dict[str, object]) -> Dataset:
    known = load_datasets()
    if entry not in known:
        raise UsageError(f"--dataset: no entry {entry!r} in datasets.toml (there are: {', '.join(known)})")
    return _checked(known[entry], {**given, **({"name": name} if name else {})})


def _from(origin: str, name: str | None, given: dict[str, object]) -> Dataset:
    if name is None:
        raise UsageError("--from needs --name NAME, the folder below data/")
    path = origin.partition("?")[0].lower()
    remote = origin.startswith(("http://", "https://"))
    if not remote and not Path(origin).exists():
        raise UsageError(f"--from: {origin}: no such file or folder")
    if path.endswith(".jsonl"):
        source = "manifest"
    elif path.endswith(LISTS):
        source = "urls"
    elif remote or path.endswith(ARCHIVES):
        source = "archive"
    elif Path(origin).is_dir():
        source = "manifest" if (Path(origin) / "manifest.jsonl").is_file() else "folder"
    else:
        source = "archive"
    if ("train" in given) != ("test" in given):
        raise UsageError("--train and --test go together here")
    return checked({"name": name, "source": source, "url": origin, **given}, "--from")


def _search(classes: list[str], source: str | None, name: str | None, given: dict[str, object]) -> Dataset:
    source = source or "flickr"
    if source not in SEARCHES:
        raise UsageError(f"--source must be one of {', '.join(SEARCHES)}, not {source!r}")
    names = [c.strip().replace(" ", "_") for c in classes]
    table = {"source": source, "classes": names, **DEFAULT_COUNTS}
    return _checked(parse_dataset(name or "-".join(names), table, "collect"), given)


def _checked(dataset: Dataset, changes: dict[str, object]) -> Dataset:
    values = {**{f: getattr(dataset, f) for f in dataset.__dataclass_fields__}, **changes}
    if (values["train"] is None) != (values["test"] is None):
        raise UsageError("--train and --test go together here")
    return checked(values, "collect")


def _collect(
    recipe: Dataset, data: Path, workers: int | None, allow_private: bool, quiet: bool, as_json: bool, remember: bool
) -> None:
    from collect.pipeline import collect

    summary = collect(recipe, data, workers=workers, allow_private=allow_private, quiet=quiet)
    if remember and summary.changed:
        from collect.write import remember_recipe

        if note := remember_recipe(recipe):
            summary.notes.append(note)
    _tell(summary, as_json)


def _tell(summary: "Summary", as_json: bool) -> None:
    from collect.write import as_lines, as_values

    print(json.dumps(as_values(summary), ensure_ascii=False) if as_json else "\n".join(as_lines(summary)))
    if summary.missing:
        for line in summary.missing:
            print(f"gone: {line}", file=sys.stderr)
        raise typer.Exit(3)


def _verify(folder: Path, as_json: bool) -> None:
    from collect.audit import check_dataset

    check = check_dataset(folder)
    if as_json:
        values = {k: getattr(check, k) for k in ("images", "differences", "leaks", "known_leaks")}
        print(json.dumps({"passed": check.passed, **values}, ensure_ascii=False))
    else:
        for line in [*check.differences, *check.leaks, *(f"as published: {leak}" for leak in check.known_leaks)]:
            print(line)
        outcome = "passes" if check.passed else "FAILS"
        known = f", {len(check.known_leaks):,} leaks as published" if check.known_leaks else ""
        print(
            f"{folder.name}: {outcome}: {check.images:,} images, {len(check.differences):,} differences, "
            f"{len(check.leaks):,} leaks{known}"
        )
    if not check.passed:
        raise typer.Exit(1)


def _list(data: Path, as_json: bool) -> None:
    from collect.manifest import MANIFEST, is_dataset

    there = sorted(p.name for p in data.iterdir() if is_dataset(p)) if data.is_dir() else []
    known = load_datasets()
    if as_json:
        print(json.dumps({"collected": there, "known": {n: d.source for n, d in known.items()}}, ensure_ascii=False))
        return
    for name in there:
        print(f"{name}: in {data / name}" + ("" if (data / name / MANIFEST).is_file() else ", without a manifest"))
    for name, entry in known.items():
        if name not in there:
            print(f"{name}: {entry.source}, not collected; collect --dataset {name}")


def main() -> None:
    """Run the command and end with its exit code."""
    app()
