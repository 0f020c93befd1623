"""What people leave with an archive, in SQLite in its folder: the only file that opens it.

Unlike the index's ledger nothing here can be made again, so another version's file is never emptied.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import HistoryError

FILE = "history.sqlite3"
_FORM = 1
# What is searched or counted stands before the answer itself, which may fill many pages of the file.
_TABLES = """
CREATE TABLE conversations
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, name TEXT, folded TEXT,
   created_at TEXT, updated_at TEXT);
CREATE INDEX of_owner ON conversations (owner, updated_at);
CREATE TABLE answers
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE,
   conversation TEXT REFERENCES conversations (id) ON DELETE CASCADE,
   replaced INTEGER DEFAULT 0, asked_at TEXT, bytes INTEGER,
   verdict TEXT DEFAULT '', reason TEXT DEFAULT '', comment TEXT DEFAULT '', rated_at TEXT DEFAULT '',
   question TEXT, folded TEXT, answer TEXT);
CREATE INDEX of_conversation ON answers (conversation);
CREATE INDEX of_verdict ON answers (verdict) WHERE verdict != '';
CREATE TABLE replies
  (owner TEXT, key TEXT, request TEXT, at REAL, conversation TEXT DEFAULT '', status INTEGER DEFAULT 0,
   headers TEXT DEFAULT '', body BLOB DEFAULT x'', PRIMARY KEY (owner, key));
CREATE INDEX of_reply ON replies (conversation);
CREATE INDEX of_time ON replies (at)
"""


class Database:
    """One connection, safe to share between threads; several processes may have one each."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = threading.RLock()
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=60, isolation_level=None, check_same_thread=False
            )
        try:
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                self.do(f"PRAGMA {pragma}")
            # What is deleted is overwritten: a question may be a secret.
            self.do("PRAGMA secure_delete = ON")
            with self.together():
                form = self.one("PRAGMA user_version")
                if not form:
                    for statement in _TABLES.split(";"):
                        self.do(statement)
                    self.do(f"PRAGMA user_version = {_FORM}")
            if form > _FORM:
                raise HistoryError(
                    f"the conversations in {str(self.path)!r} were kept by a newer Dateline: "
                    "update this one."
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is written inside is written at once, or none of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.do("BEGIN IMMEDIATE")
            try:
                yield
                self.do("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def do(self, statement: str, *values: object) -> int:
        """Run a statement; how many rows it changed."""
        with self._lock, self._explained():
            return self._connection.execute(statement, values).rowcount

    def all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: object) -> Any:
        """The first column of the first row; None without a row."""
        rows: Sequence[tuple[Any, ...]] = self.all(statement, *values)
        return rows[0][0] if rows else None

    def size(self) -> int:
        """Bytes that are in use."""
        pages = self.one("PRAGMA page_count") - self.one("PRAGMA freelist_count")
        return int(pages * self.one("PRAGMA page_size"))

    def forget(self) -> None:
        """Let nothing of what was deleted stand in the file's log of changes."""
        self.do("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a bug
        except (sqlite3.Error, OSError) as error:
            raise HistoryError(
                f"the kept conversations in {str(self.path)!r} cannot be read or written: {error}. "
                "See to the disk and the file's rights; where it is damaged, `dateline restore` a backup."
            ) from error
