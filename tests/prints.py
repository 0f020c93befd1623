"""PDFs as different programs make them: shaped, in presentation forms, printed by a browser."""

import unicodedata
from functools import cache
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import TextDirection
from playwright.sync_api import Browser

# It has the letters of all four languages, shaped and as presentation forms, and matplotlib brings it.
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
_JOIN_RIGHT_ONLY = set("اأإآٱدذرزوؤىةژ")
_RTL = ("ar", "fa")


def shaped(title: str, text: str, language: str, *, size: float = 12) -> bytes:
    """Glyphs chosen and placed by HarfBuzz, as most programs do it today."""
    document = _document(size)
    document.set_text_shaping(True)
    document.set_title(title)
    return _written(document, [title, *text.split("\n")], language)


def in_presentation_forms(title: str, text: str, language: str) -> bytes:
    """A letter of its own for each shape, in the order in which they are seen, as old programs do it."""
    document = _document(12)
    document.set_text_shaping(False)
    width = document.epw - 2
    for paragraph in (title, *text.split("\n")):
        line: list[str] = []
        for word in [*paragraph.split(), ""]:
            if not word or document.get_string_width(" ".join([*line, word])) > width:
                seen = _as_seen(" ".join(line), language)
                document.cell(w=document.epw, text=seen, align="R" if language in _RTL else "L")
                document.ln()
                line = []
            line.append(word)
        document.ln(4)
    return bytes(document.output())


def printed(browser: Browser, title: str, text: str, language: str) -> bytes:
    """A page printed by Chromium."""
    page = browser.new_page()
    direction = "rtl" if language in _RTL else "ltr"
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n"))
    page.set_content(
        f"<html lang={language} dir={direction}><body><h1>{title}</h1>{paragraphs}</body></html>"
    )
    made = page.pdf()
    page.close()
    return made


def _document(size: float) -> FPDF:
    document = FPDF()
    document.add_font("dejavu", fname=FONT)
    document.set_font("dejavu", size=size)
    document.add_page()
    return document


def _written(document: FPDF, paragraphs: list[str], language: str) -> bytes:
    for paragraph in paragraphs:
        align = "R" if language in _RTL else "L"
        document.multi_cell(w=0, text=paragraph, align=align, new_x="LMARGIN", new_y="NEXT")
        document.ln(4)
    return bytes(document.output())


@cache
def _forms() -> dict[tuple[str, str], str]:
    """By letter and kind of shape (isolated, initial, medial, final), its presentation form."""
    found = {}
    for code in (*range(0xFB50, 0xFDFE), *range(0xFE70, 0xFEFD)):
        kind, _, letters = unicodedata.decomposition(chr(code)).partition(" ")
        letter = "".join(chr(int(part, 16)) for part in letters.split())
        if kind in ("<isolated>", "<initial>", "<medial>", "<final>") and (
            len(letter) == 1 or letter in ("لا", "لأ", "لإ", "لآ")
        ):
            found.setdefault((letter, kind), chr(code))
    return found


def _as_seen(line: str, language: str) -> str:
    if language not in _RTL:
        return line
    forms = _forms()
    letters: list[str] = []
    for character in line:
        if letters and letters[-1] == "ل" and character in "اأإآ":
            letters[-1] += character
        else:
            letters.append(character)
    shapes = []
    for number, letter in enumerate(letters):
        before = letters[number - 1] if number else " "
        after = letters[number + 1] if number + 1 < len(letters) else " "
        joins_before = _joins(before) and before[-1] not in _JOIN_RIGHT_ONLY and _joins(letter)
        joins_after = _joins(letter) and letter[-1] not in _JOIN_RIGHT_ONLY and _joins(after)
        kind = {(0, 0): "<isolated>", (0, 1): "<initial>", (1, 1): "<medial>", (1, 0): "<final>"}[
            (joins_before, joins_after)
        ]
        shapes.append(forms.get((letter, kind), letter))
    return str(BidiParagraph("".join(shapes), TextDirection.RTL).get_reordered_string())


def _joins(letter: str) -> bool:
    return (letter, "<final>") in _forms()
