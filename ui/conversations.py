"""REST for what is kept: conversations, their answers in several formats, and feedback.

A conversation belongs to whoever asked (`ui/owner.py`). Only an answer can be read by others: by
whoever has its link.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import Body, FastAPI, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from rag.chat import Assistant
from rag.errors import NotKeptError, QuestionError
from rag.history import Conversation, Feedback, turns
from rag.types import Answer, AnswerDone, Event, Turn
from ui.export import MEDIA_TYPES, POLICY, export
from ui.idempotency import CONVERSATION
from ui.openapi import FEEDBACK_EXAMPLES, RENAME_EXAMPLES, replies
from ui.owner import known_owner, owner_of
from ui.paging import add_links
from ui.problems import NotAcceptableError
from ui.schemas import (
    Ask,
    Asked,
    ConversationPage,
    ConversationQuery,
    FullConversation,
    GivenFeedback,
    KeptAnswer,
    RatedAnswer,
    Rename,
)

NEW = "new"
JSON_LINES = "application/x-ndjson"
Format = Literal["json", "markdown", "docx", "html"]
Id = Annotated[str, Path(max_length=64, description="As it came with the answer.")]
Keep = Callable[[Answer], Asked]


async def keeping(assistant: Assistant, asked: Ask, request: Request) -> tuple[Sequence[Turn], Keep]:
    """What was said before, and what to do with the answer. Raises QuestionError and NotKeptError."""
    conversation = "" if asked.conversation == NEW else asked.conversation
    if asked.replace_last and not conversation:
        raise QuestionError("replace_last needs the id of a `conversation`: there is no last answer.")
    if asked.history and conversation:
        raise QuestionError("give `history` or the id of a `conversation`, not both.")
    if not asked.conversation:
        return asked.turns(), Asked.of
    owner = owner_of(request.scope)
    history = await run_in_threadpool(lambda: assistant.history)

    def keep(answer: Answer) -> Asked:
        if asked.replace_last:
            kept = history.replace_last(owner, answer, conversation)
        else:
            kept = history.append(owner, answer, conversation)
        request.scope["state"][CONVERSATION] = kept.conversation_id
        return Asked.of(answer, kept)

    if not conversation:
        return asked.turns(), keep
    before = await run_in_threadpool(history.answers, owner, conversation)
    return turns(before[:-1] if asked.replace_last else before), keep


async def kept_with(events: AsyncGenerator[Event, None], keep: Keep) -> AsyncGenerator[Event, None]:
    """The events of an answer, which is kept before its end is told."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, AnswerDone):
                yield AnswerDone(await run_in_threadpool(keep, event.answer))
            else:
                yield event


def add_conversations(app: FastAPI, assistant: Assistant) -> None:
    """`/v1/conversations`, `/v1/answers` and `/v1/feedback`."""
    _add_conversations(app, assistant)
    _add_answers(app, assistant)
    _add_feedback(app, assistant)


