"""ui/api.py over real HTTP: a real server, archive and model on a loopback port."""

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import browser
import httpx
import pytest
import uvicorn
from httpx_sse import ServerSentEvent, connect_sse
from openai_server import OpenAIServer, Reply
from playwright.sync_api import sync_playwright

from index.archive import Archive
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import ArchiveError, ArchiveUnavailableError
from index.ingest import ingest
from index.types import Article
from rag.chat import Assistant
from rag.config import Settings
from rag.errors import ModelReplyError, ModelUnreachableError
from rag.types import EvidenceFound
from ui import streaming
from ui.api import create_api

QUESTION = "Who warned whom before the Crocus attack?"
JSON = {"content-type": "application/json"}
FERRY = "A ferry ran aground near Valmere on Sunday."
STATEMENT = f"{FERRY} [1]\n"


@contextmanager
def serving(assistant: Assistant) -> Iterator[httpx.Client]:
    config = uvicorn.Config(create_api(assistant), port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def client(assistant: Assistant) -> Iterator[httpx.Client]:
    """A server on the sample archive."""
    with serving(assistant) as client:
        yield client


@pytest.fixture
def fresh(empty_archive: Archive, tmp_path: Path) -> Iterator[httpx.Client]:
    """A server on an empty archive of its own."""
    with serving(Assistant(Settings(archive=tmp_path / "archive"), empty_archive)) as client:
        yield client


@contextmanager
def written_by(model: OpenAIServer, archive: Archive) -> Iterator[httpx.Client]:
    """A server whose answers a language model writes."""
    settings = Settings(
        archive=archive.config.archive,
        min_answerability=0,
        llm_model="small",
        llm_base_url=model.base_url,
        llm_retries=0,
    )
    with serving(Assistant(settings, archive)) as client:
        yield client


@pytest.fixture
def ferry(empty_archive: Archive) -> Archive:
    """An archive of one article, so that the first of the numbered sentences is known."""
    article = Article(id="ferry", title="", text=f"{FERRY} Nobody was hurt.", language="en")
    assert [outcome.status for outcome in ingest(empty_archive, [article])] == ["added"]
    return empty_archive


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert body["status"] == status
    assert body["instance"].isascii()
    detail = body["detail"]
    assert detail and len(detail.splitlines()) == 1 and len(detail) <= 500
    return str(detail)


def streamed(client: httpx.Client, question: str = QUESTION) -> list[ServerSentEvent]:
    body = {"question": question, "stream": True}
    with connect_sse(client, "POST", "/v1/ask", json=body) as source:
        return list(source.iter_sse())


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
    answer = client.post("/v1/ask", json={"question": "And when?", "history": history}).json()
    assert answer["standalone_question"] == "And when? warned Crocus attack"
    assert answer["question"] == "And when?"


def test_claims(client: httpx.Client) -> None:
    table = client.post("/v1/claims", json={"question": QUESTION}).json()
    assert table["complete"] is False and table["coverage"]["articles"] > 20
    (row,) = [r for r in table["claims"] if (r["speaker"], r["act"]) == ("إيران", "warn")]
    assert (row["addressee"], row["stance"]) == ("روسيا", "asserts")
    text = client.get(f"/v1/articles/{row['citation']['article_id']}").json()["text"]
    assert (
        text[row["citation"]["start_char"] : row["citation"]["end_char"]] == row["citation"]["cited_text"]
    )
    only = {"question": QUESTION, "filters": {"languages": ["en"]}, "top_k": 5}
    found = client.post("/v1/claims", json=only).json()["claims"]
    assert found and {row["citation"]["language"] for row in found} == {"en"}
    problem(client.post("/v1/claims", json={"question": ""}), 422)


def test_a_timeline(client: httpx.Client) -> None:
    entries = client.post("/v1/timeline", json={"question": "the Crocus attack"}).json()["entries"]
    starts = [entry["when"]["start"] for entry in entries]
    assert len(entries) > 5 and starts == sorted(starts)
    absurd = client.post("/v1/timeline", json={"question": "Who won the 1954 chess olympiad?"}).json()
    assert absurd["entries"] == [] and absurd["coverage"]["articles"] > 20


def test_a_time_in_the_question_can_be_left_out(client: httpx.Client) -> None:
    asked = {"question": "Who was attacked in January 2024?"}
    period = client.post("/v1/ask", json=asked).json()["period"]
    assert period == {"start": "2024-01-01", "end": "2024-01-31", "about": "events", "anchor": ""}
    assert client.post("/v1/ask", json=asked | {"infer_time": False}).json()["period"] is None


def test_a_translation_needs_a_model(client: httpx.Client) -> None:
    assert "DATELINE_LLM_MODEL" in problem(
        client.post("/v1/ask", json={"question": QUESTION, "translate": True}), 422
    )


def test_streaming(client: httpx.Client) -> None:
    body = {"question": QUESTION, "stream": True}
    with connect_sse(client, "POST", "/v1/ask", json=body) as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        assert source.response.headers["cache-control"] == "no-store"
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
        ("/v1/ask", {"question": "x", "top_k": True}, "top_k"),
        ("/v1/ask", {"question": "x", "stream": "yes"}, "stream"),
        ("/v1/ask", {"question": "x", "filters": None}, "filters: must be a JSON object"),
        ("/v1/ask", {"question": "x", "a\nb": 1}, "a b: is not known here"),
        ("/v1/ask", {"question": "x", "k" * 100_000: 1}, "kkk"),
        ("/v1/search", {"query": ""}, "empty"),
        ("/v1/search", {"query": 5}, "query: "),
        ("/v1/search", [], "the body: must be a JSON object"),
        ("/v1/search", {"query": "x", "filters": {"sources": ["s"] * 1001}}, "filters.sources"),
    ],
)
def test_requests_that_make_no_sense(client: httpx.Client, path: str, body: object, says: str) -> None:
    assert says in problem(client.post(path, json=body), 422)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 422, "the body"),
        (b'{"text": ', 422, "not JSON: Expecting value at character 9"),
        (b'{"text": "half \\ud800 pair"}', 422, "half of a surrogate pair"),
        (b'{"text": "x", "\\ud800": 1}', 422, "unicode"),
        (b'{"text": NaN}', 422, "text"),
        (b'{"text": 1e999}', 422, "text"),
        (b'{"text": ' + b"9" * 400 + b"}", 422, "text"),
        (b'{"text": ' + b"9" * 9000 + b"}", 400, "too long"),
        (b'{"text": "\xff"}', 400, "UTF-8"),
        (b"[" * 100_000, 400, "too deeply"),
    ],
)
def test_bodies_that_hold_no_text(client: httpx.Client, content: bytes, status: int, says: str) -> None:
    for path, key in (("/v1/ask", "question"), ("/v1/search", "query"), ("/v1/articles", "text")):
        renamed = content.replace(b"text", key.encode())
        says_here = says.replace("text", key).replace("9", str(5 + len(key)))
        detail = problem(client.post(path, content=renamed, headers=JSON), status)
        assert says_here in detail


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/x-www-form-urlencoded"}])
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/articles"])
def test_a_body_must_be_sent_as_json(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    response = client.post(path, content=b'{"question": "x"}', headers=headers)
    assert "content-type: application/json" in problem(response, 422)


def test_odd_questions_and_filters_are_answered(client: httpx.Client) -> None:
    for question in ("Who\0 warned?", "\0", "???", "😀", "\u200f\u200c"):
        assert client.post("/v1/ask", json={"question": question}).status_code == 200, question
    for filters in ({"sources": ["\0"]}, {"articles": ["s"] * 1000}, {"published_to": "9999-12-31"}):
        body = {"query": QUESTION, "filters": filters}
        assert client.post("/v1/search", json=body).status_code == 200, filters


def test_other_errors_have_the_same_shape(client: httpx.Client) -> None:
    assert "'/v1/nothing'" in problem(client.get("/v1/nothing"), 404)
    assert "GET is not for '/v1/ask': use POST" in problem(client.get("/v1/ask"), 405)
    not_put = client.put("/v1/articles", json={})
    assert "GET or POST" in problem(not_put, 405) and not_put.headers["allow"] == "GET, POST"
    assert client.patch("/v1/articles/a/b").headers["allow"] == "DELETE, GET"
    problem(client.get("/static-offline-docs/nothing"), 404)
    problem(client.get("/redoc"), 404)
    long = client.get("/v1/articles/" + "x" * 5000)
    assert problem(long, 404).endswith("…")
    odd = client.get("/v1/articles/%D9%83%20%ff%0A%22")
    assert problem(odd, 404) and odd.json()["instance"] == "/v1/articles/%D9%83%20%ff%0A%22"
    assert "'no/such id'" in problem(client.get("/v1/articles/no/such%20id"), 404)
    problem(client.delete("/v1/articles/none"), 404)
    for query in ("limit=0", "limit=501", "offset=-1", "offset=" + "9" * 6000, "published_from=x"):
        assert query.split("=")[0] in problem(client.get(f"/v1/articles?{query}"), 422)
    assert "sources: is not known" in problem(client.get("/v1/articles?sources=x"), 422)
    large = client.build_request("POST", "/v1/articles", content=iter([b" " * 2**20] * 61))
    assert "60 MiB" in problem(client.send(large), 413)
    problem(client.post("/v1/articles", content=b" " * (60 * 2**20 + 1)), 413)


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
    assert "blank" in problem(fresh.post("/v1/articles", json={"text": "\u200b\u200e"}), 422)
    assert "a JSON object, or a list" in problem(fresh.post("/v1/articles", json="text"), 422)
    assert "in parts" in problem(fresh.post("/v1/articles", json=[{"text": "x"}] * 1001), 422)


def test_the_id_of_a_failed_article_comes_back(fresh: httpx.Client) -> None:
    names = ["می\u200cروم", "a\0b", "", "x" * 600]
    batch = [
        *({"id": name} for name in names),
        {"id": 5},
        {"text": "x", **dict.fromkeys(map(str, range(999)))},
    ]
    content = json.dumps([*batch, {"id": "half \ud800"}])
    outcomes = fresh.post("/v1/articles", content=content, headers=JSON).json()
    assert [o["id"] for o in outcomes] == [*names, "", "", "half ?"]
    assert {o["status"] for o in outcomes} == {"failed"}
    assert all(o["reason"] and len(o["reason"]) <= 500 for o in outcomes)


def test_writers_at_once_do_not_disturb_each_other_or_readers(fresh: httpx.Client) -> None:
    async def write_and_read() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=fresh.base_url, timeout=60) as several:
            writing = (
                several.post(
                    "/v1/articles",
                    json=[{"id": f"{n}", "text": f"Text {n}."}, {"id": "same", "text": f"{n}"}],
                )
                for n in range(8)
            )
            reading = (several.get("/v1/articles") for _ in range(8))
            return await asyncio.gather(*writing, *reading)

    responses = asyncio.run(write_and_read())
    assert {r.status_code for r in responses} == {200}
    same = [r.json()[1]["status"] for r in responses[:8]]
    assert sorted(same) == ["added"] + ["replaced"] * 7
    assert fresh.get("/v1/articles").json()["total"] == 9


