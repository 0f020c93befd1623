"""The chat page: questions and streamed, cited answers; the cited article beside them.

What a visitor's browser sends is only ever a question, filters, or the place of a citation; the
conversation itself stays on the server, one to a session.
"""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from index.archive import version_of
from index.errors import UserFixableError
from index.types import Coverage, Filters
from rag.chat import Assistant
from rag.types import (
    Answer,
    AnswerDone,
    Citation,
    CitationMade,
    Event,
    EvidenceFound,
    Statement,
    StatementMade,
    Turn,
)
from ui.phrases import language_name
from ui.render import (
    abstention_text,
    answer_to_html,
    article_to_html,
    error_to_html,
    question_to_html,
    unfinished_to_html,
)

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
STYLESHEET = STATIC / "page.css"
# Each with the sample article that answers it: it is offered where the archive holds that article.
EXAMPLES = (
    ("Who warned whom before the Crocus attack?", "en-harbour-tehran-tipoff"),
    ("من حذّر من قبل الهجوم على كروكوس؟", "ar-mashriq-iran-warned-russia"),
    ("Кто кого предупреждал перед терактом в «Крокусе»?", "ru-kurier-peskov-iran"),
    ("چه کسی پیش از حملهٔ کروکوس به چه کسی هشدار داد؟", "fa-karavan-iran-warned"),
)
_FONTS = (
    "system-ui",
    "Segoe UI",
    "Noto Sans",
    "Noto Naskh Arabic",
    "Noto Sans Arabic",
    "Vazirmatn",
    "Tahoma",
)
# Languages that an answer may be wanted in; their words for the rest of the page are in `phrases`.
_NAMED = [(language_name(code), code) for code in ("ar", "en", "fa", "ru")]
MAX_EXCHANGES = 25
CONCURRENT_QUESTIONS = 8
WAITING_QUESTIONS = 64
FORGET_AFTER_SECONDS = 6 * 3600
_EMPTY_PANEL = '<p class="dl-hint">Click a number such as [1] in an answer: its article opens here.</p>'
_WELCOME = """<div class="dl-welcome"><h2>Ask the archive</h2>
<p>Every sentence of an answer rests on sentences of the articles, in whatever language those are.
A number opens its article beside the chat.</p></div>"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what came of it so far: parts of an answer, the answer, or a failure."""

    question: str
    language: str = ""
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    answer: Answer | None = None
    error: str = ""
    stopped: bool = False

    @property
    def done(self) -> bool:
        return bool(self.answer or self.error or self.stopped)

    @property
    def said(self) -> str:
        """What a follow-up question may refer to; nothing when it failed."""
        if self.error:
            return ""
        if self.answer and self.answer.abstained:
            return abstention_text(self.answer)
        return " ".join(statement.text for statement in self.statements)


Conversation = tuple[Exchange, ...]


