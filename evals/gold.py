"""Where a case's gold stands in the articles."""

import re
from collections.abc import Callable

from evals.errors import DatasetError
from evals.types import Case, Located, Quote, Span
from index.errors import ArticleNotFoundError
from index.types import Article

ArticleOf = Callable[[str], Article]


def locate(case: Case, article_of: ArticleOf) -> Located:
    """The spans of each piece of evidence, and the relevant articles with their languages.

    Raises DatasetError when an article or a quotation is not there: a suite that does not fit its
    archive should not cost a run.
    """
    relevant: dict[str, str] = {}
    spans = []
    for gold in case.evidence:
        places = []
        for quote in gold.places:
            article = _article(case, quote.article, article_of)
            relevant[article.id] = article.language
            places += _places(case, quote, article.text)
        spans.append(tuple(dict.fromkeys(places)))
    for name in case.relevant:
        relevant[name] = _article(case, name, article_of).language
    return Located(tuple(spans), relevant)


def _article(case: Case, name: str, article_of: ArticleOf) -> Article:
    try:
        return article_of(name)
    except ArticleNotFoundError:
        raise DatasetError(
            f"case {case.id!r}{_line(case)} names the article {name!r}, which the archive does not hold. "
            "Put it beside the cases, or name the right archive with --archive."
        ) from None


def _places(case: Case, quote: Quote, text: str) -> list[Span]:
    end = quote.start_char + len(quote.quote)
    if quote.start_char >= 0 and text[quote.start_char : end] == quote.quote:
        return [Span(quote.article, quote.start_char, end)]
    # White space may differ: a quotation is often copied from a page that wraps lines.
    pattern = r"\s+".join(re.escape(word) for word in quote.quote.split())
    found = [Span(quote.article, m.start(), m.end()) for m in re.finditer(pattern, text)]
    if not found:
        raise DatasetError(
            f"case {case.id!r}{_line(case)}: the article {quote.article!r} does not hold the quotation "
            f"{quote.quote[:60]!r}. Correct the quotation."
        )
    return found


def _line(case: Case) -> str:
    return f" (line {case.line})" if case.line else ""
