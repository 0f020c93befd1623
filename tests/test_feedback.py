"""`dateline eval from-feedback`: what readers said of answers, as cases that can be asked."""

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_eval_runs import Eval, archives, evaluate
from test_history import CITATION, made

from evals.cases import read_case_file
from evals.errors import DatasetError
from evals.feedback import GOOD, TO_COMPLETE
from index.archive import Archive
from index.copying import backup, restore
from index.types import Filters
from rag.chat import Assistant
from rag.database import FILE
from rag.history import History
from rag.types import Period, Turn

__all__ = ["archives", "evaluate"]
QUESTION = "Who warned whom before the Crocus attack?"


@pytest.fixture
def asked(sample_archive: Archive, tmp_path: Path) -> Path:
    """A copy of the sample archive, to keep conversations in."""
    backup(sample_archive, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "asked")
    # Other tests judge answers of the sample archive, too.
    (tmp_path / "asked" / FILE).unlink(missing_ok=True)
    return tmp_path / "asked"


def cases(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "cases.jsonl").read_text("utf-8").splitlines()]


def test_feedback_becomes_a_suite_that_runs(
    asked: Path, evaluate: Eval, assistant: Assistant, tmp_path: Path
) -> None:
    answer = asyncio.run(assistant.ask(QUESTION))
    follow_up = asyncio.run(assistant.ask("And when?", history=[Turn("user", QUESTION)]))
    nothing = asyncio.run(assistant.ask("Who won the 1954 chess olympiad?"))
    assert answer.citations and nothing.abstained
    with closing(History(asked)) as history:
        first = history.append("ana", answer)
        second = history.append("ana", follow_up, first.conversation_id)
        history.rate("ana", first.id, "up")
        history.rate("ana", second.id, "down", "incomplete", "Which day?")
        third = history.append("bo", nothing)
        history.rate("bo", third.id, "up", comment="Rightly so.")
        history.append("bo", answer)
    suite = tmp_path / "suite"
    told = evaluate("from-feedback", suite, "--archive", asked).output
    assert "3 cases added, 1 of them to be completed" in told
    good, poor, unanswerable = cases(suite)
    assert (good["kind"], good["answerable"]) == (GOOD, True)
    assert good["evidence"] == [
        {"article": each.article_id, "quote": each.cited_text} for each in answer.citations
    ]
    assert first.id not in json.dumps([good, poor, unanswerable])
    assert (poor["kind"], poor["answerable"], poor["question"]) == (TO_COMPLETE, None, "And when?")
    assert "evidence" not in poor and "reference_answer" not in poor
    assert poor["note"].startswith("down incomplete. Which day?. The answer was: ")
    assert [turn["role"] for turn in poor["history"]] == ["user", "assistant"]
    assert (unanswerable["answerable"], unanswerable["note"]) == (False, "Rightly so.")
    loaded, to_complete = read_case_file(suite / "cases.jsonl")
    assert [case.id for case in loaded] == [good["id"], unanswerable["id"]] and to_complete == 1
    ran = evaluate("run", suite, "--archive", asked, "--json", "--out", tmp_path / "out")
    assert "1 cases of 'suite' are to be completed, and are not asked" in ran.output
    figures = json.loads(ran.output[ran.output.index("{") : ran.output.rindex("}") + 1])["figures"]["all"]
    assert figures["citation precision"]["value"] == 1.0 and figures["abstention accuracy"]["value"] == 1.0


def test_what_somebody_completed_stays(asked: Path, evaluate: Eval, tmp_path: Path) -> None:
    with closing(History(asked)) as history:
        kept = history.append("ana", made("Q?", "It sank."))
        history.rate("ana", kept.id, "down")
        suite = tmp_path / "suite"
        evaluate("from-feedback", suite, "--archive", asked)
        (case,) = cases(suite)
        (suite / "cases.jsonl").write_text(json.dumps(case | {"answerable": False}) + "\n", "utf-8")
        other = history.append("ana", made("R?", "It sank."))
        history.rate("ana", other.id, "down")
    told = evaluate("from-feedback", suite, "--archive", asked).output
    assert "1 cases added" in told and "1 were there already" in told
    assert [each["answerable"] for each in cases(suite)] == [False, None]
    (suite / "cases.jsonl").write_text("no cases", "utf-8")
    with pytest.raises(DatasetError, match="holds no cases"):
        evaluate("from-feedback", suite, "--archive", asked)


def test_a_good_answer_without_its_ground_is_to_be_completed(
    asked: Path, evaluate: Eval, tmp_path: Path
) -> None:
    gone = made("Gone?", "It sank.")
    unverified = replace(gone, question="Unverified?", citations=(replace(CITATION, verified=False),))
    narrowed = made("Narrowed?")
    narrowed = replace(narrowed, coverage=replace(narrowed.coverage, filters=Filters(sources=("A",))))
    in_march = made("In March?")
    in_march = replace(
        in_march,
        period=Period("2024-03-01", "2024-03-31", "publication"),
        coverage=replace(in_march.coverage, filters=Filters("2024-03-01", "2024-03-31")),
    )
    with closing(History(asked)) as history:
        for answer in (gone, unverified, narrowed, in_march):
            history.rate("ana", history.append("ana", answer).id, "up")
    evaluate("from-feedback", tmp_path / "suite", "--archive", asked)
    by_question = {case["question"]: case for case in cases(tmp_path / "suite")}
    for question, why in (("Gone?", "any more"), ("Unverified?", "verified"), ("Narrowed?", "filters")):
        assert by_question[question]["answerable"] is None and why in by_question[question]["note"]
    assert by_question["In March?"]["answerable"] is False


def test_a_suite_to_be_completed_says_so(asked: Path, evaluate: Eval, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nothing was kept"):
        evaluate("from-feedback", tmp_path / "suite", "--archive", asked)
    with closing(History(asked)) as history:
        unrated = history.append("ana", made("Q?", "It sank."))
    with pytest.raises(DatasetError, match="nothing was kept"):
        evaluate("from-feedback", tmp_path / "suite", "--archive", asked)
    with closing(History(asked)) as history:
        history.rate("ana", unrated.id, "down")
    evaluate("from-feedback", tmp_path / "suite", "--archive", asked)
    with pytest.raises(DatasetError, match="say of each whether it is `answerable`"):
        evaluate("run", tmp_path / "suite", "--archive", asked)
