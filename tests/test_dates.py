"""index/dates.py, index/readers/dated.py: dates in four languages and three calendars, and whose."""

import json
from pathlib import Path

import pytest

from index.readers import read
from index.readers.dated import date_in, said_date, visible_date
from index.types import Article
from tests.test_readers import ARABIC, ENGLISH, PERSIAN, RUSSIAN, write

THE_DAY = "2024-03-22"
# The same day, as papers print it.
WAYS = [
    "22 مارس 2024",
    "٢٢ مارس ٢٠٢٤",
    "22 آذار 2024",
    "الجمعة 22 آذار/مارس 2024",
    "22 آذار (مارس) 2024",
    "نشر في: ٢٢ مارس ٢٠٢٤ - ١٠:٣٠",
    "12 رمضان 1445 هـ",
    "12 رمضان 1445هـ الموافق 22 مارس 2024م",
    "11 رمضان 1445هـ الموافق 22 مارس 2024م",
    "۳ فروردین ۱۴۰۳",
    "جمعه ۳ فروردین ۱۴۰۳ - ۱۰:۳۰",
    "تاریخ انتشار: ۱۴۰۳/۰۱/۰۳",
    "1403/01/03",
    "22 марта 2024",
    "Пятница, 22 марта 2024 г., 18:30",
    "22 мар. 2024",
    "Опубликовано: 22.03.2024",
    "22 March 2024",
    "Friday, March 22nd, 2024",
    "Mar. 22, 2024",
    "22 Mar 2024 10:30 GMT",
    "Published on March 22, 2024 at 10:30 a.m. EST",
    "22/03/2024",
    "2024-03-22",
]
NO_DAYS = [
    "03/04/2024",  # the third of April, or the fourth of March
    "March 2024",
    "22 March",
    "31 February 2024",
    "31 اسفند 1402",
    "22 марта",
    "22 March 2024 and 23 March 2024",
    "32 مارس 2024",
    "1 January 0000",
    "31 December 9999",
    "12345678",
    "",
]


@pytest.mark.parametrize("written", WAYS)
def test_a_date_in_words(written: str) -> None:
    assert date_in(written) == THE_DAY
    assert visible_date(["A headline", written, ENGLISH]) == THE_DAY


@pytest.mark.parametrize("written", NO_DAYS)
def test_what_is_no_one_day_is_no_date(written: str) -> None:
    assert date_in(written) == said_date(written) == ""


MONTHS = """
يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
كانون-الثاني شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين-الأول تشرين-الثاني كانون-الأول
جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек.
ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر
January February March April May June July August September October November December
Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec
"""


@pytest.mark.parametrize("names", MONTHS.strip().splitlines())
def test_every_name_of_a_month(names: str) -> None:
    """Egyptian, Levantine and Maghrebi names in Arabic; full and short ones."""
    found = [date_in(f"5 {name.replace('-', ' ')} 2021") for name in names.split()]
    assert found == [f"2021-{month:02d}-05" for month in range(1, 13)]


@pytest.mark.parametrize(
    ("solar", "gregorian"),
    [
        ("1 فروردین 1403", "2024-03-20"), ("30 اسفند 1403", "2025-03-20"), ("31 شهریور 1400", "2021-09-22"),
        ("15 اردیبهشت 1399", "2020-05-04"), ("1 خرداد 1402", "2023-05-22"), ("9 تیر 1402", "2023-06-30"),
        ("10 مرداد 1402", "2023-08-01"), ("7 مهر 1402", "2023-09-29"), ("8 آبان 1402", "2023-10-30"),
        ("9 آذر 1402", "2023-11-30"), ("13 دی 1402", "2024-01-03"), ("22 بهمن 1357", "1979-02-11"),
    ],
)  # fmt: skip
def test_persian_solar_months(solar: str, gregorian: str) -> None:
    assert date_in(solar) == gregorian


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2024-03-22T10:15:00+03:30", "2024-03-22T10:15:00+03:30"),
        ("2024-03-22 10:15:00 +0330", "2024-03-22T10:15:00+03:30"),
        ("2024-03-22T10:15:00Z", "2024-03-22T10:15:00+00:00"),
        ("Fri, 22 Mar 2024 23:15:00 -0500", "2024-03-22T23:15:00-05:00"),
        ("22 Mar 24 23:15 GMT", "2024-03-22T23:15:00+00:00"),
        ("22 марта 2024 г.", "2024-03-22"),
        ("Fri, 22 Mar 0000 23:15:00 +0000", ""),
        ("Mon, 01 Jan 0001 00:00:00 +0000", ""),
        ("0001-01-01T00:00:00Z", ""),
        ("9999-12-31", ""),
        ("1711065600", ""),
        ("soon", ""),
    ],
)
def test_metadata_keep_their_zone_and_invent_nothing(written: str, kept: str) -> None:
    assert said_date(written) == kept


