"""rag/chat.py: the Assistant behind every door, with and without a language model."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from openai_server import OpenAIServer, Reply
from pydantic import SecretStr
from test_archive import FERRY, run
from test_retrieve import SAMPLE

from index.archive import Archive
from index.types import Filters
from rag.chat import Assistant
from rag.config import Settings
from rag.errors import ModelRefusedError, ModelReplyError, ModelUnreachableError, QuestionError
from rag.types import (
    AnswerDone,
    Citation,
    CitationMade,
    Event,
    EvidenceFound,
    Period,
    StatementMade,
    Turn,
)
from rag.when import written_spans

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


def test_a_change_of_subject_leaves_the_old_one_behind(assistant: Assistant) -> None:
    history = [Turn("user", QUESTION), Turn("assistant", "Iran warned Russia.")]
    answer = asyncio.run(assistant.ask("Which ship struck the Baltimore bridge?", history=history))
    assert answer.standalone_question == ""
    assert "Dali" in answer.citations[0].cited_text


def test_a_follow_up_in_another_language_is_answered_in_it(assistant: Assistant) -> None:
    history = [Turn("user", SAMPLE["ar"]), Turn("assistant", "إيران.")]
    answer = asyncio.run(assistant.ask("And when was that?", history=history))
    assert answer.language == "en" and "كروكوس" in answer.standalone_question


def test_a_follow_up_is_answered(assistant: Assistant) -> None:
    history = [Turn("user", "How many people were killed at Crocus City Hall?"), Turn("assistant", "145.")]
    answer = asyncio.run(assistant.ask("And in Kerman?", history=history))
    assert answer.standalone_question == "And in Kerman? people killed Crocus City Hall"
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


# --- time ---------------------------------------------------------------------------------------


def test_a_month_in_a_question_is_about_events(assistant: Assistant) -> None:
    question = "Who was attacked in January 2024?"
    answer = asyncio.run(assistant.ask(question))
    assert answer.period == Period("2024-01-01", "2024-01-31", "events")
    assert not answer.coverage.filters, "articles of later months may tell of it"
    for citation in answer.citations:
        assert citation.published_at == "" or citation.published_at >= "2024-01-01"
        assert all(end >= "2024-01-01" for end in _days(citation))
    without = asyncio.run(assistant.ask(question, infer_time=False))
    assert without.period is None


def _days(citation: Citation) -> list[str]:
    return [end.isoformat() for _, end in written_spans(citation.cited_text, citation.published_at)]


def test_an_event_gives_its_day(assistant: Assistant) -> None:
    for question in SAMPLE.values():
        period = asyncio.run(assistant.ask(question)).period
        assert period is not None and period.start == "" and period.anchor in question
        # The attack was on the evening of the 22nd; some first reports are of the day after.
        assert period.end in ("2024-03-22", "2024-03-23"), question


def test_what_was_published_becomes_a_filter(assistant: Assistant) -> None:
    question = "What was published in April 2024 about Iran's warning to Russia?"
    answer = asyncio.run(assistant.ask(question))
    wanted = Filters(published_from="2024-04-01", published_to="2024-04-30")
    assert answer.coverage.filters == wanted and answer.citations
    assert all(citation.published_at.startswith("2024-04") for citation in answer.citations)
    # What the reader set counts, not what the question says.
    own = Filters(published_from="2024-03-01")
    answer = asyncio.run(assistant.ask(question, filters=own))
    assert (answer.coverage.filters, answer.period) == (own, None)


def test_a_time_without_articles_says_so(assistant: Assistant) -> None:
    answer = asyncio.run(assistant.ask("What happened to Iran last week?"))
    assert answer.reason == "no article passes the filters"
    assert answer.period and answer.period.about == "publication"
    assert asyncio.run(assistant.ask("What happened to Iran last week?", infer_time=False)).period is None


# --- translation, judge, settings ----------------------------------------------------------------

ABOUT_FERRY = "Where did the ferry run aground?"


@pytest.fixture
def ferries(empty_archive: Archive) -> Archive:
    russian = "Паром сел на мель у Вальмере в воскресенье."
    run(
        empty_archive,
        replace(FERRY, url="", id="en", text="A ferry ran aground near Valmere on Sunday.", language="en"),
        replace(FERRY, url="", id="ru", text=russian, language="ru"),
    )
    return empty_archive


def test_a_translation_stands_beside_the_original(ferries: Archive) -> None:
    with OpenAIServer(
        "A ferry ran aground near Valmere on Sunday. [1][2]", "[1] A ferry hit ground."
    ) as server:
        answer = asyncio.run(
            with_model(ferries, server, min_answerability=0).ask(ABOUT_FERRY, translate=True)
        )
        assert "Паром сел" in server.requests[1].prompt and "A ferry ran" not in server.requests[1].prompt
    by_language = {citation.language: citation for citation in answer.citations}
    assert by_language["ru"].translation == "A ferry hit ground."
    assert by_language["ru"].cited_text.startswith("Паром"), "the original is what is cited"
    assert by_language["en"].translation == ""


def test_nothing_to_translate_costs_nothing(ferries: Archive) -> None:
    english = Filters(languages=("en",))
    with OpenAIServer("A ferry ran aground near Valmere on Sunday. [1]") as server:
        assistant = with_model(ferries, server, min_answerability=0)
        asyncio.run(assistant.ask(ABOUT_FERRY, filters=english, translate=True))
        assert len(server.requests) == 1


def test_the_reader_may_choose_the_language(ferries: Archive) -> None:
    written = "جنحت عبّارة قرب فالمير يوم الأحد. [1]"
    with OpenAIServer(written, "[1] ترجمة.") as server:
        assistant = with_model(ferries, server, min_answerability=0)
        answer = asyncio.run(assistant.ask(ABOUT_FERRY, answer_language="ar", translate=True))
        assert "Write in Arabic" in server.requests[0].prompt
        assert "into Arabic" in server.requests[1].prompt
    assert (answer.language, answer.statements[0].language) == ("ar", "ar")
    assert answer.citations[0].translation == "ترجمة."
    with pytest.raises(QuestionError, match="ISO 639"):
        asyncio.run(assistant.ask(ABOUT_FERRY, answer_language="Klingon"))


def test_quotes_in_the_chosen_language_come_first(sample_archive: Archive, assistant: Assistant) -> None:
    answer = asyncio.run(assistant.ask(QUESTION, answer_language="fa"))
    languages = [statement.language for statement in answer.statements]
    assert answer.language == "fa" and languages[0] == "fa"
    assert languages == sorted(languages, key=lambda language: language != "fa")


def test_a_translation_needs_a_model(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="DATELINE_LLM_MODEL"):
        asyncio.run(assistant.ask(QUESTION, translate=True))


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ("YES, both say so.", ""),
        ("NO: it was a barge.", "the judge does not find it supported: it was a barge."),
        ("Hard to say.", "the judge gave no readable verdict"),
    ],
)
def test_a_judge_has_the_last_word(ferries: Archive, verdict: str, reason: str) -> None:
    english = Filters(languages=("en",))
    with OpenAIServer("A ferry ran aground near Valmere on Sunday. [1]", verdict) as server:
        assistant = with_model(
            ferries, server, min_answerability=0, llm_judge=True, llm_retry_unverified=False
        )
        answer = asyncio.run(assistant.ask(ABOUT_FERRY, filters=english))
        assert len(server.requests) == 2
    assert [citation.reason for citation in answer.citations] == [reason]


def test_what_fails_is_dropped_if_so_set(ferries: Archive) -> None:
    reply = "Nine ferries sank near Valmere. [1]\nA ferry ran aground near Valmere on Sunday. [1]"
    with OpenAIServer(reply) as server:
        assistant = with_model(
            ferries, server, min_answerability=0, llm_unverified="drop", llm_retry_unverified=False
        )
        answer = asyncio.run(assistant.ask(ABOUT_FERRY, filters=Filters(languages=("en",))))
    assert answer.status == "grounded" and len(answer.statements) == 1
