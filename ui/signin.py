"""The page on which a reader signs in with a token, and out again: plain HTML, no script, four languages.

The token is kept in a cookie that no script can read and that no other site can make the browser send.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from ui.limits import Failures
from ui.page.document import language_for
from ui.paths import SIGN_IN, SIGN_OUT
from ui.tokens import Token, Tokens
from ui.words import Words

_DAYS = 30
_LONGEST_FORM = 8192


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1917; --paper: #fafaf9; --line: #78716c; --act: #334155;
  --on-act: #fff; --wrong: #b91c1c }
@media (prefers-color-scheme: dark) { :root { --ink: #f5f5f4; --paper: #1c1917; --line: #a8a29e;
  --act: #cbd5e1; --on-act: #0f172a; --wrong: #fca5a5 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; color: var(--ink);
  background: var(--paper); line-height: 1.5;
  font-family: system-ui, "Segoe UI", "Noto Sans", "Noto Naskh Arabic", Vazirmatn, Tahoma, sans-serif }
main { width: 100%; max-width: 26rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem }
label { display: block; margin: 1.5rem 0 .25rem; font-weight: 600 }
input, button { width: 100%; font: inherit; padding: .6rem .75rem; border-radius: .375rem }
input { border: 1px solid var(--line); background: transparent; color: inherit }
button { margin-top: 1rem; border: 0; background: var(--act); color: var(--on-act); font-weight: 600;
  cursor: pointer }
:focus-visible { outline: 3px solid var(--line); outline-offset: 2px }
a { color: inherit }
.wrong { color: var(--wrong) }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "vary": "accept-language, cookie",
}


class SignIn:
    """ASGI application for the two paths above; whoever asks for the second has a valid token."""

    def __init__(self, tokens: Tokens, failures: Failures) -> None:
        self._tokens = tokens
        self._failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._reply(Request(scope, receive))
        await response(scope, receive, send)

    async def _reply(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD", "POST"):
            return Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
        posted = request.method == "POST"
        if request.url.path == SIGN_OUT:
            return _gone(request) if posted else _page(request, _leaving(request))
        form = await _form(request) if posted else {}
        there = _inside(form.get("next") or request.query_params.get("next", ""))
        if not posted:
            return _page(request, _entering(request, there))
        text = form.get("token", "").strip()
        token = self._tokens.find(text)
        if token is None:
            try:
                self._failures.note(request.scope)
            except HTTPException as error:
                return _page(request, _entering(request, there, "signin.often"), 429, error.headers)
            return _page(request, _entering(request, there, "signin.wrong"), 401)
        return _arrived(request, token, text, there)


def token_in_cookie(scope: Scope) -> str:
    """What the cookie holds; empty without one."""
    return Request(scope).cookies.get(_cookie(scope["scheme"]), "")


def _cookie(scheme: str) -> str:
    """Over HTTPS the browser itself sees to it that no neighbouring host sets it."""
    return "__Host-dateline-token" if scheme == "https" else "dateline-token"


def _arrived(request: Request, token: Token, text: str, there: str) -> Response:
    seconds = _DAYS * 86400.0
    if token.expires:
        seconds = min(seconds, (datetime.fromisoformat(token.expires) - datetime.now(UTC)).total_seconds())
    response = RedirectResponse(there, 303, {"cache-control": "no-store"})
    _set(response, request, text, max(1, int(seconds)))
    return response


def _gone(request: Request) -> Response:
    response = RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
    _set(response, request, "", 0)
    return response


def _set(response: Response, request: Request, value: str, seconds: int) -> None:
    scheme = request.url.scheme
    response.set_cookie(
        _cookie(scheme), value, max_age=seconds, secure=scheme == "https", httponly=True, samesite="strict"
    )


def _inside(there: str) -> str:
    """Where to go after signing in, if it is on this server; else the page."""
    parts = urlsplit(there)
    inside = there.startswith("/") and not there.startswith(("//", "/\\")) and there.isprintable()
    return there if inside and not parts.netloc and not there.startswith((SIGN_IN, SIGN_OUT)) else "/"


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _words(request: Request) -> Words:
    return Words.of(language_for(request))


def _entering(request: Request, there: str, wrong: str = "") -> str:
    words = _words(request)
    alert = f'<p class="wrong" role="alert" id="wrong">{escape(words(wrong))}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    # A token is Latin letters: it reads from the left, on a page that does not.
    return f"""<h1>{escape(words("signin.title"))}</h1>
<p>{escape(words("signin.lead"))}</p>
{alert}
<form method="post" action="{SIGN_IN}">
<input type="hidden" name="next" value="{escape(there)}">
<label for="token">{escape(words("signin.token"))}</label>
<input id="token" name="token" type="password" dir="ltr" autocomplete="current-password"
  required autofocus{described}>
<button type="submit">{escape(words("signin.enter"))}</button>
</form>"""


def _leaving(request: Request) -> str:
    words = _words(request)
    return f"""<h1>Dateline</h1>
<p>{escape(words("signin.signed_in"))} <b><bdi>{escape(request.state.token.name)}</bdi></b></p>
<form method="post" action="{SIGN_OUT}">
<button type="submit">{escape(words("signin.leave"))}</button>
</form>
<p><a href="/">{escape(words("signin.back"))}</a></p>"""


def _page(
    request: Request, inside: str, status: int = 200, more: Mapping[str, str] | None = None
) -> Response:
    words = _words(request)
    headers = {**_HEADERS, "content-language": words.language, **(more or {})}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="dateline"'
    document = f"""<!doctype html>
<html lang="{words.language}" dir="{words.direction}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words("signin.title"))} · Dateline</title><style>{_STYLE}</style></head>
<body><main>{inside}</main></body></html>
"""
    return HTMLResponse(document, status, headers)
