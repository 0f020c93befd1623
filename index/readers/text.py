"""Plain text files."""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from index.readers.dated import visible_date
from index.readers.file import decode
from index.readers.found import Found
from index.readers.record import InputArticle

_LONGEST_TITLE = 150
# Where a date of publication is looked for.
_HEAD_CHARS = 4000
_ENDS_A_SENTENCE = re.compile(r"[.!?؟؛۔।。！？…:\"'»”’)\]]\s*$")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
# Not before an indented line, a list's next item, or the next speaker.
_WRAP = re.compile(r"[^\S\n]*\n(?![^\S\n]{2}|[-*•–—]\s|\d{1,3}[.)]\s)[^\S\n]*")


def read_text(path: Path, article_id: str) -> Iterator[Found]:
    """One article: the file's text, with its first line as the title where it looks like one."""
    whole = decode(path)
    text = unwrap(whole)
    title = title_line(text)
    published_at = visible_date(whole[:_HEAD_CHARS].split("\n"), title)
    article = InputArticle(id=article_id, title=title, text=text, published_at=published_at)
    yield Found(article.to_article(), path)


def unwrap(text: str) -> str:
    """Join the lines of text that was broken at a fixed width; blank lines stay paragraph breaks.

    Such text shows by most lines being of like length, and ending in the middle of a sentence.
    """
    lengths = []
    unfinished = 0
    for line in text.split("\n"):
        if line.strip():
            lengths.append(len(line))
            unfinished += not _ENDS_A_SENTENCE.search(line[-8:])
    if len(lengths) < 6 or unfinished <= len(lengths) / 2 or not 45 <= median(lengths) <= 95:
        return text
    if sum(length > 100 for length in lengths) > len(lengths) / 10:
        return text
    return "\n\n".join(_WRAP.sub(" ", paragraph) for paragraph in _BLANK_LINES.split(text.strip("\n")))


def title_line(text: str) -> str:
    """The first line, if it is short, ends without a full stop and stands apart; it stays in the text."""
    first, _, rest = text.strip().partition("\n")
    apart = rest.partition("\n")[0].strip() == "" and rest.strip() != ""
    return (
        first.strip()
        if apart and len(first) <= _LONGEST_TITLE and not _ENDS_A_SENTENCE.search(first)
        else ""
    )
