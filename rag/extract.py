"""Evidence to an extractive answer: the best sentences, verbatim, each its own citation."""

from collections import Counter
from collections.abc import Iterator

from index.types import Hit
from rag.copies import folded
from rag.types import Citation, CitationMade, Evidence, Source, Statement, StatementMade

MAX_SENTENCES = 5
# Sentences that score this much less than the best one are about something else, and each further
# sentence of one article loses a little, for two reports tell more than one (both estimated on the
# golden questions: `dateline eval`).
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
            citation = cite(copies[0], index, verified=True, also_in=copies[1:])
            yield CitationMade(citation)
            yield StatementMade(Statement(citation.cited_text, citation.language, (index,)))


def cite(
    hit: Hit, index: int, *, verified: bool, reason: str = "", also_in: list[Hit] | None = None
) -> Citation:
    """The citation of a hit's sentence."""
    article = hit.article
    return Citation(
        index=index,
        article_id=article.id,
        title=article.title,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
        language=article.language,
        cited_text=hit.sentence.text,
        start_char=hit.sentence.start_char,
        end_char=hit.sentence.end_char,
        verified=verified,
        reason=reason,
        also_in=tuple(
            Source(
                article_id=copy.article.id,
                title=copy.article.title,
                url=copy.article.url,
                source=copy.article.source,
                published_at=copy.article.published_at,
                start_char=copy.sentence.start_char,
                end_char=copy.sentence.end_char,
            )
            for copy in also_in or ()
        ),
    )


def nearest(evidence: Evidence, count: int = 3) -> tuple[Citation, ...]:
    """The best sentence of each of the best passages: what an abstention shows as near."""
    seen: dict[str, Hit] = {}
    for hit in evidence.hits:
        seen.setdefault(folded(hit.sentence.text), hit)
    return tuple(cite(hit, i, verified=True) for i, hit in enumerate(list(seen.values())[:count], start=1))


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
