"""Zip files of all the other formats."""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from index.errors import UnreadableInputError
from index.readers.bounded import check_member, check_zip
from index.readers.found import Failure, File, Found, place
from index.readers.record import LONGEST_ID

# Unpacked one member at a time, so the whole may be large.
LARGEST_BYTES = 64 * 2**30
_LINK = 0o120000
_KIND = 0o170000
_LOCKED = 1

# Begins to read a file, and returns what waits for what is in it.
Start = Callable[[File], Callable[[], Iterable[Found | Failure]]]


def read_zip(path: Path, article_id: str, start: Start, suffixes: set[str]) -> Iterator[Found | Failure]:
    """What is in the members that can be read, each under its name in the zip file.

    Members are unpacked one at a time under names of our own, so that where they say they belong does
    not matter; links and zip files in zip files are passed over.
    """
    check_zip(path, LARGEST_BYTES)
    with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory(prefix="dateline-") as folder:
        for number, member in enumerate(packed.infolist()):
            name = _plain_name(member.filename)
            suffix = PurePosixPath(name).suffix.lower()
            if member.is_dir() or suffix not in suffixes or suffix == ".zip" or _is_link(member):
                continue
            shown = path / name[:LONGEST_ID]
            try:
                check_member(member)
                if member.flag_bits & _LOCKED:
                    raise UnreadableInputError(
                        "is locked with a password: unpack it, and take in the files"
                    )
                file = Path(folder) / f"{number}{suffix}"
                with packed.open(member) as source, file.open("wb") as target:
                    shutil.copyfileobj(source, target)
                for found in start(File(file, f"{article_id}/{name}"))():
                    yield _shown(found, file, shown)
                file.unlink()
            except UnreadableInputError as error:
                yield Failure(place(shown), str(error))
            except (
                zipfile.BadZipFile,
                RuntimeError,
                NotImplementedError,
                EOFError,
                OSError,
                ValueError,
            ) as error:
                # Damaged, locked with a password, packed by a method of its own.
                yield Failure(place(shown), f"cannot be unpacked: {error}")
            except Exception as error:  # zlib.error and lzma's, which have no common base
                yield Failure(place(shown), f"cannot be unpacked: {type(error).__name__}: {error}")


def _plain_name(name: str) -> str:
    """The name without what would lead out of a folder."""
    parts = [
        part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..") and not part.endswith(":")
    ]
    return "/".join(parts)


def _is_link(member: zipfile.ZipInfo) -> bool:
    return (member.external_attr >> 16) & _KIND == _LINK


def _shown(found: Found | Failure, file: Path, shown: Path) -> Found | Failure:
    """What was found, with the name in the zip file in place of the unpacked file's."""
    if isinstance(found, Failure):
        return Failure(found.where.replace(place(file), place(shown)), found.reason)
    return replace(found, file=shown)
