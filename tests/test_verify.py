"""The check of statements against their sentences, on pairs that differ in one fact."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from index.dates import find_dates
from index.embed import Embedder
from index.fold import fold
from rag.names import same_name
from rag.numbers import find_numbers
from rag.similarity import similarity_of
from rag.verify import MIN_SIMILARITY, Cited, verify, verify_all

PAIRS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "verify_pairs.jsonl").read_text("utf-8").splitlines()
]
MAX_FALSE_PASSED = 0.05
MAX_TRUE_FAILED = 0.10


def rates(pairs: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Share of the false that pass, and of the true that fail; printed by kind."""
    count: Counter[tuple[str, bool]] = Counter()
    wrong: Counter[tuple[str, bool]] = Counter()
    for pair in pairs:
        passed = not verify(pair["statement"], pair["language"], pair["sentences"])
        count[pair["kind"], pair["holds"]] += 1
        wrong[pair["kind"], pair["holds"]] += passed != pair["holds"]
    for kind in sorted({kind for kind, _ in count}):
        print(
            f"{kind:10} false that pass {wrong[kind, False]}/{count[kind, False]}, "
            f"true that fail {wrong[kind, True]}/{count[kind, True]}"
        )
    shares = []
    for holds in (False, True):
        total = sum(n for (_, h), n in count.items() if h == holds)
        shares.append(sum(n for (_, h), n in wrong.items() if h == holds) / total)
    return shares[0], shares[1]


def test_the_pairs_are_many_and_mixed() -> None:
    assert len(PAIRS) >= 120
    assert len({pair["id"] for pair in PAIRS}) == len(PAIRS)
    assert {pair["language"] for pair in PAIRS} == {"ar", "en", "fa", "ru"}
    assert {pair["kind"] for pair in PAIRS} == {"number", "date", "name", "direction", "negation"}
    assert sum(pair["holds"] for pair in PAIRS) * 2 == len(PAIRS)
    assert sum(pair["held_out"] for pair in PAIRS) * 3 >= len(PAIRS)


@pytest.mark.parametrize("held_out", [False, True])
def test_few_false_pass_and_few_true_fail(held_out: bool) -> None:
    passed, failed = rates([pair for pair in PAIRS if pair["held_out"] == held_out])
    assert passed <= MAX_FALSE_PASSED
    assert failed <= MAX_TRUE_FAILED


@pytest.mark.parametrize(
    "sentence",
    [
        "The spokesman denied any plans to attack the city.",
        "نفى المتحدث وجود أي خطط لمهاجمة المدينة.",
        "Представитель опроверг любые планы нападения на город.",
        "سخنگو هرگونه برنامه برای حمله به شهر را تکذیب کرد.",
    ],
)
@pytest.mark.parametrize(
    ("language", "statement"),
    [
        ("en", "The spokesman warned of imminent plans to attack the city."),
        ("ar", "حذر المتحدث من خطط وشيكة لمهاجمة المدينة."),
        ("ru", "Представитель предупредил о готовящихся планах нападения на город."),
        ("fa", "سخنگو درباره برنامه قریب‌الوقوع برای حمله به شهر هشدار داد."),
    ],
)
def test_a_denial_never_passes_for_a_warning(sentence: str, language: str, statement: str) -> None:
    assert verify(statement, language, [sentence])


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair["holds"]], ids=lambda pair: pair["id"])
def test_a_sentence_holds_of_itself(pair: dict[str, Any]) -> None:
    text = " ".join(pair["sentences"])
    assert verify(text, "", pair["sentences"]) == ""


def test_the_sentences_are_taken_together() -> None:
    sentences = ["The bridge collapsed on Tuesday.", "Seven people died."]
    statement = "Seven people died when the bridge collapsed on Tuesday."
    assert verify(statement, "en", sentences) == ""
    assert verify(statement, "en", sentences[:1]) == "the cited sentences do not give the number 'seven'"


def test_a_day_of_the_week_is_the_one_before_publication() -> None:
    sentence = "The attack took place on Friday, officials said."
    statement = "Officials said the attack took place on 22 March 2024."
    assert verify(statement, "en", [sentence], published=["2024-03-24"]) == ""
    assert verify(statement, "en", [sentence], published=["2024-03-30"])
    assert verify(statement, "en", [sentence])


