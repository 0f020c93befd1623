"""The HTML document of the page in its language, and which language a visitor gets at `/`."""

import re
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.words import LANGUAGES, Words

COOKIE = "dateline-language"
_PRINT = Path(__file__).parent.parent / "static" / "print.css"
_YEAR = 365 * 24 * 3600
# The icon stands in the document: no further request, and none that fails.
_ICON = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='6' \
fill='#9b1c1c'/><text x='16' y='23' font-size='20' font-family='Georgia,serif' font-weight='700' \
text-anchor='middle' fill='#fff'>D</text></svg>"


def language_for(request: Request) -> str:
    """The language that was last chosen here, else the first of the browser's own that there is."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wanted = []
    for part in request.headers.get("accept-language", "").split(","):
        found = re.fullmatch(r"\s*([a-zA-Z]{2})[\w-]*\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", part)
        if found and found[1].lower() in LANGUAGES and float(found[2] or 1) > 0:
            wanted.append((float(found[2] or 1), found[1].lower()))
    return max(wanted, key=lambda each: each[0])[1] if wanted else LANGUAGES[0]


def to_own_language(request: Request) -> RedirectResponse:
    """From `/` to the page in the visitor's language, with whatever the address asks for."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(
        f"{language_for(request)}/{query}",
        307,
        {"vary": "Accept-Language, Cookie", "cache-control": "no-store"},
    )


class Localised:
    """Gradio's document with the page's own language and direction, from the first byte on.

    Gradio takes its own words from the browser's language: the document tells it the page's instead.
    A visit is remembered in a cookie.
    """

    def __init__(self, app: ASGIApp, language: str) -> None:
        self._app = app
        self._language = language
        self._cookie = f"{COOKIE}={language}; Path=/; Max-Age={_YEAR}; SameSite=Lax"
        self._html = f'<html lang="{language}" dir="{Words.of(language).direction}"'
        self._head = (
            f'<link rel="icon" href="data:image/svg+xml,{quote(_ICON)}" />'
            f"<style>{_PRINT.read_text('utf-8')}</style>"
            "<script>for (const [name, value] of "
            f"[['language', '{language}'], ['languages', ['{language}']]]) "
            "Object.defineProperty(navigator, name, { get: () => value });</script>"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(f"/{self._language}/"):
            await self._app(scope, receive, send)
            return
        # It is rewritten as text: Gradio must not compress it.
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        start: Message = {}
        body = b""

        async def rewrite(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            sent = self.localised(body.decode()).encode() if start["status"] == 200 else body
            headers += [
                (b"content-length", str(len(sent)).encode()),
                (b"content-language", self._language.encode()),
                (
                    b"set-cookie",
                    f"{COOKIE}={self._language}; Path=/; Max-Age={_YEAR}; SameSite=Lax".encode(),
                ),
            ]
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": sent})

        await self._app({**scope, "headers": plain}, receive, rewrite)

    def localised(self, document: str) -> str:
        """In the page's language, without what points to other hosts or to what is not served here."""
        document = re.sub(r'<html\s+lang="en"', self._html, document, count=1)
        document = re.sub(r'<meta\s+(?:property="og|name="twitter)[^>]*>', "", document)
        document = re.sub(r'<link rel="manifest"[^>]*>', "", document)
        return document.replace("<head>", "<head>" + self._head, 1)
