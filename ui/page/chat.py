"""The conversation: the box for the question, and the answers as they grow.

What a visitor's browser sends is only ever a question, filters, or the name of what is meant; the
conversation itself stays on the server, one to a session.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from index.types import Filters
from rag.chat import Assistant
from ui.page.controls import sent
from ui.page.evidence import Panel, evidence_html
from ui.page.exchange import MAX_EXCHANGES, Conversation, Exchange, answer, find, kept_in, shown, stopped
from ui.page.filters import Drawer, filters_of
from ui.page.keeping import keep, visitor
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
from ui.page.tools import tools_html
from ui.page.views import Views
from ui.render import answer_to_html, error_to_html, question_to_html, unfinished_to_html
from ui.words import Words

# Each with the sample article that answers it: it is offered where the archive holds that article.
EXAMPLES = (
    ("Who warned whom before the Crocus attack?", "en-harbour-tehran-tipoff"),
    ("من حذّر من قبل الهجوم على كروكوس؟", "ar-mashriq-iran-warned-russia"),
    ("Кто кого предупреждал перед терактом в «Крокусе»?", "ru-kurier-peskov-iran"),
    ("چه کسی پیش از حملهٔ کروکوس به چه کسی هشدار داد؟", "fa-karavan-iran-warned"),
)
FORGET_AFTER_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Box:
    """Where a question is typed, what is said above it, and what begins a new conversation.

    `editing` names the exchange whose place the next question takes.
    """

    question: gr.Textbox
    notice: gr.HTML
    editing: gr.State
    clear: gr.Button


@dataclass(frozen=True, slots=True)
class Desk:
    """The components in which a conversation is seen, and their values for one."""

    chat: gr.Chatbot
    conversation: gr.State
    panel: Panel
    views: Views
    words: Words
    quoted: bool

    @property
    def outputs(self) -> list[Any]:
        """What `values` are for."""
        panel, views = self.panel, self.views
        return [
            self.chat,
            self.conversation,
            panel.evidence,
            panel.article,
            views.tabs,
            views.current,
            views.chosen,
        ]

    def values(self, held: Conversation, chosen: str = "") -> tuple[Any, ...]:
        """The answer is seen, from its beginning, with nothing opened beside it."""
        evidence = evidence_html(shown(held, chosen), self.words)
        return *self._said(held), evidence, "", gr.update(selected="answer"), "answer", chosen

    def grown(self, held: Conversation) -> tuple[Any, ...]:
        """The same while an answer grows: what else is open stays."""
        return *self._said(held), evidence_html(held[-1], self.words), *(gr.skip(),) * 4

    def _said(self, held: Conversation) -> tuple[Any, ...]:
        return messages(held, self.words, self.quoted), held


def add_chat(assistant: Assistant, words: Words) -> gr.Chatbot:
    """The questions and their answers."""
    return gr.Chatbot(
        label=words("chat.conversation"),
        show_label=False,
        render_markdown=False,
        autoscroll=False,
        group_consecutive_messages=False,
        layout="panel",
        buttons=[],
        elem_classes="dl-chat",
        placeholder=_welcome(words),
        examples=[{"text": question} for question in examples(assistant)] or None,
    )


def add_question(assistant: Assistant, words: Words) -> tuple[gr.HTML, gr.Textbox]:
    """The box for the question, and what is said above it."""
    notice = html(elem_classes="dl-notice-holder")
    return notice, gr.Textbox(
        placeholder=words("chat.placeholder"),
        label=words("chat.question"),
        show_label=False,
        lines=1,
        max_lines=6,
        max_length=assistant.settings.max_question_chars,
        submit_btn=words("chat.ask"),
        stop_btn=False,
        elem_classes="dl-ask",
    )


def connect_chat(
    assistant: Assistant,
    words: Words,
    desk: Desk,
    *,
    box: Box,
    drawer: Drawer,
    showing: dict[str, Any],
) -> list[Any]:
    """What happens on a question, a stop, an example, and when a new conversation is begun.

    Gives the events that write answers, for whatever else must cancel them.
    """
    question, page = box.question, desk.panel.article
    outputs = [question, box.notice, box.editing, *desk.outputs]
    nothing = (gr.skip(),) * len(outputs)

    async def run(
        exchange: Exchange,
        held: Conversation,
        typed: Any,
        owner: str,
        *,
        in_place: bool,
        **asked: Any,
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Ask after what is held, or in place of its last exchange."""
        old = held[-1] if held and in_place else None
        earlier = held[:-1] if old else held
        # Of the old one nothing is kept when it failed or was stopped.
        instead = (old.kept or old.instead) if old else ""
        exchange = replace(exchange, kept_in=kept_in(held), instead=instead)
        # The box is emptied once; what is typed during the answer stays.
        above: tuple[Any, ...] = (typed, "", "")
        show: Callable[[Conversation], tuple[Any, ...]] = desk.values
        async with aclosing(answer(assistant, exchange, earlier, words, **asked)) as exchanges:
            async for grown in exchanges:
                if grown.answer:
                    grown = await asyncio.to_thread(keep, assistant, owner, grown, words)
                yield *above, *show((*earlier, grown)[-MAX_EXCHANGES:])
                above, show = (gr.skip(),) * 3, desk.grown
        yield ready(words), *nothing[1:]

    async def ask(
        request: gr.Request,
        text: str | None,
        held: Conversation,
        editing: str,
        infer_time: bool,
        translate: bool,
        answer_language: str | None,
        *narrowing: Any,
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        if not (text or "").strip() or (held and not held[-1].done):
            # Nothing is asked, or another answer is being written: one at a time.
            yield nothing
            return
        running = run(
            Exchange(text or "", filters_of(*narrowing), infer_time),
            held,
            gr.update(value="", submit_btn=False, stop_btn=words("chat.stop")),
            visitor(request),
            in_place=bool(held) and held[-1].id == editing,
            translate=translate,
            answer_language=answer_language or "",
        )
        async with aclosing(running) as yielded:
            async for each in yielded:
                yield each

    async def ask_again(
        request: gr.Request,
        event: gr.EventData,
        held: Conversation,
        translate: bool,
        answer_language: str | None,
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """The same question, as it was or for any time; in place of its answer when that is the newest."""
        old = find(held, sent(event, "exchange"))
        if old is None or not held[-1].done:
            # One answer at a time: another is being written.
            yield nothing
            return
        any_time = sent(event, "any_time") == "True"
        newest = old is held[-1]
        # At the end, an older question must not lean on what was said after it.
        question = old.question if newest else old.searched
        running = run(
            Exchange(question, old.filters, old.infer_time and not any_time),
            held,
            gr.update(submit_btn=False, stop_btn=words("chat.stop")),
            visitor(request),
            in_place=newest,
            translate=translate,
            answer_language=answer_language or "",
        )
        async with aclosing(running) as yielded:
            async for each in yielded:
                yield each

    def edit(event: gr.EventData, held: Conversation) -> tuple[Any, str, str]:
        """The question in the box again; the newest one gives its place to what is made of it."""
        old = find(held, sent(event, "exchange"))
        if old is None:
            return gr.skip(), gr.skip(), gr.skip()
        newest = old is held[-1] and old.done
        if not newest:
            return old.searched, "", ""
        return old.question, editing_html(old.id, words), old.id

    def stop(held: Conversation) -> tuple[Any, Any, Any]:
        held = stopped(held)
        return messages(held, words, desk.quoted), held, ready(words)

    written = [drawer.translate, drawer.answer_language]
    asking: dict[str, Any] = {
        "fn": ask,
        "inputs": [
            question, desk.conversation, box.editing, drawer.infer_time, *written, *drawer.narrowing
        ],
        "outputs": outputs,
        "concurrency_limit": CONCURRENT_QUESTIONS,
        **QUIET,
    }  # fmt: skip
    asked = question.submit(**asking)
    example = desk.chat.example_select(_example, None, question, **QUIET).then(**asking)
    again = page.again(
        ask_again,
        [desk.conversation, *written],
        outputs,
        concurrency_limit=CONCURRENT_QUESTIONS,
        **QUIET,
    )
    running = [asked, example, again]
    for each in running:
        # Whoever looks at another tab by now sees it filled.
        each.then(**showing)
    question.stop(
        stop, desk.conversation, [desk.chat, desk.conversation, question], cancels=running, **QUIET
    )
    page.edit(edit, desk.conversation, outputs[:3], **QUIET)
    page.keep(lambda: ("", "", ""), None, outputs[:3], **QUIET)
    gr.on(
        [box.clear.click, desk.chat.clear],
        lambda: (ready(words), "", "", *desk.values(())),
        None,
        outputs,
        cancels=running,
        **QUIET,
    )
    return running


def examples(assistant: Assistant) -> list[str]:
    """The sample questions, where the archive holds the articles that answer them."""
    ids = tuple(article for _, article in EXAMPLES)
    held = assistant.archive.coverage(Filters(articles=ids)).articles
    return [question for question, _ in EXAMPLES] if held == len(ids) else []


def messages(conversation: Conversation, words: Words, quoted: bool) -> list[dict[str, Any]]:
    """The conversation as the chat component takes it."""
    messages = []
    for exchange in conversation:
        asked = question_to_html(exchange.question, exchange.language)
        messages.append({"role": "user", "content": html(asked, render=False)})
        told = _outcome(exchange, words, quoted)
        messages.append({"role": "assistant", "content": html(told, render=False)})
    return messages


def _outcome(exchange: Exchange, words: Words, quoted: bool) -> str:
    if exchange.answer:
        return answer_to_html(
            exchange.answer,
            exchange.id,
            again=words("filters.any_time"),
            tail=tools_html(exchange, words),
        )
    arrived = unfinished_to_html(
        exchange.statements,
        exchange.citations,
        language=exchange.language or words.language,
        quoted=quoted,
        state="failed" if exchange.error else "stopped" if exchange.stopped else "working",
        key=exchange.id,
    )
    if exchange.error:
        arrived += error_to_html(exchange.error, exchange.failed or words("errors.UserFixableError"))
    return arrived + tools_html(exchange, words) if exchange.done else arrived


def editing_html(editing: str, words: Words) -> str:
    """That the next question takes the place of the one that is edited; empty when none is."""
    if not editing:
        return ""
    return (
        f'<p class="dl-note dl-editing" role="status">{escape(words("chat.editing"))} '
        f'<button type="button" class="dl-tool" data-keep>{escape(words("chat.keep"))}</button></p>'
    )


def _welcome(words: Words) -> str:
    return (
        f'<div class="dl-welcome"><h2>{escape(words("chat.welcome_title"))}</h2>'
        f"<p>{escape(words('chat.welcome'))}</p></div>"
    )


def ready(words: Words) -> Any:
    """The box's buttons while no answer is being written."""
    return gr.update(submit_btn=words("chat.ask"), stop_btn=False)


def _example(event: gr.SelectData) -> str:
    value = event.value
    return str(value.get("text", "")) if isinstance(value, dict) else ""
