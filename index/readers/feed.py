"""RSS and Atom feeds: the articles that they carry whole; the only file that knows feedparser."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.dated import said_date
from index.readers.file import LARGEST_MARKUP_BYTES, load
from index.readers.found import Failure, Found, one_line, place
from index.readers.markup import text_of
from index.readers.record import InputArticle, is_web_address

# A summary of more words than this is an article: some feeds carry the whole text there.
WHOLE_WORDS = 150


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a feed. `text` is empty when the feed carries only a summary of it."""

    title: str
    url: str
    text: str
    authors: tuple[str, ...]
    published_at: str
    source: str
    language: str

    def article(self, article_id: str = "") -> InputArticle:
        """The entry as an article. Raises pydantic's ValidationError."""
        return InputArticle(
            id=article_id,
            title=self.title,
            text=self.text,
            url=self.url,
            source=self.source,
            authors=self.authors,
            published_at=self.published_at,
        )


def read_feed(path: Path, article_id: str) -> Iterator[Found | Failure]:
    """The articles that a feed's file carries whole; an entry that is only a summary is a Failure."""
    for number, item in enumerate(parse_feed(load(path, LARGEST_MARKUP_BYTES)), start=1):
        where = f"{place(path)} entry {number}"
        if not item.text:
            yield Failure(
                where, f"carries only a summary: take in the feed, or {item.url or 'the page'}, by its URL"
            )
            continue
        try:
            name = "" if item.url else f"{article_id}#{number}"
            likely = [item.language] if item.language else []
            yield Found(item.article(name).to_article(likely=likely), path, number)
        except ValidationError as error:
            yield Failure(where, one_line(error))


def parse_feed(data: bytes, address: str = "") -> list[Item]:
    """The entries of a feed, links made whole by its address. Raises UnreadableInputError."""
    # Takes a while to import, and many archives have no feeds.
    import feedparser

    try:
        feed: Any = feedparser.parse(
            data, response_headers={"content-location": address} if address else {}
        )
    except Exception as error:  # whatever a hostile feed makes the library do
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnreadableInputError(f"cannot be understood as a feed: {reason}") from None
    if not feed.get("version") and not feed.entries:
        raise UnreadableInputError("is no RSS or Atom feed: give a feed, or the page itself as .html")
    channel = feed.feed
    base = address or channel.get("link", "")
    language = str(channel.get("language", "")).split("-")[0].lower()
    return [_item(entry, channel.get("title", ""), base, language) for entry in feed.entries]


def _item(entry: Any, source: str, base: str, language: str) -> Item:
    contents = [part.get("value", "") for part in entry.get("content", ())]
    texts = [text_of(html) for html in [*contents, entry.get("summary", "")] if html]
    text = max(texts, key=len, default="")
    with suppress(ValueError):
        base = urljoin(base, entry.get("link", ""))
    names = [author.get("name", "") for author in entry.get("authors", ())]
    return Item(
        title=text_of(entry.get("title", "")).replace("\n", " "),
        url=base if entry.get("link") and is_web_address(base) else "",
        text=text if contents or len(text.split()) > WHOLE_WORDS else "",
        authors=tuple(name for name in names if name),
        published_at=said_date(entry.get("published") or entry.get("updated") or ""),
        source=text_of(entry.get("source", {}).get("title", "") or source).replace("\n", " "),
        language=language,
    )
