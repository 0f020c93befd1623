"""Dates in a text of any of the four languages, comparable across languages and calendars."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from index import cldr
from index.fold import fold, listed

Calendar = Literal["gregorian", "persian", "hijri"]

_PERSIAN = listed(
    """
    فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند
    """
)
_HIJRI = (
    ("محرم", "muharram", "мухаррам"),
    ("صفر", "safar", "сафар"),
    ("ربيع الأول", "rabi al-awwal", "раби аль-авваль"),
    ("ربيع الآخر", "ربيع الثاني", "rabi al-thani", "раби ас-сани"),
    ("جمادى الأولى", "جمادی‌الاول", "jumada al-ula"),
    ("جمادى الآخرة", "جمادى الثانية", "جمادی‌الثانی", "jumada al-thani"),
    ("رجب", "rajab", "раджаб"),
    ("شعبان", "shaaban", "шаабан"),
    ("رمضان", "ramadan", "рамадан", "рамадана"),
    ("شوال", "shawwal", "шавваль"),
    ("ذو القعدة", "ذي القعدة", "dhu al-qadah", "зуль-каада"),
    ("ذو الحجة", "ذي الحجة", "dhu al-hijjah", "зуль-хиджа"),
)
_PERSIAN_LATIN = listed(
    """
    farvardin ordibehesht khordad tir mordad shahrivar mehr aban azar dey bahman esfand
    """
)
# Names that are also words; alone they are months only after one of `_IN`.
_ALSO_WORDS = frozenset(
    fold(word)
    for word in listed(
        """
        may march mar sun sat mon dec jan jun jul sep oct nov
        مارس مه مهٔ آب ماي مای أوت اوت شباط جوان марте мая май
        """
    )
)
_IN = r"(?:in|since|by|until|of|from|last|next|early|late|mid|during|شهر|فی|منذ|خلال|ماه|در|از|в|с|до|к|за)"
_YEAR_CUE = (
    r"(?:in|since|by|until|till|of|from|during|before|after|year|عام|العام|سنه|السنه|سال|منذ|"
    r"в|с|до|к|за|после|от)"
)
_YEAR = r"(?:1[0-9]\d\d|20\d\d|2100)"
_DAY = r"(?<![\d.,:/])(?:[012]?\d|3[01])(?:st|nd|rd|th|-?(?:го|е|ое|ого|му))?(?![\d:%]|[.,/]\d)"
_OF = r"\s*(?:of|من|از|ماه|شهر|day of)?\s*"
_YEAR_MARK = r"(?:,|،)?\s*(?:of|in|عام|لعام|سنه|سال|من عام|г\.?)?\s*"

_TODAY = {fold(w) for w in ("today", "اليوم", "сегодня", "امروز")}
_YESTERDAY = {fold(w) for w in ("yesterday", "أمس", "الأمس", "вчера", "دیروز")}
_TOMORROW = {fold(w) for w in ("tomorrow", "غدا", "غداً", "завтра", "فردا")}


@dataclass(frozen=True, slots=True)
class Day:
    """A date or a part of one: what is not said is None."""

    calendar: Calendar
    year: int | None
    month: int | None
    day: int | None


@dataclass(frozen=True, slots=True)
class Date:
    """A date as written; more than one reading when the text is ambiguous (03/04/2024)."""

    text: str
    readings: tuple[Day, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates and weekdays of a folded text, and the spans they take up in it."""

    dates: tuple[Date, ...]
    weekdays: frozenset[int]
    relative: frozenset[int]
    spans: tuple[tuple[int, int], ...]


def find_dates(folded: str) -> Dates:
    """All dates of a text that `fold.fold` has brought to one form."""
    found: list[Date] = []
    taken: list[tuple[int, int]] = []
    for match, dates in _readings(folded):
        if not any(match.start() < end and start < match.end() for start, end in taken):
            found += [Date(match[0].strip(), readings, *match.span()) for readings in dates]
            taken.append(match.span())
    days = set()
    for match in _weekday_pattern().finditer(folded):
        if not any(match.start() < end and start < match.end() for start, end in taken):
            days.add(cldr.weekdays()[match[1]])
            taken.append(match.span())
    words = set(re.findall(r"\w+", folded))
    relative = {
        offset for offset, names in ((0, _TODAY), (-1, _YESTERDAY), (1, _TOMORROW)) if words & names
    }
    return Dates(tuple(found), frozenset(days), frozenset(relative), tuple(taken))


