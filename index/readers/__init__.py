"""Files to articles: one file a format, behind one `read`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.found import Failure, Found, one_line, place
from index.readers.html import read_html
from index.readers.jsonl import read_jsonl
from index.readers.markdown import read_markdown
from index.readers.record import InputArticle
from index.readers.text import read_text
from index.types import Article

__all__ = ["READERS", "Failure", "InputArticle", "Reader", "one_line", "read"]


class Reader(Protocol):
    """Takes a file and the id its article gets when it brings none, and yields what is in it.

    Raises UnreadableInputError when the file as a whole cannot be read.
    """

    def __call__(self, path: Path, article_id: str, /) -> Iterator[Found | Failure]: ...


READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
}


def read(paths: Iterable[Path]) -> Iterator[Article | Failure]:
    """The articles of files and folders, one at a time; what cannot be read becomes a Failure.

    An article that brings no id is named by its file's path below the folder that was given. In a
    folder, other formats, hidden files and links that lead out of it are passed over. A second,
    different article of one id is a Failure.
    """
    seen: dict[str, tuple[int, Path, int]] = {}  # by id: a hash of the content, and where it stood
    for path in paths:
        for file, article_id in _files(path):
            for found in _read_file(file, article_id):
                if isinstance(found, Failure):
                    yield found
                    continue
                article = found.article
                content, *_ = seen.setdefault(article.id, (hash(article), found.file, found.line))
                if content == hash(article):
                    yield article
                else:
                    _, file_before, line_before = seen[article.id]
                    before = place(file_before, line_before)
                    yield Failure(
                        found.where, f"the id {article.id!r} was already given by {before}: make ids unique"
                    )


def _files(path: Path) -> Iterator[tuple[Path | Failure, str]]:
    try:
        is_folder = path.is_dir()
        path.stat()
    except FileNotFoundError:
        yield Failure(place(path), "does not exist: check the path"), ""
    except OSError as error:
        yield Failure(place(path), _cannot_be_read(error)), ""
    else:
        if is_folder:
            yield from _files_below(path)
        elif path.suffix.lower() not in READERS:
            known = ", ".join(READERS)
            yield Failure(place(path), f"is of a format that is not read ({known}): convert it"), ""
        else:
            yield path, path.name


def _files_below(folder: Path) -> Iterator[tuple[Path | Failure, str]]:
    unreadable: list[Failure] = []

    def note(error: OSError) -> None:
        unreadable.append(Failure(place(Path(error.filename)), _cannot_be_read(error)))

    inside = folder.resolve()
    for name, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        for file in sorted(files):
            path = Path(name) / file
            if file.startswith(".") or path.suffix.lower() not in READERS:
                continue
            if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(inside):
                continue
            yield path, path.relative_to(folder).as_posix()
    for failure in unreadable:
        yield failure, ""


def _read_file(file: Path | Failure, article_id: str) -> Iterator[Found | Failure]:
    if isinstance(file, Failure):
        yield file
        return
    try:
        yield from READERS[file.suffix.lower()](file, article_id)
    except UnreadableInputError as error:
        yield Failure(place(file), str(error))
    except ValidationError as error:
        yield Failure(place(file), one_line(error))
    except OSError as error:
        yield Failure(place(file), _cannot_be_read(error))


def _cannot_be_read(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
