"""A sentence of an article to the citation that points to it."""

from collections.abc import Sequence

from index.archive import version_of
from index.types import Article, Hit, Sentence
from rag.types import Citation, Source


def cite(
    article: Article, sentence: Sentence, index: int = 0, *, reason: str = "", copies: Sequence[Hit] = ()
) -> Citation:
    """The citation of a sentence, verified unless a reason says why not.

    `copies` are the same words in other articles: the citation's `also_in`.
    """
    return Citation(
        index=index,
        article_id=article.id,
        title=article.title,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
        language=article.language,
        cited_text=sentence.text,
        start_char=sentence.start_char,
        end_char=sentence.end_char,
        verified=not reason,
        reason=reason,
        version=version_of(article),
        also_in=tuple(
            Source(
                article_id=copy.article.id,
                title=copy.article.title,
                url=copy.article.url,
                source=copy.article.source,
                published_at=copy.article.published_at,
                start_char=copy.sentence.start_char,
                end_char=copy.sentence.end_char,
                version=version_of(copy.article),
            )
            for copy in copies
        ),
    )