def _readings(text: str) -> Iterator[tuple[re.Match[str], list[tuple[Day, ...]]]]:
    """Each date's place and readings; "3 to 9 May" is two dates in one place."""
    for match in re.finditer(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)", text):
        if readings := _numeric(int(match[1]), int(match[3]), int(match[4])):
            yield match, [readings]
    for match in re.finditer(r"(?<![\d.])(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)", text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        # Day first, or month first: both are read unless one cannot be. With full stops it is the day.
        readings = _numeric(year, second, first)
        if match[2] != "." and first != second:
            readings += _numeric(year, first, second)
        if readings:
            yield match, [readings]
    for pattern in _named_patterns():
        for match in pattern.finditer(text):
            calendar, month = _months()[" ".join(match["month"].split())]
            groups = match.groupdict()
            said = int(groups["year"]) if groups.get("year") else None
            days: list[int | None] = [
                int(re.sub(r"\D", "", d)) for d in (groups.get("day"), groups.get("first")) if d
            ]
            yield match, [(Day(calendar, said, month, day),) for day in days or [None]]
    for match in _year_pattern().finditer(text):
        year = int(match[1] or match[2])
        if match["mark"] and "شمسی" not in text[match.end() : match.end() + 8]:
            yield match, [(Day("hijri", year, None, None),)]
        elif 1300 <= year < 1500:
            yield match, [(Day("persian", year, None, None), Day("hijri", year, None, None))]
        else:
            yield match, [(Day("gregorian", year, None, None),)]


def _numeric(year: int, month: int, day: int) -> tuple[Day, ...]:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ()
    return (Day("persian" if 1300 <= year < 1500 else "gregorian", year, month, day),)


@cache
def _months() -> dict[str, tuple[Calendar, int]]:
    names: dict[str, tuple[Calendar, int]] = {}
    for name, month in cldr.months().items():
        names[name] = ("gregorian", month)
    for i in range(12):
        for name in (_PERSIAN[i], _PERSIAN_LATIN[i]):
            names.setdefault(fold(name), ("persian", i + 1))
        for name in _HIJRI[i]:
            names.setdefault(fold(name), ("hijri", i + 1))
    return names


@cache
def _year_pattern() -> re.Pattern[str]:
    cued = rf"\b{_YEAR_CUE}\s+({_YEAR})|\b({_YEAR})\s*(?:года|году|год|г\.)"
    return re.compile(rf"(?:{cued})(?![\d%]|[.,]\d)(?P<mark>\s*(?:ه\b|هجری\w*|ah\b))?")


@cache
def _named_patterns() -> tuple[re.Pattern[str], ...]:
    names = sorted(_months(), key=len, reverse=True)
    month = r"\b(?P<month>" + "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in names) + r")\b\.?"
    # Arabic texts often give both names of a month: آذار/مارس.
    both = rf"{month}(?:\s*[/(]\s*(?:{'|'.join(map(re.escape, names))})\b\s*\)?)?"
    year = rf"(?:{_YEAR_MARK}(?P<year>{_YEAR})(?![\d%]|[.,]\d)(?:\s*(?:года|г\.|ه\b|هجری\w*|ah\b))?)?"
    single = [
        name
        for name, (calendar, _) in _months().items()
        if calendar == "gregorian" and name not in _ALSO_WORDS and len(name) > 3
    ]
    alone = "|".join(
        re.escape(name).replace(r"\ ", r"\s+") for name in sorted(single, key=len, reverse=True)
    )
    days = rf"(?:(?P<first>{_DAY})\s*(?:-|to|and|و|и|تا|الی|حتی)\s*)?(?P<day>{_DAY})"
    return (
        re.compile(rf"{days}{_OF}{both}{year}"),
        re.compile(rf"{both}\s+(?:the\s+)?(?P<day>{_DAY}){year}"),
        re.compile(rf"{both}{_YEAR_MARK}(?P<year>{_YEAR})(?![\d%]|[.,]\d)"),
        re.compile(rf"\b{_IN}\s+{month}"),
        re.compile(rf"\b(?P<month>{alone})\b"),
    )


@cache
def _weekday_pattern() -> re.Pattern[str]:
    names = sorted(cldr.weekdays(), key=len, reverse=True)
    words = {fold("شنبه"), "sun", "sat", "mon", "wed", "tue", "thu", "fri"}
    long = "|".join(re.escape(name) for name in names if name not in words)
    return re.compile(rf"(?<!\w)({long}|{fold('شنبه')})(?!\w)")


def gregorian_readings(day: Day) -> set[Day]:
    """All Gregorian readings; without a year, those of the years that news is about."""
    if day.calendar == "gregorian":
        return {day}
    recent = range(1390, 1412) if day.calendar == "persian" else range(0)
    years = [day.year] if day.year else recent
    found: set[Day] = set()
    for year in years:
        for month in [day.month] if day.month else range(1, 13):
            for number in [day.day] if day.day else (1, 15, 29):
                if converted := to_gregorian(day.calendar, year, month, number):
                    found.add(
                        Day(
                            "gregorian",
                            converted.year if day.year else None,
                            converted.month if day.month else None,
                            converted.day if day.day else None,
                        )
                    )
    return found


def to_gregorian(calendar: Calendar, year: int, month: int, day: int) -> date | None:
    """The Gregorian day of a Persian or Hijri one; None when there is no such day."""
    try:
        if calendar == "persian":
            import jdatetime

            converted = jdatetime.date(year, month, day).togregorian()
        else:
            import hijridate

            converted = hijridate.Hijri(year, month, day).to_gregorian()
    except (ValueError, OverflowError):
        return None
    return date(converted.year, converted.month, converted.day)


def gregorian_date(day: Day) -> date | None:
    """The Gregorian day of a whole date; None for a part of one, and for a day that does not exist."""
    if not (day.year and day.month and day.day):
        return None
    if day.calendar != "gregorian":
        return to_gregorian(day.calendar, day.year, day.month, day.day)
    try:
        return date(day.year, day.month, day.day)
    except ValueError:
        return None


def day_of(text: str) -> date | None:
    """The day of an ISO 8601 date or date-time; None without one."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
