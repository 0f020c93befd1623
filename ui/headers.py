"""Security headers on every response, and the content security policies that go with them.

Gradio's page and `/docs` bring scripts inside their HTML. Each such script is given a nonce that is new for
every reply, so that a script which somebody smuggled into the page does not run. Two things the policy has
to leave open, as seen in Chromium: 'unsafe-eval', since Gradio 6 compiles the templates of its HTML
components in the browser, and styles inside the HTML, which its components and Swagger's set.
"""

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.paths import is_data

# What is no page: data, and documents that hold everything they need. Nothing in it may run.
_DOCUMENT = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# Nothing may come from another host, and nothing may be sent to one.
_PAGE = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: forms of the page itself would then be sent with the origin "null".
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_ONLY_HTTPS = "max-age=31536000"
_SCRIPT = re.compile(rb"<script(?=[\s>])", re.IGNORECASE)


class SecurityHeaders:
    """ASGI middleware: adds the headers; what sets a header of its own keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if is_data(scope["path"]):
            return await self._app(scope, receive, _adding(send, scope, _DOCUMENT))
        nonce = secrets.token_urlsafe(16)
        if _takes_html(scope):
            # Compressed, it could not be given its nonces; the files that it names still are.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        sending = _WithNonces(_adding(send, scope, _PAGE.format(nonce=nonce)), nonce)
        return await self._app(scope, receive, sending)


def _takes_html(scope: Scope) -> bool:
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accepted


def _adding(send: Send, scope: Scope, policy: str) -> Send:
    async def added(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", policy)
            if scope["scheme"] == "https":
                headers.setdefault("strict-transport-security", _ONLY_HTTPS)
        await send(message)

    return added


class _WithNonces:
    """Sends a reply on; when it is HTML, whole and with the nonce in its script tags."""

    def __init__(self, send: Send, nonce: str) -> None:
        self._send = send
        self._tag = f'<script nonce="{nonce}"'.encode()
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if (
                headers.get("content-type", "").startswith("text/html")
                and "content-encoding" not in headers
            ):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = _SCRIPT.sub(self._tag, self._body)
            headers = MutableHeaders(scope=self._start)
            if "content-length" in headers:
                headers["content-length"] = str(len(body))
            await self._send(self._start)
            message = {"type": "http.response.body", "body": body}
        await self._send(message)
