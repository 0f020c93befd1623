"""Kept conversations over real HTTP: asked, found, shown, exported, rated, deleted; requests repeated."""

import json
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from docx import Document
from httpx_sse import connect_sse
from openai_server import OpenAIServer, Reply
from test_api import FERRY, QUESTION, STATEMENT, ferry, problem, serving, written_by

from index.archive import Archive
from rag import replies
from rag.chat import Assistant
from rag.config import Settings
from rag.database import FILE
from ui.owner import COOKIE

__all__ = ["ferry"]
WARNED = "من حذّر من قبل الهجوم على كروكوس؟"
KEY = "Idempotency-Key"


@pytest.fixture(scope="module")
def kept_by(sample_archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """An Assistant on the sample archive that keeps its conversations in a folder of its own."""
    return Assistant(Settings(archive=tmp_path_factory.mktemp("kept")), sample_archive)


@pytest.fixture(scope="module")
def server(kept_by: Assistant) -> Iterator[httpx.Client]:
    with serving(kept_by) as client:
        yield client


@pytest.fixture
def client(server: httpx.Client) -> Iterator[httpx.Client]:
    """A new browser, without a cookie yet."""
    with httpx.Client(base_url=server.base_url, timeout=60) as client:
        yield client


def ask(client: httpx.Client, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    response = client.post("/v1/ask", json={"question": question, "conversation": "new", **more})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_an_answer_is_kept_only_when_that_is_wanted(client: httpx.Client) -> None:
    plain = client.post("/v1/ask", json={"question": QUESTION})
    assert (plain.json()["id"], plain.json()["conversation"]) == ("", "")
    assert COOKIE not in client.cookies
    asked = ask(client)
    assert COOKIE in client.cookies
    (conversation,) = client.get("/v1/conversations").json()["conversations"]
    assert (conversation["id"], conversation["name"]) == (asked["conversation"], QUESTION)
    whole = client.get(f"/v1/conversations/{asked['conversation']}").json()
    (kept,) = whole["answers"]
    assert kept["id"] == asked["id"] and kept["question"] == QUESTION
    assert {**kept["answer"], "id": asked["id"], "conversation": asked["conversation"]} == asked


def test_a_streamed_answer_is_kept_before_it_ends(client: httpx.Client) -> None:
    body = {"question": QUESTION, "conversation": "new", "stream": True}
    with connect_sse(client, "POST", "/v1/ask", json=body) as source:
        answer = json.loads(list(source.iter_sse())[-1].data)
    shown = client.get(f"/v1/answers/{answer['id']}").json()
    assert shown["answer"]["statements"] == answer["statements"]
    assert shown["conversation"] == answer["conversation"]


def test_a_conversation_goes_on_and_is_its_own_history(client: httpx.Client) -> None:
    first = ask(client)
    follow_up = ask(client, "And when?", conversation=first["conversation"])
    assert follow_up["standalone_question"] == "And when? warned Crocus attack"
    instead = ask(client, "And why?", conversation=first["conversation"], replace_last=True)
    assert "warned Crocus attack" in instead["standalone_question"]
    answers = client.get(f"/v1/conversations/{first['conversation']}").json()["answers"]
    assert [kept["id"] for kept in answers] == [first["id"], instead["id"]]
    assert client.get("/v1/conversations").json()["total"] == 1
    assert client.get(f"/v1/answers/{follow_up['id']}").status_code == 200
    again = ask(client, "Who?", conversation=first["conversation"], stream=False)
    assert again["conversation"] == first["conversation"]


def test_conversations_are_searched_paged_renamed_and_deleted(client: httpx.Client) -> None:
    ids = [ask(client, f"What happened in Torvik, number {n}?")["conversation"] for n in range(3)]
    arabic = ask(client, WARNED)
    found = client.get("/v1/conversations", params={"query": "حذر كروكوس"}).json()
    assert [each["id"] for each in found["conversations"]] == [arabic["conversation"]]
    seen: list[str] = []
    page = client.get("/v1/conversations?limit=3")
    while True:
        seen += [each["id"] for each in page.json()["conversations"]]
        if "next" not in page.links:
            break
        page = client.get(page.links["next"]["url"])
    assert seen == [arabic["conversation"], *reversed(ids)]
    renamed = client.patch(f"/v1/conversations/{ids[0]}", json={"name": " Снег в Торвике "})
    assert renamed.json()["name"] == "Снег в Торвике"
    assert client.get("/v1/conversations?query=СНЕГ").json()["total"] == 1
    assert client.delete(f"/v1/conversations/{arabic['conversation']}").status_code == 204
    problem(client.get(f"/v1/conversations/{arabic['conversation']}"), 404)
    problem(client.get(f"/v1/answers/{arabic['id']}"), 404)
    assert client.get("/v1/conversations").json()["total"] == 3


def test_another_browser_sees_an_answer_by_its_link_and_nothing_else(
    client: httpx.Client, server: httpx.Client
) -> None:
    asked = ask(client)
    client.put(f"/v1/answers/{asked['id']}/feedback", json={"verdict": "down", "comment": "mine"})
    with httpx.Client(base_url=server.base_url) as other:
        assert other.get("/v1/conversations").json()["total"] == 0
        address = f"/v1/conversations/{asked['conversation']}"
        problem(other.get(address), 404)
        problem(other.patch(address, json={"name": "x"}), 404)
        problem(other.delete(address), 404)
        body = {"question": QUESTION, "conversation": asked["conversation"]}
        problem(other.post("/v1/ask", json=body), 404)
        problem(other.put(f"/v1/answers/{asked['id']}/feedback", json={"verdict": "up"}), 404)
        problem(other.delete(f"/v1/answers/{asked['id']}/feedback"), 404)
        shown = other.get(f"/v1/answers/{asked['id']}").json()
        assert shown["answer"]["statements"] == asked["statements"]
        assert (shown["conversation"], shown["feedback"]) == ("", None)
        assert other.get("/v1/feedback").text == ""
    assert client.get(f"/v1/answers/{asked['id']}").json()["feedback"]["comment"] == "mine"


def test_feedback_is_given_and_listed(client: httpx.Client) -> None:
    first = ask(client)
    second = ask(client, "And when?", conversation=first["conversation"])
    given = {"verdict": "down", "reason": "incomplete", "comment": "No date."}
    assert client.put(f"/v1/answers/{second['id']}/feedback", json=given).json().items() >= given.items()
    client.put(f"/v1/answers/{first['id']}/feedback", json={"verdict": "up"})
    response = client.get("/v1/feedback")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [(line["id"], line["feedback"]["verdict"]) for line in lines] == [
        (first["id"], "up"),
        (second["id"], "down"),
    ]
    assert [turn["role"] for turn in lines[1]["history"]] == ["user", "assistant"]
    assert client.delete(f"/v1/answers/{first['id']}/feedback").status_code == 204
    assert len(client.get("/v1/feedback").text.splitlines()) == 1
    for wrong in ({"verdict": "sideways"}, {"verdict": "up", "reason": "mood"}, {"verdict": "up", "x": 1}):
        problem(client.put(f"/v1/answers/{first['id']}/feedback", json=wrong), 422)


@pytest.mark.parametrize(
    ("wanted", "headers", "media_type"),
    [
        ("", {}, "application/json"),
        ("", {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, "text/html; charset=utf-8"),
        ("", {"accept": "text/*;q=0.5, text/markdown"}, "text/markdown; charset=utf-8"),
        ("", {"accept": "application/json;q=0, */*;q=0.1"}, "text/markdown; charset=utf-8"),
        ("?format=json", {"accept": "text/html"}, "application/json"),
        ("?format=markdown", {}, "text/markdown; charset=utf-8"),
        ("?format=html", {}, "text/html; charset=utf-8"),
    ],
)
def test_an_answer_comes_in_the_format_wanted(
    client: httpx.Client, wanted: str, headers: dict[str, str], media_type: str
) -> None:
    asked = ask(client)
    response = client.get(f"/v1/answers/{asked['id']}{wanted}", headers=headers)
    assert response.status_code == 200 and response.headers["content-type"] == media_type
    assert response.headers["vary"] == "accept"
    assert asked["citations"][0]["title"] in response.text
    if media_type.startswith("text/html"):
        assert response.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_document_is_saved_under_the_name_of_its_question(client: httpx.Client) -> None:
    asked = ask(client, WARNED)
    response = client.get(f"/v1/answers/{asked['id']}?format=docx")
    assert "filename*=UTF-8''%D9%85%D9%86-" in response.headers["content-disposition"]
    assert WARNED in [paragraph.text for paragraph in Document(BytesIO(response.content)).paragraphs]
    accept = {"accept": "image/png"}
    assert "text/markdown" in problem(client.get(f"/v1/answers/{asked['id']}", headers=accept), 406)
    problem(client.get(f"/v1/answers/{asked['id']}?format=pdf"), 422)
    problem(client.get("/v1/answers/none?format=docx"), 404)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"conversation": "x"}, 422, "conversation"),
        ({"conversation": "x" * 22}, 404, "no conversation of yours"),
        ({"replace_last": True}, 422, "replace_last"),
        ({"conversation": "new", "replace_last": True}, 422, "replace_last"),
        ({"conversation": "x" * 22, "history": [{"role": "user", "content": "x"}]}, 422, "not both"),
    ],
)
def test_what_cannot_be_kept_as_asked(
    client: httpx.Client, body: dict[str, Any], status: int, says: str
) -> None:
    assert says in problem(client.post("/v1/ask", json={"question": QUESTION, **body}), status)
    body["stream"] = True
    assert says in problem(client.post("/v1/ask", json={"question": QUESTION, **body}), status)


