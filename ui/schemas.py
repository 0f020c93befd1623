"""What goes over the wire: the REST API's requests and replies."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from index.archive import Archive
from index.types import Article, Coverage, Filters, Interval, Sentence
from rag.claims import Claim
from rag.history import (
    LONGEST_COMMENT,
    LONGEST_NAME,
    Conversation,
    Feedback,
    Kept,
    Rated,
    Reason,
    Verdict,
)
from rag.timeline import Entry
from rag.types import Answer, Evidence, RankedPassage, Role, Turn
from ui.jobs import MOST_FAILURES, MOST_INPUTS, MOST_NAMES, Job, State

MAX_TOP_K = 100
MAX_ARTICLES = 1000
# A store takes some ten thousand values in one search; nobody names a thousand outlets.
MAX_FILTER_VALUES = 1000


def _encodable(text: str) -> str:
    """JSON can escape half of a surrogate pair; no text has one."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("contains half of a surrogate pair")
    return text


# How ids of conversations and answers look.
KEPT_ID = "[A-Za-z0-9_-]{22}"


def sendable(text: str) -> str:
    """The text with what no encoding has replaced: a file's name may be any bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


Text = Annotated[str, AfterValidator(_encodable)]
_DATE = "ISO 8601 date or date-time; empty: no bound."
FilterValues = Annotated[tuple[Text, ...], Field(max_length=MAX_FILTER_VALUES)]


def whole_number(value: object) -> object:
    """JSON has one kind of number: 3.0 is the integer 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


TopK = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=MAX_TOP_K), BeforeValidator(whole_number)] | None,
    Field(description="Passages; missing: as in the settings."),
]
# Something must be asked; how long it may be is a setting (`ui/openapi.py` adds it).
Question = Annotated[Text, WithJsonSchema({"type": "string", "pattern": r"\S"})]
Day = Annotated[
    Text,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": 0},
                {"type": "string", "format": "date"},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]