def test_ids_with_odd_characters(fresh: httpx.Client) -> None:
    for name in (
        "a/b/c",
        "with space",
        "quo'te\"s",
        "كروكوس",
        "می\u200cروم",
        "50%?x=1#y",
        "..",
        "a//b",
        "/",
    ):
        fresh.post("/v1/articles", json={"id": name, "text": "A text."})
        address = "/v1/articles/" + quote(name, safe="").replace("..", "%2E%2E")
        assert fresh.get(address).json()["id"] == name
        assert fresh.delete(address).status_code == 204, name
        problem(fresh.get(address), 404)


def test_paging(client: httpx.Client) -> None:
    total = client.get("/v1/articles").json()["total"]
    ids: list[str] = []
    for offset in range(0, total, 10):
        page = client.get(f"/v1/articles?offset={offset}&limit=10").json()
        assert "text" not in page["articles"][0]
        ids += [article["id"] for article in page["articles"]]
    assert len(ids) == len(set(ids)) == total
    assert client.get(f"/v1/articles?offset={total}").json()["articles"] == []
    page, seen = client.get("/v1/articles?limit=10&language=ar&language=en"), 0
    while True:
        seen += len(page.json()["articles"])
        if "next" not in page.links:
            break
        page = client.get(page.links["next"]["url"])
        assert "prev" in page.links
    assert seen == page.json()["total"] > 10
    assert client.get(page.links["prev"]["url"]).json()["offset"] == page.json()["offset"] - 10
    beyond = client.get("/v1/articles?offset=1000&limit=10")
    assert beyond.links["prev"]["url"] == f"/v1/articles?offset={total - 10}&limit=10"
    arabic = client.get("/v1/articles?language=ar&language=fa&published_from=2024-04-01").json()
    assert {a["language"] for a in arabic["articles"]} == {"ar", "fa"}
    assert arabic["total"] == len(arabic["articles"])
    assert client.get("/v1/articles?source=&language=&published_to=").json()["total"] == total


