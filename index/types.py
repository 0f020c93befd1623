"""The plain values of the index: articles, sentences, passages, filters, hits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

IngestStatus = Literal["added", "unchanged", "replaced"]


@dataclass(frozen=True, slots=True)
class Article:
    """One published text.

    `language` is an ISO 639-1 code. `published_at` is an ISO 8601 date or date-time, or empty
    when unknown: it is never the time of ingestion, which `ingested_at` holds (UTC).
    """

    id: str
    title: str
    text: str
    url: str = ""
    source: str = ""
    authors: tuple[str, ...] = ()
    language: str = ""
    published_at: str = ""
    ingested_at: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An article that comes from an archive and is stored as it was there.

    `copy_of` is the first article of the same text; `revisions` are its earlier texts, the oldest
    first, each with the time when the next one replaced it.
    """

    article: Article
    copy_of: str = ""
    revisions: tuple[tuple[Article, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `article.text[start_char:end_char] == text`."""

    text: str
    start_char: int
    end_char: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of neighbouring sentences of one article, the unit an LLM reads."""

    sentences: tuple[Sentence, ...]

    @property
    def start_char(self) -> int:
        return self.sentences[0].start_char

    @property
    def end_char(self) -> int:
        return self.sentences[-1].end_char


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; an empty field narrows nothing.

    `published_from` and `published_to` are ISO 8601 dates or date-times and both inclusive
    (a date given as the end means the whole of that day). An article without a publication
    date never passes a filter on dates.
    """

    published_from: str = ""
    published_to: str = ""
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(value for _, value in self.items())

    def items(self) -> Iterator[tuple[str, str | tuple[str, ...]]]:
        """Each field's name and value, in order."""
        for name in ("published_from", "published_to", "sources", "languages", "articles"):
            yield name, getattr(self, name)


@dataclass(frozen=True, slots=True)
class Hit:
    """One sentence that a search found, with the passage around it.

    `vector`, of shape (dimension,), is the weighted sum of the sentence's and its passage's unit
    vectors (the weights are in `index/ingest.py`).
    `score` is its inner product with the question's unit vector, so it lies in [-2, 2].
    """

    article: Article
    passage: Passage
    sentence: Sentence
    score: float
    vector: npt.NDArray[np.float32] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WordHit:
    """A passage that shares words with the question; `score` is BM25's, above 0.

    `version` is the article's content hash; `first` and `last` number its sentences in the article.
    """

    article: str
    version: str
    start_char: int
    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True)
class WordMatches:
    """The passages that share words with a question, best first.

    `weights` are the question's terms and about the most that each can add to a passage's score.
    """

    hits: tuple[WordHit, ...]
    weights: dict[str, float]

    @property
    def coverage(self) -> float:
        """How much of the question's words, by weight, the best passage has: in [0, 1]."""
        ideal = sum(self.weights.values())
        return min(1.0, self.hits[0].score / ideal) if self.hits and ideal else 0.0

    def share(self, terms: Iterable[str]) -> float:
        """How much of the question's words, by weight, are among these terms: in [0, 1]."""
        ideal = sum(self.weights.values())
        present = self.weights.keys() & set(terms)
        return sum(self.weights[term] for term in present) / ideal if ideal else 0.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was searched: the receipt that comes with every answer and refusal."""

    articles: int
    passages: int
    languages: tuple[str, ...]
    sources: tuple[str, ...]
    published_from: str
    published_to: str
    filters: Filters


Interval = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class Count:
    """How many articles are of one day, month, year, outlet or language; the name may be empty."""

    name: str
    articles: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an archive is made of: `dates` in their order, the others with the most articles first.

    `undated` articles are in none of the dates. `copies` are articles that print the text of another
    or nearly so, and `clusters` the texts that they print; `revisions` are earlier texts that are kept.
    """

    articles: int
    undated: int
    dates: tuple[Count, ...]
    sources: tuple[Count, ...]
    languages: tuple[Count, ...]
    clusters: int
    copies: int
    revisions: int
    filters: Filters
