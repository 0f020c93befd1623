"""Many questions in one process: JSON lines in and out, and TREC run files.

A line that cannot be answered is reported with its number and the others are still answered; an
archive or model that is out of reach ends the run. Every line is written whole, so that an
interrupted run leaves only complete lines.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, StrictInt, ValidationError

from index.errors import ArchiveUnavailableError, UnreadableInputError, UserFixableError
from index.types import Filters
from rag.chat import Assistant
from rag.errors import ModelUnreachableError
from rag.types import Turn
from ui.schemas import RequestFilters, RequestTurn, Text

Write = Callable[[str], None]
Report = Callable[[str], None]

MOST_PASSAGES = 1000
RUN_NAME = "dateline"
_OUTAGE = (ArchiveUnavailableError, ModelUnreachableError)


class QuestionLine(BaseModel):
    """One line of a questions file, with filters of its own in place of the command line's.

    Other keys are left alone, so that a file of evals can be asked.
    """

    id: Text | StrictInt
    question: Text
    history: tuple[RequestTurn, ...] = ()
    filters: RequestFilters | None = None


async def answer_questions(
    assistant: Assistant,
    questions: Path,
    write: Write,
    report: Report,
    *,
    filters: Filters,
    top_k: int | None,
    infer_time: bool = True,
    translate: bool = False,
    answer_language: str = "",
) -> None:
    """Write one answer a line, in the order of the questions, each with its question's id."""
    for number, line in _lines(questions):
        try:
            asked = _parse_question(line)
            answer = await assistant.ask(
                asked.question,
                history=[Turn(turn.role, turn.content) for turn in asked.history],
                filters=asked.filters.filters() if asked.filters else filters,
                top_k=top_k,
                infer_time=infer_time,
                translate=translate,
                answer_language=answer_language,
            )
        except _OUTAGE:
            raise
        except UserFixableError as error:
            report(f"{str(questions)!r} line {number}: {error}")
            continue
        write(json.dumps({"id": asked.id, **asdict(answer)}, ensure_ascii=False))


async def write_run(
    assistant: Assistant, queries: Path, write: Write, report: Report, *, filters: Filters, count: int
) -> None:
    """Write a TREC run: for each query its `count` best articles, best first."""
    seen: set[str] = set()
    for number, line in _lines(queries):
        try:
            query_id, question = _parse_query(line, seen)
            ranked = await ranked_articles(assistant, question, count=count, filters=filters)
        except _OUTAGE:
            raise
        except UserFixableError as error:
            report(f"{str(queries)!r} line {number}: {error}")
            continue
        seen.add(query_id)
        rows = [
            f"{query_id} Q0 {_one_word(article_id)} {rank} {score:.6f} {RUN_NAME}"
            for rank, (article_id, score) in enumerate(ranked, start=1)
        ]
        if rows:
            write("\n".join(rows))


async def ranked_articles(
    assistant: Assistant, question: str, *, count: int, filters: Filters
) -> list[tuple[str, float]]:
    """Up to `count` distinct articles, best first, each scored as its best passage is."""
    top_k = min(2 * count, MOST_PASSAGES)
    while True:
        evidence = await assistant.search(question, top_k=top_k, filters=filters)
        best: dict[str, float] = {}
        for passage in evidence.passages:
            for article in (passage.article, *passage.copies):
                best[article.id] = max(passage.score, best.get(article.id, passage.score))
        if len(best) >= count or len(evidence.passages) < top_k or top_k == MOST_PASSAGES:
            break
        top_k = min(2 * top_k, MOST_PASSAGES)
    ranked = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:count]
    if len(ranked) == count or len(evidence.passages) < top_k:
        return ranked
    # A few long articles fill every place: look among the others.
    archive = assistant.archive
    others = archive.articles(limit=archive.count_articles(filters), filters=filters)
    left = tuple(article.id for article in others if article.id not in best)
    if not left:
        return ranked
    more = await ranked_articles(
        assistant, question, count=count - len(ranked), filters=replace(filters, articles=left)
    )
    # The scores of two searches do not compare: what the second one found comes after.
    lower = max(0.0, more[0][1] - ranked[-1][1]) if more else 0.0
    return ranked + [(article_id, score - lower) for article_id, score in more]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers; bytes, so that a bad one spoils no other."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text.rstrip(b"\r\n")
    except OSError as error:
        raise UnreadableInputError(
            f"the file {str(path)!r} cannot be read: {error.strerror}. Check its name and permissions."
        ) from error


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInputError(
            f"not UTF-8 at byte {error.start + 1}: save the file as UTF-8."
        ) from None


def _parse_question(line: bytes) -> QuestionLine:
    try:
        data: Any = json.loads(_text(line))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnreadableInputError(
            f'not JSON ({error}): give {{"id": ..., "question": ...}} on one line.'
        ) from None
    try:
        return QuestionLine.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        raise UnreadableInputError(
            f'{place}: {first["msg"]}. Give {{"id": ..., "question": ...}}, and if needed "history" '
            'and "filters".'
        ) from None


def _parse_query(line: bytes, seen: set[str]) -> tuple[str, str]:
    query_id, tab, question = _text(line).partition("\t")
    if not tab or not query_id or re.search(r"\s", query_id):
        raise UnreadableInputError("give an id without white space, a tab, and the question.")
    if query_id in seen:
        raise UnreadableInputError(f"the id {query_id!r} came before: give each query its own.")
    return query_id, question


def _one_word(article_id: str) -> str:
    """The id with its white space percent-encoded: the format's columns are separated by it."""
    return re.sub(r"\s", lambda match: quote(match.group(), safe=""), article_id)
