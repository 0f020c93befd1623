"""ui/api.py over real HTTP: a real server, archive and model on a loopback port."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from conftest import open_archive
from httpx_sse import connect_sse

from index.archive import Archive
from index.embed import Embedder
from index.errors import ArchiveUnavailableError
from rag.chat import Assistant
from rag.config import Settings
from rag.errors import ModelReplyError, ModelUnreachableError
from rag.types import EvidenceFound
from ui.api import create_api
from ui.problems import MAX_BODY_BYTES

QUESTION = "Who warned whom before the Crocus attack?"


def serving(assistant: Assistant) -> Iterator[httpx.Client]:
    config = uvicorn.Config(create_api(assistant), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def client(assistant: Assistant) -> Iterator[httpx.Client]:
    """A server on the sample archive."""
    yield from serving(assistant)


@pytest.fixture
def fresh(tmp_path: Path, embedder: Embedder) -> Iterator[httpx.Client]:
    """A server on an empty archive of its own."""
    archive = open_archive(tmp_path / "archive", embedder)
    yield from serving(Assistant(Settings(archive=tmp_path / "archive"), archive))
    archive.close()


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance"}
    assert body["status"] == status
    assert body["detail"] and "\n" not in body["detail"]
    return str(body["detail"])


# --- questions ----------------------------------------------------------------------------------


def test_an_answer_is_verbatim_sentences_of_articles(client: httpx.Client) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert (answer["status"], answer["abstained"], answer["language"]) == ("grounded", False, "en")
    assert answer["statements"] and answer["citations"]
    assert answer["coverage"]["articles"] == client.get("/v1/articles").json()["total"]
    indexes = [citation["index"] for citation in answer["citations"]]
    assert indexes == list(range(1, len(indexes) + 1))
    for statement in answer["statements"]:
        assert statement["citations"] and set(statement["citations"]) <= set(indexes)
    for citation in answer["citations"]:
        article = client.get(f"/v1/articles/{quote(citation['article_id'], safe='')}").json()
        start, end = citation["start_char"], citation["end_char"]
        assert article["text"][start:end] == citation["cited_text"]
        assert {"text": citation["cited_text"], "start_char": start, "end_char": end} in article[
            "sentences"
        ]
    assert answer["timings"]["total"] > 0


def test_an_abstention_says_what_was_searched(client: httpx.Client) -> None:
    answer = client.post("/v1/ask", json={"question": "Who won the 1954 chess olympiad?"}).json()
    assert (answer["status"], answer["abstained"]) == ("abstained", True)
    assert answer["reason"] == "the evidence is too weak"
    assert answer["statements"] == answer["citations"] == []
    assert answer["nearest"] and answer["coverage"]["articles"] > 20
    narrowed = {"question": QUESTION, "filters": {"sources": ["No such outlet"]}}
    assert client.post("/v1/ask", json=narrowed).json()["reason"] == "no article passes the filters"


def test_an_empty_archive_says_so(fresh: httpx.Client) -> None:
    answer = fresh.post("/v1/ask", json={"question": QUESTION}).json()
    assert (answer["reason"], answer["coverage"]["articles"]) == ("the archive is empty", 0)


def test_a_follow_up_carries_the_question_along(client: httpx.Client) -> None:
    history = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "Iran warned Russia."},
    ]
    answer = client.post("/v1/ask", json={"question": "And what did the Kremlin say?", "history": history})
    assert answer.json()["standalone_question"] == f"{QUESTION} And what did the Kremlin say?"
    assert "knew nothing" in answer.text


def test_streaming(client: httpx.Client) -> None:
    body = {"question": QUESTION, "stream": True}
    with connect_sse(client, "POST", "/v1/ask", json=body) as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        events = [(event.event, json.loads(event.data)) for event in source.iter_sse()]
    names = [name for name, _ in events]
    assert names[0] == "evidence" and names[-1] == "answer"
    assert set(names[1:-1]) == {"citation", "statement"}
    answer = events[-1][1]
    assert [data for name, data in events if name == "statement"] == answer["statements"]
    assert [data for name, data in events if name == "citation"] == answer["citations"]
    assert (
        events[0][1]["passages"] == client.post("/v1/search", json={"query": QUESTION}).json()["passages"]
    )
    known: set[int] = set()
    for name, data in events:
        if name == "citation":
            known.add(data["index"])
        if name == "statement":
            assert set(data["citations"]) <= known, "a citation comes before its statement"


def test_search(client: httpx.Client) -> None:
    found = client.post("/v1/search", json={"query": QUESTION, "top_k": 7}).json()
    assert [p["rank"] for p in found["passages"]] == list(range(1, 8))
    scores = [p["score"] for p in found["passages"]]
    assert scores == sorted(scores, reverse=True)
    assert found["language"] == "en" and 0 <= found["answerability"] <= 1
    for passage in found["passages"]:
        text = client.get(f"/v1/articles/{passage['article']['id']}").json()["text"]
        assert text[passage["start_char"] : passage["end_char"]] == passage["text"]
        sentence = passage["sentence"]
        assert text[sentence["start_char"] : sentence["end_char"]] == sentence["text"]
        assert sentence["text"] in passage["text"]


def test_filters_hold(client: httpx.Client) -> None:
    filters = {"languages": ["ru", "fa"], "published_from": "2024-03-23", "published_to": "2024-04-05"}
    body = {"query": QUESTION, "top_k": 50, "filters": filters}
    found = client.post("/v1/search", json=body).json()
    assert {p["article"]["language"] for p in found["passages"]} == {"ru", "fa"}
    days = {p["article"]["published_at"][:10] for p in found["passages"]}
    assert min(days) >= "2024-03-23" and max(days) <= "2024-04-05"
    one = found["passages"][0]["article"]["id"]
    again = client.post("/v1/search", json={"query": QUESTION, "filters": {"articles": [one]}}).json()
    assert {p["article"]["id"] for p in again["passages"]} == {one}


def test_eight_at_once(client: httpx.Client) -> None:
    alone = client.post("/v1/ask", json={"question": QUESTION}).json()["statements"]

    async def ask_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as several:
            return await asyncio.gather(
                *(several.post("/v1/ask", json={"question": QUESTION}) for _ in range(8))
            )

    assert [r.json()["statements"] for r in asyncio.run(ask_all())] == [alone] * 8


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/ask", {"question": ""}, "empty"),
        ("/v1/ask", {"question": " \n "}, "empty"),
        ("/v1/ask", {"question": "x" * 100_000}, "100,000 characters"),
        ("/v1/ask", {}, "question"),
        ("/v1/ask", {"question": "x", "top_k": 0}, "top_k"),
        ("/v1/ask", {"question": "x", "top_k": 10**30}, "top_k"),
        ("/v1/ask", {"question": "x", "topk": 3}, "topk"),
        ("/v1/ask", {"question": "x", "history": [{"role": "system", "content": "y"}]}, "history.0.role"),
        ("/v1/ask", {"question": "x", "filters": {"published_from": "March"}}, "ISO 8601"),
        ("/v1/ask", {"question": "x", "filters": {"language": "ar"}}, "filters.language"),
        (
            "/v1/ask",
            {"question": "x", "filters": {"published_from": "2025-01-01", "published_to": "2024-01-01"}},
            "Swap them",
        ),
        ("/v1/ask", {"question": "x", "stream": True, "filters": {"published_to": "0"}}, "ISO 8601"),
        ("/v1/search", {"query": ""}, "empty"),
        ("/v1/search", [], "the body"),
    ],
)
def test_requests_that_make_no_sense(client: httpx.Client, path: str, body: object, says: str) -> None:
    assert says in problem(client.post(path, json=body), 422)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"question": "half \\ud800 pair"}',
        b'{"question": NaN}',
        b'{"question": "x", "top_k": NaN}',
        b"\xff",
    ],
)
def test_bodies_that_are_no_text(client: httpx.Client, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert 400 <= client.post("/v1/ask", content=content, headers=headers).status_code < 500
    assert 400 <= client.post("/v1/articles", content=content, headers=headers).status_code < 500


def test_nul_in_a_question(client: httpx.Client) -> None:
    assert client.post("/v1/ask", json={"question": "Who\0 warned?"}).status_code in (200, 422)


def test_other_errors_have_the_same_shape(client: httpx.Client) -> None:
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/v1/ask"), 405)
    assert "'no/such id'" in problem(client.get("/v1/articles/no/such%20id"), 404)
    problem(client.delete("/v1/articles/none"), 404)
    problem(client.get("/v1/articles?limit=0"), 422)
    problem(client.get("/v1/articles?published_from=x"), 422)
    large = client.build_request("POST", "/v1/articles", content=iter([b" " * 2**20] * 61))
    assert "60 MiB" in problem(client.send(large), 413)
    problem(client.post("/v1/articles", content=b" " * (MAX_BODY_BYTES + 1)), 413)


# --- articles -----------------------------------------------------------------------------------


def test_articles_come_and_go(fresh: httpx.Client) -> None:
    ferry = {"id": "ferry", "text": "A ferry ran aground near Valmere. Nobody was hurt.", "language": "en"}
    assert fresh.post("/v1/articles", json=ferry).json() == [
        {"id": "ferry", "status": "added", "reason": ""}
    ]
    assert fresh.post("/v1/articles", json=[ferry]).json()[0]["status"] == "unchanged"
    changed = {**ferry, "text": "The ferry was towed free by a tug."}
    assert fresh.post("/v1/articles", json=changed).json()[0]["status"] == "replaced"
    answer = fresh.post("/v1/search", json={"query": "ferry"}).json()
    assert [p["text"] for p in answer["passages"]] == [changed["text"]]
    assert fresh.delete("/v1/articles/ferry").status_code == 204
    assert fresh.get("/v1/articles").json()["total"] == 0
    assert fresh.post("/v1/search", json={"query": "ferry"}).json()["passages"] == []


def test_one_bad_article_does_not_lose_the_others(fresh: httpx.Client) -> None:
    batch = [
        {"id": "a", "text": "The first is good."},
        {"id": "b"},
        {"id": "c", "text": "ok", "colour": "red"},
        "not an article",
        {"id": "a", "text": "The first again, but changed."},
        {"text": "No id was given to this one."},
    ]
    outcomes = fresh.post("/v1/articles", json=batch).json()
    assert [o["status"] for o in outcomes] == ["added", "failed", "failed", "failed", "replaced", "added"]
    assert [o["id"] for o in outcomes[:5]] == ["a", "b", "c", "", "a"]
    assert "'text'" in outcomes[1]["reason"] and "'colour'" in outcomes[2]["reason"]
    assert fresh.get("/v1/articles").json()["total"] == 2
    assert "'text'" in problem(fresh.post("/v1/articles", json={"id": "alone"}), 422)
    assert "in parts" in problem(fresh.post("/v1/articles", json=[{"text": "x"}] * 1001), 422)


@pytest.mark.parametrize(
    "article_id", ["a/b/c", "with space", "quo'te\"s", "كروكوس", "50%?x=1#y", "..", "a//b"]
)
def test_ids_with_odd_characters(fresh: httpx.Client, article_id: str) -> None:
    fresh.post("/v1/articles", json={"id": article_id, "text": "A text."})
    url = "/v1/articles/" + quote(article_id, safe="").replace("..", "%2E%2E")
    assert fresh.get(url).json()["id"] == article_id
    assert fresh.delete(url).status_code == 204


def test_paging(client: httpx.Client) -> None:
    total = client.get("/v1/articles").json()["total"]
    ids: list[str] = []
    for offset in range(0, total, 10):
        page = client.get(f"/v1/articles?offset={offset}&limit=10").json()
        assert "text" not in page["articles"][0]
        ids += [article["id"] for article in page["articles"]]
    assert len(ids) == len(set(ids)) == total
    assert client.get(f"/v1/articles?offset={total}").json()["articles"] == []
    arabic = client.get("/v1/articles?language=ar&language=fa&published_from=2024-04-01").json()
    assert {a["language"] for a in arabic["articles"]} == {"ar", "fa"}
    assert arabic["total"] == len(arabic["articles"])


# --- health, documentation, failures ------------------------------------------------------------


def test_health(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["articles"] > 20


def test_documentation_comes_from_this_server(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "https://" not in page.replace("https://www.w3.org", "")
    for path in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert client.get(f"/static-offline-docs/{path}").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/ask", "/v1/search", "/v1/articles", "/healthz", "/readyz"} <= set(paths)


class Failing(Assistant):
    """Fails where it is told to, to see what the door makes of it."""

    def __init__(self, assistant: Assistant, error: Exception, *, late: bool) -> None:
        super().__init__(assistant.settings, assistant.archive)
        self.error = error
        self.late = late
        self.closed = threading.Event()

    async def stream(self, question: str, **options: object) -> AsyncIterator[object]:  # type: ignore[override]
        try:
            if self.late:
                yield EvidenceFound(await self.search(question))
            raise self.error
        finally:
            self.closed.set()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelUnreachableError("no model answers at x: start it."), 503),
        (ModelReplyError("the reply broke off: ask again."), 502),
        (ArchiveUnavailableError("the store is away: start it."), 503),
        (RuntimeError("secret internals"), 500),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_outage_is_never_an_abstention(
    assistant: Assistant, error: Exception, status: int, stream: bool
) -> None:
    for client in serving(Failing(assistant, error, late=False)):
        detail = problem(client.post("/v1/ask", json={"question": QUESTION, "stream": stream}), status)
        assert ("secret" not in detail) if status == 500 else (detail == str(error))


def test_an_error_in_mid_stream_is_an_event(assistant: Assistant) -> None:
    failing = Failing(assistant, ModelReplyError("the reply broke off: ask again."), late=True)
    for client in serving(failing):
        with connect_sse(client, "POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as source:
            events = list(source.iter_sse())
        assert [event.event for event in events] == ["evidence", "error"]
        assert json.loads(events[-1].data)["status"] == 502


class Endless(Failing):
    """Writes until its reader leaves."""

    async def stream(self, question: str, **options: object) -> AsyncIterator[object]:  # type: ignore[override]
        try:
            evidence = await self.search(question)
            while True:
                yield EvidenceFound(evidence)
                await asyncio.sleep(0.01)
        finally:
            self.closed.set()


def test_a_reader_who_leaves_stops_the_work(assistant: Assistant) -> None:
    endless = Endless(assistant, RuntimeError(), late=True)
    for client in serving(endless):
        with client.stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            next(response.iter_bytes())
        assert endless.closed.wait(timeout=5)


def test_a_lost_store_is_not_ready(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "a", embedder)

    class Away(Archive):
        def ping(self) -> None:
            raise ArchiveUnavailableError("the store is away: start it.")

    archive.__class__ = Away
    for client in serving(Assistant(Settings(archive=tmp_path / "a"), archive)):
        problem(client.get("/readyz"), 503)
        assert client.get("/healthz").status_code == 200
    archive.close()