def test_a_name_must_have_a_letter(client: httpx.Client) -> None:
    address = f"/v1/conversations/{ask(client)['conversation']}"
    for name in ("", " \n", "x" * 201, None):
        assert "name" in problem(client.patch(address, json={"name": name}), 422)


def test_a_history_that_cannot_be_written_is_said_and_the_archive_still_answers(
    sample_archive: Archive, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 500)
    with serving(Assistant(Settings(archive=tmp_path), sample_archive)) as client:
        body = {"question": QUESTION, "conversation": "new"}
        assert "restore" in problem(client.post("/v1/ask", json=body), 503)
        problem(client.get("/v1/conversations"), 503)
        problem(client.get("/v1/feedback"), 503)
        assert client.post("/v1/ask", json={"question": QUESTION}).json()["status"] == "grounded"


# --- requests sent once more --------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_sent_once_more_gets_the_reply_it_got(client: httpx.Client, stream: bool) -> None:
    ask(client)
    body = {"question": QUESTION, "conversation": "new", "stream": stream}
    key = f"once-more-{stream}"
    first = client.post("/v1/ask", json=body, headers={KEY: key})
    again = client.post("/v1/ask", json=body, headers={KEY: f'"{key}"'})
    assert again.text == first.text and again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert client.get("/v1/conversations").json()["total"] == 2
    changed = {**body, "question": "And when?"}
    assert "another request" in problem(client.post("/v1/ask", json=changed, headers={KEY: key}), 422)
    problem(client.post("/v1/search", json={"query": "x"}, headers={KEY: key}), 422)
    other_key = client.post("/v1/ask", json=body, headers={KEY: key + "x"})
    assert other_key.status_code == 200 and client.get("/v1/conversations").json()["total"] == 3


