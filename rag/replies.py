"""Replies that are kept for a day, so that a request that is sent once more is not done once more."""

import json
import time
from dataclasses import dataclass

from index.sqlite import Database
from rag.errors import KeyReusedError, StillAnsweringError

KEPT_SECONDS = 24 * 3600.0
# A process that was killed while it answered must not block its key for long.
ABANDONED_SECONDS = 15 * 60.0
LARGEST = 2**20
_MOST_OF_AN_OWNER = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered over HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Replies:
    """The replies beside the conversations of an archive. Each method raises HistoryError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, owner: str, key: str, request: str) -> Reply | None:
        """The reply that was given to this request under this key; None: it is now to be answered.

        Then `keep` or `release` must follow. `request` says what was asked, as a hash. Raises
        KeyReusedError when the key came with another request, StillAnsweringError when another
        claim is not settled yet.
        """
        now = time.time()
        with self._database.together():
            self._database.do(
                "DELETE FROM replies WHERE at < ? OR (at < ? AND NOT status)",
                now - KEPT_SECONDS,
                now - ABANDONED_SECONDS,
            )
            found = self._database.all(
                "SELECT request, status, headers, body FROM replies WHERE owner = ? AND key = ?", owner, key
            )
            if not found:
                self._make_room(owner)
                self._database.do(
                    "INSERT INTO replies (owner, key, request, at) VALUES (?, ?, ?, ?)",
                    owner,
                    key,
                    request,
                    now,
                )
                return None
        before, status, headers, body = found[0]
        if before != request:
            raise KeyReusedError(
                f"the idempotency key {key!r} came with another request before: give each request its own."
            )
        if not status:
            raise StillAnsweringError(
                f"the request with the idempotency key {key!r} is being answered: ask again in a while."
            )
        return Reply(status, tuple((name, value) for name, value in json.loads(headers)), body)

    def keep(self, owner: str, key: str, reply: Reply, conversation: str = "") -> None:
        """Keep what was answered. It goes with its conversation, when it tells of one."""
        self._database.do(
            "UPDATE replies SET status = ?, headers = ?, body = ?, conversation = ? "
            "WHERE owner = ? AND key = ?",
            reply.status,
            json.dumps(reply.headers),
            reply.body,
            conversation,
            owner,
            key,
        )

    def release(self, owner: str, key: str) -> None:
        """Nothing was answered that should be answered again."""
        self._database.do("DELETE FROM replies WHERE owner = ? AND key = ? AND NOT status", owner, key)

    def _make_room(self, owner: str) -> None:
        self._database.do(
            "DELETE FROM replies WHERE owner = ? AND status AND rowid NOT IN "
            "(SELECT rowid FROM replies WHERE owner = ? ORDER BY at DESC LIMIT ?)",
            owner,
            owner,
            _MOST_OF_AN_OWNER - 1,
        )
