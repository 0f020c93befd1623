"""Every error of the REST API as one shape: `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import (
    ArchiveUnavailableError,
    ArticleNotFoundError,
    UnreadableInputError,
    UserFixableError,
)
from rag.errors import ModelError, ModelUnreachableError, QuestionError
from ui.schemas import Problem

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 60 * 1024 * 1024
# The first class that fits decides.
_STATUS: tuple[tuple[type[UserFixableError], int], ...] = (
    (QuestionError, 422),
    (UnreadableInputError, 422),
    (ArticleNotFoundError, 404),
    (ArchiveUnavailableError, 503),
    (ModelUnreachableError, 503),
    (ModelError, 502),
    (UserFixableError, 400),
)


def problem_of(error: Exception, path: str) -> Problem:
    """What to tell of an error; of a bug, only that there was one."""
    if isinstance(error, RequestValidationError):
        status, detail = 422, _first_finding(error)
    elif isinstance(error, HTTPException):
        status, detail = error.status_code, str(error.detail)
    elif isinstance(error, UserFixableError):
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        detail = str(error)
    else:
        status, detail = (
            500,
            "An error of the program, not of the request: the server's log has the details.",
        )
    # The path and the detail may quote what the client sent, and that need not be encodable.
    return Problem(
        title=HTTPStatus(status).phrase, status=status, detail=_encodable(detail), instance=_encodable(path)
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error in this shape, and refuse bodies that are too large."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error, request.url.path)
        if problem.status >= 500 and not isinstance(error, UserFixableError):
            logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        headers = getattr(error, "headers", None)
        return JSONResponse(
            problem.model_dump(), problem.status, media_type="application/problem+json", headers=headers
        )

    for kind in (RequestValidationError, HTTPException, UserFixableError, Exception):
        app.add_exception_handler(kind, handle)
    app.add_middleware(_LimitedBody, send_problem=handle)


class _LimitedBody:
    """Refuses a request body over the limit, announced or not, before it fills the memory."""

    def __init__(
        self, app: ASGIApp, send_problem: Callable[[Request, Exception], Awaitable[JSONResponse]]
    ) -> None:
        self._app = app
        self._send_problem = send_problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        too_large = HTTPException(413, f"The body is larger than {MAX_BODY_BYTES // 2**20} MiB: send less.")
        if not announced.isdigit() or int(announced) > MAX_BODY_BYTES:
            response = await self._send_problem(Request(scope), too_large)
            return await response(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise too_large
            return message

        return await self._app(scope, counted, send)


def _first_finding(error: RequestValidationError) -> str:
    findings: list[dict[str, Any]] = list(error.errors())
    first = findings[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {first.get('ctx', {}).get('error', first['msg'])}."
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    message = first["msg"].removeprefix("Value error, ")
    more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{where or 'the body'}: {message}{more}."


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
