"""What the archive knows of its articles without reading their texts: kept in memory.

Paging, counting, the coverage receipt and the check that a hit belongs to an article's present
version all need every article's metadata; reading it from the store for each question would take
seconds in a large archive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from index.types import Coverage, Filters


@dataclass(frozen=True, slots=True)
class Entry:
    """One article's searchable metadata. `published` is its local time as YYYYMMDDhhmmss, or None."""

    id: str
    version: str
    language: str
    source: str
    published_at: str
    published: int | None
    passages: int
    sentences: int


class Catalogue:
    """All entries, and the views of them that are worth keeping; replaced whole when they change."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.id: entry for entry in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, article_id: str) -> Entry | None:
        return self._entries.get(article_id)

    def changed(self, added: Iterable[Entry] = (), removed: Iterable[str] = ()) -> "Catalogue":
        """A catalogue with these entries added or replaced and these ids removed."""
        entries = self._entries | {entry.id: entry for entry in added}
        for article_id in removed:
            entries.pop(article_id, None)
        return Catalogue(entries.values())

    def matching(self, filters: Filters) -> list[Entry]:
        """The entries that pass, newest publication first, undated last, then by id."""
        if not filters:
            return self._newest_first
        passes = Matcher(filters)
        return [entry for entry in self._newest_first if passes(entry)]

    def coverage(self, filters: Filters) -> Coverage:
        """The receipt for a search with these filters."""
        if not filters:
            return self._coverage
        return _coverage(self.matching(filters), filters)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages of the archive, the most frequent first."""
        counts: dict[str, int] = {}
        for entry in self._entries.values():
            if entry.language:
                counts[entry.language] = counts.get(entry.language, 0) + 1
        return tuple(sorted(counts, key=lambda language: (-counts[language], language)))

    @cached_property
    def _newest_first(self) -> list[Entry]:
        return sorted(self._entries.values(), key=lambda entry: (-(entry.published or 0), entry.id))

    @cached_property
    def _coverage(self) -> Coverage:
        return _coverage(self._newest_first, Filters())


class Matcher:
    """Tells whether an entry passes the filters."""

    def __init__(self, filters: Filters) -> None:
        self._from = moment(filters.published_from) if filters.published_from else None
        self._to = moment(filters.published_to, end=True) if filters.published_to else None
        self._sources = frozenset(filters.sources)
        self._languages = frozenset(filters.languages)
        self._articles = frozenset(filters.articles)

    def __call__(self, entry: Entry) -> bool:
        if self._from is not None and (entry.published is None or entry.published < self._from):
            return False
        if self._to is not None and (entry.published is None or entry.published > self._to):
            return False
        return (
            (not self._sources or entry.source in self._sources)
            and (not self._languages or entry.language in self._languages)
            and (not self._articles or entry.id in self._articles)
        )


def moment(text: str, *, end: bool = False) -> int:
    """An ISO 8601 date or date-time as the number YYYYMMDDhhmmss; raises ValueError.

    The clock is the one the text was written by: a reader who asks for 23 March means the date
    printed on the article, whatever its time zone. A date alone is its first second, or its last.
    """
    text = text.strip()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        clock = (time.hour * 100 + time.minute) * 100 + time.second
        return _day(time) + clock
    return _day(day) + (235959 if end else 0)


def _day(day: date) -> int:
    return ((day.year * 100 + day.month) * 100 + day.day) * 1_000_000


def _coverage(entries: list[Entry], filters: Filters) -> Coverage:
    dated: Iterator[Entry] = (entry for entry in entries if entry.published is not None)
    dates = sorted(dated, key=lambda entry: entry.published or 0)
    return Coverage(
        articles=len(entries),
        passages=sum(entry.passages for entry in entries),
        languages=tuple(sorted({entry.language for entry in entries if entry.language})),
        sources=tuple(sorted({entry.source for entry in entries if entry.source})),
        published_from=dates[0].published_at if dates else "",
        published_to=dates[-1].published_at if dates else "",
        filters=filters,
    )
