"""Evidence to an answer written by a language model, each statement checked before it is shown."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from index.cldr import language_name
from index.language import detect_language
from rag import prompts
from rag.cite import cite
from rag.errors import ContextTooLongError, ModelError, ModelReplyError
from rag.judge import judge
from rag.llm import LLM, Message
from rag.marks import MARKS, numbers_in, recent, without_marks
from rag.pack import Packed, pack
from rag.trace import stage
from rag.types import CitationMade, Evidence, Statement, StatementMade, Turn
from rag.verify import Cited, Similarity, verify_all, warm_up

# A request that is too long is packed again into half the tokens, this often.
MAX_REPACKS = 3
# Earlier turns may take this share of the tokens on top of the evidence.
HISTORY_SHARE = 0.25
# A model that runs wild is stopped: no answer is this long.
MAX_STATEMENTS = 40
MAX_LINE_CHARS = 4000
# More would make the first of them wait, and cost no less each.
CHECKED_TOGETHER = 8
MAX_REPLY_CHARS = 100_000

_STOP = re.compile(r"[.!?؟۔…]+[\"'»”’)]*")
_ENDS_SENTENCE = re.compile(r"[.!?؟۔…][\"'»”’)]*\s*$")
_BULLET = re.compile(r"^\s*(?:[-*•–]\s+|\d{1,2}[.)]\s+)")


async def generate(
    llm: LLM,
    evidence: Evidence,
    *,
    history: Sequence[Turn],
    context_tokens: int,
    similarity: Similarity | None = None,
    retry_unverified: bool = True,
    keep_unverified: bool = True,
    judged: bool = False,
) -> AsyncGenerator[CitationMade | StatementMade, None]:
    """Statements as they are completed, each after the citations that it is the first to use.

    Nothing is yielded when the model finds no answer, or cites nothing. A statement that fails its
    check is written once more with the reason (`retry_unverified`), then kept and marked, or left
    out. With `judged` the model also judges each statement that passed the rules. Raises
    ModelError; a stream that breaks gives what was complete first.
    """
    # While the model reads, so that the first statement need not wait.
    asyncio.get_running_loop().run_in_executor(None, warm_up)
    for attempt in range(MAX_REPACKS + 1):
        packed = pack(evidence, context_tokens >> attempt)
        writing = _Writing(llm, evidence, packed, similarity, judged=judged)
        # A request that was too long is tried again without the earlier turns.
        past = recent(history, int(context_tokens * HISTORY_SHARE)) if attempt == 0 else []
        try:
            async with aclosing(writing.drafts(past)) as drafts:
                async for draft in drafts:
                    kept = await writing.repaired(draft) if draft.reason and retry_unverified else [draft]
                    for statement in kept:
                        if keep_unverified or not statement.reason:
                            for event in writing.events(statement):
                                yield event
            return
        except ContextTooLongError:
            if writing.started or attempt == MAX_REPACKS:
                raise


def parse(line: str, known: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The statements of one line, each with the numbers it rests on, from 1 to `known`.

    What names no such number is left out: it rests on nothing.
    """
    for piece in _pieces(_BULLET.sub("", line)):
        numbers = [n for marks in MARKS.findall(piece) for n in numbers_in(marks)]
        valid = tuple(dict.fromkeys(n for n in numbers if 1 <= n <= known))
        text = without_marks(piece)
        text = re.sub(r"\s+([.!?؟۔…،,;:])", r"\1", text)
        if valid and any(c.isalnum() for c in text):
            yield text, valid


@dataclass(frozen=True, slots=True)
class _Draft:
    """A statement, the numbers of its sentences, and what its check found wrong."""

    text: str
    numbers: tuple[int, ...]
    reason: str


