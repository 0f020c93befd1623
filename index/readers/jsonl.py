"""JSON Lines: one article a line; a line that is none does not stop the others."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from index.readers.failure import Failure, one_line
from index.readers.record import InputArticle
from index.readers.text import LARGEST_BYTES
from index.types import Article


def read_jsonl(path: Path, article_id: str) -> Iterator[Article | Failure]:
    """The articles of a file, read line by line; ids are the lines' own or hashes."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LARGEST_BYTES + 1):
            number += 1
            where = f"{path} line {number}"
            if len(line) > LARGEST_BYTES:
                yield Failure(where, f"is longer than {LARGEST_BYTES // 2**20} MiB: split it into articles")
                while line and not line.endswith(b"\n"):
                    line = file.readline(LARGEST_BYTES)
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                yield InputArticle.model_validate_json(line).to_article()
            except ValidationError as error:
                yield Failure(where, one_line(error))
    if number == 0:
        yield Failure(str(path), "is empty: put one article a line into it, or remove it")
