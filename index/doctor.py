"""Is the archive whole, and what it is not, made whole again."""

from collections.abc import Iterator
from dataclasses import dataclass

from index.archive import Archive
from index.ingest import embed_articles, split_article


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `problem` is empty when it is as it should be."""

    what: str
    problem: str = ""
    mended: bool = False


def examine(archive: Archive, *, mend: bool) -> Iterator[Finding]:
    """Look at every article, sentence, word index and row; with `mend`, put right what is wrong.

    Articles are never lost by it: what an article lacks is made again from its text.
    """
    yield Finding(f"articles: {archive.count_articles():,}")
    faults = archive.faults()
    if faults.incomplete and mend:
        for article_id in faults.incomplete:
            article = archive.article(article_id)
            archive.add(embed_articles(archive, [(article, split_article(archive, article))]))
    yield _finding("articles with all their sentences", len(faults.incomplete), "lack some", mend)
    if faults.leftovers and mend:
        archive.drop_sentences(faults.leftovers)
    yield _finding("sentences of no article", len(faults.leftovers), "are left over", mend)
    derived = faults.derived
    if derived and mend:
        archive.rebuild()
    yield _finding("word index and rows in step with the articles", derived, "are missing or stale", mend)


def _finding(what: str, count: int, wrong: str, mended: bool) -> Finding:
    return Finding(what, f"{count:,} {wrong}" if count else "", mended=bool(count) and mended)
