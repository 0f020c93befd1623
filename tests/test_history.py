"""Kept conversations: found again, owned, bounded, deleted for good, shared by processes."""

import json
import multiprocessing
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.archive import Archive
from index.copying import backup, restore
from index.ingest import ingest
from index.types import Article, Coverage, Filters
from rag.database import FILE
from rag.errors import HistoryError, NotKeptError, TooLargeToKeepError
from rag.history import REASONS, History, Kept, Limits, shortened, turns
from rag.types import (
    Answer,
    Citation,
    Disagreement,
    Period,
    Side,
    Source,
    Statement,
    Tokens,
    Turn,
)

COVERAGE = Coverage(2, 3, ("ar", "en"), ("Harbour Post",), "2024-01-01", "2024-02-03", Filters())
CITATION = Citation(
    1, "ferry", "Ferry", "https://h.example/1", "Harbour Post", "2024-02-03", "en", "It sank.", 0, 8, True
)  # fmt: skip


def made(question: str, *says: str, language: str = "en") -> Answer:
    """An answer that says this; an abstention when it says nothing."""
    return Answer(
        question=question,
        language=language,
        status="grounded" if says else "abstained",
        statements=tuple(Statement(each, language, (1,)) for each in says),
        citations=(CITATION,) if says else (),
        coverage=COVERAGE,
        answerability=0.5,
        abstained=not says,
        reason="" if says else "the evidence is too weak",
    )


RICH = replace(
    made("Did it sink?", "It sank."),
    citations=(
        replace(
            CITATION,
            verified=False,
            reason="a number differs",
            also_in=(Source("b", "B", "", "Post", "", 4, 12, "v"),),
            translation="Он затонул.",
            version="v1",
        ),
    ),
    status="partly verified",
    period=Period("2024-01-01", "", "events", anchor="the storm"),
    disagreements=(Disagreement("dead", (Side("3", (1,)), Side("4", (1,)))),),
    coverage=replace(COVERAGE, filters=Filters(sources=("Harbour Post",))),
    timings={"retrieve": 12.5},
    tokens=Tokens(10, 20),
    nearest=(CITATION,),
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_a_conversation_is_kept_and_opened_again(tmp_path: Path) -> None:
    with closing(History(tmp_path)) as history:
        first = history.append("ana", RICH)
        second = history.append("ana", made("And when?"), first.conversation_id)
        assert len(first.id) >= 22 and first.id != second.id
    with closing(History(tmp_path)) as again:
        (conversation,) = again.conversations("ana")
        assert (conversation.id, conversation.name) == (first.conversation_id, "Did it sink?")
        assert conversation.updated_at == second.asked_at > conversation.created_at == first.asked_at
        assert again.answers("ana", conversation.id) == [first, second]
        assert first.answer == RICH
        assert again.conversation("ana", conversation.id) == conversation


def test_the_newest_come_first_in_pages(history: History) -> None:
    ids = [history.append("ana", made(f"Question {n}?")).conversation_id for n in range(7)]
    history.append("ana", made("Once more?"), ids[2])
    expected = [ids[n] for n in (2, 6, 5, 4, 3, 1, 0)]
    pages = [history.conversations("ana", offset=offset, limit=3) for offset in (0, 3, 6, 9)]
    assert [each.id for page in pages for each in page] == expected
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert history.count_conversations("ana") == 7


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ("حذّرت إيران روسيا قبل الهجوم", "ايران"),
        ("حذّرت إيران روسيا قبل الهجوم", "حذرت الهجوم"),
        ("هشدار دربارهٔ حمله در کروکوس", "درباره كروكوس"),
        ("هشدار می‌دهد", "میدهد"),
        ("Ещё одно предупреждение", "еще ПРЕДУПРЕЖДЕНИЕ"),
        ("A Café in ZÜRICH burned", "cafe zurich"),
        ("قُتل ١٤٠ شخصًا", "140"),
    ],
)
def test_a_search_reads_past_variants_of_letters(history: History, said: str, query: str) -> None:
    history.append("ana", made("Other?", "Nothing of this."))
    in_answer = history.append("ana", made("One?", said)).conversation_id
    in_question = history.append("ana", made(said)).conversation_id
    in_name = history.append("ana", made("Three?")).conversation_id
    history.rename("ana", in_name, said)
    found = {each.id for each in history.conversations("ana", query=query)}
    assert found == {in_answer, in_question, in_name}
    assert history.count_conversations("ana", query) == 3
    assert history.conversations("ana", query=query + " zzz") == []
    assert history.conversations("bo", query=query) == []


