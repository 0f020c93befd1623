"""rag/sayings.py: who says what to whom in one sentence, or nothing."""

import pytest

from index.archive import Archive
from rag.sayings import Saying, find_sayings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The storm killed nine, Valmere's mayor Ada Quay said on Monday.",
            Saying("say", "Valmere's mayor Ada Quay", "", "The storm killed nine", False),
        ),
        (
            "Sorvia gave Valmere a private warning of floods, Reuters reported.",
            Saying("warn", "Sorvia", "Valmere", "a private warning of floods", False),
        ),
        (
            "“It was not us,” said Ada Quay, an adviser.",
            Saying("say", "Ada Quay", "", "It was not us", False),
        ),
        (
            "Valmere has repeatedly denied any part in the raid.",
            Saying("deny", "Valmere", "", "any part in the raid", True),
        ),
        (
            "ونفت أوكرانيا أي ضلوع لها في الهجوم على القاعة.",
            Saying("deny", "أوكرانيا", "", "أي ضلوع لها في الهجوم على القاعة", True),
        ),
        (
            "قال مصدر مطلع لوكالة الأنباء يوم الاثنين إن السدّ سليم.",
            Saying("say", "مصدر مطلع", "وكالة الأنباء", "السدّ سليم", False),
        ),
        (
            "Порт откроют в мае, сообщил вечером мэр города.",
            Saying("say", "мэр города", "", "Порт откроют в мае", False),
        ),
        (
            "Ранее Владимир Зеленский обвинил соседей в поджоге порта.",
            Saying("accuse", "Владимир Зеленский", "соседей", "в поджоге порта", False),
        ),
        (
            "یکی از منابع گفت که زمان حمله مشخص نبود.",
            Saying("say", "یکی از منابع", "", "زمان حمله مشخص نبود", False),
        ),
    ],
)
def test_the_words_of_the_sentence(text: str, expected: Saying) -> None:
    assert expected in find_sayings(text)


@pytest.mark.parametrize(
    "text",
    [
        "The warning was ignored.",
        "The information was said to be specific.",
        "He said that nothing had happened.",
        "After the storm warned residents moved inland.",
        "خلا التحذير من أي تفاصيل.",
        "О предупреждении ничего не известно.",
        "هشدار دربارهٔ توفان بی‌اثر ماند.",
        "",
    ],
)
def test_nothing_where_it_is_not_plain_who_speaks(text: str) -> None:
    assert find_sayings(text) == []


def test_every_part_is_verbatim(sample_archive: Archive) -> None:
    count = 0
    for article in sample_archive.articles(limit=100):
        for sentence in sample_archive.sentences(article):
            for saying in find_sayings(sentence.text):
                count += 1
                assert saying.speaker and saying.content
                for part in (saying.speaker, saying.addressee, saying.content):
                    assert part in sentence.text
    assert count > 40
