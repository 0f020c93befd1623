"""Evidence to a timeline: its dated sentences in the order of what they tell of."""

from dataclasses import dataclass, replace

from rag.cite import cite
from rag.copies import by_text
from rag.types import Citation, Evidence, When
from rag.when import when

MAX_ENTRIES = 40
# A timeline wants the whole story: sentences may score this much less than the best one.
MARGIN = 0.6


@dataclass(frozen=True, slots=True)
class Entry:
    """A sentence and the time it tells of."""

    when: When
    citation: Citation


def timeline(evidence: Evidence) -> tuple[Entry, ...]:
    """Sentences of the evidence that name a time, earliest first; what names none is left out.

    A sentence that several articles carry word for word is one entry.
    """
    if not evidence.hits:
        return ()
    least = evidence.hits[0].score - MARGIN
    dated = []
    for first, *copies in by_text(hit for hit in evidence.hits if hit.score >= least):
        found = when(first.sentence.text, first.article.published_at)
        if found:
            others = [copy for copy in copies if copy.article.id != first.article.id]
            dated.append(Entry(found, cite(first.article, first.sentence, copies=others)))
    chosen = sorted(dated[:MAX_ENTRIES], key=lambda entry: (entry.when.start, entry.when.end))
    return tuple(
        replace(entry, citation=replace(entry.citation, index=index))
        for index, entry in enumerate(chosen, start=1)
    )
