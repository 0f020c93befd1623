"""Who may do what: every request passes here before anything else looks at it.

On a loopback address nothing is asked of anybody but browsers: a page of another site must not use what
listens on its reader's machine, neither directly (`Origin`) nor by a name of its own that it points there
(`Host`). On any other address, or with the setting `require_tokens`, a request needs a token: in the header
`Authorization: Bearer`, or in the cookie that the sign-in page sets. Tokens of the scope `read` ask, search
and read; to add and to remove takes `write`.

`/healthz` and `/readyz` stay open, since whoever starts and stops servers has no token; they tell no more
than the number of articles. `/metrics` needs one: it tells how much is asked, and of what kind.

What passed is in `scope["state"]["token"]`: a Token, or None where none is needed.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import UserFixableError
from rag.config import Settings
from ui.problems import problem_response
from ui.signin import SIGN_IN, SIGN_OUT, SignIn, token_in_cookie
from ui.tokens import Scope as TokenScope
from ui.tokens import Token, Tokens

OPEN = ("/healthz", "/readyz")
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# What changes no article although it is sent by POST and the like; all else that is not safe needs `write`.
# The page's own events are checked once more where they are handled.
_READS = re.compile(
    r"/v1/(ask|search|claims|timeline|chat/completions|conversations|answers)(/|$)"
    r"|/mcp(/|$)|(/[a-z]{2})?/gradio_api/(?!upload)|/signout$"
)
# What a browser shows to its reader as a page.
_NO_PAGE = re.compile(r"/v\d+/|/mcp(/|$)|/metrics$|/openapi\.json$|(/[a-z]{2})?/gradio_api/")
_ONCE_MORE = b'<!doctype html><meta http-equiv="refresh" content="0"><title>Dateline</title>'


def tokens_are_needed(settings: Settings) -> bool:
    """Whether requests need a token: by the settings, or because others than this machine can connect."""
    return settings.require_tokens or not _is_loopback(settings.host)


class Access:
    """ASGI middleware: lets a request pass, or says why not."""

    def __init__(self, app: ASGIApp, *, settings: Settings, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens
        self._needed = tokens_are_needed(settings)
        self._hosts = tuple(name.lower() for name in settings.allowed_hosts)
        if self._hosts or _is_loopback(settings.host):
            self._hosts += (*_LOOPBACK, _bracketed(settings.host))
        self._origins = settings.cors_origins
        self._sign_in = SignIn(tokens)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = scope["path"]
        scope.setdefault("state", {})["token"] = None
        headers = Headers(scope=scope)
        request = Request(scope, receive)
        try:
            if path not in OPEN:
                self._check_host(headers)
            if not self._needed:
                if scope["method"] not in _SAFE:
                    self._check_origin(headers, self._origins)
            elif path == SIGN_IN:
                if scope["method"] not in _SAFE:
                    self._check_origin(headers)
                return await self._sign_in(scope, receive, send)
            elif path not in OPEN:
                token = self._token(scope, headers)
                if token is None and _is_visit(scope, headers):
                    return await _to_sign_in(scope, headers, send)
                _check(token, scope, given="authorization" in headers or bool(token_in_cookie(scope)))
                scope["state"]["token"] = token
                if path == SIGN_OUT:
                    return await self._sign_in(scope, receive, send)
        except (HTTPException, UserFixableError) as error:
            response = await problem_response(request, error)
            return await response(scope, receive, send)
        return await self._app(scope, receive, send)

    def _token(self, scope: Scope, headers: Headers) -> Token | None:
        """The token that the request brings, if it is one. A header counts before a cookie."""
        if given := headers.get("authorization"):
            kind, _, text = given.partition(" ")
            return self._tokens.find(text.strip()) if kind.lower() == "bearer" else None
        token = self._tokens.find(token_in_cookie(scope))
        # Browsers send a cookie by themselves, whoever made them send the request.
        if token is not None and scope["method"] not in _SAFE:
            self._check_origin(headers)
        return token

    def _check_host(self, headers: Headers) -> None:
        name = headers.get("host", "").lower()
        name = re.sub(r":\d*$", "", name)
        if self._hosts and name not in self._hosts:
            raise HTTPException(
                421,
                f"This server does not go by the name {name[:100]!r}: use {self._hosts[0]!r}, or add the "
                "name to the setting `allowed_hosts`.",
            )

    def _check_origin(self, headers: Headers, others: Iterable[str] = ()) -> None:
        """Refuse what a page of another site made the browser send. Programs send neither header."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None:
            own = site in ("none", "same-origin")
        else:
            # The scheme is left out: behind a proxy that speaks HTTPS it is another one here.
            own = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if not own and (origin is None or origin not in others):
            raise HTTPException(
                403,
                f"A page of {(origin or 'another site')!r} may not do this here: only those may that the "
                "setting `cors_origins` names, with a token where one is needed.",
            )


def _check(token: Token | None, scope: Scope, *, given: bool) -> None:
    if token is None:
        detail = (
            "The token is not valid: it is mistyped, was revoked or has expired. Ask for a new one."
            if given
            else "A token is needed: send the header `Authorization: Bearer TOKEN`. Whoever runs this "
            "server makes one with `dateline token create`."
        )
        error = ', error="invalid_token"' if given else ""
        raise HTTPException(401, detail, {"www-authenticate": f'Bearer realm="dateline"{error}'})
    wanted: TokenScope = "read" if scope["method"] in _SAFE or _READS.match(scope["path"]) else "write"
    if not token.may(wanted):
        raise HTTPException(
            403,
            f"The token {token.name!r} has the scope {token.scope!r}, and this needs {wanted!r}.",
            {"www-authenticate": f'Bearer realm="dateline", error="insufficient_scope", scope="{wanted}"'},
        )


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Whether a reader wants to see a page, and no program its data."""
    return (
        scope["method"] in ("GET", "HEAD")
        and not _NO_PAGE.match(scope["path"])
        and "text/html" in headers.get("accept", "")
        and "authorization" not in headers
    )


async def _to_sign_in(scope: Scope, headers: Headers, send: Send) -> None:
    body, fields = b"", [(b"cache-control", b"no-store")]
    if headers.get("sec-fetch-site") == "cross-site":
        # A link elsewhere led here, and browsers keep a strict cookie back for those. Asked once more
        # by a page of this server, they send it.
        status, body = 200, _ONCE_MORE
        fields.append((b"content-type", b"text/html; charset=utf-8"))
    else:
        there = scope["path"] + (
            "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
        )
        status = 303
        fields.append((b"location", f"{SIGN_IN}?next={quote(there, safe='')}".encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback for each in found)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
