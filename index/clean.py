"""Text as it was meant: one form for what looks the same, and nothing in it that cannot be seen.

The cleaned text is what is stored, so offsets refer to it. Wording, spelling and punctuation are
left as they are: a quotation must stay one.
"""

import re
import unicodedata

import regex

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\u2028\u2029]")
# A line end, too; but in Arabic read in a wrong encoding it is half of a letter.
_NEXT_LINE = "\x85"
# Spaces that only say where a line must not be broken.
_SPACES = re.compile("[\u00a0\u2007\u202f]")
# Controls, soft hyphens, marks of direction (each paragraph's follows from its letters), zero-width
# spaces, tags and noncharacters. The joiners that Persian and emoji are written with stay, and so do
# selectors of variants.
_UNSEEN = regex.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# Letters of old encodings, one for each shape that a letter takes: what PDFs are often made of. The
# ornate brackets and the words written as one letter (FDF0 to FDFF) are left as they were chosen.
_SHAPES = re.compile("[\ufb00-\ufb06\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdcf\ufe70-\ufefc]+")
# No script stacks so many marks on a letter; letters that are drowned in them can stall a renderer.
_MARKS = regex.compile(r"(\p{M}{8})\p{M}+")
_MOST_ROUNDS = 5
_JOINER_RUN = re.compile("([\u200c\u200d])[\u200c\u200d]+")


def clean_text(text: str) -> str:
    """The text in NFC, with its line ends as \\n, mojibake undone and invisible characters left out."""
    # Undoing one fault may bring another to light. What needs no cleaning is looked at once.
    for _ in range(_MOST_ROUNDS):
        before, text = text, _cleaned_once(text)
        if text == before:
            break
    return text


def _cleaned_once(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text)
    text = "\n".join(map(_unmangled, text.split("\n"))) if not text.isascii() else text
    text = text.replace(_NEXT_LINE, "\n")
    text = _UNSEEN.sub("", _SPACES.sub(" ", text))
    text = _SHAPES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _JOINER_RUN.sub(r"\1", _MARKS.sub(r"\1", text))
    return unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """The same for a title or a name, on one line."""
    return " ".join(clean_text(text).split())


def _unmangled(line: str) -> str:
    """A line whose bytes were read in a wrong encoding, read in the right one; others as they are."""
    # Takes a while to import.
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    return fix_encoding(line) if not line.isascii() and is_bad(line) else line
