"""Who may use a server: tokens, each with a name and a scope, in SQLite beside the archive.

Only a hash of a token is kept, so it is shown once and then known to nobody but its owner. A plain hash is
enough: with 256 random bits there is nothing to guess. Servers look here at every request, which takes some
fifty microseconds, so that a token that was revoked is refused by all of them at once.
"""

import hashlib
import hmac
import os
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from index.errors import ArchiveUnavailableError, UserFixableError

FILE = "tokens.sqlite3"
Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
LONGEST_NAME = 60
_PREFIX = "dateline"
_TABLE = """CREATE TABLE IF NOT EXISTS tokens
  (name TEXT PRIMARY KEY, key TEXT UNIQUE, hash BLOB, scope TEXT, created TEXT, expires TEXT)"""
_COLUMNS = "name, key, scope, created, expires, hash"


class TokenError(UserFixableError):
    """A token that cannot be made or does not exist."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token: `key` is its public middle part; `expires` is empty for never (UTC)."""

    name: str
    key: str
    scope: Scope
    created: str
    expires: str = ""

    @property
    def expired(self) -> bool:
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= datetime.now(UTC)

    def may(self, scope: Scope) -> bool:
        """Whether it suffices: who may write may read."""
        return scope == "read" or self.scope == "write"


class Tokens:
    """The tokens of one archive folder. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def create(self, name: str, scope: Scope, days: float | None = None) -> str:
        """A new token, to be shown to its owner once. Raises TokenError."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise TokenError(
                f"{name[:100]!r} is no name for a token: give up to {LONGEST_NAME} letters, on one line."
            )
        now = datetime.now(UTC).replace(microsecond=0)
        expires = (now + timedelta(days=days)).isoformat() if days else ""
        key, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        try:
            self._do(
                f"INSERT INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                *(name, key, scope, now.isoformat(), expires, _hash(secret)),
                create=True,
            )
        except sqlite3.IntegrityError:
            raise TokenError(
                f"there is a token named {name!r}: choose another name, or `dateline token revoke {name}`."
            ) from None
        return f"{_PREFIX}_{key}_{secret}"

    def all(self) -> list[Token]:
        """Every token, the oldest first; those that have expired too."""
        return [
            Token(*row[:5]) for row in self._do(f"SELECT {_COLUMNS} FROM tokens ORDER BY created, name")
        ]

    def revoke(self, name: str) -> None:
        """Forget a token; it is refused from now on. Raises TokenError."""
        if not self._do("DELETE FROM tokens WHERE name = ? RETURNING name", name):
            raise TokenError(f"no token is named {name!r}: `dateline token list` shows them.")

    def find(self, text: str) -> Token | None:
        """The token that this text is, unless it is none, was revoked or has expired."""
        prefix, _, rest = text.partition("_")
        key, _, secret = rest.partition("_")
        if prefix != _PREFIX or not secret or len(text) > 200:
            return None
        rows = self._do(f"SELECT {_COLUMNS} FROM tokens WHERE key = ?", key)
        # Compared in constant time, and compared although there is nothing to compare with.
        kept = rows[0][5] if rows else bytes(32)
        if not hmac.compare_digest(_hash(secret), kept) or not rows:
            return None
        token = Token(*rows[0][:5])
        return None if token.expired else token

    def _do(self, statement: str, *values: object, create: bool = False) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                if self._connection is None:
                    if not create and not self._path.exists():
                        return []
                    self._connection = self._opened()
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.IntegrityError:
                raise
            except (OSError, sqlite3.Error) as error:
                raise ArchiveUnavailableError(
                    f"the tokens in {str(self._path)!r} cannot be read: {error}. Check the folder."
                ) from error

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite does, so that nobody else may ever read it.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_TABLE)
        return connection


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
