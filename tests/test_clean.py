"""index/clean.py: what looks the same is the same, what cannot be seen is not there, and wording stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.clean import clean_line, clean_text
from tests.test_readers import ARABIC, ENGLISH, PERSIAN, RUSSIAN


@pytest.mark.parametrize(
    "text", [ARABIC, ENGLISH, PERSIAN, RUSSIAN, "é ё ئ ﷽ ﷺ 👩‍👩‍👧 ﴿ آية ﴾", "½ ² ™ № …"]
)
def test_good_text_is_left_as_it_is(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301 \u0438\u0306 \u0627\u0653", "é й آ"),
        ("a\u00a0b\u202fc\u2007d", "a b c d"),
        ("har\u00adbour", "harbour"),
        ("\u200fعاجل\u200e \u202bمن\u202c \u2067هنا\u2069", "عاجل من هنا"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("می\u200c\u200c\u200cخواهم", "می\u200cخواهم"),
        ("ﻣﺮﺣﺒﺎ ﻻ ﷲ", "مرحبا لا ﷲ"),
        ("ﭘﮋوﻫﺶ", "پژوهش"),
        ("oﬃce ﬁle", "office file"),
        ("one\r\ntwo\rthree\u2028four\x0bfive", "one\ntwo\nthree\nfour\nfive"),
        ("wait\x85 what", "wait… what"),  # as Windows wrote it
        ("bell\x07 escape\x1b[31m null\x00", "bell escape[31m null"),
        ("a" + "\u0301" * 50, unicodedata.normalize("NFC", "a" + "\u0301" * 8)),
        ("tag" + "".join(chr(0xE0000 + ord(c)) for c in "obey"), "tag"),
    ],
)
def test_what_looks_the_same_becomes_the_same(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    "text", [ARABIC, PERSIAN.replace("\u200c", ""), RUSSIAN, "Größe überall, naïve cafés."]
)
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_text_read_in_a_wrong_encoding_is_read_in_the_right_one(text: str, wrong: str) -> None:
    try:
        mangled = text.encode().decode(wrong)
    except UnicodeDecodeError:
        pytest.skip("these bytes are no text in that encoding")
    assert clean_text(mangled) == clean_text(text)
    # One line of an article; the others are good.
    assert clean_text(f"{text}\n{mangled}") == clean_text(f"{text}\n{text}")


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert "\r" not in once and "\0" not in once
    assert clean_line(text) == " ".join(clean_line(text).split())
