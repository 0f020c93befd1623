"""Evidence in the order of a cross-encoder, which reads question and text together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from index.embed import CrossEncoder
from rag.types import Evidence, RankedPassage

Item = TypeVar("Item")


def rerank(evidence: Evidence, model: CrossEncoder, candidates: int) -> Evidence:
    """The first `candidates` passages, and as many sentences, reordered; the others stay behind them.

    The i-th best takes the i-th highest of the scores that retrieval gave: what follows judges by
    differences between scores, and a cross-encoder's own are on another scale in each model.
    """
    passages = evidence.passages[:candidates]
    hits = evidence.hits[:candidates]
    if not hits:
        return evidence
    texts = [*map(_text, passages), *(hit.sentence.text for hit in hits)]
    scores = model.scores(evidence.question, texts)
    by_passage, by_sentence = scores[: len(passages)], scores[len(passages) :]
    reordered = zip(_sorted(passages, by_passage), [p.score for p in passages], strict=True)
    cited = zip(_sorted(hits, by_sentence), [hit.score for hit in hits], strict=True)
    return replace(
        evidence,
        passages=(*(replace(p, score=score) for p, score in reordered), *evidence.passages[candidates:]),
        hits=(*(replace(hit, score=score) for hit, score in cited), *evidence.hits[candidates:]),
    )


def _sorted(items: Sequence[Item], scores: Sequence[float]) -> list[Item]:
    order = sorted(range(len(items)), key=lambda number: -scores[number])
    return [items[number] for number in order]


def _text(ranked: RankedPassage) -> str:
    article, passage = ranked.article, ranked.passage
    return f"{article.title}\n{article.text[passage.start_char : passage.end_char]}".strip()
