"""What has happened to every candidate so far, in SQLite, so that any stage can be killed and continued."""

import errno
import json
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from collect.errors import VggbenchError
from collect.manifest import Key, Row, parse_json
from collect.wording import duration

JOURNAL = ".journal.sqlite"
OWNER = f"{JOURNAL}-owner"  # who uses it now; the lock itself is SQLite's and ends with its process
SCHEMA_VERSION = "1"
COMMIT_SECONDS = 0.3

SETUP = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    """CREATE TABLE IF NOT EXISTS photo (
    class TEXT, source_id TEXT, status TEXT, reason TEXT, detail TEXT, requests INTEGER, failures INTEGER,
    sha256 TEXT, source_sha256 TEXT, phash TEXT, width INTEGER, height INTEGER, bytes INTEGER, thumb BLOB,
    retrieved TEXT, extra TEXT, PRIMARY KEY (class, source_id))""",
    "CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, body TEXT, at REAL)",
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT)",
    "BEGIN IMMEDIATE",
)

THUMB_BYTES = 32 * 32  # of the grey pixels that verify keeps
# What no record looks like that this program wrote. SQLite checks no types by itself.
DAMAGED = """SELECT class, source_id FROM photo WHERE typeof(class) != 'text' OR typeof(source_id) != 'text'
    OR status NOT IN ('new', 'good', 'rejected', 'failed') OR typeof(requests) != 'integer'
    OR typeof(failures) != 'integer' OR typeof(coalesce(reason, '')) != 'text' OR typeof(coalesce(detail, '')) != 'text'
    OR typeof(coalesce(width, 0)) != 'integer' OR typeof(coalesce(height, 0)) != 'integer'
    OR typeof(coalesce(bytes, 0)) != 'integer' OR typeof(coalesce(retrieved, '')) != 'text'
    OR length(sha256) != 64 OR sha256 GLOB '*[^0-9a-f]*'
    OR length(source_sha256) != 64 OR source_sha256 GLOB '*[^0-9a-f]*'
    OR length(phash) != 16 OR phash GLOB '*[^0-9a-f]*' OR typeof(coalesce(thumb, x'')) != 'blob'
    OR length(thumb) != ? OR CASE WHEN json_valid(extra) THEN json_type(extra) != 'object' ELSE extra IS NOT NULL END"""


class PhotoStatus(StrEnum):
    """What is known about a photo. A rejected one is never requested again, a failed one is by the next run."""

    NEW = "new"
    GOOD = "good"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(slots=True)
class Photo:
    """The record of one candidate. `requests` counts all requests for it, `failures` those that failed in this run."""

    class_: str
    source_id: str
    status: PhotoStatus = PhotoStatus.NEW
    reason: str | None = None
    detail: str | None = None
    requests: int = 0
    failures: int = 0
    sha256: str | None = None
    source_sha256: str | None = None
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    thumb: bytes | None = None
    bytes: int | None = None
    retrieved: str | None = None
    extra: str | None = None  # JSON: what later runs need but the manifest has no field for

    @property
    def key(self) -> Key:
        """What identifies it within the dataset."""
        return self.class_, self.source_id

    def facts(self) -> dict[str, Any]:
        """The extra facts: `taken`, `license_url`."""
        facts: dict[str, Any] = json.loads(self.extra or "{}")
        return {key: value for key, value in facts.items() if isinstance(value, str)}


COLUMN_NAMES = [f.name.rstrip("_") for f in fields(Photo)]
SAVE = f"INSERT OR REPLACE INTO photo ({', '.join(COLUMN_NAMES)}) VALUES ({', '.join('?' * len(COLUMN_NAMES))})"


