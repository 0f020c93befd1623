"""The plain values of an evaluation: cases, their results, the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.types import Answer, Evidence


@dataclass(frozen=True, slots=True)
class Gold:
    """A quotation of an article that answers the question, or part of it."""

    article: str
    quote: str


@dataclass(frozen=True, slots=True)
class Case:
    """One golden question.

    `required` are the facts that a complete answer states, each as its accepted forms. An
    unanswerable question has no evidence: the right answer is that the archive does not know.
    """

    id: str
    language: str
    question: str
    answerable: bool
    evidence: tuple[Gold, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    reference_answer: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of an article's text."""

    article: str
    start_char: int
    end_char: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """A case's share in a figure, which is the sum of numerators over the sum of denominators.

    A figure that is a mean has denominator 1 in every case it applies to.
    """

    numerator: float
    denominator: float = 1.0


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What the assistant did with a case, its share in each figure, and why it failed, if it did."""

    case: Case
    answer: Answer
    evidence: Evidence
    scores: Mapping[str, Ratio]
    failures: tuple[str, ...]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over `n` cases with its 95 % interval; None where no case has a say in it."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Time to a whole answer, in milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Report:
    """Every figure over all cases and by language of the question."""

    embedder: str
    model: str
    overall: tuple[Figure, ...]
    by_language: Mapping[str, tuple[Figure, ...]]
    latency: Latency
    results: tuple[CaseResult, ...] = field(repr=False)
