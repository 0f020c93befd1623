"""Replies that were paid for once: so an evaluation can be killed and go on, or be run again.

One SQLite file in the user's cache folder. The key names everything that can change a reply: the case,
the system's settings and model, the articles, and Dateline's own code.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

CODE = ("index", "rag")
MOST = 100_000
Value = TypeVar("Value")


def cache_folder() -> Path:
    """Where replies and archives of suites are kept."""
    return user_cache_path("dateline") / "evals"


class Cache(Generic[Value]):
    """Values by key. A row that cannot be read is as good as none."""

    def __init__(self, path: Path, kind: str, form: TypeAdapter[Value]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._kind = kind
        self._form = form
        # Several runs may share it: a writer waits for another.
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB, at INTEGER DEFAULT "
            "(unixepoch()))"
        )

    def get(self, key: str) -> Value | None:
        row = self._db.execute("SELECT value FROM kept WHERE key = ?", (f"{self._kind} {key}",)).fetchone()
        if row is None:
            return None
        try:
            return self._form.validate_json(row[0])
        except ValidationError:
            return None

    def put(self, key: str, value: Value) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)",
            (f"{self._kind} {key}", self._form.dump_json(value)),
        )

    def close(self) -> None:
        """Forget the oldest beyond the limit, and close."""
        self._db.execute(
            "DELETE FROM kept WHERE rowid NOT IN (SELECT rowid FROM kept ORDER BY at DESC LIMIT ?)", (MOST,)
        )
        self._db.close()


def key_of(parts: Mapping[str, Any]) -> str:
    """A hash of plain values, in any order."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@cache
def code_fingerprint() -> str:
    """A hash of the code and data that make replies."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for package in CODE:
        for file in sorted((root / package).rglob("*")):
            if file.suffix in (".py", ".npz", ".json", ".txt", ".csv"):
                digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
