"""REST: a thin door to one Assistant. It describes itself at `/docs`."""

import asyncio
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event
from fastapi_offline import FastAPIOffline
from pydantic import TypeAdapter, ValidationError

from index.archive import Archive
from index.errors import ArchiveUnavailableError, UnreadableInputError, UserFixableError
from index.ingest import ingest
from index.readers import InputArticle
from index.readers import one_line as findings_of
from index.types import Article
from rag.chat import Assistant, check_filters
from rag.replies import Replies
from rag.types import Answer, AnswerDone, CitationMade, Event, EvidenceFound, StatementMade
from ui.completions import add_completions
from ui.conversations import add_conversations, keeping, kept_with
from ui.idempotency import Idempotency
from ui.ingestion import add_ingestion
from ui.jobs import Jobs
from ui.openapi import (
    ABOUT_EXAMPLES,
    ASK_EXAMPLES,
    SEARCH_EXAMPLES,
    STORE_REQUEST,
    complete,
    replies,
)
from ui.owner import Owners
from ui.paging import add_links
from ui.paths import is_work
from ui.problems import NOT_SENT_AS_JSON, add_problem_handlers, one_line, problem_of
from ui.schemas import (
    MAX_ARTICLES,
    About,
    Alive,
    ArticleHead,
    ArticlePage,
    ArticleQuery,
    Ask,
    Asked,
    ClaimTable,
    FullArticle,
    Ready,
    Search,
    SearchResult,
    Stored,
    Timeline,
)
from ui.streaming import CLIENT_CLOSED, streamed, whole

_DATA: TypeAdapter[Any] = TypeAdapter(Any)


def create_api(assistant: Assistant, jobs: Jobs | None = None) -> FastAPI:
    """The REST application; the chat page is mounted on it elsewhere, and may share its `jobs`."""
    jobs = jobs or Jobs(assistant.archive)
    app = FastAPIOffline(
        redoc_url=None,
        # The functions' names: short, and the same from version to version.
        generate_unique_id_function=lambda route: route.name,
        title="Dateline",
        version=version("dateline"),
        description="Cited answers from a multilingual news archive.",
        # Unless told not to, the page asks another host whether the description is valid.
        swagger_ui_parameters={"validatorUrl": None},
        # Traces of what is work; for figures there is `/metrics`.
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: not is_work(scope["path"]),
        },
    )
    # The last one added is the outermost.
    app.add_middleware(Idempotency, replies=lambda: Replies(assistant.history.database))
    app.add_middleware(Owners)
    add_problem_handlers(app, assistant.settings.max_upload_mb)
    _add_questions(app, assistant)
    add_conversations(app, assistant)
    add_completions(app, assistant)
    _add_articles(app, assistant)
    add_ingestion(app, assistant, jobs)
    _add_health(app, assistant)
    _describe(app, assistant)
    return app


def _add_questions(app: FastAPI, assistant: Assistant) -> None:
    @app.post(
        "/v1/ask",
        tags=["questions"],
        response_model=Asked,
        responses=replies("ask", 400, 404, 409, 413, 422, 502, 503),
    )
    async def ask(
        asked: Annotated[Ask, Body(openapi_examples=ASK_EXAMPLES)], request: Request
    ) -> Answer | Response:
        """Answer a question from the articles, or say that they do not hold the answer.

        With `stream`, server-sent events, each with one JSON object: `evidence`, then `citation`
        and `statement` as they are made, then `answer`; an `error` ends the stream early. With
        `conversation` the answer is kept, and comes with its id.
        """
        history, keep = await keeping(assistant, asked, request)
        events = assistant.stream(
            asked.question,
            history=history,
            filters=asked.filters.filters(),
            top_k=asked.top_k,
            infer_time=asked.infer_time,
            translate=asked.translate,
            answer_language=asked.answer_language,
        )
        if asked.stream:
            return await streamed(kept_with(events, keep), _encoded, _error)
        return await whole(request, kept_with(events, keep)) or Response(status_code=CLIENT_CLOSED)

    @app.post("/v1/search", tags=["questions"], responses=replies("search", 400, 413, 422, 503))
    async def search(wanted: Annotated[Search, Body(openapi_examples=SEARCH_EXAMPLES)]) -> SearchResult:
        """Ranked passages with their best sentences, without an answer."""
        evidence = await assistant.search(
            wanted.query, top_k=wanted.top_k, filters=wanted.filters.filters()
        )
        return SearchResult.of(evidence)

    @app.post("/v1/claims", tags=["questions"], responses=replies("claims", 400, 413, 422, 502, 503))
    async def claims(wanted: Annotated[About, Body(openapi_examples=ABOUT_EXAMPLES)]) -> ClaimTable:
        """Who said, warned, denied or claimed what, to whom: rows with their sentences."""
        evidence, found = await assistant.claims(
            wanted.question, top_k=wanted.top_k, filters=wanted.filters.filters()
        )
        return ClaimTable.of(evidence, found, complete=assistant.settings.has_llm)

    @app.post("/v1/timeline", tags=["questions"], responses=replies("timeline", 400, 413, 422, 503))
    async def timeline(wanted: Annotated[About, Body(openapi_examples=ABOUT_EXAMPLES)]) -> Timeline:
        """Dated sentences about the question, in the order of what they tell of."""
        evidence, found = await assistant.timeline(
            wanted.question, top_k=wanted.top_k, filters=wanted.filters.filters()
        )
        return Timeline.of(evidence, found)


