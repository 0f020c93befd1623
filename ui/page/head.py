"""The head of the page: what is asked, how its answers come about, and the choice of language."""

import logging
from html import escape
from urllib.parse import urlsplit

import gradio as gr

from index.errors import UserFixableError
from index.types import Coverage
from rag.chat import Assistant
from ui.page.parts import html
from ui.paths import SIGN_OUT
from ui.phrases import language_name, phrases
from ui.words import LANGUAGES, Words

log = logging.getLogger(__name__)


def add_head(assistant: Assistant, words: Words) -> gr.HTML:
    """The head; `head_html` makes it anew when the archive has changed."""
    return html(head_html(assistant, words), elem_classes="dl-top")


def head_html(assistant: Assistant, words: Words, *, signed_in: bool = False) -> str:
    """The head as it is now."""
    leave = (
        f'<a class="dl-leave" href="..{SIGN_OUT}">{escape(words("signin.leave"))}</a>' if signed_in else ""
    )
    return (
        '<header class="dl-header"><h1>Dateline</h1>'
        f'<p class="dl-what">{_what(coverage(assistant), words)}</p>'
        f'<p class="dl-how">{_how(assistant, words)}</p>{_languages(words)}{leave}</header>'
    )


def coverage(assistant: Assistant) -> Coverage | None:
    """None while the archive cannot be reached: the page still opens and says so."""
    try:
        return assistant.archive.coverage()
    except UserFixableError as error:
        log.warning("the archive's coverage is not known: %s", error)
        return None


def _what(held: Coverage | None, words: Words) -> str:
    if held is None:
        return escape(words("head.unreachable"))
    if not held.articles:
        return _filled(words("head.empty"), command="<code>dateline ingest</code>")
    days = f"{held.published_from[:10]} – {held.published_to[:10]}".strip(" –")
    comma = phrases(words.language).comma
    names = comma.join(f"<bdi>{escape(language_name(code))}</bdi>" for code in held.languages)
    number = escape(words("head.articles", n=f"{held.articles:,}"))
    return " · ".join(filter(None, (number, f'<bdi dir="ltr">{escape(days)}</bdi>' if days else "", names)))


def _how(assistant: Assistant, words: Words) -> str:
    settings = assistant.settings
    if not settings.has_llm:
        return escape(words("head.quoted"))
    host = urlsplit(settings.llm_base_url).netloc.rpartition("@")[2] or "api.openai.com"
    return _filled(
        words("head.written"),
        model=f"<b><bdi>{escape(settings.llm_model)}</bdi></b>",
        host=f"<b><bdi>{escape(host)}</bdi></b>",
    )


def _filled(text: str, **values: str) -> str:
    """A text with HTML in place of what stands in its braces."""
    return escape(text).format(**values)


def _languages(words: Words) -> str:
    """Links to the page in each language; the script adds the address's query to them."""
    links = ""
    for code in LANGUAGES:
        current = ' aria-current="page"' if code == words.language else ""
        name = escape(language_name(code))
        links += f'<a href="../{code}/" lang="{code}" hreflang="{code}" dir="auto"{current}>{name}</a>'
    return f'<nav class="dl-languages" aria-label="{escape(words("head.languages"))}">{links}</nav>'