def _add_conversations(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/v1/conversations", tags=["conversations"], responses=replies("conversations", 422, 503))
    def list_conversations(
        query: Annotated[ConversationQuery, Query()], request: Request, response: Response
    ) -> ConversationPage:
        """A page of your conversations, the last used first; with `query`, those that have its words."""
        owner, history = owner_of(request.scope), assistant.history
        total = history.count_conversations(owner, query.query)
        add_links(request, response, total=total, offset=query.offset, limit=query.limit)
        page = history.conversations(owner, query=query.query, offset=query.offset, limit=query.limit)
        return ConversationPage(total=total, offset=query.offset, limit=query.limit, conversations=page)

    @app.get(
        "/v1/conversations/{id}", tags=["conversations"], responses=replies("conversation", 404, 422, 503)
    )
    def show_conversation(id: Id, request: Request) -> FullConversation:
        """One of your conversations with its answers, in order."""
        owner, history = owner_of(request.scope), assistant.history
        return FullConversation.of(history.conversation(owner, id), history.answers(owner, id))

    @app.patch(
        "/v1/conversations/{id}",
        tags=["conversations"],
        responses=replies("renamed", 400, 404, 413, 422, 503),
    )
    def rename_conversation(
        id: Id, wanted: Annotated[Rename, Body(openapi_examples=RENAME_EXAMPLES)], request: Request
    ) -> Conversation:
        """Give one of your conversations another name."""
        return assistant.history.rename(owner_of(request.scope), id, wanted.name)

    @app.delete(
        "/v1/conversations/{id}",
        tags=["conversations"],
        status_code=204,
        responses=replies("remove", 404, 422, 503),
    )
    def delete_conversation(id: Id, request: Request) -> Response:
        """Delete one of your conversations for good, with its answers and their feedback."""
        assistant.history.delete(owner_of(request.scope), id)
        return Response(status_code=204)


def _add_answers(app: FastAPI, assistant: Assistant) -> None:
    @app.get(
        "/v1/answers/{id}",
        tags=["conversations"],
        response_model=KeptAnswer,
        responses=replies("kept", 404, 406, 422, 503),
    )
    def show_answer(
        id: Id,
        request: Request,
        response: Response,
        format: Annotated[
            Format | None, Query(description="Without it, what the `Accept` header likes best.")
        ] = None,
    ) -> KeptAnswer | Response:
        """An answer by its id, for whoever has it: as JSON, or as a file in the format wanted."""
        kept = assistant.history.answer(id, known_owner(request.scope))
        form = format or _liked_best(request.headers.get("accept", ""))
        response.headers["vary"] = "accept"
        if form == "json":
            return KeptAnswer.of(kept)
        if kept.answer is None:
            raise NotKeptError(kept.fault)
        file = export(kept.answer, form, kept.asked_at)
        # A page is shown, and saved only where that is asked for.
        headers = {"content-disposition": file.disposition(shown=form == "html"), "vary": "accept"}
        if form == "html":
            headers["content-security-policy"] = POLICY
        return Response(file.content, media_type=file.media_type, headers=headers)


def _add_feedback(app: FastAPI, assistant: Assistant) -> None:
    @app.put(
        "/v1/answers/{id}/feedback",
        tags=["conversations"],
        responses=replies("rated", 400, 404, 413, 422, 503),
    )
    def rate_answer(
        id: Id, given: Annotated[GivenFeedback, Body(openapi_examples=FEEDBACK_EXAMPLES)], request: Request
    ) -> Feedback:
        """Say what one of your answers is worth; once more, to say something else."""
        owner = owner_of(request.scope)
        kept = assistant.history.rate(owner, id, given.verdict, given.reason, given.comment)
        assert kept.feedback is not None
        return kept.feedback

    @app.delete(
        "/v1/answers/{id}/feedback",
        tags=["conversations"],
        status_code=204,
        responses=replies("remove", 404, 422, 503),
    )
    def take_feedback_back(id: Id, request: Request) -> Response:
        """Take back what you said of an answer."""
        assistant.history.unrate(owner_of(request.scope), id)
        return Response(status_code=204)

    @app.get(
        "/v1/feedback",
        tags=["conversations"],
        response_class=StreamingResponse,
        responses=replies("feedback", 503),
    )
    def list_feedback(request: Request) -> StreamingResponse:
        """Your answers with feedback as JSON lines, each with what was said before it."""
        owner, history = owner_of(request.scope), assistant.history

        def lines() -> Iterator[str]:
            for rated in history.feedback(owner):
                yield RatedAnswer.of_rated(rated).model_dump_json() + "\n"

        return StreamingResponse(lines(), media_type=JSON_LINES)


def _liked_best(accept: str) -> Format:
    """The format that an Accept header (RFC 9110) likes best. Raises NotAcceptableError."""
    offered: dict[str, Format] = {"application/json": "json"}
    offered |= {media.partition(";")[0]: form for form, media in MEDIA_TYPES.items()}
    ranges = [_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]

    def liking(media: str) -> float:
        # The range that says most about a type decides.
        for name in (media, media.partition("/")[0] + "/*", "*/*"):
            for given, quality in ranges:
                if given == name:
                    return quality
        return 0.0

    best = max(offered, key=liking)
    if not liking(best):
        raise NotAcceptableError(f"an answer comes as {', '.join(offered)}: accept one of them.")
    return offered[best]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (each.strip().lower() for each in part.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0
