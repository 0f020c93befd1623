"""Zip files of all the other formats."""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from index.errors import UnreadableInputError
from index.readers.bounded import check_member, check_zip
from index.readers.found import Failure, Found, place

# Unpacked one member at a time, so the whole may be large.
LARGEST_BYTES = 64 * 2**30
_LINK = 0o120000
_KIND = 0o170000

ReadMember = Callable[[Path, str], Iterator[Found | Failure]]


def read_zip(
    path: Path, article_id: str, read_member: ReadMember, suffixes: set[str]
) -> Iterator[Found | Failure]:
    """What is in the members that can be read, each under its name in the zip file.

    Members are unpacked one at a time under names of our own, so that where they say they belong does
    not matter; links and zip files in zip files are passed over.
    """
    check_zip(path, LARGEST_BYTES)
    with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory(prefix="dateline-") as folder:
        read = 0
        for number, member in enumerate(packed.infolist()):
            name = _plain_name(member.filename)
            suffix = PurePosixPath(name).suffix.lower()
            if member.is_dir() or suffix not in suffixes or suffix == ".zip" or _is_link(member):
                continue
            read += 1
            shown = path / name
            try:
                check_member(member)
                file = Path(folder) / f"{number}{suffix}"
                with packed.open(member) as source, file.open("wb") as target:
                    shutil.copyfileobj(source, target)
                for found in read_member(file, f"{article_id}/{name}"):
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
    if not read:
        raise UnreadableInputError("holds no file of a format that is read; zip files in it are not opened")


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
