"""Files to articles: one file a format, behind one `read`."""

import logging
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.docx import read_docx
from index.readers.epub import read_epub
from index.readers.feed import read_feed
from index.readers.found import Failure, File, Found, InputEnd, one_line, place
from index.readers.html import read_html
from index.readers.jsonl import read_jsonl
from index.readers.markdown import read_markdown
from index.readers.packed import Start, read_zip
from index.readers.pdf import read_pdf
from index.readers.record import InputArticle
from index.readers.table import read_csv, read_parquet
from index.readers.text import read_text
from index.types import Article, Kept

__all__ = [
    "Failure",
    "File",
    "Found",
    "InputArticle",
    "InputEnd",
    "Reader",
    "Start",
    "longer_ids",
    "one_line",
    "read",
    "read_file",
    "read_inputs",
    "readers",
]

log = logging.getLogger(__name__)

# Other packages add readers here: the name is the suffix of the files, with its dot, the value a Reader.
ENTRY_POINTS = "dateline.readers"
# Controls, overrides of direction, and bytes that are no UTF-8.
_NO_PART_OF_AN_ID = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Changes when a reader finds something else in the same file: then files are read once more.
_FORM = 1


class Reader(Protocol):
    """Takes a file and the id its article gets when it brings none, and yields what is in it.

    Raises UnreadableInputError when the file as a whole cannot be read.
    """

    def __call__(self, path: Path, article_id: str, /) -> Iterator[Found | Failure]: ...


_BUILT_IN: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".epub": read_epub,
    ".rss": read_feed,
    ".atom": read_feed,
    ".xml": read_feed,
    ".zip": lambda path, article_id: _read_zip(path, article_id),
}


Item = Article | Kept | Failure | InputEnd
Taken = Callable[[str, str], tuple[str, ...] | None]


@cache
def readers() -> dict[str, Reader]:
    """The readers by suffix: the built-in ones, and beside or in place of them those of other packages."""
    return _BUILT_IN | {entry.name.lower(): entry.load() for entry in entry_points(group=ENTRY_POINTS)}


def read(paths: Iterable[Path]) -> Iterator[Article | Failure]:
    """The articles of files and folders, one at a time; what cannot be read becomes a Failure.

    An article that brings no id is named by its file's path below the folder that was given. In a
    folder, other formats, hidden files and links that lead out of it are passed over. A second,
    different article of one id is a Failure.
    """
    for item in read_inputs(paths):
        if not isinstance(item, InputEnd):
            yield item.article if isinstance(item, Kept) else item


def read_inputs(
    paths: Iterable["Path | File"],
    *,
    named: Callable[[File], File] = lambda file: file,
    taken: Taken = lambda name, mark: None,
    start: Start | None = None,
    ahead: int = 0,
) -> Iterator[Item]:
    """The same, with a mark after each file.

    `named` gives a file the id that it is known by, and `taken` the ids of a file's articles when it need
    not be read. `start` begins to read a file and returns what waits for its articles; so many files
    `ahead` of the one that is waited for are begun.
    """
    once = _Once()
    begun: deque[Callable[[], Iterator[Item]]] = deque()
    for path in paths:
        for file in (path,) if isinstance(path, File) else _files(path):
            file = named(file) if isinstance(file, File) else file
            begun.append(_begin(file, once, taken, start or _start_here))
            while len(begun) > ahead:
                yield from begun.popleft()()
    while begun:
        yield from begun.popleft()()


def _begin(file: File | Failure, once: "_Once", taken: Taken, start: Start) -> Callable[[], Iterator[Item]]:
    if isinstance(file, Failure):
        return lambda: iter((file, InputEnd("")))
    mark = _mark(file)
    ids = taken(file.name, mark)
    if ids is not None:
        once.know(ids, file.path)
        return lambda: iter((InputEnd(file.name, mark, file.article_id, ids),))
    found = start(file)

    def finish() -> Iterator[Item]:
        for item in found():
            if isinstance(item, Failure):
                yield item
            elif isinstance(checked := once.check(item), Failure) or item.kept is None:
                yield checked
            else:
                yield item.kept
        yield InputEnd(file.name, mark, file.article_id)

    return finish


