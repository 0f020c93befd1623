"""Tables of articles, a row each: CSV and Parquet; the only file that knows pyarrow."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.dated import said_date
from index.readers.file import LARGEST_BYTES, check_regular, decode
from index.readers.found import Failure, Found, one_line, place
from index.readers.record import InputArticle

# Our names for columns, and what other programs call them; the first that is there counts.
_NAMES = {
    "id": ("id", "article_id", "guid"),
    "title": ("title", "headline"),
    "text": ("text", "body", "content", "article", "maintext"),
    "url": ("url", "link", "canonical_url"),
    "source": ("source", "publisher", "outlet", "publication", "domain"),
    "authors": ("authors", "author", "byline"),
    "published_at": ("published_at", "published", "date", "date_publish", "pubdate", "publish_date"),
    "language": ("language", "lang"),
}
_ROWS_AT_ONCE = 64
_LARGEST_PARQUET = 64 * LARGEST_BYTES


def read_csv(path: Path, article_id: str) -> Iterator[Found | Failure]:
    """One article a row, under a first row of names; other columns than an article's are left alone."""
    text = decode(path)
    head = text.partition("\n")[0]
    delimiter = max(",;\t|", key=head.count)
    csv.field_size_limit(LARGEST_BYTES)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = next(rows)
        columns = _columns(names)
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _found(dict(zip(names, row, strict=False)), columns, path, rows.line_num)
    except csv.Error as error:
        raise UnreadableInputError(f"is no CSV from line {rows.line_num} on: {error}") from None


def read_parquet(path: Path, article_id: str) -> Iterator[Found | Failure]:
    """One article a row; other columns than an article's are left alone."""
    check_regular(path)
    if path.stat().st_size > _LARGEST_PARQUET:
        raise UnreadableInputError(f"is larger than {_LARGEST_PARQUET // 2**30} GiB: split it")
    # Takes a while to import, and many archives have no such files.
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = _columns(file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(columns.values())):
                for row in batch.to_pylist():
                    number += 1
                    yield _found(row, columns, path, number)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadableInputError(f"is no Parquet that can be read: {reason}") from None


def _columns(names: list[str]) -> dict[str, str]:
    """For each field of an article, the column that has it."""
    by_name = {name.strip().lower(): name for name in reversed(names)}
    columns = {
        field: by_name[known]
        for field, others in _NAMES.items()
        if (known := next((name for name in others if name in by_name), ""))
    }
    if "text" not in columns:
        raise UnreadableInputError(
            f"has no column of texts such as 'text' or 'body', but {', '.join(map(repr, names[:8]))}"
        )
    return columns


def _found(row: Mapping[str, Any], columns: Mapping[str, str], path: Path, number: int) -> Found | Failure:
    try:
        fields = {field: _value(row.get(column), field) for field, column in columns.items()}
        return Found(InputArticle.model_validate(fields).to_article(), path, number)
    except ValidationError as error:
        return Failure(place(path, number), one_line(error))
    except UnicodeDecodeError:
        return Failure(place(path, number), "is not UTF-8 text: write its columns as UTF-8")


def _value(value: Any, field: str) -> Any:
    if field == "authors":
        parts = value if isinstance(value, list) else str(value or "").split(";")
        return tuple(part for part in parts if part)
    if value is None:
        return ""
    if isinstance(value, bytes):  # text of programs that do not say that it is text
        return value.decode()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if field == "published_at" and isinstance(value, str):
        return said_date(value) or value
    # A number may be an id; what else is no text is for the check of the record to refuse.
    return str(value) if isinstance(value, int | float) and field != "text" else value
