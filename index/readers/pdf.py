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
from itertools import accumulate, pairwise
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
_SPACE = 0.17
# The same where PDFium has a space: its spaces are too many, and some overhanging letters near.
_SPACE_THERE = 0.11
_OTHER_SIZE = 1.15
# How far the next line may be above: further up is another column.
_CLIMB = 3.0
# The share of a page's letters from which it is read from the right, foreign lines included; and the
# share of the widest line from which a line is no last one of its paragraph.
_MOSTLY = 2 / 3
_FULL = 0.7
# In points: places that are one.
_ONE_PLACE = 0.01
_ALEFS = frozenset("اأإآٱ")
_UNJOINED = _ALEFS | frozenset("ءدذرزژڈڑوؤۆۇىةۀ")
# What PDFium makes of a hyphen at the end of a line.
_HYPHEN = 2
_PAIRS = ("()", "[]", "{}", "«»", "‹›")
_KIND = {character: number for number, pair in enumerate(_PAIRS) for character in pair}
_OPENS = re.compile(r"(?:(?<=\s)|^)[()\[\]{}«»‹›](?=\w)")
_CLOSES = re.compile(r"(?<=[\w.!?؟%])[()\[\]{}«»‹›](?=[\s.,،؛:;!?؟]|$)")
# Signs that belong to the number they stand in. After Arabic letters a hyphen does not (UAX 9, rule W2).
_IN_NUMBERS = frozenset(".,:/%٫٬٪$€£")


@dataclass(frozen=True, slots=True)
class _Letter:
    character: str
    origin: float
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
    width: float


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
        title = "" if re.search(r"\.\w{2,4}$|^untitled|^(about|https?|file|data):", title, re.I) else title
        return [_lines(_letters(page.get_textpage())) for page in document], title
    except pypdfium2.PdfiumError as error:
        raise UnreadableInputError(f"is no PDF that can be read: {error}") from None
    finally:
        document.close()


def _letters(textpage: Any) -> list[_Letter]:
    from pypdfium2 import raw

    x, y = ctypes.c_double(), ctypes.c_double()
    box = raw.FS_RECTF()
    matrix = raw.FS_MATRIX()
    letters = []
    for number in range(raw.FPDFText_CountChars(textpage.raw)):
        code = raw.FPDFText_GetUnicode(textpage.raw, number)
        # Breaks that PDFium made up, where it found a line to end.
        if not code or (raw.FPDFText_IsGenerated(textpage.raw, number) == 1 and code in (10, 13)):
            continue
        # The room that it takes, not its ink: an alef is as narrow as a gap.
        raw.FPDFText_GetLooseCharBox(textpage.raw, number, box)
        raw.FPDFText_GetCharOrigin(textpage.raw, number, x, y)
        # Programs write one size and scale the page, or the other way round.
        scale, turned = 1.0, 0
        if raw.FPDFText_GetMatrix(textpage.raw, number, matrix):
            scale = math.hypot(matrix.c, matrix.d)
            turned = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4
        size = raw.FPDFText_GetFontSize(textpage.raw, number) * scale or 1.0
        code = ord("-") if code == _HYPHEN else code
        character = chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "\ufffd"
        origin, baseline = _upright(x.value, y.value, turned)
        sides = _upright(box.left, box.bottom, turned)[0], _upright(box.right, box.top, turned)[0]
        if character.isspace():
            letters.append(_Letter(" ", origin, origin, origin, baseline, size))
        elif unicodedata.category(character) != "Cc":  # parts of letters, to some programs
            letters.append(_Letter(character, origin, min(sides), max(sides), baseline, size))
    textpage.close()
    return letters


