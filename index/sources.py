"""All that can be named to be taken in: files, folders and URLs, read ahead and not twice."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

from index.archive import Archive
from index.fetch import Fetcher
from index.ledger import Ledger
from index.readers import File, Item, Start, longer_ids, read_inputs
from index.readers.ahead import prefetched, reading_apart
from index.web import Web

# Files begun ahead of the one that is waited for, by process.
AHEAD = 4


def is_url(given: str) -> bool:
    """Whether this names a page of the web rather than a file."""
    return given.lower().startswith(("http://", "https://"))


class Workers(Protocol):
    """Where files are read: `count` of them at a time."""

    @property
    def start(self) -> Start: ...

    @property
    def count(self) -> int: ...


class Sources:
    """Reads inputs for one archive. Use as a context manager: it keeps processes and connections."""

    def __init__(self, archive: Archive, workers: Workers | None = None) -> None:
        self._archive = archive
        self._workers = workers
        self._stack = ExitStack()

    def __enter__(self) -> "Sources":
        self._ledger = self._stack.enter_context(Ledger(self._archive.folder))
        self._processes = max(1, (os.cpu_count() or 2) // 2)
        apart = self._stack.enter_context(reading_apart(self._processes))
        self._start: Start = apart.start
        if self._workers is not None:
            self._processes, self._start = self._workers.count, self._workers.start
        config = self._archive.config
        fetcher = Fetcher(config.private_networks, config.fetch_delay)
        self._stack.callback(fetcher.close)
        self._web = Web(fetcher, self._ledger, self._taken, self._start, apart)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def failed(self) -> list[str | File]:
        """The inputs that failed when they were last read."""
        inputs = dict.fromkeys((failed.input, failed.given) for failed in self._ledger.failures())
        return [name if is_url(name) else File(Path(name), given) for name, given in inputs]

    def retry_after(self, url: str) -> float:
        """For how many seconds a server asked to be left alone when a URL was last read."""
        return self._web.retry_after.get(url, 0.0)

    def read(self, given: Sequence[str | File]) -> Iterator[Item]:
        """The articles of inputs, in their order, with a mark after each file or page."""
        yield from prefetched(self._all(given))

    def _all(self, given: Sequence[str | File]) -> Iterator[Item]:
        # Files and URLs in the order given; files that follow one another are read ahead together.
        for web, group in groupby(given, key=lambda item: isinstance(item, str) and is_url(item)):
            if web:
                for url in group:
                    yield from self._web.read(str(url))
            else:
                yield from read_inputs(
                    [item if isinstance(item, File) else Path(item) for item in group],
                    named=self._named,
                    taken=self._taken,
                    start=self._start,
                    ahead=AHEAD * self._processes,
                )

    def _named(self, file: File) -> File:
        """The file under the id that it got first, whichever folder was named then.

        Another file that has this id and is still there keeps it: this one's is then so much longer that
        they differ. One that is gone has moved, and its id with it.
        """
        given = self._ledger.given(file.name)
        if not given:
            given = next(filter(self._is_free, longer_ids(file)), file.article_id)
            self._ledger.give(file.name, given)
        return replace(file, article_id=given)

    def _is_free(self, given: str) -> bool:
        owner = self._ledger.file_of(given)
        return not owner or not Path(owner).exists()

    def _taken(self, name: str, mark: str) -> tuple[str, ...] | None:
        """The ids of an input's articles, when it was taken in and they are all still there."""
        ids = self._ledger.taken(name, mark)
        return ids if ids and all(self._archive.entry(i) is not None for i in ids) else None
