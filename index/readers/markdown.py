"""Markdown files, with metadata at their head where there is any."""

from collections.abc import Iterator
from pathlib import Path

import frontmatter
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.errors import UnreadableInputError
from index.readers.record import InputArticle, date_or_empty
from index.readers.text import decode
from index.types import Article


def read_markdown(path: Path, article_id: str) -> Iterator[Article]:
    """One article: the text without its markup, one line a paragraph."""
    try:
        metadata, body = frontmatter.parse(decode(path))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UnreadableInputError(f"has metadata at its head that is not YAML: {reason}") from None
    title, text = plain_text(body)
    yield InputArticle(
        id=str(metadata.get("id") or article_id),
        title=str(metadata.get("title") or title),
        text=text,
        url=str(metadata.get("url") or ""),
        source=str(metadata.get("source") or ""),
        authors=metadata.get("authors") or metadata.get("author") or (),
        published_at=date_or_empty(metadata.get("published_at") or metadata.get("date") or ""),
        language=str(metadata.get("language") or metadata.get("lang") or ""),
    ).to_article()


def plain_text(markdown: str) -> tuple[str, str]:
    """The first heading, and the text: links and images as their words, HTML left out."""
    title = ""
    paragraphs = []
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline":
            text = _words(token.children or []).strip()
            if before is not None and before.type == "heading_open" and not title:
                title = text
                continue
            paragraphs.append(text)
        elif token.type in ("code_block", "fence"):
            paragraphs.append(token.content.strip())
    return title, "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _words(tokens: list[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_words(token.children or []))
    return "".join(parts)
