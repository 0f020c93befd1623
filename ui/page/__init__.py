"""The page: a conversation with the archive, in one of the languages of `ui/words.py`; a file a part.

A part has `add_...`, which places its components where it is called, and, where parts need each other,
`connect_...`, which says what happens on what.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from rag.chat import Assistant
from ui.jobs import Jobs
from ui.page.access import is_signed_in
from ui.page.archive import add_archive
from ui.page.chat import (
    FORGET_AFTER_SECONDS,
    Box,
    Desk,
    add_chat,
    add_question,
    connect_chat,
    examples,
)
from ui.page.conversations import add_conversations, connect_conversations
from ui.page.evidence import add_panel, connect_panel
from ui.page.feedback import connect_feedback
from ui.page.filters import add_chips, add_drawer, choices, connect_filters
from ui.page.head import add_head, head_html
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, Page
from ui.page.views import add_views, connect_views
from ui.words import Words

__all__ = ["STYLESHEETS", "create_page", "examples", "theme"]

STYLESHEETS = [
    Path(__file__).parent.parent / "static" / f"{name}.css"
    for name in ("page", "evidence", "views", "archive", "tools")
]
WAITING_QUESTIONS = 64
# Files that a browser sent and whose page was closed at once: how often is looked, and how old they are.
LEFTOVERS_SECONDS = (3600, 3600)
_FONTS = (
    "system-ui",
    "Segoe UI",
    "Noto Sans",
    "Noto Naskh Arabic",
    "Noto Sans Arabic",
    "Vazirmatn",
    "Tahoma",
)


def create_page(assistant: Assistant, jobs: Jobs, language: str = "en") -> gr.Blocks:
    """The page over one Assistant, in one of the interface's languages."""
    words = Words.of(language)
    page: gr.Blocks
    with Page(
        title="Dateline", analytics_enabled=False, fill_width=True, delete_cache=LEFTOVERS_SECONDS
    ) as page:
        conversation = gr.State((), time_to_live=FORGET_AFTER_SECONDS)
        editing = gr.State("")
        head = add_head(assistant, words)
        with gr.Tabs(elem_classes="dl-rooms") as rooms:
            with (
                gr.Tab(words("chat.tab"), id="ask"),
                gr.Row(elem_classes="dl-columns", equal_height=False),
            ):
                with gr.Column(scale=6, min_width=320, elem_classes="dl-left"):
                    with gr.Tabs(selected="answer", elem_classes="dl-views") as tabs:
                        with gr.Tab(words("chat.answer"), id="answer", elem_classes="dl-view") as answer:
                            chat = add_chat(assistant, words)
                        views = add_views(words, tabs)
                    chips = add_chips()
                    notice, question = add_question(assistant, words)
                    with gr.Row(elem_classes="dl-below"):
                        drawer = add_drawer(assistant, words, chips)
                        clear = gr.Button(
                            words("chat.clear"), size="sm", variant="secondary", elem_classes="dl-clear"
                        )
                with gr.Column(scale=5, min_width=320, elem_classes="dl-panel"):
                    panel = add_panel(words)
            conversations = add_conversations(words)
            archive = add_archive(assistant, jobs, words)
        connect_panel(assistant, words, panel, conversation, views.chosen)
        connect_filters(assistant, words, drawer, panel.article)
        showing = connect_views(
            assistant, words, views, answer, conversation, panel.article, panel.evidence
        )
        desk = Desk(chat, conversation, panel, views, words, quoted=not assistant.settings.has_llm)
        box = Box(question, notice, editing, clear)
        writing = connect_chat(assistant, words, desk, box=box, drawer=drawer, showing=showing)
        connect_feedback(assistant, words, desk, box)
        connect_conversations(assistant, words, desk, conversations, rooms, box, writing, showing)

        def known(request: gr.Request) -> tuple[Any, ...]:
            signed_in = is_signed_in(request)
            return head_html(assistant, words, signed_in=signed_in), *choices(assistant)

        # What the page says of the archive. After a change of it: `event.then(**fresh)`.
        fresh: dict[str, Any] = {
            "fn": known,
            "inputs": None,
            "outputs": [head, *drawer.offered],
            **QUIET,
        }
        page.load(**fresh)
        gr.on([archive.stored.change, archive.removed.change], **fresh)
    page.queue(max_size=WAITING_QUESTIONS, default_concurrency_limit=CONCURRENT_QUESTIONS, api_open=False)
    return page


def theme() -> gr.themes.Base:
    """Plain, with fonts of the reader's own system: nothing is fetched."""
    return gr.themes.Base(
        primary_hue="slate",
        neutral_hue="stone",
        radius_size="sm",
        font=[*_FONTS, "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
