"""rag/log.py and ui/observed.py: what a server's log tells of each request, and what it does not."""

import json
import logging
import re
import signal
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import MCP_HEADERS, ask_page, ask_tool, server_process
from browser import serving

from index.archive import Archive
from rag.chat import Assistant
from rag.config import Settings
from rag.log import set_up_server_logging
from rag.types import Event
from ui.serve import create_app

SECRET = "Who warned Zanzibar before the Crocus attack?"
ID = re.compile(r"[0-9a-f]{32}")
Lines = list[dict[str, Any]]
Asked = Callable[[httpx.Client], object]


def chat(client: httpx.Client, *, stream: bool) -> httpx.Response:
    body = {"model": "dateline", "messages": [{"role": "user", "content": SECRET}], "stream": stream}
    return client.post("/v1/chat/completions", json=body)


# Every way to ask, by the id that is sent with it, and the route that stands in the log.
ASKED: dict[str, tuple[str, Asked]] = {
    "ask": ("/v1/ask", lambda c: c.post("/v1/ask", json={"question": SECRET})),
    "stream": ("/v1/ask", lambda c: c.post("/v1/ask", json={"question": SECRET, "stream": True})),
    "chat": ("/v1/chat/completions", lambda c: chat(c, stream=False)),
    "chat-stream": ("/v1/chat/completions", lambda c: chat(c, stream=True)),
    "tool": ("/mcp", lambda c: ask_tool(c, SECRET)),
    "page": ("/en/gradio_api/queue/join", lambda c: ask_page(c, SECRET)),
}
OTHERS: dict[str, tuple[str, Asked]] = {
    "search": ("/v1/search", lambda c: c.post("/v1/search", json={"query": SECRET})),
    "claims": ("/v1/claims", lambda c: c.post("/v1/claims", json={"question": SECRET})),
    "invalid": ("/v1/ask", lambda c: c.post("/v1/ask", json={"question": SECRET, "top_k": 5000})),
    "query": ("/v1/articles", lambda c: c.get("/v1/articles", params={"query": SECRET})),
    "article": ("/v1/articles/{id:path}", lambda c: c.get(f"/v1/articles/{SECRET}")),
    "nowhere": ("none", lambda c: c.get(f"/{SECRET}")),
    "visit": ("/en/", lambda c: c.get("/en/", params={"q": SECRET})),
    "watch": ("", lambda c: c.get("/healthz")),
}


@pytest.fixture(scope="module")
def written(sample_archive_dir: Path) -> tuple[str, Lines]:
    """What one server wrote while it was asked everything: as it stands, and read as JSON."""
    with server_process(sample_archive_dir, log_level="INFO") as (process, address):
        for name, (_, send) in (ASKED | OTHERS).items():
            with httpx.Client(base_url=address, headers={"x-request-id": name}, timeout=60) as client:
                send(client)
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    return errors, [json.loads(line) for line in errors.splitlines()]


def test_no_line_holds_a_question(written: tuple[str, Lines]) -> None:
    raw, lines = written
    assert "Zanzibar" not in raw and "Crocus" not in raw
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= set(line)
        assert line["level"] in ("info", "warning"), line


