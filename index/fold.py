"""Texts of any script brought to one form, so that words can be compared."""

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("يىئ", "ی"),
        "ك": "ک",
        "ة": "ه",
        "ۀ": "ه",
        "ؤ": "و",
        "ء": "",
        "ё": "е",
        "\u0640": "",  # tatweel, a stretch
        "\u200c": "",  # the joiner inside Persian words
        "\u200d": "",
        **dict.fromkeys("’‘ʼ`", "'"),
        **dict.fromkeys("‐‑‒–—−", "-"),
        "٪": "%",
        "٫": ".",
        "٬": "'",
    }
)
_LONGEST_REMEMBERED = 1000
WORD = re.compile(r"\d+(?:[.,':/-]\d+)*%?|%|[^\W\d_]+(?:['-][^\W\d_]+)*")


def clean(text: str) -> str:
    """One spelling for every letter and digit; capitals stay."""
    # Words and sentences come again and again, articles do not, and are large.
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _cleaned(text)


def _cleaned(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    kept = "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c
        for c in text
        # Vowel signs and accents; the letters й and ё are single characters here.
        if unicodedata.category(c) not in ("Mn", "Me")
    )
    return " ".join(kept.translate(_LETTERS).split())


_remembered = lru_cache(maxsize=4096)(_cleaned)


@lru_cache(maxsize=1024)
def aligned(text: str) -> tuple[int, ...] | None:
    """For each character of `clean(text)`, where it stands in the text; None when that is not plain."""
    cleaned, places = "", []
    for place, character in enumerate(text):
        if character.isspace():
            part = " " if cleaned and not cleaned.endswith(" ") else ""
        else:
            part = clean(character)
        cleaned += part
        places += [place] * len(part)
    return tuple(places[: len(cleaned.rstrip())]) if cleaned.rstrip() == clean(text) else None


def fold(text: str) -> str:
    """`clean`, without capitals."""
    return clean(text).casefold().replace("ё", "е")


def listed(words: str) -> tuple[str, ...]:
    """The words of a table that is easier to read without quotation marks."""
    return tuple(words.split())


def lower(cleaned: str) -> str:
    """A cleaned text without capitals, each character in its place."""
    folded = cleaned.casefold()
    if len(folded) != len(cleaned):
        folded = "".join(c.casefold() if len(c.casefold()) == 1 else c for c in cleaned)
    return folded.replace("ё", "е")


def script_of(word: str) -> str:
    """The script of a word's first letter: `arabic`, `cyrillic` or `latin` (any other)."""
    for c in word:
        if "\u0600" <= c <= "\u08ff":
            return "arabic"
        if "\u0400" <= c <= "\u052f":
            return "cyrillic"
        if c.isalpha():
            return "latin"
    return "latin"


_RU_ENDING = re.compile(
    r"(?:ского|скому|ским|ском|ской|скую|ская|ские|ских|скими|ский|ского|ого|его|ому|ему|ыми|ими|ую|юю|ая|яя|ые|ие|ых|их|"
    r"ым|им|ом|ем|ой|ей|ою|ею|ами|ями|ах|ях|ам|ям|ов|ев|ию|ии|ия|ию|ью|а|я|у|ю|е|ы|и|ь|й|о)$"
)


@lru_cache(maxsize=65536)
def stems(word: str, script: str) -> frozenset[str]:
    """A folded word with and without what its script adds to names: case endings, articles, prefixes."""
    if script == "cyrillic":
        # A case ending, or none: the word itself may end so.
        short = _RU_ENDING.sub("", word)
        return frozenset({word, short} if len(short) >= 3 else {word})
    if script == "arabic":
        stems = {word}
        for prefix in ("وال", "بال", "لل", "فال", "کال", "ال", "و", "ب", "ل", "ف", "ک"):
            if word.startswith(prefix) and len(word) - len(prefix) >= 3:
                stems.add(word[len(prefix) :])
        stems |= {s[:-1] for s in stems if s[-1] in "هی" and len(s) >= 4}
        return frozenset(stems)
    stems = {word, word.replace("-", "")}
    for suffix in ("'s", "s'", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            stems.add(word.removesuffix(suffix))
    return frozenset(stems)
