"""The conversation: the box for the question, and the answers as they grow.

What a visitor's browser sends is only ever a question, filters, or the place of a citation; the
conversation itself stays on the server, one to a session.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from index.types import Filters
from rag.chat import Assistant
from ui.page.evidence import Panel, evidence_html
from ui.page.exchange import MAX_EXCHANGES, Conversation, Exchange, answer, find
from ui.page.filters import Drawer, filters_of
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
from ui.page.views import Views, links_html
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
    """Where a question is typed, and what clears the conversation."""

    question: gr.Textbox
    clear: gr.Button


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


def add_question(assistant: Assistant, words: Words) -> gr.Textbox:
    """The box for the question."""
    return gr.Textbox(
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
    *,
    chat: gr.Chatbot,
    conversation: gr.State,
    box: Box,
    drawer: Drawer,
    panel: Panel,
    views: Views,
    showing: dict[str, Any],
) -> None:
    """What happens on a question, a stop, an example, and when all is cleared."""
    quoted = not assistant.settings.has_llm
    question = box.question
    outputs = [
        chat,
        conversation,
        question,
        panel.evidence,
        panel.article,
        views.tabs,
        views.current,
        views.chosen,
    ]
    # The answer is seen, from its beginning, with nothing opened beside it.
    at_first = ("", gr.update(selected="answer"), "answer", "")
    as_before = (gr.skip(),) * len(at_first)

    async def run(earlier: Conversation, typed: Any, **asked: Any) -> AsyncGenerator[tuple[Any, ...], None]:
        growing = answer(assistant, earlier=earlier, words=words, **asked)
        # The box is emptied once; what is typed during the answer stays.
        box, rest = typed, at_first
        async with aclosing(growing) as exchanges:
            async for exchange in exchanges:
                kept = (*earlier, exchange)[-MAX_EXCHANGES:]
                evidence = evidence_html(exchange, words)
                yield messages(kept, words, quoted), kept, box, evidence, *rest
                box, rest = gr.skip(), as_before
        yield gr.skip(), gr.skip(), _ready(words), gr.skip(), *as_before

    async def ask(
        text: str | None,
        earlier: Conversation,
        infer_time: bool,
        translate: bool,
        answer_language: str | None,
        *narrowing: Any,
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        if not (text or "").strip():
            yield (gr.skip(),) * len(outputs)
            return
        running = run(
            earlier,
            gr.update(value="", submit_btn=False, stop_btn=words("chat.stop")),
            question=text or "",
            filters=filters_of(*narrowing),
            infer_time=infer_time,
            translate=translate,
            answer_language=answer_language or "",
        )
        async with aclosing(running) as yielded:
            async for each in yielded:
                yield each

    async def ask_again(
        event: gr.EventData, held: Conversation, translate: bool, answer_language: str | None
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """The same question for any time; in place of its answer when that is the newest."""
        old = find(held, getattr(event, "exchange", ""))
        if old is None or not held[-1].done:
            # One answer at a time: another is being written.
            yield (gr.skip(),) * len(outputs)
            return
        running = run(
            held[:-1] if old is held[-1] else held,
            gr.update(submit_btn=False, stop_btn=words("chat.stop")),
            question=old.question,
            filters=old.filters,
            infer_time=False,
            translate=translate,
            answer_language=answer_language or "",
        )
        async with aclosing(running) as yielded:
            async for each in yielded:
                yield each

    def stop(kept: Conversation) -> tuple[Any, Any, Any]:
        if kept and not kept[-1].done:
            kept = (*kept[:-1], replace(kept[-1], stopped=True))
        return messages(kept, words, quoted), kept, _ready(words)

    written = [drawer.translate, drawer.answer_language]
    asking: dict[str, Any] = {
        "fn": ask,
        "inputs": [question, conversation, drawer.infer_time, *written, *drawer.narrowing],
        "outputs": outputs,
        "concurrency_limit": CONCURRENT_QUESTIONS,
        **QUIET,
    }
    asked = question.submit(**asking)
    example = chat.example_select(_example, None, question, **QUIET).then(**asking)
    again = panel.article.again(
        ask_again,
        [conversation, *written],
        outputs,
        concurrency_limit=CONCURRENT_QUESTIONS,
        **QUIET,
    )
    running = [asked, example, again]
    for each in running:
        # Whoever looks at another tab by now sees it filled.
        each.then(**showing)
    question.stop(stop, conversation, [chat, conversation, question], cancels=running, **QUIET)
    gr.on(
        [box.clear.click, chat.clear],
        lambda: ([], (), _ready(words), evidence_html(None, words), *at_first),
        None,
        outputs,
        cancels=running,
        **QUIET,
    )


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
            exchange.answer, exchange.id, again=words("filters.any_time"), tail=links_html(words)
        )
    arrived = unfinished_to_html(
        exchange.statements,
        exchange.citations,
        language=exchange.language or words.language,
        quoted=quoted,
        state="failed" if exchange.error else "stopped" if exchange.stopped else "working",
        key=exchange.id,
    )
    return arrived + error_to_html(exchange.error, words("chat.failed")) if exchange.error else arrived


def _welcome(words: Words) -> str:
    return (
        f'<div class="dl-welcome"><h2>{escape(words("chat.welcome_title"))}</h2>'
        f"<p>{escape(words('chat.welcome'))}</p></div>"
    )


def _ready(words: Words) -> Any:
    return gr.update(submit_btn=words("chat.ask"), stop_btn=False)


def _example(event: gr.SelectData) -> str:
    value = event.value
    return str(value.get("text", "")) if isinstance(value, dict) else ""
