"""Conversations that are kept: their questions and answers, and what their readers thought of them.

Everything belongs to an owner; of another owner's, only an answer can be read, by whoever has its
id, which nobody can guess.
"""

import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from index.fold import fold
from rag.database import open_database
from rag.errors import NotKeptError, TooLargeToKeepError
from rag.types import Answer, Turn

Verdict = Literal["up", "down"]
Reason = Literal[
    "",
    "incorrect",
    "incomplete",
    "unsupported",
    "irrelevant",
    "should have answered",
    "should have abstained",
    "other",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
LONGEST_NAME = 200
LONGEST_COMMENT = 4000
_NAME_OF_QUESTION = 80
_SEARCH_WORDS = 20
_PAGE = 100
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
_CONVERSATION = "c.id, c.name, c.created_at, c.updated_at"
_KEPT = (
    "a.id, a.conversation, a.question, a.answer, a.asked_at, a.verdict, a.reason, a.comment, a.rated_at, "
    "a.number, c.owner"
)
_JOINED = "answers a JOIN conversations c ON c.id = a.conversation"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's head; `updated_at` is when its last answer was kept (both times UTC)."""

    id: str
    name: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the owner of an answer thought of it."""

    verdict: Verdict
    reason: Reason = ""
    comment: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that is kept.

    `answer` is None when another version of Dateline kept it in a form that this one cannot read;
    `fault` then says so. `conversation_id` and `feedback` are empty for who is not the owner.
    """

    id: str
    conversation_id: str
    question: str
    answer: Answer | None
    asked_at: str
    feedback: Feedback | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Rated:
    """An answer with feedback, and what was asked and answered before it."""

    kept: Kept
    turns: tuple[Turn, ...]

    @property
    def feedback(self) -> Feedback:
        assert self.kept.feedback is not None
        return self.kept.feedback


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept; beyond it, what was touched longest ago goes."""

    conversations: int = 1000
    answers: int = 500
    answer_bytes: int = 4 * 2**20
    owner_bytes: int = 256 * 2**20
    total_bytes: int = 8 * 2**30


class History:
    """The conversations kept in one folder. Safe to share between threads and processes.

    Each method raises HistoryError when the file cannot be read or written.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.database = open_database(folder)
        self._limits = limits or Limits()

    def close(self) -> None:
        self.database.close()

    # Conversations

    def conversations(
        self, owner: str, *, query: str = "", offset: int = 0, limit: int = 50
    ) -> list[Conversation]:
        """An owner's conversations, the newest first; with `query`, those that have all its words.

        Names, questions and answers are searched, without regard to capitals, marks and variants of
        letters.
        """
        where, values = _matching(owner, query)
        rows = self.database.all(
            f"SELECT {_CONVERSATION} FROM conversations c WHERE {where} "
            "ORDER BY c.updated_at DESC, c.number DESC LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return [Conversation(*row) for row in rows]

    def count_conversations(self, owner: str, query: str = "") -> int:
        where, values = _matching(owner, query)
        return int(self.database.one(f"SELECT COUNT(*) FROM conversations c WHERE {where}", *values))

    def conversation(self, owner: str, conversation_id: str) -> Conversation:
        """The head of one. Raises NotKeptError."""
        rows = self.database.all(
            f"SELECT {_CONVERSATION} FROM conversations c WHERE c.owner = ? AND c.id = ?",
            owner,
            conversation_id,
        )
        if not rows:
            raise NotKeptError(f"no conversation of yours has the id {conversation_id!r}: list them.")
        return Conversation(*rows[0])

    def answers(self, owner: str, conversation_id: str) -> list[Kept]:
        """A conversation's answers, in order. Raises NotKeptError."""
        self.conversation(owner, conversation_id)
        rows = self.database.all(
            f"SELECT {_KEPT} FROM {_JOINED} WHERE a.conversation = ? AND NOT a.replaced ORDER BY a.number",
            conversation_id,
        )
        return [_kept(row) for row in rows]

    def rename(self, owner: str, conversation_id: str, name: str) -> Conversation:
        """Give a conversation another name; a blank one changes nothing. Raises NotKeptError."""
        name = " ".join(_storable(name).split())[:LONGEST_NAME]
        if not name:
            return self.conversation(owner, conversation_id)
        with self.database.together():
            self.database.do(
                "UPDATE conversations SET name = ?, folded = ? WHERE owner = ? AND id = ?",
                name,
                _folded(name),
                owner,
                conversation_id,
            )
            return self.conversation(owner, conversation_id)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Delete a conversation, its answers and their feedback, for good. Raises NotKeptError."""
        with self.database.together():
            self.conversation(owner, conversation_id)
            self._delete(conversation_id)
        self.database.forget()

    # Answers

    def append(self, owner: str, answer: Answer, conversation_id: str = "") -> Kept:
        """Keep an answer at the end of a conversation; without one, a new one is made for it.

        Raises NotKeptError and TooLargeToKeepError.
        """
        return self._keep(owner, answer, conversation_id)

    def replace_last(self, owner: str, answer: Answer, conversation_id: str) -> Kept:
        """Keep an answer in the place of a conversation's last one.

        The one before stays readable by its id, and keeps its feedback. Raises NotKeptError and
        TooLargeToKeepError.
        """
        with self.database.together():
            last = self.database.one(
                "SELECT id FROM answers WHERE conversation = ? AND NOT replaced "
                "ORDER BY number DESC LIMIT 1",
                conversation_id,
            )
            return self._keep(owner, answer, conversation_id, replaced=last or "")

    def replace_answer(self, owner: str, answer: Answer, conversation_id: str, answer_id: str) -> Kept:
        """The same, in the place of a certain one: in another window others may have come after it."""
        return self._keep(owner, answer, conversation_id, replaced=answer_id)

    def answer(self, answer_id: str, owner: str = "") -> Kept:
        """Any answer that is kept, by its id; the rest of what is known only for its owner.

        Raises NotKeptError.
        """
        rows = self.database.all(f"SELECT {_KEPT} FROM {_JOINED} WHERE a.id = ?", answer_id)
        if not rows:
            raise NotKeptError(
                f"no answer with the id {answer_id!r} is kept: it was deleted, or the link is incomplete."
            )
        kept = _kept(rows[0])
        return kept if rows[0][-1] == owner else replace(kept, conversation_id="", feedback=None)

    # Feedback

    def rate(
        self, owner: str, answer_id: str, verdict: Verdict, reason: Reason = "", comment: str = ""
    ) -> Kept:
        """Say what an answer of one's own is worth; again, to say something else. Raises NotKeptError."""
        comment = _storable(comment).strip()[:LONGEST_COMMENT]
        return self._rate(owner, answer_id, verdict, reason, comment, _now())

    def unrate(self, owner: str, answer_id: str) -> Kept:
        """Take it back, if something was said. Raises NotKeptError."""
        return self._rate(owner, answer_id, "", "", "", "")

    def feedback(self, owner: str | None = None) -> Iterator[Rated]:
        """An owner's answers with feedback, or everybody's, in the order in which they were asked."""
        after = 0
        while True:
            rows = self.database.all(
                f"SELECT {_KEPT} FROM {_JOINED} WHERE a.verdict != '' AND a.number > ? "
                "AND (? IS NULL OR c.owner = ?) ORDER BY a.number LIMIT ?",
                after,
                owner,
                owner,
                _PAGE,
            )
            for row in rows:
                yield Rated(_kept(row), self._turns_before(row))
            if len(rows) < _PAGE:
                return
            after = rows[-1][-2]

    def _keep(self, owner: str, answer: Answer, conversation_id: str, *, replaced: str = "") -> Kept:
        dumped = _ANSWER.dump_json(answer).decode()
        size = len(dumped.encode())
        if size > self._limits.answer_bytes:
            raise TooLargeToKeepError(
                f"the answer has {size:,} bytes, more than the {self._limits.answer_bytes:,} that are kept "
                "of one. Ask for fewer passages."
            )
        now = _now()
        with self.database.together():
            if conversation_id:
                self.conversation(owner, conversation_id)
            else:
                conversation_id = self._new(owner, answer.question, now)
            if replaced:
                self.database.do(
                    "UPDATE answers SET replaced = 1 WHERE id = ? AND conversation = ?",
                    replaced,
                    conversation_id,
                )
            kept = Kept(_new_id(), conversation_id, answer.question, answer, now)
            self.database.do(
                "INSERT INTO answers (id, conversation, asked_at, bytes, question, folded, answer) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                kept.id,
                conversation_id,
                now,
                size,
                answer.question,
                "\n".join(map(_folded, (answer.question, *(s.text for s in answer.statements)))),
                dumped,
            )
            self.database.do("UPDATE conversations SET updated_at = ? WHERE id = ?", now, conversation_id)
            self._make_room(owner, conversation_id)
        return kept

    def _new(self, owner: str, question: str, now: str) -> str:
        conversation_id, name = _new_id(), shortened(question)
        self.database.do(
            "INSERT INTO conversations (id, owner, name, folded, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            conversation_id,
            owner,
            name,
            _folded(name),
            now,
            now,
        )
        return conversation_id

    def _rate(self, owner: str, answer_id: str, verdict: str, reason: str, comment: str, at: str) -> Kept:
        with self.database.together():
            changed = self.database.do(
                "UPDATE answers SET verdict = ?, reason = ?, comment = ?, rated_at = ? WHERE id = ? "
                "AND conversation IN (SELECT id FROM conversations WHERE owner = ?)",
                verdict,
                reason,
                comment,
                at,
                answer_id,
                owner,
            )
            if not changed:
                raise NotKeptError(f"no answer of yours has the id {answer_id!r}.")
            return self.answer(answer_id, owner)

    def _turns_before(self, row: Sequence[Any]) -> tuple[Turn, ...]:
        rows = self.database.all(
            f"SELECT {_KEPT} FROM {_JOINED} WHERE a.conversation = ? AND a.number < ? AND NOT a.replaced "
            "ORDER BY a.number",
            row[1],
            row[-2],
        )
        return turns([_kept(each) for each in rows])

    def _make_room(self, owner: str, current: str) -> None:
        """Let the oldest go: answers of this conversation, then others of the owner, then anybody's."""
        limits, database = self._limits, self.database
        database.do(
            "DELETE FROM answers WHERE conversation = ? AND number NOT IN "
            "(SELECT number FROM answers WHERE conversation = ? ORDER BY number DESC LIMIT ?)",
            current,
            current,
            limits.answers,
        )
        oldest = "SELECT id FROM conversations WHERE id != ? AND (? = '' OR owner = ?) ORDER BY updated_at"
        excess = self.count_conversations(owner) - limits.conversations
        for (each,) in database.all(f"{oldest} LIMIT ?", current, owner, owner, max(0, excess)):
            self._delete(each)
        bytes_of = f"SELECT COALESCE(SUM(a.bytes), 0) FROM {_JOINED} WHERE c.owner = ?"
        while database.one(bytes_of, owner) > limits.owner_bytes:
            if (each := database.one(f"{oldest} LIMIT 1", current, owner, owner)) is None:
                break
            self._delete(each)
        while database.size() > limits.total_bytes:
            if (each := database.one(f"{oldest} LIMIT 1", current, "", "")) is None:
                break
            self._delete(each)

    def _delete(self, conversation_id: str) -> None:
        # Replies that wait for a repeated request say the same once more.
        self.database.do("DELETE FROM replies WHERE conversation = ?", conversation_id)
        self.database.do("DELETE FROM conversations WHERE id = ?", conversation_id)


def turns(kept: Sequence[Kept]) -> tuple[Turn, ...]:
    """Kept answers as a conversation that a follow-up can lean on; an abstention says its reason."""
    return tuple(
        turn
        for each in kept
        if each.answer is not None
        for turn in (
            Turn("user", each.question),
            Turn("assistant", " ".join(s.text for s in each.answer.statements) or each.answer.reason),
        )
    )


def shortened(question: str) -> str:
    """A question as a name: its beginning, up to a whole word."""
    line = " ".join(question.split())
    if len(line) <= _NAME_OF_QUESTION:
        return line
    return (line[:_NAME_OF_QUESTION].rsplit(" ", 1)[0] or line)[: _NAME_OF_QUESTION - 1] + "…"


def _matching(owner: str, query: str) -> tuple[str, list[str]]:
    """The condition of a search, and its values."""
    where, values = "c.owner = ?", [owner]
    for word in _folded(query).split()[:_SEARCH_WORDS]:
        where += (
            " AND (instr(c.folded, ?) OR EXISTS (SELECT 1 FROM answers a "
            "WHERE a.conversation = c.id AND NOT a.replaced AND instr(a.folded, ?)))"
        )
        values += [word, word]
    return where, values


def _storable(text: str) -> str:
    """The text without halves of characters, which JSON may hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def _folded(text: str) -> str:
    """Folded, and without the accents that are letters of their own elsewhere."""
    parts = unicodedata.normalize("NFD", fold(_storable(text)))
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")


def _kept(row: Sequence[Any]) -> Kept:
    answer_id, conversation, question, dumped, asked_at, verdict, reason, comment, at, *_ = row
    answer, fault = _read(dumped)
    feedback = Feedback(verdict, reason, comment, at) if verdict else None
    return Kept(answer_id, conversation, question, answer, asked_at, feedback, fault)


def _read(dumped: str) -> tuple[Answer | None, str]:
    """The answer, or why it cannot be read; parts that this version does not know are left out."""
    try:
        return _ANSWER.validate_json(dumped), ""
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        return None, (
            "this answer was kept by another version of Dateline and cannot be shown by this one "
            f"({place}: {first['msg']}). Ask again."
        )


def _new_id() -> str:
    return secrets.token_urlsafe(16)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
