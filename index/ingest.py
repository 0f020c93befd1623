"""Articles into the archive: split, embed in batches, store; unchanged ones cost no embedding."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np

from index.archive import Archive, Indexed
from index.centre import centre
from index.errors import UnreadableInputError
from index.readers import Failure
from index.split import pack_passages, split_sentences
from index.types import Article, IngestStatus, Passage

# Texts embedded and stored together: enough that batches hold texts of like length and that what a
# write costs by itself is little, few enough that memory stays bounded and a killed run loses only
# seconds of work.
BATCH_TEXTS = 2048
# The share of each in a sentence's stored vector; their sum is 2. On XQuAD 1 : 1 and 1 : 2 are no
# better, and on the sample archive the sentence deserves the larger share.
SENTENCE_WEIGHT = 1.2
PASSAGE_WEIGHT = 0.8
MAX_ARTICLE_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one article. `failed` has a reason, and `article_id` then says where it was."""

    article_id: str
    title: str
    status: IngestStatus | Literal["failed"]
    reason: str = ""
    passages: int = 0


def ingest(archive: Archive, articles: Iterable[Article | Failure]) -> Iterator[Outcome]:
    """Take articles in; an outcome is yielded once its article is safely stored."""
    archive.catch_up()
    waiting: dict[str, tuple[Article, tuple[Passage, ...]]] = {}
    texts = 0
    for item in articles:
        if isinstance(item, Failure):
            yield Outcome(item.where, "", "failed", item.reason)
            continue
        if item.id in waiting:
            # The same id again: store the first, so that the second replaces it as it should.
            yield from _store(archive, list(waiting.values()))
            waiting, texts = {}, 0
        if archive.holds(item):
            yield Outcome(item.id, item.title, "unchanged")
            continue
        try:
            passages = split_article(archive, item)
        except UnreadableInputError as error:
            yield Outcome(item.id, item.title, "failed", str(error))
            continue
        waiting[item.id] = (item, passages)
        texts += len(passages) + sum(len(passage.sentences) for passage in passages)
        if texts >= BATCH_TEXTS:
            yield from _store(archive, list(waiting.values()))
            waiting, texts = {}, 0
    yield from _store(archive, list(waiting.values()))


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


def _store(archive: Archive, batch: list[tuple[Article, tuple[Passage, ...]]]) -> Iterator[Outcome]:
    if not batch:
        return
    replaced = {article.id for article, _ in batch if archive.holds(article) is False}
    archive.add(embed_articles(archive, batch))
    for article, passages in batch:
        status: IngestStatus = "replaced" if article.id in replaced else "added"
        yield Outcome(article.id, article.title, status, passages=len(passages))


def embed_articles(archive: Archive, batch: list[tuple[Article, tuple[Passage, ...]]]) -> list[Indexed]:
    """One embedding call for all passages and sentences of a batch of articles."""
    archive.check_embedder()
    passages = [(article, passage) for article, found in batch for passage in found]
    passage_texts = [article.text[p.start_char : p.end_char] for article, p in passages]
    sentence_texts = [s.text for _, p in passages for s in p.sentences]
    passage_languages = [article.language for article, _ in passages]
    sentence_languages = [article.language for article, p in passages for _ in p.sentences]
    # A passage of one sentence is embedded once: equal texts share a vector.
    unique = list(dict.fromkeys([*passage_texts, *sentence_texts]))
    row = {text: number for number, text in enumerate(unique)}
    vectors = archive.embedder.embed_passages(unique)
    name = archive.embedder.name
    centred_passages = centre(vectors[[row[t] for t in passage_texts]], passage_languages, "passage", name)
    centred_sentences = centre(
        vectors[[row[t] for t in sentence_texts]], sentence_languages, "sentence", name
    )
    of_sentence = np.repeat(np.arange(len(passages)), [len(p.sentences) for _, p in passages])
    sums = SENTENCE_WEIGHT * centred_sentences + PASSAGE_WEIGHT * centred_passages[of_sentence]
    counts = [sum(len(p.sentences) for p in found) for _, found in batch]
    bounds = pairwise(accumulate(counts, initial=0))
    return [
        Indexed(article, found, sums[start:end])
        for (article, found), (start, end) in zip(batch, bounds, strict=True)
    ]
