"""A real browser and a real server, for the tests of the page."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from ui.words import Words

ENGLISH = Words.of("en")
CHROMIUM = shutil.which("chromium")
# Without these the browser itself calls home.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = (1280, 800)
PHONE = (390, 844)
ANSWER_SECONDS = 60
# What Gradio writes to the console about its open streams when a page is left.
LEAVING = ("AbortError: signal is aborted", "Unexpected error Connection errored out")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser that talks to nobody but the pages it is given."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The app on a free port of this machine, in a thread; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < until and thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    *,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    words: Words = ENGLISH,
    token: str = "",
) -> Iterator[Page]:
    """The page, ready for a question. Foreign requests and script errors fail the test."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        extra_http_headers={"authorization": f"Bearer {token}"} if token else {},
    )
    page = context.new_page()
    requested: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(address)
    page.get_by_role("button", name=words("chat.ask"), exact=True).wait_for()
    yield page
    context.close()
    own = "/".join(address.split("/")[:3])
    foreign = [url for url in requested if not url.startswith((own + "/", "data:", "blob:"))]
    assert not foreign, foreign
    wrong = [each for each in wrong if not each.startswith(LEAVING)]
    assert not wrong, wrong


def ask(page: Page, question: str) -> None:
    """Type a question and wait until its answer, whatever it is, is complete."""
    number = begin(page, question)
    page.wait_for_function(
        "number => document.querySelectorAll('.dl-question').length === number"
        " && !document.querySelector('.dl-unfinished')"
        " && document.querySelector('.dl-ask .submit-button')",
        arg=number,
        timeout=ANSWER_SECONDS * 1000,
    )


def begin(page: Page, question: str) -> int:
    """Type a question and send it; gives the number of questions there will be."""
    number = page.locator(".dl-question").count() + 1
    box = page.locator(".dl-ask textarea")
    box.fill(question)
    box.press("Enter")
    return number