def test_the_source_may_be_named_without_a_sentence() -> None:
    sentence = "Three people were hurt in the crash."
    statement = "Three people were hurt in the crash, Reuters reported."
    assert verify(statement, "en", [sentence])
    assert verify(statement, "en", [sentence], known=["Reuters"]) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("١٬٢٠٠ شخص", 1200),
        ("1 200 человек", 1200),
        ("1,200 people", 1200),
        ("۴۵ هزار نفر", 45_000),
        ("пятьсот сорок три", 543),
        ("two hundred and fifty thousand", 250_000),
        ("ثلاثة وعشرون", 23),
        ("خمسة عشر", 15),
        ("بیست و پنج", 25),
        ("2.5 billion", 2.5e9),
        ("2,5 млрд", 2.5e9),
        ("مئة وخمسون ألف", 150_000),
    ],
)
def test_numbers_are_read(text: str, value: float) -> None:
    persian = ("ه" in text and "هزار" in text) or text == "بیست و پنج"
    assert [value] == [v for n in find_numbers(fold(text), persian=persian) for v in n.values if v == value]


@pytest.mark.parametrize(
    "text",
    [
        "on 22 March 2024",
        "March 22, 2024",
        "2024-03-22",
        "22.03.2024",
        "22 марта 2024 года",
        "22 آذار 2024",
        "22 مارس/آذار 2024",
        "٢٢ مارس ٢٠٢٤",
        "۲۲ مارس ۲۰۲۴",
        "۳ فروردین ۱۴۰۳",
        "1403/01/03",
        "12 رمضان 1445 هـ",
    ],
)
def test_dates_of_all_calendars_agree(text: str) -> None:
    assert find_dates(fold(text)).dates
    assert verify(f"It happened: {text}.", "en", ["It happened on 22 March 2024."]) == ""
    assert verify(f"It happened: {text}.", "en", ["It happened on 23 March 2024."])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Putin", "بوتين"),
        ("Путина", "پوتین"),
        ("Crocus", "كروكوس"),
        ("Крокус", "کروکوس"),
        ("Зеленский", "زيلينسكي"),
    ],
)
def test_names_are_known_across_scripts(one: str, other: str) -> None:
    assert same_name(one, other)
    assert not same_name("Lavrov", other)


def test_a_statement_about_something_else_is_not_similar(embedder: Embedder) -> None:
    """What MIN_SIMILARITY was set by: true pairs above it, statements beside other sentences below."""
    similarity = similarity_of(embedder)
    assert similarity is not None
    true = [pair for pair in PAIRS if pair["holds"]]
    held = similarity([(pair["statement"], pair["sentences"]) for pair in true])
    others = zip(true, true[7:] + true[:7], strict=True)
    mixed = similarity([(one["statement"], other["sentences"]) for one, other in others])
    print(f"true: least {min(held):.3f}; others: median {sorted(mixed)[len(mixed) // 2]:.3f}")
    assert sum(s < MIN_SIMILARITY for s in held) <= 0.01 * len(held)
    assert sum(s >= MIN_SIMILARITY for s in mixed) <= 0.15 * len(mixed)
    # Nothing in it contradicts the sentence; it only says something else.
    statement, sentence = "The museum has reopened to visitors.", "Wheat prices fell again last week."
    assert verify(statement, "en", [sentence]) == ""
    # Checked together; what a rule refused keeps its reason, and the order is the one given.
    wrong = Cited("Nine museums have reopened.", "en", (sentence,))
    good = Cited(sentence, "en", (sentence,))
    reasons = verify_all([wrong, Cited(statement, "en", (sentence,)), good], similarity)
    assert reasons[0].startswith("the cited sentences do not give the number")
    assert reasons[1:] == ["the cited sentences are about something else", ""]
    assert verify_all([], similarity) == []


def test_a_check_is_quick() -> None:
    pairs = PAIRS[:60]
    for pair in pairs:
        verify(pair["statement"], pair["language"], pair["sentences"])
    times = []
    for pair in pairs:
        started = time.thread_time()
        verify(pair["statement"] + " ", pair["language"], pair["sentences"])
        times.append(time.thread_time() - started)
    assert sorted(times)[len(times) // 2] < 0.015
