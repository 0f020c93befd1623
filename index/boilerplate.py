"""Lines that a source prints under many of its articles: they are no part of any of them."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from index.duplicates import hash64
from index.ledger import Ledger
from index.types import Article

# Of a source's articles, those that have the line: so many, and so large a share. A paragraph of
# background comes back in a story's every instalment, but not in a fifth of all that a paper prints.
LEAST_ARTICLES = 10
LEAST_SHARE = 0.2
LONGEST_LINE = 300
# An article that is mostly such lines is left as it is.
LEAST_LEFT = 0.5
_LETTERS = re.compile(r"[^\W\d_]")


def source_of(article: Article) -> str:
    """Whose habits the article follows: its source, else the host of its URL; empty when unknown."""
    return article.source or urlsplit(article.url).hostname or ""


def without_repeated_lines(ledger: Ledger, number: int, article: Article) -> str:
    """The article's text without the lines that its source is known to repeat, and count the others."""
    source = source_of(article)
    if not source or "\n" not in article.text:
        return article.text
    known = ledger.boilerplate(source)
    lines = {
        hash64(f"{source}\n{line}"): line
        for line in map(str.strip, article.text.split("\n"))
        if len(line) <= LONGEST_LINE and len(_LETTERS.findall(line)) >= 3
    }
    counts, articles = ledger.count_lines(source, number, [key for key in lines if key not in known])
    for key, count in counts.items():
        if count >= LEAST_ARTICLES and count >= LEAST_SHARE * articles:
            ledger.add_boilerplate(source, key, lines[key])
            known[key] = lines[key]
    return strip(article.text, set(known.values())) if known.keys() & lines.keys() else article.text


def strip(text: str, lines: Sequence[str] | set[str]) -> str:
    """The text without these lines; whole when little would be left."""
    left = "\n".join(line for line in text.split("\n") if line.strip() not in lines).strip("\n")
    left = re.sub(r"\n{3,}", "\n\n", left)
    return left if len(left) >= LEAST_LEFT * len(text) else text