# --- health and documentation -------------------------------------------------------------------


def test_health(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["articles"] > 20


def test_a_lost_store_is_not_ready(empty_archive: Archive, tmp_path: Path) -> None:
    class Away(Archive):
        def ping(self) -> None:
            raise ArchiveUnavailableError("the store is away: start it.")

    empty_archive.__class__ = Away
    with serving(Assistant(Settings(archive=tmp_path / "archive"), empty_archive)) as client:
        assert problem(client.get("/readyz"), 503) == "the store is away: start it."
        assert client.get("/healthz").status_code == 200


def test_a_model_that_cannot_be_loaded_is_not_ready(empty_archive: Archive, tmp_path: Path) -> None:
    empty_archive.embedder = Embedder(IndexConfig(archive=tmp_path, embedder=str(tmp_path / "no model")))
    with serving(Assistant(Settings(archive=tmp_path / "archive"), empty_archive)) as client:
        assert "no model" in problem(client.get("/readyz"), 503)
        assert client.get("/healthz").status_code == 200


@pytest.mark.skipif(browser.CHROMIUM is None, reason="the page needs a browser")
def test_the_documentation_asks_no_other_host(client: httpx.Client) -> None:
    # Any name leads to this machine, so that the page is read as over a network, and nothing leaves.
    everywhere = "--host-resolver-rules=MAP * 127.0.0.1"
    address = f"http://archive.example:{client.base_url.port}"
    requested: list[str] = []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=browser.CHROMIUM, args=[*browser.QUIET, everywhere]
        )
        page = opened.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{address}/docs")
        page.get_by_text("/v1/search", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table").get_by_text("answerability").first.wait_for()
        page.wait_for_load_state("networkidle")
        opened.close()
    assert f"{address}/v1/search" in requested
    foreign = [url for url in requested if not url.startswith((address, "data:", "blob:"))]
    assert not foreign


def test_the_description_is_whole(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    types = description["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)):
        assert name in types
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["description"] and operation["tags"], (method, path)
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    reply = next(iter(response.get("content", {}).values()), {})
                    assert status == "204" or ("schema" in reply and "example" in str(reply)), path
                else:
                    [(kind, content)] = response["content"].items()
                    assert kind == "application/problem+json", (path, status)
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_examples_work(fresh: httpx.Client) -> None:
    paths = fresh.get("/openapi.json").json()["paths"]
    tried = 0
    for path in ("/v1/articles", "/v1/search", "/v1/ask", "/v1/chat/completions"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]
        for example in body["examples"].values():
            response = fresh.post(path, json=example["value"])
            assert response.status_code == 200, (example, response.text)
            tried += 1
    assert tried == 8
    shown = paths["/v1/articles/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    stored = fresh.get(f"/v1/articles/{shown['id']}").json()
    assert (stored["text"], stored["sentences"]) == (shown["text"], shown["sentences"])


# --- a language model ---------------------------------------------------------------------------


def test_a_model_writes_the_answer(ferry: Archive) -> None:
    with OpenAIServer(STATEMENT, STATEMENT) as model, written_by(model, ferry) as client:
        answer = client.post("/v1/ask", json={"question": "Where was the ferry?"}).json()
        assert (answer["model"], answer["status"]) == ("small", "grounded")
        assert [s["text"] for s in answer["statements"]] == [FERRY]
        events = streamed(client, "Where was the ferry?")
        assert [event.event for event in events] == ["evidence", "citation", "statement", "answer"]
        again = json.loads(events[-1].data)
        assert (again["statements"], again["citations"]) == (answer["statements"], answer["citations"])


@pytest.mark.parametrize("stream", [False, True])
def test_the_model_stops_when_the_reader_leaves(ferry: Archive, stream: bool) -> None:
    silent = Reply(STATEMENT + "And then", piece=len(STATEMENT), stall_after=1)
    with OpenAIServer(silent) as model, written_by(model, ferry) as client:
        body = {"question": "Where was the ferry?", "stream": stream}
        if stream:
            with connect_sse(client, "POST", "/v1/ask", json=body) as source:
                events = source.iter_sse()
                while next(events).event != "statement":
                    pass  # the model is silent from there on
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/v1/ask", json=body, timeout=3)
        assert len(model.requests) == 1 and model.wait_for_disconnect()


def test_a_silent_model_does_not_silence_the_stream(
    ferry: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.05)
    slow = Reply(STATEMENT + "x", piece=len(STATEMENT) - 1, pause=0.5)
    with OpenAIServer(slow) as model, written_by(model, ferry) as client:
        text = client.post("/v1/ask", json={"question": "Where was the ferry?", "stream": True}).text
        assert re.search(r"event: evidence\n.*\n\n(: ping\n\n)+event: citation\n", text)
        assert text.count("event: answer\n") == 1


def test_a_model_that_breaks_off(ferry: Archive) -> None:
    broken = Reply(STATEMENT + "And then", piece=len(STATEMENT), break_after=1)
    with OpenAIServer(broken, broken) as model, written_by(model, ferry) as client:
        events = streamed(client)
        assert [e.event for e in events] == ["evidence", "citation", "statement", "error"]
        error = json.loads(events[-1].data)
        assert (error["status"], error["instance"]) == (502, "/v1/ask")
        assert error["detail"] == problem(client.post("/v1/ask", json={"question": QUESTION}), 502)


def test_no_model_at_all(ferry: Archive) -> None:
    with OpenAIServer() as gone:
        pass
    with written_by(gone, ferry) as client:
        assert gone.base_url in problem(client.post("/v1/ask", json={"question": QUESTION}), 503)
        events = streamed(client)
        assert [e.event for e in events] == ["evidence", "error"]
        assert json.loads(events[-1].data)["status"] == 503


# --- failures -----------------------------------------------------------------------------------


class Failing(Assistant):
    """Fails where it is told to, to see what the door makes of it."""

    def __init__(self, assistant: Assistant, error: Exception, *, late: bool) -> None:
        super().__init__(assistant.settings, assistant.archive)
        self.error = error
        self.late = late

    async def stream(self, question: str, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        if self.late:
            yield EvidenceFound(await self.search(question))
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelUnreachableError("no model answers at x: start it."), 503),
        (ModelReplyError("the reply broke off: ask again."), 502),
        (ArchiveUnavailableError("the store is away: start it."), 503),
        (ArchiveError("made with another model: ingest again."), 400),
        (RuntimeError("secret internals"), 500),
    ],
)
def test_an_outage_is_never_an_abstention(
    assistant: Assistant, error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Failing(assistant, error, late=False)) as client:
        for stream in (False, True):
            body = {"question": QUESTION, "stream": stream}
            detail = problem(client.post("/v1/ask", json=body), status)
            assert ("secret" not in detail) if status == 500 else (detail == str(error))
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    # A bug is logged once, with its traceback; what the user can fix is no news for the log.
    assert [record.exc_info and record.exc_info[1] for record in logged] == (
        [error, error] if status == 500 else []
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelReplyError("the reply broke off: ask again."), 502), (RuntimeError("secret internals"), 500)],
)
def test_an_error_in_mid_stream_is_an_event(
    assistant: Assistant, error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Failing(assistant, error, late=True)) as client:
        events = streamed(client)
    assert [event.event for event in events] == ["evidence", "error"]
    assert json.loads(events[-1].data)["status"] == status
    assert "secret" not in events[-1].data
    logged = [r.exc_info and r.exc_info[1] for r in caplog.records if r.levelno >= logging.ERROR]
    assert logged == ([error] if status == 500 else [])


class Endless(Assistant):
    """Writes until its reader leaves."""

    def __init__(self, assistant: Assistant) -> None:
        super().__init__(assistant.settings, assistant.archive)
        self.closed = threading.Event()

    async def stream(self, question: str, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        try:
            evidence = await self.search(question)
            while True:
                yield EvidenceFound(evidence)
                await asyncio.sleep(0.01)
        finally:
            # What has to be closed on the way out may take its time.
            await asyncio.sleep(0.05)
            self.closed.set()


@pytest.mark.parametrize("stream", [False, True])
def test_a_reader_who_leaves_stops_the_work(assistant: Assistant, stream: bool) -> None:
    endless = Endless(assistant)
    with serving(endless) as client:
        body = {"question": QUESTION, "stream": stream}
        if stream:
            with client.stream("POST", "/v1/ask", json=body) as response:
                next(response.iter_bytes())
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/v1/ask", json=body, timeout=2)
        assert endless.closed.wait(timeout=5)
