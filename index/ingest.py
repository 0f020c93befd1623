"""Articles into the archive: told apart, split, embed in batches, stored; the unchanged cost no embedding.

While one batch is embedded, the one before it is stored. What is remembered from run to run (addresses,
repeated lines, copies, finished files) is in the ledger, so that a killed run goes on where it was.
"""

import ctypes
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from index.address import canonical, without_tracking
from index.archive import Archive, Indexed
from index.boilerplate import source_of, strip, without_repeated_lines
from index.catalogue import moment
from index.centre import centre
from index.duplicates import find_original
from index.embed import Embedder
from index.errors import UnreadableInputError
from index.ledger import Failed, Ledger
from index.readers import Failure, InputEnd, Item
from index.readers.record import MAX_ARTICLE_CHARS
from index.split import pack_passages, split_sentences
from index.types import Article, IngestStatus, Kept, Passage

# Texts embedded and stored together: enough that batches hold texts of like length and that what a
# write costs by itself is little, few enough that memory stays bounded and a killed run loses only
# seconds of work.
BATCH_TEXTS = 2048
# The share of each in a sentence's stored vector; their sum is 2. On XQuAD 1 : 1 and 1 : 2 are no
# better, and on the sample archive the sentence deserves the larger share.
SENTENCE_WEIGHT = 1.2
PASSAGE_WEIGHT = 0.8
SETTLED_AT_ONCE = 200

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one article. `failed` has a reason, and `article_id` then says where it was.

    `given_id` is the id that it came with, which another article of its URL may have made way for.
    """

    article_id: str
    title: str
    status: IngestStatus | Literal["failed"]
    reason: str = ""
    passages: int = 0
    given_id: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An article that is ready to be embedded; `cluster` is the first article of its text, if another.

    `known` has vectors of the same text, and `kept` what another archive knew of the article, which came
    under the id `given_id`.
    """

    article: Article
    passages: tuple[Passage, ...]
    cluster: str = ""
    known: Indexed | None = None
    kept: Kept | None = None
    given_id: str = ""


Batch = Sequence[Prepared]


class Embedding(Protocol):
    """Starts to embed a batch; what it returns waits for the vectors of the batch's sentences.

    One array a batch, shape (sentences, dimension), in the order of articles, passages, sentences.
    """

    in_flight: int

    def __call__(self, batch: Batch) -> Callable[[], Vectors]: ...


class EmbeddingHere:
    """Embeds in this process, one batch at a time."""

    in_flight = 0

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __call__(self, batch: Batch) -> Callable[[], Vectors]:
        vectors = embed_batch(self._embedder, batch)
        return lambda: vectors