def _encoded(event: Event) -> bytes:
    match event:
        case EvidenceFound(evidence):
            name, data = "evidence", _DATA.dump_json(SearchResult.of(evidence))
        case CitationMade(citation):
            name, data = "citation", _DATA.dump_json(citation)
        case StatementMade(statement):
            name, data = "statement", _DATA.dump_json(statement)
        case AnswerDone(answer):
            name, data = "answer", _DATA.dump_json(answer)
    return format_sse_event(event=name, data_str=data.decode())


def _error(error: Exception) -> bytes:
    problem = problem_of(error, "POST", "/v1/ask")
    return format_sse_event(event="error", data_str=problem.model_dump_json())


def _add_articles(app: FastAPI, assistant: Assistant) -> None:
    # Held without a thread, so that many who wait cannot use up the threads that readers need.
    one_at_a_time = asyncio.Lock()

    @app.get("/v1/articles", tags=["articles"], responses=replies("articles", 422, 503))
    def list_articles(
        query: Annotated[ArticleQuery, Query()], request: Request, response: Response
    ) -> ArticlePage:
        """A page of the archive's articles, newest publication first, undated ones last."""
        filters = query.filters()
        check_filters(filters)
        page = assistant.archive.browse(
            query.query, offset=query.offset, limit=query.limit, filters=filters
        )
        add_links(request, response, total=page.total, offset=query.offset, limit=query.limit)
        return ArticlePage(
            total=page.total,
            offset=query.offset,
            limit=query.limit,
            articles=[ArticleHead.of(article) for article in page.articles],
        )

    @app.get("/v1/articles/{id:path}", tags=["articles"], responses=replies("article", 404, 503))
    def show_article(
        id: str,
        version: Annotated[
            str, Query(max_length=64, description="A citation's `version`; without it, the present text.")
        ] = "",
    ) -> FullArticle:
        """One article with its text and sentences, as it is or as it was when it was cited."""
        return FullArticle.of_version(assistant.archive, id, version)

    @app.post(
        "/v1/articles",
        tags=["articles"],
        responses=replies("store", 400, 413, 422, 503),
        openapi_extra=STORE_REQUEST,
    )
    async def store_articles(articles: Annotated[Any, Body()]) -> list[Stored]:
        """Add or replace one article or many; one outcome for each, in the order given.

        An article of a list that cannot be taken in is `failed` with its reason; the others go in.
        """
        if isinstance(articles, bytes):
            raise UnreadableInputError(NOT_SENT_AS_JSON)
        if not isinstance(articles, dict | list):
            raise UnreadableInputError("The body must be one article, a JSON object, or a list of them.")
        many = articles if isinstance(articles, list) else [articles]
        if len(many) > MAX_ARTICLES:
            raise UnreadableInputError(
                f"{len(many):,} articles at once, more than {MAX_ARTICLES:,}: send them in parts."
            )
        async with one_at_a_time:
            stored = await run_in_threadpool(_stored, assistant.archive, many)
        if isinstance(articles, dict) and stored[0].status == "failed":
            raise UnreadableInputError(f"{stored[0].reason.removesuffix('.')}.")
        return stored

    @app.delete(
        "/v1/articles/{id:path}",
        tags=["articles"],
        status_code=204,
        responses=replies("remove", 404, 503),
    )
    def remove_article(id: str) -> Response:
        """Remove an article and all that was made of it."""
        assistant.archive.remove(id)
        return Response(status_code=204)


def _stored(archive: Archive, given: Sequence[Any]) -> list[Stored]:
    checked = [_checked(item) for item in given]
    # Outcomes come in the order of storing, and the same id may be given twice.
    outcomes: dict[str, list[Stored]] = {}
    for outcome in ingest(archive, _articles(checked)):
        stored = Stored(id=outcome.article_id, status=outcome.status, reason=one_line(outcome.reason))
        outcomes.setdefault(outcome.given_id, []).append(stored)
    return [item if isinstance(item, Stored) else outcomes[item.id].pop(0) for item in checked]


def _articles(checked: Sequence[Article | Stored]) -> Iterator[Article]:
    return (item for item in checked if isinstance(item, Article))


def _checked(given: Any) -> Article | Stored:
    """The article, or why it is none."""
    if not isinstance(given, dict):
        return Stored(id="", status="failed", reason="is no JSON object")
    try:
        return InputArticle.model_validate(given).to_article()
    except ValidationError as error:
        return Stored(id=_id_of(given), status="failed", reason=one_line(findings_of(error)))


def _id_of(given: dict[str, Any]) -> str:
    """The id that was meant, if it can be sent back."""
    name = given.get("id")
    return name.encode("utf-8", "replace").decode("utf-8") if isinstance(name, str) else ""


def _add_health(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/healthz", tags=["health"], responses=replies("alive"))
    async def alive() -> Alive:
        """The process is alive."""
        return Alive()

    @app.get("/readyz", tags=["health"], responses=replies("ready", 503))
    def ready() -> Ready:
        """The archive can be reached and the embedding model is loaded."""
        try:
            assistant.archive.ping()
            assistant.archive.check_embedder()
            return Ready(articles=assistant.archive.count_articles())
        except UserFixableError as error:
            raise ArchiveUnavailableError(str(error)) from error


def _describe(app: FastAPI, assistant: Assistant) -> None:
    describe = app.openapi
    settings = assistant.settings

    def described() -> dict[str, Any]:
        return app.openapi_schema or complete(
            describe(), longest_question=settings.max_question_chars, has_llm=settings.has_llm
        )

    app.openapi = described  # type: ignore[method-assign]
