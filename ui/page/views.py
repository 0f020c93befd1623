"""The same answer seen in other ways: claims, timeline, sources, each made when it is first looked at."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from index.errors import UserFixableError
from rag.chat import Assistant
from ui.page.claims import claims_html
from ui.page.controls import sent
from ui.page.evidence import evidence_html
from ui.page.exchange import Conversation, Exchange, find, shown
from ui.page.failures import failure_html
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
from ui.page.sources import sources_html
from ui.page.timeline import timeline_html
from ui.render import error_to_html
from ui.words import Words

log = logging.getLogger(__name__)

VIEWS: dict[str, Callable[[Assistant, Exchange, Words], Awaitable[str]]] = {
    "claims": claims_html,
    "timeline": timeline_html,
    "sources": sources_html,
}
_KEPT = 60


@dataclass(frozen=True, slots=True)
class Views:
    """The tabs and what they hold; `chosen` is the exchange they are about, `current` the open one."""

    tabs: gr.Tabs
    pages: dict[str, tuple[gr.Tab, gr.HTML]]
    chosen: gr.State
    current: gr.State


def add_views(words: Words, tabs: gr.Tabs) -> Views:
    """The tabs after that of the answer; call it inside `tabs`."""
    pages = {}
    for name in VIEWS:
        with gr.Tab(words(f"{name}.tab"), id=name, elem_classes="dl-view") as tab:
            pages[name] = (tab, html(_note(words("sources.first_ask")), elem_classes="dl-view-holder"))
    return Views(tabs, pages, gr.State(""), gr.State("answer"))


def connect_views(
    assistant: Assistant,
    words: Words,
    views: Views,
    answer: gr.Tab,
    conversation: gr.State,
    page: gr.HTML,
    evidence: gr.HTML,
) -> dict[str, Any]:
    """What opening a tab shows; gives the event that shows the open one anew."""
    kept = gr.State({}, time_to_live=6 * 3600)
    pages = [holder for _, holder in views.pages.values()]

    async def show(
        current: str, held: Conversation, chosen: str, made: dict[str, str]
    ) -> AsyncGenerator[list[Any], None]:
        exchange = shown(held, chosen)
        if current not in VIEWS:
            yield [gr.skip()] * (len(pages) + 1)
            return

        def put(value: str, made: Any = gr.skip()) -> list[Any]:  # noqa: B008
            about = _about(exchange, words) if exchange else ""
            return [*(about + value if name == current else gr.skip() for name in VIEWS), made]

        if exchange is None or exchange.answer is None:
            waiting = exchange is not None and not exchange.done
            yield put(_note(words("chat.unfinished" if waiting else "sources.first_ask")))
            return
        key = f"{exchange.id}:{current}"
        if key in made:
            yield put(made[key])
            return
        yield put(
            f'<p class="dl-working" role="status">{escape(words(f"{current}.working"))}<span></span></p>'
        )
        try:
            value = await VIEWS[current](assistant, exchange, words)
        except UserFixableError as error:
            yield put(failure_html(error, words))
        except Exception:
            # A bug: its traceback belongs in the log, and the visitor must not wait for ever.
            log.exception("the %s of an answer failed", current)
            yield put(error_to_html(words("chat.broken"), words("errors.UserFixableError")))
        else:
            yield put(value, dict([*made.items(), (key, value)][-_KEPT:]))

    showing: dict[str, Any] = {
        "fn": show,
        "inputs": [views.current, conversation, views.chosen, kept],
        "outputs": [*pages, kept],
        "concurrency_limit": CONCURRENT_QUESTIONS,
        **QUIET,
    }
    for name, tab in [("answer", answer), *((name, tab) for name, (tab, _) in views.pages.items())]:
        tab.select(lambda name=name: name, None, views.current, **QUIET).then(**showing)

    def choose(held: Conversation, event: gr.EventData) -> tuple[Any, ...]:
        exchange, view = find(held, sent(event, "exchange")), sent(event, "view")
        if exchange is None or view not in VIEWS:
            return (gr.skip(),) * 4
        return gr.update(selected=view), view, exchange.id, evidence_html(exchange, words)

    chosen = page.view(choose, conversation, [views.tabs, views.current, views.chosen, evidence], **QUIET)
    chosen.then(**showing)
    return showing


def _about(exchange: Exchange, words: Words) -> str:
    question = f'<bdi class="dl-about-question">{escape(exchange.searched)}</bdi>'
    return f'<p class="dl-note">{escape(words("chat.about"))}: {question}</p>'


def _note(text: str) -> str:
    return f'<p class="dl-hint">{escape(text)}</p>'
