"""Texts that several papers print: wire copies, word for word or lightly edited."""

import re
import unicodedata
from collections.abc import Iterable

from index.types import Hit

SHINGLE = 8
# Shingles of the shorter text that the other must have. An edited copy keeps most of its runs of
# eight letters; two reports of one event that were written apart share a tenth of theirs.
SHARED = 0.6
LEAST_SHINGLES = 40


def folded(text: str) -> str:
    """The words alone: copies may differ in case, quotation marks, spacing and vowel signs."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(c for c in decomposed if not unicodedata.combining(c))))


def by_text(hits: Iterable[Hit]) -> list[list[Hit]]:
    """Hits grouped by the words of their sentences, in the order of the first of each."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(folded(hit.sentence.text), []).append(hit)
    return list(groups.values())


def shingles(text: str) -> frozenset[str]:
    """All runs of eight letters or digits of a text."""
    letters = folded(text).replace(" ", "")
    return frozenset(letters[i : i + SHINGLE] for i in range(len(letters) - SHINGLE + 1))


def is_copy(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two texts, given as their shingles, are one text printed twice.

    By containment in the shorter one, since a copy may be cut: Broder, "On the Resemblance and
    Containment of Documents" (1997).
    """
    shorter = min(len(one), len(other))
    return shorter >= LEAST_SHINGLES and len(one & other) >= SHARED * shorter