@pytest.mark.parametrize("name", ASKED | OTHERS)
def test_each_request_is_a_line_with_its_id_and_route(written: tuple[str, Lines], name: str) -> None:
    mine = [line for line in written[1] if line.get("request_id") == name]
    told = [line for line in mine if line["event"] == "request"]
    route = (ASKED | OTHERS)[name][0]
    if not route:
        assert not told, "who watches has nothing to tell"
    else:
        assert route in [line["route"] for line in told]
        assert all(line["milliseconds"] > 0 and line["token"] is None for line in told)


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_is_told_under_the_id_of_its_request(written: tuple[str, Lines], name: str) -> None:
    mine = [line for line in written[1] if line.get("request_id") == name and line["event"] == "answer"]
    assert [line["outcome"] for line in mine] == ["abstained"] and mine[0]["milliseconds"] > 0


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Callable[[], Lines]]]:
    """Set up logging in here as a server does; gives a function that reads what was written since."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def start(level: str, *, with_questions: bool = False) -> Callable[[], Lines]:
        set_up_server_logging(level, "json", with_questions=with_questions)
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield start
    root.handlers[:] = handlers
    root.setLevel(level)


class Broken(Assistant):
    """A bug whose exception quotes what was asked."""

    async def search(self, query: str, **rest: Any) -> Any:
        try:
            raise ValueError(query)
        except ValueError as error:
            raise ExceptionGroup(query, [KeyError(query)]) from error

    async def stream(self, question: str, **rest: Any) -> AsyncGenerator[Event, None]:  # type: ignore[override]
        raise RuntimeError(question)
        yield


class BrokenAtOnce(Assistant):
    """Another one, where the page does not look for any."""

    def stream(self, question: str, **rest: Any) -> Any:  # type: ignore[override]
        raise RuntimeError(question)


def test_of_a_bug_the_log_tells_where_it_is_and_not_what_it_says(
    sample_archive: Archive, tmp_path: Path, lines: Callable[..., Callable[[], Lines]]
) -> None:
    read = lines("WARNING")
    sent: dict[str, Asked] = {
        "search": lambda c: c.post("/v1/search", json={"query": SECRET}),
        "ask": lambda c: c.post("/v1/ask", json={"question": SECRET}),
        "tool": lambda c: ask_tool(c, SECRET),
        "page": lambda c: ask_page(c, SECRET),
    }
    with serving(create_app(Broken(Settings(archive=tmp_path), sample_archive))) as address:
        replies = {}
        for name, send in sent.items():
            with httpx.Client(base_url=address, headers={"x-request-id": name}, timeout=60) as client:
                replies[name] = send(client)
    problem = replies["search"]
    assert isinstance(problem, httpx.Response) and problem.status_code == 500
    assert problem.headers["x-request-id"] == problem.json()["request_id"] == "search"
    told = read()
    assert "Zanzibar" not in json.dumps(told)
    for name in sent:
        (line,) = [line for line in told if line.get("request_id") == name and "exception" in line]
        assert "test_log.py" in line["exception"], line
        kinds = ("ValueError", "ExceptionGroup", "KeyError") if name == "search" else ("RuntimeError",)
        assert all(kind in line["exception"].splitlines() for kind in kinds), line["exception"]
    failed = [line for line in told if line["event"] == "request"]
    assert {line["request_id"] for line in failed} == {"search", "ask"}, "those with the status 500"


def test_a_bug_of_the_page_alone_is_told_like_any_other(
    sample_archive: Archive, tmp_path: Path, lines: Callable[..., Callable[[], Lines]]
) -> None:
    read = lines("WARNING")
    app = create_app(BrokenAtOnce(Settings(archive=tmp_path), sample_archive))
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        client.headers["x-request-id"] = "odd"
        last = ask_page(client, SECRET)
    assert last["success"] is False and "Zanzibar" not in json.dumps(last)
    (line,) = [line for line in read() if "exception" in line]
    assert line["request_id"] == "odd" and line["logger"] == "ui.page.parts"
    assert "Zanzibar" not in json.dumps(line)


def test_a_task_that_nobody_waits_for_is_told_without_what_it_says(
    lines: Callable[..., Callable[[], Lines]],
) -> None:
    read = lines("WARNING")
    error = RuntimeError(SECRET)
    logging.getLogger("asyncio").error("Task failed\nfuture: <Task %r>", error, exc_info=error)
    (line,) = read()
    assert line["event"] == "Task failed" and line["exception"] == "RuntimeError"


def test_questions_stand_in_the_log_when_that_is_asked_for(
    sample_archive: Archive, tmp_path: Path, lines: Callable[..., Callable[[], Lines]]
) -> None:
    read = lines("INFO", with_questions=True)
    settings = Settings(archive=tmp_path, log_questions=True)
    with serving(create_app(Assistant(settings, sample_archive))) as address:
        httpx.post(f"{address}/v1/ask", json={"question": SECRET}, timeout=60)
    with serving(create_app(Broken(settings, sample_archive))) as address:
        httpx.post(f"{address}/v1/ask", json={"question": SECRET}, timeout=60)
    told = read()
    assert [line["question"] for line in told if line["event"] == "answer"] == [SECRET]
    (crash,) = [line for line in told if "exception" in line]
    assert f"RuntimeError: {SECRET}" in crash["exception"]


def test_the_callers_own_id_is_kept_when_it_is_harmless(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        mine = client.get("/healthz", headers={"x-request-id": "desk-7:a.b_c"})
        assert mine.headers["x-request-id"] == "desk-7:a.b_c"
        made = set()
        for odd in ("", "x" * 101, "a b", 'a"b', "-rf", "a\tb"):
            name = client.get("/healthz", headers={"x-request-id": odd}).headers["x-request-id"]
            assert ID.fullmatch(name), odd
            made.add(name)
        assert len(made) == 6
        problem = client.post("/mcp", headers={**MCP_HEADERS, "origin": "https://evil.example"})
        assert problem.status_code == 403
        assert problem.json()["request_id"] == problem.headers["x-request-id"]
