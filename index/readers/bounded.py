"""Zip files, and formats that are zip files inside: none may be a bomb."""

import zipfile
from pathlib import Path

from index.errors import UnreadableInputError
from index.readers.file import check_regular

MOST_MEMBERS = 100_000
# Of all members together, unpacked; a document of this size is no article.
LARGEST_BYTES = 512 * 2**20
# How much smaller than its content a file may be: text packs by 3 to 20, bombs by a thousand.
MOST_PACKED = 200
_SMALL = 2**20


def check_zip(path: Path, largest: int = LARGEST_BYTES) -> None:
    """Raises UnreadableInputError for what is no zip file, or one that unpacks to too much."""
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableInputError(f"is damaged or of another format: {error}") from None
    if len(members) > MOST_MEMBERS:
        raise UnreadableInputError(f"holds {len(members):,} files, more than {MOST_MEMBERS:,}: split it")
    total = sum(member.file_size for member in members)
    if total > largest:
        raise UnreadableInputError(
            f"would unpack to {total // 2**20:,} MiB, more than {largest // 2**20:,}: split it"
        )
    for member in members:
        check_member(member)


def check_member(member: zipfile.ZipInfo) -> None:
    """Raises UnreadableInputError for a member that is packed as only a bomb is."""
    if member.file_size > _SMALL and member.file_size > MOST_PACKED * max(1, member.compress_size):
        raise UnreadableInputError(
            f"has a part, {member.filename[:80]!r}, that unpacks to far too much: leave it out"
        )
