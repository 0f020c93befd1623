"""rag/rewrite.py: follow-ups made to stand alone, by rule and by a language model."""

import asyncio
from collections.abc import Sequence

import pytest
from openai_server import OpenAIServer, Reply
from test_chat import QUESTION, with_model

from index.archive import Archive
from rag.chat import Assistant
from rag.errors import ModelUnreachableError
from rag.rewrite import leans, standalone_question
from rag.types import Answer, Turn

TOLL = "How many people were killed at Crocus City Hall?"


def said(*questions: str) -> list[Turn]:
    return [turn for q in questions for turn in (Turn("user", q), Turn("assistant", "Iran. [1]"))]


def ask(assistant: Assistant, question: str, history: Sequence[Turn]) -> Answer:
    return asyncio.run(assistant.ask(question, history=history))


@pytest.mark.parametrize(
    "question",
    [
        "And when?",
        "And when did they say that?",
        "What about the embassy in Moscow and its warning to the public?",
        "ماذا عن إيران؟",
        "ومتى قيل ذلك؟",
        "А что ответила Москва на все эти предупреждения американцев?",
        "و روسیه چه گفت؟",
        "When did the spokesman of the Kremlin say that to the reporters?",
    ],
)
def test_follow_ups(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many people were injured in the Noto earthquake in January?",
        "Which ship struck the Francis Scott Key Bridge in Baltimore in March?",
        "Сколько человек пострадало при землетрясении в префектуре Исикава?",
    ],
)
def test_questions_that_stand_alone(question: str) -> None:
    assert not leans(question)
    assert standalone_question(question, said(QUESTION)) == question


def test_content_words_are_carried_along() -> None:
    assert standalone_question("And when?", said(QUESTION)) == "And when? warned Crocus attack"
    assert (
        standalone_question("ماذا عن إيران؟", said(TOLL)) == "ماذا عن إيران؟ people killed Crocus City Hall"
    )
    assert standalone_question("And when?", []) == "And when?"
    assert standalone_question("And when?", [Turn("assistant", "Hello")]) == "And when?"


def test_a_chain_leans_on_its_first_question() -> None:
    asked = standalone_question("And when?", said(TOLL, "And in Kerman?"))
    assert asked == "And when? Kerman people killed Crocus City Hall"
    # What came before another subject is left behind.
    asked = standalone_question(
        "And when?", said(QUESTION, "Which ship struck the Baltimore bridge in March?")
    )
    assert "Crocus" not in asked and "Baltimore" in asked


def test_no_word_is_carried_twice() -> None:
    assert standalone_question("Who attacked Crocus?", said(QUESTION)) == "Who attacked Crocus? warned"


def test_a_long_history_stays_bounded() -> None:
    history = said(*(f"And number {n} of the things of day {n * n}?" for n in range(400)))
    assert len(standalone_question("And when?", history).split()) <= 14


@pytest.mark.parametrize(
    "question", ["And who won the chess olympiad?", "And what is the recipe for baklava?"]
)
def test_another_subject_is_not_answered_with_the_old_one(assistant: Assistant, question: str) -> None:
    answer = ask(assistant, question, said(QUESTION))
    assert answer.abstained and answer.standalone_question == ""


def test_a_model_rewrites(sample_archive: Archive) -> None:
    whole = "How many people were killed in the bombings in Kerman?"
    with OpenAIServer(f"<think>They mean the dead.</think>{whole}", "NO_ANSWER") as server:
        answer = ask(with_model(sample_archive, server), "And in Kerman?", said(TOLL))
        assert answer.standalone_question == whole
        asked, written = (request.prompt for request in server.requests)
    assert TOLL in asked and "[1]" not in asked and "And in Kerman?" in asked
    assert f"Question: {whole}" in written


def test_a_model_leaves_a_complete_question_alone(sample_archive: Archive) -> None:
    with OpenAIServer("And in Kerman?", "NO_ANSWER") as server:
        answer = ask(with_model(sample_archive, server), "And in Kerman?", said(TOLL))
    assert answer.standalone_question == ""


@pytest.mark.parametrize("reply", ["", "First line.\nSecond line.", "x" * 5000, "?!"])
def test_a_useless_rewriting_is_not_used(sample_archive: Archive, reply: str) -> None:
    with OpenAIServer(reply, "NO_ANSWER") as server:
        answer = ask(with_model(sample_archive, server), "And in Kerman?", said(TOLL))
    assert answer.standalone_question == "And in Kerman? people killed Crocus City Hall"


def test_an_outage_while_rewriting_is_an_error(sample_archive: Archive) -> None:
    with OpenAIServer(Reply(status=503, message="down")) as server, pytest.raises(ModelUnreachableError):
        ask(with_model(sample_archive, server), "And in Kerman?", said(TOLL))


def test_a_question_that_stands_alone_costs_no_rewriting(sample_archive: Archive) -> None:
    with OpenAIServer("NO_ANSWER") as server:
        ask(
            with_model(sample_archive, server),
            f"{TOLL} Name the latest figure that was given.",
            said(QUESTION),
        )
        assert len(server.requests) == 1
