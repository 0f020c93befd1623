"""PDF files: text in the order in which it is read; the only file that knows PDFium.

A PDF says which letter stands where on the page, in whatever order it was drawn. PDFium's own order is
wrong for most Arabic and Persian words, so lines are put together from the letters' places: a line of
right-to-left script is read from the right, numbers and Latin words in it from the left.
"""

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from index.errors import UnreadableInputError
from index.readers.dated import visible_date
from index.readers.file import load
from index.readers.found import Found
from index.readers.record import InputArticle

MOST_PAGES = 2000
# In units of the letter's size: how far apart two baselines of one line may be (raised marks and
# digits), which gap between lines makes a new paragraph, and which between letters a new word.
_SAME_LINE = 0.45
_PARAGRAPH = 1.45
_SPACE = 0.19
_OTHER_SIZE = 1.15
_PAIRS = ("()", "[]", "{}", "«»", "‹›")
_KIND = {character: number for number, pair in enumerate(_PAIRS) for character in pair}
_OPENS = re.compile(r"(?:(?<=\s)|^)[()\[\]{}«»‹›](?=\w)")
_CLOSES = re.compile(r"(?<=[\w.!?؟%])[()\[\]{}«»‹›](?=[\s.,،؛:;!?؟]|$)")
# Signs that belong to the number they stand in.
_IN_NUMBERS = frozenset(".,:/-%٫٬٪$€£")


@dataclass(frozen=True, slots=True)
class _Letter:
    character: str
    left: float
    right: float
    baseline: float
    size: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    baseline: float
    size: float


def read_pdf(path: Path, article_id: str) -> Iterator[Found]:
    """One article: the text of all pages, without what is printed on each of them."""
    pages, title = _pages(load(path))
    paragraphs = _paragraphs(_without_margins(pages))
    text = "\n\n".join(paragraph for paragraph, _ in paragraphs)
    if not text.strip():
        raise UnreadableInputError(
            "has no text in it, only pictures of pages: make text of it (ocrmypdf), and take in that"
        )
    if not title:
        largest = max(size for _, size in paragraphs)
        first, size = paragraphs[0]
        title = first if len(first) <= 200 and size >= largest - 0.5 and len(paragraphs) > 1 else ""
    published_at = visible_date((paragraph for paragraph, _ in paragraphs), title)
    article = InputArticle(id=article_id, title=title, text=text, published_at=published_at)
    yield Found(article.to_article(), path)


def _pages(data: bytes) -> tuple[list[list[_Line]], str]:
    """The lines of each page, and the title that the file names."""
    # Takes a while to import, and many archives have no PDF.
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        reason = (
            "is locked with a password: save it without one"
            if locked
            else f"is no PDF that can be read: {error}"
        )
        raise UnreadableInputError(reason) from None
    try:
        if len(document) > MOST_PAGES:
            raise UnreadableInputError(f"has {len(document):,} pages, more than {MOST_PAGES:,}: split it")
        title = " ".join((document.get_metadata_dict().get("Title") or "").split())
        # Programs put the file's name there.
        title = "" if re.search(r"\.\w{2,4}$|^untitled", title, re.I) else title
        return [_lines(_letters(page.get_textpage())) for page in document], title
    except pypdfium2.PdfiumError as error:
        raise UnreadableInputError(f"is no PDF that can be read: {error}") from None
    finally:
        document.close()


