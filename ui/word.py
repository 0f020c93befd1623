"""An outline as a Word document (DOCX), set right for scripts of both directions.

Word asks to be told what a browser sees for itself: that a paragraph runs from the right (`w:bidi`),
that a run of letters does (`w:rtl`), and which font and size such letters have (`w:cs`, `w:szCs`).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from docx.text.paragraph import Paragraph

from ui.outline import Block, Piece, runs_right_to_left, starts_right_to_left

# Letters that run from the left, and those that run from the right; each is on every office machine.
_FONT, _FONT_FROM_THE_RIGHT = "Calibri", "Arial"
_BLUE = RGBColor(0x1F, 0x4E, 0x79)
_STYLES: dict[str, tuple[str, float]] = {
    "title": ("Title", 20),
    "heading": ("Heading 1", 13),
    "note": ("Note", 10),
    "statement": ("Normal", 11.5),
    "source": ("Source", 10.5),
    "quote": ("Quote", 10.5),
    "detail": ("Detail", 9.5),
    "doubt": ("Doubt", 9.5),
    "fact": ("Detail", 9.5),
}
_LRM, _RLM = "\u200e", "\u200f"
# XML cannot hold these.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def to_docx(blocks: Sequence[Block], title: str, made_at: str = "") -> bytes:
    """The file's bytes."""
    document = Document()
    _set_styles(document)
    facts = document.core_properties
    facts.title, facts.author, facts.comments = _clean(title)[:255], "Dateline", ""
    if made_at:
        facts.created = facts.modified = datetime.fromisoformat(made_at)
    for block in blocks:
        paragraph = document.add_paragraph(style=_STYLES[block.kind][0])
        from_the_right = runs_right_to_left(block)
        # Said of every paragraph: LibreOffice guesses where nothing is said.
        bidi = OxmlElement("w:bidi")
        bidi.set(qn("w:val"), "1" if from_the_right else "0")
        paragraph._p.get_or_add_pPr().insert_element_before(bidi, "w:spacing", "w:ind", "w:jc", "w:rPr")
        for piece in block.pieces:
            _add(paragraph, piece, from_the_right=from_the_right)
    packed = BytesIO()
    document.save(packed)
    return packed.getvalue()


def _set_styles(document: Any) -> None:
    for name, size in dict(_STYLES.values()).items():
        styles = document.styles
        known = name in styles
        style = styles[name] if known else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        if not known:
            style.base_style = styles["Normal"]
        style.font.size = Pt(size)
        style.paragraph_format.space_after = Pt(6)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in list(fonts.attrib):
            del fonts.attrib[kind]  # the template's theme would win
        for kind, font in (("ascii", _FONT), ("hAnsi", _FONT), ("cs", _FONT_FROM_THE_RIGHT)):
            fonts.set(qn(f"w:{kind}"), font)
        _put(style.element.rPr, "w:szCs", val=str(round(size * 2)))
    styles["Title"].font.color.rgb = styles["Heading 1"].font.color.rgb = _BLUE
    for name in ("Quote", "Detail", "Doubt"):
        styles[name].paragraph_format.left_indent = Pt(18)
    styles["Quote"].font.italic = False
    _put(styles["Quote"].element.rPr, "w:iCs", val="0")
    styles["Doubt"].font.bold = True
    _put(styles["Doubt"].element.rPr, "w:bCs")
    styles["Source"].paragraph_format.keep_with_next = True


def _add(paragraph: Paragraph, piece: Piece, *, from_the_right: bool) -> None:
    parent = paragraph._p
    if piece.shape == "link":
        target = paragraph.part.relate_to(piece.text, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        parent = OxmlElement("w:hyperlink")
        parent.set(qn("r:id"), target)
        paragraph._p.append(parent)
    for text, rtl in _runs(_set_off(piece, from_the_right), from_the_right):
        run = paragraph.add_run(text)
        parent.append(run._r)
        if piece.shape == "strong":
            run.bold = True
        if piece.shape == "number":
            run.font.color.rgb = _BLUE
        if piece.shape == "link":
            run.font.color.rgb, run.underline = _BLUE, True
        properties = run._r.get_or_add_rPr()
        if piece.shape == "strong":
            _put(properties, "w:bCs")
        if rtl:
            _put(properties, "w:rtl")
        if piece.language:
            _put(properties, "w:lang", **{"bidi" if rtl else "val": piece.language})


def _set_off(piece: Piece, from_the_right: bool) -> str:
    """The text of a piece that must not flow with what is beside it, between marks.

    Word knows no isolates. The outer marks end a run in the paragraph's direction; the inner ones hold
    together what has none of its own, such as a date.
    """
    text = _clean(piece.text)
    if piece.shape == "link":
        return f"{text}{_LRM}" if from_the_right else text
    if piece.shape == "plain" or not (from_the_right or any(_way(character) for character in text)):
        return text
    outer = _RLM if from_the_right else _LRM
    inner = _RLM if starts_right_to_left(text) else _LRM
    return f"{outer}{inner}{text}{inner}{outer}" if inner != outer else f"{outer}{text}{outer}"


def _way(character: str) -> bool | None:
    """Whether a character runs from the right; None when it runs with what is around it."""
    kind = unicodedata.bidirectional(character)
    return True if kind in ("R", "AL", "AN") else False if kind == "L" else None


def _runs(text: str, from_the_right: bool) -> Iterator[tuple[str, bool]]:
    """The text in runs of one direction each; what has none of its own goes with what is around it."""
    ways = [_way(character) for character in text]
    before: bool | None = None
    start = 0
    for place, way in enumerate(ways):
        if way is None:
            after = next((later for later in ways[place:] if later is not None), from_the_right)
            left = from_the_right if before is None else before
            ways[place] = after if after == left else from_the_right
        else:
            before = way
    for place in range(1, len(ways) + 1):
        if place == len(ways) or ways[place] != ways[start]:
            yield text[start:place], bool(ways[start])
            start = place


def _put(properties: Any, name: str, **values: str) -> None:
    """Add a property in the place where the schema wants it."""
    order = (
        "w:rFonts", "w:b", "w:bCs", "w:i", "w:iCs", "w:color", "w:sz", "w:szCs", "w:u", "w:vertAlign",
        "w:rtl", "w:cs", "w:lang",
    )  # fmt: skip
    for old in properties.findall(qn(name)):
        properties.remove(old)
    element = OxmlElement(name)
    for attribute, value in values.items():
        element.set(qn(f"w:{attribute}"), value)
    properties.insert_element_before(element, *order[order.index(name) + 1 :])


def _clean(text: str) -> str:
    return _NO_TEXT.sub("", text)
