"""What ingestion remembers from run to run, in SQLite beside the archive; the only file that knows it.

Nothing here answers questions: lost, it is written again by the next runs, at the price of reading
everything once more. Articles are numbered in the order in which they first came, and what is noted
of one can be noted again without harm, so that a killed run and its repetition end as one run does.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "ledger.sqlite3"
_FORM = 2
_AT_ONCE = 500
_TABLES = """
CREATE TABLE articles
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE, source TEXT, text INTEGER, signature BLOB);
CREATE INDEX of_text ON articles (text);
CREATE TABLE sources (name TEXT PRIMARY KEY, articles INTEGER) WITHOUT ROWID;
CREATE TABLE bands (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE TABLE lines (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE TABLE counts (key INTEGER PRIMARY KEY, articles INTEGER);
CREATE TABLE boilerplate (key INTEGER PRIMARY KEY, source TEXT, line TEXT, settled INTEGER DEFAULT 0);
CREATE TABLE addresses (url TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, given TEXT UNIQUE) WITHOUT ROWID;
CREATE TABLE inputs (name TEXT PRIMARY KEY, mark TEXT, ids TEXT) WITHOUT ROWID;
CREATE TABLE failures (place TEXT PRIMARY KEY, input TEXT, given TEXT, reason TEXT, at REAL);
CREATE TABLE pages (url TEXT PRIMARY KEY, etag TEXT, modified TEXT, digest TEXT, ids TEXT) WITHOUT ROWID;
CREATE TABLE feeds (url TEXT PRIMARY KEY, next REAL, failures INTEGER) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Known:
    """An article that came before: its number, and its MinHash signature as bytes."""

    number: int
    id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What the last reply from a URL said of itself, and the ids of the articles that came of it."""

    url: str
    etag: str = ""
    modified: str = ""
    digest: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """An input, or a line of one, that gave no article; `given` is the id its article would have got."""

    place: str
    input: str
    given: str
    reason: str


class Ledger:
    """One archive's memory of what was taken in. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        path = folder / FILE
        self._open(path)
        if self._one("PRAGMA user_version") not in (0, _FORM):
            # Another version's: everything is read once more.
            self.close()
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._open(path)
        with self.together():
            if not self._one("PRAGMA user_version"):
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._do(statement)
                self._do(f"PRAGMA user_version = {_FORM}")

    def _open(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._do("PRAGMA journal_mode = WAL")
        self._do("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is noted inside is noted at once, or none of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._do("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._do("ROLLBACK")
                raise
            self._do("COMMIT")

    # Articles

    def number(self, article_id: str, source: str) -> int:
        """The article's number; a new one when it comes for the first time."""
        with self.together():
            number = self._one("SELECT number FROM articles WHERE id = ?", article_id)
            if number is None:
                number = self._do(
                    "INSERT INTO articles (id, source) VALUES (?, ?)", article_id, source
                ).lastrowid
                self._do(
                    "INSERT INTO sources VALUES (?, 1) ON CONFLICT DO UPDATE SET articles = articles + 1",
                    source,
                )
            return int(number)

    def sign(self, number: int, text: int, signature: bytes) -> None:
        """Note the hash of an article's text and its MinHash signature."""
        self._do("UPDATE articles SET text = ?, signature = ? WHERE number = ?", text, signature, number)

    def same_text(self, text: int, before: int) -> list[Known]:
        """Articles of this hash of text that came before a number."""
        return self._known("WHERE text = ? AND number < ? ORDER BY number", text, before)

    def set_bands(self, number: int, bands: Sequence[int]) -> None:
        """Let an article be found by these bands of its signature, and by no others."""
        with self.together():
            self._do(
                "DELETE FROM bands WHERE article = ? AND key NOT IN (SELECT value FROM json_each(?))",
                number,
                json.dumps(list(bands)),
            )
            self._many("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(band, number) for band in bands])

    def alike(self, bands: Sequence[int], before: int, most: int) -> list[Known]:
        """Articles that came before a number and share bands with it, those that share most first."""
        marks = ",".join("?" * len(bands))
        return self._known(
            f"JOIN (SELECT article, COUNT(*) AS shared FROM bands WHERE key IN ({marks}) AND article < ? "
            "GROUP BY article ORDER BY shared DESC, article LIMIT ?) AS near ON near.article = number "
            "ORDER BY near.shared DESC, number",
            *bands,
            before,
            most,
        )

    def address(self, url: str) -> str:
        """The id of the article that came from an address; empty when none did."""
        return str(self._one("SELECT id FROM addresses WHERE url = ?", url) or "")

    def set_address(self, url: str, article_id: str) -> None:
        self._do("INSERT OR REPLACE INTO addresses VALUES (?, ?)", url, article_id)

    # Lines that a source repeats

    def count_lines(self, source: str, number: int, keys: Sequence[int]) -> tuple[dict[int, int], int]:
        """Note an article's lines; returns in how many articles each is, and the source's articles."""
        with self.together():
            for key in keys:
                if self._do("INSERT OR IGNORE INTO lines VALUES (?, ?)", key, number).rowcount:
                    self._do(
                        "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE "
                        "SET articles = articles + 1",
                        key,
                    )
            found: dict[int, int] = {}
            for start in range(0, len(keys), _AT_ONCE):
                chunk = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(chunk))
                found |= dict(self._all(f"SELECT key, articles FROM counts WHERE key IN ({marks})", *chunk))
            total: int = self._one("SELECT articles FROM sources WHERE name = ?", source) or 0
        return found, total

    def boilerplate(self, source: str) -> dict[int, str]:
        """A source's lines that are left out of its articles, by key."""
        return dict(self._all("SELECT key, line FROM boilerplate WHERE source = ?", source))

    def add_boilerplate(self, source: str, key: int, line: str) -> None:
        self._do(
            "INSERT OR IGNORE INTO boilerplate (key, source, line) VALUES (?, ?, ?)", key, source, line
        )

    def unsettled(self) -> list[tuple[int, str, str]]:
        """Key, source and text of lines that articles from before they were known may still have."""
        return self._all("SELECT key, source, line FROM boilerplate WHERE NOT settled ORDER BY source, key")

    def holders(self, keys: Sequence[int]) -> list[str]:
        """Ids of the articles that came with these lines, in the order in which they came."""
        return [
            row[0]
            for row in self._all(
                "SELECT DISTINCT id FROM lines JOIN articles ON number = article "
                "WHERE key IN (SELECT value FROM json_each(?)) ORDER BY number",
                json.dumps(list(keys)),
            )
        ]

    def settle(self, keys: Sequence[int]) -> None:
        """These lines are in no article any more: how often they came need not be known."""
        with self.together():
            for key in keys:
                self._do("UPDATE boilerplate SET settled = 1 WHERE key = ?", key)
                self._do("DELETE FROM lines WHERE key = ?", key)

    # Inputs: files, pages and feeds

    def taken(self, name: str, mark: str) -> tuple[str, ...] | None:
        """The ids of the articles of an input, when it was taken in with this mark; else None."""
        rows = self._all("SELECT mark, ids FROM inputs WHERE name = ?", name)
        return tuple(json.loads(rows[0][1])) if rows and rows[0][0] == mark else None

    def take(self, name: str, mark: str, ids: Sequence[str]) -> None:
        """All of an input is stored."""
        ids = list(dict.fromkeys(ids))
        with self.together():
            self._do("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?)", name, mark, json.dumps(ids))

    def given(self, path: str) -> str:
        """The id that a file got when it first came; empty when it never did."""
        return str(self._one("SELECT given FROM files WHERE path = ?", path) or "")

    def file_of(self, given: str) -> str:
        """The file that got an id; empty when none did."""
        return os.fsdecode(self._one("SELECT path FROM files WHERE given = ?", given) or "")

    def give(self, path: str, given: str) -> None:
        """Note the id of a file, which none other has from now on."""
        self._do("INSERT OR REPLACE INTO files VALUES (?, ?)", path, given)

    def clear_failures(self, input: str) -> None:
        """An input is about to be read again."""
        self._do("DELETE FROM failures WHERE input = ?", input)

    def fail(self, failed: Failed) -> None:
        self._do(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)",
            failed.place,
            failed.input,
            failed.given,
            failed.reason,
            time.time(),
        )

    def failures(self) -> list[Failed]:
        """All that failed when it was last read, in the order in which it failed."""
        return [
            Failed(*(os.fsdecode(value) for value in row))
            for row in self._all("SELECT place, input, given, reason FROM failures ORDER BY at")
        ]

    def page(self, url: str) -> Page:
        """What is known of a page."""
        rows = self._all("SELECT etag, modified, digest, ids FROM pages WHERE url = ?", url)
        if not rows:
            return Page(url)
        etag, modified, digest, ids = rows[0]
        return Page(url, etag, modified, digest, tuple(json.loads(ids)))

    def set_page(self, page: Page) -> None:
        self._do(
            "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)",
            page.url,
            page.etag,
            page.modified,
            page.digest,
            json.dumps(page.ids),
        )

    def next_visit(self, feed: str) -> tuple[float, int]:
        """When a feed is due, in seconds since 1970, and how often in a row it has failed."""
        rows = self._all("SELECT next, failures FROM feeds WHERE url = ?", feed)
        return (rows[0][0], rows[0][1]) if rows else (0.0, 0)

    def set_next_visit(self, feed: str, at: float, failures: int) -> None:
        self._do("INSERT OR REPLACE INTO feeds VALUES (?, ?, ?)", feed, at, failures)

    def _known(self, which: str, *values: object) -> list[Known]:
        rows = self._all(f"SELECT number, id, signature FROM articles {which}", *values)
        return [Known(number, article_id, signature or b"") for number, article_id, signature in rows]

    def _do(self, statement: str, *values: object) -> sqlite3.Cursor:
        with self._lock:
            return self._connection.execute(statement, tuple(map(_storable, values)))

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._lock:
            self._connection.executemany(statement, rows)

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._do(statement, *values).fetchall()

    def _one(self, statement: str, *values: object) -> Any:
        rows = self._all(statement, *values)
        return rows[0][0] if rows else None


def _storable(value: object) -> object:
    """The value as SQLite takes it: the name of a file may be bytes that are no text."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return os.fsencode(value)
    return value
