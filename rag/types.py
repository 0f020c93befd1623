"""The plain values of a conversation: turns, evidence, statements, citations, answers."""

from dataclasses import dataclass, field
from typing import Literal

from index.types import Article, Coverage, Hit, Passage, Sentence

Role = Literal["user", "assistant"]
Precision = Literal["day", "month", "year"]
Status = Literal["grounded", "partly verified", "abstained"]
AbstentionReason = Literal[
    "",
    "the archive is empty",
    "no article passes the filters",
    "the evidence is too weak",
    "the model found no answer in the evidence",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Period:
    """The time a question is about, both ends included; an empty end is open (ISO 8601 days).

    `about` says what must lie in it: `events` or `publication`. `anchor` are the question's words
    for the event that gave one of the ends its day.
    """

    start: str
    end: str
    about: Literal["events", "publication"]
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """The time a sentence tells of: a day, a month or a year, from `start` to `end` (ISO 8601).

    `written` is false when it was reckoned from the day of publication ("on Friday", "yesterday").
    `of_report` is true when it stands behind "said" or "reported": then it is when that was said.
    """

    start: str
    end: str
    precision: Precision
    written: bool
    of_report: bool = False


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage that was found and its best sentences, best first.

    `score` orders the passages of one search and `scores` the sentences of this passage; they are
    not comparable with each other or between questions. `copies` are other articles that carry
    (nearly) the same text: a wire story takes one place in a ranking, not one for each paper.
    """

    article: Article
    passage: Passage
    sentences: tuple[Sentence, ...]
    scores: tuple[float, ...]
    score: float
    copies: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What retrieval returns for one question, best first.

    `answerability` is the calibrated probability, in [0, 1], that the answer is in `hits`, and
    `features` are what it was judged by (`rag/abstain.py`). `period` is the time that the question
    was understood to be about.
    """

    question: str
    language: str
    hits: tuple[Hit, ...]
    passages: tuple[RankedPassage, ...]
    coverage: Coverage
    answerability: float
    features: tuple[float, ...] = ()
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Another article that carries the cited sentence word for word (a wire copy)."""

    article_id: str
    title: str
    url: str
    source: str
    published_at: str
    start_char: int
    end_char: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer to one sentence: `article.text[start_char:end_char] == cited_text`.

    `translation` is a language model's, made on request; it is never what was verified. `version` names
    the text of the article that was cited, which stays readable when another one comes in.
    """

    index: int
    article_id: str
    title: str
    url: str
    source: str
    published_at: str
    language: str
    cited_text: str
    start_char: int
    end_char: int
    verified: bool
    reason: str = ""
    also_in: tuple[Source, ...] = ()
    translation: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer; `citations` are the indexes of what it rests on."""

    text: str
    language: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a disagreement: what it says, and the citations that say it."""

    says: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Citations that do not agree, on a figure or on whether something is so.

    `about` is what the figures count (`dead`, `hurt`, `held`, `missing`, `saved`), or `denial`.
    """

    about: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the language model read and wrote for one answer, in its own tokens."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer, or an abstention with its reason and what was searched.

    `standalone_question` is what was searched for, when it differs from the question (a
    follow-up). `model` is empty for an extractive answer. `timings` are milliseconds by stage.
    `nearest` are the best passages of an abstention: near, but not an answer. `tokens` is None
    without a language model, and when its server does not count them.
    """

    question: str
    language: str
    status: Status
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    coverage: Coverage
    answerability: float
    abstained: bool = False
    reason: AbstentionReason = ""
    standalone_question: str = ""
    model: str = ""
    nearest: tuple[Citation, ...] = ()
    period: Period | None = None
    disagreements: tuple[Disagreement, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """Streamed first: what the answer will rest on."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CitationMade:
    """Streamed before the first statement that points to it."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class StatementMade:
    """Streamed when a statement is complete and its citations are known."""

    statement: Statement


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """Streamed last: the whole answer."""

    answer: Answer


Event = EvidenceFound | CitationMade | StatementMade | AnswerDone