class Request(BaseModel):
    """A request body: unknown keys are refused, so that a typo never passes silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestFilters(Request):
    """What a search is narrowed to; both dates are inclusive."""

    published_from: Day = Field(default="", description=_DATE, examples=["2024-03-01"])
    published_to: Day = Field(default="", description=_DATE, examples=["2024-04-30"])
    sources: FilterValues = Field(default=(), description="Names of outlets.")
    languages: FilterValues = Field(default=(), description="ISO 639-1 codes.", examples=[["ar", "fa"]])
    articles: FilterValues = Field(default=(), description="Ids of articles.")

    def filters(self) -> Filters:
        """As the index knows them."""
        return Filters(**dict(self))


class RequestTurn(Request):
    """An earlier message of the conversation."""

    role: Role
    content: Text = Field(max_length=100_000)


def _together(schema: dict[str, Any]) -> None:
    """Which parts of a question do not go together (`ui/conversations.py` refuses them)."""
    goes_on: dict[str, Any] = {
        "required": ["conversation"],
        "properties": {"conversation": {"pattern": f"^{KEPT_ID}$"}},
    }
    replaces = {"required": ["replace_last"], "properties": {"replace_last": {"const": True}}}
    schema["allOf"] = [
        {"if": replaces, "then": goes_on},
        {"if": goes_on, "then": {"properties": {"history": {"maxItems": 0}}}},
    ]


class Ask(Request):
    """A question."""

    model_config = ConfigDict(json_schema_extra=_together)

    question: Question = Field(examples=["Who warned whom before the Crocus attack?"])
    history: tuple[RequestTurn, ...] = Field(default=(), max_length=1000)
    filters: RequestFilters = RequestFilters()
    top_k: TopK = None
    stream: bool = Field(default=False, strict=True, description="Answer in server-sent events.")
    infer_time: bool = Field(
        default=True, strict=True, description="Let a time that the question names narrow the search."
    )
    translate: bool = Field(
        default=False,
        strict=True,
        description="Put a translation by the language model beside citations in other languages.",
    )
    answer_language: Text = Field(
        default="",
        pattern="^([a-z]{2,3})?$",
        description="ISO 639 code; empty: the question's language.",
        examples=["ar"],
    )
    conversation: str = Field(
        default="",
        pattern=f"^(new|{KEPT_ID})?$",
        description="Keep the answer: `new`, or the id of the conversation that it goes on with, whose "
        "answers are then the history. Empty: keep nothing.",
    )
    replace_last: bool = Field(
        default=False,
        strict=True,
        description="Put the answer in the place of the conversation's last one: a retry, or a question "
        "that was edited.",
    )

    def turns(self) -> tuple[Turn, ...]:
        """The history as the assistant knows it."""
        return tuple(Turn(turn.role, turn.content) for turn in self.history)


class About(Request):
    """A question whose claims or timeline is wanted."""

    question: Question = Field(examples=["Who warned whom before the Crocus attack?"])
    filters: RequestFilters = RequestFilters()
    top_k: TopK = None


class Search(Request):
    """A search without an answer."""

    query: Question = Field(examples=["إنذار قبل الهجوم"])
    top_k: TopK = None
    filters: RequestFilters = RequestFilters()


class PageQuery(Request):
    """Which page of a list."""

    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=50, ge=1, le=500)


class Page(BaseModel):
    """What stands above a page of a list; `total` counts all that is in the list."""

    total: int
    offset: int
    limit: int


class ArticleFilters(Request):
    """Which articles; an empty value narrows nothing."""

    # So many, and so long, that they fit into the longest address that servers take.
    source: list[Annotated[str, Field(max_length=150)]] = Field(
        default=[], max_length=20, description="May be repeated."
    )
    language: list[Annotated[str, Field(max_length=16)]] = Field(
        default=[], max_length=20, description="May be repeated."
    )
    published_from: Day = Field(default="", max_length=40, description=_DATE)
    published_to: Day = Field(default="", max_length=40, description=_DATE)

    def filters(self) -> Filters:
        """As the index knows them."""
        return Filters(
            published_from=self.published_from,
            published_to=self.published_to,
            sources=tuple(filter(None, self.source)),
            languages=tuple(filter(None, self.language)),
        )


class ArticleQuery(ArticleFilters, PageQuery):
    """Which page of which articles."""

    query: str = Field(
        default="",
        max_length=1000,
        description="Words that the title and a passage, or the outlet's name, have all of; or an id.",
    )


class StatisticsQuery(ArticleFilters):
    """What is counted, and by how long a time."""

    interval: Interval = "day"


# As `index/sources.py` takes them.
_WEB_ADDRESS = {"type": "string", "pattern": r"^https?://[^\s/]+(/\S*)?$", "maxLength": 2000}


class Urls(Request):
    """Pages, feeds and sitemaps to take in."""

    urls: tuple[Annotated[Text, WithJsonSchema(_WEB_ADDRESS)], ...] = Field(
        min_length=1, max_length=MOST_INPUTS, description="http or https."
    )


class Retry(Request):
    """What is to be tried again; all that failed, when nothing is named."""

    inputs: tuple[Text, ...] = Field(default=(), max_length=MOST_INPUTS)


class FailedPlace(BaseModel):
    """An article that was not taken in: where it stands, and why not."""

    where: str
    reason: str


class FailedInput(FailedPlace):
    """What failed when it was last read; `input` is what can be tried again or forgotten."""

    input: str


class FailurePage(Page):
    """A page of what failed, in the order in which it did."""

    failures: list[FailedInput]


class Ingestion(BaseModel):
    """How far an ingestion has come. Times are UTC, empty while they lie ahead."""

    id: str
    state: State
    inputs: list[str] = Field(description=f"The first {MOST_NAMES} of what was given.")
    expected: int | None = Field(description="Articles, as far as that can be known.")
    added: int
    unchanged: int
    replaced: int
    failed: int
    per_second: float
    failures: list[FailedPlace] = Field(description=f"The first {MOST_FAILURES}.")
    reason: str = Field(description="Why the ingestion as a whole failed.")
    created_at: str
    started_at: str
    ended_at: str

    @classmethod
    def of(cls, job: Job) -> "Ingestion":
        failures = [FailedPlace(where=sendable(f.where), reason=sendable(f.reason)) for f in job.failures]
        told = {name: getattr(job, name) for name in cls.model_fields}
        return cls(
            **told | {"failures": failures, "expected": job.expected or None, "inputs": list(job.inputs)}
        )


class ArticleHead(BaseModel):
    """An article without its text."""

    id: str
    title: str
    url: str
    source: str
    authors: tuple[str, ...]
    language: str
    published_at: str
    ingested_at: str

    @classmethod
    def of(cls, article: Article) -> "ArticleHead":
        return cls(**{name: getattr(article, name) for name in ArticleHead.model_fields})


class Span(BaseModel):
    """A stretch of an article: `text` is the article's text from `start_char` to `end_char`."""

    text: str
    start_char: int
    end_char: int

    @classmethod
    def of(cls, sentence: Sentence) -> "Span":
        return cls(**asdict(sentence))


