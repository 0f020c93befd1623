"""One article as it arrives from outside: checked, completed, never guessed at."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from index.clean import clean_line, clean_text
from index.language import detect_language
from index.types import Article, Kept

LONGEST_ID = 512
MAX_ARTICLE_CHARS = 2_000_000
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
# JSON's \ud800 without its other half, or a byte of a file's name that is not UTF-8.
_HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")
# 2024-03-22 10:00:00 +0300, as many programs write it.
_LOOSE_ZONE = re.compile(r"\s+([+-]\d\d):?(\d\d)$")


def _text_of_null(value: object) -> object:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_text_of_null)]


_NO_NUL = r"^[^\u0000]*$"
# What the checks below take, as far as JSON Schema can say it.
_TAKEN: dict[str, dict[str, Any]] = {
    "id": {
        "type": ["string", "null"],
        "maxLength": LONGEST_ID,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    },
    "title": {"type": ["string", "null"], "pattern": _NO_NUL},
    "text": {
        "type": "string",
        "maxLength": MAX_ARTICLE_CHARS,
        "pattern": r"^[^\u0000]*\S[^\u0000]*$",
    },
    "url": {"type": ["string", "null"], "pattern": r"^(https?://[^\s/]+(/\S*)?)?$"},
    "source": {"type": ["string", "null"], "pattern": _NO_NUL},
    "authors": {
        "type": ["array", "string", "null"],
        "items": {"type": "string", "pattern": _NO_NUL},
        "pattern": _NO_NUL,
    },
    "published_at": {
        "anyOf": [
            {"type": "string", "format": "date"},
            {"type": "string", "format": "date-time"},
            {"type": ["string", "null"], "maxLength": 0},
        ]
    },
    "language": {"type": ["string", "null"], "pattern": "^([A-Za-z]{2,3}([-_][A-Za-z0-9]+)*)?$"},
}


def _described(schema: dict[str, Any]) -> None:
    fields = schema["properties"]
    for name, taken in _TAKEN.items():
        said = {key: value for key, value in fields[name].items() if key in ("description", "default")}
        fields[name] = said | taken


class InputArticle(BaseModel):
    """An article in JSON. All but `text` may be missing; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_described)

    id: Text = Field(default="", description="Missing: a hash of the URL, or of title and text.")
    title: Text = ""
    text: str = Field(description="The article's text; line breaks end paragraphs.")
    url: Text = Field(default="", description="http or https.")
    source: Text = Field(default="", description="The outlet's name.")
    authors: tuple[str, ...] = Field(default=(), description="Names; one alone may be a plain string.")
    published_at: Text = Field(default="", description="ISO 8601 date or date-time; empty when unknown.")
    language: Text = Field(default="", description="ISO 639-1 code; detected when missing.")

    @field_validator("authors", mode="before")
    @classmethod
    def _authors_as_list(cls, value: object) -> object:
        if value is None or value == "":
            return ()
        return (value,) if isinstance(value, str) else value

    @field_validator("id", "title", "text", "url", "source", "published_at", "language", "authors")
    @classmethod
    def _storable(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            if "\0" in text:
                raise ValueError("contains a NUL character")
            if _HALF_OF_A_PAIR.search(text):
                raise ValueError("contains half of a surrogate pair")
        return value

    @field_validator("text")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        # Before anything else looks at it: cleaning alone would take a minute.
        if len(value) > MAX_ARTICLE_CHARS:
            raise ValueError(
                f"has {len(value):,} characters, more than {MAX_ARTICLE_CHARS:,}: split it into articles"
            )
        value = clean_text(value)
        if not value.strip():
            raise ValueError("is blank")
        return value

    @field_validator("id")
    @classmethod
    def _fit_for_an_id(cls, value: str) -> str:
        value = value.strip()
        if len(value) > LONGEST_ID:
            raise ValueError(f"has {len(value)} characters, more than {LONGEST_ID}")
        if any(unicodedata.category(character) == "Cc" for character in value):
            raise ValueError("contains a control character")
        return value

    @field_validator("url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        value = value.strip()
        if value and not is_web_address(value):
            raise ValueError(f"{value[:80]!r} is not an http or https URL")
        return value

    @field_validator("published_at")
    @classmethod
    def _is_a_date(cls, value: str) -> str:
        return normal_date(value) if value.strip() else ""

    @field_validator("language")
    @classmethod
    def _is_a_code(cls, value: str) -> str:
        code = value.strip().replace("_", "-").split("-")[0].lower()
        if code and not _LANGUAGE_CODE.fullmatch(code):
            raise ValueError(f"{value[:40]!r} is not an ISO 639 code such as 'ar'")
        return "" if code == "und" else code

    def to_article(self, likely: Iterable[str] = ()) -> Article:
        """The article, with an id and a language; `likely` are languages that it is expected to be in."""
        return Article(
            id=self.id or stable_id(self.url or f"{self.title}\0{self.text}"),
            title=clean_line(self.title),
            text=self.text,
            url=self.url,
            source=clean_line(self.source),
            authors=tuple(name for author in self.authors if (name := clean_line(author))),
            language=self.language or detect_language(f"{self.title}\n{self.text}", tuple(likely)),
            published_at=self.published_at,
        )


class Stored(InputArticle):
    """An article as `dateline export` writes it, with what ingestion made of it and its earlier texts."""

    ingested_at: str
    copy_of: Text = ""
    revisions: tuple["StoredRevision", ...] = ()

    @field_validator("ingested_at")
    @classmethod
    def _is_a_moment(cls, value: str) -> str:
        return normal_date(value)

    def to_kept(self) -> Kept:
        """The article and its earlier texts, as they were."""
        article = replace(self.to_article(), ingested_at=self.ingested_at)
        revisions = [
            (replace(old.to_article(), id=article.id, ingested_at=old.ingested_at), old.replaced_at)
            for old in self.revisions
        ]
        return Kept(article, self.copy_of, tuple(revisions))


class StoredRevision(InputArticle):
    """A text that an article had, and when the next one replaced it (UTC)."""

    ingested_at: Text = ""
    replaced_at: str

    @field_validator("ingested_at", "replaced_at")
    @classmethod
    def _is_a_moment(cls, value: str) -> str:
        return normal_date(value) if value else ""


def stable_id(content: str) -> str:
    """The same id for the same content, always."""
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]


def is_web_address(url: str) -> bool:
    """Whether this is an http or https URL."""
    if any(character.isspace() or not character.isprintable() for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def normal_date(value: str) -> str:
    """An ISO 8601 date or date-time in its usual form. Raises ValueError."""
    text = _LOOSE_ZONE.sub(r"\1:\2", value.strip())
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text).isoformat()
        except ValueError:
            continue
    raise ValueError(f"{value.strip()[:40]!r} is not an ISO 8601 date such as 2024-03-22")
