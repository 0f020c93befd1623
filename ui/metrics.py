"""What Prometheus reads at `/metrics`: of requests, answers, their stages, and the archive.

Labels are routes, statuses and names from this program, so that there are never many; nothing of a question
is among them. The figures are of this process: they start at nothing with it. Those of answers and their
stages are counted where they arise, in `rag/outcomes.py` and `rag/trace.py`.
"""

import asyncio
import math

from fastapi import FastAPI, Request, Response
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.trace import BUCKETS

# When each series began, a series more for each, is nothing that anybody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without types
# A store that hangs must not keep the other figures back.
_PATIENCE = 2.0
_REQUESTS = Counter("dateline_requests", "Requests answered.", ("method", "route", "status"))
_SECONDS = Histogram(
    "dateline_request_seconds",
    "Seconds from a request to the end of its reply.",
    ("route",),
    buckets=BUCKETS,
)
_IN_FLIGHT = Gauge("dateline_requests_in_flight", "Requests being answered, open pages included.")
_ARTICLES = Gauge("dateline_articles", "Articles in the archive; NaN while it cannot be reached.")


def add_metrics(app: FastAPI, assistant: Assistant) -> None:
    """`GET /metrics`, in the format that the reader prefers."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        counting = asyncio.to_thread(assistant.archive.count_articles)
        try:
            _ARTICLES.set(await asyncio.wait_for(counting, _PATIENCE))
        except (UserFixableError, TimeoutError):
            _ARTICLES.set(math.nan)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), media_type=kind)


def request_began() -> None:
    """A request has come in."""
    _IN_FLIGHT.inc()


def request_ended(method: str, route: str, status: int, seconds: float) -> None:
    """It was answered, or its caller left."""
    _IN_FLIGHT.dec()
    _REQUESTS.labels(method, route, str(status)).inc()
    _SECONDS.labels(route).observe(seconds)
