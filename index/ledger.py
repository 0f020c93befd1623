"""What ingestion remembers from run to run, in SQLite beside the archive: the only file that opens it.

Nothing here answers questions: lost, it is written again by the next runs, at the price of reading
everything once more. Articles are numbered in the order in which they first came, and what is noted
of one can be noted again without harm, so that a killed run and its repetition end as one run does.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import ArchiveUnavailableError
from index.sqlite import Database, Form

FILE = "ledger.sqlite3"
_AT_ONCE = 500
_TABLES = """
CREATE TABLE articles
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE, source TEXT, text INTEGER, signature BLOB);
CREATE INDEX of_text ON articles (text);
CREATE TABLE sources (name TEXT PRIMARY KEY, articles INTEGER) WITHOUT ROWID;
CREATE TABLE bands (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE INDEX of_article ON bands (article);
CREATE TABLE lines (key INTEGER, article INTEGER, PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE TABLE counts (key INTEGER PRIMARY KEY, articles INTEGER);
CREATE TABLE boilerplate (key INTEGER PRIMARY KEY, source TEXT, line TEXT, settled INTEGER DEFAULT 0);
CREATE TABLE addresses (url TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, given TEXT UNIQUE) WITHOUT ROWID;
CREATE TABLE inputs (name TEXT PRIMARY KEY, mark TEXT, ids TEXT) WITHOUT ROWID;
CREATE TABLE failures (place TEXT PRIMARY KEY, input TEXT, given TEXT, reason TEXT, at REAL);
CREATE TABLE pages (url TEXT PRIMARY KEY, etag TEXT, modified TEXT, digest TEXT, ids TEXT) WITHOUT ROWID;
CREATE TABLE feeds (url TEXT PRIMARY KEY, next REAL, failures INTEGER) WITHOUT ROWID
"""
_FORM = Form(
    3,
    _TABLES,
    "what was taken in before",
    ArchiveUnavailableError,
    "See to the disk and the file's rights; where it is damaged, delete it: it is written again.",
    made_again=True,
    holds_paths=True,
)


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


class Ledger(Database):
    """One archive's memory of what was taken in. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FILE, _FORM)

    # Articles

    def number(self, article_id: str, source: str) -> int:
        """The article's number; a new one when it comes for the first time."""
        with self.together():
            number = self.one("SELECT number FROM articles WHERE id = ?", article_id)
            if number is None:
                number = self.one(
                    "INSERT INTO articles (id, source) VALUES (?, ?) RETURNING number", article_id, source
                )
                self.do(
                    "INSERT INTO sources VALUES (?, 1) ON CONFLICT DO UPDATE SET articles = articles + 1",
                    source,
                )
            return int(number)

    def sign(self, number: int, text: int, signature: bytes) -> None:
        """Note the hash of an article's text and its MinHash signature."""
        self.do("UPDATE articles SET text = ?, signature = ? WHERE number = ?", text, signature, number)

    def same_text(self, text: int, before: int) -> list[Known]:
        """Articles of this hash of text that came before a number."""
        return self._known("WHERE text = ? AND number < ? ORDER BY number", text, before)

    def set_bands(self, number: int, bands: Sequence[int]) -> None:
        """Let an article be found by these bands of its signature, and by no others."""
        with self.together():
            keys = json.dumps(list(bands))
            self.do(
                "DELETE FROM bands WHERE article = ? AND key NOT IN (SELECT value FROM json_each(?))",
                number,
                keys,
            )
            self.do("INSERT OR IGNORE INTO bands SELECT value, ? FROM json_each(?)", number, keys)

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
        return str(self.one("SELECT id FROM addresses WHERE url = ?", url) or "")

    def set_address(self, url: str, article_id: str) -> None:
        self.do("INSERT OR REPLACE INTO addresses VALUES (?, ?)", url, article_id)

    # Lines that a source repeats

    def count_lines(self, source: str, number: int, keys: Sequence[int]) -> tuple[dict[int, int], int]:
        """Note an article's lines; returns in how many articles each is, and the source's articles."""
        with self.together():
            for key in keys:
                if self.do("INSERT OR IGNORE INTO lines VALUES (?, ?)", key, number):
                    self.do(
                        "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE "
                        "SET articles = articles + 1",
                        key,
                    )
            found: dict[int, int] = {}
            for start in range(0, len(keys), _AT_ONCE):
                chunk = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(chunk))
                found |= dict(self.all(f"SELECT key, articles FROM counts WHERE key IN ({marks})", *chunk))
            total: int = self.one("SELECT articles FROM sources WHERE name = ?", source) or 0
        return found, total

    def boilerplate(self, source: str) -> dict[int, str]:
        """A source's lines that are left out of its articles, by key."""
        return dict(self.all("SELECT key, line FROM boilerplate WHERE source = ?", source))

    def add_boilerplate(self, source: str, key: int, line: str) -> None:
        self.do("INSERT OR IGNORE INTO boilerplate (key, source, line) VALUES (?, ?, ?)", key, source, line)

    def unsettled(self) -> list[tuple[int, str, str]]:
        """Key, source and text of lines that articles from before they were known may still have."""
        return self.all("SELECT key, source, line FROM boilerplate WHERE NOT settled ORDER BY source, key")

    def holders(self, keys: Sequence[int]) -> list[str]:
        """Ids of the articles that came with these lines, in the order in which they came."""
        return [
            row[0]
            for row in self.all(
                "SELECT DISTINCT id FROM lines JOIN articles ON number = article "
                "WHERE key IN (SELECT value FROM json_each(?)) ORDER BY number",
                json.dumps(list(keys)),
            )
        ]

    def settle(self, keys: Sequence[int]) -> None:
        """These lines are in no article any more: how often they came need not be known."""
        with self.together():
            for key in keys:
                self.do("UPDATE boilerplate SET settled = 1 WHERE key = ?", key)
                self.do("DELETE FROM lines WHERE key = ?", key)

    # Inputs: files, pages and feeds

    def taken(self, name: str, mark: str) -> tuple[str, ...] | None:
        """The ids of the articles of an input, when it was taken in with this mark; else None."""
        rows = self.all("SELECT mark, ids FROM inputs WHERE name = ?", name)
        return tuple(json.loads(rows[0][1])) if rows and rows[0][0] == mark else None

    def take(self, name: str, mark: str, ids: Sequence[str]) -> None:
        """All of an input is stored."""
        ids = list(dict.fromkeys(ids))
        with self.together():
            self.do("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?)", name, mark, json.dumps(ids))

    def given(self, path: str) -> str:
        """The id that a file got when it first came; empty when it never did."""
        return str(self.one("SELECT given FROM files WHERE path = ?", path) or "")

    def file_of(self, given: str) -> str:
        """The file that got an id; empty when none did."""
        return os.fsdecode(self.one("SELECT path FROM files WHERE given = ?", given) or "")

    def give(self, path: str, given: str) -> None:
        """Note the id of a file, which none other has from now on."""
        self.do("INSERT OR REPLACE INTO files VALUES (?, ?)", path, given)

    def clear_failures(self, input: str) -> None:
        """An input is about to be read again."""
        self.do("DELETE FROM failures WHERE input = ?", input)

    def fail(self, failed: Failed) -> None:
        self.do(
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
            for row in self.all("SELECT place, input, given, reason FROM failures ORDER BY at")
        ]

    def page(self, url: str) -> Page:
        """What is known of a page."""
        rows = self.all("SELECT etag, modified, digest, ids FROM pages WHERE url = ?", url)
        if not rows:
            return Page(url)
        etag, modified, digest, ids = rows[0]
        return Page(url, etag, modified, digest, tuple(json.loads(ids)))

    def set_page(self, page: Page) -> None:
        self.do(
            "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)",
            page.url,
            page.etag,
            page.modified,
            page.digest,
            json.dumps(page.ids),
        )

    def next_visit(self, feed: str) -> tuple[float, int]:
        """When a feed is due, in seconds since 1970, and how often in a row it has failed."""
        rows = self.all("SELECT next, failures FROM feeds WHERE url = ?", feed)
        return (rows[0][0], rows[0][1]) if rows else (0.0, 0)

    def set_next_visit(self, feed: str, at: float, failures: int) -> None:
        self.do("INSERT OR REPLACE INTO feeds VALUES (?, ?, ?)", feed, at, failures)

    def _known(self, which: str, *values: object) -> list[Known]:
        rows = self.all(f"SELECT number, id, signature FROM articles {which}", *values)
        return [Known(number, article_id, signature or b"") for number, article_id, signature in rows]
