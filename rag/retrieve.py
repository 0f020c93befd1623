"""A question in, ranked evidence out."""

from collections.abc import Sequence

from index.language import detect_language

from index.archive import Archive
from index.types import Filters, Hit
from rag.abstain import answerability
from rag.types import Evidence, RankedPassage

# Sentences fetched for each passage wanted: neighbours in one passage all score high.
SENTENCES_PER_PASSAGE = 6


def retrieve(archive: Archive, question: str, *, top_k: int, filters: Filters) -> Evidence:
    """The `top_k` best passages and their best sentences, by one nearest-neighbour search.

    A passage scores as its best sentence does: the passage's similarity plus the sentence's.
    """
    language = detect_language(question, archive.languages)
    vector = archive.embed_question(question, language)
    wanted = top_k * SENTENCES_PER_PASSAGE
    while True:
        hits = archive.search(vector, k=wanted, filters=filters)
        passages = _passages(hits)
        # A long passage can fill all places: look further until there are enough, or no more.
        if len(passages) >= top_k or len(hits) < wanted:
            break
        wanted *= 2
    return Evidence(
        question=question,
        language=language,
        hits=tuple(hits),
        passages=tuple(passages[:top_k]),
        coverage=archive.coverage(filters),
        answerability=answerability([hit.score for hit in hits]),
    )


def _passages(hits: Sequence[Hit]) -> list[RankedPassage]:
    grouped: dict[tuple[str, int], list[Hit]] = {}
    for hit in hits:
        grouped.setdefault((hit.article.id, hit.passage.start_char), []).append(hit)
    # Hits come best first, so the groups are in order of their best sentence.
    return [
        RankedPassage(
            article=group[0].article,
            passage=group[0].passage,
            sentences=tuple(hit.sentence for hit in group),
            scores=tuple(hit.score for hit in group),
        )
        for group in grouped.values()
    ]