def test_a_key_belongs_to_its_browser(client: httpx.Client, server: httpx.Client) -> None:
    ask(client)
    body = {"question": QUESTION, "conversation": "new"}
    mine = client.post("/v1/ask", json=body, headers={KEY: "shared"}).json()
    with httpx.Client(base_url=server.base_url, timeout=60) as other:
        ask(other)
        assert other.post("/v1/ask", json=body, headers={KEY: "shared"}).json()["id"] != mine["id"]


@pytest.mark.parametrize("key", ["", '""', "two words", "x" * 256, "ключ".encode()])
def test_a_key_that_cannot_be_one(client: httpx.Client, key: str | bytes) -> None:
    body = {"query": "x"}
    assert "Idempotency-Key" in problem(client.post("/v1/search", json=body, headers={KEY: key}), 400)


def test_articles_are_stored_once(empty_archive: Archive, tmp_path: Path) -> None:
    with serving(Assistant(Settings(archive=tmp_path / "archive"), empty_archive)) as client:
        article = {"id": "a", "text": "Snow fell in Torvik."}
        replies_given = [client.post("/v1/articles", json=article, headers={KEY: "k"}) for _ in range(2)]
        assert [reply.json()[0]["status"] for reply in replies_given] == ["added", "added"]
        assert client.post("/v1/articles", json=article).json()[0]["status"] == "unchanged"
        # A refusal is a reply as well.
        for _ in range(2):
            assert "'text'" in problem(
                client.post("/v1/articles", json={"id": "b"}, headers={KEY: "l"}), 422
            )
        large = client.build_request(
            "POST", "/v1/articles", content=iter([b" " * 2**20] * 61), headers={KEY: "m"}
        )
        problem(client.send(large), 413)


