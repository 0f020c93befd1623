"""The plain values of an evaluation: cases, replies, results, figures, runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from index.types import Article
from rag.types import Citation, Statement, Tokens, Turn


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article. `start_char` says which, where they stand more than once; -1 is any."""

    article: str
    quote: str
    start_char: int = -1


@dataclass(frozen=True, slots=True)
class Gold:
    """A piece of evidence that the answer rests on: any one of these quotations is it."""

    places: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what a right answer to it is.

    `required` are the facts that a complete answer states, each as its accepted forms, which are
    in the languages of `required_languages` (the question's when empty). `relevant` are ids of
    articles that hold the answer, beside those that `evidence` quotes. An unanswerable question
    has neither: the right answer is that the archive does not know. `kind` groups cases.
    """

    id: str
    language: str
    question: str
    answerable: bool
    evidence: tuple[Gold, ...] = ()
    relevant: tuple[str, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    required_languages: tuple[str, ...] = ()
    reference_answers: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    kind: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases and the articles they are asked of; without articles, an archive must be given.

    `to_complete` more cases are not asked: what is right is yet to be said.
    """

    name: str
    cases: tuple[Case, ...]
    articles: tuple[Article, ...] = field(default=(), repr=False)
    to_complete: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of an article's text."""

    article: str
    start_char: int
    end_char: int


@dataclass(frozen=True, slots=True)
class Located:
    """A case's gold in the articles: the spans of each piece of evidence, and relevant articles.

    `relevant` gives each relevant article's language.
    """

    spans: tuple[tuple[Span, ...], ...]
    relevant: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system answered, and what it found on the way, best first.

    `articles` are distinct ids in the order of their best passage, `sentences` the ranked sentences;
    both are None for a system that does not say. `answered` is false when it was only asked to search.
    `exact` tells of each citation whether its article's text really holds it there, and `around` what
    stands before and after it. Times are milliseconds.
    """

    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    exact: tuple[bool, ...] = ()
    around: tuple[tuple[str, str], ...] = ()
    articles: tuple[str, ...] | None = None
    sentences: tuple[Span, ...] | None = None
    answered: bool = True
    abstained: bool = False
    reason: str = ""
    answerability: float | None = None
    milliseconds: float = 0.0
    first_statement: float | None = None
    tokens: Tokens | None = None

    @property
    def text(self) -> str:
        """The answer without its citations."""
        return " ".join(statement.text for statement in self.statements)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of an answer; `passed` is None when the judge cannot be understood."""

    about: str
    passed: bool | None
    reason: str


# What a case has to say in one figure: its share of the numerator and of the denominator, or a
# score and the truth that it should tell (`evals/measures.py`).
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a system did with a case, its share in each figure, and why it failed, if it did.

    `by_evidence` are the ranking figures for relevant articles of each language alone. `error` says
    why there is no reply: then nothing is scored.
    """

    suite: str
    case: Case
    gold: Located
    reply: Reply
    scores: Mapping[str, Pair]
    by_evidence: Mapping[str, Mapping[str, Pair]]
    failures: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    error: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What names the case among those of all suites."""
        return self.suite, self.case.id


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over `n` cases with its 95 % interval; None where no case has a say in it."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class CaseScores:
    """The part of a result that runs are compared by."""

    suite: str
    id: str
    language: str
    failed: bool
    scores: Mapping[str, Pair]

    @property
    def key(self) -> tuple[str, str]:
        """What names the case among those of all suites."""
        return self.suite, self.id


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: how it was made, its figures, and each case's scores.

    `figures` are by group: `all`, `suite NAME`, `question LANGUAGE` and `kind KIND`. `matrix` holds
    the ranking figures by language of the question and of the evidence. `settings` has what can
    change a result: settings, versions, the archive's fingerprint, the code's, the git commit, seeds.
    """

    name: str
    started: str
    seconds: float
    system: str
    settings: Mapping[str, str]
    figures: Mapping[str, tuple[Figure, ...]]
    matrix: Mapping[str, Mapping[str, tuple[Figure, ...]]]
    cases: tuple[CaseScores, ...]
    errors: int = 0
    cached: int = 0
    agreement: tuple[Figure, ...] = ()
