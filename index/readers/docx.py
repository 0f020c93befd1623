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
        paragraphs = [text for block in document.iter_inner_content() for text in _texts(block)]
        named, author = document.core_properties.title or "", document.core_properties.author or ""
        heading = next(
            (p.text for p in document.paragraphs if p.style.name == "Title" and p.text.strip()), ""
        )
    except Exception as error:  # whatever a broken file makes the library do
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnreadableInputError(f"is no Word document that can be read: {reason}") from None
    title = heading or named or (paragraphs[0] if len(paragraphs) > 1 and len(paragraphs[0]) <= 150 else "")
    article = InputArticle(
        id=article_id,
        title=title,
        text="\n".join(paragraphs),
        # What the library's and other programs' templates say is nobody's name.
        authors=() if author in ("", "python-docx") else tuple(author.split(";")),
        published_at=visible_date(paragraphs, title),
    )
    yield Found(article.to_article(), path)


def _texts(block: Any) -> Iterator[str]:
    if hasattr(block, "rows"):
        for row in block.rows:
            cells = dict.fromkeys(" ".join(cell.text.split()) for cell in row.cells)
            yield "\t".join(filter(None, cells))
    elif block.text.strip():
        yield block.text
