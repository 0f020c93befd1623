"""The page on which a reader signs in with a token, and out again: plain HTML, no script, four languages.

The token is kept in a cookie that no script can read and that no other site can make the browser send.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from ui.tokens import Token, Tokens

SIGN_IN = "/signin"
SIGN_OUT = "/signout"
_DAYS = 30
_LONGEST_FORM = 8192


@dataclass(frozen=True, slots=True)
class _Words:
    """One language's words."""

    direction: str
    title: str
    lead: str
    token: str
    enter: str
    wrong: str
    often: str
    signed_in: str
    leave: str
    back: str


_WORDS = {
    "en": _Words(
        direction="ltr",
        title="Sign in",
        lead="This archive is for readers with a token. Whoever runs it gives you one.",
        token="Token",
        enter="Sign in",
        wrong="This token is not valid: it is mistyped, was revoked or has expired.",
        often="Too many attempts. Wait a minute, then try again.",
        signed_in="Signed in as",
        leave="Sign out",
        back="Back to the archive",
    ),
    "ar": _Words(
        direction="rtl",
        title="تسجيل الدخول",
        lead="هذا الأرشيف متاح لمن لديه رمز دخول. اطلبه من القائمين على الأرشيف.",
        token="رمز الدخول",
        enter="دخول",
        wrong="رمز الدخول غير صالح: كُتب خطأً أو أُلغي أو انتهت مدته.",
        often="محاولات كثيرة. انتظر دقيقة ثم حاول من جديد.",
        signed_in="سجّلت الدخول باسم",
        leave="تسجيل الخروج",
        back="العودة إلى الأرشيف",
    ),
    "fa": _Words(
        direction="rtl",
        title="ورود",
        lead="این بایگانی برای کسانی است که رمز ورود دارند. آن را از گردانندگان بایگانی بگیرید.",
        token="رمز ورود",
        enter="ورود",
        wrong="این رمز معتبر نیست: نادرست نوشته شده، باطل شده یا مهلت آن گذشته است.",
        often="تلاش‌ها بیش از حد بود. یک دقیقه صبر کنید و دوباره بکوشید.",
        signed_in="واردشده با نام",
        leave="خروج",
        back="بازگشت به بایگانی",
    ),
    "ru": _Words(
        direction="ltr",
        title="Вход",
        lead="Этот архив открыт для тех, у кого есть токен. Его выдаёт тот, кто ведёт архив.",
        token="Токен",
        enter="Войти",
        wrong="Токен недействителен: в нём опечатка, он отозван или истёк его срок.",
        often="Слишком много попыток. Подождите минуту и попробуйте снова.",
        signed_in="Вы вошли как",
        leave="Выйти",
        back="Вернуться в архив",
    ),
}
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

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

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
            words = _words(request)
            return _page(request, _entering(request, there, words.wrong), 401)
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


def _language(request: Request) -> str:
    """The reader's language: chosen on the page, else as the browser says, else English."""
    chosen = request.cookies.get("dateline-language", "")
    wanted = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, name.split("-")[0].lower()))
        except ValueError:
            continue
    ordered = [chosen, *(name for weight, _, name in sorted(wanted) if weight)]
    return next((language for language in ordered if language in _WORDS), "en")


def _words(request: Request) -> _Words:
    return _WORDS[_language(request)]


def _entering(request: Request, there: str, wrong: str = "") -> str:
    words = _words(request)
    alert = f'<p class="wrong" role="alert" id="wrong">{wrong}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    # A token is Latin letters: it reads from the left, on a page that does not.
    return (
        f"<h1>{words.title}</h1><p>{words.lead}</p>{alert}"
        f'<form method="post" action="{SIGN_IN}"><input type="hidden" name="next" value="{escape(there)}">'
        f'<label for="token">{words.token}</label><input id="token" name="token" type="password" dir="ltr" '
        f'autocomplete="current-password" required autofocus{described}>'
        f'<button type="submit">{words.enter}</button></form>'
    )


def _leaving(request: Request) -> str:
    words = _words(request)
    name = escape(request.state.token.name)
    return (
        f"<h1>Dateline</h1><p>{words.signed_in} <b><bdi>{name}</bdi></b></p>"
        f'<form method="post" action="{SIGN_OUT}"><button type="submit">{words.leave}</button></form>'
        f'<p><a href="/">{words.back}</a></p>'
    )


def _page(request: Request, inside: str, status: int = 200) -> Response:
    language, words = _language(request), _words(request)
    headers = {**_HEADERS, "content-language": language}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="dateline"'
    return HTMLResponse(
        f'<!doctype html><html lang="{language}" dir="{words.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.title} · Dateline</title><style>{_STYLE}</style></head>"
        f"<body><main>{inside}</main></body></html>",
        status,
        headers,
    )
