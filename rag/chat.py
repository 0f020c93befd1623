"""The Assistant: the one door behind chat, REST, command line and evals."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from index.archive import Archive
from index.catalogue import moment
from index.embed import CrossEncoder
from index.types import Filters
from rag.config import Settings
from rag.errors import QuestionError
from rag.extract import extract, nearest
from rag.generate import generate
from rag.llm import LLM
from rag.rerank import rerank
from rag.retrieve import retrieve
from rag.rewrite import standalone_question
from rag.similarity import similarity_of
from rag.types import (
    AbstentionReason,
    Answer,
    AnswerDone,
    Citation,
    CitationMade,
    Event,
    Evidence,
    EvidenceFound,
    Statement,
    StatementMade,
    Status,
    Turn,
)

MAX_HISTORY = 50
ANSWERABLE_ALONE = 0.6
NO_FILTERS = Filters()


class Assistant:
    """Asks one archive; answers are written by a language model when the settings name one."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self.settings = settings
        self.archive = archive
        self._reranker = CrossEncoder(settings.reranker, settings.batch_size) if settings.reranker else None
        self._llm = (
            LLM(
                model=settings.llm_model,
                base_url=settings.llm_base_url,
                api_key=settings.llm_api_key.get_secret_value(),
                timeout=settings.llm_timeout,
                retries=settings.llm_retries,
            )
            if settings.has_llm
            else None
        )

    @classmethod
    def open(cls, settings: Settings, *, create: bool = False) -> "Assistant":
        """Open the archive that the settings name. Raises ArchiveError."""
        return cls(settings, Archive.open(settings.index(), create=create))

    async def search(
        self, query: str, *, top_k: int | None = None, filters: Filters = NO_FILTERS
    ) -> Evidence:
        """Ranked evidence without an answer. Raises QuestionError."""
        query, top_k = self._checked(query, top_k, filters)
        return await asyncio.to_thread(self._retrieve, query, top_k, filters)

    async def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = NO_FILTERS,
        top_k: int | None = None,
    ) -> Answer:
        """The whole answer at once. Raises what `stream` raises."""
        answer: Answer | None = None
        stream = self.stream(question, history=history, filters=filters, top_k=top_k)
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, AnswerDone):
                    answer = event.answer
        assert answer is not None
        return answer

    async def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = NO_FILTERS,
        top_k: int | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Evidence, then citations and statements as they are made, then the answer.

        Raises QuestionError, ArchiveUnavailableError and, from the language model, ModelError:
        a failure is never an abstention.
        """
        started = time.perf_counter()
        question, top_k = self._checked(question, top_k, filters)
        standalone, evidence = await asyncio.to_thread(
            self._evidence, question, history[-MAX_HISTORY:], top_k, filters
        )
        timings = {"retrieve": _milliseconds(started)}
        yield EvidenceFound(evidence)

        statements: list[Statement] = []
        citations: list[Citation] = []
        reason = self._reason_to_abstain(evidence)
        if not reason:
            # Closed at once when the reader leaves, so that the model stops writing too.
            async with aclosing(self._answer(evidence, history[-MAX_HISTORY:])) as events:
                async for event in events:
                    timings.setdefault("first_statement", _milliseconds(started))
                    if isinstance(event, CitationMade):
                        citations.append(event.citation)
                    else:
                        statements.append(event.statement)
                    yield event
            if not statements:
                reason = "the model found no answer in the evidence"
        timings["total"] = _milliseconds(started)
        yield AnswerDone(
            Answer(
                question=question,
                language=evidence.language,
                status=_status(reason, citations),
                statements=tuple(statements),
                citations=tuple(citations),
                coverage=evidence.coverage,
                answerability=evidence.answerability,
                abstained=bool(reason),
                reason=reason,
                standalone_question="" if standalone == question else standalone,
                model=self.settings.llm_model if self._llm else "",
                nearest=nearest(evidence) if reason else (),
                timings=timings,
            )
        )

    def _evidence(
        self, question: str, history: Sequence[Turn], top_k: int, filters: Filters
    ) -> tuple[str, Evidence]:
        """What was searched for, and what was found: with the earlier question if it takes that."""
        evidence = self._retrieve(question, top_k, filters)
        standalone = standalone_question(question, history)[-self.settings.max_question_chars :]
        # A short question that the archive answers as it stands is a new subject, not a follow-up.
        if standalone == question or evidence.answerability >= ANSWERABLE_ALONE:
            return question, evidence
        return standalone, self._retrieve(standalone, top_k, filters, evidence.language)

    def _retrieve(self, question: str, top_k: int, filters: Filters, language: str = "") -> Evidence:
        candidates = self.settings.rerank_candidates if self._reranker else 0
        evidence = retrieve(
            self.archive, question, top_k=max(top_k, candidates), filters=filters, language=language
        )
        if self._reranker is None:
            return evidence
        reordered = rerank(evidence, self._reranker, candidates)
        return replace(reordered, passages=reordered.passages[:top_k])

    async def models(self) -> list[str]:
        """Names of the models that the configured server offers; empty without one."""
        return await self._llm.models() if self._llm else []

    def close(self) -> None:
        self.archive.close()

    async def _answer(
        self, evidence: Evidence, history: Sequence[Turn]
    ) -> AsyncGenerator[CitationMade | StatementMade, None]:
        if self._llm is None:
            for event in extract(evidence):
                yield event
            return
        stream = generate(
            self._llm,
            evidence,
            history=history,
            context_tokens=self.settings.llm_context_tokens,
            similarity=similarity_of(self.archive.embedder),
        )
        async with aclosing(stream) as events:
            async for generated in events:
                yield generated

    def _reason_to_abstain(self, evidence: Evidence) -> AbstentionReason:
        if not evidence.hits:
            return "no article passes the filters" if evidence.coverage.filters else "the archive is empty"
        if evidence.answerability < self.settings.min_answerability:
            return "the evidence is too weak"
        return ""

    def _checked(self, question: str, top_k: int | None, filters: Filters) -> tuple[str, int]:
        question = question.strip()
        longest = self.settings.max_question_chars
        if not question:
            raise QuestionError("the question is empty: type one.")
        if any("\ud800" <= character <= "\udfff" for character in question):
            raise QuestionError("the question contains half of a surrogate pair: type it again.")
        if len(question) > longest:
            raise QuestionError(
                f"the question has {len(question):,} characters, more than {longest:,}: shorten it, "
                "or raise the setting `max_question_chars`."
            )
        if top_k is not None and not 1 <= top_k <= 1000:
            raise QuestionError(f"top_k is {top_k}: it must lie between 1 and 1000.")
        check_filters(filters)
        return question, top_k or self.settings.top_k


def check_filters(filters: Filters) -> None:
    """Raises QuestionError for filters that cannot be meant."""
    bounds = {}
    for name in ("published_from", "published_to"):
        value = getattr(filters, name)
        try:
            bounds[name] = moment(value, end=name == "published_to") if value else None
        except ValueError:
            raise QuestionError(f"{name} is {value!r}: give an ISO 8601 date such as 2024-03-22.") from None
    start, end = bounds["published_from"], bounds["published_to"]
    if start is not None and end is not None and start > end:
        raise QuestionError(
            f"published_from {filters.published_from!r} is after published_to "
            f"{filters.published_to!r}: no article can pass. Swap them."
        )


def _status(reason: AbstentionReason, citations: Sequence[Citation]) -> Status:
    if reason:
        return "abstained"
    return "grounded" if all(citation.verified for citation in citations) else "partly verified"


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
