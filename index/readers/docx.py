"""Word files; the only file that knows python-docx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.errors import UnreadableInputError
from index.readers.bounded import check_zip
from index.readers.dated import visible_date
from index.readers.file import load
from index.readers.found import Found
from index.readers.record import InputArticle

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SIGNS = {"tab": "\t", "br": " ", "cr": " ", "noBreakHyphen": "-"}
# Text that was deleted or moved away, properties, and the second copy of a drawing, for old programs.
_LEFT_OUT = frozenset(("del", "moveFrom", "pPr", "rPr", "sdtPr", "tblPr", "trPr", "tcPr", "Fallback"))
# What the library's and other programs' templates say is nobody's name, and no title.
_TEMPLATES = frozenset(("", "python-docx", "Word Document"))


def read_docx(path: Path, article_id: str) -> Iterator[Found]:
    """One article: its paragraphs and tables; title and author as the document names them.

    The dates in such a file are the file's, so the date is the one that the text shows, if any.
    """
    load(path)
    check_zip(path)
    # Takes a while to import, and many archives have no such files.
    from docx import Document

    try:
        document: Any = Document(str(path))
        paragraphs = list(_lines(document.element.body))
        named, author = document.core_properties.title or "", document.core_properties.author or ""
        heading = next(
            (p.text for p in document.paragraphs if p.style.name == "Title" and p.text.strip()), ""
        )
    except Exception as error:  # whatever a broken file makes the library do
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnreadableInputError(f"is no Word document that can be read: {reason}") from None
    named = "" if named in _TEMPLATES else named
    title = heading or named or (paragraphs[0] if len(paragraphs) > 1 and len(paragraphs[0]) <= 150 else "")
    article = InputArticle(
        id=article_id,
        title=title,
        text="\n".join(paragraphs),
        authors=() if author in _TEMPLATES else tuple(author.split(";")),
        published_at=visible_date(paragraphs, title),
    )
    yield Found(article.to_article(), path)


def _lines(element: Any) -> Iterator[str]:
    """The paragraphs below an element in their order, a row of a table as one line.

    All of them: the library itself passes over tables in tables, content controls and tracked insertions.
    """
    for child in element:
        name = _name(child)
        if name == "p":
            if text := " ".join(_words(child).split()):
                yield text
            for box in child.iter(f"{_W}txbxContent"):
                if not any(_name(around) in _LEFT_OUT for around in box.iterancestors()):
                    yield from _lines(box)
        elif name == "tr":
            cells = (" ".join(_lines(cell)) for cell in child)
            if row := "\t".join(filter(None, cells)):
                yield row
        elif name not in _LEFT_OUT:
            yield from _lines(child)


def _words(element: Any) -> str:
    """The text of a paragraph, without that of boxes which are anchored in it."""
    parts = []
    for child in element:
        name = _name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in _SIGNS:
            parts.append(_SIGNS[name])
        elif name not in _LEFT_OUT and name != "txbxContent":
            parts.append(_words(child))
    return "".join(parts)


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