def test_a_search_takes_any_text_as_text(history: History) -> None:
    history.append("ana", made("100% of_it?"))
    for query, found in (("%", 1), ("_", 1), ("'", 0), ('" OR 1=1', 0), ("\\", 0), ("\0", 0), ("  ", 1)):
        assert history.count_conversations("ana", query) == found, query


def test_what_is_somebody_elses_is_not_there(history: History) -> None:
    kept = history.append("ana", made("Mine?", "Yes."))
    history.rate("ana", kept.id, "down", "incorrect", "private")
    assert history.conversations("bo") == []
    for attempt in (
        lambda: history.conversation("bo", kept.conversation_id),
        lambda: history.answers("bo", kept.conversation_id),
        lambda: history.rename("bo", kept.conversation_id, "x"),
        lambda: history.delete("bo", kept.conversation_id),
        lambda: history.append("bo", made("x"), kept.conversation_id),
        lambda: history.replace_last("bo", made("x"), kept.conversation_id),
        lambda: history.rate("bo", kept.id, "up"),
        lambda: history.unrate("bo", kept.id),
        lambda: history.answer("none"),
    ):
        with pytest.raises(NotKeptError):
            attempt()
    assert list(history.feedback("bo")) == []
    # The link to an answer works for everybody; what its owner thought of it stays with the owner.
    seen = history.answer(kept.id, "bo")
    assert (seen.answer, seen.conversation_id, seen.feedback) == (kept.answer, "", None)
    assert history.answer(kept.id) == seen
    own = history.answer(kept.id, "ana")
    assert own.feedback and own.feedback.comment == "private"
    assert own.conversation_id == kept.conversation_id
    assert len(history.answers("ana", kept.conversation_id)) == 1


def test_a_name_is_the_first_question_shortened(history: History) -> None:
    long = "Who   warned\nwhom " + "before the attack " * 20
    kept = history.append("ana", made(long))
    name = history.conversation("ana", kept.conversation_id).name
    assert name.startswith("Who warned whom before") and name.endswith("…") and len(name) <= 80
    renamed = history.rename("ana", kept.conversation_id, "  The\nattack  ")
    assert history.rename("ana", kept.conversation_id, " \n") == renamed
    assert renamed.name == "The attack" == history.conversations("ana")[0].name
    assert shortened("x" * 200) == "x" * 79 + "…"


@given(st.text(max_size=300))
def test_a_short_name_is_one_line(question: str) -> None:
    name = shortened(question)
    assert len(name) <= 80 and len(name.splitlines()) <= 1


def test_a_retry_takes_the_last_ones_place(history: History) -> None:
    first = history.append("ana", made("One?", "One."))
    conversation = first.conversation_id
    poor = history.append("ana", made("Two?", "Tow."), conversation)
    history.rate("ana", poor.id, "down", "incorrect")
    better = history.replace_last("ana", made("Two, please?", "Two."), conversation)
    assert [each.id for each in history.answers("ana", conversation)] == [first.id, better.id]
    # Its link and its feedback stay, until the conversation goes.
    assert history.answer(poor.id).answer == poor.answer
    (rated,) = history.feedback("ana")
    assert (rated.kept.id, rated.turns) == (poor.id, (Turn("user", "One?"), Turn("assistant", "One.")))
    assert history.conversations("ana", query="tow") == []
    history.delete("ana", conversation)
    with pytest.raises(NotKeptError):
        history.answer(poor.id)


def test_feedback_is_given_changed_and_taken_back(history: History) -> None:
    kept = history.append("ana", made("One?", "One."))
    assert "should have abstained" in REASONS
    rated = history.rate("ana", kept.id, "down", "should have abstained", " Not there. ")
    assert rated.feedback and rated.feedback.at >= kept.asked_at
    assert (rated.feedback.reason, rated.feedback.comment) == ("should have abstained", "Not there.")
    assert (
        history.rate("ana", kept.id, "up").feedback
        == history.answers("ana", kept.conversation_id)[0].feedback
    )
    assert [each.feedback.verdict for each in history.feedback()] == ["up"]
    assert history.unrate("ana", kept.id) == history.unrate("ana", kept.id) == kept
    assert list(history.feedback()) == []