class Journal:
    """The journal of one dataset, for one process at a time. Raises VggbenchError; OSError if the disk is full."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL
        self._lock = threading.RLock()
        self._committed = time.monotonic()
        self._is_open = True
        try:
            self._database = sqlite3.connect(self.path, timeout=0.2, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as err:
            raise self._explain(err) from err
        try:
            for statement in SETUP:
                self._execute(statement)
            version = self.get("schema") or SCHEMA_VERSION
            self.set("schema", version)
            if version != SCHEMA_VERSION:
                raise VggbenchError(f"{self.path}: written by another version of vggbench; remove it to start over")
            if damaged := self._execute(DAMAGED, [THUMB_BYTES]):
                raise self._unusable("its record of {1!r} in class {0!r} is damaged".format(*damaged[0]))
            owner = {"process": os.getpid(), "host": platform.node(), "since": time.time()}
            (folder / OWNER).write_text(json.dumps(owner), encoding="utf-8")
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(statement, values).fetchall()
            except sqlite3.Error as err:
                raise self._explain(err) from err

    def _explain(self, err: sqlite3.Error) -> Exception:
        if "full" in str(err):
            return OSError(errno.ENOSPC, "the disk is full", str(self.path))
        if "locked" in str(err):
            problem = f"another collect is running here{self._owner()}; wait for it or stop it"
            return VggbenchError(f"{self.path.parent}: {problem}")
        return self._unusable(str(err))

    def _owner(self) -> str:
        """Which process has the journal, and since when; "" if it does not say."""
        try:
            owner = parse_json((self.path.parent / OWNER).read_text(encoding="utf-8"), OWNER, VggbenchError)
            age = max(0.0, time.time() - float(owner["since"]))
            return f" (process {owner['process']:d} on {owner['host']!r}, for {duration(age)})"
        except (OSError, ValueError, TypeError, KeyError, VggbenchError):
            return ""

    def _unusable(self, problem: str) -> VggbenchError:
        advice = "remove it and run the same command again; photos that are already in the dataset stay"
        return VggbenchError(f"{self.path}: the journal cannot be used ({problem}); {advice}")

    def close(self) -> None:
        """Commit and close."""
        with self._lock:
            try:
                if self._is_open and self._database.in_transaction:  # a full disk has rolled it back already
                    self._execute("COMMIT")
            finally:
                if self._is_open:
                    (self.path.parent / OWNER).unlink(missing_ok=True)
                self._is_open = False
                self._database.close()

    def remove(self) -> None:
        """Close and remove the journal of a dataset in which nothing was collected."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def commit(self, now: bool = True) -> None:
        """Make everything so far survive a kill; with `now=False` only if the last commit is a while ago."""
        with self._lock:
            if now or time.monotonic() - self._committed > COMMIT_SECONDS:
                self._execute("COMMIT")
                self._execute("BEGIN IMMEDIATE")
                self._committed = time.monotonic()

    def photos(self) -> dict[Key, Photo]:
        """Every candidate known so far."""
        rows = self._execute(f"SELECT {', '.join(COLUMN_NAMES)} FROM photo")
        return {(r[0], r[1]): Photo(r[0], r[1], PhotoStatus(r[2]), *r[3:]) for r in rows}

    def save(self, photo: Photo) -> None:
        """Record what is known about one candidate."""
        self._execute(SAVE, [photo.class_, *(getattr(photo, c) for c in COLUMN_NAMES[1:])])

    def restore(self, rows: Iterable[Row]) -> None:
        """Record rows of the manifest that the journal does not know, because it was removed."""
        known = self.photos()
        for row in rows:
            if row.key not in known:
                names = ("sha256", "source_sha256", "phash", "width", "height", "bytes", "retrieved")
                self.save(Photo(*row.key, PhotoStatus.GOOD, **{name: getattr(row, name) for name in names}))

    def retry(self, reason: str) -> None:
        """Let candidates that were rejected for this reason, before the last request was sent, be tried again."""
        again = "status = 'new', failures = 0, requests = max(requests - 1, 0)"
        self._execute(f"UPDATE photo SET {again} WHERE status = 'rejected' AND reason = ?", [reason])

    def forget_photos(self) -> None:
        """Remove all candidates, as if they had never been seen."""
        self._execute("DELETE FROM photo")

    def get(self, key: str) -> str | None:
        """A stored value."""
        rows = self._execute("SELECT value FROM meta WHERE key = ?", [key])
        return rows[0][0] if rows else None

    def set(self, key: str, value: str) -> None:
        """Store a value."""
        self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    def answer(self, question: Mapping[str, object]) -> Any | None:
        """The stored answer of an API to this question, None if it was not asked yet."""
        rows = self._execute("SELECT body FROM answer WHERE key = ?", [_key(question)])
        try:
            return parse_json(rows[0][0], "an answer of an API", VggbenchError) if rows else None
        except VggbenchError as err:
            raise self._unusable(str(err)) from err

    def keep_answer(self, question: Mapping[str, object], body: Any) -> None:
        """Store an API's answer, so that a continued run pages through the same results without asking again."""
        with self._lock:
            values = _key(question), json.dumps(body), time.time()
            self._execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", values)
            self.commit()

    def forget_answers(self) -> None:
        """Ask the APIs again next time."""
        self._execute("DELETE FROM answer")

    def end_run(self) -> None:
        """End the run: the next one may try again what failed in this one."""
        with self._lock:
            self._execute("UPDATE photo SET status = 'new', failures = 0 WHERE status = 'failed'")
            self.commit()


def _key(question: Mapping[str, object]) -> str:
    return json.dumps(dict(question), sort_keys=True)