@pytest.mark.parametrize(
    "line",
    [
        "On 22 March 2024 gunmen attacked a hall near Moscow and killed more than a hundred people there.",
        "وقع الهجوم في 22 مارس 2024 قرب موسكو وأسفر عن مقتل أكثر من مئة شخص داخل قاعة الحفلات هناك.",
        "Нападение произошло 22 марта 2024 года под Москвой, погибли более ста сорока человек в зале.",
        "این حمله در ۳ فروردین ۱۴۰۳ نزدیک مسکو رخ داد و بیش از صد نفر در سالن کنسرت کشته شدند.",
    ],
)
def test_the_day_of_an_event_is_no_day_of_publication(line: str) -> None:
    assert date_in(line) == THE_DAY
    assert visible_date([line]) == ""
    assert visible_date([line], title=line) == ""


def test_a_headline_that_is_a_date_is_none_and_the_end_is_not_searched() -> None:
    assert visible_date([THE_DAY, ENGLISH], title=THE_DAY) == ""
    assert visible_date([*[ENGLISH] * 12, THE_DAY]) == ""
    assert visible_date(["", "  ", *[ENGLISH] * 11, f"Published {THE_DAY}"]) == THE_DAY


@pytest.mark.parametrize(
    ("name", "content", "published_at"),
    [
        ("a.txt", f"عنوان\n\n22 آذار 2024\n\n{ARABIC}", THE_DAY),
        ("b.txt", f"Заголовок\n\nОпубликовано: 22 марта 2024\n\n{RUSSIAN}", THE_DAY),
        ("c.md", f"# تیتر\n\nتاریخ انتشار: ۳ فروردین ۱۴۰۳\n\n{PERSIAN}", THE_DAY),
        ("d.md", f"---\ndate: 22 марта 2024\n---\n5 May 2020\n\n{RUSSIAN}", THE_DAY),
        ("e.csv", f"title,text,date\nT,{ENGLISH},22 March 2024\n", THE_DAY),
        ("f.csv", f'text,pubdate\n{ENGLISH},"Fri, 22 Mar 2024 23:15:00 -0500"\n',
         f"{THE_DAY}T23:15:00-05:00"),
        ("g.html", f"<p class=date>۳ فروردین ۱۴۰۳</p><article><p>{PERSIAN * 4}</p></article>", THE_DAY),
        ("h.html", f"<time datetime='2024-03-22T23:15:00-05:00'>in May</time><p>{ENGLISH * 4}</p>",
         f"{THE_DAY}T23:15:00-05:00"),
        ("i.html", "<meta property='article:published_time' content='2024-03-22T01:00:00+03:00'>"
                   f"<span class=date>5 May 2020</span><p>{ENGLISH * 4}</p>", f"{THE_DAY}T01:00:00+03:00"),
        ("j.txt", f"A title\n\n{ENGLISH}", ""),
        ("k.md", ENGLISH, ""),
        ("l.html", f"<article><p>{ENGLISH * 4}</p></article>", ""),
        ("m.jsonl", json.dumps({"text": ENGLISH}), ""),
        ("n.csv", f"text\n{ENGLISH}\n", ""),
    ],
)  # fmt: skip
def test_its_metadata_then_what_it_shows_then_nothing(
    tmp_path: Path, name: str, content: str, published_at: str
) -> None:
    """Never today's date, and never the file's."""
    if name.endswith(".html"):
        content = f"<html>{content}</html>"
    [article] = read([write(tmp_path / name, content)])
    assert isinstance(article, Article), article
    assert article.published_at == published_at
