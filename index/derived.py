"""What an archive keeps beside its store to answer fast, and can make again from it.

Such a folder notes the stamp of the store that it was last in step with. Another stamp means that
somebody else wrote, or that a process was killed: then it is mended from the store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_STAMP = "stamp"


class Derived:
    """A folder of derived data; `form` names how it is laid out, so that another form is made anew."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder = folder
        self.form = form

    @property
    def stamp(self) -> str:
        """The stamp of the store that this was last in step with; empty when never."""
        try:
            form, stamp = (self.folder / _STAMP).read_text("utf-8").split()
        except (OSError, ValueError):
            return ""
        return stamp if form == self.form else ""

    def mark(self, stamp: str) -> None:
        """Note that this is in step with the store at this stamp."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{_STAMP}.new"
        beside.write_text(f"{self.form} {stamp}", "utf-8")
        beside.replace(self.folder / _STAMP)

    @contextmanager
    def alone(self, *, wait: bool) -> Iterator[bool]:
        """The right to write; False when another process has it and we are not to wait."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(self.folder.name + ".lock"), timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