class ScoredSentence(Span):
    """A sentence of a passage, scored on its own."""

    score: float


class FoundPassage(BaseModel):
    """A passage that a search found; `sentences` are its best ones, best first.

    `also_in` are other articles that carry (nearly) the same text, such as a wire story's.
    """

    text: str
    start_char: int
    end_char: int
    rank: int
    score: float
    article: ArticleHead
    sentence: ScoredSentence
    sentences: list[ScoredSentence]
    also_in: list[ArticleHead]

    @classmethod
    def of(cls, rank: int, ranked: RankedPassage) -> "FoundPassage":
        article, passage = ranked.article, ranked.passage
        sentences = [
            ScoredSentence(**asdict(sentence), score=score)
            for sentence, score in zip(ranked.sentences, ranked.scores, strict=True)
        ]
        return cls(
            rank=rank,
            score=ranked.score,
            article=ArticleHead.of(article),
            text=article.text[passage.start_char : passage.end_char],
            start_char=passage.start_char,
            end_char=passage.end_char,
            sentence=sentences[0],
            sentences=sentences,
            also_in=[ArticleHead.of(copy) for copy in ranked.copies],
        )


class SearchResult(BaseModel):
    """Ranked passages, best first, and what was searched."""

    query: str
    language: str
    answerability: float
    coverage: Coverage
    passages: list[FoundPassage]

    @classmethod
    def of(cls, evidence: Evidence) -> "SearchResult":
        return cls(
            query=evidence.question,
            language=evidence.language,
            answerability=evidence.answerability,
            coverage=evidence.coverage,
            passages=[FoundPassage.of(rank, p) for rank, p in enumerate(evidence.passages, start=1)],
        )


class Searched(BaseModel):
    """What a question was understood as, and what was searched for it."""

    question: str
    language: str
    answerability: float
    coverage: Coverage


def _searched(evidence: Evidence) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in Searched.model_fields}


class ClaimTable(Searched):
    """Who said what to whom, best first.

    `complete` is false when the rows were made by rule: then a sentence that does not plainly say
    who speaks gives no row. No row at all: the archive does not know.
    """

    complete: bool
    claims: list[Claim]

    @classmethod
    def of(cls, evidence: Evidence, claims: Sequence[Claim], *, complete: bool) -> "ClaimTable":
        return cls(**_searched(evidence), complete=complete, claims=list(claims))


class Timeline(Searched):
    """Dated sentences, earliest first. None at all: the archive does not know."""

    entries: list[Entry]

    @classmethod
    def of(cls, evidence: Evidence, entries: Sequence[Entry]) -> "Timeline":
        return cls(**_searched(evidence), entries=list(entries))


class ArticlePage(Page):
    """A page of the archive's articles, newest publication first."""

    articles: list[ArticleHead]


