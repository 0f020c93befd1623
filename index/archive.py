"""The archive: articles, the vectors of their sentences and their words, kept in step.

An article's sentences carry its version (a hash of its content). The article's record names the
version that counts, so writing that one record is what makes a new version answer, whole or not
at all; sentences of any other version are never returned. Versions that are being written or
removed are noted first, and what an interrupted process left behind is swept up before the next
writing. The word index follows the store: it notes the store's stamp, and when that is another one
than the store's, it is mended from the articles.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate, compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from index.catalogue import Catalogue, Entry, Matcher, moment
from index.centre import centre, centring_of
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import ArchiveError, ArticleNotFoundError
from index.split import split_sentences
from index.store import Record, Store
from index.types import Article, Coverage, Filters, Hit, Passage, Sentence, WordHit, WordMatches
from index.words import WordPassage, Words

Vectors = npt.NDArray[np.float32]

# On a Chroma server several processes may write at once: notes younger than this are left alone.
ABANDONED_AFTER_SECONDS = 3600.0
MEND_ARTICLES = 500
NO_FILTERS = Filters()
_CONTENT = ("id", "title", "text", "url", "source", "authors", "language", "published_at")


@dataclass(frozen=True, slots=True)
class Indexed:
    """An article ready to be stored: its passages, and one vector for each of their sentences.

    `vectors` has shape (sentences, dimension): the weighted sum of the centred unit vectors of the
    sentence and of its passage, so that one inner product with a question scores both.
    """

    article: Article
    passages: tuple[Passage, ...]
    vectors: Vectors

    @property
    def sentences(self) -> int:
        return len(self.vectors)


class Archive:
    """Everything that was ingested. Safe to share between threads."""

    def __init__(self, config: IndexConfig, store: Store) -> None:
        self.config = config
        self.embedder = Embedder(config)
        self._store = store
        self._catalogue_lock = threading.Lock()
        self._checked = False
        if not store.identity:
            store.create(self._identity())
        self._catalogue = self._read_catalogue()
        self._words = Words(_words_folder(config))
        self._sync_words()

    @classmethod
    def open(cls, config: IndexConfig, *, create: bool = False) -> "Archive":
        """Open the archive, or make it with `create`. Raises ArchiveError."""
        store = Store(config, create=create)
        made_with = store.identity.get("embedder", config.embedder)
        if made_with != config.embedder:
            store.close()
            raise ArchiveError(
                f"the archive {store.place} was made with the embedder {made_with!r}, but the settings "
                f"name {config.embedder!r}. Set DATELINE_EMBEDDER={made_with}, or ingest the articles "
                "into a new folder to embed them again."
            )
        return cls(config, store)

    @property
    def place(self) -> str:
        """Where the archive is, quoted for messages."""
        return self._store.place

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the articles, the most frequent first."""
        return self._catalogue.languages

    def embed_question(self, question: str, language: str) -> Vectors:
        """The centred unit vector of a question, shape (dimension,)."""
        self.check_embedder()
        vectors = self.embedder.embed_queries([question])
        return np.asarray(centre(vectors, [language], "query", self.embedder.name)[0])

    def search(self, vector: Vectors, *, k: int, filters: Filters = NO_FILTERS) -> list[Hit]:
        """The k best sentences with their passages, best first; fewer only when no more exist."""
        self.catch_up()
        catalogue = self._catalogue
        passes = Matcher(filters)
        where = _where(filters)
        # Sentences of versions that do not count take places; ask for more until there are enough.
        wanted = k
        while True:
            found = self._store.nearest(vector, wanted, where)
            valid = []
            for record in found:
                entry = catalogue.get(record.metadata["article"])
                if entry and entry.version == record.metadata["version"] and passes(entry):
                    valid.append(record)
            if len(valid) >= k or len(found) < wanted:
                break
            wanted *= 4
        return self._hits(valid[:k], vector)

    def search_words(
        self, question: str, language: str, *, k: int, filters: Filters = NO_FILTERS
    ) -> WordMatches:
        """The k passages in the question's language that share most words with it, best first."""
        catalogue = self._catalogue
        articles = [entry.id for entry in catalogue.matching(filters)] if filters else []
        if filters and not articles:
            return WordMatches((), 0.0)
        found = self._words.search(question, language, k, articles)
        entries = [catalogue.get(hit.article) for hit in found.hits]
        current = [
            e is not None and e.version == h.version for h, e in zip(found.hits, entries, strict=True)
        ]
        return replace(found, hits=tuple(compress(found.hits, current)))

    def hits_of(self, words: Sequence[WordHit], vector: Vectors) -> list[Hit]:
        """The sentences of passages that words found, scored by the question's vector."""
        ids = [f"{hit.version}:{n}" for hit in words for n in range(hit.first, hit.last + 1)]
        records = self._store.get("sentences", ids, vectors=True)
        return self._hits([records[i] for i in ids if i in records], vector)

    def article(self, article_id: str) -> Article:
        """One article whole. Raises ArticleNotFoundError."""
        self.catch_up()
        found = self._articles([article_id])
        if article_id not in found:
            raise ArticleNotFoundError(
                f"no article has the id {article_id!r}. `dateline articles list` shows the ids."
            )
        return found[article_id]

    def articles(
        self,
        *,
        offset: int = 0,
        limit: int = 50,
        filters: Filters = NO_FILTERS,
    ) -> list[Article]:
        """A page of articles, newest publication first, undated last."""
        self.catch_up()
        page = self._catalogue.matching(filters)[offset : offset + limit]
        found = self._articles([entry.id for entry in page])
        return [found[entry.id] for entry in page if entry.id in found]

    def count_articles(self, filters: Filters = NO_FILTERS) -> int:
        """How many articles pass the filters."""
        self.catch_up()
        return len(self._catalogue.matching(filters))

    def coverage(self, filters: Filters = NO_FILTERS) -> Coverage:
        """What a search with these filters looks through."""
        self.catch_up()
        return self._catalogue.coverage(filters)

    def sentences(self, article: Article) -> tuple[Sentence, ...]:
        """The article's sentences in order."""
        return split_sentences(article.text, article.language)

    def holds(self, article: Article) -> bool | None:
        """True: exactly this content; False: another version of it; None: nothing of this id."""
        entry = self._catalogue.get(article.id)
        return None if entry is None else entry.version == version_of(article)

    def add(self, items: Sequence[Indexed]) -> None:
        """Store articles, each replacing its predecessor whole; returns when they are safe."""
        self.check_embedder()
        with self._store.writing():
            self.catch_up()
            self._sweep()
            now = datetime.now(UTC).isoformat(timespec="seconds")
            entries = [_entry(item) for item in items]
            old = [e for item in items if (e := self._catalogue.get(item.article.id)) is not None]
            kept = {entry.version for entry in entries}
            notes = [_note(entry) for entry in [*entries, *old]]
            self._store.put("unfinished", notes)
            self._store.put("sentences", [r for item in items for r in _sentence_records(item)])
            self._store.put(
                "articles",
                [
                    _article_record(replace(item.article, ingested_at=now), entry)
                    for item, entry in zip(items, entries, strict=True)
                ],
            )
            self._set_catalogue(self._catalogue.changed(added=entries))
            replaced = [entry for entry in old if entry.version not in kept]
            self._store.delete("sentences", [i for entry in replaced for i in _sentence_ids(entry)])
            self._store.delete("unfinished", [note.id for note in notes])
            before = self._store.stamp
            self._store.changed()
            self._update_words(items, [entry.version for entry in replaced], before)

    def remove(self, article_id: str) -> None:
        """Remove an article and all that was made of it. Raises ArticleNotFoundError."""
        with self._store.writing():
            self.catch_up()
            entry = self._catalogue.get(article_id)
            if entry is None:
                raise ArticleNotFoundError(
                    f"no article has the id {article_id!r}, so there is nothing to remove. "
                    "`dateline articles list` shows the ids."
                )
            note = _note(entry)
            self._store.put("unfinished", [note])
            self._store.delete("articles", [article_id])
            self._set_catalogue(self._catalogue.changed(removed=[article_id]))
            self._store.delete("sentences", _sentence_ids(entry))
            self._store.delete("unfinished", [note.id])
            before = self._store.stamp
            self._store.changed()
            self._update_words([], [entry.version], before)

    def check_embedder(self) -> None:
        """Raises ArchiveError when the loaded model is not the one that made the archive."""
        if self._checked:
            return
        ours, theirs = self._identity(), self._store.identity
        differing = [name for name in ours if ours[name] != theirs.get(name)]
        if differing:
            name = differing[0]
            raise ArchiveError(
                f"the archive {self.place} was made with {name} {theirs.get(name)!r}, but the settings "
                f"give {ours[name]!r}. Put the setting back, or ingest the articles into a new folder."
            )
        self._checked = True

    def ping(self) -> None:
        """Raises ArchiveUnavailableError when the store does not answer."""
        self._store.ping()

    def close(self) -> None:
        self._store.close()

    def _identity(self) -> dict[str, str | int]:
        return {**self.embedder.identity(), "centring": centring_of(self.embedder.name)}

    def catch_up(self) -> None:
        """Take note of what other processes wrote since."""
        if self._store.refresh():
            self._set_catalogue(self._read_catalogue())
            self._sync_words()

    def _set_catalogue(self, catalogue: Catalogue) -> None:
        with self._catalogue_lock:
            self._catalogue = catalogue

    def _read_catalogue(self) -> Catalogue:
        return Catalogue(_entry_of_record(record) for record in self._store.all("articles"))

    def _articles(self, ids: Iterable[str]) -> dict[str, Article]:
        records = self._store.get("articles", list(dict.fromkeys(ids)), documents=True)
        return {article_id: _article_of_record(record) for article_id, record in records.items()}

    def _hits(self, found: Sequence[Record], vector: Vectors) -> list[Hit]:
        articles = self._articles(record.metadata["article"] for record in found)
        versions = {article_id: version_of(article) for article_id, article in articles.items()}
        hits = []
        for record in found:
            data = record.metadata
            if versions.get(data["article"]) != data["version"] or record.vector is None:
                continue  # replaced or removed since the search began
            article = articles[data["article"]]
            text = article.text
            bounds = json.loads(data["passage"])
            passage = Passage(tuple(Sentence(text[a:b], a, b) for a, b in bounds))
            sentence = Sentence(text[data["start"] : data["end"]], data["start"], data["end"])
            hits.append(Hit(article, passage, sentence, float(record.vector @ vector), record.vector))
        return hits

    def _update_words(self, items: Sequence[Indexed], removed: Sequence[str], before: str) -> None:
        """Carry a write over to the word index; `before` is the store's stamp before that write."""
        with self._words.alone(wait=True):
            in_step = self._words.stamp == before
            passages = [passage for item in items for passage in _word_passages(item)]
            self._words.update(passages, [*removed, *(version_of(item.article) for item in items)])
            if in_step:
                self._words.mark(self._store.stamp)
        self._sync_words()

    def _sync_words(self) -> None:
        """Bring the word index in step with the store, unless another process is at it."""
        if self._words.stamp == self._store.stamp:
            self._words.reload()
            return
        with self._words.alone(wait=False) as alone:
            if alone:
                self._mend_words()
            self._words.reload()

    def _mend_words(self) -> None:
        """Index what is missing and drop what is too much."""
        stamp = self._store.stamp
        expected = {entry.version: entry for entry in self._catalogue.matching(NO_FILTERS)}
        present = self._words.versions()
        missing = [entry for version, entry in expected.items() if version not in present]
        for start in range(0, len(missing), MEND_ARTICLES):
            chunk = missing[start : start + MEND_ARTICLES]
            articles = self._articles(entry.id for entry in chunk)
            items = [
                Indexed(articles[entry.id], passages, np.zeros((entry.sentences, 0), np.float32))
                for entry in chunk
                if entry.id in articles and (passages := self._passages(articles[entry.id], entry))
            ]
            self._words.update(passage for item in items for passage in _word_passages(item))
        self._words.update(removed=present - expected.keys())
        self._words.mark(stamp)

    def _passages(self, article: Article, entry: Entry) -> tuple[Passage, ...]:
        """An article's passages as they are stored."""
        records = self._store.get("sentences", _sentence_ids(entry))
        stored = dict.fromkeys(r.metadata["passage"] for r in records.values())
        passages = [
            Passage(tuple(Sentence(article.text[a:b], a, b) for a, b in json.loads(bounds)))
            for bounds in stored
        ]
        return tuple(sorted(passages, key=lambda passage: passage.start_char))

    def _sweep(self) -> None:
        """Remove what an interrupted process left: sentences of versions that do not count."""
        notes = list(self._store.all("unfinished"))
        if self.config.chroma_url:
            oldest = time.time() - ABANDONED_AFTER_SECONDS
            notes = [note for note in notes if note.metadata["at"] < oldest]
        for note in notes:
            entry = self._catalogue.get(note.metadata["article"])
            if entry is None or entry.version != note.id:
                self._store.delete("sentences", _ids(note.id, note.metadata["sentences"]))
            self._store.delete("unfinished", [note.id])