def _letters(textpage: Any) -> list[_Letter]:
    from pypdfium2 import raw

    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    matrix = raw.FS_MATRIX()
    letters = []
    for number in range(raw.FPDFText_CountChars(textpage.raw)):
        code = raw.FPDFText_GetUnicode(textpage.raw, number)
        # Breaks that PDFium made up, where it found a line to end.
        if not code or (raw.FPDFText_IsGenerated(textpage.raw, number) == 1 and code in (10, 13)):
            continue
        raw.FPDFText_GetCharBox(textpage.raw, number, left, right, bottom, top)
        raw.FPDFText_GetCharOrigin(textpage.raw, number, x, y)
        # Programs write one size and scale the page, or the other way round.
        scale = (
            math.hypot(matrix.c, matrix.d) if raw.FPDFText_GetMatrix(textpage.raw, number, matrix) else 1.0
        )
        size = raw.FPDFText_GetFontSize(textpage.raw, number) * scale or 1.0
        character = chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\ufffd"
        if character.isspace():
            letters.append(_Letter(" ", x.value, x.value, y.value, size))
        else:
            letters.append(_Letter(character, left.value, right.value, y.value, size))
    textpage.close()
    return letters


def _lines(letters: Sequence[_Letter]) -> list[_Line]:
    """Letters that follow one another on one baseline, put into the order of reading."""
    lines: list[list[_Letter]] = []
    for letter in letters:
        line = lines[-1] if lines else None
        if line and abs(letter.baseline - line[0].baseline) <= _SAME_LINE * max(letter.size, line[0].size):
            line.append(letter)
        else:
            lines.append([letter])
    found = (
        _Line(_in_reading_order(line), line[0].baseline, median(letter.size for letter in line))
        for line in lines
    )
    return [line for line in found if line.text]


def _in_reading_order(letters: Sequence[_Letter]) -> str:
    bases = [letter for letter in letters if not unicodedata.combining(letter.character)]
    if not any(_is_rtl(letter.character) for letter in bases):
        # PDFium's order is right for these.
        return " ".join("".join(letter.character for letter in letters).split())
    # Where PDFium puts spaces between such words cannot be relied on: the gaps tell.
    bases = [letter for letter in bases if not letter.character.isspace()]
    marks: dict[int, list[str]] = {}
    for mark in letters:
        if unicodedata.combining(mark.character) and bases:
            near = min(range(len(bases)), key=lambda n: (_distance(mark, bases[n]), n))
            marks.setdefault(near, []).append(mark.character)
            base = bases[near]
            # A letter and its mark may be one glyph, each with a part of its width.
            left, right = min(base.left, mark.left), max(base.right, mark.right)
            bases[near] = replace(base, left=left, right=right)
    rtl = sum(_is_rtl(letter.character) for letter in bases)
    ltr = sum(_is_ltr(letter.character) for letter in bases)
    order = sorted(range(len(bases)), key=lambda n: bases[n].middle)
    if rtl >= ltr:
        order.reverse()
    glyphs: list[tuple[str, str]] = []
    for before, n in zip([None, *order], order, strict=False):
        if before is not None and _gap(bases[before], bases[n]) > _least_gap(bases[before], bases[n]):
            glyphs.append((" ", ""))
        glyphs.append((bases[n].character, "".join(marks.get(n, ()))))
    runs = _turned(glyphs, from_right=rtl >= ltr)
    text = "".join(character + mark for character, mark in runs)
    return " ".join(_with_brackets_right(text).split())


def _turned(glyphs: list[tuple[str, str]], *, from_right: bool) -> list[tuple[str, str]]:
    """The glyphs of a line, given as they follow one another from one side, in reading order.

    Runs of the other direction are turned around: Latin words and numbers in a line that is read from
    the right, Arabic words in one that is read from the left.
    """
    turned: list[tuple[str, str]] = []
    run: list[tuple[str, str]] = []
    for number, glyph in enumerate(glyphs):
        if _is_of_run(glyphs, number, from_right=from_right, inside=bool(run)):
            run.append(glyph)
            continue
        turned += reversed(run)
        run = []
        turned.append(glyph)
    return turned + run[::-1]


