"""rag/claims.py, timeline.py, disagree.py: who said what to whom, when, and who says otherwise."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai_server import OpenAIServer, Reply
from test_archive import FERRY, run
from test_chat import with_model

from index.archive import Archive
from index.types import Filters
from rag.chat import Assistant
from rag.cite import cite
from rag.claims import Claim, claims_by_rule
from rag.config import Settings
from rag.disagree import disagreements
from rag.errors import ModelReplyError
from rag.retrieve import retrieve
from rag.timeline import timeline
from rag.types import Answer
from rag.when import When

# Two texts of one URL would be revisions of one article.
STORY = replace(FERRY, url="")
ABSURD = "Who won the 1954 chess olympiad?"


def claims_of(archive: Archive, question: str) -> tuple[Claim, ...]:
    return claims_by_rule(retrieve(archive, question, top_k=10, filters=Filters()))


def found(rows: tuple[Claim, ...], **wanted: str) -> list[Claim]:
    return [row for row in rows if all(part in getattr(row, name) for name, part in wanted.items())]


@pytest.mark.parametrize(
    ("text", "language", "speaker", "act", "addressee", "content", "stance"),
    [
        (
            "Washington warned Moscow that an attack was near.",
            "en", "Washington", "warn", "Moscow", "an attack was near", "asserts",
        ),
        (
            "Dmitry Peskov denied that Iran had warned Moscow.",
            "en", "Dmitry Peskov", "deny", "", "Iran had warned Moscow", "denies",
        ),
        (
            "حذّرت إيران روسيا من أن هجومًا كبيرًا قد يقع على أراضيها.",
            "ar", "إيران", "warn", "روسيا", "هجومًا كبيرًا قد يقع على أراضيها", "asserts",
        ),
        (
            "Вашингтон предупредил Москву, что готовится нападение.",
            "ru", "Вашингтон", "warn", "Москву", "готовится нападение", "asserts",
        ),
        (
            "ایران به روسیه هشدار داد که حمله‌ای بزرگ در راه است.",
            "fa", "ایران", "warn", "روسیه", "حمله‌ای بزرگ در راه است", "asserts",
        ),
    ],
)  # fmt: skip
def test_the_parts_of_a_claim_are_the_sentences_own_words(
    empty_archive: Archive,
    text: str,
    language: str,
    speaker: str,
    act: str,
    addressee: str,
    content: str,
    stance: str,
) -> None:
    run(empty_archive, replace(STORY, id="one", text=text, language=language, source="Wire"))
    rows = [row for row in claims_of(empty_archive, text) if row.act == act]
    assert [(r.speaker, r.addressee, r.content, r.stance) for r in rows] == [
        (speaker, addressee, content, stance)
    ]
    assert rows[0].reported_by == ("Wire",) and rows[0].citation.verified
    assert rows[0].citation.cited_text == text


def test_claims_of_the_sample(sample_archive: Archive) -> None:
    rows = claims_of(sample_archive, "Who warned whom before the Crocus attack?")
    assert (found(rows, act="warn") and found(rows, stance="denies")) or found(rows, act="deny")
    assert len({row.citation.language for row in rows}) >= 3
    for row in rows:
        article = sample_archive.article(row.citation.article_id)
        text = article.text[row.citation.start_char : row.citation.end_char]
        assert text == row.citation.cited_text
        assert row.speaker in text and row.addressee in text and row.content in text


def test_a_timeline_is_in_order_and_dated_by_its_sentences(sample_archive: Archive) -> None:
    question = "What happened before and after the Crocus attack?"
    entries = timeline(retrieve(sample_archive, question, top_k=20, filters=Filters()))
    assert len(entries) >= 5
    days = [entry.when.start for entry in entries]
    assert days == sorted(days)
    assert [entry.citation.index for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry.when.start for entry in entries} & {"2024-03-22", "2024-03-07"}


def test_no_claims_and_no_timeline_where_the_archive_does_not_know(assistant: Assistant) -> None:
    evidence, rows = asyncio.run(assistant.claims(ABSURD))
    assert rows == () and evidence.coverage.articles > 20
    assert asyncio.run(assistant.timeline(ABSURD))[1] == ()


# --- disagreement -------------------------------------------------------------------------------

STORM = "The storm killed {} people in Valmere on Sunday, the harbour office said."


def ask(archive: Archive, question: str) -> Answer:
    settings = Settings(archive=Path("unused"), min_answerability=0)
    return asyncio.run(Assistant(settings, archive).ask(question))


def test_other_figures_for_one_thing_are_shown_side_by_side(empty_archive: Archive) -> None:
    run(empty_archive, *(replace(STORY, id=str(n), text=STORM.format(n)) for n in (13, 31)))
    answer = ask(empty_archive, "How many people did the storm in Valmere kill?")
    (disagreement,) = answer.disagreements
    assert disagreement.about == "dead"
    assert {side.says for side in disagreement.sides} == {"13", "31"}
    for side in disagreement.sides:
        cited = [c.cited_text for c in answer.citations if c.index in side.citations]
        assert cited and all(side.says in text for text in cited)


def test_figures_in_two_languages_disagree_too(empty_archive: Archive) -> None:
    arabic = "قال مكتب الميناء إن العاصفة قتلت ٣١ شخصًا في فالمير يوم الأحد."
    run(
        empty_archive,
        replace(STORY, id="en", text=STORM.format(13)),
        replace(STORY, id="ar", text=arabic, language="ar"),
    )
    question = "How many people did the storm in Valmere kill?"
    hits = retrieve(empty_archive, question, top_k=10, filters=Filters()).hits
    cited = [cite(hit.article, hit.sentence, index) for index, hit in enumerate(hits, start=1)]
    assert [side.says for d in disagreements(cited, hits) for side in d.sides] == ["13", "31"]


def test_a_figure_far_from_what_it_counts(empty_archive: Archive) -> None:
    said = "The number of those killed by the storm in Valmere, the harbour office said, has reached {}."
    run(
        empty_archive,
        replace(STORY, id="a", text=STORM.format(13)),
        replace(STORY, id="b", text=said.format("at least 31")),
    )
    answer = ask(empty_archive, "How many people did the storm in Valmere kill?")
    assert {side.says for d in answer.disagreements for side in d.sides} == {"13", "≥ 31"}


@pytest.mark.parametrize(
    "other",
    [
        STORM.format(13),
        STORM.format("more than 12"),
        "The storm injured 31 people in Valmere on Sunday, the harbour office said.",
        "A fire killed 31 people in a factory far inland last spring, a union said.",
    ],
)
def test_what_agrees_or_is_about_something_else_is_no_disagreement(
    empty_archive: Archive, other: str
) -> None:
    run(empty_archive, replace(STORY, id="a", text=STORM.format(13)), replace(STORY, id="b", text=other))
    assert ask(empty_archive, "How many people did the storm in Valmere kill?").disagreements == ()


def test_a_denial_is_the_other_side(empty_archive: Archive) -> None:
    said = "Sorvia warned Valmere of the storm on Friday, the harbour office said."
    denied = "Valmere denied that Sorvia had warned it of the storm."
    run(empty_archive, replace(STORY, id="a", text=said), replace(STORY, id="b", text=denied))
    answer = ask(empty_archive, "Who warned Valmere of the storm?")
    (disagreement,) = answer.disagreements
    assert disagreement.about == "denial"
    texts = {c.index: c.cited_text for c in answer.citations}
    sides = {side.says: [texts[n] for n in side.citations] for side in disagreement.sides}
    assert sides == {"asserts": [said], "denies": [denied]}


# --- by a language model ------------------------------------------------------------------------

TEXT = (
    "Washington warned Moscow on 7 March that an attack was near. "
    "Dmitry Peskov denied that Tehran had sent a warning."
)


def row(**parts: Any) -> dict[str, Any]:
    given = {
        "speaker": "Washington",
        "act": "warn",
        "addressee": "Moscow",
        "content": "An attack was near.",
        "reported_by": "",
        "stance": "asserts",
        "sentence": 1,
    }
    return given | parts


def by_model(archive: Archive, *replies: Reply | str) -> tuple[tuple[Claim, ...], OpenAIServer]:
    with OpenAIServer(*replies) as server:
        assistant = with_model(archive, server, min_answerability=0)
        return asyncio.run(assistant.claims("Who warned Moscow of an attack?"))[1], server


@pytest.fixture
def warned(empty_archive: Archive) -> Archive:
    run(empty_archive, replace(STORY, id="w", text=TEXT, published_at="2024-03-20"))
    return empty_archive


def test_a_models_rows_are_checked(warned: Archive) -> None:
    rows = [
        row(),
        row(addressee="Kyiv"),
        row(content="An attack on 9 March was near."),
        row(act="deny"),
        row(
            speaker="Dmitry Peskov",
            act="deny",
            addressee="",
            content="Tehran had sent a warning.",
            stance="denies",
            sentence=2,
        ),
        row(
            speaker="Dmitry Peskov",
            act="say",
            content="Tehran had sent a warning.",
            addressee="",
            sentence=2,
        ),
        row(sentence=9),
        row(act="dance"),
        row(speaker=" "),
    ]
    found, server = by_model(warned, json.dumps({"claims": rows}))
    assert [claim.citation.verified for claim in found] == [True, False, False, False, True, False]
    assert found[0].when == When("2024-03-07", "2024-03-07", "day", True)
    assert found[0].citation.cited_text.startswith("Washington warned")
    assert "'Kyiv" in found[1].citation.reason
    assert all(claim.citation.reason for claim in found if not claim.citation.verified)
    schema = server.requests[0].body["response_format"]["json_schema"]["schema"]
    assert set(schema["$defs"]["_Row"]["required"]) == set(row())


def test_fences_and_thoughts_around_the_json(warned: Archive) -> None:
    reply = f"<think>Let me see.</think>Here:\n```json\n{json.dumps({'claims': [row()]})}\n```"
    found, _ = by_model(warned, reply)
    assert [claim.speaker for claim in found] == ["Washington"]


def test_a_server_without_json_schemas_is_asked_plainly(warned: Archive) -> None:
    refusal = Reply(status=400, message="response_format is not supported")
    found, server = by_model(warned, refusal, json.dumps({"claims": [row()]}))
    assert len(found) == 1 and "response_format" not in server.requests[1].body


@pytest.mark.parametrize("reply", ["I cannot do that.", '{"claims": [{"speaker": 3}]}', '{"claims": '])
def test_an_unreadable_table_is_an_error(warned: Archive, reply: str) -> None:
    with pytest.raises(ModelReplyError, match="agreed form"):
        by_model(warned, reply)
