"""SQLite files that threads and processes share: opened, told apart, locked and explained in one place.

The standard library's driver does: SQLAlchemy and peewee map objects, which a few tables of plain rows
do not need, and sqlite-utils neither locks nor tells the versions of a file apart.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from index.errors import UserFixableError

_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Form:
    """What a file holds, and what is said when it cannot be used: `name` as in "the tokens"."""

    version: int
    tables: str
    name: str
    error: type[UserFixableError]
    advice: str
    pragmas: tuple[str, ...] = ()
    made_again: bool = False  # nothing is lost with it: another version's file is emptied, not refused
    private: bool = False  # nobody but the file's owner may read it
    holds_paths: bool = False  # names of files, which may be bytes that are no text

    def unusable(self, path: Path, why: object) -> UserFixableError:
        return self.error(f"{self.name} in {str(path)!r} cannot be read or written: {why}. {self.advice}")


class Database:
    """One connection, safe to share between threads; several processes may have one each.

    Opening and every call raise the form's error when the file cannot be read or written.
    """

    def __init__(self, path: Path, form: Form) -> None:
        self.path = path
        self._form = form
        self._lock = threading.RLock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            if form.private:
                # Made before SQLite does, so that nobody else may ever read it.
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", *form.pragmas):
                self.do(f"PRAGMA {pragma}")
            with self.together():
                self._make_tables()
        except BaseException:
            self.close()
            raise

    def _make_tables(self) -> None:
        form, version = self._form, self.one("PRAGMA user_version")
        if version and version != form.version and form.made_again:
            for (table,) in self.all("SELECT name FROM sqlite_master WHERE type = 'table'"):
                self.do(f"DROP TABLE {table}")
        elif version > form.version:
            raise form.error(f"a newer Dateline wrote {form.name} in {str(self.path)!r}: update this one.")
        elif version:
            return
        for statement in form.tables.split(";"):
            self.do(statement)
        self.do(f"PRAGMA user_version = {form.version}")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            return self._connection.execute(statement, self._given(values)).rowcount

    def all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Every row."""
        with self._lock, self._explained():
            return self._connection.execute(statement, self._given(values)).fetchall()

    def _given(self, values: Sequence[object]) -> Sequence[object]:
        return tuple(map(_storable, values)) if self._form.holds_paths else values

    def one(self, statement: str, *values: object) -> Any:
        """The first column of the first row; None without a row."""
        rows = self.all(statement, *values)
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
        except (OSError, sqlite3.Error) as error:
            raise self._form.unusable(self.path, error) from error


def copy(source: Path, target: Path) -> None:
    """Copy a file as it is at one moment, even while others write to it."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as opened,
        closing(sqlite3.connect(target)) as made,
    ):
        opened.backup(made)


def is_whole(path: Path) -> bool:
    """Whether SQLite finds no damage in a file."""
    try:
        with closing(sqlite3.connect(path)) as opened:
            return bool(opened.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _storable(value: object) -> object:
    """The value as SQLite takes it: the name of a file may be bytes that are no text."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return os.fsencode(value)
    return value
