"""What an answer rests on as HTML: a card for each number, the list of sources, disagreement in columns."""

from collections.abc import Iterable, Sequence
from html import escape

from rag.types import Answer, Citation, Source, Statement
from ui.fragments import attributes, bdi, chip, joined, language_tag, link, target, time_tag
from ui.phrases import Phrases


def card_id(key: str, index: int) -> str:
    """The id of a citation's card; `key` tells one answer on a page from another."""
    return f"dl-card-{key}-{index}"


def cards(citations: Iterable[Citation], words: Phrases, key: str) -> str:
    """What pointing at a number shows. They are read out with the numbers, and are no part of the text."""
    shown = "".join(_card(citation, words, card_id(key, citation.index)) for citation in citations)
    return f'<div class="dl-cards">{shown}</div>' if shown else ""


def source_list(statements: Sequence[Statement], citations: Sequence[Citation], words: Phrases) -> str:
    """The cited articles, each with its sentences; one that a statement quotes stands there."""
    said = {statement.text for statement in statements}
    by_article: dict[str, list[Citation]] = {}
    for citation in citations:
        by_article.setdefault(citation.article_id, []).append(citation)
    items = []
    for group in by_article.values():
        chips = "".join(chip(citation, words) for citation in group)
        quotes = "".join(_quoted(each, words, said) for each in group)
        verdicts = "".join(_verdict(each, words) for each in group if not each.verified)
        items.append(
            f'<li><span class="dl-numbers">{chips}</span> {source_head(group[0], words)}'
            f"{title_line(group[0], words)}{quotes}{verdicts}{_also(group, words)}</li>"
        )
    if not items:
        return ""
    return (
        f'<section class="dl-source-list"><h3>{escape(words.sources)}</h3>'
        f'<ul class="dl-sources">{"".join(items)}</ul></section>'
    )


def disagreement_columns(answer: Answer, words: Phrases, key: str = "") -> str:
    """Each disagreement with a column a side: what it says, and the sentences that say it."""
    if not answer.disagreements:
        return ""
    by_index = {citation.index: citation for citation in answer.citations}
    shown = ""
    for each in answer.disagreements:
        columns = ""
        for side in each.sides:
            cited = [by_index[index] for index in side.citations if index in by_index]
            says = bdi(words.counted.get(side.says, side.says))
            items = "".join(f"<li>{_said_by(one, words, key)}</li>" for one in cited)
            columns += f'<div class="dl-side"><p class="dl-says">{says}</p><ul>{items}</ul></div>'
        about = escape(words.counted.get(each.about, each.about))
        shown += f'<p class="dl-about">{about}</p><div class="dl-sides">{columns}</div>'
    return f'<section class="dl-disagree"><h3>{escape(words.disagree)}</h3>{shown}</section>'


def source_head(cited: Citation | Source, words: Phrases) -> str:
    """Source, day and language."""
    facts = [
        f"<bdi>{escape(cited.source)}</bdi>" if cited.source else "",
        time_tag(cited.published_at, words),
        language_tag(cited.language) if isinstance(cited, Citation) else "",
    ]
    return f'<span class="dl-facts">{joined(facts)}</span>'


def title_line(cited: Citation, words: Phrases) -> str:
    """The title, which opens the article here, and a link to where it was published."""
    original = link(cited.url, f"{escape(words.original)} ↗", "dl-original")
    return (
        f'<div class="dl-title"><button type="button" class="dl-open" {target(cited)}'
        f"{attributes(cited.language)}>{escape(cited.title or cited.article_id)}</button> {original}</div>"
    )


def quote(cited: Citation) -> str:
    """The cited sentence, which opens its article."""
    return (
        f'<blockquote class="dl-quote"{attributes(cited.language)}>'
        f'<button type="button" class="dl-open" {target(cited)}>{escape(cited.cited_text)}</button>'
        "</blockquote>"
    )


def _card(cited: Citation, words: Phrases, name: str) -> str:
    way = attributes(cited.language)
    title = f"<p{way}><strong>{escape(cited.title)}</strong></p>" if cited.title else ""
    copies = words.comma.join(
        f"<bdi>{escape(copy.source or copy.title or copy.article_id)}</bdi>" for copy in _copies([cited])
    )
    also = f'<p class="dl-also">{escape(words.also)} {copies}</p>' if copies else ""
    return (
        f'<div class="dl-card" id="{escape(name)}" role="tooltip" popover="manual"'
        f"{attributes(words.language)}>"
        f'<p><bdi dir="ltr">[{cited.index}]</bdi> {source_head(cited, words)}</p>{title}'
        f'<p class="dl-sentence"{way}>{escape(cited.cited_text)}</p>'
        f"{_translation(cited, words)}{_verdict(cited, words)}{also}</div>"
    )


def _quoted(cited: Citation, words: Phrases, said: set[str]) -> str:
    """The sentence, beside its translation when there is one."""
    if cited.translation:
        return f'<div class="dl-pair">{quote(cited)}{_translation(cited, words)}</div>'
    return "" if cited.cited_text in said else quote(cited)


def _said_by(cited: Citation, words: Phrases, key: str) -> str:
    number = chip(cited, words, card_id(key, cited.index) if key else "")
    return f"{number} {source_head(cited, words)}{quote(cited)}"


def _translation(cited: Citation, words: Phrases) -> str:
    if not cited.translation:
        return ""
    return (
        f'<p class="dl-translation"{attributes(words.language)}><span>{escape(words.translation)}:</span> '
        f"{escape(cited.translation)}</p>"
    )


def _verdict(cited: Citation, words: Phrases) -> str:
    """Whether the citation is verified, and why not."""
    if cited.verified:
        return f'<p class="dl-verified"><span aria-hidden="true">✓ </span>{escape(words.verified)}</p>'
    reason = f': <bdi lang="en">{escape(cited.reason)}</bdi>' if cited.reason else ""
    return (
        f'<p class="dl-unverified"><span aria-hidden="true">⚠ </span><bdi dir="ltr">[{cited.index}]</bdi> '
        f"{escape(words.unverified)}{reason}</p>"
    )


def _copies(group: Iterable[Citation]) -> list[Source]:
    copies: dict[str, Source] = {}
    for citation in group:
        for copy in citation.also_in:
            copies.setdefault(copy.article_id, copy)
    return list(copies.values())


def _also(group: Iterable[Citation], words: Phrases) -> str:
    shown = words.comma.join(
        f'<button type="button" class="dl-open" {target(copy)} title="{escape(copy.title)}">'
        f"<bdi>{escape(copy.source or copy.title or copy.article_id)}</bdi></button> "
        f"({time_tag(copy.published_at, words)})"
        for copy in _copies(group)
    )
    return f'<p class="dl-also">{escape(words.also)} {shown}</p>' if shown else ""
