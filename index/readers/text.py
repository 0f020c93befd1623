"""Plain text files; and decoding, for every format that is text."""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from charset_normalizer import from_bytes

from index.errors import UnreadableInputError
from index.readers.record import InputArticle
from index.types import Article

LARGEST_BYTES = 64 * 1024 * 1024
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ENDS_A_SENTENCE = re.compile(r"[.!?؟؛۔。！？…:\"'»”’)\]]\s*$")


def read_text(path: Path, article_id: str) -> Iterator[Article]:
    """One article: the file's text, with its first line as the title where it looks like one."""
    text = unwrap(decode(path))
    yield InputArticle(id=article_id, title=title_line(text), text=text).to_article()


def decode(path: Path) -> str:
    """The file's text. Raises UnreadableInputError for what is no UTF-8 (or UTF-16 with its mark)."""
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise UnreadableInputError(
            f"has {size / 2**20:,.0f} MiB, more than {LARGEST_BYTES // 2**20}: split it into articles"
        )
    data = path.read_bytes()
    if not data.strip():
        raise UnreadableInputError("is empty: put the article's text into it, or remove it")
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableInputError(_not_utf8(data, error)) from None
    if "\0" in text:
        raise UnreadableInputError("looks like a binary file (it has NUL bytes): give a text file")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> str:
    if b"\0" in data[:4096]:
        return "looks like a binary file (it has NUL bytes): give a text file"
    guess = from_bytes(data[:65536]).best()
    if guess is None:
        return f"is not UTF-8 text (byte {error.start}): save it as UTF-8"
    name = guess.encoding.replace("_", "-")
    return f"is not UTF-8 text (byte {error.start}); it may be {name}: iconv -f {name} -t utf-8 FILE > NEW"


def unwrap(text: str) -> str:
    """Join the lines of text that was broken at a fixed width; blank lines stay paragraph breaks."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 6:
        return text
    lengths = [len(line) for line in lines]
    unfinished = sum(not _ENDS_A_SENTENCE.search(line) for line in lines) / len(lines)
    if not (median(lengths) >= 45 and max(lengths) <= 100 and unfinished > 0.5):
        return text
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(re.sub(r"[ \t]*\n[ \t]*", " ", paragraph.strip("\n")) for paragraph in paragraphs)


def title_line(text: str) -> str:
    """The first line, if it is short, ends without a full stop and stands apart; it stays in the text."""
    first, _, rest = text.strip().partition("\n")
    apart = rest.startswith("\n") and rest.strip()
    return first.strip() if apart and len(first) <= 150 and not _ENDS_A_SENTENCE.search(first) else ""