def create_page(assistant: Assistant) -> gr.Blocks:
    """The page over one Assistant."""
    page: gr.Blocks
    with gr.Blocks(title="Dateline", analytics_enabled=False, fill_width=True) as page:
        conversation = gr.State((), time_to_live=FORGET_AFTER_SECONDS)
        status = gr.HTML(
            _status(assistant), apply_default_css=False, js_on_load=None, elem_classes="dl-top"
        )
        with gr.Row(elem_classes="dl-columns", equal_height=False):
            with gr.Column(scale=6, min_width=320, elem_classes="dl-left"):
                chat = gr.Chatbot(
                    label="Conversation",
                    show_label=False,
                    render_markdown=False,
                    autoscroll=False,
                    group_consecutive_messages=False,
                    layout="panel",
                    buttons=[],
                    elem_classes="dl-chat",
                    placeholder=_WELCOME,
                    examples=[{"text": question} for question in examples(assistant)] or None,
                )
                question = gr.Textbox(
                    placeholder="Ask the archive, in any language",
                    label="Question",
                    show_label=False,
                    lines=1,
                    max_lines=6,
                    max_length=assistant.settings.max_question_chars,
                    submit_btn="Ask",
                    stop_btn=False,
                    autofocus=True,
                    elem_classes="dl-ask",
                )
                with gr.Row(elem_classes="dl-below"):
                    with gr.Accordion("Filters", open=False, elem_classes="dl-filters") as drawer:
                        with gr.Row():
                            since = gr.Textbox(
                                label="Published from", placeholder="2024-03-01", max_length=40
                            )
                            until = gr.Textbox(
                                label="Published to", placeholder="2024-04-30", max_length=40
                            )
                        with gr.Row():
                            sources = gr.Dropdown([], label="Sources", multiselect=True)
                            languages = gr.Dropdown([], label="Languages", multiselect=True)
                        with gr.Row():
                            infer_time = gr.Checkbox(
                                True, label="Narrow the search to a time that the question names"
                            )
                            answer_language = gr.Dropdown(
                                [("as asked", ""), *_NAMED],
                                value="",
                                label="Answer in",
                                visible=assistant.settings.has_llm,
                            )
                            translate = gr.Checkbox(
                                False,
                                label="Translate citations in other languages",
                                visible=assistant.settings.has_llm,
                            )
                    clear = gr.Button("Clear", size="sm", variant="secondary", elem_classes="dl-clear")
            with gr.Column(scale=5, min_width=320, elem_classes="dl-panel"):
                gr.HTML(
                    '<button type="button" class="dl-back">Back to the answer</button>',
                    apply_default_css=False,
                    js_on_load=None,
                    elem_classes="dl-back-holder",
                )
                panel = gr.HTML(
                    _EMPTY_PANEL,
                    apply_default_css=False,
                    js_on_load=(STATIC / "page.js").read_text("utf-8"),
                    elem_classes="dl-article-holder",
                )
        quoted = not assistant.settings.has_llm
        narrowing: list[Any] = [since, until, sources, languages]

        async def ask(
            text: str | None,
            earlier: Conversation,
            since: str | None,
            until: str | None,
            sources: list[str] | None,
            languages: list[str] | None,
            infer_time: bool,
            translate: bool,
            answer_language: str | None,
        ) -> AsyncGenerator[tuple[Any, Any, Any], None]:
            if not (text or "").strip():
                yield gr.skip(), gr.skip(), gr.skip()
                return
            filters = Filters(
                (since or "").strip(), (until or "").strip(), tuple(sources or ()), tuple(languages or ())
            )
            # The box is emptied once; what is typed during the answer stays.
            box = gr.update(value="", submit_btn=False, stop_btn="Stop")
            growing = answer(
                assistant,
                text or "",
                earlier,
                filters,
                infer_time=infer_time,
                translate=translate,
                answer_language=answer_language or "",
            )
            async with aclosing(growing) as exchanges:
                async for exchange in exchanges:
                    kept = (*earlier, exchange)[-MAX_EXCHANGES:]
                    yield _messages(kept, quoted), kept, box
                    box = gr.skip()
            yield gr.skip(), gr.skip(), _ready()

        def stop(kept: Conversation) -> tuple[Any, Any, Any]:
            if kept and not kept[-1].done:
                kept = (*kept[:-1], replace(kept[-1], stopped=True))
            return _messages(kept, quoted), kept, _ready()

        def open_article(event: gr.EventData) -> str:
            names = ("article", "start", "end", "version", "language")
            return article_panel(assistant, **{name: getattr(event, name, None) for name in names})

        def refresh() -> tuple[Any, ...]:
            coverage = _coverage(assistant)
            named = [(language_name(code), code) for code in coverage.languages] if coverage else []
            return (
                _status(assistant),
                gr.update(choices=list(coverage.sources) if coverage else []),
                gr.update(choices=named),
            )

        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        asking = {
            "fn": ask,
            "inputs": [question, conversation, *narrowing, infer_time, translate, answer_language],
            "outputs": [chat, conversation, question],
            "concurrency_limit": CONCURRENT_QUESTIONS,
            **hidden,
        }
        asked = question.submit(**asking)
        chosen = chat.example_select(_example, None, question, **hidden)
        asked_example = chosen.then(**asking)
        running = [asked, asked_example]
        question.stop(stop, conversation, [chat, conversation, question], cancels=running, **hidden)
        gr.on(
            [clear.click, chat.clear],
            lambda: ([], (), _ready(), _EMPTY_PANEL),
            None,
            [chat, conversation, question, panel],
            cancels=running,
            **hidden,
        )
        panel.cite(open_article, None, panel, concurrency_limit=CONCURRENT_QUESTIONS, **hidden)
        gr.on([each.change for each in narrowing], _drawer_label, narrowing, drawer, **hidden)
        page.load(refresh, None, [status, sources, languages], **hidden)
    page.queue(max_size=WAITING_QUESTIONS, default_concurrency_limit=CONCURRENT_QUESTIONS, api_open=False)
    return page


async def answer(
    assistant: Assistant,
    question: str,
    earlier: Conversation,
    filters: Filters,
    *,
    infer_time: bool = True,
    translate: bool = False,
    answer_language: str = "",
) -> AsyncGenerator[Exchange, None]:
    """The exchange as it grows, the last one done; a failure is told, never shown as an abstention."""
    exchange = Exchange(question=question)
    yield exchange
    stream = assistant.stream(
        question,
        history=turns(earlier),
        filters=filters,
        infer_time=infer_time,
        # The page of an archive without a model has no such switch, whatever a browser sends.
        translate=translate and assistant.settings.has_llm,
        answer_language=answer_language,
    )
    try:
        # Closed when the visitor stops or leaves, so that a model stops writing too.
        async with aclosing(stream) as events:
            async for event in events:
                exchange = _grown(exchange, event)
                # A citation is shown with the statement that points to it, which follows.
                if not isinstance(event, CitationMade):
                    yield exchange
    except UserFixableError as error:
        yield replace(exchange, error=str(error))
    except Exception:
        # A bug: its traceback belongs in the log, and the visitor must not wait for ever.
        log.exception("answering %r failed", question)
        yield replace(exchange, error="Something went wrong inside Dateline; the server's log says what.")


