"""Which rows count, and which of them are nearest to a question: exactly, with any filters."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from index.catalogue import Catalogue, Entry
from index.centre import language_shifts
from index.rows import GATHER_SHARE, Floats, Ints, Snapshot
from index.types import Filters, Passage, Sentence

Kept = npt.NDArray[np.bool_]

# Articles that a language's mean is taken over at most; those of the least version (a hash, so
# they are a random sample, and one that hardly changes as articles come and go).
SAMPLED = 1000
# Rows that a scan may cost at most; beyond that the store's approximate search proposes rows.
AFFORDED = 300_000


class Scan:
    """The catalogue and the rows of one moment, joined."""

    def __init__(self, catalogue: Catalogue, snapshot: Snapshot, embedder: str) -> None:
        self.catalogue = catalogue
        self.snapshot = snapshot
        self._embedder = embedder
        self.entries = catalogue.entries
        runs = [_complete(entry, snapshot) for entry in self.entries]
        self._firsts = np.array([run[0] for run in runs], np.int64)
        self._counts = np.array([run[1] for run in runs], np.int64)
        self.missing = [entry for entry, run in zip(self.entries, runs, strict=True) if not run[1]]
        # The last place is for rows of versions that do not count.
        self._entry_of_row = np.full(len(snapshot), len(self.entries), np.int32)
        rows = _ranges(self._firsts, self._counts)
        self._entry_of_row[rows] = np.repeat(np.arange(len(self.entries)), self._counts)
        names = list(dict.fromkeys(entry.language for entry in self.entries))
        codes = {name: code for code, name in enumerate(names)}
        self._languages = names
        self._language = np.array([codes[entry.language] for entry in self.entries] + [0], np.int32)

    def entry(self, row: int) -> Entry | None:
        """The article that a row belongs to; None when its version does not count."""
        position = int(self._entry_of_row[row])
        return self.entries[position] if position < len(self.entries) else None

    def row(self, version: str, number: int) -> int | None:
        """The row of a version's sentence."""
        run = self.snapshot.find(version)
        return run[0] + number if run and number < run[1] else None

    def passage(self, row: int, text: str) -> tuple[Passage, Sentence]:
        """The passage and the sentence of a row, from its article's text."""
        places = self.snapshot.places
        first = last = row
        while first and places["number"][first] and places["passage"][first - 1] == places["passage"][row]:
            first -= 1
        end = self._firsts[self._entry_of_row[row]] + self._counts[self._entry_of_row[row]]
        while last + 1 < end and places["passage"][last + 1] == places["passage"][row]:
            last += 1
        bounds = places[first : last + 1][["start", "end"]].tolist()
        sentences = tuple(Sentence(text[start:stop], start, stop) for start, stop in bounds)
        return Passage(sentences), sentences[row - first]

    def select(self, filters: Filters) -> Kept:
        """Which articles pass the filters, in the order of `entries`."""
        return self.catalogue.select(filters) if filters else self._all

    def count(self, kept: Kept) -> int:
        """How many rows these articles have."""
        return int(self._counts[kept].sum())

    def rows(self, kept: Kept) -> Ints:
        """The rows of these articles."""
        return self._all_rows if kept is self._all else _ranges(self._firsts[kept], self._counts[kept])

    def among(self, rows: Ints, kept: Kept) -> Ints:
        """Those of the rows that are these articles'."""
        passing = np.append(kept, False)[self._entry_of_row[rows]]
        return np.asarray(rows[passing], np.int64)

    def affordable(self, kept: int) -> bool:
        """Whether so many rows can be scanned in less time than it takes to embed a question."""
        return min(kept / GATHER_SHARE, len(self.snapshot)) <= AFFORDED

    def nearest(self, vector: Floats, k: int, rows: Ints) -> tuple[Ints, Floats]:
        """The k best of these rows and their scores, best first."""
        scores = self.scores(vector, rows)
        if k < len(rows):
            best = np.argpartition(-scores, k - 1)[:k]
            rows, scores = rows[best], scores[best]
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def scores(self, vector: Floats, rows: Ints) -> Floats:
        """Each row's product with the question's vector, less that of its language's shift."""
        scores = self.snapshot.scores(vector, rows)
        if len(self._languages) > 1:
            scores = scores - (self._shift_matrix @ vector)[self._language[self._entry_of_row[rows]]]
        return np.asarray(scores, np.float32)

    def vector(self, row: int) -> Floats:
        """A row's vector less its language's shift, shape (dimension,)."""
        shift = self._shift_matrix[self._language[self._entry_of_row[row]]]
        return np.asarray(self.snapshot.vectors[row] - shift, np.float32)

    def shift(self, language: str) -> Floats | None:
        """What the language's vectors are shifted by; None when the archive has none of it."""
        return self._shifts.get(language)

    @cached_property
    def _all(self) -> Kept:
        return np.ones(len(self.entries), np.bool_)

    @cached_property
    def _all_rows(self) -> Ints:
        return _ranges(self._firsts, self._counts)

    @cached_property
    def _shift_matrix(self) -> Floats:
        return np.stack([self._shifts[name] for name in self._languages])

    @cached_property
    def _shifts(self) -> dict[str, Floats]:
        return language_shifts(
            {name: self._mean(code) for code, name in enumerate(self._languages)}, self._embedder
        )

    def _mean(self, code: int) -> tuple[Floats, int]:
        """The mean over a language's articles of their mean vectors, and how many there are."""
        positions = np.flatnonzero((self._language[:-1] == code) & (self._counts > 0))
        sample = sorted(positions.tolist(), key=lambda position: self.entries[position].version)[:SAMPLED]
        means = [
            self.snapshot.vectors[first : first + count].mean(axis=0)
            for first, count in zip(self._firsts[sample], self._counts[sample], strict=True)
        ]
        if not means:
            return np.zeros(self.snapshot.vectors.shape[1], np.float32), 0
        return np.asarray(np.mean(means, axis=0), np.float32), len(positions)


def _complete(entry: Entry, snapshot: Snapshot) -> tuple[int, int]:
    run = snapshot.find(entry.version)
    return run if run and run[1] == entry.sentences else (0, 0)


def _ranges(firsts: Ints, counts: Ints) -> npt.NDArray[np.int64]:
    """The numbers of all rows of these runs, in the order of the runs."""
    total = int(counts.sum())
    if not total:
        return np.empty(0, np.int64)
    starts = np.repeat(firsts - np.append(0, np.cumsum(counts)[:-1]), counts)
    return np.asarray(starts + np.arange(total), np.int64)
