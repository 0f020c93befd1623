"""Where the cited sentences do not agree: other figures for one thing, or a denial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from index.dates import find_dates
from index.fold import fold
from index.types import Hit
from rag.numbers import Number, classes, find_numbers
from rag.stance import NEGATIVE_ACTS, is_persian, kinds_of_acts
from rag.types import Citation, Disagreement, Side

# Cosine of two hits' vectors from which they are about one event (estimated on the sample archive).
ONE_EVENT = 0.45


def disagreements(citations: Sequence[Citation], hits: Sequence[Hit]) -> tuple[Disagreement, ...]:
    """Figures that differ, then denials, among citations that are about one event.

    A sentence that was not among the hits is not compared: nothing says what event it is about.
    """
    vectors = {(hit.article.id, hit.sentence.start_char): hit.vector for hit in hits}
    known = {
        citation.index: vectors[citation.article_id, citation.start_char]
        for citation in citations
        if (citation.article_id, citation.start_char) in vectors
    }
    cited = [citation for citation in citations if citation.index in known]
    return (*_figures(cited, known), *_denials(cited, known))


def _figures(citations: Sequence[Citation], vectors: Mapping[int, np.ndarray]) -> list[Disagreement]:
    counted: dict[str, list[tuple[Citation, Number]]] = {}
    for citation in citations:
        for number in _numbers(citation.cited_text):
            for what in number.counts:
                counted.setdefault(what, []).append((citation, number))
    found = []
    for what, said in counted.items():
        differing = {
            citation.index
            for (one, a), (other, b) in combinations(said, 2)
            if one.article_id != other.article_id and _one_event(one, other, vectors) and not _agree(a, b)
            for citation in (one, other)
        }
        sides: dict[str, list[int]] = {}
        for citation, number in said:
            if citation.index in differing:
                sides.setdefault(_shown(number), []).append(citation.index)
        if len(sides) > 1:
            found.append(
                Disagreement(
                    what, tuple(Side(says, tuple(dict.fromkeys(who))) for says, who in sides.items())
                )
            )
    return found


def _denials(citations: Sequence[Citation], vectors: Mapping[int, np.ndarray]) -> list[Disagreement]:
    denying = [c for c in citations if kinds_of_acts(c.cited_text) & NEGATIVE_ACTS]
    denied, denial = set(), set()
    for one in denying:
        for other in citations:
            if other not in denying and other.article_id and _one_event(one, other, vectors):
                denial.add(one.index)
                denied.add(other.index)
    if not denied:
        return []
    return [
        Disagreement(
            "denial", (Side("asserts", tuple(sorted(denied))), Side("denies", tuple(sorted(denial))))
        )
    ]


def _numbers(text: str) -> list[Number]:
    """The figures of a sentence and what they count."""
    folded = fold(text)
    numbers = find_numbers(folded, find_dates(folded).spans, persian=is_persian(text))
    # A share or a rank counts nothing; "one" is seldom a figure.
    figures = [n for n in numbers if not n.percent and not n.ordinal and max(n.values) > 1]
    if len(figures) == 1 and not figures[0].counts and len(counted := classes(folded)) == 1:
        # "The number of those killed in the attack has reached 143": far apart, but alone.
        return [replace(figures[0], counts=frozenset(counted))]
    return [n for n in figures if n.counts]


def _agree(a: Number, b: Number) -> bool:
    if a.values & b.values:
        return True
    low, high = sorted((a, b), key=lambda number: max(number.values))
    # "More than 130" agrees with 133, "up to 150" with 143.
    return (low.bound == "more" and max(high.values) <= max(low.values) * 1.1) or (
        high.bound == "less" and max(low.values) >= max(high.values) * 0.9
    )


def _shown(number: Number) -> str:
    value = max(number.values)
    figure = f"{value:,.0f}" if value == int(value) else f"{value:,}"
    return {"more": "≥ ", "less": "≤ ", "about": "≈ "}.get(number.bound, "") + figure


def _one_event(one: Citation, other: Citation, vectors: Mapping[int, np.ndarray]) -> bool:
    a, b = vectors[one.index], vectors[other.index]
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))) >= ONE_EVENT