def _upright(x: float, y: float, turned: int) -> tuple[float, float]:
    """A place on a page that was turned back by so many quarters."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turned]


def _lines(letters: Sequence[_Letter]) -> list[_Line]:
    """Letters that follow one another on one baseline, put into the order of reading."""
    lines: list[list[_Letter]] = []
    for letter in letters:
        line = lines[-1] if lines else None
        if line and abs(letter.baseline - line[0].baseline) <= _SAME_LINE * max(letter.size, line[0].size):
            line.append(letter)
        else:
            lines.append([letter])
    rtl = sum(_is_rtl(letter.character) for letter in letters)
    # A line of foreign names is read from the right, too, where nearly all others are.
    in_rtl = rtl >= _MOSTLY * (rtl + sum(_is_ltr(letter.character) for letter in letters))
    found = (
        _Line(
            _in_reading_order(line, in_rtl=in_rtl),
            line[0].baseline,
            median(letter.size for letter in line),
            max(letter.right for letter in line) - min(letter.left for letter in line),
        )
        for line in lines
    )
    return _downwards([line for line in found if line.text])


def _downwards(lines: Sequence[_Line]) -> list[_Line]:
    """The lines with those turned around that climb: PDFium reverses runs of right-to-left text whole."""
    ordered: list[_Line] = []
    run: list[_Line] = []
    for line in lines:
        if run and not 0 < line.baseline - run[-1].baseline <= _CLIMB * line.size:
            ordered += reversed(run)
            run = []
        elif run and not (_has_rtl(run[-1].text) or _has_rtl(line.text)):
            ordered += run
            run = []
        run.append(line)
    return ordered + run[::-1]


def _has_rtl(text: str) -> bool:
    return any(map(_is_rtl, text))


def _in_reading_order(letters: Sequence[_Letter], *, in_rtl: bool) -> str:
    bases = [letter for letter in letters if not unicodedata.combining(letter.character)]
    if not any(_is_rtl(letter.character) for letter in bases):
        # PDFium's order is right for these.
        return " ".join("".join(letter.character for letter in letters).split())
    # Where PDFium puts spaces between such words cannot be relied on: the gaps tell, spaces only help.
    spaces = list(accumulate(letter.character.isspace() for letter in bases))
    words = [count for letter, count in zip(bases, spaces, strict=True) if not letter.character.isspace()]
    bases = [letter for letter in bases if not letter.character.isspace()]
    marks: dict[int, list[str]] = {}
    for mark in letters:
        if unicodedata.combining(mark.character) and bases:
            near = min(range(len(bases)), key=lambda n: (*_distance(mark, bases[n]), n))
            marks.setdefault(near, []).append(mark.character)
            base = bases[near]
            # A letter and its mark may be one glyph, each with a part of its width.
            left, right = min(base.left, mark.left), max(base.right, mark.right)
            bases[near] = replace(base, left=left, right=right)
    rtl = sum(_is_rtl(letter.character) for letter in bases)
    from_right = in_rtl or rtl >= sum(_is_ltr(letter.character) for letter in bases)
    order = sorted(range(len(bases)), key=lambda n: bases[n].middle)
    if from_right:
        order.reverse()
    _right_ligatures(bases, order, from_right=from_right)
    glyphs: list[tuple[str, str]] = []
    for before, n in zip([None, *order], order, strict=False):
        if before is not None:
            # A letter that ends its word may hang over the gap. What is joined to the next does not, and
            # of one glyph with a mark the room is not known.
            there = words[before] != words[n] and n not in marks and not _joins(bases[before].character)
            if _gap(bases[before], bases[n]) > _least_gap(bases[before], bases[n], space_there=there):
                glyphs.append((" ", ""))
        glyphs.append((bases[n].character, "".join(marks.get(n, ()))))
    runs = _turned(glyphs, from_right=from_right)
    text = "".join(character + mark for character, mark in runs)
    return " ".join(_with_brackets_right(text).split())


def _right_ligatures(bases: Sequence[_Letter], order: list[int], *, from_right: bool) -> None:
    """Put lam before alef where both are one glyph: PDFium lists its letters one way or the other."""
    for number, (one, other) in enumerate(pairwise(order)):
        first, second = (one, other) if from_right else (other, one)
        pair = (bases[first].character, bases[second].character)
        if pair[0] in _ALEFS and pair[1] == "ل" and _one_glyph(bases[one], bases[other]):
            order[number], order[number + 1] = other, one


def _one_glyph(one: _Letter, other: _Letter) -> bool:
    return abs(one.origin - other.origin) < _ONE_PLACE and abs(one.left - other.left) < _ONE_PLACE


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
        widest = max((line.width for line in lines), default=0.0)
        for number, line in enumerate(lines):
            gap = gaps[number - 1] if number else None
            full = not number or lines[number - 1].width >= _FULL * widest
            if found and _continues(found[-1], line, gap, usual if full else 0.0):
                text, size = found[-1]
                hyphenated = re.search(r"[a-zа-яё]-$", text) and line.text[:1].islower()
                joined = text[:-1] + line.text if hyphenated else f"{text} {line.text}"
                found[-1] = (joined, size)
            else:
                found.append((line.text, line.size))
    return found


def _continues(before: tuple[str, float], line: _Line, gap: float | None, usual: float) -> bool:
    """Whether a line goes on with a paragraph; `usual` is the gap of wide-set lines, or 0."""
    text, size = before
    if max(size, line.size) > _OTHER_SIZE * min(size, line.size):
        return False
    if gap is None:  # on the next page
        return not re.search(r"[.!?؟۔…:]\W*$", text)
    return 0 < gap <= max(_PARAGRAPH * line.size, 1.15 * min(usual, 2 * line.size))


def _gap(one: _Letter, other: _Letter) -> float:
    left, right = (one, other) if one.middle < other.middle else (other, one)
    return min(right.left, right.origin) - left.right


def _least_gap(one: _Letter, other: _Letter, *, space_there: bool) -> float:
    """The least gap between two words: digits are as wide as each other, so a 1 has gaps beside it."""
    digits = _is_digit(one.character) and _is_digit(other.character)
    share = (2 if digits else 1) * (_SPACE_THERE if space_there else _SPACE)
    return share * max(one.size, other.size)


def _distance(mark: _Letter, base: _Letter) -> tuple[bool, float]:
    """How far a mark is from a letter: nearest when both are one glyph."""
    inside = base.left <= mark.middle <= base.right
    away = 0.0 if inside else min(abs(mark.middle - base.left), abs(mark.middle - base.right))
    return abs(mark.origin - base.origin) >= _ONE_PLACE, away


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _joins(character: str) -> bool:
    """Whether a letter is written into the next one."""
    return _is_rtl(character) and character.isalpha() and character not in _UNJOINED


def _is_ltr(character: str) -> bool:
    return unicodedata.bidirectional(character) == "L"


def _is_digit(character: str) -> bool:
    return character != "" and unicodedata.bidirectional(character) in ("EN", "AN")