@dataclass(slots=True)
class Clock:
    """Seconds spent by stage; `store` runs beside the others."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started


def ingest(
    archive: Archive,
    items: Iterable[Item],
    *,
    embedding: Embedding | None = None,
    clock: Clock | None = None,
    batch_texts: int = 0,
) -> Iterator[Outcome]:
    """Take articles in; an outcome is yielded once its article is safely stored.

    `batch_texts` are embedded and stored together: with fewer, outcomes come sooner and all takes longer.

    Another text of a URL that is known becomes the newest revision of its article, under that one's
    id; lines that a source repeats are left out; copies are noted, and embedded only once.
    """
    archive.catch_up()
    with Ledger(archive.folder) as ledger, ThreadPoolExecutor(1, "store") as storing:
        intake = _Intake(
            archive,
            ledger,
            storing,
            embedding or EmbeddingHere(archive.embedder),
            clock or Clock(),
            batch_texts or BATCH_TEXTS,
        )
        yield from intake.run(items)


class _Intake:
    """One run: articles wait until they fill a batch, are embedded, and are stored in order."""

    def __init__(
        self,
        archive: Archive,
        ledger: Ledger,
        storing: ThreadPoolExecutor,
        embedding: Embedding,
        clock: Clock,
        batch_texts: int,
    ) -> None:
        self._batch_texts = batch_texts
        self._archive = archive
        self._ledger = ledger
        self._storing = storing
        self._embedding = embedding
        self._clock = clock
        self._waiting: dict[str, Prepared] = {}
        self._texts = 0
        self._embedded: deque[tuple[Batch, Callable[[], Vectors]]] = deque()
        self._stored: deque[Future[list[Outcome]]] = deque()
        # All that is not in the archive yet: waiting, being embedded, being stored.
        self._coming: dict[str, Prepared] = {}
        # Of the input that is being read: its articles, and what failed in it.
        self._ids: list[str] = []
        self._failed: list[Failure] = []
        # Inputs that were read to their end, and their articles, some of which are still coming.
        self._ends: deque[tuple[InputEnd, list[str]]] = deque()

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        # What a killed run did not come to: else these articles would seem to have changed.
        self._settle()
        source = iter(items)
        while True:
            with self._clock.timing("read"):
                item = next(source, None)
            if item is None:
                break
            if isinstance(item, Failure):
                self._failed.append(item)
                yield Outcome(item.where, "", "failed", item.reason)
            elif isinstance(item, InputEnd):
                yield from (Outcome(article_id, "", "unchanged") for article_id in item.unchanged)
                self._end_input(item)
            elif isinstance(item, Kept):
                yield from self._take(item.article, item)
            else:
                yield from self._take(item)
        yield from self._drain()
        self._settle()

    def _take(self, given: Article, kept: Kept | None = None) -> Iterator[Outcome]:
        with self._clock.timing("compare"):
            article, older = self._identified(given)
        if article.id in self._coming:
            # The same id again: store the first, so that the second replaces it as it should.
            yield from self._drain()
        with self._clock.timing("compare"):
            number = self._ledger.number(article.id, source_of(article))
            if kept is None:
                article = replace(article, text=without_repeated_lines(self._ledger, number, article))
        self._ids.append(article.id)
        if self._archive.holds(article):
            self._add_revisions(article.id, kept)
            yield Outcome(article.id, article.title, "unchanged", given_id=given.id)
            return
        if older:
            self._archive.add_revision(article)
            reason = "older than the text that is there: kept as a revision of it"
            yield Outcome(article.id, article.title, "unchanged", reason, given_id=given.id)
            return
        with self._clock.timing("compare"):
            cluster, known = self._original(number, article)
        try:
            with self._clock.timing("split"):
                passages = known.passages if known else split_article(self._archive, article)
        except UnreadableInputError as error:
            self._failed.append(Failure(article.id, str(error)))
            yield Outcome(article.id, article.title, "failed", str(error), given_id=given.id)
            return
        if kept is not None:
            cluster = kept.copy_of
        prepared = self._waiting[article.id] = Prepared(article, passages, cluster, known, kept, given.id)
        self._coming[article.id] = prepared
        self._texts += 1 if known else len(passages) + sum(len(p.sentences) for p in passages)
        if self._texts >= self._batch_texts:
            yield from self._embed()

    def _identified(self, article: Article) -> tuple[Article, bool]:
        """The article under the id that its URL already has, and whether it is older than that one's."""
        address = canonical(article.url)
        if not address:
            return article, False
        article = replace(article, url=without_tracking(article.url))
        owner = self._ledger.address(address)
        if not owner or owner == article.id or not self._exists(owner):
            self._ledger.set_address(address, article.id)
            return article, False
        article = replace(article, id=owner)
        coming, entry = self._coming.get(owner), self._archive.entry(owner)
        present = coming.article.published_at if coming else entry.published_at if entry else ""
        older = bool(present and article.published_at) and moment(article.published_at) < moment(present)
        return article, older and coming is None

    def _original(self, number: int, article: Article) -> tuple[str, Indexed | None]:
        """The cluster that the article belongs to, if to another's; what is stored of the same text."""
        original, exact = find_original(self._ledger, number, article.text, article.language, self._exists)
        if not original:
            return "", None
        coming, entry = self._coming.get(original), self._archive.entry(original)
        cluster = coming.cluster if coming else entry.cluster if entry else ""
        known = self._archive.indexed(original) if exact and not coming else None
        return cluster or original, known

    def _exists(self, article_id: str) -> bool:
        return article_id in self._coming or self._archive.entry(article_id) is not None

    def _embed(self) -> Iterator[Outcome]:
        """Start to embed what waits; store what is embedded, when enough is under way."""
        batch = list(self._waiting.values())
        self._waiting, self._texts = {}, 0
        if batch:
            self._archive.check_embedder()
            with self._clock.timing("embed"):
                self._embedded.append((batch, self._embedding(batch)))
        while len(self._embedded) > self._embedding.in_flight:
            yield from self._store_next()

    def _store_next(self) -> Iterator[Outcome]:
        batch, vectors = self._embedded.popleft()
        with self._clock.timing("embed"):
            indexed = _indexed(batch, vectors())
        yield from self._await_stored(1)
        self._stored.append(self._storing.submit(self._store, batch, indexed))

    def _store(self, batch: Batch, indexed: Sequence[Indexed]) -> list[Outcome]:
        with self._clock.timing("store"):
            replaced = {p.article.id for p in batch if self._archive.holds(p.article) is False}
            self._archive.add(indexed)
            for prepared in batch:
                self._add_revisions(prepared.article.id, prepared.kept)
            _give_back_memory()
            return [
                Outcome(
                    prepared.article.id,
                    prepared.article.title,
                    "replaced" if prepared.article.id in replaced else "added",
                    passages=len(prepared.passages),
                    given_id=prepared.given_id,
                )
                for prepared in batch
            ]

    def _add_revisions(self, article_id: str, kept: Kept | None) -> None:
        for article, replaced_at in reversed(kept.revisions if kept else ()):
            self._archive.add_revision(replace(article, id=article_id), replaced_at)

    def _await_stored(self, most: int) -> Iterator[Outcome]:
        """Wait until fewer batches than this are being stored."""
        while len(self._stored) >= most:
            with self._clock.timing("wait for the store"):
                outcomes = self._stored.popleft().result()
            for outcome in outcomes:
                self._coming.pop(outcome.article_id, None)
            self._finish_inputs()
            yield from outcomes

    def _drain(self) -> Iterator[Outcome]:
        yield from self._embed()
        while self._embedded:
            yield from self._store_next()
        yield from self._await_stored(1)

    def _end_input(self, end: InputEnd) -> None:
        """Note what failed in an input; without failures it need not be read again once it is stored."""
        if end.name and not end.unchanged:
            with self._ledger.together():
                self._ledger.clear_failures(end.name)
                for failure in self._failed if end.mark else ():
                    self._ledger.fail(Failed(failure.where, end.name, end.given, failure.reason))
            if not self._failed:
                self._ends.append((end, self._ids))
        self._ids, self._failed = [], []
        self._finish_inputs()

    def _finish_inputs(self) -> None:
        """Note the inputs of which everything is stored."""
        with self._ledger.together():
            while self._ends and not any(article_id in self._coming for article_id in self._ends[0][1]):
                end, ids = self._ends.popleft()
                self._ledger.take(end.name, end.mark, ids)

    def _settle(self) -> None:
        """Take lines that proved to be boilerplate out of the articles that came before that was known."""
        lines: dict[str, dict[int, str]] = {}
        for key, source, line in self._ledger.unsettled():
            lines.setdefault(source, {})[key] = line
        for source, found in lines.items():
            every = set(self._ledger.boilerplate(source).values())
            ids = self._ledger.holders(list(found))
            for start in range(0, len(ids), SETTLED_AT_ONCE):
                batch = [
                    Prepared(article, split_article(self._archive, article))
                    for article_id in ids[start : start + SETTLED_AT_ONCE]
                    if (article := self._without(article_id, source, every)) is not None
                ]
                if batch:
                    vectors = self._embedding(batch)()
                    indexed = [replace(item, cluster=None) for item in _indexed(batch, vectors)]
                    self._archive.add(indexed, revise=False)
            self._ledger.settle(list(found))

    def _without(self, article_id: str, source: str, lines: set[str]) -> Article | None:
        """The article without these lines; None when it has none of them."""
        if self._archive.entry(article_id) is None:
            return None
        article = self._archive.article(article_id)
        text = strip(article.text, lines)
        return (
            replace(article, text=text) if source_of(article) == source and text != article.text else None
        )