def version_of(article: Article) -> str:
    """A hash of the article's content; the time of ingestion is not part of it."""
    content = json.dumps([getattr(article, name) for name in _CONTENT], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _entry(item: Indexed) -> Entry:
    article = item.article
    return Entry(
        id=article.id,
        version=version_of(article),
        language=article.language,
        source=article.source,
        published_at=article.published_at,
        published=moment(article.published_at) if article.published_at else None,
        passages=len(item.passages),
        sentences=item.sentences,
    )


def _entry_of_record(record: Record) -> Entry:
    data = record.metadata
    return Entry(
        id=record.id,
        version=data["version"],
        language=data["language"],
        source=data["source"],
        published_at=data["published_at"],
        published=data.get("published"),
        passages=data["passages"],
        sentences=data["sentences"],
    )


def _article_record(article: Article, entry: Entry) -> Record:
    metadata: dict[str, Any] = asdict(article) | {"authors": json.dumps(article.authors)}
    del metadata["id"], metadata["text"]
    metadata |= {"version": entry.version, "passages": entry.passages, "sentences": entry.sentences}
    if entry.published is not None:
        metadata["published"] = entry.published
    return Record(article.id, metadata, document=article.text)


def _article_of_record(record: Record) -> Article:
    data = record.metadata
    return Article(
        id=record.id,
        title=data["title"],
        text=record.document,
        url=data["url"],
        source=data["source"],
        authors=tuple(json.loads(data["authors"])),
        language=data["language"],
        published_at=data["published_at"],
        ingested_at=data["ingested_at"],
    )


def _sentence_records(item: Indexed) -> list[Record]:
    entry = _entry(item)
    shared: dict[str, Any] = {
        "article": entry.id,
        "version": entry.version,
        "language": entry.language,
        "source": entry.source,
    }
    if entry.published is not None:
        shared["published"] = entry.published
    records: list[Record] = []
    for passage in item.passages:
        bounds = json.dumps([[s.start_char, s.end_char] for s in passage.sentences])
        for sentence in passage.sentences:
            place = {"start": sentence.start_char, "end": sentence.end_char, "passage": bounds}
            number = len(records)
            records.append(Record(f"{entry.version}:{number}", shared | place, vector=item.vectors[number]))
    return records


def _sentence_ids(entry: Entry) -> list[str]:
    return _ids(entry.version, entry.sentences)


def _ids(version: str, sentences: int) -> list[str]:
    return [f"{version}:{number}" for number in range(sentences)]


def _note(entry: Entry) -> Record:
    return Record(entry.version, {"article": entry.id, "sentences": entry.sentences, "at": time.time()})


def _word_passages(item: Indexed) -> list[WordPassage]:
    article, version = item.article, version_of(item.article)
    ends = list(accumulate(len(passage.sentences) for passage in item.passages))
    return [
        WordPassage(
            article=article.id,
            version=version,
            language=article.language,
            start_char=passage.start_char,
            first=end - len(passage.sentences),
            last=end - 1,
            # The title says what the passage is about, in words it may not repeat.
            text=f"{article.title}\n{article.text[passage.start_char : passage.end_char]}",
        )
        for passage, end in zip(item.passages, ends, strict=True)
    ]


def _words_folder(config: IndexConfig) -> Path:
    """Beside the store; for a store on a server, in this user's cache: it is derived data."""
    if not config.chroma_url:
        return config.archive / "words"
    return (
        user_cache_path("dateline") / "words" / hashlib.sha256(config.chroma_url.encode()).hexdigest()[:16]
    )


def _where(filters: Filters) -> dict[str, Any] | None:
    """The filters in Chroma's own language."""
    conditions: list[dict[str, Any]] = []
    for field, values in (
        ("source", filters.sources),
        ("language", filters.languages),
        ("article", filters.articles),
    ):
        if values:
            conditions.append({field: {"$in": list(values)}})
    if filters.published_from:
        conditions.append({"published": {"$gte": moment(filters.published_from)}})
    if filters.published_to:
        conditions.append({"published": {"$lte": moment(filters.published_to, end=True)}})
    if len(conditions) > 1:
        return {"$and": conditions}
    return conditions[0] if conditions else None
