"""Dateline as a model: the part of OpenAI's API that chat clients speak, under the same `/v1`.

The last message is the question, those before it the history. The reply is the answer's statements,
a line each, with their numbers as `[1]`; beside it `citations` says what the numbers stand for.
"""

import json
import time
import uuid
from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import Body, FastAPI, Request, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rag.chat import Assistant
from rag.errors import QuestionError
from rag.pack import estimate_tokens
from rag.types import Answer, AnswerDone, Citation, CitationMade, Event, Statement, StatementMade, Turn
from ui.openapi import COMPLETION_EXAMPLES, replies
from ui.problems import ModelNotFoundError, openai_error, problem_of
from ui.render import abstention_text
from ui.schemas import RequestFilters, Text, TopK, whole_number
from ui.streaming import CLIENT_CLOSED, streamed, whole

MODEL = "dateline"
PATH = "/v1/chat/completions"
MAX_MESSAGES = 1000


class Part(BaseModel):
    """A piece of a message; only text can be asked."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One message; what a system or tool message says changes nothing."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[Part] | None = None

    @property
    def text(self) -> str:
        """The message as plain text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool = Field(default=False, strict=True)


class CompletionRequest(BaseModel):
    """A request as OpenAI's clients send it; what steers a model's sampling is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    messages: tuple[Message, ...] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: Annotated[bool, Field(strict=True)] | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(strict=True, ge=1, le=1), BeforeValidator(whole_number)] | None = None
    filters: RequestFilters = RequestFilters()
    top_k: TopK = None

    def asked(self) -> tuple[str, tuple[Turn, ...]]:
        """The question and what was said before it. Raises QuestionError."""
        _check_model(self.model)
        said = [message for message in self.messages if message.role in ("user", "assistant")]
        if not said or said[-1].role != "user":
            raise QuestionError("the last message must be the user's: it is the question.")
        *earlier, last = said
        return last.text, tuple(
            Turn("user" if message.role == "user" else "assistant", message.text) for message in earlier
        )


class Usage(BaseModel):
    """Estimated tokens of the messages and of the reply."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Said(BaseModel):
    """A reply, or what a stream adds to it."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class Choice(BaseModel):
    """The only reply."""

    index: Literal[0] = 0
    message: Said
    finish_reason: Literal["stop"] = "stop"


class Completion(BaseModel):
    """A reply in OpenAI's shape, with what its numbers stand for."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[Choice]
    usage: Usage
    citations: list[Citation]
    abstained: bool

    @classmethod
    def of(cls, answer: Answer, prompt_tokens: int) -> "Completion":
        text = _text(answer)
        return cls(
            id=_new_id(),
            created=int(time.time()),
            choices=[Choice(message=Said(role="assistant", content=text))],
            usage=_usage(prompt_tokens, text),
            citations=list(answer.citations),
            abstained=answer.abstained,
        )


class ChunkChoice(BaseModel):
    """The only reply's next piece."""

    index: Literal[0] = 0
    delta: Said
    finish_reason: Literal["stop"] | None = None


