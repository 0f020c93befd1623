"""rag/chat.py and rewrite.py: the Assistant behind every door, with and without a language model."""

import asyncio
from pathlib import Path

import pytest
from openai_server import OpenAIServer, Reply
from pydantic import SecretStr
from test_retrieve import SAMPLE

from index.archive import Archive
from index.types import Filters
from rag.chat import Assistant
from rag.config import Settings
from rag.errors import ModelRefusedError, ModelReplyError, ModelUnreachableError, QuestionError
from rag.rewrite import standalone_question
from rag.types import AnswerDone, CitationMade, Event, EvidenceFound, StatementMade, Turn

QUESTION = SAMPLE["en"]


def with_model(archive: Archive, server: OpenAIServer, **settings: object) -> Assistant:
    values = {"llm_model": "small", "llm_base_url": server.base_url, "llm_retries": 0, "llm_timeout": 2}
    return Assistant(Settings(archive=Path("unused"), **(values | settings)), archive)  # type: ignore[arg-type]


def events_of(assistant: Assistant, question: str) -> list[Event]:
    async def collect() -> list[Event]:
        return [event async for event in assistant.stream(question)]

    return asyncio.run(collect())


def test_events_come_in_order(assistant: Assistant) -> None:
    events = events_of(assistant, QUESTION)
    assert isinstance(events[0], EvidenceFound) and isinstance(events[-1], AnswerDone)
    answer = events[-1].answer
    assert answer.statements == tuple(e.statement for e in events if isinstance(e, StatementMade))
    assert answer.citations == tuple(e.citation for e in events if isinstance(e, CitationMade))
    assert (answer.status, answer.model) == ("grounded", "")


@pytest.mark.parametrize(
    ("question", "options", "says"),
    [
        ("", {}, "empty"),
        ("x" * 2001, {}, "2,001 characters"),
        ("half \ud800 pair", {}, "surrogate"),
        ("x", {"top_k": 0}, "top_k"),
        ("x", {"filters": Filters(published_from="yesterday")}, "'yesterday'"),
        ("x", {"filters": Filters(published_from="2024-02-30")}, "2024-02-30"),
        ("x", {"filters": Filters(published_from="2024-02-02", published_to="2024-02-01")}, "Swap them"),
    ],
)
def test_bad_questions(assistant: Assistant, question: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(QuestionError, match=says):
        asyncio.run(assistant.ask(question, **options))  # type: ignore[arg-type]


def test_a_short_follow_up_leans_on_the_earlier_question() -> None:
    history = [Turn("user", QUESTION), Turn("assistant", "Iran warned Russia. [1]")]
    assert standalone_question("And when?", history) == f"{QUESTION} And when?"
    assert standalone_question("ماذا عن إيران؟", history) == f"{QUESTION} ماذا عن إيران؟"
    longer = "How many people were injured in the Noto earthquake in January?"
    assert standalone_question(longer, history) == longer
    assert standalone_question("And when?", []) == "And when?"
    assert standalone_question("And when?", [Turn("assistant", "Hello")]) == "And when?"


def test_a_change_of_subject_leaves_the_old_one_behind(assistant: Assistant) -> None:
    history = [Turn("user", QUESTION), Turn("assistant", "Iran warned Russia.")]
    answer = asyncio.run(assistant.ask("Which ship struck the Baltimore bridge?", history=history))
    assert answer.standalone_question == ""
    assert "Dali" in answer.citations[0].cited_text


def test_a_follow_up_in_another_language_is_answered_in_it(assistant: Assistant) -> None:
    history = [Turn("user", SAMPLE["ar"]), Turn("assistant", "إيران.")]
    answer = asyncio.run(assistant.ask("And when was that?", history=history))
    assert (answer.language, answer.standalone_question) == ("en", f"{SAMPLE['ar']} And when was that?")


def test_a_follow_up_is_answered(assistant: Assistant) -> None:
    history = [Turn("user", "How many people were killed at Crocus City Hall?"), Turn("assistant", "145.")]
    answer = asyncio.run(assistant.ask("And in Kerman?", history=history))
    assert answer.standalone_question == "How many people were killed at Crocus City Hall? And in Kerman?"
    assert any("Kerman" in citation.cited_text for citation in answer.citations)


def test_a_model_writes_over_numbered_sentences(sample_archive: Archive) -> None:
    def answer(messages: list[dict[str, str]]) -> str:
        prompt = messages[-1]["content"]
        (line,) = [x for x in prompt.splitlines() if "Asked about the report, Kremlin" in x][:1]
        number = line[line.index("[") + 1 : line.index("]")]
        return f"Kremlin spokesman Dmitry Peskov said he knew nothing about such a warning. [{number}]\n"

    with OpenAIServer(answer=answer) as server:
        result = asyncio.run(with_model(sample_archive, server).ask(QUESTION))
        assert server.requests[0].body["model"] == "small"
    assert (result.status, result.model) == ("grounded", "small")
    (citation,) = result.citations
    article = sample_archive.article(citation.article_id)
    assert article.text[citation.start_char : citation.end_char] == citation.cited_text
    assert "knew nothing" in citation.cited_text and citation.verified


def test_a_statement_that_fails_its_check_is_marked(sample_archive: Archive) -> None:
    with OpenAIServer(
        answer=lambda messages: "The attack killed 999 people, officials confirmed. [1]"
    ) as server:
        result = asyncio.run(with_model(sample_archive, server).ask(QUESTION))
    assert result.status == "partly verified"
    assert not result.citations[0].verified and result.citations[0].reason


@pytest.mark.parametrize("reply", ["NO_ANSWER", "I think Iran warned Russia.", ""])
def test_a_model_without_citations_has_abstained(sample_archive: Archive, reply: str) -> None:
    with OpenAIServer(answer=lambda messages: reply) as server:
        result = asyncio.run(with_model(sample_archive, server).ask(QUESTION))
    assert (result.status, result.reason) == ("abstained", "the model found no answer in the evidence")
    assert result.nearest and not result.statements


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=401, message="bad key"), ModelRefusedError),
        (Reply(status=404, message="no such model"), ModelRefusedError),
        (Reply(status=429, message="slow down"), ModelRefusedError),
        (Reply(status=500, message="broken"), ModelUnreachableError),
        (Reply("Iran warned Russia. [1]", stall_after=1), ModelUnreachableError),
        (Reply("Iran warned Russia. [1]\nIt did. [1]", break_after=2), ModelReplyError),
    ],
)
def test_an_outage_is_an_error(sample_archive: Archive, reply: Reply, error: type[Exception]) -> None:
    with OpenAIServer(reply) as server, pytest.raises(error) as raised:
        asyncio.run(with_model(sample_archive, server, llm_timeout=1).ask(QUESTION))
    assert "\n" not in str(raised.value)


def test_no_server_at_all(sample_archive: Archive) -> None:
    settings = Settings(
        archive=Path("unused"),
        llm_model="x",
        llm_base_url="http://127.0.0.1:9/v1",
        llm_api_key=SecretStr("sk-secret"),
        llm_retries=0,
    )
    with pytest.raises(ModelUnreachableError) as raised:
        asyncio.run(Assistant(settings, sample_archive).ask(QUESTION))
    assert "127.0.0.1:9" in str(raised.value) and "sk-secret" not in str(raised.value)


def test_weak_evidence_costs_no_tokens(sample_archive: Archive) -> None:
    with OpenAIServer() as server:
        result = asyncio.run(with_model(sample_archive, server).ask("Who won the 1954 chess olympiad?"))
        assert result.reason == "the evidence is too weak"
        assert server.requests == []
