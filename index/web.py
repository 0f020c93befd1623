"""URLs to articles: a page, a feed with the pages it names, a sitemap with those it names.

What was fetched before and has not changed costs one request, and the page of an entry that has not
changed in its feed none.
"""

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pydantic import ValidationError

from index.address import canonical
from index.errors import UnreadableInputError
from index.fetch import LARGEST_BYTES, Fetcher, FetchError, Reply
from index.ledger import Ledger, Page
from index.readers import Failure, File, Found, InputEnd, Start, one_line
from index.readers.ahead import Apart
from index.readers.feed import Item, parse_feed
from index.readers.markup import parse_xml
from index.readers.record import LONGEST_ID, stable_id
from index.readers.sitemap import Place, is_sitemap, places
from index.types import Article

MOST_PAGES = 50_000
MOST_MAPS = 500
_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}

Items = Iterator[Article | Failure | InputEnd]
# The ids of an input's articles, when it was taken in with this mark and all are still there.
Taken = Callable[[str, str], tuple[str, ...] | None]


class Web:
    """Reads URLs for one archive."""

    def __init__(self, fetcher: Fetcher, ledger: Ledger, taken: Taken, start: Start, apart: Apart) -> None:
        self._fetcher = fetcher
        self._apart = apart
        self._ledger = ledger
        self._taken = taken
        self._start = start
        self.retry_after: dict[str, float] = {}

    def read(self, url: str) -> Items:
        """The articles of a page, feed or sitemap, with a mark after each page."""
        try:
            reply = self._fetch(url)
        except FetchError as error:
            self.retry_after[url] = error.retry_after
            yield from _failed(url, error)
            return
        self.retry_after.pop(url, None)
        if isinstance(reply, InputEnd):
            yield reply
            return
        digest = _digest(reply.body)
        try:
            # A page is parsed apart, too, but as a file.
            named = self._apart.call(_named, reply.body, reply.url) if _is_markup(reply.body) else None
            if named is None:
                yield from self._page(url, reply)
            elif isinstance(named, Sitemap):
                yield from self._sitemap(named.places)
            else:
                yield from self._feed(named.items)
        except UnreadableInputError as error:
            yield Failure(url, str(error))
        yield InputEnd(url, digest, url)

    def _fetch(self, url: str) -> Reply | InputEnd:
        """The reply, or the end of an input that has not changed. Raises FetchError."""
        before = self._ledger.page(url)
        ids = self._taken(url, before.digest) if before.digest else None
        known = before if ids is not None else Page(url)
        reply = self._fetcher.get(url, etag=known.etag, modified=known.modified)
        if ids is not None and (reply.unchanged or _digest(reply.body) == before.digest):
            return InputEnd(url, before.digest, url, ids)
        if reply.unchanged:
            reply = self._fetcher.get(url)
        self._ledger.set_page(Page(url, reply.etag, reply.modified, _digest(reply.body)))
        return reply

    def _page(self, url: str, reply: Reply, item: Item | None = None) -> Iterator[Article | Failure]:
        """The article of a page, completed by what a feed said of it."""
        suffix = _SUFFIXES.get(reply.kind) or PurePosixPath(urlsplit(reply.url).path).suffix.lower()
        suffix = suffix if suffix in _SUFFIXES.values() else ".html"
        with tempfile.TemporaryDirectory(prefix="dateline-") as folder:
            path = Path(folder) / f"page{suffix}"
            path.write_bytes(reply.body)
            for found in self._start(File(path, _id_of(reply.url)))():
                if isinstance(found, Failure):
                    yield Failure(url, found.reason)
                else:
                    yield _completed(found, reply.url, item)

    def _feed(self, entries: Iterable[Item]) -> Items:
        """The articles that a feed carries whole, after the pages of those that it does not."""
        whole = []
        for number, item in enumerate(entries, start=1):
            if item.text:
                whole.append((number, item))
            elif item.url:
                said = f"{item.title}\n{item.published_at}"
                yield from self._linked(item.url, said, item)
            else:
                yield Failure(f"entry {number}, {item.title[:80]!r}", "has neither a text nor a link")
        for number, item in whole:
            try:
                likely = [item.language] if item.language else []
                yield item.article(_id_of(item.url) if item.url else "").to_article(likely=likely)
            except ValidationError as error:
                yield Failure(item.url or f"entry {number}", one_line(error))

    def _sitemap(self, found: Iterable[Place]) -> Items:
        pages: dict[str, str] = {}
        maps = [place.url for place in self._sorted(found, pages)]
        for number, url in enumerate(maps):  # grows while it is walked
            if number >= MOST_MAPS:
                yield Failure(url, f"is one of more than {MOST_MAPS} sitemaps: take it in by itself")
                break
            try:
                body = self._fetcher.get(url).body
                named = self._apart.call(_named, body, url) if _is_markup(body) else None
                if not isinstance(named, Sitemap):
                    raise UnreadableInputError("is no sitemap")
            except UnreadableInputError as error:
                yield Failure(url, str(error))
                continue
            maps += [place.url for place in self._sorted(named.places, pages) if place.url not in maps]
        for url, changed in pages.items():
            yield from self._linked(url, changed)

    @staticmethod
    def _sorted(found: Iterable[Place], pages: dict[str, str]) -> list[Place]:
        """The further sitemaps among these; the pages are added to `pages`."""
        maps = []
        for place in found:
            if place.is_map:
                maps.append(place)
            elif len(pages) < MOST_PAGES:
                pages[place.url] = place.changed
        return maps

    def _linked(self, url: str, said: str, item: Item | None = None) -> Items:
        """The article of a page that a feed or sitemap names; none when that says nothing new of it."""
        mark = self._ledger.page(f"said of {url}")
        digest = _digest(said.encode())
        ids = self._taken(url, self._ledger.page(url).digest)
        if said and ids is not None and mark.digest == digest:
            yield InputEnd(url, mark.digest, url, ids)
            return
        try:
            if not self._fetcher.may_visit(url):
                yield from _failed(url, UnreadableInputError("is closed to programs by its robots.txt"))
                return
            reply = self._fetch(url)
            self._ledger.set_page(Page(f"said of {url}", digest=digest))
            if isinstance(reply, InputEnd):
                yield reply
                return
            yield from self._page(url, reply, item)
        except UnreadableInputError as error:
            yield from _failed(url, error)
            return
        yield InputEnd(url, _digest(reply.body), url)


