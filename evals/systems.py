"""Who is judged: an Assistant in this process, a Dateline server, or any OpenAI-compatible URL.

Each is asked through the interface that its users have.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse
from pydantic import TypeAdapter, ValidationError

from evals.errors import JudgedSystemError
from evals.types import Case, Reply, Span
from index.errors import ArticleNotFoundError
from index.language import detect_language
from index.types import Article
from rag.chat import Assistant
from rag.llm import LLM
from rag.marks import MARKS, numbers_in, without_marks
from rag.types import Answer, AnswerDone, Citation, Evidence, EvidenceFound, Statement

# Deep enough for recall@10, nDCG@10 and to see how far down the first right one was.
DEPTH = 30
# Characters kept on each side of a citation, for a reader of the report.
AROUND = 160
NOT_KNOWN = "NOT KNOWN"
INSTRUCTION = (
    f"Answer in the language of the question, briefly. If you do not know, write only: {NOT_KNOWN}"
)
ArticleOf = Callable[[str], Article]
_ARTICLE = TypeAdapter(Article)
_ANSWER = TypeAdapter(Answer)
_CITATIONS = TypeAdapter(list[Citation])


class System(Protocol):
    """What can be asked. `name` is for people, `identity` is whatever can change its replies."""

    name: str

    def identity(self) -> Mapping[str, str]: ...

    async def ask(self, case: Case) -> Reply:
        """Raises UserFixableError when it fails: a failure is not an abstention."""
        ...

    def article(self, article_id: str) -> Article:
        """Raises ArticleNotFoundError, also when it has no articles to show."""
        ...

    async def close(self) -> None: ...


class LocalSystem:
    """The Assistant of this process. With `search_only` no answer is asked for."""

    def __init__(self, assistant: Assistant, *, search_only: bool = False) -> None:
        self._assistant = assistant
        self._search_only = search_only
        settings = assistant.settings
        written = f"answers by {settings.llm_model}" if settings.has_llm else "extractive answers"
        self.name = f"{assistant.archive.embedder.name}, {'search only' if search_only else written}"

    def identity(self) -> dict[str, str]:
        """Settings, and a hash of the archive's content."""
        archive = self._assistant.archive
        settings = self._assistant.settings
        # Addresses may hold passwords, and those of folders say nothing of what is in them.
        hidden = {"archive", "chroma_url", "host", "port", "log_level", "llm_api_key", "llm_base_url"}
        values = settings.model_dump(mode="json", exclude=hidden)
        given = {name: str(value) for name, value in values.items() if value not in ("", None)}
        if settings.has_llm:
            given["language model"] = LLM.of(settings).identity
        return given | {
            "system": "search" if self._search_only else "assistant",
            "archive": archive.fingerprint(),
        }

    async def ask(self, case: Case) -> Reply:
        started = time.perf_counter()
        if self._search_only:
            evidence = await self._assistant.search(case.question, top_k=DEPTH)
            return _reply_of(evidence, None, 1000 * (time.perf_counter() - started), self.article)
        found: Evidence | None = None
        answer: Answer | None = None
        stream = self._assistant.stream(case.question, history=case.history)
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, EvidenceFound):
                    found = event.evidence
                elif isinstance(event, AnswerDone):
                    answer = event.answer
        assert found is not None and answer is not None
        milliseconds = 1000 * (time.perf_counter() - started)
        return _reply_of(found, answer, milliseconds, self.article)

    def article(self, article_id: str) -> Article:
        return self._assistant.archive.article(article_id)

    async def close(self) -> None:
        """The Assistant is its owner's to close."""


