"""What is beside the answer: the evidence it rests on, or the cited article opened at its sentence."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from index.archive import version_of
from index.errors import UserFixableError
from rag.chat import Assistant
from ui.cards import quote, source_head, source_list, title_line
from ui.fragments import attributes
from ui.page.controls import sent
from ui.page.exchange import Conversation, Exchange, find
from ui.page.failures import failure_html
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
from ui.phrases import phrases
from ui.render import article_to_html
from ui.words import Words

_SCRIPT = Path(__file__).parent.parent / "static" / "page.js"


@dataclass(frozen=True, slots=True)
class Panel:
    """The panel's components. `article` hides the evidence while it holds one, and runs the page's script.

    A click anywhere on the page arrives as an event of `article`: see `page.js`.
    """

    evidence: gr.HTML
    article: gr.HTML


def add_panel(words: Words) -> Panel:
    """The panel, still empty."""
    html(
        f'<button type="button" class="dl-back">{escape(words("article.back"))}</button>',
        elem_classes="dl-back-holder",
    )
    evidence = html(evidence_html(None, words), elem_classes="dl-evidence-holder")
    article = html(script=_script(words), elem_classes="dl-article-holder")
    return Panel(evidence, article)


def connect_panel(
    assistant: Assistant, words: Words, panel: Panel, conversation: gr.State, chosen: gr.State
) -> None:
    """Opens and closes articles; the evidence is that of the answer whose number was clicked."""

    def open_article(kept: Conversation, event: gr.EventData) -> tuple[Any, Any, Any]:
        names = ("article", "start", "end", "version", "language")
        opened = article_panel(assistant, words, **{name: getattr(event, name, None) for name in names})
        exchange = find(kept, sent(event, "exchange"))
        if exchange is None:
            return opened, gr.skip(), gr.skip()
        return opened, evidence_html(exchange, words), exchange.id

    panel.article.cite(
        open_article,
        conversation,
        [panel.article, panel.evidence, chosen],
        concurrency_limit=CONCURRENT_QUESTIONS,
        **QUIET,
    )
    panel.article.close(lambda: "", None, panel.article, **QUIET)


def evidence_html(exchange: Exchange | None, words: Words) -> str:
    """The sources of an answer as far as it has come; of an abstention, what comes nearest."""
    if exchange is None or not (exchange.citations or (exchange.answer and exchange.answer.nearest)):
        return f'<p class="dl-hint">{escape(words("article.hint"))}</p>'
    own = phrases(exchange.language)
    inside = source_list(exchange.statements, exchange.citations, own)
    if exchange.answer and exchange.answer.nearest:
        items = "".join(
            f"<li>{source_head(each, own)}{title_line(each, own)}{quote(each)}</li>"
            for each in exchange.answer.nearest
        )
        inside = f'<h3>{escape(own.nearest)}</h3><ul class="dl-sources">{items}</ul>'
    return (
        f'<section class="dl-evidence" data-language="{own.language}" data-exchange="{exchange.id}"'
        f'{attributes(own.language)} aria-label="{escape(words("article.evidence"))}">'
        f'<p class="dl-about-question" dir="auto">{escape(exchange.question)}</p>{inside}</section>'
    )


def article_panel(
    assistant: Assistant,
    words: Words,
    article: object,
    start: object,
    end: object,
    version: object,
    language: object,
) -> str:
    """The article that a citation points to, its sentence marked. The browser may send anything.

    The text shown is the one that was cited, with a note when a newer one has come in.
    """
    archive = assistant.archive
    try:
        found = present = archive.article(str(article))
        replaced_at = ""
        if isinstance(version, str) and version and version != version_of(present):
            revision = archive.revision(str(article), version)
            found, replaced_at = revision.article, revision.replaced_at
    except UserFixableError as error:
        return _tools("", words) + failure_html(error, words)
    highlight = (start, end) if isinstance(start, int) and isinstance(end, int) else None
    marked = found.text[highlight[0] : highlight[1]] if highlight else ""
    return article_to_html(
        found,
        highlight,
        language if isinstance(language, str) else words.language,
        replaced_at=replaced_at,
        stands=marked in present.text,
        tools=_tools(found.id, words),
    )


def _script(words: Words) -> str:
    said = {name: words(f"chat.{name}") for name in ("conversation", "question", "answer", "more_tabs")}
    said["copied"] = words("export.copied")
    return f"const words = {json.dumps(said)};\n{_SCRIPT.read_text('utf-8')}"


def _tools(article: str, words: Words) -> str:
    close = f'<button type="button" class="dl-tool dl-close">{escape(words("article.close"))}</button>'
    only = (
        f'<button type="button" class="dl-tool" data-only="{escape(article)}">'
        f"{escape(words('filters.only_article'))}</button>"
        if article
        else ""
    )
    return f'<p class="dl-tools" lang="{words.language}" dir="{words.direction}">{close}{only}</p>'
