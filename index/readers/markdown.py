"""Markdown files, with metadata at their head where there is any."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.errors import UnreadableInputError
from index.readers.dated import said_date, visible_date
from index.readers.file import LARGEST_MARKUP_BYTES, decode
from index.readers.found import Found
from index.readers.record import InputArticle

# Our names for metadata, and what other programs call it.
_NAMES = {
    "id": ("id",),
    "title": ("title",),
    "url": ("url",),
    "source": ("source",),
    "authors": ("authors", "author"),
    "published_at": ("published_at", "date"),
    "language": ("language", "lang"),
}
_NOTHING = (None, "", "~", "null")


def read_markdown(path: Path, article_id: str) -> Iterator[Found]:
    """One article: the text without its markup, one line a paragraph."""
    metadata, body = split_metadata(decode(path, LARGEST_MARKUP_BYTES))
    heading, text = plain_text(body, metadata.get("title", ""))
    shown = visible_date(text.split("\n"), heading)
    fields = {"id": article_id, "title": heading, "text": text, "published_at": shown, **metadata}
    yield Found(InputArticle.model_validate(fields).to_article(), path)


def plain_text(markdown: str, title: str = "") -> tuple[str, str]:
    """The first heading, and the text: links and images as their words, HTML left out.

    The first heading is left out of the text, too, unless the article has another title.
    """
    # Takes a while to import, and many archives have no Markdown.
    from markdown_it import MarkdownIt

    try:
        tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    except Exception as error:  # whatever a hostile file makes the library do
        raise UnreadableInputError(f"cannot be understood as Markdown: {_short(error)}") from None
    heading = ""
    paragraphs = []
    opening = ""
    for token in tokens:
        if token.type == "inline":
            text = _words(token.children or []).strip()
            if opening == "heading_open" and not heading:
                heading = text
                if title in ("", heading):
                    continue
            paragraphs.append(text)
        elif token.type in ("code_block", "fence"):
            paragraphs.append(token.content.strip())
        opening = token.type
    return heading, "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _words(tokens: list[Any]) -> str:
    parts = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_words(token.children or []))
    return "".join(parts)


def split_metadata(text: str) -> tuple[dict[str, Any], str]:
    """The metadata that an article has a field for, and the rest of the file."""
    import yaml
    from frontmatter.default_handlers import YAMLHandler

    head = YAMLHandler()
    if not head.detect(text):
        return {}, text
    try:
        written, body = head.split(text)
    except ValueError:  # a ruler, not the head's first line
        return {}, text
    try:
        # Plain strings: `language: no` is Norwegian, and a date is kept as it was written.
        found = yaml.load(written, Loader=yaml.BaseLoader)
    except Exception as error:  # YAML has many ways to be wrong
        raise UnreadableInputError(f"has metadata at its head that is not YAML: {_short(error)}") from None
    if not isinstance(found, dict):
        return {}, text
    fields = {field: value for field in _NAMES if (value := _value(found, field))}
    if written := fields.get("published_at"):
        # What cannot be read stays, and is told of.
        fields["published_at"] = said_date(str(written)) or written
    return fields, body


def _value(found: dict[str, Any], field: str) -> str | list[str]:
    """What the metadata says of one field of an article; empty when nothing."""
    value = next((found[name] for name in _NAMES[field] if found.get(name) not in _NOTHING), "")
    values = value if field == "authors" and isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in values):
        raise UnreadableInputError(f"has a {field!r} in its metadata that is not text: write it in quotes")
    return values if field == "authors" and value else value


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
