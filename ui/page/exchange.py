"""A question and its answer as it grows: the values of a conversation, which stay on the server."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from secrets import token_hex

from index.errors import UserFixableError
from index.types import Filters
from rag.chat import Assistant
from rag.history import Feedback
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
from ui.page.failures import head_of
from ui.render import abstention_text
from ui.words import Words

log = logging.getLogger(__name__)

MAX_EXCHANGES = 25


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what came of it so far: parts of an answer, the answer, or a failure.

    `error` says why there is none, and `failed` what failed.
    `kept` is the id under which the answer is kept; `kept_in` that of the conversation where it is, or is
    to be: empty when that is not the visitor's own, or not made yet. `instead` is the id of the answer
    whose place it takes.
    """

    question: str
    filters: Filters = field(default_factory=Filters)
    infer_time: bool = True
    language: str = ""
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    answer: Answer | None = None
    error: str = ""
    failed: str = ""
    stopped: bool = False
    kept: str = ""
    kept_in: str = ""
    instead: str = ""
    unkept: str = ""
    feedback: Feedback | None = None
    id: str = field(default_factory=lambda: token_hex(4))

    @property
    def done(self) -> bool:
        return bool(self.answer or self.error or self.stopped)

    @property
    def searched(self) -> str:
        """The question as it was searched for: made to stand alone, where it leaned on what was said."""
        return (self.answer.standalone_question if self.answer else "") or self.question

    @property
    def said(self) -> str:
        """What a follow-up question may refer to; nothing when it failed."""
        if self.error:
            return ""
        if self.answer and self.answer.abstained:
            return abstention_text(self.answer)
        return " ".join(statement.text for statement in self.statements)


Conversation = tuple[Exchange, ...]


def find(conversation: Conversation, name: object) -> Exchange | None:
    """The exchange of this id. The browser may send anything."""
    return next((exchange for exchange in conversation if exchange.id == name), None)


def stopped(conversation: Conversation) -> Conversation:
    """The conversation after its newest answer was stopped, if that was being written."""
    if not conversation or conversation[-1].done:
        return conversation
    return (*conversation[:-1], replace(conversation[-1], stopped=True))


def kept_in(conversation: Conversation) -> str:
    """The id of the conversation that is kept of this one; empty while there is none."""
    return conversation[-1].kept_in if conversation else ""


def shown(conversation: Conversation, chosen: str) -> Exchange | None:
    """The exchange whose answer the page is about: the chosen one, else the newest."""
    return find(conversation, chosen) or (conversation[-1] if conversation else None)


async def answer(
    assistant: Assistant,
    exchange: Exchange,
    earlier: Conversation,
    words: Words,
    *,
    translate: bool = False,
    answer_language: str = "",
) -> AsyncGenerator[Exchange, None]:
    """The exchange as it grows, the last one done; a failure is told, never shown as an abstention."""
    yield exchange
    stream = assistant.stream(
        exchange.question,
        history=turns(earlier),
        filters=exchange.filters,
        infer_time=exchange.infer_time,
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
        yield replace(exchange, error=str(error), failed=head_of(error, words))
    except Exception:
        # A bug: its traceback belongs in the log, and the visitor must not wait for ever.
        log.exception("answering a question failed")
        yield replace(exchange, error=words("chat.broken"))


def turns(conversation: Conversation) -> list[Turn]:
    """The conversation as an Assistant takes it; failures are left out."""
    return [
        turn
        for exchange in conversation
        if exchange.said
        for turn in (Turn("user", exchange.question), Turn("assistant", exchange.said))
    ]


def _grown(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case EvidenceFound(evidence):
            return replace(exchange, language=evidence.language)
        case CitationMade(citation):
            return replace(exchange, citations=(*exchange.citations, citation))
        case StatementMade(statement):
            return replace(exchange, statements=(*exchange.statements, statement))
        case AnswerDone(whole):
            return replace(exchange, statements=whole.statements, citations=whole.citations, answer=whole)
