"""Rankings and what they are worth, by `ir-measures`, and the files that TREC's tools read."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import ir_measures
from ir_measures import AP, RR, R, Success, nDCG

from evals.errors import DatasetError
from evals.types import Span

MEASURES = {
    "hit@1": Success @ 1,
    "hit@5": Success @ 5,
    "recall@10": R @ 10,
    "MRR": RR,
    "nDCG@10": nDCG @ 10,
    "mAP": AP,
}
TAG = "dateline"
Rankings = Mapping[str, Sequence[str]]
Relevant = Mapping[str, Iterable[str]]


def ranking_scores(rankings: Rankings, relevant: Relevant) -> dict[str, dict[str, float]]:
    """Each measure's value for each question; a question without a ranking has 0 in all."""
    qrels = {question: dict.fromkeys(gold, 1) for question, gold in relevant.items()}
    run = {
        question: {item: 1.0 / rank for rank, item in enumerate(rankings.get(question, ()), start=1)}
        for question in qrels
    }
    scores: dict[str, dict[str, float]] = {question: {} for question in qrels}
    names = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        scores[metric.query_id][names[metric.measure]] = metric.value
    return scores


def sentence_ranking(sentences: Iterable[Span], gold: Sequence[Sequence[Span]]) -> list[str]:
    """A ranking of sentences as one of gold items: each counts where it is first found.

    A sentence that says again what was found before takes no rank; others have names of their own.
    """
    ranking: list[str] = []
    for number, sentence in enumerate(sentences):
        found = [str(n) for n in sorted(matched([sentence], gold))]
        if not found:
            ranking.append(f"other {number}")
        ranking += [item for item in found if item not in ranking]
    return ranking


def matched(spans: Sequence[Span], gold: Sequence[Sequence[Span]]) -> frozenset[int]:
    """Numbers of the gold items that any of the spans covers.

    Each gold item is all the places where it stands. A span covers a place when they share at least
    half the characters of the shorter one: sentence splitters differ about a quotation mark or a
    full stop, and sharing one of those is no match.
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


def write_run(path: Path, rankings: Rankings) -> None:
    """A TREC run: question, Q0, article, rank, score, tag; names are percent-encoded."""
    with path.open("w", encoding="utf-8") as file:
        for question, articles in rankings.items():
            for rank, article in enumerate(articles, start=1):
                row = (_word(question), "Q0", _word(article), str(rank), f"{1 / rank:.6f}", TAG)
                file.write(" ".join(row) + "\n")


def write_qrels(path: Path, relevant: Relevant) -> None:
    """TREC relevance judgements: question, 0, article, 1; names are percent-encoded."""
    with path.open("w", encoding="utf-8") as file:
        for question, articles in relevant.items():
            for article in articles:
                file.write(f"{_word(question)} 0 {_word(article)} 1\n")


def read_run(path: Path) -> dict[str, list[str]]:
    """Articles by question, best first. Raises DatasetError."""
    scored: dict[str, list[tuple[float, str]]] = {}
    for row in _rows(path, ir_measures.read_trec_run, "question Q0 article rank score tag"):
        scored.setdefault(unquote(row.query_id), []).append((-row.score, unquote(row.doc_id)))
    return {question: [article for _, article in sorted(found)] for question, found in scored.items()}


def read_qrels(path: Path) -> dict[str, list[str]]:
    """Relevant articles by question. Raises DatasetError."""
    relevant: dict[str, list[str]] = {}
    for row in _rows(path, ir_measures.read_trec_qrels, "question 0 article relevance"):
        articles = relevant.setdefault(unquote(row.query_id), [])
        if row.relevance > 0:
            articles.append(unquote(row.doc_id))
    return relevant


def _rows(path: Path, reader, columns: str):  # type: ignore[no-untyped-def]
    try:
        with path.open(encoding="utf-8") as file:
            yield from reader(file)
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read: {error.strerror}. Name another file.") from error
    except ValueError as error:
        raise DatasetError(
            f"{str(path)!r} is not in TREC's format: each line is {columns!r}. ({error})"
        ) from error


def _word(name: str) -> str:
    """A name as one word: TREC's columns are parted by spaces."""
    return quote(name, safe="/:.,-_~@+=")
