"""REST: a thin door to one Assistant. It describes itself at `/docs`."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from fastapi_offline import FastAPIOffline
from pydantic import TypeAdapter, ValidationError

from index.errors import UnreadableInputError
from index.ingest import ingest
from index.readers import InputArticle, one_line
from index.types import Article, Filters
from rag.chat import Assistant, check_filters
from rag.types import Answer, AnswerDone, CitationMade, Event, EvidenceFound, StatementMade
from ui.problems import add_problem_handlers, problem_of
from ui.schemas import (
    MAX_ARTICLES,
    Alive,
    ArticleHead,
    ArticlePage,
    Ask,
    FullArticle,
    Problem,
    Ready,
    Search,
    SearchResult,
    Span,
    Stored,
)

# A comment is sent when the model is silent for so long, or proxies close the connection.
KEEP_ALIVE_SECONDS = 10.0
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
_EVENT: TypeAdapter[Any] = TypeAdapter(Any)
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description, "content": {"application/problem+json": {}}}
    for status, description in (
        (404, "Nothing of this name"),
        (422, "The request makes no sense"),
        (502, "The language model failed"),
        (503, "The archive or the language model does not answer"),
    )
}


def create_api(assistant: Assistant) -> FastAPI:
    """The REST application; the chat page is mounted on it elsewhere."""
    app = FastAPIOffline(
        redoc_url=None,
        title="Dateline",
        version=version("dateline"),
        description="Cited answers from a multilingual news archive.",
        responses=_PROBLEMS,
    )
    add_problem_handlers(app)
    _add_questions(app, assistant)
    _add_articles(app, assistant)
    _add_health(app, assistant)
    return app


def _add_questions(app: FastAPI, assistant: Assistant) -> None:
    @app.post("/v1/ask", tags=["questions"], response_model=Answer)
    async def ask(question: Ask) -> Answer | StreamingResponse:
        """Answer a question from the articles, or say that they do not hold the answer.

        With `stream`, server-sent events: `evidence`, then `citation` and `statement` as they are
        made, then `answer`; an `error` ends the stream early.
        """
        events = assistant.stream(
            question.question,
            history=question.turns(),
            filters=question.filters.filters(),
            top_k=question.top_k,
        )
        if question.stream:
            # The first event is awaited here, so that an error before it has its own status.
            first = await anext(events)
            return StreamingResponse(
                _server_sent(first, events),
                media_type="text/event-stream",
                headers={"cache-control": "no-store"},
            )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, AnswerDone):
                    return event.answer
        raise AssertionError("a stream ends with an answer or an error")

    @app.post("/v1/search", tags=["questions"])
    async def search(query: Search) -> SearchResult:
        """Ranked passages with their best sentences, without an answer."""
        evidence = await assistant.search(query.query, top_k=query.top_k, filters=query.filters.filters())
        return SearchResult.of(evidence)


async def _server_sent(first: Event, events: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield _encoded(first)
        following = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                done, _ = await asyncio.wait([following], timeout=KEEP_ALIVE_SECONDS)
                if not done:
                    yield KEEPALIVE_COMMENT
                    continue
                event = following.result()
                if event is None:
                    return
                yield _encoded(event)
                following = asyncio.ensure_future(anext(events, None))
        except Exception as error:
            problem = problem_of(error, "/v1/ask")
            yield format_sse_event(event="error", data_str=problem.model_dump_json())
        finally:
            # The client may have gone: what is awaited stops, and with it the model's writing.
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _encoded(event: Event) -> bytes:
    match event:
        case EvidenceFound(evidence):
            name, data = "evidence", SearchResult.of(evidence).model_dump_json()
        case CitationMade(citation):
            name, data = "citation", _EVENT.dump_json(citation).decode()
        case StatementMade(statement):
            name, data = "statement", _EVENT.dump_json(statement).decode()
        case AnswerDone(answer):
            name, data = "answer", _ANSWER.dump_json(answer).decode()
    return format_sse_event(event=name, data_str=data)


def _add_articles(app: FastAPI, assistant: Assistant) -> None:
    archive = assistant.archive
    one_at_a_time = threading.Lock()

    @app.get("/v1/articles", tags=["articles"])
    def list_articles(
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        source: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
        language: Annotated[list[str], Query()] = [],  # noqa: B006
        published_from: str = "",
        published_to: str = "",
    ) -> ArticlePage:
        """A page of the archive's articles, newest publication first, undated ones last."""
        filters = Filters(
            published_from=published_from,
            published_to=published_to,
            sources=tuple(source),
            languages=tuple(language),
        )
        check_filters(filters)
        page = archive.articles(offset=offset, limit=limit, filters=filters)
        return ArticlePage(
            total=archive.count_articles(filters),
            offset=offset,
            limit=limit,
            articles=[ArticleHead.of(article) for article in page],
        )

    @app.get("/v1/articles/{article_id:path}", tags=["articles"])
    def show_article(article_id: str) -> FullArticle:
        """One article with its text and sentences."""
        article = archive.article(article_id)
        head = ArticleHead.of(article).model_dump()
        return FullArticle(
            **head, text=article.text, sentences=[Span.of(s) for s in archive.sentences(article)]
        )

    @app.post(
        "/v1/articles",
        tags=["articles"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "anyOf": [
                                InputArticle.model_json_schema(),
                                {"type": "array", "items": InputArticle.model_json_schema()},
                            ]
                        },
                        "example": {
                            "id": "ferry-1",
                            "title": "Ferry runs aground",
                            "text": "A ferry ran aground near Valmere on Sunday. Nobody was hurt.",
                            "source": "Harbour Post",
                            "published_at": "2024-02-03",
                            "language": "en",
                        },
                    }
                },
            }
        },
    )
    def store_articles(articles: Annotated[Any, Body()]) -> list[Stored]:
        """Add or replace one article or many; one outcome for each, in the order given.

        An article of a list that cannot be taken in is `failed` with its reason; the others go in.
        """
        if not isinstance(articles, list):
            articles = [articles]
            alone = True
        else:
            alone = False
        if len(articles) > MAX_ARTICLES:
            raise UnreadableInputError(
                f"{len(articles):,} articles at once, more than {MAX_ARTICLES:,}: send them in parts."
            )
        checked = [_checked(item) for item in articles]
        if alone and isinstance(checked[0], str):
            raise UnreadableInputError(f"{checked[0]}.")
        # Outcomes come in the order of storing, and the same id may be given twice.
        outcomes: dict[str, list[Stored]] = {}
        with one_at_a_time:
            for outcome in ingest(archive, (item for item in checked if isinstance(item, Article))):
                stored = Stored(id=outcome.article_id, status=outcome.status, reason=outcome.reason)
                outcomes.setdefault(outcome.article_id, []).append(stored)
        return [
            Stored(id=_id_of(raw), status="failed", reason=item)
            if isinstance(item, str)
            else outcomes[item.id].pop(0)
            for raw, item in zip(articles, checked, strict=True)
        ]

    @app.delete("/v1/articles/{article_id:path}", tags=["articles"], status_code=204)
    def remove_article(article_id: str) -> Response:
        """Remove an article and all that was made of it."""
        archive.remove(article_id)
        return Response(status_code=204)


def _checked(item: Any) -> Article | str:
    """The article, or why it is none."""
    try:
        return InputArticle.model_validate(item, strict=False).to_article()
    except ValidationError as error:
        return one_line(error)


def _id_of(raw: Any) -> str:
    given = raw.get("id") if isinstance(raw, dict) else ""
    return given if isinstance(given, str) and given.isprintable() else ""


def _add_health(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/healthz", tags=["health"])
    async def alive() -> Alive:
        """The process is alive."""
        return Alive()

    @app.get("/readyz", tags=["health"])
    def ready() -> Ready:
        """The archive can be reached and the embedding model is loaded."""
        assistant.archive.ping()
        assistant.archive.check_embedder()
        return Ready(articles=assistant.archive.count_articles())