def _give_back_memory() -> None:
    """Let the system have what is free: after batches of many sizes glibc keeps hundreds of megabytes."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def split_article(archive: Archive, article: Article) -> tuple[Passage, ...]:
    """The article's passages. Raises UnreadableInputError for one that cannot be taken in."""
    if len(article.text) > MAX_ARTICLE_CHARS:
        raise UnreadableInputError(
            f"the text has {len(article.text):,} characters, more than {MAX_ARTICLE_CHARS:,}: "
            "split it into articles."
        )
    sentences = split_sentences(article.text, article.language)
    if not sentences:
        raise UnreadableInputError("the text is blank: give the article a text.")
    tokens = archive.embedder.count_tokens([sentence.text for sentence in sentences])
    return pack_passages(sentences, tokens, archive.config.passage_tokens)


def embed_articles(archive: Archive, batch: Sequence[tuple[Article, tuple[Passage, ...]]]) -> list[Indexed]:
    """One embedding call for all passages and sentences of a batch of articles."""
    archive.check_embedder()
    prepared = [Prepared(article, passages) for article, passages in batch]
    found = _indexed(prepared, embed_batch(archive.embedder, prepared))
    return [replace(item, cluster=None) for item in found]


def embed_batch(embedder: Embedder, batch: Batch) -> Vectors:
    """The vectors of a batch's sentences, shape (sentences, dimension); none of articles that are known."""
    passages = [(p.article, passage) for p in batch if p.known is None for passage in p.passages]
    if not passages:
        return np.zeros((0, embedder.dimension), np.float32)
    passage_texts = [article.text[p.start_char : p.end_char] for article, p in passages]
    sentence_texts = [s.text for _, p in passages for s in p.sentences]
    passage_languages = [article.language for article, _ in passages]
    sentence_languages = [article.language for article, p in passages for _ in p.sentences]
    # A passage of one sentence is embedded once: equal texts share a vector.
    unique = list(dict.fromkeys([*passage_texts, *sentence_texts]))
    row = {text: number for number, text in enumerate(unique)}
    vectors = embedder.embed_passages(unique)
    name = embedder.name
    centred_passages = centre(vectors[[row[t] for t in passage_texts]], passage_languages, "passage", name)
    centred_sentences = centre(
        vectors[[row[t] for t in sentence_texts]], sentence_languages, "sentence", name
    )
    of_sentence = np.repeat(np.arange(len(passages)), [len(p.sentences) for _, p in passages])
    return np.asarray(
        SENTENCE_WEIGHT * centred_sentences + PASSAGE_WEIGHT * centred_passages[of_sentence], np.float32
    )


def _indexed(batch: Batch, vectors: Vectors) -> list[Indexed]:
    """The articles with their vectors: their own, or those stored of the same text."""
    counts = [0 if p.known else sum(len(passage.sentences) for passage in p.passages) for p in batch]
    bounds = pairwise(accumulate(counts, initial=0))
    return [
        Indexed(p.article, p.passages, p.known.vectors if p.known else vectors[start:end], p.cluster)
        for p, (start, end) in zip(batch, bounds, strict=True)
    ]
