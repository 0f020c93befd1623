"""ui/access.py and ui/signin.py: who gets in, over real HTTP and in a real browser."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest
from browser import CHROMIUM, PHONE, ask, browsing, serving, visiting
from conftest import ROOT
from playwright.sync_api import BrowserContext
from test_api import QUESTION, problem
from test_serve import free_port

from index.archive import Archive
from rag.chat import Assistant
from rag.config import Settings
from ui.access import tokens_are_needed
from ui.serve import create_app
from ui.tokens import Tokens
from ui.words import LANGUAGES, Words

BROWSER = {"accept": "text/html,*/*;q=0.8"}
COOKIE = "dateline-token"
FOREIGN = "https://evil.example"
DESK = "https://desk.example.org"


class Guarded:
    """A server that asks for tokens, one token of each scope, and clients that send them."""

    def __init__(self, address: str, tokens: Tokens) -> None:
        self.address = address
        self.tokens = tokens
        self._addresses = count(1)
        self.reader = tokens.create("reader", "read")
        self.editor = tokens.create("editor", "write")

    def client(self, token: str = "", **headers: str) -> httpx.Client:
        """Each comes from an address of its own, so that no test uses up another's attempts."""
        headers.setdefault("x-forwarded-for", f"198.51.100.{next(self._addresses)}")
        if token:
            headers["authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)


@contextmanager
def guarded(archive: Archive, folder: Path, **settings: object) -> Iterator[Guarded]:
    assistant = Assistant(Settings(archive=folder, **{"require_tokens": True, **settings}), archive)
    with serving(create_app(assistant)) as address:
        yield Guarded(address, Tokens(folder))


@pytest.fixture(scope="module")
def server(sample_archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(sample_archive, tmp_path_factory.mktemp("guarded")) as server:
        yield server


@pytest.fixture(scope="module")
def unguarded(assistant: Assistant) -> Iterator[str]:
    """A server on loopback as it comes: no tokens."""
    with serving(create_app(assistant)) as address:
        yield address


# --- tokens -------------------------------------------------------------------------------------

ASKED = [
    ("GET", "/v1/articles", None),
    ("POST", "/v1/ask", {"question": QUESTION}),
    ("POST", "/v1/search", {"query": QUESTION}),
    ("GET", "/openapi.json", None),
    ("GET", "/nowhere", None),
    ("DELETE", "/v1/articles/en-harbour-tehran-tipoff", None),
    ("GET", "/gradio_api/heartbeat/x", None),
    ("GET", "/static/img/logo.svg", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_without_a_token_nothing_is_told(server: Guarded, method: str, path: str, body: object) -> None:
    with server.client() as client:
        reply = client.request(method, path, json=body)
        assert "Authorization: Bearer" in problem(reply, 401)
        assert reply.headers["www-authenticate"] == 'Bearer realm="dateline"'
        wrong = client.request(method, path, json=body, headers={"authorization": "Bearer dateline_0_x"})
        assert "not valid" in problem(wrong, 401)
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_openai_clients_read_why_in_their_own_shape(server: Guarded) -> None:
    body = {"model": "dateline", "messages": [{"role": "user", "content": QUESTION}]}
    with server.client("dateline_00000000_wrong") as client:
        error = client.post("/v1/chat/completions", json=body).json()["error"]
        assert error["code"] == "invalid_api_key" and "not valid" in error["message"]
    with server.client(server.reader) as client:
        reply = client.post("/v1/chat/completions", json=body)
        assert reply.json()["citations"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_whoever_watches_the_process_needs_no_token(server: Guarded, path: str) -> None:
    with server.client() as client:
        assert client.get(path).json()["status"] == "ok"


def test_a_reader_asks_and_reads(server: Guarded) -> None:
    with server.client(server.reader) as client:
        answer = client.post("/v1/ask", json={"question": QUESTION}).json()
        article = answer["citations"][0]["article_id"]
        assert client.get(f"/v1/articles/{article}").json()["text"]
        for path in ("search", "claims", "timeline"):
            body = {"query" if path == "search" else "question": QUESTION}
            assert client.post(f"/v1/{path}", json=body).status_code == 200, path


def test_only_who_may_write_adds_and_removes(empty_archive: Archive, tmp_path: Path) -> None:
    article = {"id": "ferry", "text": "A ferry ran aground near Valmere on Sunday."}
    with guarded(empty_archive, tmp_path) as server:
        with server.client(server.reader) as reader:
            for reply in (
                reader.post("/v1/articles", json=article),
                reader.delete("/v1/articles/ferry"),
                reader.put("/v1/whatever/comes/later"),
            ):
                assert "'reader' has the scope 'read', and this needs 'write'" in problem(reply, 403)
                assert 'scope="write"' in reply.headers["www-authenticate"]
        with server.client(server.editor) as editor:
            assert editor.post("/v1/articles", json=article).json()[0]["status"] == "added"
            assert editor.delete("/v1/articles/ferry").status_code == 204


def test_a_revoked_token_is_refused_by_the_server_that_runs(server: Guarded) -> None:
    with server.client(server.tokens.create("leaver", "read")) as client:
        assert client.get("/v1/articles").status_code == 200
        server.tokens.revoke("leaver")
        assert client.get("/v1/articles").status_code == 401


def test_the_tools_take_a_token_too(server: Guarded) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream"}
    with server.client() as client:
        assert client.post("/mcp", json=message, headers=headers).status_code == 401
    with server.client(server.reader) as client:
        assert "ask_archive" in client.post("/mcp", json=message, headers=headers).text


def test_many_times_and_ways_of_writing_an_address_change_nothing(server: Guarded) -> None:
    with server.client(server.reader) as client:
        for path in ("/v1/articles/", "/v1/ask/../articles", "/v1/ask%2f..%2farticles", "//v1/articles"):
            assert client.post(path, json=[{"text": "x"}]).status_code in (403, 404, 405, 307), path
        total = client.get("/v1/articles").json()["total"]
    with server.client() as client:
        assert client.get("/readyz").json()["articles"] == total
        for path in ("/healthz/../v1/articles", "/healthz/", "/healthz%2f..", "/readyz?x=/v1/articles"):
            assert "title" not in client.get(path).text or client.get(path).status_code == 401, path


# --- where tokens are needed --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "needed"),
    [
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("localhost", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.0.2.1", True),
    ],
)
def test_tokens_are_needed_where_others_can_connect(host: str, needed: bool) -> None:
    assert tokens_are_needed(Settings(host=host)) is needed
    assert tokens_are_needed(Settings(host=host, require_tokens=True))


def serve(folder: Path, port: int, *options: str, **settings: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "ui.cli", "serve", "--archive", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment |= {f"DATELINE_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("options", "settings"), [(["--host", "0.0.0.0"], {}), ([], {"require_tokens": "true"})]
)
def test_it_does_not_start_where_nobody_could_get_in(
    tmp_path: Path, options: list[str], settings: dict[str, str]
) -> None:
    process = serve(tmp_path, free_port(), *options, **settings)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert f"dateline token create NAME --scope write --archive {tmp_path}" in errors


# --- other sites' pages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": FOREIGN},
        {"origin": "null"},
        {"origin": FOREIGN, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_elsewhere_cannot_use_its_readers_server(unguarded: str, headers: dict[str, str]) -> None:
    # As a form can send it, which asks no permission first.
    plain = {**headers, "content-type": "text/plain"}
    reply = httpx.post(f"{unguarded}/v1/articles", content='[{"text": "x"}]', headers=plain)
    assert "`cors_origins`" in problem(reply, 403)
    assert httpx.delete(f"{unguarded}/v1/articles/x", headers=headers).status_code == 403
    joined = httpx.post(f"{unguarded}/gradio_api/queue/join", json={}, headers=headers)
    assert joined.status_code == 403


def test_a_name_that_another_site_points_here_is_refused(unguarded: str) -> None:
    for path in ("/v1/articles", "/", "/mcp", "/docs"):
        reply = httpx.get(unguarded + path, headers={"host": "evil.example:7860"})
        assert reply.status_code == 421, path
    assert "allowed_hosts" in problem(
        httpx.get(f"{unguarded}/v1/articles", headers={"host": "evil.example"}), 421
    )
    # Whoever watches the process may know no more than its address.
    assert httpx.get(f"{unguarded}/readyz", headers={"host": "10.1.2.3"}).status_code == 200
    for name in ("localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:7860"):
        assert httpx.get(f"{unguarded}/v1/articles", headers={"host": name}).status_code == 200, name


def test_the_page_itself_and_programs_may(unguarded: str) -> None:
    body = {"query": QUESTION}
    for headers in ({}, {"origin": unguarded}, {"origin": unguarded, "sec-fetch-site": "same-origin"}):
        assert httpx.post(f"{unguarded}/v1/search", json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/articles", "/", "/config"])
def test_no_site_may_read_replies_unless_it_is_named(unguarded: str, path: str) -> None:
    for headers in ({"origin": FOREIGN}, {"origin": FOREIGN, "host": "localhost"}):
        reply = httpx.get(unguarded + path, headers=headers)
        assert "access-control-allow-origin" not in reply.headers
        assert "access-control-allow-credentials" not in reply.headers
    asks = {"origin": FOREIGN, "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in httpx.options(unguarded + path, headers=asks).headers


def test_a_site_that_is_named_may_with_a_token_of_its_own(sample_archive: Archive, tmp_path: Path) -> None:
    settings = {"cors_origins": (DESK,), "allowed_hosts": ("news.example.org",)}
    with guarded(sample_archive, tmp_path, **settings) as server, server.client(origin=DESK) as client:
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        asked = client.options("/v1/search", headers=asks)
        assert asked.headers["access-control-allow-origin"] == DESK
        assert "access-control-allow-credentials" not in asked.headers
        other = client.options("/v1/search", headers={**asks, "origin": FOREIGN})
        assert "access-control-allow-origin" not in other.headers
        refused = client.post("/v1/search", json={"query": QUESTION})
        # So that its script can read why.
        assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == DESK
        mine = {"authorization": f"Bearer {server.reader}"}
        assert client.post("/v1/search", json={"query": QUESTION}, headers=mine).status_code == 200
        named = {**mine, "host": "news.example.org"}
        assert client.get("/v1/articles", headers=named).status_code == 200
        assert client.get("/v1/articles", headers={**mine, "host": "evil.example"}).status_code == 421


# --- the sign-in page ---------------------------------------------------------------------------


def test_a_visitor_is_led_to_sign_in_and_back(server: Guarded) -> None:
    with server.client(**BROWSER) as client:
        led = client.get("/?answer=abc&x=%D9%85")
        assert led.status_code == 303
        assert led.headers["location"].startswith("/signin?next=%2F%3Fanswer%3Dabc%26x%3D")
        page = client.get(led.headers["location"])
        assert page.status_code == 200 and "<script" not in page.text
        there = "/?answer=abc&x=%D9%85"
        entered = client.post("/signin", data={"token": f" {server.reader}\n", "next": there})
        assert entered.status_code == 303 and entered.headers["location"] == there
        cookie = entered.headers["set-cookie"]
        for part in (COOKIE, "HttpOnly", "SameSite=strict", "Path=/", "Max-Age="):
            assert part in cookie
        assert "Secure" not in cookie
        assert client.get(there).headers["location"].startswith("en/?answer=abc")
        assert client.get("/en/").status_code == 200


def test_the_link_of_an_answer_leads_to_sign_in_and_to_the_answer(server: Guarded) -> None:
    with server.client(server.reader) as client:
        kept = client.post("/v1/ask", json={"question": QUESTION, "conversation": "new"}).json()
    link = f"/v1/answers/{kept['id']}"
    with server.client(**BROWSER) as client:
        led = client.get(link)
        assert led.status_code == 303
        entered = client.post(led.headers["location"], data={"token": server.reader, "next": link})
        assert entered.headers["location"] == link
        shown = client.get(link)
        assert shown.status_code == 200 and QUESTION in shown.text
        assert shown.headers["content-type"].startswith("text/html")
        # What no link leads to, and what programs ask for, is refused as ever.
        client.cookies.clear()
        assert client.get("/v1/answers").status_code == client.get(f"{link}/feedback").status_code == 401
        assert client.get(link, headers={"accept": "application/json"}).status_code == 401
        assert client.get(link, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.put(f"{link}/feedback", json={"verdict": "up"}).status_code == 401


def test_the_cookie_is_for_https_only_where_there_is_https(server: Guarded) -> None:
    with server.client(**{"x-forwarded-proto": "https"}) as client:
        reply = client.post("/signin", data={"token": server.reader})
        assert "__Host-dateline-token=" in reply.headers["set-cookie"]
        assert "Secure" in reply.headers["set-cookie"]
        assert reply.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "there",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb: c", ""],
)
def test_signing_in_leads_nowhere_else(server: Guarded, there: str) -> None:
    with server.client() as client:
        reply = client.post("/signin", data={"token": server.reader, "next": there})
        assert reply.headers["location"] == "/"
        assert "evil" not in client.get("/signin", params={"next": there}).text


def test_a_wrong_token_is_told_in_the_readers_language(server: Guarded) -> None:
    says = {"ar": "غير صالح", "fa": "معتبر نیست", "ru-RU,en;q=0.5": "недействителен", "de": "not valid"}
    for language, words in says.items():
        with server.client(**{"accept-language": language}) as client:
            reply = client.post("/signin", data={"token": "<b>wrong</b>", "next": '/"><script>'})
            assert reply.status_code == 401 and words in reply.text
            assert "<script" not in reply.text and "<b>wrong" not in reply.text
            code = language[:2] if language != "de" else "en"
            direction = "rtl" if code in ("ar", "fa") else "ltr"
            assert f'<html lang="{code}" dir="{direction}">' in reply.text
            assert reply.headers["content-language"] == code


def test_a_cookie_is_not_enough_for_a_request_that_another_site_made(server: Guarded) -> None:
    cookie = {"cookie": f"{COOKIE}={server.editor}"}
    for origin in (FOREIGN, "null", "http://127.0.0.1:1"):
        with server.client(**cookie, origin=origin) as client:
            assert client.delete("/v1/articles/x").status_code == 403
            assert client.post("/signin", data={"token": server.reader}).status_code == 403
            assert client.post("/signout").status_code == 403
    with server.client(**cookie, origin=server.address) as client:
        assert client.delete("/v1/articles/x").status_code == 404
    with server.client(server.editor, origin=FOREIGN) as client:
        # A page cannot send this header to a site that has not named it: it was a program.
        assert client.delete("/v1/articles/x").status_code == 404


def test_signing_out_forgets_the_cookie(server: Guarded) -> None:
    with server.client(**BROWSER) as client:
        client.post("/signin", data={"token": server.reader})
        assert "reader" in client.get("/signout").text
        assert client.post("/signout").headers["location"] == "/signin"
        assert client.get("/").status_code == 303


def test_nothing_is_signed_in_to_where_no_token_is_needed(unguarded: str) -> None:
    assert httpx.get(f"{unguarded}/signin").status_code == 404


@contextmanager
def visitor(server: Guarded, locale: str = "en-GB", **options: object) -> Iterator[BrowserContext]:
    with browsing() as browser:
        context = browser.new_context(locale=locale, **options)  # type: ignore[arg-type]
        yield context
        context.close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's `chromium`")
def test_a_reader_signs_in_asks_and_signs_out_in_a_browser(server: Guarded) -> None:
    with visitor(server, java_script_enabled=True) as context:
        page = context.new_page()
        page.goto(server.address)
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.get_by_label("Token").fill(server.reader)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        assert COOKIE not in page.evaluate("document.cookie")
        ask(page, QUESTION)
        assert page.locator(".dl-cite").count() > 0
        # A link on a page elsewhere leads in, although the browser keeps the cookie back at first.
        page.goto(f"data:text/html,<a href='{server.address}/?answer=none'>the answer</a>")
        page.get_by_text("the answer").click()
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        assert page.url.endswith("answer=none")
        for language in LANGUAGES:
            words = Words.of(language)
            page.goto(f"{server.address}/{language}/")
            page.get_by_role("link", name=words("signin.leave"), exact=True).click()
            page.get_by_role("button", name=words("signin.leave"), exact=True).wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_label(words("signin.token")).wait_for()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's `chromium`")
def test_who_did_not_sign_in_cannot_sign_out(unguarded: str) -> None:
    with browsing() as browser, visiting(browser, f"{unguarded}/en/") as page:
        page.locator(".dl-what").get_by_text("37").wait_for()
        assert page.get_by_role("link", name="English").count() == 1
        assert page.get_by_role("link", name="Sign out").count() == 0


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's `chromium`")
def test_the_sign_in_page_reads_from_the_right_in_arabic_without_a_script(server: Guarded) -> None:
    size = {"width": PHONE[0], "height": PHONE[1]}
    with visitor(server, "ar-EG", java_script_enabled=False, viewport=size, color_scheme="dark") as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.address)
        label = page.get_by_text("رمز الدخول", exact=True)
        box = page.get_by_label("رمز الدخول", exact=True)
        right = label.bounding_box(), box.bounding_box()
        assert right[0] and right[1]
        assert abs(right[0]["x"] + right[0]["width"] - right[1]["x"] - right[1]["width"]) < 1
        assert right[1]["x"] >= 0 and right[1]["x"] + right[1]["width"] <= PHONE[0]
        box.fill(server.reader)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.address}/ar/")
        assert all(url.startswith(server.address) for url in asked)
