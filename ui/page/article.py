"""The panel beside the answer: the cited article, opened at its sentence."""

from html import escape
from pathlib import Path

import gradio as gr

from index.archive import version_of
from index.errors import UserFixableError
from rag.chat import Assistant
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
from ui.render import article_to_html, error_to_html
from ui.words import Words

_SCRIPT = Path(__file__).parent.parent / "static" / "page.js"


def add_panel(assistant: Assistant, words: Words) -> gr.HTML:
    """The panel. A click on anything with a `data-article` opens it there."""
    html(
        f'<button type="button" class="dl-back">{escape(words("article.back"))}</button>',
        elem_classes="dl-back-holder",
    )
    panel = html(empty_panel(words), script=_SCRIPT.read_text("utf-8"), elem_classes="dl-article-holder")

    def open_article(event: gr.EventData) -> str:
        names = ("article", "start", "end", "version", "language")
        return article_panel(assistant, words, **{name: getattr(event, name, None) for name in names})

    panel.cite(open_article, None, panel, concurrency_limit=CONCURRENT_QUESTIONS, **QUIET)
    return panel


def empty_panel(words: Words) -> str:
    """What stands there before anything was opened."""
    return f'<p class="dl-hint">{escape(words("article.hint"))}</p>'


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
        return error_to_html(str(error), words("chat.failed"))
    highlight = (start, end) if isinstance(start, int) and isinstance(end, int) else None
    marked = found.text[highlight[0] : highlight[1]] if highlight else ""
    return article_to_html(
        found,
        highlight,
        language if isinstance(language, str) else words.language,
        replaced_at=replaced_at,
        stands=marked in present.text,
    )
