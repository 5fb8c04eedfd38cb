"""What has happened to every candidate so far, in SQLite, so that any stage can be killed and continued."""

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from collect.errors import VggbenchError

JOURNAL = ".journal.sqlite"
SCHEMA_VERSION = "1"
COMMIT_SECONDS = 0.3
MEND = "remove it and run the same command again, photos that are in place stay"

Key = tuple[str, str]  # class, source_id

TABLES = """
CREATE TABLE IF NOT EXISTS photo (
    class TEXT, source_id TEXT, status TEXT, reason TEXT, detail TEXT, requests INTEGER, failures INTEGER,
    sha256 TEXT, source_sha256 TEXT, phash TEXT, width INTEGER, height INTEGER, bytes INTEGER, thumb BLOB,
    retrieved TEXT, extra TEXT, PRIMARY KEY (class, source_id)
);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, body TEXT, at REAL);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
"""


@dataclass(slots=True)
class Photo:
    """One candidate's state: `status` is new, good, rejected (for ever) or failed (worth another try next time).

    `requests` counts every request ever made for it, `failures` those that failed in the present run.
    """

    class_: str
    source_id: str
    status: str = "new"
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
    extra: str | None = None  # JSON: what later runs need and the manifest has no field for

    @property
    def key(self) -> Key:
        """What identifies it within the dataset."""
        return self.class_, self.source_id

    def facts(self) -> dict[str, Any]:
        """The extra facts: `taken`, `license_url`."""
        found: dict[str, Any] = json.loads(self.extra) if self.extra else {}
        return found


COLUMN_NAMES = [f.name.rstrip("_") for f in fields(Photo)]
SAVE = f"INSERT OR REPLACE INTO photo ({', '.join(COLUMN_NAMES)}) VALUES ({', '.join('?' * len(COLUMN_NAMES))})"


class Journal:
    """The journal of one dataset's folder. One process at a time; closing commits."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL
        self._lock = threading.RLock()
        self._db = sqlite3.connect(self.path, timeout=0.2, check_same_thread=False, isolation_level=None)
        self._committed = time.monotonic()
        self._open = True
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(TABLES)
            self._db.execute("BEGIN IMMEDIATE")
            known = self.get("schema")
            self.set("schema", known or SCHEMA_VERSION)
        except sqlite3.Error as err:
            self._db.close()
            if "locked" in str(err):
                raise VggbenchError(f"{folder}: another collect is at work here; wait for it or stop it") from err
            if isinstance(err, sqlite3.OperationalError):
                raise
            raise VggbenchError(f"{self.path}: cannot be read ({err}); {MEND}") from err
        if known not in (None, SCHEMA_VERSION):
            self._db.close()
            raise VggbenchError(f"{self.path}: written by another version of vggbench; remove it to start afresh")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit and close."""
        with self._lock:
            try:
                if self._open and self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("COMMIT")
            finally:
                self._open = False
                self._db.close()

    def remove(self) -> None:
        """Close and remove the journal of a dataset in which nothing was collected."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def commit(self, now: bool = True) -> None:
        """Make everything so far survive a kill; with `now=False` only when the last time is a while ago."""
        with self._lock:
            if now or time.monotonic() - self._committed > COMMIT_SECONDS:
                self._db.execute("COMMIT")
                self._db.execute("BEGIN IMMEDIATE")
                self._committed = time.monotonic()

    def photos(self) -> dict[Key, Photo]:
        """Every candidate known so far."""
        with self._lock:
            rows = self._db.execute(f"SELECT {', '.join(COLUMN_NAMES)} FROM photo").fetchall()
        return {(r[0], r[1]): Photo(*r) for r in rows}

    def save(self, photo: Photo) -> None:
        """Record one candidate's state."""
        values = [photo.class_, *(getattr(photo, c) for c in COLUMN_NAMES[1:])]
        with self._lock:
            self._db.execute(SAVE, values)

    def forget(self, keys: list[Key]) -> None:
        """Remove candidates, as if they had never been seen."""
        with self._lock:
            self._db.executemany("DELETE FROM photo WHERE class = ? AND source_id = ?", keys)

    def get(self, key: str) -> str | None:
        """A remembered value."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set(self, key: str, value: str) -> None:
        """Remember a value."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def answer(self, question: Mapping[str, object]) -> Any | None:
        """The answer an API gave to this question before, None when it was not asked yet."""
        with self._lock:
            row = self._db.execute("SELECT body FROM answer WHERE key = ?", (_key(question),)).fetchone()
        return json.loads(row[0]) if row else None

    def keep_answer(self, question: Mapping[str, object], body: Any) -> None:
        """Keep an API's answer, so that a continued run pages through the same results without asking again."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", (_key(question), json.dumps(body), time.time())
            )
            self.commit()

    def forget_answers(self) -> None:
        """Ask the APIs anew next time."""
        with self._lock:
            self._db.execute("DELETE FROM answer")

    def end_run(self) -> None:
        """The run came to its end: what failed in it may be tried again by the next."""
        with self._lock:
            self._db.execute("UPDATE photo SET status = 'new', failures = 0 WHERE status = 'failed'")
            self.commit()


def _key(question: Mapping[str, object]) -> str:
    return json.dumps(dict(question), sort_keys=True)
