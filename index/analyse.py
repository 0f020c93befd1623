"""Text to index terms, by each language's own rules."""

import threading
import unicodedata
from functools import cache
from typing import Any

import regex
import Stemmer
import stopwordsiso

# Snowball's stemmers by ISO 639-1 code; the Arabic one takes clitics off too.
_STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
_ARABIC_SCRIPT = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ئ": "ي",
        "ې": "ي",
        "ؤ": "و",
        "ة": "ه",
        "ۀ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ک": "ك",
        "ڪ": "ك",
        "ـ": "",
        "\u0670": "",
    }
)
_ZERO_WIDTH = str.maketrans({"\u200c": " ", "\u200d": "", "\u200b": " ", "\u00ad": "", "\ufeff": ""})
# What Persian writes behind a zero-width non-joiner, or apart: endings and verb prefixes.
_PERSIAN_AFFIXES = frozenset(
    {
        "ها",
        "هاي",
        "هايي",
        "هايش",
        "هايشان",
        "هايم",
        "مي",
        "نمي",
        "تر",
        "ترين",
        "ام",
        "ات",
        "اش",
        "اي",
        "ايم",
        "ايد",
        "اند",
        "شان",
        "مان",
        "تان",
        "را",
    }
)
_PERSIAN_ENDINGS = ("هايشان", "هايي", "هاي", "ها", "ترين")
# Written without spaces: pairs of neighbouring characters are the terms.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = regex.compile(rf"([{_UNSPACED}]+)|(?:(?![{_UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}])+")
# Vowel signs and accents; the marks of Indic and South-East Asian vowels are letters.
_SIGNS = dict.fromkeys([*range(0x300, 0x370), *range(0x64B, 0x660), ord("ـ")])
_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
_PLAIN_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c]+")
_LONGEST_TERM = 64


def analyse(text: str, language: str) -> list[str]:
    """The terms of a text in order, repeats included."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_ZERO_WIDTH)
    if language == "ru":
        text = text.replace("ё", "е")
    # The Arabic stemmer knows its letters' variants, and needs the ta marbuta to see an ending.
    decomposed = unicodedata.normalize("NFKD", text if language == "ar" else text.translate(_ARABIC_SCRIPT))
    plain = unicodedata.normalize("NFC", decomposed.translate(_SIGNS))
    # Digits of any script as ASCII, so that ٢٢ and 22 are one term.
    plain = _DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), plain)
    words: list[str] = []
    for match in _WORD.finditer(plain):
        word = match[0]
        if match.lastindex:
            words += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        else:
            words.append(word[:_LONGEST_TERM])
    if language == "fa":
        return [_persian_stem(word) for word in words if word not in _PERSIAN_AFFIXES]
    return _stem(words, language)


def analyse_question(question: str, language: str) -> list[str]:
    """The terms of a question without its function words, unless it has no others."""
    return analyse(" ".join(content_words(question, language)), language) or analyse(question, language)


def content_words(text: str, language: str) -> list[str]:
    """The words of a text as written, in order, without the language's function words."""
    return [word for word in _PLAIN_WORD.findall(text) if word.casefold() not in _stop_words(language)]


def _persian_stem(word: str) -> str:
    for ending in _PERSIAN_ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            return word[: -len(ending)]
    return word


# A stemmer is not safe to share between threads.
_stemming = threading.Lock()


def _stem(words: list[str], language: str) -> list[str]:
    if language not in _STEMMERS:
        return words
    with _stemming:
        stems = _stemmer(_STEMMERS[language]).stemWords(words)
    # Some stemmers strip a numeral to nothing.
    stems = [
        word if word.isdecimal() or not stem else stem for word, stem in zip(words, stems, strict=True)
    ]
    return "\n".join(stems).translate(_ARABIC_SCRIPT).split("\n") if language == "ar" and stems else stems


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(stopwordsiso.stopwords(language)) if language in stopwordsiso.langs() else frozenset()


@cache
def _stemmer(algorithm: str) -> Any:
    return Stemmer.Stemmer(algorithm)
