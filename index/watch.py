"""Feeds that are visited again and again: politely, and from where the last run stopped."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.archive import Archive
from index.ingest import Outcome, ingest
from index.ledger import Ledger
from index.sources import Sources

# A feed that fails is left alone twice as long each time, up to a day.
LONGEST_PAUSE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of one visit; `next_at` is in seconds since 1970."""

    feed: str
    outcomes: tuple[Outcome, ...]
    next_at: float


def watch(
    archive: Archive,
    feeds: Sequence[str],
    *,
    every: float,
    stop: threading.Event,
    once: bool = False,
    now: Callable[[], float] = time.time,
) -> Iterator[Visit]:
    """Visit each feed when it is due, `every` so many seconds, until told to stop; with `once`, once."""
    with Sources(archive) as sources, Ledger(archive.folder) as ledger:
        while not stop.is_set():
            for feed in feeds:
                if stop.is_set() or (ledger.next_visit(feed)[0] > now() and not once):
                    continue
                yield _visit(archive, sources, ledger, feed, every, now)
            if once:
                return
            due = min(ledger.next_visit(feed)[0] for feed in feeds)
            stop.wait(max(0.0, due - now()))


def _visit(
    archive: Archive, sources: Sources, ledger: Ledger, feed: str, every: float, now: Callable[[], float]
) -> Visit:
    outcomes = tuple(ingest(archive, sources.read([feed])))
    failed = any(outcome.status == "failed" and outcome.article_id == feed for outcome in outcomes)
    failures = ledger.next_visit(feed)[1] + 1 if failed else 0
    pause = min(max(every, LONGEST_PAUSE), every * 2**failures) if failed else every
    next_at = now() + max(pause, sources.retry_after(feed))
    ledger.set_next_visit(feed, next_at, failures)
    return Visit(feed, outcomes, next_at)
