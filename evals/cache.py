"""Replies that were paid for once: so an evaluation can be killed and go on, or be run again.

One SQLite file in the user's cache folder. The key names everything that can change a reply: the case,
the system's settings and model, the articles, and Dateline's own code.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError

from index.errors import UserFixableError
from index.sqlite import Database, Form

CODE = ("index", "rag")
MOST = 100_000
Value = TypeVar("Value")
FORM = Form(
    1,
    "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB, at INTEGER DEFAULT (unixepoch()))",
    "the kept replies",
    UserFixableError,
    "See to the disk; where the file is damaged, delete it: the replies are asked for again.",
    made_again=True,
)


def cache_folder() -> Path:
    """Where replies and archives of suites are kept."""
    return user_cache_path("dateline") / "evals"


class Cache(Generic[Value]):
    """Values by key. A row that cannot be read is as good as none."""

    def __init__(self, path: Path, kind: str, form: TypeAdapter[Value]) -> None:
        self._kind = kind
        self._form = form
        self._file = Database(path, FORM)

    def get(self, key: str) -> Value | None:
        value = self._file.one("SELECT value FROM kept WHERE key = ?", f"{self._kind} {key}")
        if value is None:
            return None
        try:
            return self._form.validate_json(value)
        except ValidationError:
            return None

    def put(self, key: str, value: Value) -> None:
        self._file.do(
            "INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)",
            f"{self._kind} {key}",
            self._form.dump_json(value),
        )

    def close(self) -> None:
        """Forget the oldest beyond the limit, and close."""
        self._file.do(
            "DELETE FROM kept WHERE rowid NOT IN (SELECT rowid FROM kept ORDER BY at DESC LIMIT ?)", MOST
        )
        self._file.close()


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
