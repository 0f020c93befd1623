"""Does a text state a required fact, in any of the fact's accepted forms?

A form is found at the start of a word, in any inflection ("interrogat" in "interrogating",
"Иран" in "Иранский"), with these refinements: a number must stand alone ("144" is not in
"1,144"); up to three letters must be a whole word ("No" is not in "noted"); an acronym must be one
in capitals ("US" is neither in "Russia" nor "us"); and an Arabic word may carry a prefixed particle
or article ("إيران" is in "وإيران").
"""

import re
import unicodedata
from collections.abc import Sequence

_SAME = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ە": "ه", "ـ": None, "\u200c": " "})
_QUOTES = re.compile("[\"'`´‘’‚‛“”„‟«»‹›]")
_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:[,٬ \u00a0\u2009\u202f]\d{3})+(?!\d)")
_SHORT = 3
# "and" or "so", then "in", "to" or "as", then the article.
_ARABIC_PREFIX = "(?:[وف]?[بلك]?(?:ال|ل)?)"


def states(text: str, forms: Sequence[str]) -> bool:
    """Whether the text holds any of the forms."""
    return any(re.search(_pattern(form), folded(text, keep_case=_is_acronym(form))) for form in forms)


def share_stated(text: str, required: Sequence[Sequence[str]]) -> float:
    """|required facts that the text states| / |required facts|."""
    return sum(states(text, forms) for forms in required) / len(required)


def _pattern(form: str) -> str:
    acronym = _is_acronym(form)
    normal = folded(form, keep_case=acronym)
    core = normal.strip()
    if core[0].isdigit():
        start = r"(?<!\d)(?<!\d[.,])"
    elif "\u0600" <= core[0] <= "\u06ff":
        # Not of a word like الله, of which too little would be left.
        core = re.sub(r"^ال(?=\w{3})", "", core)
        start = r"(?<!\w)" + _ARABIC_PREFIX
    else:
        start = r"(?<!\w)"
    if core[-1].isdigit():
        end = r"(?!\d)(?![.,]\d)"
    else:
        end = r"(?!\w)" if acronym or normal.endswith(" ") or len(core) <= _SHORT else ""
    return start + re.escape(core) + end


def _is_acronym(form: str) -> bool:
    return form.strip().isupper()


def folded(text: str, *, keep_case: bool = False) -> str:
    """One spelling for what readers take as the same: marks, letter variants, digits, spaces."""
    text = _THOUSANDS.sub(lambda number: re.sub(r"\D", "", number.group()), text)
    # Decomposed, the marks on é, ё, أ and the vowel signs are characters that can be dropped.
    text = unicodedata.normalize("NFKD", text).translate(_SAME)
    text = "".join(_one_character(c) for c in text)
    text = re.sub(r"\s+", " ", _QUOTES.sub("", text))
    return text if keep_case else text.casefold()


def _one_character(c: str) -> str:
    match unicodedata.category(c):
        case "Mn" | "Cf":
            return ""
        case "Nd":
            return str(unicodedata.digit(c))
        case "Pd":
            return "-"
        case _:
            return c
