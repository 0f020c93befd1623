"""An archive out of its folder, and into another: as text, and as it is."""

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index import sqlite
from index.archive import Archive, Revision
from index.errors import ArchiveError
from index.store import DATABASE
from index.types import Article

PAGE = 200
_FIELDS = ("id", "title", "text", "url", "source", "authors", "language", "published_at", "ingested_at")
# The ledger, the conversations of those who ask: noted in at any time, and each whole by itself. SQLite
# copies them, and gives the state of one moment even while they are written.
_DATABASES = "*.sqlite3"
# Who may use a server is no part of what it serves: a token that was revoked must not come back.
_LEFT_OUT = (".lock", "-wal", "-shm", "-journal", "tokens.sqlite3")
_TRIES = 5


def export(archive: Archive) -> Iterator[str]:
    """The articles as JSON lines, in the order of ingestion, with their revisions; readable by `ingest`."""
    entries = []
    for offset in range(0, archive.count_articles(), PAGE):
        entries += [(a.ingested_at, a.id) for a in archive.articles(offset=offset, limit=PAGE)]
    for _, article_id in sorted(entries):
        present, *earlier = archive.revisions(article_id)
        entry = archive.entry(article_id)
        line = _line(present.article)
        if entry is not None and entry.cluster:
            line["copy_of"] = entry.cluster
        if earlier:
            line["revisions"] = [_revision(revision) for revision in reversed(earlier)]
        yield json.dumps(line, ensure_ascii=False)


def backup(archive: Archive, target: Path) -> None:
    """Copy an archive's folder, as it is at one moment, into a tar file. Raises ArchiveError.

    It may be served meanwhile; who wants to write waits.
    """
    if archive.config.chroma_url:
        raise ArchiveError(
            f"the archive {archive.place} is on a Chroma server: back up the server's folder, or take the "
            "articles out with `dateline export`."
        )
    folder = archive.config.archive
    if target.resolve().is_relative_to(folder.resolve()):
        raise ArchiveError(f"{str(target)!r} is inside the archive. Name a file elsewhere.")
    try:
        beside = target.with_name(f"{target.name}.{os.getpid()}.new")
        with archive.writing(), tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as name:
            for _ in range(_TRIES):
                before = _facts(folder)
                copy = Path(name) / "archive"
                shutil.rmtree(copy, ignore_errors=True)
                _copy(folder, copy)
                # A reader may have made Chroma tidy its files meanwhile.
                if _facts(folder) == before:
                    break
            else:
                raise ArchiveError(f"the archive {archive.place} changes without end: try again later.")
            with tarfile.open(beside, "w") as packed:
                packed.add(copy, arcname="archive")
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ArchiveError(
            f"the backup {str(target)!r} cannot be written: {error.strerror or error}. Name another file."
        ) from error


def restore(source: Path, folder: Path) -> None:
    """Make an archive's folder from a backup; it must not exist or be empty. Raises ArchiveError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{str(folder)!r} is not empty. Name a new folder for the archive.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".restore-") as name:
            with tarfile.open(source) as packed:
                packed.extractall(name, filter="data")
            unpacked = Path(name) / "archive"
            if not (unpacked / DATABASE).is_file():
                raise ArchiveError(f"{str(source)!r} is no backup of an archive. Name another file.")
            for database in unpacked.glob(_DATABASES):
                if not sqlite.is_whole(database):
                    raise ArchiveError(f"the backup {str(source)!r} is damaged. Name another one.")
            if folder.exists():
                folder.rmdir()
            unpacked.rename(folder)
    except (OSError, EOFError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArchiveError(
            f"the backup {str(source)!r} cannot be read: {reason}. Name another file."
        ) from error


def _line(article: Article) -> dict[str, Any]:
    return {name: value for name in _FIELDS if (value := getattr(article, name))}


def _revision(revision: Revision) -> dict[str, Any]:
    return {**_line(revision.article), "replaced_at": revision.replaced_at}


def _copy(folder: Path, target: Path) -> None:
    databases = [path for path in folder.glob(_DATABASES) if not path.name.endswith(_LEFT_OUT)]
    names = {path.name for path in databases}
    shutil.copytree(
        folder, target, ignore=lambda _, found: [n for n in found if n in names or n.endswith(_LEFT_OUT)]
    )
    for database in databases:
        sqlite.copy(database, target / database.name)


def _facts(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of the files that only a writer of the archive changes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and (path.name == DATABASE or not path.match(_DATABASES))
        and not path.name.endswith(_LEFT_OUT)
    }