def test_a_deleted_conversation_is_not_told_again(client: httpx.Client, kept_by: Assistant) -> None:
    ask(client)
    body = {"question": QUESTION, "conversation": "new"}
    first = client.post("/v1/ask", json=body, headers={KEY: "gone"}).json()
    client.delete(f"/v1/conversations/{first['conversation']}")
    again = client.post("/v1/ask", json=body, headers={KEY: "gone"}).json()
    assert again["conversation"] != first["conversation"]


def test_a_request_that_is_being_answered(ferry: Archive) -> None:
    slow = Reply(STATEMENT, piece=len(STATEMENT) // 2, pause=1.0)
    with OpenAIServer(slow) as model, written_by(model, ferry) as client:
        body = {"question": "Where was the ferry?"}
        got: list[httpx.Response] = []

        def first() -> None:
            got.append(client.post("/v1/ask", json=body, headers={KEY: "k"}))

        thread = threading.Thread(target=first)
        thread.start()
        deadline = time.monotonic() + 30
        while not model.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "being answered" in problem(client.post("/v1/ask", json=body, headers={KEY: "k"}), 409)
        thread.join(30)
        again = client.post("/v1/ask", json=body, headers={KEY: "k"})
        assert again.json() == got[0].json() and [s["text"] for s in again.json()["statements"]] == [FERRY]
        assert len(model.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_is_tried_again(ferry: Archive, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    release = replies.Replies.release

    def slow(*given: Any) -> None:
        time.sleep(0.3)
        release(*given)

    # Who has read all of the failure may try again at once.
    monkeypatch.setattr(replies.Replies, "release", slow)
    broken = Reply(STATEMENT + "And then", piece=len(STATEMENT), break_after=1)
    with OpenAIServer(broken, STATEMENT) as model, written_by(model, ferry) as client:
        body = {"question": "Where was the ferry?", "stream": stream}
        failed = client.post("/v1/ask", json=body, headers={KEY: "k"})
        assert "502" in failed.text
        again = client.post("/v1/ask", json=body, headers={KEY: "k"})
        assert again.status_code == 200 and '"grounded"' in again.text.replace(" ", "")
        assert "idempotency-replayed" not in again.headers


def test_a_reader_who_leaves_frees_the_key(ferry: Archive) -> None:
    silent = Reply(STATEMENT + "And then", piece=len(STATEMENT), stall_after=1)
    with OpenAIServer(silent, STATEMENT) as model, written_by(model, ferry) as client:
        body = {"question": "Where was the ferry?"}
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/ask", json=body, headers={KEY: "k"}, timeout=3)
        assert model.wait_for_disconnect()
        deadline = time.monotonic() + 30
        while (again := client.post("/v1/ask", json=body, headers={KEY: "k"})).status_code == 409:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert again.json()["status"] == "grounded"


def test_replies_are_kept_for_a_day(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, kept_by: Assistant
) -> None:
    ask(client)
    body = {"query": "ferry"}
    client.post("/v1/search", json=body, headers={KEY: "day"})
    monkeypatch.setattr(replies, "KEPT_SECONDS", -1.0)
    late = client.post("/v1/search", json=body, headers={KEY: "day"})
    assert late.status_code == 200 and "idempotency-replayed" not in late.headers
