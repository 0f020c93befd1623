"""The archive as tools for other programs' models, by the Model Context Protocol."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import Field, RootModel

from index.errors import UserFixableError
from index.types import Filters
from rag.chat import Assistant
from rag.types import Answer
from ui.schemas import MAX_TOP_K, FullArticle, SearchResult

INSTRUCTIONS = (
    "A news archive in several languages. Ask in any of them: evidence is found in all. Every statement of "
    "an answer cites sentences of articles, word for word, by article and place. When `abstained` is true "
    "the archive does not know: say so, and do not answer from elsewhere as if it did."
)
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Question = Annotated[str, Field(description="In any language.", min_length=1)]
Count = Annotated[int, Field(ge=1, le=MAX_TOP_K, description="Passages.")]
Day = Annotated[str, Field(description="ISO 8601 date, included; empty: no bound.")]
Sources = Annotated[tuple[str, ...], Field(description="Only these outlets; none: all.")]
Languages = Annotated[tuple[str, ...], Field(description="Only articles in these (ISO 639); none: all.")]


class Answered(RootModel[Answer]):
    """An answer in the form in which the protocol sends results: as a model of pydantic's."""


def create_mcp(assistant: Assistant) -> MCPServer[Any]:
    """A server with the tools `search_archive`, `ask_archive` and `get_article`; none of them writes."""
    server: MCPServer[Any] = MCPServer(
        "dateline", version=version("dateline"), instructions=INSTRUCTIONS, log_level="WARNING"
    )

    @server.tool(annotations=_READS)
    async def search_archive(
        query: Question,
        top_k: Count = 10,
        published_from: Day = "",
        published_to: Day = "",
        sources: Sources = (),
        languages: Languages = (),
    ) -> SearchResult:
        """Passages of articles about a question, best first, with their best sentences."""
        filters = Filters(published_from, published_to, sources, languages)
        with _told():
            return SearchResult.of(await assistant.search(query, top_k=top_k, filters=filters))

    @server.tool(annotations=_READS)
    async def ask_archive(
        question: Question,
        published_from: Day = "",
        published_to: Day = "",
        sources: Sources = (),
        languages: Languages = (),
        answer_language: Annotated[
            str, Field(description="ISO 639 code; empty: the question's language.")
        ] = "",
    ) -> Answered:
        """An answer whose statements each cite sentences of articles, or that the archive does not know."""
        filters = Filters(published_from, published_to, sources, languages)
        with _told():
            answer = await assistant.ask(question, filters=filters, answer_language=answer_language)
            return Answered(answer)

    @server.tool(annotations=_READS)
    async def get_article(
        article_id: Annotated[str, Field(description="As in a citation or a search result.")],
    ) -> FullArticle:
        """One article with its text; citations count characters in it."""
        with _told():
            return await run_in_threadpool(_article, assistant, article_id)

    return server


def add_mcp(app: FastAPI, assistant: Assistant) -> None:
    """Serve the tools at `/mcp` (streamable HTTP, without sessions: any replica may answer)."""
    server = create_mcp(assistant)
    inside = server.streamable_http_app(
        streamable_http_path="/mcp",
        stateless_http=True,
        json_response=True,
        # `ui/access.py` refuses what a page elsewhere makes a browser send, here as everywhere.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app.router.routes.extend(inside.routes)
    app.router.lifespan_context = _around(app.router.lifespan_context, server)


def _around(
    lifespan: Callable[[Any], AbstractAsyncContextManager[Any]], server: MCPServer[Any]
) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def both(app: Any) -> AsyncIterator[Any]:
        async with server.session_manager.run(), lifespan(app) as state:
            yield state

    return both


def _article(assistant: Assistant, article_id: str) -> FullArticle:
    return FullArticle.of_version(assistant.archive, article_id)


@contextmanager
def _told() -> Iterator[None]:
    """What a user can put right is told to the model in the same words."""
    try:
        yield
    except UserFixableError as error:
        raise ToolError(str(error)) from error
