"""Evidence to an extractive answer: the best sentences, verbatim, each its own citation."""

from collections import Counter
from collections.abc import Iterator

from index.types import Hit
from rag.cite import cite
from rag.copies import by_text, folded
from rag.types import Citation, CitationMade, Evidence, Statement, StatementMade

MAX_SENTENCES = 5
# Sentences that score this much less than the best one are about something else, and each further
# sentence of one article loses a little, for two reports tell more than one (both estimated on the
# golden questions: `dateline eval run sample`).
MARGIN = 0.3
SAME_ARTICLE = 0.05


def extract(evidence: Evidence) -> Iterator[CitationMade | StatementMade]:
    """The best sentences, grouped by article, best first; the question's language before others.

    What is chosen scores nearly alike, and a reader begins with what can be read. A sentence that
    several articles carry word for word is shown once; the others are its `also_in`.
    """
    chosen = sorted(_chosen(evidence), key=lambda copies: copies[0].article.language != evidence.language)
    by_article: dict[str, list[list[Hit]]] = {}
    for copies in chosen:
        by_article.setdefault(copies[0].article.id, []).append(copies)
    index = 0
    for group in by_article.values():
        for copies in group:
            index += 1
            citation = cite(copies[0].article, copies[0].sentence, index, copies=copies[1:])
            yield CitationMade(citation)
            yield StatementMade(Statement(citation.cited_text, citation.language, (index,)))


def nearest(evidence: Evidence, count: int = 3) -> tuple[Citation, ...]:
    """The best sentence of each of the best passages: what an abstention shows as near."""
    best = [copies[0] for copies in by_text(evidence.hits)][:count]
    return tuple(cite(hit.article, hit.sentence, index) for index, hit in enumerate(best, start=1))


def _chosen(evidence: Evidence) -> list[list[Hit]]:
    """Sentences near the best one in score, best first, each with its copies in other articles."""
    if not evidence.hits:
        return []
    least = evidence.hits[0].score - MARGIN
    before: Counter[str] = Counter()
    scored = []
    for hit in evidence.hits:
        scored.append((hit.score - SAME_ARTICLE * before[hit.article.id], hit))
        before[hit.article.id] += 1
    scored.sort(key=lambda pair: -pair[0])
    by_text: dict[str, list[Hit]] = {}
    for score, hit in scored:
        key = folded(hit.sentence.text)
        if key in by_text:
            if all(hit.article.id != copy.article.id for copy in by_text[key]):
                by_text[key].append(hit)
        elif score >= least and len(by_text) < MAX_SENTENCES:
            by_text[key] = [hit]
    return list(by_text.values())
