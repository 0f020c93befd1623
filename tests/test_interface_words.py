"""The words of the page, in its four languages."""

import re
from pathlib import Path

import pytest

from ui.words import LANGUAGES, Words

ROOT = Path(__file__).parent.parent
OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_words(language: str) -> None:
    english, other = Words.of("en").texts, Words.of(language).texts
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w*\}", other[key])) == sorted(re.findall(r"\{\w*\}", text)), key
        assert other[key].strip(), key


def test_braces_are_filled_in() -> None:
    assert Words.of("en")("head.articles", n=5) == "Articles: 5"
    assert Words.of("ru")("chat.ask") == "Спросить"


def test_a_word_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such"):
        Words.of("en")("chat.no such")


def test_every_word_that_the_page_asks_for_exists() -> None:
    texts = Words.of("en").texts
    asked = set()
    for path in (ROOT / "ui").rglob("*.py"):
        asked |= set(re.findall(r"""\bwords\(\s*["']([\w.]+)["']""", path.read_text("utf-8")))
    assert len(asked) > 20
    assert asked <= texts.keys()