def test_all_feedback_is_listed_with_what_came_before(history: History) -> None:
    kept: list[Kept] = []
    for n in range(230):
        conversation = kept[-1].conversation_id if n % 3 else ""
        kept.append(
            history.append(
                "ana" if n < 200 else "bo", made(f"Q{n}?", f"A{n}."), conversation if n != 200 else ""
            )
        )
        history.rate("ana" if n < 200 else "bo", kept[-1].id, "up")
    everybodys = list(history.feedback())
    assert [each.kept.id for each in everybodys] == [each.id for each in kept]
    assert len(list(history.feedback("bo"))) == 30
    assert [turn.content for turn in everybodys[5].turns] == ["Q3?", "A3.", "Q4?", "A4."]


def test_turns_tell_an_abstention_as_one() -> None:
    kept = Kept("i", "c", "One?", made("One?"), "")
    unread = Kept("i", "c", "Two?", None, "", fault="cannot be read")
    assert turns([kept, unread]) == (Turn("user", "One?"), Turn("assistant", "the evidence is too weak"))


def test_what_is_deleted_is_in_no_file_any_more(tmp_path: Path) -> None:
    with closing(History(tmp_path)) as history, closing(History(tmp_path)) as other:
        keep = history.append("ana", made("Keep this?", "Kept words."))
        secret = history.append("ana", made("Where is Zanzibarov?", "Zanzibarov is in Valmere. " * 300))
        history.rate("ana", secret.id, "down", "other", "Zanzibarov must not be named")
        assert other.answer(secret.id).answer == secret.answer
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"Zanzibarov" in held
        history.delete("ana", secret.conversation_id)
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"anzibarov" not in held and b"Kept words" in held
        assert other.answer(keep.id)


def test_the_oldest_go_when_there_is_too_much(tmp_path: Path) -> None:
    limits = Limits(conversations=3, answers=4, answer_bytes=20_000, owner_bytes=40_000)
    history = History(tmp_path, limits)
    ids = [history.append("ana", made(f"Q{n}?")).conversation_id for n in range(5)]
    assert [each.id for each in history.conversations("ana")] == ids[:1:-1]
    bo = history.append("bo", made("Q?"))
    for n in range(6):
        history.append("ana", made(f"Again {n}?"), ids[3])
    questions = [each.question for each in history.answers("ana", ids[3])]
    assert questions == [f"Again {n}?" for n in range(2, 6)]
    # Bytes: each of these fills a good third of what one owner may keep.
    for n in range(4):
        history.append("ana", made(f"Long {n}?", "x" * 15_000))
    assert [each.name for each in history.conversations("ana")] == ["Long 3?", "Long 2?"]
    assert history.answer(bo.id)
    with pytest.raises(TooLargeToKeepError, match="bytes"):
        history.append("ana", made("Too long?", "x" * 20_000))
    assert history.count_conversations("ana") == 2


def test_all_owners_together_stay_under_a_limit(tmp_path: Path) -> None:
    history = History(tmp_path, Limits(total_bytes=400_000))
    kept = [history.append(f"browser {n}", made("Q?", "x" * 30_000)) for n in range(30)]
    assert history.database.size() <= 400_000
    assert history.answer(kept[-1].id)
    with pytest.raises(NotKeptError):
        history.answer(kept[0].id)


def stored(folder: Path, change: dict[str, object], gone: str = "") -> Kept:
    """An answer as another version might have kept it."""
    with closing(History(folder)) as history:
        kept = history.append("ana", RICH)
        with closing(sqlite3.connect(folder / FILE)) as connection, connection:
            (dumped,) = connection.execute("SELECT answer FROM answers").fetchone()
            content = json.loads(dumped) | change
            content.pop(gone, None)
            connection.execute("UPDATE answers SET answer = ?", (json.dumps(content),))
        (again,) = history.answers("ana", kept.conversation_id)
        assert history.answer(kept.id) == replace(again, conversation_id="")
        return again


