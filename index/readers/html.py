"""HTML files: the article without the page around it; the only file that knows trafilatura."""

from collections.abc import Iterator
from pathlib import Path

from index.errors import UnreadableInputError
from index.readers.record import InputArticle, date_or_empty
from index.readers.text import LARGEST_BYTES
from index.types import Article


def read_html(path: Path, article_id: str) -> Iterator[Article]:
    """One article: main text, title, authors, date and language as the page gives them."""
    # Takes a while to import, and most archives are not HTML.
    from trafilatura import bare_extraction
    from trafilatura.settings import Extractor

    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableInputError(f"has {size / 2**20:,.0f} MiB, more than {LARGEST_BYTES // 2**20}")
    data = path.read_bytes()
    if not data.strip():
        raise UnreadableInputError("is empty: save the page again, or remove it")
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableInputError("looks like a binary file (it has NUL bytes): give an HTML file")
    options = Extractor(output_format="python", with_metadata=True, comments=False, tables=True)
    # A date in the future of the page is not its own; the page's own metadata decides.
    options.date_params = {"original_date": True, "extensive_search": False, "outputformat": "%Y-%m-%d"}
    document = bare_extraction(data, options=options)
    if document is None or not (document.text or "").strip():
        raise UnreadableInputError("has no article text that could be told from the rest of the page")
    yield InputArticle(
        id=article_id,
        title=document.title or "",
        text=document.text,
        url=document.url or "",
        source=document.sitename or "",
        authors=tuple(name.strip() for name in (document.author or "").split(";") if name.strip()),
        published_at=date_or_empty(document.date or ""),
        language=document.language or "",
    ).to_article()
