"""rag/when.py: the time a question asks about, and the day a sentence tells of."""

from datetime import date

import pytest

from rag.types import Period, When
from rag.when import anchor_of, can_tell_of, day_of_event, period_of, when

TODAY = date(2024, 6, 13)  # a Thursday


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What happened in March 2024?", "2024-03-01", "2024-03-31"),
        ("ماذا حدث في مارس 2024؟", "2024-03-01", "2024-03-31"),
        ("ماذا حدث في آذار ٢٠٢٤؟", "2024-03-01", "2024-03-31"),
        ("Что произошло в марте 2024 года?", "2024-03-01", "2024-03-31"),
        ("در مارس ۲۰۲۴ چه شد؟", "2024-03-01", "2024-03-31"),
        ("در فروردین ۱۴۰۳ چه شد؟", "2024-03-20", "2024-04-19"),
        ("Who was killed on 3 January 2024?", "2024-01-03", "2024-01-03"),
        ("What was said between 3 January 2024 and 22 March 2024?", "2024-01-03", "2024-03-22"),
        ("Who warned Moscow before 22 March 2024?", "", "2024-03-22"),
        ("من حذّر موسكو قبل 22 مارس 2024؟", "", "2024-03-22"),
        ("Кто предупреждал до 22 марта 2024 года?", "", "2024-03-22"),
        ("چه کسی پیش از ۲۲ مارس ۲۰۲۴ هشدار داد؟", "", "2024-03-22"),
        ("What did Iran say after 22 March 2024?", "2024-03-22", ""),
        ("Что заявил Иран после 22 марта 2024 года?", "2024-03-22", ""),
        ("What happened in 2023?", "2023-01-01", "2023-12-31"),
    ],
)
def test_a_date_in_a_question_is_about_events(question: str, start: str, end: str) -> None:
    assert period_of(question, TODAY) == Period(start, end, "events")


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What was reported last week?", "2024-06-03", "2024-06-09"),
        ("ماذا حدث الأسبوع الماضي؟", "2024-06-03", "2024-06-09"),
        ("Что случилось на прошлой неделе?", "2024-06-03", "2024-06-09"),
        ("هفتهٔ گذشته چه شد؟", "2024-06-03", "2024-06-09"),
        ("What is new this month?", "2024-06-01", "2024-06-13"),
        ("What happened last year?", "2023-01-01", "2023-12-31"),
        ("News of the last 3 days", "2024-06-11", "2024-06-13"),
        ("Новости за последние 2 недели", "2024-05-31", "2024-06-13"),
        ("What happened today?", "2024-06-13", "2024-06-13"),
        ("ماذا حدث أمس؟", "2024-06-12", "2024-06-12"),
        ("Articles published in March 2024 on Iran", "2024-03-01", "2024-03-31"),
        ("Articles from March 2024 on Iran", "2024-03-01", "2024-03-31"),
    ],
)
def test_what_counts_back_from_today_is_about_publication(question: str, start: str, end: str) -> None:
    assert period_of(question, TODAY) == Period(start, end, "publication")


@pytest.mark.parametrize(
    "question",
    [
        "Who warned whom before the Crocus attack?",
        "May the ministers march in March?",  # no year: which March is meant is not known
        "How many people died?",
        "Who may lead the party?",
        "What is known today about the attack?",
        "ماذا حدث في اليوم التالي للهجوم؟",
        "Who left the agreement of 2015?",
        "من حذّر من قبل الهجوم على كروكوس؟",
    ],
)
def test_no_time_is_read_into_a_question(question: str) -> None:
    assert period_of(question, TODAY) is None


@pytest.mark.parametrize(
    ("question", "event", "side"),
    [
        ("Who warned whom before the Crocus attack?", "the Crocus attack", "before"),
        ("من حذّر من قبل الهجوم على كروكوس؟", "الهجوم على كروكوس", "before"),
        ("Кто кого предупреждал перед терактом в «Крокусе»?", "терактом в «Крокусе»", "before"),
        ("چه کسی پیش از حملهٔ کروکوس به چه کسی هشدار داد؟", "حملهٔ کروکوس", "before"),
        ("What did Kyiv say after the bombing of Kerman?", "the bombing of Kerman", "after"),
    ],
)
def test_an_event_in_the_questions_own_words(question: str, event: str, side: str) -> None:
    assert anchor_of(question) == (event, side)