class FullArticle(ArticleHead):
    """An article with its text and sentences."""

    text: str
    sentences: list[Span]
    version: str = Field(description="Names this text of the article; citations carry it.")
    replaced_at: str = Field(
        default="", description="When a newer text came in (UTC); empty for the present."
    )
    versions: list[str] = Field(default=[], description="All texts that are kept, the present one first.")
    copies: list[str] = Field(
        default=[], description="Ids of other articles that print this text, or nearly."
    )

    @classmethod
    def of_version(cls, archive: Archive, article_id: str, version: str = "") -> "FullArticle":
        """The article as it is, or as it was in one version. Raises ArticleNotFoundError."""
        revisions = archive.revisions(article_id)
        shown = archive.revision(article_id, version) if version else revisions[0]
        return cls(
            **ArticleHead.of(shown.article).model_dump(),
            text=shown.article.text,
            sentences=[Span.of(sentence) for sentence in archive.sentences(shown.article)],
            version=shown.version,
            replaced_at=shown.replaced_at,
            versions=[revision.version for revision in revisions],
            copies=archive.copies(article_id),
        )


class ConversationQuery(PageQuery):
    """Which page of which of one's conversations."""

    query: Text = Field(
        default="",
        max_length=500,
        description="Words that must all be in its name, questions or answers, in any spelling.",
    )


class ConversationPage(Page):
    """A page of one's conversations, the last used first."""

    conversations: list[Conversation]


class Rename(Request):
    """Another name for a conversation."""

    name: Text = Field(min_length=1, max_length=LONGEST_NAME, pattern=r"\S", examples=["Crocus"])


class GivenFeedback(Request):
    """What the reader thinks of an answer."""

    verdict: Verdict
    reason: Reason = ""
    comment: Text = Field(default="", max_length=LONGEST_COMMENT)


@dataclass(frozen=True, slots=True)
class Asked(Answer):
    """An answer; where it is kept, under which id and in which conversation."""

    id: str = ""
    conversation: str = ""

    @classmethod
    def of(cls, answer: Answer, kept: Kept | None = None) -> "Asked":
        values = {each.name: getattr(answer, each.name) for each in fields(answer)}
        if kept is None:
            return cls(**values)
        return cls(**values, id=kept.id, conversation=kept.conversation_id)


class KeptAnswer(BaseModel):
    """An answer that is kept; `answer` is null, with its `fault`, when it can no longer be read.

    `conversation` and `feedback` are empty for who does not own it.
    """

    id: str
    conversation: str
    question: str
    asked_at: str
    answer: Answer | None
    fault: str = ""
    feedback: Feedback | None = None

    @classmethod
    def of(cls, kept: Kept) -> "KeptAnswer":
        return cls(
            id=kept.id,
            conversation=kept.conversation_id,
            question=kept.question,
            asked_at=kept.asked_at,
            answer=kept.answer,
            fault=kept.fault,
            feedback=kept.feedback,
        )


class RatedAnswer(KeptAnswer):
    """An answer with feedback, and what was said before it."""

    history: list[Turn]

    @classmethod
    def of_rated(cls, rated: Rated) -> "RatedAnswer":
        return cls(**dict(KeptAnswer.of(rated.kept)), history=list(rated.turns))


class FullConversation(BaseModel):
    """A conversation with its answers, in order."""

    id: str
    name: str
    created_at: str
    updated_at: str
    answers: list[KeptAnswer]

    @classmethod
    def of(cls, conversation: Conversation, kept: Sequence[Kept]) -> "FullConversation":
        return cls(**asdict(conversation), answers=[KeptAnswer.of(each) for each in kept])


class Stored(BaseModel):
    """What became of one article; `failed` has a reason and, when it had none yet, no id."""

    id: str
    status: Literal["added", "unchanged", "replaced", "failed"]
    reason: str = ""


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Alive):
    """The archive and the embedding model answer too."""

    articles: int


class Problem(BaseModel):
    """Any error, after RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str = ""