def test_an_answer_of_another_version_opens_or_says_why_not(tmp_path: Path) -> None:
    cited = {name: getattr(CITATION, name) for name in CITATION.__slots__}
    newer = stored(tmp_path / "newer", {"mood": "calm", "citations": [{**cited, "colour": 1}]})
    assert newer.answer and newer.answer.citations == (CITATION,) and not newer.fault
    older = stored(tmp_path / "older", {}, gone="tokens")
    assert older.answer and older.answer.tokens is None
    for change, gone, says in (({}, "coverage", "coverage"), ({"status": "contested"}, "", "status")):
        unread = stored(tmp_path / says, change, gone)
        assert unread.answer is None and unread.question == "Did it sink?"
        assert says in unread.fault and "another version" in unread.fault


def test_a_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(HistoryError, match="restore"):
        History(tmp_path / "broken")
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="cannot be read or written"):
        History(tmp_path / "file")
    History(tmp_path / "newer").close()
    with closing(sqlite3.connect(tmp_path / "newer" / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match="newer Dateline"):
        History(tmp_path / "newer")


def _append_many(folder: Path, owner: str, conversation: str) -> None:
    with closing(History(folder)) as history:
        for n in range(20):
            history.append(owner, made(f"{owner} {n}?", "Yes."), conversation)


def test_processes_and_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    processes = [
        multiprocessing.get_context("spawn").Process(target=_append_many, args=(tmp_path, f"p{n}", ""))
        for n in range(3)
    ]
    for process in processes:
        process.start()
    with closing(History(tmp_path)) as history:
        together = history.append("together", made("First?")).conversation_id
        threads = [
            threading.Thread(target=_append_many, args=(tmp_path, "together", together)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for each in (*threads, *processes):
            each.join(120)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert [history.count_conversations(f"p{n}") for n in range(3)] == [20] * 3
        assert len(history.answers("together", together)) == 81


def test_a_backup_has_the_conversations_of_one_moment(empty_archive: Archive, tmp_path: Path) -> None:
    folder, stop = empty_archive.config.archive, threading.Event()
    with closing(History(folder)) as history:
        kept = history.append("ana", made("Before?", "Yes."))
        history.rate("ana", kept.id, "up")

        def talk() -> None:
            while not stop.is_set():
                history.append("bo", made("Q?", "x" * 5000))

        thread = threading.Thread(target=talk)
        thread.start()
        backup(empty_archive, tmp_path / "b.tar")
        stop.set()
        thread.join()
    restore(tmp_path / "b.tar", tmp_path / "restored")
    with closing(History(tmp_path / "restored")) as restored:
        assert restored.answer(kept.id).answer == kept.answer
        assert [rated.feedback.verdict for rated in restored.feedback()] == ["up"]
        numbers = [
            len(restored.answers("bo", each.id)) for each in restored.conversations("bo", limit=9999)
        ]
        assert set(numbers) <= {1}


def test_what_was_quoted_stays_when_an_article_is_removed(empty_archive: Archive) -> None:
    article = Article("ferry", "Ferry", "It sank.", language="en")
    assert [outcome.status for outcome in ingest(empty_archive, [article])] == ["added"]
    with closing(History(empty_archive.config.archive)) as history:
        kept = history.append("ana", made("Did it sink?", "It sank."))
        empty_archive.remove("ferry")
        assert history.answer(kept.id).answer == kept.answer
        assert empty_archive.faults().incomplete == ()


def test_halves_of_characters_are_told_as_such_and_nothing_breaks(tmp_path: Path) -> None:
    """JSON may hold them, and a browser may send them."""
    with closing(History(tmp_path)) as history:
        kept = history.append("ana", made("Did it sink?", "It sank."))
        rated = history.rate("ana", kept.id, "down", "other", "no \udc80 yes \ud800")
        assert rated.feedback is not None and rated.feedback.comment == "no ? yes ?"
        assert history.rename("ana", kept.conversation_id, "x\udc80").name == "x?"
        assert history.conversations("ana", query="\ud800") == history.conversations("ana", query="?")
