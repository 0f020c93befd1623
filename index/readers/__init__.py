"""Files to articles: one file a format, behind one `read`."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from index.errors import UnreadableInputError
from index.readers.failure import Failure, one_line
from index.readers.html import read_html
from index.readers.jsonl import read_jsonl
from index.readers.markdown import read_markdown
from index.readers.record import InputArticle
from index.readers.text import read_text
from index.types import Article

__all__ = ["READERS", "Failure", "InputArticle", "Reader", "one_line", "read"]

# Takes a file and the id of its article, and yields what is in it. May raise UnreadableInputError.
Reader = Callable[[Path, str], Iterator[Article | Failure]]

READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
}


def read(paths: Iterable[Path]) -> Iterator[Article | Failure]:
    """The articles of files and folders, in order; what cannot be read becomes a Failure.

    The article of a file in a folder is named by its path below that folder. In a folder, files of
    other formats and hidden ones are passed over. The second article of one id is a Failure.
    """
    seen: dict[str, str] = {}
    for path in paths:
        for file, article_id in _files(path):
            if isinstance(file, Failure):
                yield file
                continue
            for item in _read_file(file, article_id):
                if isinstance(item, Article):
                    if item.id in seen:
                        first = seen[item.id]
                        yield Failure(
                            str(file), f"the id {item.id!r} was already given by {first}: make ids unique"
                        )
                        continue
                    seen[item.id] = str(file)
                yield item


def _files(path: Path) -> Iterator[tuple[Path | Failure, str]]:
    if path.is_dir():
        yield from _files_below(path)
    elif not path.exists():
        yield Failure(str(path), "does not exist: check the path"), ""
    elif path.suffix.lower() not in READERS:
        known = ", ".join(READERS)
        yield Failure(str(path), f"is of a format that is not read ({known}): convert it"), ""
    else:
        yield path, path.name


def _files_below(folder: Path) -> Iterator[tuple[Path | Failure, str]]:
    unreadable: list[Failure] = []

    def note(error: OSError) -> None:
        unreadable.append(Failure(str(error.filename), f"cannot be opened: {error.strerror}"))

    for name, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        for file in sorted(files):
            path = Path(name) / file
            if not file.startswith(".") and path.suffix.lower() in READERS:
                yield path, path.relative_to(folder).as_posix()
    for failure in unreadable:
        yield failure, ""


def _read_file(file: Path, article_id: str) -> Iterator[Article | Failure]:
    try:
        yield from READERS[file.suffix.lower()](file, article_id)
    except UnreadableInputError as error:
        yield Failure(str(file), str(error))
    except ValidationError as error:
        yield Failure(str(file), one_line(error))
    except OSError as error:
        yield Failure(str(file), f"cannot be read: {error.strerror or error}")
    except (ValueError, LookupError, RecursionError, AssertionError) as error:
        # A parser that gives up on a hostile file must not end the run.
        yield Failure(str(file), f"cannot be understood: {type(error).__name__}: {error}".split("\n")[0])
