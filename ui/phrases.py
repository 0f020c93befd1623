"""The few words of an answer that are not the articles' own, in the language of the question."""

from dataclasses import dataclass
from functools import cache

from rag.types import AbstentionReason
from ui.words import LANGUAGES, section


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's words, the section `answer` of its file. Braces are filled in where they occur."""

    language: str
    comma: str
    sources: str
    also: str
    undated: str
    changed_stands: str
    changed_gone: str
    verified: str
    unverified: str
    original: str
    searched_for: str
    quoted: str
    written: str
    stopped: str
    working: str
    abstained: str
    reasons: dict[AbstentionReason, str]
    nearest: str
    articles: str
    published: str
    since: str
    until: str
    languages: str
    outlets: str
    filters: str
    none: str
    more: str
    happened: str
    printed: str
    disagree: str
    counted: dict[str, str]
    translation: str


def phrases(language: str) -> Phrases:
    """The words of this language; English where there are none."""
    return _read(language if language in LANGUAGES else "en")


def language_name(code: str) -> str:
    """A language's own name for itself; the code where it is not known here."""
    return _NAMES.get(code, code)


@cache
def _read(language: str) -> Phrases:
    return Phrases(language=language, **section(language, "answer"))


_NAMES = {
    "ar": "العربية",
    "az": "Azərbaycanca",
    "bn": "বাংলা",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "fa": "فارسی",
    "fr": "Français",
    "he": "עברית",
    "hi": "हिन्दी",
    "id": "Bahasa Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "kk": "Қазақша",
    "ko": "한국어",
    "ku": "Kurdî",
    "nl": "Nederlands",
    "pl": "Polski",
    "ps": "پښتو",
    "pt": "Português",
    "ru": "Русский",
    "sw": "Kiswahili",
    "tg": "Тоҷикӣ",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "uz": "Oʻzbekcha",
    "vi": "Tiếng Việt",
    "zh": "中文",
}
