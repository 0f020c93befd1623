"""A file's bytes and text, with the mistakes that files of every format can have."""

import shlex
from pathlib import Path

from index.errors import UnreadableInputError

_MIB = 1024 * 1024
LARGEST_BYTES = 64 * _MIB
# Markup takes seconds a megabyte to take off.
LARGEST_MARKUP_BYTES = 16 * _MIB
# What an encoding is guessed from.
_SAMPLE_BYTES = 64 * 1024
# What texts were written in before UTF-8. Others fit as many bytes, and would be guessed too often.
_ENCODINGS = (
    "cp1256", "iso8859_6", "cp720", "cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic", "cp1252",
    "cp1250", "cp1253", "cp1254", "cp1255", "gb18030", "big5", "cp932", "euc_jp", "euc_kr",
)  # fmt: skip
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def check_regular(path: Path) -> None:
    """Raises UnreadableInputError for a folder, or a pipe, which would be waited for without end."""
    if not path.is_file() and path.exists():
        raise UnreadableInputError("is not a regular file: give a file or a folder")


def load(path: Path, largest: int = LARGEST_BYTES) -> bytes:
    """The file's bytes. Raises UnreadableInputError when it is empty, too large or no file."""
    check_regular(path)
    size = path.stat().st_size
    if size > largest:
        raise UnreadableInputError(
            f"has {size / _MIB:,.1f} MiB, more than {largest // _MIB}: split it into articles"
        )
    data = path.read_bytes()
    if not data.strip():
        raise UnreadableInputError("is empty: put the article's text into it, or remove it")
    return data


def decode(path: Path, largest: int = LARGEST_BYTES) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark; line ends become plain ones."""
    data = load(path, largest)
    encoding = marked_encoding(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableInputError(_wrong_encoding(path, data, encoding, error.start)) from None
    refuse_binary(text)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise UnreadableInputError("is empty: put the article's text into it, or remove it")
    return text


def marked_encoding(data: bytes) -> str:
    """The encoding that a byte order mark gives away; empty without one."""
    return next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "")


def refuse_binary(text: str) -> None:
    """Raises UnreadableInputError for what is no text."""
    if "\0" in text:
        raise UnreadableInputError("looks like a binary file (it has NUL bytes): give a text file")


def guess_encoding(data: bytes) -> str:
    """The likeliest encoding of bytes that are not UTF-8; empty when none fits."""
    # Takes a while to import, and few files need it.
    from charset_normalizer import from_bytes

    guess = from_bytes(data[:_SAMPLE_BYTES], cp_isolation=list(_ENCODINGS)).best()
    return guess.encoding.replace("_", "-") if guess else ""


def _wrong_encoding(path: Path, data: bytes, encoding: str, position: int) -> str:
    if encoding == "utf-8" and b"\0" in data:
        return "looks like a binary file (it has NUL bytes): give a text file"
    broken = f"is not {encoding.upper()} text (byte {position})"
    name = guess_encoding(data) if encoding == "utf-8" else ""
    if not name:
        return f"{broken}: save it as UTF-8"
    converted = path.with_name(f"{path.stem}.utf-8{path.suffix}")
    command = f"iconv -f {name} -t utf-8 {shlex.quote(str(path))} > {shlex.quote(str(converted))}"
    return f"{broken}; it may be {name}: {command}"