def _failed(url: str, error: UnreadableInputError) -> Items:
    yield Failure(url, str(error))
    yield InputEnd(url, "failed", url)


def _completed(found: Found, url: str, item: Item | None) -> Article:
    """The article with its URL, and what the page does not say of itself as its feed says it."""
    article = found.article
    # A page may name another address as its own, but not one of another site.
    own = article.url and urlsplit(article.url).hostname == urlsplit(url).hostname
    article = replace(article, url=article.url if own else url)
    if item is None:
        return article
    return replace(
        article,
        title=article.title or item.title,
        source=article.source or item.source,
        authors=article.authors or item.authors,
        published_at=_fuller(article.published_at, item.published_at),
    )


def _fuller(one: str, other: str) -> str:
    """The date that says more: that of a page, unless the feed's is of the same day and has a time."""
    return other if not one or (len(one) == 10 and other.startswith(one)) else one


def _id_of(url: str) -> str:
    """The id of a page's article: its address, where that is short enough to be typed."""
    name = canonical(url) or url
    return name if len(name) <= LONGEST_ID // 2 else stable_id(name)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def _unzipped(body: bytes) -> bytes:
    """The bytes, unpacked if they are a gzip file, as large sitemaps are. Raises UnreadableInputError."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacking = zlib.decompressobj(wbits=31)
    try:
        data = unpacking.decompress(body, LARGEST_BYTES + 1)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableInputError(f"is a damaged gzip file: {error}") from None
    if len(data) > LARGEST_BYTES:
        raise UnreadableInputError(f"unpacks to more than {LARGEST_BYTES // 2**20} MiB")
    return data


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap names."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed names or carries."""

    items: tuple[Item, ...]


def _named(body: bytes, url: str) -> Sitemap | Feed | None:
    """What a sitemap or feed names; None for a page. Raises UnreadableInputError."""
    body = _unzipped(body)
    try:
        root = parse_xml(body)
    except ValueError:
        # Many feeds are broken XML.
        head = body[:2000].lower()
        is_feed = b"<html" not in head and any(tag in head for tag in (b"<rss", b"<feed", b"<rdf:rdf"))
        return Feed(tuple(parse_feed(body, url))) if is_feed else None
    if is_sitemap(root):
        return Sitemap(tuple(places(root)))
    name = root.tag.rpartition("}")[2].lower() if isinstance(root.tag, str) else ""
    return Feed(tuple(parse_feed(body, url))) if name in ("rss", "feed", "rdf") else None


def _is_markup(body: bytes) -> bool:
    """Whether this may be XML, or XML packed by gzip, and not HTML."""
    if body.startswith(b"\x1f\x8b"):
        return True
    head = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith(b"<") and not head.startswith(b"<!doctype html") and b"<html" not in head