class _Writing:
    """One request's worth of an answer: what the model was shown, and what was cited so far."""

    def __init__(
        self, llm: LLM, evidence: Evidence, packed: Packed, similarity: Similarity | None, *, judged: bool
    ) -> None:
        self._judged = judged
        self._llm = llm
        self._question = prompts.neutral(evidence.question)
        self._language = evidence.language
        self._language_name = language_name(evidence.language) or prompts.SAME_LANGUAGE
        self._packed = packed
        self._similarity = similarity
        self._indexes: dict[tuple[int, str], int] = {}

    @property
    def started(self) -> bool:
        return bool(self._indexes)

    async def drafts(self, past: Sequence[Turn]) -> AsyncGenerator[_Draft, None]:
        """Checked statements, each as soon as the model has ended its line."""
        request = prompts.QUESTION.format(
            articles=self._packed.text, question=self._question, language=self._language_name
        )
        count = 0
        async with (
            aclosing(self._llm.stream(_messages(past, request))) as reply,
            aclosing(_arrived(_lines(reply))) as arrived,
        ):
            async for lines in arrived:
                ended = next((n for n, line in enumerate(lines) if _is_no_answer(line)), None)
                for draft in await self._checked(lines[:ended]):
                    yield draft
                    count += 1
                    if count == MAX_STATEMENTS:
                        return
                if ended is not None:
                    return

    async def repaired(self, draft: _Draft) -> list[_Draft]:
        """What the model makes of a statement when it is told what is wrong with it."""
        cited = "".join(f"[{n}]" for n in draft.numbers)
        request = prompts.REPAIR.format(
            articles=self._packed.text,
            statement=prompts.neutral(draft.text) + " " + cited,
            reason=prompts.neutral(draft.reason),
            language=self._language_name,
            no_answer=prompts.NO_ANSWER,
        )
        try:
            reply = await self._llm.complete(_messages([], request))
        except ModelError:
            # The statement is there, and marked; the rest of the answer is still on its way.
            return [draft]
        again = [line for line in reply.splitlines() if line.strip()]
        if again and _is_no_answer(again[0]):
            return []
        drafts = await self._checked(again[:1])
        # A second failure is not better than the first.
        return drafts if drafts and not any(found.reason for found in drafts) else [draft]

    def events(self, draft: _Draft) -> Iterator[CitationMade | StatementMade]:
        """The citations that are new, then the statement.

        A sentence keeps its index, unless it now carries another verdict.
        """
        indexes = []
        for number in draft.numbers:
            key = (number, draft.reason)
            if key not in self._indexes:
                self._indexes[key] = len(self._indexes) + 1
                cited = self._packed.sentences[number - 1]
                yield CitationMade(
                    cite(cited.article, cited.sentence, self._indexes[key], reason=draft.reason)
                )
            indexes.append(self._indexes[key])
        # A model may answer in another language than it was told.
        language = detect_language(draft.text, [self._language] if self._language else [])
        yield StatementMade(Statement(draft.text, language, tuple(indexes)))

    async def _checked(self, lines: Sequence[str]) -> list[_Draft]:
        """The statements of these lines, checked together: one call to embed them costs least."""
        known = len(self._packed.sentences)
        drafts, pairs = [], []
        for text, numbers in (found for line in lines for found in parse(line, known)):
            cited = [self._packed.sentences[n - 1] for n in numbers]
            pairs.append(
                Cited(
                    text,
                    self._language,
                    tuple(c.sentence.text for c in cited),
                    published=tuple(c.article.published_at for c in cited),
                    # Whoever published a sentence may be named as the one who reports it.
                    known=tuple(name for c in cited for name in (c.article.source, *c.article.authors)),
                )
            )
            drafts.append((text, numbers))
        with stage("verify"):
            reasons = await asyncio.to_thread(verify_all, pairs, self._similarity)
            if self._judged:
                for number, pair in enumerate(pairs):
                    reasons[number] = reasons[number] or await judge(
                        self._llm, pair.statement, pair.sentences
                    )
        return [_Draft(*draft, reason) for draft, reason in zip(drafts, reasons, strict=True)]


async def _arrived(lines: AsyncIterator[str]) -> AsyncGenerator[list[str], None]:
    """Lines as they come; those that came while the last ones were worked on come together."""
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async for line in lines:
                queue.put_nowait(line)
        finally:
            queue.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while True:
            waiting = [await queue.get()]
            while not queue.empty() and len(waiting) < CHECKED_TOGETHER:
                waiting.append(queue.get_nowait())
            if found := [line for line in waiting if line is not None]:
                yield found
            if waiting[-1] is None:
                # Raises what ended the reply early, after what was complete before it.
                await reading
                return
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _lines(reply: AsyncIterator[str]) -> AsyncIterator[str]:
    """Complete lines of a reply; the last one only when the reply has come to its proper end."""
    buffer, read, thinking = "", 0, False
    async for text in reply:
        buffer += text
        read += len(text)
        *lines, buffer = buffer.split("\n")
        for line in lines:
            thinking, line = _thoughts(thinking, line)
            if line.strip():
                yield line
        if len(buffer) > MAX_LINE_CHARS or read > MAX_REPLY_CHARS:
            if (not thinking and "<think>" not in buffer) or read > MAX_REPLY_CHARS:
                raise ModelReplyError("the model's reply does not come to an end: try another model.")
            buffer = buffer[-MAX_LINE_CHARS:]
    thinking, line = _thoughts(thinking, buffer)
    if line.strip():
        yield line


def _is_no_answer(line: str) -> bool:
    return line.strip(" .*`\"'") == prompts.NO_ANSWER


def _thoughts(thinking: bool, line: str) -> tuple[bool, str]:
    """Some models think aloud between <think> and </think>: that is no part of the answer."""
    if "</think>" in line:
        thinking, line = False, line.rpartition("</think>")[2]
    if "<think>" in line:
        thinking, line = True, line.partition("<think>")[0]
        return thinking, line
    return thinking, "" if thinking else line


def _pieces(line: str) -> Iterator[str]:
    """A line cut after every citation that stands at the end of a sentence."""
    start = 0
    for cites in MARKS.finditer(line):
        stop = _STOP.match(line, cites.end())
        if stop or _ENDS_SENTENCE.search(line, start, cites.start()):
            end = stop.end() if stop else cites.end()
            yield line[start:end]
            start = end
    if start < len(line):
        yield line[start:]


def _messages(past: Sequence[Turn], request: str) -> list[Message]:
    system: Message = {"role": "system", "content": prompts.SYSTEM}
    said: list[Message] = [{"role": turn.role, "content": turn.content} for turn in past]
    return [system, *said, {"role": "user", "content": request}]
