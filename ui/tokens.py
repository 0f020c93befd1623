"""Who may use a server: tokens, each with a name and a scope, in SQLite beside the archive.

Only a hash of a token is kept, so it is shown once and then known to nobody but its owner. A plain hash is
enough: with 256 random bits there is nothing to guess. Servers look here at every request, which takes some
fifty microseconds, so that a token that was revoked is refused by all of them at once.
"""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from index.errors import ArchiveUnavailableError, UserFixableError
from index.sqlite import Database, Form

FILE = "tokens.sqlite3"
Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
LONGEST_NAME = 60
_PREFIX = "dateline"
_TABLE = """CREATE TABLE IF NOT EXISTS tokens
  (name TEXT PRIMARY KEY, key TEXT UNIQUE, hash BLOB, scope TEXT, created TEXT, expires TEXT)"""
# A token that was revoked stays so, also when the power fails.
_FORM = Form(
    1,
    _TABLE,
    "the tokens",
    ArchiveUnavailableError,
    "Check the folder.",
    pragmas=("synchronous = FULL",),
    private=True,
)
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
        self._opened: Database | None = None

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def create(self, name: str, scope: Scope, days: float | None = None) -> str:
        """A new token, to be shown to its owner once. Raises TokenError."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise TokenError(
                f"{name[:100]!r} is no name for a token: give up to {LONGEST_NAME} letters, on one line."
            )
        now = datetime.now(UTC).replace(microsecond=0)
        expires = (now + timedelta(days=days)).isoformat() if days else ""
        key, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        made = self._all(
            f"INSERT INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (name) DO NOTHING RETURNING name",
            *(name, key, scope, now.isoformat(), expires, _hash(secret)),
            create=True,
        )
        if not made:
            raise TokenError(
                f"there is a token named {name!r}: choose another name, or `dateline token revoke {name}`."
            )
        return f"{_PREFIX}_{key}_{secret}"

    def all(self) -> list[Token]:
        """Every token, the oldest first; those that have expired too."""
        return [
            Token(*row[:5]) for row in self._all(f"SELECT {_COLUMNS} FROM tokens ORDER BY created, name")
        ]

    def revoke(self, name: str) -> None:
        """Forget a token; it is refused from now on. Raises TokenError."""
        if not self._all("DELETE FROM tokens WHERE name = ? RETURNING name", name):
            raise TokenError(f"no token is named {name!r}: `dateline token list` shows them.")

    def find(self, text: str) -> Token | None:
        """The token that this text is, unless it is none, was revoked or has expired."""
        prefix, _, rest = text.partition("_")
        key, _, secret = rest.partition("_")
        if prefix != _PREFIX or not secret or len(text) > 200:
            return None
        rows = self._all(f"SELECT {_COLUMNS} FROM tokens WHERE key = ?", key)
        # Compared in constant time, and compared although there is nothing to compare with.
        kept = rows[0][5] if rows else bytes(32)
        if not hmac.compare_digest(_hash(secret), kept) or not rows:
            return None
        token = Token(*rows[0][:5])
        return None if token.expired else token

    def _all(self, statement: str, *values: object, create: bool = False) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._opened is None:
                # Who only looks makes no file.
                try:
                    if not create and not self._path.exists():
                        return []
                except OSError as error:
                    raise _FORM.unusable(self._path, error) from error
                self._opened = Database(self._path, _FORM)
            return self._opened.all(statement, *values)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
