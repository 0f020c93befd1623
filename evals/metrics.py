"""Figures of one case and of many. Pure: no archive, no model, no clock.

A ranking is given as what each of its items matches: the numbers of the gold items (articles or
quotations) it stands for, best item first. So one set of formulas serves articles and sentences.
"""

from collections.abc import Sequence

import numpy as np

from evals.types import Ratio, Span

Matches = frozenset[int]

RESAMPLES = 1000
SEED = 20240322


def hit_at(k: int, ranking: Sequence[Matches]) -> float:
    """hit@k = 1 if any of the first k items is gold, else 0."""
    return float(any(ranking[:k]))


def recall_at(k: int, ranking: Sequence[Matches], gold: int) -> float:
    """recall@k = |gold items matched by the first k items| / |gold items|."""
    return len(frozenset().union(*ranking[:k])) / gold


def reciprocal_rank(ranking: Sequence[Matches]) -> float:
    """1 / rank of the first gold item, 0 without one. Its mean is the MRR."""
    return next((1.0 / rank for rank, matched in enumerate(ranking, start=1) if matched), 0.0)


def citation_precision(cited: Sequence[Matches]) -> Ratio:
    """|cited sentences that are gold| / |cited sentences|; no say when nothing is cited."""
    if not cited:
        return Ratio(0.0, 0.0)
    return Ratio(sum(map(bool, cited)) / len(cited))


def citation_recall(cited: Sequence[Matches], gold: int) -> Ratio:
    """|gold quotations that are cited| / |gold quotations|; an abstention cites none of them."""
    return Ratio(recall_at(len(cited), cited, gold))


def abstention_precision(abstained: bool, answerable: bool) -> Ratio:
    """|abstained and unanswerable| / |abstained|."""
    return Ratio(float(abstained and not answerable), float(abstained))


def abstention_recall(abstained: bool, answerable: bool) -> Ratio:
    """|abstained and unanswerable| / |unanswerable|."""
    return Ratio(float(abstained and not answerable), float(not answerable))


def abstention_accuracy(abstained: bool, answerable: bool) -> Ratio:
    """|abstained if and only if unanswerable| / |cases|."""
    return Ratio(float(abstained != answerable))


def matched(spans: Sequence[Span], gold: Sequence[Sequence[Span]]) -> Matches:
    """Numbers of the gold quotations that any of the spans covers.

    Each gold item is all the places where its quotation stands. A span covers a place when they
    share at least half the characters of the shorter one: sentence splitters differ about a
    quotation mark or a full stop, and sharing one of those is no match.
    """
    return frozenset(
        number
        for number, places in enumerate(gold)
        if any(_covers(span, place) for span in spans for place in places)
    )


def _covers(span: Span, place: Span) -> bool:
    if span.article != place.article:
        return False
    shared = min(span.end_char, place.end_char) - max(span.start_char, place.start_char)
    shorter = min(span.end_char - span.start_char, place.end_char - place.start_char)
    return shared > 0 and 2 * shared >= shorter


def total(ratios: Sequence[Ratio]) -> float | None:
    """sum of numerators / sum of denominators; None when no case has a say."""
    denominator = sum(ratio.denominator for ratio in ratios)
    return sum(ratio.numerator for ratio in ratios) / denominator if denominator else None


def interval(ratios: Sequence[Ratio]) -> tuple[float, float] | None:
    """95 % percentile bootstrap interval of `total`, cases drawn with replacement."""
    if not any(ratio.denominator for ratio in ratios):
        return None
    numerators = np.array([ratio.numerator for ratio in ratios])
    denominators = np.array([ratio.denominator for ratio in ratios])
    count = len(ratios)
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    below = draws @ denominators
    drawn = (draws @ numerators)[below > 0] / below[below > 0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` percent of the values do not exceed (linear interpolation)."""
    return float(np.percentile(values, share))