class Chunk(BaseModel):
    """A piece of a reply with the citations it is the first to use; the last has all of them."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str = MODEL
    choices: list[ChunkChoice]
    citations: list[Citation]
    abstained: bool | None = None
    usage: Usage | None = None


class Model(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MODEL


class Models(BaseModel):
    """The models that can be asked: one."""

    object: Literal["list"] = "list"
    data: list[Model]


def add_completions(app: FastAPI, assistant: Assistant) -> None:
    """`POST /v1/chat/completions`, `GET /v1/models` and `GET /v1/models/{id}`."""

    @app.post(
        PATH,
        tags=["OpenAI"],
        response_model=Completion,
        responses=replies("completion", 400, 404, 413, 422, 502, 503),
    )
    async def complete(
        wanted: Annotated[CompletionRequest, Body(openapi_examples=COMPLETION_EXAMPLES)], request: Request
    ) -> Completion | Response:
        """Answer the last message as an OpenAI-compatible model would, with `citations` beside it."""
        question, history = wanted.asked()
        events = assistant.stream(
            question, history=history, filters=wanted.filters.filters(), top_k=wanted.top_k
        )
        prompt_tokens = sum(estimate_tokens(message.text) for message in wanted.messages)
        if wanted.stream:
            with_usage = wanted.stream_options is not None and wanted.stream_options.include_usage
            writer = _Writer(prompt_tokens if with_usage else None)
            return await streamed(events, writer.encoded, _error, format_sse_event(data_str="[DONE]"))
        answer = await whole(request, events)
        if answer is None:
            return Response(status_code=CLIENT_CLOSED)
        return Completion.of(answer, prompt_tokens)

    @app.get("/v1/models", tags=["OpenAI"], responses=replies("models"))
    async def list_models() -> Models:
        """The one model: this archive."""
        return Models(data=[Model(id=MODEL)])

    @app.get("/v1/models/{id:path}", tags=["OpenAI"], responses=replies("model", 404))
    async def show_model(id: str) -> Model:
        """The model of this name."""
        _check_model(id)
        return Model(id=MODEL)


def _check_model(name: str) -> None:
    if name != MODEL:
        raise ModelNotFoundError(f"the model {name[:100]!r} does not exist here: ask {MODEL!r}.")


class _Writer:
    """One reply as chunks; `prompt_tokens` when the client wants to know what it cost."""

    def __init__(self, prompt_tokens: int | None) -> None:
        self._prompt_tokens = prompt_tokens
        self._id = _new_id()
        self._created = int(time.time())
        self._new: list[Citation] = []
        self._started = False

    def encoded(self, event: Event) -> bytes:
        """The event as a chunk or two; nothing for those that add no text."""
        match event:
            case CitationMade(citation):
                # Sent with the statement that points to it, which follows.
                self._new.append(citation)
                return b""
            case StatementMade(statement):
                return self._piece(_line(statement))
            case AnswerDone(answer):
                return self._ended(answer)
        return b""

    def _piece(self, text: str) -> bytes:
        content = f"\n{text}" if self._started else text
        said = Said(role=None if self._started else "assistant", content=content)
        self._started = True
        cited, self._new = self._new, []
        return self._chunk([ChunkChoice(delta=said)], cited)

    def _ended(self, answer: Answer) -> bytes:
        parts = b"" if self._started else self._piece(_text(answer))
        parts += self._chunk(
            [ChunkChoice(delta=Said(), finish_reason="stop")], answer.citations, abstained=answer.abstained
        )
        if self._prompt_tokens is not None:
            parts += self._chunk([], (), usage=_usage(self._prompt_tokens, _text(answer)))
        return parts

    def _chunk(
        self,
        choices: list[ChunkChoice],
        citations: Iterable[Citation],
        *,
        abstained: bool | None = None,
        usage: Usage | None = None,
    ) -> bytes:
        chunk = Chunk(
            id=self._id,
            created=self._created,
            choices=choices,
            citations=list(citations),
            abstained=abstained,
            usage=usage,
        )
        return format_sse_event(data_str=chunk.model_dump_json(exclude_none=True))


def _error(error: Exception) -> bytes:
    problem = problem_of(error, "POST", PATH)
    return format_sse_event(data_str=json.dumps(openai_error(problem)))


def _text(answer: Answer) -> str:
    if answer.abstained:
        return abstention_text(answer)
    return "\n".join(_line(statement) for statement in answer.statements)


def _line(statement: Statement) -> str:
    return f"{statement.text} {''.join(f'[{index}]' for index in statement.citations)}".strip()


def _usage(prompt_tokens: int, text: str) -> Usage:
    written = estimate_tokens(text)
    return Usage(
        prompt_tokens=prompt_tokens, completion_tokens=written, total_tokens=prompt_tokens + written
    )


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"
