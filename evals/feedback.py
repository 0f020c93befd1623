"""Feedback as cases: what readers found good is asked again, what they found bad is to be completed.

A good answer tells what a right one rests on. A bad one only tells that the question is worth
asking: nobody said yet what would be right, so its case has no gold and is not asked until somebody
writes it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import DatasetError
from index.archive import Archive
from index.errors import ArticleNotFoundError
from index.types import Filters
from rag.history import Rated
from rag.types import Answer, Citation

GOOD, TO_COMPLETE = "feedback: good", "feedback: to be completed"
FILE = "cases.jsonl"
_LONGEST_ANSWER = 600
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """How many cases were added, how many of them are to be completed, and how many were there already."""

    added: int
    to_complete: int
    before: int


def write_cases(rated: Iterable[Rated], archive: Archive, folder: Path) -> Written:
    """Add the cases to a suite's folder; those that are in it stay as they are. Raises DatasetError."""
    path = folder / FILE
    try:
        kept = path.read_text("utf-8").splitlines() if path.exists() else []
        known = {json.loads(line)["id"] for line in kept if line.strip()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{str(path)!r} is there and holds no cases: {error}. Name another folder."
        ) from None
    new = [line for each in rated if (line := case_of(each, archive.article))["id"] not in known]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{FILE}.{os.getpid()}.new")
        lines = [line for line in kept if line.strip()]
        lines += [json.dumps(line, ensure_ascii=False) for line in new]
        beside.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        beside.replace(path)
    except OSError as error:
        raise DatasetError(
            f"{str(path)!r} cannot be written: {error.strerror}. Name another folder."
        ) from error
    return Written(len(new), sum(line["answerable"] is None for line in new), len(known))


def case_of(rated: Rated, article_of: Callable[[str], Any]) -> Line:
    """An answer with feedback as a line of `cases.jsonl`."""
    kept, feedback = rated.kept, rated.feedback
    answer = kept.answer
    line: Line = {
        # The answer's own id opens it for whoever has it, and suites are passed on.
        "id": f"feedback-{hashlib.sha256(kept.id.encode()).hexdigest()[:12]}",
        "language": answer.language if answer else "und",
        "question": kept.question,
        "answerable": None,
        "kind": TO_COMPLETE,
    }
    if rated.turns:
        line["history"] = [{"role": turn.role, "content": turn.content} for turn in rated.turns]
    note = ". ".join(filter(None, (f"{feedback.verdict} {feedback.reason}".strip(), feedback.comment)))
    if answer is None:
        return line | {"note": f"{note}. {kept.fault}"}
    reason = ""
    if feedback.verdict == "up":
        evidence = [citation for citation in answer.citations if citation.verified]
        standing = [citation for citation in evidence if _stands(citation, article_of)]
        if answer.abstained and not _narrowed(answer):
            return line | {"answerable": False, "kind": GOOD} | _noted(feedback.comment)
        if standing and len(standing) == len(evidence):
            quotes = [{"article": each.article_id, "quote": each.cited_text} for each in standing]
            reference = {"reference_answer": _text(answer)} if answer.model else {}
            gold = {"answerable": True, "kind": GOOD, "evidence": quotes}
            return line | gold | reference | _noted(feedback.comment)
        reason = (
            "it was asked with filters, which a case has not"
            if answer.abstained
            else "the archive does not hold what it cited any more"
            if evidence
            else "none of its citations was verified"
        )
    said = "the archive does not know" if answer.abstained else _text(answer)[:_LONGEST_ANSWER]
    return line | _noted(". ".join(filter(None, (note, reason, f"The answer was: {said}"))))


def _noted(note: str) -> Line:
    return {"note": note} if note else {}


def _text(answer: Answer) -> str:
    return " ".join(statement.text for statement in answer.statements)


def _stands(citation: Citation, article_of: Callable[[str], Any]) -> bool:
    try:
        return citation.cited_text in article_of(citation.article_id).text
    except ArticleNotFoundError:
        return False


def _narrowed(answer: Answer) -> bool:
    """Whether filters were set that the question does not name itself."""
    filters, period = answer.coverage.filters, answer.period
    if period and period.about == "publication":
        return filters != Filters(published_from=period.start, published_to=period.end)
    return bool(filters)
