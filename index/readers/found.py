"""What a reader finds: articles, and why something could not be read."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from index.types import Article, Kept


@dataclass(frozen=True, slots=True)
class File:
    """A file to read, and the id that its article gets when it brings none."""

    path: Path
    article_id: str

    @property
    def name(self) -> str:
        """The file's whole path: what it is known by from run to run."""
        return os.path.abspath(self.path)  # noqa: PTH100 - `a/../b` is `b`, and the disk need not be asked


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, or a line of one, that is no article; `reason` is one line and says what to do."""

    where: str
    reason: str

    def __post_init__(self) -> None:
        # Libraries put parts of hostile files, and line breaks, into their messages.
        object.__setattr__(self, "reason", printable(self.reason.split()))


@dataclass(frozen=True, slots=True)
class InputEnd:
    """All of a file, page or feed was read, whose content is told from another by `mark`.

    Without a name nothing is remembered of it, and without a mark it is gone. `given` is the id that
    its article gets when it brings none. Nothing was read when the ledger knows its articles: then
    `unchanged` are their ids.
    """

    name: str
    mark: str = ""
    given: str = ""
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An article and where it stands; `line` is 0 when it is the whole file.

    `kept` is what an archive knew of it, when it comes from one.
    """

    article: Article
    file: Path
    line: int = 0
    kept: Kept | None = None

    @property
    def where(self) -> str:
        return place(self.file, self.line)


def place(file: Path, line: int = 0) -> str:
    """A file's name, and a line's number, on one line that can be printed whatever the name is."""
    name = printable([str(file)])
    return f"{name} line {line}" if line else name


def printable(words: Iterable[str]) -> str:
    """The words on one line; what cannot be printed as Python writes it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(words))


def one_line(error: ValidationError) -> str:
    """Pydantic's findings on one line: which field, and what is wrong with it."""
    findings = []
    for finding in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in finding["loc"])
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            message = "is not a key of an article"
        findings.append(f"{field!r}: {message}" if field else message)
    return "; ".join(findings)
