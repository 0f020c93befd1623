"""The Conversations tab: what the visitor asked before, to open, rename or delete; and links to answers."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.errors import NotKeptError
from rag.history import LONGEST_NAME, Conversation
from ui.fragments import joined
from ui.page.chat import Box, Desk, ready
from ui.page.controls import PAGE, button, hint, minute, note_html, number, pager, sent
from ui.page.exchange import Conversation as Held
from ui.page.exchange import kept_in, stopped
from ui.page.failures import failure_html
from ui.page.keeping import conversation_of, linked, visitor
from ui.page.parts import QUIET, html
from ui.words import Words

_SCRIPT = (Path(__file__).parent.parent / "static" / "rooms.js").read_text("utf-8")
_LONGEST_QUERY = 1000


@dataclass(frozen=True, slots=True)
class ConversationsTab:
    """The tab's components."""

    room: gr.Tab
    query: gr.Textbox
    list: gr.HTML


def add_conversations(words: Words) -> ConversationsTab:
    """The tab; its list is filled when it is opened."""
    with gr.Tab(words("conversations.tab"), id="conversations", elem_classes="dl-kept") as room:
        query = gr.Textbox(
            label=words("conversations.search"),
            placeholder=words("conversations.search"),
            show_label=False,
            max_length=_LONGEST_QUERY,
            submit_btn=words("conversations.find"),
            elem_classes="dl-find",
        )
        listed = html(script=_SCRIPT, elem_classes="dl-list")
    return ConversationsTab(room, query, listed)


def connect_conversations(
    assistant: Assistant,
    words: Words,
    desk: Desk,
    tab: ConversationsTab,
    rooms: gr.Tabs,
    box: Box,
    writing: list[Any],
    showing: dict[str, Any],
) -> None:
    """What happens in the tab, and what an address that names an answer opens.

    `writing` are the events that write answers: what is opened takes the place of what they write.
    """
    to_desk = [rooms, box.question, box.notice, box.editing, *desk.outputs]
    nothing = (gr.skip(),) * len(to_desk)

    def listed(request: gr.Request, query: str | None, offset: int = 0) -> str:
        owner, text = visitor(request), query or ""

        def told() -> str:
            history = assistant.history
            found = history.conversations(owner, query=text, offset=offset, limit=PAGE)
            return list_html(
                found, history.count_conversations(owner, text), offset, bool(text.strip()), words
            )

        return _tried(told, words)

    def turn(request: gr.Request, event: gr.EventData, query: str | None) -> str:
        return listed(request, query, number(sent(event, "offset")))

    def shown(found_in: Callable[[], Held], chosen: str = "", held: Held = ()) -> tuple[Any, ...]:
        """The conversation on the desk; or why it cannot be opened, there too."""
        try:
            found = found_in()
        except UserFixableError as error:
            # What was being written has been cancelled.
            left = desk.grown(stopped(held)) if held else nothing[4:]
            return gr.update(selected="ask"), ready(words), failure_html(error, words), "", *left
        exchange = next((each for each in found if each.kept == chosen), None)
        told = desk.values(found, exchange.id if exchange else "")
        return gr.update(selected="ask"), ready(words), "", "", *told

    def open_one(request: gr.Request, event: gr.EventData, held: Held) -> tuple[Any, ...]:
        wanted = sent(event, "id")
        return shown(lambda: conversation_of(assistant, visitor(request), wanted), held=held)

    def reopen(request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        wanted = sent(event, "answer")
        # The page has just been loaded: who is in another room by now stays there.
        return gr.skip(), *shown(lambda: linked(assistant, visitor(request), wanted), wanted)[1:]

    def rename(request: gr.Request, event: gr.EventData, query: str | None) -> str:
        def told() -> str:
            wanted, name = sent(event, "id"), sent(event, "name")
            assistant.history.rename(visitor(request), wanted, name)
            return listed(request, query, number(sent(event, "offset")))

        return _tried(told, words)

    def delete(request: gr.Request, event: gr.EventData, query: str | None, held: Held) -> tuple[Any, ...]:
        wanted, emptied = sent(event, "id"), False

        def told() -> str:
            nonlocal emptied
            opened = bool(wanted) and kept_in(held) == wanted
            if opened and not held[-1].done:
                return note_html(words("chat.unfinished")) + listed(request, query)
            # It may be gone already.
            with suppress(NotKeptError):
                assistant.history.delete(visitor(request), wanted)
            # What was deleted is not left lying on the desk.
            emptied = opened
            return listed(request, query, number(sent(event, "offset")))

        list_now = _tried(told, words)
        return list_now, *(("", "", *desk.values(())) if emptied else nothing[2:])

    listing: dict[str, Any] = {"fn": listed, "inputs": tab.query, "outputs": tab.list, **QUIET}
    tab.room.select(**listing)
    tab.query.submit(**listing)
    tab.list.turn(turn, tab.query, tab.list, **QUIET)
    tab.list.open(open_one, desk.conversation, to_desk, cancels=writing, **QUIET).then(**showing)
    tab.list.rename(rename, tab.query, tab.list, **QUIET)
    tab.list.delete(delete, [tab.query, desk.conversation], [tab.list, *to_desk[2:]], **QUIET)
    desk.panel.article.reopen(reopen, None, to_desk, **QUIET)


def list_html(found: Sequence[Conversation], total: int, offset: int, searched: bool, words: Words) -> str:
    """A page of conversations, the last used first; each opens, and can be renamed and deleted."""
    if not total:
        return hint(words("conversations.none_found" if searched else "conversations.none"))
    last = offset + len(found)
    shown = f'<bdi dir="ltr">{offset + 1:,}–{last:,}</bdi>' if total > PAGE and last > offset else ""
    number_found = escape(words("conversations.found", n=f"{total:,}"))
    rows = "".join(f"<li>{_row(each, offset, words)}</li>" for each in found)
    return (
        f'<p class="dl-facts" role="status">{joined((number_found, shown))}</p>'
        f'<ol class="dl-articles" start="{offset + 1}">{rows}</ol>{pager(offset, last, total, words)}'
    )


def _row(conversation: Conversation, offset: int, words: Words) -> str:
    name, own = escape(conversation.name), f' data-id="{escape(conversation.id)}"'
    used = escape(words("conversations.used", when=minute(conversation.updated_at)))
    label = escape(words("conversations.name"))
    save = escape(words("conversations.save_name"))
    remove = button("delete", words("conversations.remove_now"), id=conversation.id, offset=offset)
    return (
        f'<button type="button" class="dl-entry" data-do="open"{own} dir="auto">{name}</button>'
        f'<p class="dl-facts">{used}</p><div class="dl-tools">'
        f"<details><summary>{escape(words('conversations.rename'))}</summary>"
        f'<form data-do="rename"{own} data-offset="{offset}"><label>{label} '
        f'<input name="name" value="{name}" dir="auto" maxlength="{LONGEST_NAME}" required></label>'
        f'<button type="submit" class="dl-tool">{save}</button></form></details>'
        f'<details class="dl-delete"><summary>{escape(words("conversations.remove"))}</summary>'
        f"<p>{escape(words('conversations.remove_warning'))}</p>"
        f"{remove}</details></div>"
    )


def _tried(told: Callable[[], str], words: Words) -> str:
    try:
        return told()
    except UserFixableError as error:
        return failure_html(error, words)
