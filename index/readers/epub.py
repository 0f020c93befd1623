"""EPUB books: the chapters in their order, as one text."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from index.errors import UnreadableInputError
from index.readers.bounded import check_zip
from index.readers.dated import said_date
from index.readers.file import load
from index.readers.found import Found
from index.readers.markup import parse_xml, text_of
from index.readers.record import InputArticle

_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CONTAINER = "META-INF/container.xml"


def read_epub(path: Path, article_id: str) -> Iterator[Found]:
    """One article: the text of all chapters, and the title, authors, publisher, date and language named."""
    load(path)
    check_zip(path)
    try:
        with zipfile.ZipFile(path) as book:
            package_path = _package_path(book)
            package = parse_xml(book.read(package_path))
            chapters = [text_of(book.read(name)) for name in _chapters(package, package_path)]
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
        raise UnreadableInputError(f"is no EPUB that can be read: {error}") from None
    article = InputArticle(
        id=article_id,
        title=_first(package, "title"),
        text="\n\n".join(filter(None, chapters)),
        authors=tuple(_all(package, "creator")),
        source=_first(package, "publisher"),
        published_at=said_date(_first(package, "date")),
    )
    language = _first(package, "language").split("-")[0].lower()
    yield Found(article.to_article(likely=[language] if language else []), path)


def _package_path(book: zipfile.ZipFile) -> str:
    container = parse_xml(book.read(_CONTAINER))
    for element in container.iter("{*}rootfile"):
        if found := element.get("full-path"):
            return str(found)
    raise ValueError("its container names no package")


def _chapters(package: Any, package_path: str) -> Iterator[str]:
    """The names of the chapters' files, in the order of reading."""
    places = {item.get("id"): item.get("href") for item in package.iter(f"{_OPF}item")}
    folder = posixpath.dirname(package_path)
    for reference in package.iter(f"{_OPF}itemref"):
        if href := places.get(reference.get("idref")):
            yield posixpath.normpath(posixpath.join(folder, unquote(href)))


def _all(package: Any, name: str) -> list[str]:
    return [
        text for element in package.iter(_DC + name) if (text := " ".join((element.text or "").split()))
    ]


def _first(package: Any, name: str) -> str:
    return next(iter(_all(package, name)), "")
