"""Every sentence's vector and place in memory-mapped files, to be scanned exactly.

One row a sentence, in a file of vectors and one of places. The sentences of an article's version
stand together and in order. New versions are appended and nothing is changed in place, so a reader
is never disturbed; rows of versions that no longer count are skipped, and left out when the files are
next rewritten. A matrix product over 300,000 rows takes less time than embedding the question, finds
what is truly nearest, and makes filters a matter of which rows to look at.
"""

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.derived import Derived

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

PLACE = np.dtype(
    [("version", "S12"), ("number", "i4"), ("start", "i4"), ("end", "i4"), ("passage", "i4")], align=False
)
FORM = "1"
# Rows gathered at a time when few are kept: they then fit the processor's cache.
GATHERED = 4096
# Above this share a product over all rows is faster than gathering the ones that are kept.
GATHER_SHARE = 0.125


@dataclass(frozen=True, slots=True)
class Block:
    """The sentences of one version of an article.

    `vectors` has shape (sentences, dimension); `places` says for each sentence where it starts and
    ends in the text, and the number of its passage.
    """

    version: str
    vectors: Floats
    places: Sequence[tuple[int, int, int]]


class Snapshot:
    """The rows as they were at one moment: `vectors`, shape (rows, dimension), and `places`."""

    def __init__(self, vectors: Floats, places: npt.NDArray[np.void]) -> None:
        self.vectors = vectors
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def _runs(self) -> dict[bytes, tuple[int, int]]:
        firsts = np.flatnonzero(self.places["number"] == 0)
        counts = np.diff(np.append(firsts, len(self)))
        # A version that was written twice counts with its latest run.
        versions = self.places["version"][firsts].tolist()
        return dict(zip(versions, zip(firsts.tolist(), counts.tolist(), strict=True), strict=True))

    def find(self, version: str) -> tuple[int, int] | None:
        """First row and number of rows of a version."""
        return self._runs.get(_key(version))

    def scores(self, vector: Floats, rows: Ints | None) -> Floats:
        """Inner products with `vector`: of these rows, or of all."""
        if rows is None:
            return np.asarray(self.vectors @ vector)
        if len(rows) > GATHER_SHARE * len(self):
            return np.asarray((self.vectors @ vector)[rows])
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), GATHERED):
            part = rows[start : start + GATHERED]
            found[start : start + len(part)] = self.vectors[part] @ vector
        return found


class Rows(Derived):
    """A folder with the rows of one archive. Safe to share between threads."""

    def __init__(self, folder: Path, dimension: int) -> None:
        super().__init__(folder, f"{FORM}-{dimension}")
        self._dimension = dimension
        self._lock = threading.Lock()
        self._read_from = 0
        self._snapshot = self._read()

    @property
    def snapshot(self) -> Snapshot:
        """What there is now."""
        return self._snapshot

    def reload(self) -> None:
        """See what another process wrote."""
        with self._lock:
            generation = self._generation()
            rows = self._count(*self._files(generation))
            if (generation, rows) != (self._read_from, len(self._snapshot)):
                self._snapshot = self._read()

    def clear(self) -> None:
        """Start from nothing."""
        with self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._snapshot = self._read()

    def append(self, blocks: Sequence[Block]) -> None:
        """Add versions; a kill leaves at worst a last one that is shorter than it should be."""
        if not blocks:
            return
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            places, vectors = self._files(self._generation())
            rows = self._count(places, vectors)
            with vectors.open("ab") as file:
                # What a killed process wrote of one file but not of the other is overwritten.
                file.truncate(rows * 4 * self._dimension)
                for block in blocks:
                    file.write(np.ascontiguousarray(block.vectors, np.float32).tobytes())
            with places.open("ab") as file:
                file.truncate(rows * PLACE.itemsize)
                for block in blocks:
                    file.write(_encoded(block).tobytes())
            self._snapshot = self._read()

    def rewrite(self, keep: Sequence[str]) -> None:
        """Leave out the versions that are not to be kept."""
        with self._lock:
            old = self._generation()
            snapshot = self._snapshot
            places, vectors = self._files(old + 1)
            runs = [run for version in keep if (run := snapshot.find(version))]
            with vectors.open("wb") as file:
                for first, count in runs:
                    file.write(snapshot.vectors[first : first + count].tobytes())
            unfinished = places.with_suffix(".new")
            with unfinished.open("wb") as file:
                for first, count in runs:
                    file.write(snapshot.places[first : first + count].tobytes())
            # From here on the new files are the ones that are read.
            unfinished.replace(places)
            self._snapshot = self._read()
            for path in self._files(old):
                path.unlink(missing_ok=True)

    def _generation(self) -> int:
        names = (path.name.removeprefix("places-") for path in self.folder.glob("places-*"))
        return max((int(name) for name in names if name.isdigit()), default=0)

    def _files(self, generation: int) -> tuple[Path, Path]:
        return self.folder / f"places-{generation}", self.folder / f"vectors-{generation}"

    def _count(self, places: Path, vectors: Path) -> int:
        try:
            return min(
                places.stat().st_size // PLACE.itemsize, vectors.stat().st_size // (4 * self._dimension)
            )
        except FileNotFoundError:
            return 0

    def _read(self) -> Snapshot:
        self._read_from = self._generation()
        places, vectors = self._files(self._read_from)
        shape = (self._count(places, vectors), self._dimension)
        if not shape[0]:
            return Snapshot(np.empty(shape, np.float32), np.empty(0, PLACE))
        # A plain view of the mapped file: numpy's own class for it makes each row looked at dearer.
        mapped = np.asarray(np.memmap(vectors, np.float32, "r", shape=shape))
        return Snapshot(mapped, np.fromfile(places, PLACE, shape[0]))


def _key(version: str) -> bytes:
    return version[:12].encode()


def _encoded(block: Block) -> npt.NDArray[np.void]:
    rows = np.empty(len(block.vectors), PLACE)
    rows["version"] = _key(block.version)
    rows["number"] = np.arange(len(rows))
    for number, name in enumerate(("start", "end", "passage")):
        rows[name] = [place[number] for place in block.places]
    return rows
