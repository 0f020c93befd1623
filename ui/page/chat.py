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
from ui.page.article import empty_panel
from ui.page.exchange import MAX_EXCHANGES, Conversation, Exchange, answer
from ui.page.filters import Drawer, filters_of
from ui.page.parts import CONCURRENT_QUESTIONS, QUIET, html
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
class Chat:
    """The components of the conversation; `conversation` holds its values."""

    conversation: gr.State
    chat: gr.Chatbot
    question: gr.Textbox


def add_chat(assistant: Assistant, words: Words) -> Chat:
    """The conversation and the box, still without a tongue: `connect_chat` gives it one."""
    conversation = gr.State((), time_to_live=FORGET_AFTER_SECONDS)
    chat = gr.Chatbot(
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
    question = gr.Textbox(
        placeholder=words("chat.placeholder"),
        label=words("chat.question"),
        show_label=False,
        lines=1,
        max_lines=6,
        max_length=assistant.settings.max_question_chars,
        submit_btn=words("chat.ask"),
        stop_btn=False,
        autofocus=True,
        elem_classes="dl-ask",
    )
    return Chat(conversation, chat, question)


def connect_chat(
    assistant: Assistant, words: Words, part: Chat, drawer: Drawer, clear: gr.Button, panel: gr.HTML
) -> None:
    """What happens on a question, a stop, an example, and when all is cleared."""
    chat, conversation, question = part.chat, part.conversation, part.question
    quoted = not assistant.settings.has_llm

    async def ask(
        text: str | None,
        earlier: Conversation,
        infer_time: bool,
        translate: bool,
        answer_language: str | None,
        *narrowing: Any,
    ) -> AsyncGenerator[tuple[Any, Any, Any], None]:
        if not (text or "").strip():
            yield gr.skip(), gr.skip(), gr.skip()
            return
        # The box is emptied once; what is typed during the answer stays.
        box = gr.update(value="", submit_btn=False, stop_btn=words("chat.stop"))
        growing = answer(
            assistant,
            text or "",
            earlier,
            filters_of(*narrowing),
            words,
            infer_time=infer_time,
            translate=translate,
            answer_language=answer_language or "",
        )
        async with aclosing(growing) as exchanges:
            async for exchange in exchanges:
                kept = (*earlier, exchange)[-MAX_EXCHANGES:]
                yield _messages(kept, words, quoted), kept, box
                box = gr.skip()
        yield gr.skip(), gr.skip(), _ready(words)

    def stop(kept: Conversation) -> tuple[Any, Any, Any]:
        if kept and not kept[-1].done:
            kept = (*kept[:-1], replace(kept[-1], stopped=True))
        return _messages(kept, words, quoted), kept, _ready(words)

    asking: dict[str, Any] = {
        "fn": ask,
        "inputs": [
            question,
            conversation,
            drawer.infer_time,
            drawer.translate,
            drawer.answer_language,
            *drawer.narrowing,
        ],
        "outputs": [chat, conversation, question],
        "concurrency_limit": CONCURRENT_QUESTIONS,
        **QUIET,
    }
    asked = question.submit(**asking)
    chosen = chat.example_select(_example, None, question, **QUIET)
    running = [asked, chosen.then(**asking)]
    question.stop(stop, conversation, [chat, conversation, question], cancels=running, **QUIET)
    gr.on(
        [clear.click, chat.clear],
        lambda: ([], (), _ready(words), empty_panel(words)),
        None,
        [chat, conversation, question, panel],
        cancels=running,
        **QUIET,
    )


def examples(assistant: Assistant) -> list[str]:
    """The sample questions, where the archive holds the articles that answer them."""
    ids = tuple(article for _, article in EXAMPLES)
    held = assistant.archive.coverage(Filters(articles=ids)).articles
    return [question for question, _ in EXAMPLES] if held == len(ids) else []


def _messages(conversation: Conversation, words: Words, quoted: bool) -> list[dict[str, Any]]:
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
        return answer_to_html(exchange.answer)
    arrived = unfinished_to_html(
        exchange.statements,
        exchange.citations,
        language=exchange.language or words.language,
        quoted=quoted,
        state="failed" if exchange.error else "stopped" if exchange.stopped else "working",
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
