"""OpenTelemetry traces, when the standard `OTEL_*` variables ask for them: the extra `dateline[otel]`.

FastAPI opens the span of a request, as a child of the caller's where that sent a `traceparent`; the stages
of an answer are spans below it (`rag/trace.py`): answer, embed, words, search, fuse, rerank, generate,
verify. No span is made while nobody asks for one, and none carries a question.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from rag.config import OTEL_EXPORTERS, Settings, traces_exporter
from rag.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor


def start_tracing(settings: Settings) -> Callable[[], None]:
    """Send traces where the environment says, if it does; gives what to call at the end.

    Raises SettingsError when what they would be sent with is not installed.
    """
    name = traces_exporter()
    if not name:
        return lambda: None
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        (found,) = entry_points(group=OTEL_EXPORTERS, name=name)
        exporter = found.load()()
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"the environment asks for traces by {name!r}, which is not installed: "
            "pip install 'dateline[otel]', or unset the variables that begin with OTEL_."
        ) from error
    resource = Resource.create({"service.name": "dateline"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if not settings.log_questions:
        provider.add_span_processor(_without_addresses())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    # Where FastAPI and `rag/trace.py` look for it.
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _without_addresses() -> "SpanProcessor":
    """What a caller wrote into an address may be a question; `http.route` says enough."""
    from opentelemetry.sdk.trace import Span, SpanProcessor

    class WithoutAddresses(SpanProcessor):
        def on_start(self, span: Span, parent_context: Any = None) -> None:
            for name in ("url.path", "url.query"):
                if span.attributes and name in span.attributes:
                    span.set_attribute(name, "REDACTED")

    return WithoutAddresses()
