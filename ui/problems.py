"""Every error of the REST API as one shape: `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import (
    ArchiveUnavailableError,
    ArticleNotFoundError,
    UnreadableInputError,
    UserFixableError,
)
from rag.errors import (
    HistoryError,
    KeyReusedError,
    ModelError,
    ModelUnreachableError,
    NotKeptError,
    QuestionError,
    StillAnsweringError,
)
from rag.log import request_id
from ui.jobs import BusyError, JobNotFoundError, NotListedError
from ui.schemas import Problem

logger = logging.getLogger(__name__)


class ModelNotFoundError(UserFixableError):
    """An OpenAI client asks for another model than the one there is."""


class NotAcceptableError(UserFixableError):
    """The client takes none of the formats that there are."""


NOT_SENT_AS_JSON = "The body was not sent as JSON: add the header `content-type: application/json`."
# Details may quote what the client sent, and that may be megabytes.
_LONGEST_DETAIL = 500
_OPENAI_PATHS = ("/v1/chat/", "/v1/models")
# The first class that fits decides.
_STATUS: tuple[tuple[type[UserFixableError], int], ...] = (
    (QuestionError, 422),
    (UnreadableInputError, 422),
    (ArticleNotFoundError, 404),
    (ModelNotFoundError, 404),
    (NotKeptError, 404),
    (KeyReusedError, 422),
    (StillAnsweringError, 409),
    (NotAcceptableError, 406),
    (HistoryError, 503),
    (JobNotFoundError, 404),
    (NotListedError, 404),
    (BusyError, 429),
    (ArchiveUnavailableError, 503),
    (ModelUnreachableError, 503),
    (ModelError, 502),
    (UserFixableError, 400),
)


def problem_of(error: Exception, method: str, address: str, *, allowed: Collection[str] = ()) -> Problem:
    """What to tell of an error. Of a bug, only that there was one: the log gets its traceback."""
    if isinstance(error, RequestValidationError):
        status, detail = 422, _first_finding(error)
    elif isinstance(error, HTTPException):
        status, detail = error.status_code, _http_detail(error, method, address, allowed)
    elif isinstance(error, UserFixableError):
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        detail = str(error)
    else:
        # Without the address, in which there may be anything: the line of the request has its route.
        logger.error("a request failed", exc_info=error)
        status = 500
        detail = "An error of the program, not of the request: the server's log has the details."
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=one_line(detail),
        instance=address,
        request_id=request_id(),
    )


def one_line(text: str) -> str:
    """The text on one line that can be sent, shortened when it is very long."""
    line = " ".join(text.split()).encode("utf-8", "replace").decode("utf-8")
    return line if len(line) <= _LONGEST_DETAIL else line[: _LONGEST_DETAIL - 1] + "…"


def add_problem_handlers(app: FastAPI, max_upload_mb: int) -> None:
    """Answer every error in this shape, and refuse bodies of more MiB than that."""
    for kind in (RequestValidationError, HTTPException, UserFixableError):
        app.add_exception_handler(kind, problem_response)
    app.add_middleware(_LimitedBody, mebibytes=max_upload_mb)
    app.add_middleware(_CaughtBugs)


async def problem_response(request: Request, error: Exception) -> JSONResponse:
    """The error as a reply; on the paths that OpenAI's clients use, also as they read it."""
    # As the client wrote it, so that it is a valid URI reference.
    address = request.scope.get("raw_path", b"").decode("ascii", "replace")
    headers = getattr(error, "headers", None)
    allowed: list[str] = []
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = _allowed_methods(request)
        headers = {"allow": ", ".join(allowed)}
    problem = problem_of(error, request.method, address, allowed=allowed)
    content = problem.model_dump()
    if request.scope["path"].startswith(_OPENAI_PATHS):
        content |= openai_error(problem)
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def openai_error(problem: Problem) -> dict[str, Any]:
    """The error as OpenAI's clients read it; RFC 9457 lets a problem have members of its own."""
    kind = "server_error" if problem.status >= 500 else "invalid_request_error"
    code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(problem.status)
    return {"error": {"message": problem.detail, "type": kind, "param": None, "code": code}}


def _allowed_methods(request: Request) -> list[str]:
    """Of all routes at this address: the framework names those of the first one only."""
    found = [r for r in request.app.routes if r.matches(request.scope)[0] is Match.PARTIAL]
    return sorted({method for route in found for method in getattr(route, "methods", None) or ()})


class _CaughtBugs:
    """Answers for an unexpected exception, which would else reach the server and be logged twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if started:
                raise
            response = await problem_response(Request(scope), error)
            await response(scope, receive, send)


class _LimitedBody:
    """Refuses a request body over the limit, announced or not, before it fills the memory."""

    def __init__(self, app: ASGIApp, *, mebibytes: int) -> None:
        self._app = app
        self._mebibytes = mebibytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        most = self._mebibytes * 2**20
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        too_large = HTTPException(413, f"The body is larger than {self._mebibytes} MiB: send less.")
        if not announced.isdigit() or int(announced) > most:
            response = await problem_response(Request(scope), too_large)
            return await response(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise too_large
            return message

        return await self._app(scope, counted, send)


def _http_detail(error: HTTPException, method: str, address: str, allowed: Collection[str]) -> str:
    match error.status_code:
        case 400:
            # The framework says no more than that it could not parse the body.
            return (
                "The body cannot be read: its text is not UTF-8, a number in it is too long, "
                "or it is nested too deeply."
            )
        case 404:
            return f"Nothing is at {address!r}: /docs shows what there is."
        case 405:
            return f"{method} is not for {address!r}: use {' or '.join(allowed)}."
        case _:
            return str(error.detail)


def _first_finding(error: RequestValidationError) -> str:
    if isinstance(error.body, bytes):
        return NOT_SENT_AS_JSON
    findings: list[dict[str, Any]] = list(error.errors())
    first = findings[0]
    # The first part says whether it is the body, the query or the path.
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    match first["type"]:
        case "json_invalid":
            reason = first.get("ctx", {}).get("error", first["msg"])
            return f"The body is not JSON: {reason} at character {where}."
        case "model_attributes_type" | "model_type":
            message = "must be a JSON object"
        case "extra_forbidden":
            message = "is not known here"
        case _:
            message = first["msg"].removeprefix("Value error, ")
    more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{where}: {message}{more}."
