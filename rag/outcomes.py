"""How each answer ended: in the log, in figures for Prometheus, and in traces."""

import functools
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Concatenate, ParamSpec, Protocol, TypeVar, get_args

from prometheus_client import Counter

from rag.config import Settings
from rag.errors import QuestionError
from rag.trace import in_steps, note
from rag.types import AnswerDone, Event, Status, Tokens

log = logging.getLogger(__name__)

_ANSWERS = Counter("dateline_answers", "Answers, by how they ended.", ("outcome",))
_TOKENS = Counter("dateline_model_tokens", "The language model's tokens, read and written.", ("kind",))
for _outcome in (*get_args(Status), "error"):
    # There from the start, so that a rate can be told of the first one.
    _ANSWERS.labels(_outcome)


class _Asked(Protocol):
    settings: Settings


A = TypeVar("A", bound=_Asked)
P = ParamSpec("P")
_Stream = Callable[Concatenate[A, str, P], AsyncGenerator[Event, None]]


def told(stream: "_Stream[A, P]") -> "_Stream[A, P]":
    """Decorates what streams an answer. A question that cannot be asked has no outcome, and neither has an
    answer whose reader left."""

    @functools.wraps(stream)
    def telling(
        self: A, question: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[Event, None]:
        events = stream(self, question, *args, **kwargs)
        return in_steps("answer", _told(events, question if self.settings.log_questions else ""))

    return telling


async def _told(events: AsyncGenerator[Event, None], shown: str) -> AsyncGenerator[Event, None]:
    started = time.perf_counter()
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, AnswerDone):
                    _tell(event.answer.status, started, shown, event.answer.tokens)
                yield event
    except QuestionError:
        raise
    except Exception:
        _tell("error", started, shown, None)
        raise


def _tell(outcome: str, started: float, question: str, tokens: Tokens | None) -> None:
    _ANSWERS.labels(outcome).inc()
    note("dateline.outcome", outcome)
    if tokens is not None:
        _TOKENS.labels("prompt").inc(tokens.prompt)
        _TOKENS.labels("completion").inc(tokens.completion)
        note("gen_ai.usage.input_tokens", tokens.prompt)
        note("gen_ai.usage.output_tokens", tokens.completion)
    told: dict[str, object] = {"outcome": outcome, "milliseconds": milliseconds_since(started)}
    if question:
        told["question"] = question
    log.info("answer", extra=told)


def milliseconds_since(started: float) -> float:
    """Since that reading of `time.perf_counter`, as the log tells it."""
    return round((time.perf_counter() - started) * 1000, 1)