def _is_of_run(glyphs: list[tuple[str, str]], number: int, *, from_right: bool, inside: bool) -> bool:
    character = glyphs[number][0]
    turns = (lambda c: _is_ltr(c) or _is_digit(c)) if from_right else _is_rtl
    if turns(character):
        return True
    if not inside or (from_right and _is_rtl(character)) or (not from_right and _is_ltr(character)):
        # A sign before a number belongs to it.
        follows = glyphs[number + 1][0] if number + 1 < len(glyphs) else ""
        return from_right and character in "%٪$€£" and _is_digit(follows)
    # Signs and spaces between two parts of the run are part of it, those at its end are not.
    for other, _ in glyphs[number + 1 :]:
        if turns(other):
            if from_right and _is_digit(other) and _is_digit(glyphs[number - 1][0]):
                return character in _IN_NUMBERS
            return True
        if other not in _IN_NUMBERS and not other.isspace() and other not in "'’&":
            return False
    return False


def _with_brackets_right(text: str) -> str:
    """Brackets as written, by what is beside them: which of a mirrored pair is noted differs by program."""
    text = _OPENS.sub(lambda found: _PAIRS[_KIND[found[0]]][0], text)
    return _CLOSES.sub(lambda found: _PAIRS[_KIND[found[0]]][1], text)


def _without_margins(pages: Sequence[list[_Line]]) -> list[list[_Line]]:
    """The pages without numbers and lines that stand at the head or foot of most of them."""
    edges = Counter(
        _masked(line.text) for lines in pages for line in {*lines[:1], *lines[-1:]}
    )  # fmt: skip
    often = {text for text, count in edges.items() if count >= 3 and count > len(pages) / 2}

    def is_margin(line: _Line) -> bool:
        masked = _masked(line.text)
        return masked in often or (len(pages) > 1 and not masked.strip("0 -–—/|."))

    kept = []
    for lines in pages:
        start, end = 0, len(lines)
        if lines and is_margin(lines[0]):
            start = 1
        if end > start and is_margin(lines[-1]):
            end -= 1
        kept.append(lines[start:end])
    return kept


def _masked(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def _paragraphs(pages: Sequence[list[_Line]]) -> list[tuple[str, float]]:
    """Lines joined to paragraphs, each with the size of its letters."""
    found: list[tuple[str, float]] = []
    for lines in pages:
        gaps = [a.baseline - b.baseline for a, b in pairwise(lines)]
        usual = median([gap for gap in gaps if gap > 0] or [0.0])
        for number, line in enumerate(lines):
            gap = gaps[number - 1] if number else None
            if found and _continues(found[-1], line, gap, usual):
                text, size = found[-1]
                hyphenated = re.search(r"[a-zа-яё]-$", text) and line.text[:1].islower()
                joined = text[:-1] + line.text if hyphenated else f"{text} {line.text}"
                found[-1] = (joined, size)
            else:
                found.append((line.text, line.size))
    return found


def _continues(before: tuple[str, float], line: _Line, gap: float | None, usual: float) -> bool:
    text, size = before
    if max(size, line.size) > _OTHER_SIZE * min(size, line.size):
        return False
    if gap is None:  # on the next page
        return not re.search(r"[.!?؟۔…:]\W*$", text)
    return 0 < gap <= max(_PARAGRAPH * line.size, 1.15 * min(usual, 2 * line.size))


def _gap(one: _Letter, other: _Letter) -> float:
    return max(one.left, other.left) - min(one.right, other.right)


def _least_gap(one: _Letter, other: _Letter) -> float:
    """The least gap between two words: digits are as wide as each other, so a 1 has gaps beside it."""
    digits = _is_digit(one.character) and _is_digit(other.character)
    return (2 if digits else 1) * _SPACE * max(one.size, other.size)


def _distance(mark: _Letter, base: _Letter) -> float:
    return 0.0 if base.left <= mark.middle <= base.right else min(
        abs(mark.middle - base.left), abs(mark.middle - base.right)
    )  # fmt: skip


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _is_ltr(character: str) -> bool:
    return unicodedata.bidirectional(character) == "L"


def _is_digit(character: str) -> bool:
    return character != "" and unicodedata.bidirectional(character) in ("EN", "AN")
