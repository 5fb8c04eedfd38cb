"""Hostile archives: `collect --from` keeps all photos of an intact one, and never writes outside its folder."""

import json
from functools import partial
from pathlib import Path

from benchmarks.soaking.archive_kinds import CHECKED, DAMAGED, INTACT, KINDS, Members, photos_of
from benchmarks.soaking.commands import good
from benchmarks.soaking.items import Item, attempt, require
from benchmarks.soaking.trials import Place

EACH = 8  # photos per class
ANY_CODE = frozenset({0, 1, 3, 4})
EVIL = Path("/tmp/evil-vggbench.jpg")


def hostile_archive(place: Place) -> list[Item]:
    """One archive."""
    kinds = list(KINDS)
    kind = kinds[place.number % len(kinds)]
    return [attempt(kind, partial(_collect, place, kind))]


def _collect(place: Place, kind: str) -> None:
    members = photos_of(place.baseline.photos / "photos", EACH)
    container = kind.split(",")[0] if kind in DAMAGED else "zip" if "zip" in kind and "gzip" not in kind else "tar"
    work = place.folder / "deep" / "work"  # so that ../../evil.jpg would land in place.folder
    work.mkdir(parents=True)
    archive = work / f"a.{container}"
    archive.write_bytes(KINDS[kind](place.random, members))
    ended = good(work, "collect", "--from", archive.name, "--name", "a", "--quiet", codes=ANY_CODE)
    _check_nothing_outside(place.folder, work)
    if ended.code == 0:
        require(kind not in ("not an archive", "a page", "no members"), "exit code 0 for no archive")
        _check_photos(work / "data" / "a", members, kind)
        good(work, "collect", "--verify", "a")
    else:
        require(kind not in INTACT, f"an intact archive was refused: {ended.err.strip()[-200:]}")


def _check_nothing_outside(top: Path, work: Path) -> None:
    allowed = {"deep", "cache", "data"}
    seen = {p.name for p in top.iterdir()} | {p.name for p in top.joinpath("deep").iterdir() if p != work}
    seen |= {p.name for p in work.iterdir() if not p.name.startswith("a.")}
    require(seen <= allowed, f"written outside of data/: {sorted(seen - allowed)}")
    require(not EVIL.exists(), f"written outside: {EVIL}")


def _check_photos(dataset: Path, members: Members, kind: str) -> None:
    """No photo is missing without a word; where the archive has checksums, none is changed."""
    kept, rejected = (_by_id(dataset / name) for name in ("manifest.jsonl", "rejected.jsonl"))
    for name, data in members:
        require(name in kept or (name in rejected and kind not in INTACT), f"{name} is missing, exit code 0")
        if name in kept and (kind in INTACT or kind.split(",")[0] in CHECKED):
            require((dataset / kept[name]["file"]).read_bytes() == data, f"{name} is changed, exit code 0")


def _by_id(path: Path) -> dict[str, dict]:
    return {row["source_id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
