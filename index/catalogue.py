"""What the archive knows of its articles without reading their texts: kept in memory.

Paging, counting, the coverage receipt and the check that a hit belongs to an article's present
version all need every article's metadata; reading it from the store for each question would take
seconds in a large archive.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import compress

import numpy as np
import numpy.typing as npt

from index.fold import fold
from index.types import Count, Coverage, Filters, Interval, Statistics

# The last digits of a moment that an interval leaves out.
_SMALLER: dict[Interval, int] = {"day": 10**6, "month": 10**8, "year": 10**10}


@dataclass(frozen=True, slots=True)
class Entry:
    """One article's searchable metadata. `published` is its local time as YYYYMMDDhhmmss, or None.

    `cluster` is the id of the first of the articles that print one text, empty when it stands alone
    or is the first; `revisions` are the versions that it had before, the oldest first.
    """

    id: str
    version: str
    language: str
    source: str
    published_at: str
    published: int | None
    passages: int
    sentences: int
    cluster: str = ""
    revisions: tuple[str, ...] = ()


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

    @cached_property
    def entries(self) -> list[Entry]:
        """All entries, newest publication first, undated last, then by id."""
        return sorted(self._entries.values(), key=lambda entry: (-(entry.published or 0), entry.id))

    def copies(self, article_id: str) -> list[Entry]:
        """The articles that print the same text as this one, without itself, by id."""
        entry = self._entries.get(article_id)
        if entry is None:
            return []
        cluster = self._clusters.get(entry.cluster or entry.id, [])
        return [other for other in cluster if other.id != article_id]

    @cached_property
    def clusters(self) -> list[list[Entry]]:
        """The articles of each text that is there more than once, the first of them first."""
        return [cluster for cluster in self._clusters.values() if len(cluster) > 1]

    @cached_property
    def _clusters(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            if entry.cluster:
                found.setdefault(entry.cluster, []).append(entry)
        for first, others in found.items():
            original = [self._entries[first]] if first in self._entries else []
            found[first] = original + sorted(others, key=lambda entry: entry.id)
        return found

    def select(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """Which of `entries` pass the filters."""
        columns = self._columns
        kept = np.ones(len(self), np.bool_)
        if filters.published_from:
            kept &= columns.published >= moment(filters.published_from)
        if filters.published_to:
            kept &= columns.published <= moment(filters.published_to, end=True)
        if filters.published_from or filters.published_to:
            kept &= columns.published > 0
        for wanted, names, codes in (
            (filters.sources, columns.source_names, columns.sources),
            (filters.languages, columns.language_names, columns.languages),
        ):
            if wanted:
                kept &= np.isin(codes, [names[name] for name in wanted if name in names])
        if filters.articles:
            named = np.zeros(len(self), np.bool_)
            positions = self._positions
            named[[positions[name] for name in filters.articles if name in positions]] = True
            kept &= named
        return kept

    def matching(self, filters: Filters) -> list[Entry]:
        """The entries that pass, newest publication first, undated last, then by id."""
        if not filters:
            return self.entries
        return list(compress(self.entries, self.select(filters)))

    def named(self, text: str, versions: Mapping[str, str], filters: Filters) -> list[Entry]:
        """The entries of these versions, of this id, and of outlets whose names have all words of a text.

        Newest publication first, as ever.
        """
        columns = self._columns
        words = fold(text).split()
        outlets = [
            code
            for name, code in columns.source_names.items()
            if words and all(word in fold(name) for word in words)
        ]
        wanted = np.isin(columns.sources, outlets)
        positions, entries = self._positions, self.entries
        named = [positions[name] for name in (*versions, text) if name in positions]
        wanted[
            [p for p in named if versions.get(entries[p].id, entries[p].version) == entries[p].version]
        ] = True
        return list(compress(entries, wanted & self.select(filters)))

    def statistics(self, filters: Filters, interval: Interval) -> Statistics:
        """Articles that pass the filters, counted by date, outlet and language."""
        columns = self._columns
        kept = self.select(filters)
        dates, numbers = np.unique(columns.published[kept] // _SMALLER[interval], return_counts=True)
        dated = [
            Count(_written(date), number)
            for date, number in zip(dates.tolist(), numbers.tolist(), strict=True)
            if date
        ]
        total = int(kept.sum())
        copies = columns.clusters[kept & (columns.clusters > 0)]
        return Statistics(
            articles=total,
            undated=total - sum(count.articles for count in dated),
            dates=tuple(dated),
            sources=_counted(columns.source_names, columns.sources[kept]),
            languages=_counted(columns.language_names, columns.languages[kept]),
            clusters=len(np.unique(copies)),
            copies=len(copies),
            revisions=int(columns.revisions[kept].sum()),
            filters=filters,
        )

    def coverage(self, filters: Filters) -> Coverage:
        """The receipt for a search with these filters."""
        if not filters:
            return self._coverage
        return self._covered(filters)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages of the archive, the most frequent first."""
        counts = Counter(entry.language for entry in self._entries.values() if entry.language)
        return tuple(sorted(counts, key=lambda language: (-counts[language], language)))

    @cached_property
    def _columns(self) -> "_Columns":
        return _Columns(self.entries)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {entry.id: position for position, entry in enumerate(self.entries)}

    @cached_property
    def _coverage(self) -> Coverage:
        return self._covered(Filters())

    def _covered(self, filters: Filters) -> Coverage:
        columns = self._columns
        kept = np.flatnonzero(self.select(filters))
        dated = kept[columns.published[kept] > 0]
        return Coverage(
            articles=len(kept),
            passages=int(columns.passages[kept].sum()),
            languages=_present(columns.language_names, columns.languages[kept]),
            sources=_present(columns.source_names, columns.sources[kept]),
            published_from=self.entries[dated[-1]].published_at if len(dated) else "",
            published_to=self.entries[dated[0]].published_at if len(dated) else "",
            filters=filters,
        )


class _Columns:
    """The entries by column: a filter over 50,000 articles is then a few array operations."""

    def __init__(self, entries: list[Entry]) -> None:
        self.published = np.array([entry.published or 0 for entry in entries], np.int64)
        self.passages = np.array([entry.passages for entry in entries], np.int64)
        self.source_names, self.sources = _coded([entry.source for entry in entries])
        self.language_names, self.languages = _coded([entry.language for entry in entries])
        # Of an article that stands alone or is the first of its text, 0.
        self.clusters = _coded(["", *(entry.cluster for entry in entries)])[1][1:]
        self.revisions = np.array([len(entry.revisions) for entry in entries], np.int64)


def _coded(values: list[str]) -> tuple[dict[str, int], npt.NDArray[np.int32]]:
    codes: dict[str, int] = {}
    return codes, np.array([codes.setdefault(value, len(codes)) for value in values], np.int32)


def _present(names: dict[str, int], codes: npt.NDArray[np.int32]) -> tuple[str, ...]:
    present = set(np.unique(codes).tolist())
    return tuple(sorted(name for name, code in names.items() if name and code in present))


def _counted(names: dict[str, int], codes: npt.NDArray[np.int32]) -> tuple[Count, ...]:
    numbers = np.bincount(codes, minlength=len(names)).tolist()
    counts = [Count(name, numbers[code]) for name, code in names.items() if numbers[code]]
    return tuple(sorted(counts, key=lambda count: (-count.articles, count.name)))


def _written(date: int) -> str:
    """20240322 as 2024-03-22, and 202403 as 2024-03."""
    digits = f"{date:04d}"
    return "-".join(filter(None, (digits[:4], digits[4:6], digits[6:8])))


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
