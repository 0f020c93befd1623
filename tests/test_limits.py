"""ui/limits.py: how much one caller may ask for, over real HTTP."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from browser import serving
from openai_server import OpenAIServer, Reply
from test_access import BROWSER, guarded
from test_api import QUESTION, problem

from index.archive import Archive
from rag.chat import Assistant
from rag.config import Settings
from ui.limits import FAILURES_PER_MINUTE, network_of
from ui.serve import create_app

FROM_OUTSIDE = {"x-forwarded-for": "203.0.113.7"}


@pytest.fixture
def few(sample_archive: Archive, tmp_path: Path) -> Iterator[str]:
    """A server without tokens that takes three requests a minute."""
    settings = Settings(archive=tmp_path, requests_per_minute=3)
    with serving(create_app(Assistant(settings, sample_archive))) as address:
        yield address


def test_a_caller_that_asks_too_much_is_told_when_to_come_back(
    sample_archive: Archive, tmp_path: Path
) -> None:
    with guarded(sample_archive, tmp_path, requests_per_minute=3) as server:
        reading, editing = server.client(server.reader), server.client(server.editor)
        with reading as reader, editing as editor:
            assert [reader.get("/v1/articles").status_code for _ in range(3)] == [200] * 3
            refused = reader.get("/v1/articles")
            assert "More than 3 requests in a minute" in problem(refused, 429)
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            # Others are others, and what costs nothing is not counted.
            assert editor.get("/v1/articles").status_code == 200
            assert reader.get("/readyz").status_code == 200
            assert reader.get("/docs").status_code == 200
            body = {"model": "dateline", "messages": [{"role": "user", "content": QUESTION}]}
            error = reader.post("/v1/chat/completions", json=body).json()["error"]
            assert error["code"] == "rate_limit_exceeded"
            mcp = reader.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
            assert mcp.status_code == 429


def test_without_tokens_an_address_is_a_caller(few: str) -> None:
    with httpx.Client(base_url=few, headers=FROM_OUTSIDE) as client:
        codes = [client.get("/v1/articles").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        other = client.get("/v1/articles", headers={"x-forwarded-for": "203.0.113.8"})
        assert other.status_code == 200


def test_this_machine_may_ask_a_hundred_times_as_much(few: str) -> None:
    with httpx.Client(base_url=few) as client:
        codes = [client.get("/v1/models").status_code for _ in range(301)]
    assert codes == [200] * 300 + [429]


def test_a_caller_may_have_only_so_many_requests_at_a_time(sample_archive: Archive, tmp_path: Path) -> None:
    with OpenAIServer(Reply("", stall_after=0)) as model:
        settings = {
            "requests_at_once": 1,
            "min_answerability": 0,
            "llm_model": "small",
            "llm_base_url": model.base_url,
            "llm_timeout": 1.5,
            "llm_retries": 0,
        }
        with guarded(sample_archive, tmp_path, **settings) as server, ThreadPoolExecutor() as pool:
            reading, editing = server.client(server.reader), server.client(server.editor)
            with reading as reader, editing as editor:
                slow = pool.submit(reader.post, "/v1/ask", json={"question": QUESTION})
                while not model.requests:
                    time.sleep(0.01)
                refused = reader.get("/v1/articles")
                assert "wait for one of them to end" in problem(refused, 429)
                assert refused.headers["retry-after"] == "1"
                assert editor.get("/v1/articles").status_code == 200
                assert slow.result().status_code == 503
                assert reader.get("/v1/articles").status_code == 200


def test_wrong_tokens_are_not_tried_for_long(sample_archive: Archive, tmp_path: Path) -> None:
    with guarded(sample_archive, tmp_path) as server:
        guessing = server.client("dateline_00000000_guess", **FROM_OUTSIDE)
        with guessing as guesser, server.client(server.reader, **FROM_OUTSIDE) as reader:
            codes = [guesser.get("/v1/articles").status_code for _ in range(FAILURES_PER_MINUTE + 2)]
            assert codes == [401] * FAILURES_PER_MINUTE + [429] * 2
            told = guesser.get("/v1/articles")
            assert "Too many wrong tokens" in problem(told, 429) and told.headers["retry-after"]
            # Whoever shares the address and has a token is not shut out.
            assert reader.get("/v1/articles").status_code == 200
        with server.client(**BROWSER, **FROM_OUTSIDE, **{"accept-language": "ru"}) as visitor:
            page = visitor.post("/signin", data={"token": "guess"})
            assert page.status_code == 429 and page.headers["retry-after"]
            assert "Слишком много попыток" in page.text


def test_bodies_may_be_as_large_as_the_settings_say(empty_archive: Archive, tmp_path: Path) -> None:
    with guarded(empty_archive, tmp_path, max_upload_mb=1) as server:
        client = server.client(server.editor)
        with client as editor:
            assert "larger than 1 MiB" in problem(editor.post("/v1/articles", content=b" " * 2**21), 413)
            parts = editor.build_request("POST", "/v1/articles", content=iter([b" " * 2**19] * 3))
            assert "larger than 1 MiB" in problem(editor.send(parts), 413)


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("203.0.113.7", 1), "203.0.113.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("::1", 1), "::/64"),
        (("testclient", 1), "testclient"),
        (None, ""),
    ],
)
def test_a_household_is_one_caller(client: tuple[str, int] | None, network: str) -> None:
    assert network_of({"client": client}) == network