def _grown(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case EvidenceFound(evidence):
            return replace(exchange, language=evidence.language)
        case CitationMade(citation):
            return replace(exchange, citations=(*exchange.citations, citation))
        case StatementMade(statement):
            return replace(exchange, statements=(*exchange.statements, statement))
        case AnswerDone(whole):
            return replace(exchange, statements=whole.statements, answer=whole)


def turns(conversation: Conversation) -> list[Turn]:
    """The conversation as an Assistant takes it; failures are left out."""
    return [
        turn
        for exchange in conversation
        if exchange.said
        for turn in (Turn("user", exchange.question), Turn("assistant", exchange.said))
    ]


def article_panel(
    assistant: Assistant, article: object, start: object, end: object, version: object, language: object
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
        return error_to_html(str(error))
    highlight = (start, end) if isinstance(start, int) and isinstance(end, int) else None
    marked = found.text[highlight[0] : highlight[1]] if highlight else ""
    return article_to_html(
        found,
        highlight,
        language if isinstance(language, str) else "en",
        replaced_at=replaced_at,
        stands=marked in present.text,
    )


def examples(assistant: Assistant) -> list[str]:
    """The sample questions, where the archive holds the articles that answer them."""
    ids = tuple(article for _, article in EXAMPLES)
    held = assistant.archive.coverage(Filters(articles=ids)).articles
    return [question for question, _ in EXAMPLES] if held == len(ids) else []


def _messages(conversation: Conversation, quoted: bool) -> list[dict[str, Any]]:
    """The conversation as the chat component takes it."""
    messages = []
    for exchange in conversation:
        asked = question_to_html(exchange.question, exchange.language)
        messages.append({"role": "user", "content": _html(asked)})
        messages.append({"role": "assistant", "content": _html(_outcome(exchange, quoted))})
    return messages


def _outcome(exchange: Exchange, quoted: bool) -> str:
    if exchange.answer:
        return answer_to_html(exchange.answer)
    arrived = unfinished_to_html(
        exchange.statements,
        exchange.citations,
        language=exchange.language,
        quoted=quoted,
        state="failed" if exchange.error else "stopped" if exchange.stopped else "working",
    )
    return arrived + error_to_html(exchange.error) if exchange.error else arrived


def _html(value: str) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, render=False)


def _ready() -> Any:
    return gr.update(submit_btn="Ask", stop_btn=False)


def _example(event: gr.SelectData) -> str:
    value = event.value
    return str(value.get("text", "")) if isinstance(value, dict) else ""


def _drawer_label(*values: object) -> Any:
    number = sum(bool(value) for value in values)
    return gr.update(label=f"Filters ({number} in force)" if number else "Filters")


def _coverage(assistant: Assistant) -> Coverage | None:
    """None while the archive cannot be reached: the page still opens and says so."""
    try:
        return assistant.archive.coverage()
    except UserFixableError as error:
        log.warning("the archive's coverage is not known: %s", error)
        return None


def _status(assistant: Assistant) -> str:
    """The head of the page: what is asked, and how its answers come about."""
    settings = assistant.settings
    if settings.has_llm:
        host = urlsplit(settings.llm_base_url).netloc.rpartition("@")[2] or "api.openai.com"
        how = (
            f"Answers are written by <b>{escape(settings.llm_model)}</b> at <b>{escape(host)}</b> "
            "and checked against the articles."
        )
    else:
        how = "Answers are <b>verbatim quotes</b> from the articles: no language model is set."
    coverage = _coverage(assistant)
    if coverage is None:
        what = "The archive cannot be reached just now."
    elif not coverage.articles:
        what = "The archive is empty: add articles with <code>dateline ingest</code>."
    else:
        days = f"{coverage.published_from[:10]} – {coverage.published_to[:10]}".strip(" –")
        names = ", ".join(f"<bdi>{escape(language_name(code))}</bdi>" for code in coverage.languages)
        number = "1 article" if coverage.articles == 1 else f"{coverage.articles:,} articles"
        what = " · ".join(filter(None, (number, f"<bdi>{escape(days)}</bdi>" if days else "", names)))
    return (
        '<header class="dl-header"><h1>Dateline</h1>'
        f'<p class="dl-what">{what}</p><p class="dl-how">{how}</p></header>'
    )


def theme() -> gr.themes.Base:
    """Plain, with fonts of the reader's own system: nothing is fetched."""
    return gr.themes.Base(
        primary_hue="slate",
        neutral_hue="stone",
        radius_size="sm",
        font=[*_FONTS, "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
