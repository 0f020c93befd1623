"""JSON Lines: one article a line; a line that is none does not stop the others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.file import LARGEST_BYTES, check_regular, marked_encoding
from index.readers.found import Failure, Found, one_line, place
from index.readers.record import InputArticle, Stored


def read_jsonl(path: Path, article_id: str) -> Iterator[Found | Failure]:
    """The articles of a file, read line by line; ids are the lines' own, or hashes."""
    check_regular(path)
    empty = True
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LARGEST_BYTES + 1):
            number += 1
            if number == 1:
                if marked_encoding(line) not in ("", "utf-8"):
                    raise UnreadableInputError(f"is {marked_encoding(line).upper()}: save it as UTF-8")
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            empty = False
            if len(line) > LARGEST_BYTES:
                yield Failure(
                    place(path, number), f"is longer than {LARGEST_BYTES // 2**20} MiB: split the article"
                )
                while line and not line.endswith(b"\n"):
                    line = file.readline(LARGEST_BYTES)
                continue
            try:
                yield _found(_record(line), path, number)
            except ValidationError as error:
                yield Failure(place(path, number), one_line(error))
            except UnreadableInputError as error:
                yield Failure(place(path, number), str(error))
    if empty:
        raise UnreadableInputError("is empty: put one article a line into it, or remove it")


def _found(record: InputArticle, path: Path, number: int) -> Found:
    if isinstance(record, Stored):
        kept = record.to_kept()
        return Found(kept.article, path, number, kept)
    return Found(record.to_article(), path, number)


def _record(line: bytes) -> InputArticle:
    try:
        data = json.loads(line.strip().decode("utf-8"), object_pairs_hook=_without_repeated_keys)
    except UnicodeDecodeError as error:
        raise UnreadableInputError(f"is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise UnreadableInputError(
            f"is not JSON: {error.msg.removesuffix(' at')}, character {error.pos + 1}"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, nesting without end
        raise UnreadableInputError(f"is not JSON that can be read: {error}") from None
    if not isinstance(data, dict):
        raise UnreadableInputError("is not a JSON object: put one article a line into it")
    return (Stored if "ingested_at" in data else InputArticle).model_validate(data)


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UnreadableInputError(f"has the key {key!r} twice: keep one")
        found[key] = value
    return found
