"""ui/completions.py by the official `openai` client over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai_server import OpenAIServer, Reply
from test_api import FERRY, QUESTION, STATEMENT, problem, serving, written_by
from test_archive import FERRY as ARTICLE
from test_archive import run

from index.archive import Archive
from rag.chat import Assistant

ABSURD = "Who won the 1954 chess olympiad?"


def client_of(http: httpx.Client) -> OpenAI:
    return OpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0)


@pytest.fixture(scope="module")
def http(assistant: Assistant) -> Iterator[httpx.Client]:
    with serving(assistant) as client:
        yield client


@pytest.fixture(scope="module")
def client(http: httpx.Client) -> OpenAI:
    return client_of(http)


@pytest.fixture
def ferry(empty_archive: Archive) -> Archive:
    """An archive of one article, so that the first of the numbered sentences is known."""
    run(empty_archive, replace(ARTICLE, text=f"{FERRY} Nobody was hurt."))
    return empty_archive


def asked(question: str, *earlier: tuple[str, str]) -> Any:
    """Messages as a chat client sends them."""
    said = [{"role": role, "content": content} for role, content in earlier]
    return [{"role": "system", "content": "Be brief."}, *said, {"role": "user", "content": question}]


def test_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["dateline"]
    assert client.models.retrieve("dateline").owned_by == "dateline"
    with pytest.raises(openai.NotFoundError, match="'gpt-9' does not exist here"):
        client.models.retrieve("gpt-9")


def test_a_reply_has_numbers_and_what_they_stand_for(client: OpenAI, assistant: Assistant) -> None:
    reply = client.chat.completions.create(model="dateline", messages=asked(QUESTION), temperature=0.2)
    extra = reply.model_extra or {}
    lines = (reply.choices[0].message.content or "").splitlines()
    assert len(lines) == len(extra["citations"]) >= 2 and extra["abstained"] is False
    for number, (line, citation) in enumerate(zip(lines, extra["citations"], strict=True), start=1):
        assert line == f"{citation['cited_text']} [{number}]"
        text = assistant.archive.article(citation["article_id"]).text
        assert text[citation["start_char"] : citation["end_char"]] == citation["cited_text"]
    assert reply.choices[0].finish_reason == "stop" and reply.model == "dateline"
    assert reply.usage and reply.usage.total_tokens > reply.usage.completion_tokens > 20


def test_a_stream_says_the_same(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="dateline", messages=asked(QUESTION))
    chunks = list(
        client.chat.completions.create(
            model="dateline",
            messages=asked(QUESTION),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == reply.choices[0].message.content
    assert len([piece for piece in pieces if piece]) == len((reply.model_extra or {})["citations"])
    assert len({chunk.id for chunk in chunks}) == 1
    known: list[int] = []
    for chunk, piece in zip(chunks, pieces, strict=False):
        known += [c["index"] for c in (chunk.model_extra or {})["citations"]]
        assert all(f"[{number}]" not in piece or number in known for number in range(1, 9))
    *_, ended, usage = chunks
    assert ended.choices[0].finish_reason == "stop"
    assert (ended.model_extra or {})["citations"] == (reply.model_extra or {})["citations"]
    assert usage.choices == [] and usage.usage == reply.usage


def test_parts_and_filters(client: OpenAI) -> None:
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    reply = client.chat.completions.create(
        model="dateline", messages=parts, extra_body={"filters": {"languages": ["en"]}, "top_k": 3}
    )
    cited = (reply.model_extra or {})["citations"]
    assert cited and {citation["language"] for citation in cited} == {"en"}


def test_a_follow_up_knows_what_was_said(client: OpenAI) -> None:
    earlier = ("user", "How many people were killed at Crocus City Hall?"), ("assistant", "145. [1]")
    reply = client.chat.completions.create(model="dateline", messages=asked("And in Kerman?", *earlier))
    assert "Kerman" in (reply.choices[0].message.content or "")


def test_an_abstention_is_a_reply_that_says_so(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="dateline", messages=asked(ABSURD))
    assert (reply.choices[0].message.content or "").startswith("The archive does not answer this.")
    assert reply.model_extra == {"citations": [], "abstained": True}
    *_, ended = chunks = list(
        client.chat.completions.create(model="dateline", messages=asked(ABSURD), stream=True)
    )
    assert chunks[0].choices[0].delta.content == reply.choices[0].message.content
    assert (ended.model_extra or {})["abstained"] is True


@pytest.mark.parametrize(
    ("request_", "kind", "says"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "'gpt-9' does not exist here: ask 'dateline'"),
        ({"messages": []}, openai.UnprocessableEntityError, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.UnprocessableEntityError, "user's"),
        ({"messages": [{"role": "system", "content": "x"}]}, openai.UnprocessableEntityError, "user's"),
        ({"messages": [{"role": "user", "content": " "}]}, openai.UnprocessableEntityError, "empty"),
        ({"n": 2}, openai.UnprocessableEntityError, "n: "),
        ({"extra_body": {"filters": {"year": 1}}}, openai.UnprocessableEntityError, "not known here"),
    ],
)
def test_bad_requests_in_the_clients_own_words(
    client: OpenAI, request_: dict[str, Any], kind: type[openai.APIStatusError], says: str
) -> None:
    with pytest.raises(kind) as raised:
        client.chat.completions.create(
            **{"model": "dateline", "messages": asked(QUESTION)} | request_  # type: ignore[arg-type]
        )
    assert says in raised.value.message and raised.value.type == "invalid_request_error"


def test_an_error_is_a_problem_too(http: httpx.Client) -> None:
    response = http.post("/v1/chat/completions", json={"model": "x", "messages": asked(QUESTION)})
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["error"]["message"] == body["detail"] and body["error"]["code"] == "model_not_found"
    problem(http.post("/v1/ask", json={}), 422)


def test_a_model_that_breaks_off_fails_at_the_client(ferry: Archive) -> None:
    broken = Reply(STATEMENT + "And then", piece=len(STATEMENT), break_after=1)
    with OpenAIServer(broken, broken) as model, written_by(model, ferry) as http:
        client = client_of(http)
        with pytest.raises(openai.InternalServerError, match="lost half-way") as raised:
            client.chat.completions.create(model="dateline", messages=asked("Where was the ferry?"))
        assert raised.value.status_code == 502
        text = ""
        with pytest.raises(openai.APIError, match="lost half-way"):
            for chunk in client.chat.completions.create(
                model="dateline", messages=asked("Where was the ferry?"), stream=True
            ):
                text += chunk.choices[0].delta.content or ""
        assert text == f"{FERRY} [1]", "what was complete before has arrived"


def test_the_upstream_request_ends_when_the_client_leaves(ferry: Archive) -> None:
    stalling = Reply(STATEMENT + "x", piece=len(STATEMENT), stall_after=1)
    with OpenAIServer(stalling) as model, written_by(model, ferry) as http:
        stream = client_of(http).chat.completions.create(
            model="dateline", messages=asked("Where was the ferry?"), stream=True
        )
        assert next(iter(stream)).choices[0].delta.content == f"{FERRY} [1]"
        stream.close()
        assert model.wait_for_disconnect()