def test_a_question_without_such_an_event() -> None:
    assert anchor_of("Who won?") is None
    assert anchor_of("Who spoke before 3 May 2024?") is None


def test_the_day_of_an_event_is_what_most_articles_name() -> None:
    said = [
        ("Gunmen attacked on 22 March.", "a", "2024-03-23"),
        ("The attack of 22 March 2024 killed 145.", "b", "2024-09-22"),
        ("Washington warned on 7 March.", "c", "2024-03-29"),
        ("London warned on 7 March.", "d", "2024-03-30"),
        ("Berlin warned on 7 March.", "e", "2024-04-09"),
    ]
    assert day_of_event(said) == date(2024, 3, 22), "7 March is the day of the warnings"
    assert day_of_event(said[1:3]) is None, "one article decides nothing"
    assert day_of_event([said[0], (said[0][0], "a", "2024-03-23")]) is None, "one article, twice"
    assert day_of_event([]) is None


def test_else_it_is_when_news_of_it_begins() -> None:
    days = ["2024-02-01", "2024-03-23", "2024-03-24", "2024-03-28", "2024-09-22", ""]
    said = [("Gunmen attacked.", day, day) for day in days]
    assert day_of_event(said) == date(2024, 3, 23)
    assert day_of_event(said[:3]) is None, "three articles in two months are no news of one event"


@pytest.mark.parametrize(
    ("text", "published", "told"),
    [
        (
            "The bomb exploded on 3 January 2024.",
            "2024-02-01",
            When("2024-01-03", "2024-01-03", "day", True),
        ),
        ("It exploded on 3 January.", "2024-02-01", When("2024-01-03", "2024-01-03", "day", True)),
        ("It exploded on 28 December.", "2024-01-04", When("2023-12-28", "2023-12-28", "day", True)),
        ("وقع الهجوم في 22 آذار/مارس.", "2024-04-01", When("2024-03-22", "2024-03-22", "day", True)),
        ("انفجار در ۱۳ دی رخ داد.", "2024-01-05", When("2024-01-03", "2024-01-03", "day", True)),
        ("В марте 2024 года.", "", When("2024-03-01", "2024-03-31", "month", True)),
        ("Reuters reported on Monday.", "2024-04-02", When("2024-04-01", "2024-04-01", "day", False, True)),
        (
            "Gunmen fired on Monday, police said.",
            "2024-04-02",
            When("2024-04-01", "2024-04-01", "day", False),
        ),
        (
            "It was sent on 7 March, he said on Monday.",
            "2024-04-02",
            When("2024-03-07", "2024-03-07", "day", True),
        ),
        (
            "Он заявил в понедельник, что нет.",
            "2024-04-02",
            When("2024-04-01", "2024-04-01", "day", False, True),
        ),
        (
            "قالت مصادر لرويترز يوم الاثنين إن",
            "2024-04-02",
            When("2024-04-01", "2024-04-01", "day", False, True),
        ),
        ("وقع الهجوم أمس.", "2024-04-02", When("2024-04-01", "2024-04-01", "day", False)),
        ("It exploded on 3 January.", "", None),
        ("Reuters reported on Monday.", "", None),
        ("Nobody was hurt.", "2024-04-02", None),
    ],
)
def test_when_a_sentence_says_it_was(text: str, published: str, told: When | None) -> None:
    assert when(text, published) == told


@pytest.mark.parametrize(
    ("text", "published", "can"),
    [
        ("The bomb exploded on 3 January 2024.", "2024-04-01", False),
        ("The bomb exploded on 22 March 2024.", "2024-04-01", True),
        ("Nobody was hurt.", "2024-04-01", True),
        ("Nobody was hurt.", "2024-02-01", False),
        ("Nobody was hurt.", "", True),
        ("On 2 May officials said that a bomb had exploded.", "2024-05-03", True),
    ],
)
def test_what_can_tell_of_a_period(text: str, published: str, can: bool) -> None:
    assert can_tell_of(Period("2024-03-01", "2024-03-31", "events"), text, published) is can
