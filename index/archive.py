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
import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate, compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from platformdirs import user_data_path

from index.catalogue import Catalogue, Entry, moment
from index.centre import centre, centring_of, shift_question
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import ArchiveError, ArticleNotFoundError
from index.rows import Block, Ints, Rows
from index.scan import Kept, Scan
from index.split import split_sentences
from index.store import Record, Store, Written
from index.types import (
    Article,
    Coverage,
    Filters,
    Hit,
    Interval,
    Passage,
    Sentence,
    Statistics,
    WordHit,
    WordMatches,
)
from index.words import WordPassage, Words

Vectors = npt.NDArray[np.float32]

# On a Chroma server several processes may write at once: notes younger than this are left alone.
ABANDONED_AFTER_SECONDS = 3600.0
MEND_ARTICLES = 500
# Articles kept in memory once read: a search reads some dozens of them.
ARTICLES_KEPT = 500
# How many more sentences than asked for the approximate search is to propose.
PROPOSED = 4
# Proposing more than this takes longer than looking at every row.
MOST_PROPOSED = 5000
MOST_NAMED = 1000
# How long what was seen of the store counts as the present: a question looks several times.
FRESH_SECONDS = 0.2
# Passages that a search of the articles looks at: the best of them, in a tenth of a second.
MOST_BROWSED = 50_000
NO_FILTERS = Filters()
_CONTENT = ("id", "title", "text", "url", "source", "authors", "language", "published_at")


