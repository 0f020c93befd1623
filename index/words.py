"""The word index: BM25 over passages, beside the vectors; the only file that knows tantivy.

It is derived data: whatever happens to it, the archive can make it again from the articles.
"""

import math
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy

from index.analyse import analyse, analyse_question
from index.derived import Derived
from index.types import WordHit, WordMatches

_HEAP_BYTES = 32_000_000
# Raise when the analysis or the fields change: an index of another form is made anew.
FORM = "1"


@dataclass(frozen=True, slots=True)
class WordPassage:
    """A passage to be indexed: its article, that one's version and language, its place and text.

    `first` and `last` number its sentences in the article.
    """

    article: str
    version: str
    language: str
    start_char: int
    first: int
    last: int
    text: str


class Words(Derived):
    """A folder with the word index of one archive. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FORM)
        self._lock = threading.Lock()
        self._index = self._open()

    def update(self, added: Iterable[WordPassage] = (), removed: Iterable[str] = ()) -> None:
        """Add passages and remove versions, in one step that a kill cannot halve."""
        with self._lock:
            writer = self._index.writer(_HEAP_BYTES, 1)
            for version in removed:
                writer.delete_documents_by_term("version", version)
            for passage in added:
                writer.add_document(
                    tantivy.Document(
                        article=passage.article,
                        version=passage.version,
                        language=passage.language or "-",
                        start=passage.start_char,
                        first=passage.first,
                        last=passage.last,
                        terms=" ".join(analyse(passage.text, passage.language)),
                    )
                )
            writer.commit()
            writer.wait_merging_threads()
            self._index.reload()

    def reload(self) -> None:
        """See what another process wrote."""
        with self._lock:
            self._index.reload()

    def clear(self) -> None:
        """Start from nothing."""
        with self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._index = self._open()

    def search(
        self,
        question: str,
        language: str,
        k: int,
        articles: Sequence[str] = (),
        *,
        anywhere: bool = False,
    ) -> WordMatches:
        """The k best passages of the question's own language by BM25; of `articles` only, if given.

        With `anywhere`, of all languages: what is usual, and worse, as `evals.retrieval` shows.
        """
        terms = list(dict.fromkeys(analyse_question(question, language)))
        if not terms:
            return WordMatches((), {})
        schema = self._index.schema
        should = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "terms", term, "freq"))
            for term in terms
        ]
        must = [(tantivy.Occur.Must, tantivy.Query.boolean_query(should))]
        for field, values in (
            ("language", [] if anywhere else [language or "-"]),
            ("article", list(articles)),
        ):
            if values:
                allowed = tantivy.Query.term_set_query(schema, field, values)
                must.append((tantivy.Occur.Must, tantivy.Query.const_score_query(allowed, 0.0)))
        searcher = self._index.searcher()
        found = searcher.search(tantivy.Query.boolean_query(must), limit=k, count=False).hits
        hits = []
        for score, address in found:
            document = searcher.doc(address)
            places = (document[name][0] for name in ("article", "version", "start", "first", "last"))
            article, version, start, first, last = places
            hits.append(WordHit(article, version, start, first, last, float(score)))
        return WordMatches(tuple(hits), _weights(searcher, terms))

    def having(self, text: str, languages: Sequence[str], most: int) -> dict[str, str]:
        """Versions by article of those that have all words of a text in a passage or the title.

        Each article is asked for the text's terms by the rules of its own language. Only the `most`
        best passages are looked at.
        """
        schema = self._index.schema
        anywhere = []
        for language in languages:
            terms = dict.fromkeys(analyse_question(text, language))
            if not terms:
                continue
            must = [tantivy.Query.term_query(schema, "terms", term, "freq") for term in terms]
            spoken = tantivy.Query.term_query(schema, "language", language or "-", "basic")
            must.append(tantivy.Query.const_score_query(spoken, 0.0))
            anywhere.append(tantivy.Query.boolean_query([(tantivy.Occur.Must, each) for each in must]))
        if not anywhere:
            return {}
        either = tantivy.Query.boolean_query([(tantivy.Occur.Should, each) for each in anywhere])
        searcher = self._index.searcher()
        found = (
            searcher.doc(address) for _, address in searcher.search(either, limit=most, count=False).hits
        )
        return {document["article"][0]: document["version"][0] for document in found}

    def versions(self) -> set[str]:
        """The versions of all articles that are in the index."""
        searcher = self._index.searcher()
        found = searcher.search(
            tantivy.Query.all_query(), limit=max(1, searcher.num_docs), count=False
        ).hits
        return {searcher.doc(address)["version"][0] for _, address in found}

    def _open(self) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        builder = tantivy.SchemaBuilder()
        for name in ("article", "version"):
            builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
        for name in ("start", "first", "last"):
            builder.add_integer_field(name, stored=True)
        builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
        schema = builder.build()
        try:
            return tantivy.Index(schema, path=str(self.folder), reuse=True)
        except ValueError:
            # Damaged, or of another form: it is derived data.
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(schema, path=str(self.folder), reuse=True)


def _weights(searcher: Any, terms: Sequence[str]) -> dict[str, float]:
    """idf * (k1 + 1) of each term, which its share of BM25 approaches in a passage that repeats it.

    idf = ln(1 + (N - n + 0.5) / (n + 0.5)) and k1 = 1.2, as in Robertson and Zaragoza, "The
    Probabilistic Relevance Framework: BM25 and Beyond" (2009), and in the index itself.
    """
    total = searcher.num_docs
    frequencies = ((term, searcher.doc_freq("terms", term)) for term in terms)
    return {term: 2.2 * math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in frequencies}