class ServerSystem:
    """A running Dateline server, by REST."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url.rstrip("/")
        self.name = f"the server {self._url}"
        self._http = httpx.AsyncClient(timeout=timeout)
        self._articles: dict[str, Article] = {}

    def identity(self) -> dict[str, str]:
        return {"system": self._url}

    async def ask(self, case: Case) -> Reply:
        history = [{"role": turn.role, "content": turn.content} for turn in case.history]
        body = {"question": case.question, "history": history, "stream": True}
        started = time.perf_counter()
        found: dict[str, Any] = {}
        answer: Answer | None = None
        try:
            async with aconnect_sse(self._http, "POST", f"{self._url}/v1/ask", json=body) as source:
                if source.response.status_code != 200:
                    await source.response.aread()
                    raise self._refused(source.response)
                async for event in source.aiter_sse():
                    if event.event == "error":
                        raise JudgedSystemError(f"{self._url} failed: {_detail(event)}")
                    if event.event == "evidence":
                        found = event.json()
                    elif event.event == "answer":
                        answer = _ANSWER.validate_json(event.data)
        except (httpx.HTTPError, SSEError, ValidationError, ValueError) as error:
            raise JudgedSystemError(
                f"{self._url} does not answer as a Dateline server does ({_one_line(error)}): "
                "check the address; one that ends in /v1 is asked as OpenAI-compatible."
            ) from error
        if answer is None:
            raise JudgedSystemError(f"{self._url} ended its reply before the answer: ask again.")
        milliseconds = 1000 * (time.perf_counter() - started)
        for name in dict.fromkeys(citation.article_id for citation in answer.citations):
            await self._fetch(name)
        passages = found.get("passages", [])
        sentences = [
            (sentence["score"], Span(p["article"]["id"], sentence["start_char"], sentence["end_char"]))
            for p in passages
            for sentence in p["sentences"]
        ]
        sentences.sort(key=lambda pair: -pair[0])
        return _reply(
            answer,
            tuple(dict.fromkeys(a["id"] for p in passages for a in (p["article"], *p["also_in"]))),
            tuple(span for _, span in sentences),
            milliseconds,
            self.article,
        )

    def article(self, article_id: str) -> Article:
        if article_id not in self._articles:
            # Before the first question, when gold is looked up.
            try:
                reply = httpx.get(self._address(article_id), timeout=self._http.timeout)
            except httpx.HTTPError as error:
                raise JudgedSystemError(f"nothing answers at {self._url}: start the server.") from error
            self._keep(article_id, reply)
        return self._articles[article_id]

    async def close(self) -> None:
        await self._http.aclose()

    async def _fetch(self, article_id: str) -> None:
        if article_id not in self._articles:
            self._keep(article_id, await self._http.get(self._address(article_id)))

    def _keep(self, article_id: str, reply: httpx.Response) -> None:
        if reply.status_code == 404:
            raise ArticleNotFoundError(f"{self._url} does not hold the article {article_id!r}.")
        if reply.status_code != 200:
            raise self._refused(reply)
        self._articles[article_id] = _ARTICLE.validate_python(
            {name: value for name, value in reply.json().items() if name in Article.__slots__}
        )

    def _address(self, article_id: str) -> str:
        return f"{self._url}/v1/articles/{quote(article_id, safe='')}"

    def _refused(self, reply: httpx.Response) -> JudgedSystemError:
        return JudgedSystemError(f"{self._url} answered {reply.status_code}: {reply.text[:200]}")


class OpenAISystem:
    """Any OpenAI-compatible URL. `citations` beside a reply, as Dateline sends them, are judged too.

    It is told to write a mark when it does not know, which counts as an abstention.
    """

    def __init__(self, llm: LLM, url: str) -> None:
        self._llm = llm
        self._url = url
        self.name = f"{llm.model} at {url}"

    def identity(self) -> dict[str, str]:
        return {"system": self._url, "model": self._llm.model}

    async def ask(self, case: Case) -> Reply:
        llm = self._llm.counting()
        started = time.perf_counter()
        said = [{"role": turn.role, "content": turn.content} for turn in case.history]
        text, extras = await llm.complete_with_extras(
            [
                {"role": "system", "content": INSTRUCTION},
                *said,  # type: ignore[list-item]
                {"role": "user", "content": case.question},
            ]
        )
        milliseconds = 1000 * (time.perf_counter() - started)
        try:
            citations = tuple(_CITATIONS.validate_python(extras.get("citations") or []))
        except ValidationError:
            citations = ()
        abstained = extras.get("abstained") is True or NOT_KNOWN in text.upper()
        return Reply(
            statements=() if abstained else _statements(text, case.language, citations),
            citations=() if abstained else citations,
            abstained=abstained,
            milliseconds=milliseconds,
            tokens=llm.tokens,
        )

    def article(self, article_id: str) -> Article:
        raise ArticleNotFoundError(f"{self.name} shows no articles: {article_id!r}.")

    async def close(self) -> None:
        await self._llm.close()


def _reply_of(
    evidence: Evidence, answer: Answer | None, milliseconds: float, article_of: ArticleOf
) -> Reply:
    articles = tuple(
        dict.fromkeys(a.id for passage in evidence.passages for a in (passage.article, *passage.copies))
    )
    sentences = tuple(
        Span(hit.article.id, hit.sentence.start_char, hit.sentence.end_char) for hit in evidence.hits
    )
    if answer is None:
        return Reply(
            articles=articles,
            sentences=sentences,
            answered=False,
            answerability=evidence.answerability,
            milliseconds=milliseconds,
        )
    return _reply(answer, articles, sentences, milliseconds, article_of)


def _reply(
    answer: Answer,
    articles: tuple[str, ...],
    sentences: tuple[Span, ...],
    milliseconds: float,
    article_of: ArticleOf,
) -> Reply:
    texts = [article_of(citation.article_id).text for citation in answer.citations]
    cited = list(zip(answer.citations, texts, strict=True))
    return Reply(
        statements=answer.statements,
        citations=answer.citations,
        exact=tuple(text[c.start_char : c.end_char] == c.cited_text for c, text in cited),
        around=tuple(
            (text[max(0, c.start_char - AROUND) : c.start_char], text[c.end_char : c.end_char + AROUND])
            for c, text in cited
        ),
        articles=articles,
        sentences=sentences,
        abstained=answer.abstained,
        reason=answer.reason,
        answerability=answer.answerability,
        milliseconds=milliseconds,
        first_statement=answer.timings.get("first_statement"),
        tokens=answer.tokens,
    )


def _statements(text: str, language: str, citations: tuple[Citation, ...]) -> tuple[Statement, ...]:
    """A text cut behind its marks; one without marks is one statement."""
    known = {citation.index for citation in citations}
    statements, start = [], 0
    ends = [(m.start(), m.end(), m[0]) for m in MARKS.finditer(text)] if known else []
    for begin, end, mark in [*ends, (len(text), len(text), "")]:
        said = without_marks(text[start:begin]).strip(" .\n")
        if said:
            numbers = tuple(n for n in dict.fromkeys(numbers_in(mark)) if n in known)
            statements.append(Statement(said, detect_language(said, [language]), numbers))
        start = end
    return tuple(statements)


def _detail(event: ServerSentEvent) -> str:
    try:
        return str(event.json().get("detail", event.data))[:200]
    except (ValueError, AttributeError):
        return event.data[:200]


def _one_line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:150]
