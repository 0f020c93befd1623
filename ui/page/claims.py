"""Claims: who said what to whom, as a table that sorts.

A table of our own: Gradio's shows one direction a table, and no button that opens a citation.
"""

from html import escape

from rag.chat import Assistant
from rag.claims import Claim
from rag.types import Citation
from ui.cards import card_id, cards
from ui.fragments import chip, time_tag
from ui.page.exchange import Exchange
from ui.page.timeline import day_of
from ui.phrases import Phrases, phrases
from ui.words import Words

_COLUMNS = ("who", "act", "whom", "what", "when", "stance", "source")


async def claims_html(assistant: Assistant, exchange: Exchange, words: Words) -> str:
    """The claims about the question of this answer. Raises what `Assistant.claims` raises."""
    _, claims = await assistant.claims(
        exchange.searched, filters=exchange.filters, infer_time=exchange.infer_time
    )
    if not claims:
        return f'<p class="dl-hint">{escape(words("claims.none"))}</p>'
    note = "" if assistant.settings.has_llm else f'<p class="dl-note">{escape(words("claims.by_rule"))}</p>'
    return note + _table(claims, words, f"claims-{exchange.id}")


def _table(claims: tuple[Claim, ...], words: Words, key: str) -> str:
    own = phrases(words.language)
    heads = "".join(
        f'<th role="columnheader" scope="col" aria-sort="none"><button type="button" class="dl-sort" '
        f'title="{escape(words("claims.sort", column=words(f"claims.{name}")))}">'
        f"{escape(words(f'claims.{name}'))}</button></th>"
        for name in _COLUMNS
    )
    rows = ""
    for claim in claims:
        cited = claim.citation
        number = chip(cited, own, card_id(key, cited.index))
        told = day_of(claim.when) if claim.when else ""
        when = f'<time dir="ltr" datetime="{told}">{told}</time>' if told else ""
        if claim.when and claim.when.of_report:
            when = escape(words("claims.said_on")).format(day=when)
        cells = {
            "who": (claim.speaker, _text(claim.speaker)),
            "act": (words(f"claims.acts.{claim.act}"), escape(words(f"claims.acts.{claim.act}"))),
            "whom": (claim.addressee, _text(claim.addressee)),
            "what": (claim.content, _text(claim.content)),
            "when": (told, when),
            "stance": (claim.stance, _stance(claim, words)),
            "source": (cited.source, f"{number} {_source(cited, own)}"),
        }
        rows += (
            '<tr role="row">'
            + "".join(
                f'<td role="cell" class="dl-of-{name}" data-label="{escape(words(f"claims.{name}"))}" '
                f'data-value="{escape(value)}"><div>{shown}</div></td>'
                for name, (value, shown) in cells.items()
            )
            + "</tr>"
        )
    # One card a number: several rows may rest on one sentence.
    cited_once = {claim.citation.index: claim.citation for claim in claims}
    return (
        f'<table class="dl-table" role="table"><caption>{escape(words("claims.caption"))}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>{cards(cited_once.values(), own, key)}'
    )


def _source(cited: Citation, own: Phrases) -> str:
    """Short: the rest is on the card."""
    when = time_tag(cited.published_at, own)
    return f'<span class="dl-facts"><bdi>{escape(cited.source)}</bdi> {when}</span>'


def _text(value: str) -> str:
    return f'<span dir="auto">{escape(value)}</span>' if value else '<span aria-hidden="true">–</span>'


def _stance(claim: Claim, words: Words) -> str:
    return f'<span class="dl-{claim.stance}">{escape(words(f"claims.{claim.stance}"))}</span>'
