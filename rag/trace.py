"""Where the time of an answer goes: named stages, as figures for Prometheus and as spans of a trace.

Nothing is sent from here: a server shows the figures (`ui/metrics.py`), and sends spans when it is told
where to (`ui/tracing.py`); until then OpenTelemetry's calls do nothing. What is told of a stage is its
name, its time, and of what ended it early the kind: never a question.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import TypeVar

from opentelemetry.trace import Span, StatusCode, get_current_span, get_tracer, use_span
from prometheus_client import Histogram

T = TypeVar("T")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SECONDS = Histogram(
    "dateline_stage_seconds", "Seconds that a stage of an answer took.", ("stage",), buckets=BUCKETS
)
_tracer = get_tracer("dateline")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What happens within is the stage of this name. Nothing may be yielded from within: see `in_steps`."""
    with _begun(name) as span, _inside(span):
        yield


async def in_steps(name: str, made: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same items; making them all is the stage of this name.

    Between two of them other code runs, perhaps in another task: each step is entered and left by itself.
    """
    with _begun(name) as span:
        async with aclosing(made):
            while True:
                with _inside(span):
                    try:
                        item = await anext(made)
                    except StopAsyncIteration:
                        return
                yield item


def note(name: str, value: str | int) -> None:
    """Tell something of the stage, or the request, that is running: for traces only."""
    get_current_span().set_attribute(name, value)


@contextmanager
def _begun(name: str) -> Iterator[Span]:
    span = _tracer.start_span(name)
    try:
        with _SECONDS.labels(name).time():
            yield span
    except Exception as error:
        # What an exception says may quote what was asked: its kind is enough.
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", type(error).__qualname__)
        raise
    finally:
        span.end()


def _inside(span: Span) -> AbstractContextManager[Span]:
    """What is begun within is a part of the span."""
    return use_span(span, record_exception=False, set_status_on_exception=False)
