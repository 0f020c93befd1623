"""Sources: what was searched, what of it is cited, and what was found but not used, with scores."""

from html import escape

from index.archive import version_of
from rag.chat import Assistant
from rag.types import Answer, RankedPassage, Source
from ui.cards import source_head, source_list
from ui.fragments import attributes, language_tag, target
from ui.page.exchange import Exchange
from ui.phrases import Phrases, phrases
from ui.render import coverage_list
from ui.words import Words


async def sources_html(assistant: Assistant, exchange: Exchange, words: Words) -> str:
    """The sources of this answer. Raises what `Assistant.search` raises."""
    answer = exchange.answer
    assert answer is not None
    evidence = await assistant.search(
        exchange.searched, filters=exchange.filters, infer_time=exchange.infer_time
    )
    own = phrases(words.language)
    unused = [found for found in evidence.passages if not _is_used(found, answer)]
    best = max((found.score for found in evidence.passages), default=1.0)
    items = "".join(_passage(found, best, words, own) for found in unused)
    listed = f'<ol class="dl-sources dl-unused">{items}</ol>' if items else ""
    note = words("sources.score_note") if items else words("sources.none_unused")
    return (
        f"<h3>{escape(words('sources.receipt'))}</h3>{coverage_list(answer.coverage, own)}"
        f"{source_list(answer.statements, answer.citations, own)}"
        f"<h3>{escape(words('sources.unused'))}</h3>"
        f'<p class="dl-note">{escape(note)}</p>{listed}'
    )


def _is_used(found: RankedPassage, answer: Answer) -> bool:
    """Whether the answer cites a sentence of this passage, here or where it was copied from."""
    carriers = {found.article.id, *(copy.id for copy in found.copies)}
    texts = {sentence.text for sentence in found.passage.sentences}
    return any(cited.article_id in carriers and cited.cited_text in texts for cited in answer.citations)


def _passage(found: RankedPassage, best: float, words: Words, own: Phrases) -> str:
    article, passage = found.article, found.passage
    place = Source(
        article.id,
        article.title,
        article.url,
        article.source,
        article.published_at,
        passage.start_char,
        passage.end_char,
        version_of(article),
    )
    text = article.text[passage.start_char : passage.end_char]
    share = max(0.0, min(1.0, found.score / best)) if best > 0 else 0.0
    return (
        f'<li><p class="dl-facts"><span class="dl-score" style="--share: {share:.3f}">'
        f'{escape(words("sources.score"))}: <bdi dir="ltr">{found.score:.3f}</bdi></span> '
        f"{source_head(place, own)} {language_tag(article.language)}</p>"
        f'<div class="dl-title"><button type="button" class="dl-open" {target(place)}'
        f"{attributes(article.language)}>{escape(article.title or article.id)}</button></div>"
        f'<p class="dl-passage"{attributes(article.language)}>{escape(text)}</p></li>'
    )