class _Once:
    """Sees to it that one id is not given to two different articles."""

    def __init__(self) -> None:
        # By id: a hash of the content (none, when it was not read), and where it stood.
        self._seen: dict[str, tuple[int | None, Path, int]] = {}

    def know(self, ids: Iterable[str], file: Path) -> None:
        for article_id in ids:
            self._seen.setdefault(article_id, (None, file, 0))

    def check(self, found: Found) -> Article | Failure:
        article = found.article
        content, file, line = self._seen.setdefault(article.id, (hash(article), found.file, found.line))
        if content == hash(article):
            return article
        before = place(file, line)
        return Failure(found.where, f"the id {article.id!r} was already given by {before}: make ids unique")


def _mark(file: File) -> str:
    """What tells one content of a file from another, as rsync does: size and time of change.

    Empty for a file that is gone.
    """
    try:
        facts = file.path.stat()
    except FileNotFoundError:
        return ""
    except OSError:
        return "unreadable"
    return f"{_FORM}:{facts.st_size}:{facts.st_mtime_ns}:{file.article_id}"


def _files(path: Path) -> Iterator[File | Failure]:
    try:
        is_folder = path.is_dir()
        path.stat()
    except FileNotFoundError:
        yield Failure(place(path), "does not exist: check the path")
    except (OSError, ValueError) as error:
        yield Failure(place(path), _cannot_be_read(error))
    else:
        if is_folder:
            yield from _files_below(path)
        elif path.suffix.lower() not in readers():
            known = ", ".join(readers())
            yield Failure(place(path), f"is of a format that is not read ({known}): convert it")
        else:
            yield File(path, _id_of(path.name))


def _files_below(folder: Path) -> Iterator[File | Failure]:
    unreadable: list[Failure] = []

    def note(error: OSError) -> None:
        unreadable.append(Failure(place(Path(error.filename)), _cannot_be_read(error)))

    inside = folder.resolve()
    for name, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        for file in sorted(files):
            path = Path(name) / file
            if file.startswith(".") or path.suffix.lower() not in readers():
                continue
            if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(inside):
                continue
            yield File(path, _id_of(path.relative_to(folder).as_posix()))
    yield from unreadable


def _id_of(name: str) -> str:
    """A file's name as an article's id, with what is no text in it, or hides, as Python writes it."""
    return _NO_PART_OF_AN_ID.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def longer_ids(file: File) -> Iterator[str]:
    """A file's id, and then those with the names of ever more of the folders around it."""
    yield file.article_id
    parts = Path(file.name).parts[1:]
    for count in range(len(Path(file.article_id).parts) + 1, len(parts) + 1):
        yield _id_of("/".join(parts[-count:]))


def read_file(file: File, start: Start | None = None) -> Iterator[Found | Failure]:
    """What is in one file; that it cannot be read, or holds nothing, is a Failure.

    `start` begins to read a file that is packed in this one.
    """
    empty = True
    try:
        for item in _reader(file, start)(file.path, file.article_id):
            empty = False
            yield item
    except UnreadableInputError as error:
        yield Failure(place(file.path), str(error))
    except ValidationError as error:
        yield Failure(place(file.path), one_line(error))
    except OSError as error:
        yield Failure(place(file.path), _cannot_be_read(error))
    except Exception as error:  # one file's fault, or its reader's, is no reason to stop among thousands
        log.debug("%s", place(file.path), exc_info=True)
        reason = f"made its reader fail ({type(error).__name__}: {error})"
        yield Failure(place(file.path), f"{reason}. Save its text as .txt")
    else:
        if empty:
            yield Failure(place(file.path), "has no article in it: see that it is whole, or leave it out")


def _reader(file: File, start: Start | None) -> Reader:
    suffix = file.path.suffix.lower()
    reader = readers()[suffix]
    if start is None or suffix != ".zip" or reader is not _BUILT_IN[suffix]:
        return reader
    return lambda path, article_id: _read_zip(path, article_id, start)


def _read_zip(path: Path, article_id: str, start: Start | None = None) -> Iterator[Found | Failure]:
    return read_zip(path, article_id, start or _start_here, set(readers()))


def _start_here(file: File) -> Callable[[], Iterable[Found | Failure]]:
    return lambda: read_file(file)


def _cannot_be_read(error: OSError | ValueError) -> str:
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
