"""The Assistant: the one door behind chat, REST, command line and evals."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from index.analyse import content_words
from index.archive import Archive
from index.catalogue import moment
from index.embed import CrossEncoder
from index.language import detect_language
from index.types import Filters
from rag.claims import Claim, claims_by_model, claims_by_rule
from rag.config import Settings
from rag.disagree import disagreements
from rag.errors import QuestionError
from rag.extract import extract, nearest
from rag.generate import generate
from rag.history import History
from rag.llm import LLM
from rag.outcomes import told
from rag.rerank import rerank
from rag.retrieve import retrieve
from rag.rewrite import leans, rewritten, standalone_question
from rag.similarity import similarity_of
from rag.timeline import Entry, timeline
from rag.trace import in_steps, stage
from rag.translate import translated
from rag.types import (
    AbstentionReason,
    Answer,
    AnswerDone,
    Citation,
    CitationMade,
    Event,
    Evidence,
    EvidenceFound,
    Period,
    Statement,
    StatementMade,
    Status,
    Turn,
)
from rag.when import anchor_of, day_of_event, period_of

MAX_HISTORY = 50
ANSWERABLE_ALONE = 0.6
UNKNOWN_WORDS = 2
# Sentences that may tell on which day an event was that the question names.
ANCHOR_SENTENCES = 60
ANCHOR_MARGIN = 0.3
NO_FILTERS = Filters()


class Assistant:
    """Asks one archive; answers are written by a language model when the settings name one."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self.settings = settings
        self.archive = archive
        self._reranker = CrossEncoder(settings.reranker, settings.batch_size) if settings.reranker else None
        self._llm = LLM.of(settings) if settings.has_llm else None
        self._history: History | None = None
        self._opening = threading.Lock()

    @property
    def history(self) -> History:
        """The conversations kept beside the archive, opened when first used. Raises HistoryError."""
        with self._opening:
            if self._history is None:
                self._history = History(self.settings.archive)
            return self._history

    @classmethod
    def open(cls, settings: Settings, *, create: bool = False) -> "Assistant":
        """Open the archive that the settings name. Raises ArchiveError."""
        return cls(settings, Archive.open(settings.index(), create=create))

    async def search(
        self,
        query: str,
        *,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        infer_time: bool = False,
    ) -> Evidence:
        """Ranked evidence without an answer. Raises QuestionError."""
        query, top_k = self._checked(query, top_k, filters)
        return await asyncio.to_thread(self._retrieve, query, top_k, filters, infer_time)

    async def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = NO_FILTERS,
        top_k: int | None = None,
        infer_time: bool = True,
        translate: bool = False,
        answer_language: str = "",
    ) -> Answer:
        """The whole answer at once. Raises what `stream` raises."""
        answer: Answer | None = None
        stream = self.stream(
            question,
            history=history,
            filters=filters,
            top_k=top_k,
            infer_time=infer_time,
            translate=translate,
            answer_language=answer_language,
        )
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, AnswerDone):
                    answer = event.answer
        assert answer is not None
        return answer

    @told
    async def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = NO_FILTERS,
        top_k: int | None = None,
        infer_time: bool = True,
        translate: bool = False,
        answer_language: str = "",
    ) -> AsyncGenerator[Event, None]:
        """Evidence, then citations and statements as they are made, then the answer.

        With `infer_time` the time that the question names narrows the search. With `translate` the
        language model puts a translation beside each citation in another language than the
        answer's; without a model that is a QuestionError. `answer_language` is an ISO 639 code;
        empty answers in the question's language.

        Raises QuestionError, ArchiveUnavailableError and, from the language model, ModelError:
        a failure is never an abstention.
        """
        started = time.perf_counter()
        question, top_k = self._checked(question, top_k, filters)
        if translate and self._llm is None:
            raise QuestionError(
                "a translation needs a language model, and none is set: set DATELINE_LLM_MODEL and "
                "DATELINE_LLM_BASE_URL, or ask without it."
            )
        if answer_language and not re.fullmatch("[a-z]{2,3}", answer_language):
            raise QuestionError(
                f"the answer's language is {answer_language[:20]!r}: give an ISO 639 code such as en or ar."
            )
        llm = self._llm.counting() if self._llm else None
        standalone, evidence = await self._evidence(
            llm, question, history[-MAX_HISTORY:], top_k, filters, infer_time
        )
        evidence = replace(evidence, language=answer_language or evidence.language)
        timings = {"retrieve": _milliseconds(started)}
        yield EvidenceFound(evidence)

        statements: list[Statement] = []
        citations: list[Citation] = []
        reason = self._reason_to_abstain(evidence)
        if not reason:
            # Closed at once when the reader leaves, so that the model stops writing too.
            async with aclosing(self._answer(llm, evidence, history[-MAX_HISTORY:])) as events:
                async for event in events:
                    timings.setdefault("first_statement", _milliseconds(started))
                    if isinstance(event, CitationMade):
                        citations.append(event.citation)
                    else:
                        statements.append(event.statement)
                    yield event
            if not statements:
                reason = "the model found no answer in the evidence"
        if translate and llm is not None:
            citations = list(await translated(llm, citations, evidence.language))
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
                period=evidence.period,
                disagreements=disagreements(citations, evidence.hits),
                timings=timings,
                tokens=llm.tokens if llm else None,
            )
        )

    async def claims(
        self,
        question: str,
        *,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        infer_time: bool = False,
    ) -> tuple[Evidence, tuple[Claim, ...]]:
        """Who said what to whom, about the question; none where the archive does not know.

        By the language model when there is one, else by rule and then partial. Raises what `stream`
        raises.
        """
        evidence = await self.search(question, top_k=top_k, filters=filters, infer_time=infer_time)
        if self._reason_to_abstain(evidence):
            return evidence, ()
        if self._llm is None:
            return evidence, await asyncio.to_thread(claims_by_rule, evidence)
        return evidence, await claims_by_model(self._llm, evidence, self.settings.llm_context_tokens)

    async def timeline(
        self,
        question: str,
        *,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        infer_time: bool = False,
    ) -> tuple[Evidence, tuple[Entry, ...]]:
        """Dated sentences about the question, in order; none where the archive does not know.

        Raises QuestionError and ArchiveUnavailableError.
        """
        evidence = await self.search(question, top_k=top_k, filters=filters, infer_time=infer_time)
        if self._reason_to_abstain(evidence):
            return evidence, ()
        return evidence, await asyncio.to_thread(timeline, evidence)

    async def _evidence(
        self,
        llm: LLM | None,
        question: str,
        history: Sequence[Turn],
        top_k: int,
        filters: Filters,
        infer_time: bool,
    ) -> tuple[str, Evidence]:
        """What was searched for, and what was found: a follow-up is made to stand alone first."""
        if not any(turn.role == "user" for turn in history) or not leans(question):
            return question, await asyncio.to_thread(self._retrieve, question, top_k, filters, infer_time)
        alone = await asyncio.to_thread(self._retrieve, question, top_k, filters, infer_time)
        if llm is not None:
            longest = self.settings.max_question_chars
            standalone = await rewritten(llm, question, history, longest)
        elif _is_new_subject(alone):
            standalone = question
        else:
            standalone = standalone_question(question, history)[: self.settings.max_question_chars]
        if standalone == question:
            return question, alone
        return standalone, await asyncio.to_thread(
            self._retrieve, standalone, top_k, filters, infer_time, alone.language
        )

    def _retrieve(
        self, question: str, top_k: int, filters: Filters, infer_time: bool = False, language: str = ""
    ) -> Evidence:
        period = self._period(question) if infer_time else None
        if period and period.about == "publication":
            if filters.published_from or filters.published_to:
                period = None
            else:
                filters = replace(filters, published_from=period.start, published_to=period.end)
        candidates = self.settings.rerank_candidates if self._reranker else 0
        evidence = retrieve(
            self.archive,
            question,
            top_k=max(top_k, candidates),
            filters=filters,
            language=language,
            period=period,
        )
        if self._reranker is None:
            return evidence
        with stage("rerank"):
            reordered = rerank(evidence, self._reranker, candidates)
        return replace(reordered, passages=reordered.passages[:top_k])

    def _period(self, question: str) -> Period | None:
        """The time that the question names, or the time before or after an event that it names."""
        if period := period_of(question, date.today()):
            return period
        anchored = anchor_of(question)
        if anchored is None:
            return None
        event, side = anchored
        language = detect_language(question, self.archive.languages)
        hits = self.archive.search(self.archive.embed_question(event, language), k=ANCHOR_SENTENCES)
        best = max((hit.score for hit in hits), default=0.0)
        near = [hit for hit in hits if hit.score >= best - ANCHOR_MARGIN]
        day = day_of_event([(h.sentence.text, h.article.id, h.article.published_at) for h in near])
        if day is None:
            return None
        if side == "before":
            return Period("", day.isoformat(), "events", anchor=event)
        return Period(day.isoformat(), "", "events", anchor=event)

    def close(self) -> None:
        if self._history is not None:
            self._history.close()
        self.archive.close()

    async def _answer(
        self, llm: LLM | None, evidence: Evidence, history: Sequence[Turn]
    ) -> AsyncGenerator[CitationMade | StatementMade, None]:
        if llm is None:
            for event in extract(evidence):
                yield event
            return
        stream = generate(
            llm,
            evidence,
            history=history,
            context_tokens=self.settings.llm_context_tokens,
            similarity=similarity_of(self.archive.embedder),
            retry_unverified=self.settings.llm_retry_unverified,
            keep_unverified=self.settings.llm_unverified == "mark",
            judged=self.settings.llm_judge,
        )
        async with aclosing(in_steps("generate", stream)) as events:
            async for generated in events:
                yield generated

    def _reason_to_abstain(self, evidence: Evidence) -> AbstentionReason:
        if not evidence.hits:
            narrowed = evidence.coverage.filters or evidence.period
            return "no article passes the filters" if narrowed else "the archive is empty"
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


def _is_new_subject(alone: Evidence) -> bool:
    """Whether a question that could be a follow-up is none.

    The archive answers it as it stands; or it asks, in several words, for what no article mentions.
    """
    if alone.answerability >= ANSWERABLE_ALONE:
        return True
    _, _, shared, comparable = alone.features or (0.0, 0.0, 0.0, 0.0)
    words = content_words(alone.question, alone.language)
    return bool(comparable) and not shared and len(words) >= UNKNOWN_WORDS


def _status(reason: AbstentionReason, citations: Sequence[Citation]) -> Status:
    if reason:
        return "abstained"
    return "grounded" if all(citation.verified for citation in citations) else "partly verified"


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