@dataclass(frozen=True, slots=True)
class Indexed:
    """An article ready to be stored: its passages, and one vector for each of their sentences.

    `vectors` has shape (sentences, dimension): the weighted sum of the centred unit vectors of the
    sentence and of its passage, so that one inner product with a question scores both. `cluster` is
    the id of the first article of this text; None leaves the article in the cluster it is in.
    """

    article: Article
    passages: tuple[Passage, ...]
    vectors: Vectors
    cluster: str | None = None

    @property
    def sentences(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class Faults:
    """What is not as it should be: ids of articles, ids of sentences, a number of versions."""

    incomplete: tuple[str, ...]
    leftovers: tuple[str, ...]
    derived: int


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Some of the articles that were asked for; `total` counts all of them."""

    total: int
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """A text of an article. `replaced_at` is when the next came in (UTC); empty for the present one."""

    article: Article
    version: str
    replaced_at: str = ""


class Archive:
    """Everything that was ingested. Safe to share between threads."""

    def __init__(self, config: IndexConfig, store: Store) -> None:
        self.config = config
        self.embedder = Embedder(config)
        self._store = store
        self._catalogue_lock = threading.Lock()
        # Held while the catalogue is read anew: what is written meanwhile must not be overwritten by it.
        self._catching_up = threading.RLock()
        self._seen_at = time.monotonic()
        self._in_step = False
        self._checked = False
        if not store.identity:
            store.create(self._identity())
        self._catalogue = self._read_catalogue()
        self._read_articles: LRUCache[str, Article] = LRUCache(ARTICLES_KEPT)
        self._read_lock = threading.Lock()
        self.folder = derived_folder(config)
        self._words = Words(self.folder / "words")
        self._rows = Rows(self.folder / "rows", int(store.identity["dimension"]))
        self._scan: Scan | None = None
        self._sync()

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
        name = self.embedder.name
        vector = centre(self.embedder.embed_queries([question]), [language], "query", name)[0]
        shift = self._scanned().shift(language)
        return vector if shift is None else shift_question(vector, shift, name)

    def search(self, vector: Vectors, *, k: int, filters: Filters = NO_FILTERS) -> list[Hit]:
        """The k best sentences with their passages, best first; fewer only when no more exist."""
        self._look()
        scan = self._scanned()
        kept = scan.select(filters)
        affordable = scan.affordable(scan.count(kept))
        rows = scan.rows(kept) if affordable else self._proposed(scan, vector, k, kept)
        return self._hits(scan, *scan.nearest(vector, k, rows))

    def _proposed(self, scan: Scan, vector: Vectors, k: int, kept: Kept) -> Ints:
        """Rows of these articles that the store's approximate search finds; all, when too few."""
        count = scan.count(kept)
        # More than needed, since some are filtered out, and scored exactly their order changes.
        wanted = math.ceil(PROPOSED * k * len(scan.snapshot) / max(1, count))
        if wanted > MOST_PROPOSED:
            return scan.rows(kept)
        found = (record_id.split(":") for record_id in self._store.nearest(vector, wanted))
        numbers = (scan.row(version, int(number)) for version, number in found)
        rows = scan.among(np.array([row for row in numbers if row is not None], np.int64), kept)
        return rows if len(rows) >= min(k, count) else scan.rows(kept)

    def search_words(
        self, question: str, language: str, *, k: int, filters: Filters = NO_FILTERS
    ) -> WordMatches:
        """The k passages in the question's language that share most words with it, best first."""
        scan = self._scanned()
        kept = scan.select(filters)
        passing = list(compress(scan.entries, kept)) if filters else scan.entries
        if not passing:
            return WordMatches((), {})
        # Few articles are named to the word index; of many, more are found than needed.
        named = [entry.id for entry in passing] if len(passing) <= MOST_NAMED and filters else []
        surplus = 1 if named or not filters else PROPOSED * len(scan.entries) / len(passing)
        wanted = min(MOST_PROPOSED, math.ceil(k * surplus))
        found = self._words.search(question, language, wanted, named)
        versions = {entry.version for entry in passing} if filters and not named else None
        hits = [
            hit
            for hit in found.hits
            if (entry := scan.catalogue.get(hit.article)) is not None
            and entry.version == hit.version
            and (versions is None or hit.version in versions)
        ]
        return replace(found, hits=tuple(hits[:k]))

    def hits_of(self, words: Sequence[WordHit], vector: Vectors) -> list[Hit]:
        """The sentences of passages that words found, scored by the question's vector."""
        scan = self._scanned()
        found = [
            row
            for hit in words
            for number in range(hit.first, hit.last + 1)
            if (row := scan.row(hit.version, number)) is not None and scan.entry(row) is not None
        ]
        rows = np.array(found, np.int64)
        return self._hits(scan, rows, scan.scores(vector, rows))

    def article(self, article_id: str) -> Article:
        """One article whole. Raises ArticleNotFoundError."""
        self._look()
        found = self._articles([article_id])
        if article_id not in found:
            raise ArticleNotFoundError(
                f"no article has the id {article_id!r}. `dateline articles list` shows the ids."
            )
        return found[article_id]

    def revisions(self, article_id: str) -> list[Revision]:
        """All texts that an article had, the present one first. Raises ArticleNotFoundError."""
        article = self.article(article_id)
        entry = self._catalogue.get(article_id)
        present = Revision(article, version_of(article))
        records = self._store.get("revisions", entry.revisions if entry else [], documents=True)
        old = [_revision_of_record(records[v]) for v in (entry.revisions if entry else ()) if v in records]
        return [present, *reversed(old)]

    def revision(self, article_id: str, version: str) -> Revision:
        """An article as it was in one version. Raises ArticleNotFoundError."""
        for revision in self.revisions(article_id):
            if revision.version == version:
                return revision
        raise ArticleNotFoundError(
            f"the article {article_id!r} has no version {version!r}: it may have been removed and taken "
            f"in again. `dateline articles show {article_id}` shows the present text."
        )

    def copies(self, article_id: str) -> list[str]:
        """Ids of other articles that print the same text or nearly so; empty when there are none."""
        return [entry.id for entry in self._catalogue.copies(article_id)]

    def clusters(self) -> list[list[str]]:
        """Ids of the articles of each text that is there more than once, its first article first."""
        self._look()
        return [[entry.id for entry in cluster] for cluster in self._catalogue.clusters]

    def entry(self, article_id: str) -> Entry | None:
        """What is known of an article without reading it; None when there is none of this id."""
        return self._catalogue.get(article_id)

    def indexed(self, article_id: str) -> Indexed | None:
        """An article with its passages and vectors; None when it is not there whole."""
        entry = self._catalogue.get(article_id)
        found = next(self._stored([entry], vectors=True), []) if entry else []
        return found[0] if found else None

    def articles(
        self,
        *,
        offset: int = 0,
        limit: int = 50,
        filters: Filters = NO_FILTERS,
    ) -> list[Article]:
        """A page of articles, newest publication first, undated last."""
        self._look()
        page = self._catalogue.matching(filters)[offset : offset + limit]
        found = self._articles([entry.id for entry in page])
        return [found[entry.id] for entry in page if entry.id in found]

    def browse(
        self, query: str = "", *, offset: int = 0, limit: int = 50, filters: Filters = NO_FILTERS
    ) -> ArticlePage:
        """A page of the articles that have all words of a query, newest publication first, undated last.

        The words stand in the title and one passage, in any of their forms; or in the outlet's name. An
        article's id finds it too, and an empty query everything.
        """
        self._look()
        catalogue, query = self._catalogue, query.strip()
        if query:
            languages = [*catalogue.languages, ""]
            versions = self._words.having(query, languages, MOST_BROWSED)
            found = catalogue.named(query, versions, filters)
        else:
            found = catalogue.matching(filters)
        page = found[offset : offset + limit]
        read = self._articles([entry.id for entry in page])
        return ArticlePage(len(found), tuple(read[entry.id] for entry in page if entry.id in read))

    def statistics(self, interval: Interval = "day", filters: Filters = NO_FILTERS) -> Statistics:
        """The articles that pass the filters, counted by date, outlet and language."""
        self._look()
        return self._catalogue.statistics(filters, interval)

    def fingerprint(self) -> str:
        """A hash of all articles' content: the same for the same articles, however they got in."""
        return fingerprint_of((entry.id, entry.version) for entry in self._catalogue.entries)

    def count_articles(self, filters: Filters = NO_FILTERS) -> int:
        """How many articles pass the filters."""
        self._look()
        return len(self._catalogue.matching(filters))

    def coverage(self, filters: Filters = NO_FILTERS) -> Coverage:
        """What a search with these filters looks through."""
        self._look()
        return self._catalogue.coverage(filters)

    def sentences(self, article: Article) -> tuple[Sentence, ...]:
        """The article's sentences in order."""
        return split_sentences(article.text, article.language)

    def holds(self, article: Article) -> bool | None:
        """True: exactly this content; False: another version of it; None: nothing of this id."""
        entry = self._catalogue.get(article.id)
        return None if entry is None else entry.version == version_of(article)

    def add(self, items: Sequence[Indexed], *, revise: bool = True) -> None:
        """Store articles, each replacing its predecessor whole; returns when they are safe.

        Predecessors of another text or title stay readable as revisions, unless `revise` is false.
        """
        self.check_embedder()
        with self._store.writing(), self._forgetting_on_failure():
            self.catch_up()
            self._sweep()
            now = datetime.now(UTC).isoformat(timespec="seconds")
            items = [
                replace(item, article=replace(item.article, ingested_at=item.article.ingested_at or now))
                for item in items
            ]
            old = [e for item in items if (e := self._catalogue.get(item.article.id)) is not None]
            before = self._keep_revisions(items, old, now) if revise else {}
            entries = [self._entry_for(item, before.get(item.article.id, "")) for item in items]
            kept = {entry.version for entry in entries}
            # The doctor stores an article's present version again.
            notes = list({entry.version: _note(entry) for entry in [*entries, *old]}.values())
            self._store.put("unfinished", notes)
            self._store.put("sentences", [r for item in items for r in _sentence_records(item)])
            records = [_article_record(i.article, entry) for i, entry in zip(items, entries, strict=True)]
            with self._catching_up:
                self._store.put("articles", records)
                self._set_catalogue(self._catalogue.changed(added=entries))
            replaced = [entry for entry in old if entry.version not in kept]
            self._store.delete("sentences", [i for entry in replaced for i in _sentence_ids(entry)])
            self._store.delete("unfinished", [note.id for note in notes])
            self._carry_over(
                [item.article.id for item in items], items, [entry.version for entry in replaced]
            )

    def add_revision(self, article: Article, replaced_at: str = "") -> None:
        """Keep a text as an article's oldest one. Raises ArticleNotFoundError."""
        with self._store.writing(), self._forgetting_on_failure():
            self.catch_up()
            entry = self._catalogue.get(article.id)
            records = self._store.get("articles", [article.id], documents=True)
            if entry is None or article.id not in records:
                raise ArticleNotFoundError(f"no article has the id {article.id!r} to keep a revision of.")
            version = version_of(article)
            if version in (entry.version, *entry.revisions):
                return
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._store.put("revisions", [_revision_record(article, replaced_at or now)])
            entry = replace(entry, revisions=(version, *entry.revisions))
            present = _article_of_record(records[article.id])
            with self._catching_up:
                self._store.put("articles", [_article_record(present, entry)])
                self._set_catalogue(self._catalogue.changed(added=[entry]))
            self._carry_over([article.id], [], [])

    def _keep_revisions(self, items: Sequence[Indexed], old: Sequence[Entry], now: str) -> dict[str, str]:
        """Keep the present texts of articles that are given others; their versions by article."""
        coming = {item.article.id: item.article for item in items}
        changed = [entry for entry in old if version_of(coming[entry.id]) != entry.version]
        present = self._current(changed).values()
        kept = [a for a in present if (a.text, a.title) != (coming[a.id].text, coming[a.id].title)]
        self._store.put("revisions", [_revision_record(article, now) for article in kept])
        return {article.id: version_of(article) for article in kept}

    def _entry_for(self, item: Indexed, before: str) -> Entry:
        """The entry of an article that follows the version `before`, if it is kept."""
        entry, old = _entry(item), self._catalogue.get(item.article.id)
        if old is None:
            return entry
        versions = [*old.revisions, *filter(None, [before])]
        return replace(
            entry,
            cluster=old.cluster if item.cluster is None else entry.cluster,
            revisions=tuple(dict.fromkeys(v for v in versions if v != entry.version)),
        )

    def remove(self, article_id: str) -> None:
        """Remove an article and all that was made of it. Raises ArticleNotFoundError."""
        with self._store.writing(), self._forgetting_on_failure():
            self.catch_up()
            entry = self._catalogue.get(article_id)
            if entry is None:
                raise ArticleNotFoundError(
                    f"no article has the id {article_id!r}, so there is nothing to remove. "
                    "`dateline articles list` shows the ids."
                )
            note = _note(entry)
            self._store.put("unfinished", [note])
            with self._catching_up:
                self._store.delete("articles", [article_id])
                self._set_catalogue(self._catalogue.changed(removed=[article_id]))
            if entry.revisions:
                self._store.delete("revisions", entry.revisions)
            self._store.delete("sentences", _sentence_ids(entry))
            self._store.delete("unfinished", [note.id])
            self._carry_over([article_id], [], [entry.version])

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

    def faults(self) -> Faults:
        """Compare the articles with everything that is made of them; reads every sentence's id."""
        self.catch_up()
        entries = self._catalogue.entries
        expected = {entry.version: entry for entry in entries}
        found: dict[str, int] = {}
        leftovers = []
        for record in self._store.all("sentences"):
            version, _, number = record.id.partition(":")
            if version in expected and int(number) < expected[version].sentences:
                found[version] = found.get(version, 0) + 1
            else:
                leftovers.append(record.id)
        words = self._words.versions()
        rows = Scan(self._catalogue, self._rows.snapshot, self.embedder.name).missing
        return Faults(
            incomplete=tuple(e.id for e in entries if found.get(e.version, 0) < e.sentences),
            leftovers=tuple(leftovers),
            derived=len(words ^ expected.keys()) + len(rows),
        )

    def drop_sentences(self, ids: Sequence[str]) -> None:
        """Delete sentences that belong to no article's present version."""
        with self._store.writing():
            self.catch_up()
            present = {entry.version for entry in self._catalogue.entries}
            self._store.delete("sentences", [i for i in ids if i.partition(":")[0] not in present])

    def rebuild(self) -> None:
        """Make the word index and the rows anew from the store."""
        with self._store.writing():
            self.catch_up()
            for derived, mend in ((self._words, self._mend_words), (self._rows, self._mend_rows)):
                with derived.alone(wait=True):
                    derived.clear()
                    mend()
                    derived.mark(self._store.stamp)
                derived.reload()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep every other writer out. Raises ArchiveUnavailableError when another does not end."""
        with self._store.writing():
            yield

    def ping(self) -> None:
        """Raises ArchiveUnavailableError when the store does not answer."""
        self._store.ping()

    def close(self) -> None:
        self._store.close()

    def _identity(self) -> dict[str, str | int]:
        return {**self.embedder.identity(), "centring": centring_of(self.embedder.name)}

    def catch_up(self) -> None:
        """Take note of what other processes wrote since: all of it, up to now."""
        with self._catching_up, self._forgetting_on_failure():
            seen_at = time.monotonic()
            if written := self._store.refresh():
                self._set_catalogue(self._with(written))
                self._sync()
            elif not self._in_step:
                # Another process was at the words or the rows when this one last looked.
                self._sync()
            self._seen_at = seen_at

    def _look(self) -> None:
        """Catch up, unless that was done a moment ago or a thread is at it: readers need not wait."""
        if time.monotonic() - self._seen_at > FRESH_SECONDS and self._catching_up.acquire(blocking=False):
            try:
                self.catch_up()
            finally:
                self._catching_up.release()

    @contextmanager
    def _forgetting_on_failure(self) -> Iterator[None]:
        """What was seen of the store counts only if all that follows from it was done."""
        try:
            yield
        except ArticleNotFoundError:
            raise
        except BaseException:
            self._store.forget()
            self._seen_at = -math.inf
            raise

    def _set_catalogue(self, catalogue: Catalogue) -> None:
        with self._catalogue_lock:
            self._catalogue = catalogue

    def _scanned(self) -> Scan:
        """The present catalogue joined with the present rows."""
        with self._catalogue_lock:
            catalogue, snapshot, scan = self._catalogue, self._rows.snapshot, self._scan
            if scan is None or scan.catalogue is not catalogue or scan.snapshot is not snapshot:
                scan = self._scan = Scan(catalogue, snapshot, self.embedder.name)
            return scan

    def _with(self, written: Written) -> Catalogue:
        """The catalogue with what others wrote."""
        if written.articles is None:
            return self._read_catalogue()
        records = self._store.get("articles", list(written.articles))
        added = [_entry_of_record(record) for record in records.values()]
        return self._catalogue.changed(added, written.articles - records.keys())

    def _read_catalogue(self) -> Catalogue:
        return Catalogue(_entry_of_record(record) for record in self._store.all("articles"))

    def _articles(self, ids: Iterable[str]) -> dict[str, Article]:
        records = self._store.get("articles", list(dict.fromkeys(ids)), documents=True)
        return {article_id: _article_of_record(record) for article_id, record in records.items()}

    def _current(self, entries: Iterable[Entry]) -> dict[str, Article]:
        """The articles of these versions by version; one that was replaced meanwhile is left out."""
        wanted = {entry.version: entry.id for entry in entries}
        with self._read_lock:
            known = {v: self._read_articles[v] for v in wanted if v in self._read_articles}
        if len(known) < len(wanted):
            read = self._articles(i for version, i in wanted.items() if version not in known).values()
            new = {version: a for a in read if (version := version_of(a)) in wanted}
            known |= new
            with self._read_lock:
                self._read_articles.update(new)
        return known

    def _hits(self, scan: Scan, rows: Ints, scores: Vectors) -> list[Hit]:
        entries = [entry for row in rows if (entry := scan.entry(row)) is not None]
        articles = self._current(entries)
        hits = []
        for row, score, entry in zip(rows.tolist(), scores.tolist(), entries, strict=True):
            if (article := articles.get(entry.version)) is not None:
                passage, sentence = scan.passage(row, article.text)
                hits.append(Hit(article, passage, sentence, score, scan.vector(row)))
        return hits

    def _carry_over(
        self, articles: Sequence[str], items: Sequence[Indexed], removed: Sequence[str]
    ) -> None:
        """Tell of a write of these articles, and carry it over to the word index and the rows."""
        before = self._store.stamp
        self._store.changed(articles)
        with self._words.alone(wait=True):
            in_step = self._words.stamp == before
            passages = [passage for item in items for passage in _word_passages(item)]
            self._words.update(passages, [*removed, *(version_of(item.article) for item in items)])
            if in_step:
                self._words.mark(self._store.stamp)
        with self._rows.alone(wait=True):
            in_step = self._rows.stamp == before
            self._rows.append([_block(item) for item in items])
            if in_step:
                self._rows.mark(self._store.stamp)
        self._sync()

    def _sync(self) -> None:
        """Bring what is derived in step with the store, unless another process is at it."""
        with self._catching_up:
            self._in_step = False
            self._words.reload()
            self._rows.reload()
            # A process that was killed right after it stored articles told nobody of them.
            untold = bool(self._scanned().missing)
            in_step = True
            for derived, mend in ((self._words, self._mend_words), (self._rows, self._mend_rows)):
                if untold or derived.stamp != self._store.stamp:
                    with derived.alone(wait=False) as alone:
                        if alone:
                            stamp = self._store.stamp
                            mend()
                            derived.mark(stamp)
                    in_step &= alone
                    derived.reload()
            self._in_step = in_step

    def _mend_words(self) -> None:
        """Index what is missing and drop what is too much."""
        expected = {entry.version: entry for entry in self._catalogue.entries}
        present = self._words.versions()
        for items in self._stored([e for version, e in expected.items() if version not in present]):
            self._words.update(passage for item in items for passage in _word_passages(item))
        self._words.update(removed=present - expected.keys())

    def _mend_rows(self) -> None:
        """Add the rows that are missing, and leave out the dead when they are the most."""
        if not self._rows.stamp:
            self._rows.clear()
        self._rows.reload()
        missing = Scan(self._catalogue, self._rows.snapshot, self.embedder.name).missing
        for items in self._stored(missing, vectors=True):
            self._rows.append([_block(item) for item in items])
        entries = self._catalogue.entries
        if len(self._rows.snapshot) > 2 * sum(entry.sentences for entry in entries):
            self._rows.rewrite([entry.version for entry in entries])

    def _stored(self, entries: Sequence[Entry], *, vectors: bool = False) -> Iterator[list[Indexed]]:
        """These articles as they are stored, some at a time; one without all its sentences is left out."""
        for start in range(0, len(entries), MEND_ARTICLES):
            chunk = entries[start : start + MEND_ARTICLES]
            articles = self._current(chunk)
            ids = [i for entry in chunk for i in _sentence_ids(entry)]
            records = self._store.get("sentences", ids, vectors=vectors)
            items = []
            for entry in chunk:
                found = [records[i] for i in _sentence_ids(entry) if i in records]
                if entry.version in articles and len(found) == entry.sentences:
                    items.append(_indexed(articles[entry.version], found))
            yield items

    def _sweep(self) -> None:
        """Remove what an interrupted process left: sentences of versions that do not count."""
        notes = list(self._store.all("unfinished"))
        if self.config.chroma_url:
            oldest = time.time() - ABANDONED_AFTER_SECONDS
            notes = [note for note in notes if note.metadata["at"] < oldest]
        if notes:
            # Whoever left them may have told nobody what it had stored.
            self._set_catalogue(self._read_catalogue())
        for note in notes:
            entry = self._catalogue.get(note.metadata["article"])
            if entry is None or entry.version != note.id:
                self._store.delete("sentences", _ids(note.id, note.metadata["sentences"]))
            self._store.delete("unfinished", [note.id])


def version_of(article: Article) -> str:
    """A hash of the article's content; the time of ingestion is not part of it."""
    content = json.dumps([getattr(article, name) for name in _CONTENT], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def fingerprint_of(versions: Iterable[tuple[str, str]]) -> str:
    """A hash of articles' ids and `version_of`s, in any order."""
    text = json.dumps(sorted(versions), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


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
        cluster=item.cluster or "",
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
        cluster=data.get("cluster", ""),
        revisions=tuple(data.get("revisions", "").split()),
    )


def _article_record(article: Article, entry: Entry) -> Record:
    metadata: dict[str, Any] = asdict(article) | {"authors": json.dumps(article.authors)}
    del metadata["id"], metadata["text"]
    metadata |= {"version": entry.version, "passages": entry.passages, "sentences": entry.sentences}
    metadata |= {"cluster": entry.cluster, "revisions": " ".join(entry.revisions)}
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


def _revision_record(article: Article, replaced_at: str) -> Record:
    metadata: dict[str, Any] = asdict(article) | {"authors": json.dumps(article.authors)}
    metadata |= {"article": metadata.pop("id"), "replaced_at": replaced_at}
    del metadata["text"]
    return Record(version_of(article), metadata, document=article.text)


def _revision_of_record(record: Record) -> Revision:
    article = replace(_article_of_record(record), id=record.metadata["article"])
    return Revision(article, record.id, record.metadata["replaced_at"])


def _sentence_records(item: Indexed) -> list[Record]:
    entry = _entry(item)
    return [
        Record(
            f"{entry.version}:{number}",
            {"article": entry.id, "start": start, "end": end, "passage": passage},
            vector=item.vectors[number],
        )
        for number, (start, end, passage) in enumerate(_places(item))
    ]


def _indexed(article: Article, records: Sequence[Record]) -> Indexed:
    """An article with its sentences' records, put together again."""
    passages: dict[int, list[Sentence]] = {}
    for record in records:
        start, end = record.metadata["start"], record.metadata["end"]
        passages.setdefault(record.metadata["passage"], []).append(
            Sentence(article.text[start:end], start, end)
        )
    vectors = [record.vector for record in records if record.vector is not None]
    return Indexed(
        article,
        tuple(Passage(tuple(sentences)) for sentences in passages.values()),
        np.stack(vectors) if vectors else np.zeros((len(records), 0), np.float32),
    )


def _block(item: Indexed) -> Block:
    return Block(version_of(item.article), item.vectors, _places(item))


def _places(item: Indexed) -> list[tuple[int, int, int]]:
    return [
        (sentence.start_char, sentence.end_char, number)
        for number, passage in enumerate(item.passages)
        for sentence in passage.sentences
    ]


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


def derived_folder(config: IndexConfig) -> Path:
    """Where this machine keeps what goes with an archive: its folder; for a server, among the user's data.

    Words and rows are made again when they are lost, the ledger is not.
    """
    if not config.chroma_url:
        return config.archive
    return user_data_path("dateline") / hashlib.sha256(config.chroma_url.encode()).hexdigest()[:16]
