"""When: the time a question asks about, and the day a sentence tells of.

Three times are kept apart: when something happened, when an article was published, and when it was
ingested. "In March 2024" in a question is about events: an article of June may tell of them, one of
February cannot. "Last week" asks for what was published then.
"""

import calendar
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from index.dates import Day, day_of, find_dates, to_gregorian
from index.fold import aligned, clean, fold, lower
from rag.sayings import tells_of_saying
from rag.stance import TELLING_ACTS, kinds_of_acts
from rag.types import Period, Precision, When

Span = tuple[date, date]

# An article may announce what comes; further ahead, a day without a year is of the year before.
AHEAD = timedelta(days=45)
# A day that so many articles name is the day of an event.
LEAST_ARTICLES = 2
# News of an event begins with so many articles within a week.
BURST_ARTICLES = 3
BURST = timedelta(days=7)
# The words of an event are at least so many characters.
LEAST_EVENT = 4
# Characters behind a verb of saying within which a date is that of the saying.
BEHIND = 60
_THAT = "that|что|که|" + "|".join(map(fold, ("إن", "أن", "بأن")))
_SPOKEN = frozenset({*TELLING_ACTS, "say"})


def _words(en: str, ar: str, ru: str, fa: str) -> str:
    return "|".join(fold(part) for part in (en, ar, ru, fa))


_BEFORE = _words("before|prior to|until|up to|by", "قبل|حتى|قبيل", "до|перед|накануне", "پیش از|قبل از|تا")
_AFTER = _words("after|since|following", "بعد|منذ|عقب|إثر", "после|с|со|начиная с", "پس از|بعد از|از")
_PUBLISHED = re.compile(
    r"(?<!\w)(?:"
    + _words("published|articles? (?:of|from)|printed", "نشر|نشرت|المنشورة", "опубликован", "منتشر")
    + ")"
)
_UNITS = {
    "day": _words("days?", "يوم|أيام|يوما", "день|дня|дней|сутки|суток", "روز"),
    "week": _words("weeks?", "أسبوع|الأسبوع|أسابيع|أسبوعين", "неделя|неделю|неделе|недели|недель", "هفته"),
    "month": _words("months?", "شهر|الشهر|أشهر|شهرين", "месяц|месяца|месяцев|месяце", "ماه"),
    "year": _words("years?", "عام|العام|سنة|السنة|أعوام|سنوات", "год|году|года|лет", "سال"),
}
_LAST = _words("last|previous", "الماضي|الماضية|المنصرم|السابق", "прошл[а-я]+|минувш[а-я]+", "گذشته|پیش")
_THIS = _words("this|current", "هذا|هذه|الجاري|الحالي", "эт[а-я]+|текущ[а-я]+", "این|جاری")
_RECENT = _words("last|past", "آخر|الأخيرة|الماضية", "последн[а-я]+|прошедш[а-я]+", "اخیر|گذشته")
# Only where a question begins or ends: within, "today" often means nowadays, and "اليوم" the day.
_TODAY = re.compile(rf"^(?:{_words('today', 'اليوم', 'сегодня', 'امروز')})(?!\w)")
_TODAY_LAST = re.compile(rf"(?<!\w)(?:{_words('today', 'اليوم', 'сегодня', 'امروز')})\W*$")
_YESTERDAY = re.compile(rf"(?<!\w)(?:{_words('yesterday', 'أمس|البارحة', 'вчера', 'دیروز')})(?!\w)")
# "Before" or "after" what has no date of its own: the words up to the end, or up to a comma.
_ANCHOR = re.compile(
    rf"(?<!\w)(?:(?P<before>{_words('before|prior to', 'قبل|قبيل', 'до|перед|накануне', 'پیش از|قبل از')})"
    rf"|(?P<after>{_words('after|since|following', 'بعد|منذ|عقب', 'после', 'پس از|بعد از')}))\s+"
    rf"(?P<event>[^,،;؟?!.]{{4,80}})"
)
# Where a Persian or English question goes on after the event: "پیش از حملهٔ کروکوس به چه کسی".
_GOES_ON = re.compile(
    rf"\s(?:{_words('who|whom|what|did|was|were', 'من|ماذا|هل', 'кто|кого|что', 'به چه|چه|که')})\s.*"
)


def period_of(question: str, today: date) -> Period | None:
    """The time a question names by a date with its year, or counts back from today."""
    folded = fold(question)
    if span := _relative(folded, today):
        return Period(*_iso(span), "publication")
    dated = [
        (found, span)
        for found in find_dates(folded).dates
        if (span := _span(found.readings[0], None)) is not None
        # "The agreement of 2015" is a name, not a time.
        and not re.match(r"of\s+\d{4}$", found.text)
    ]
    if not dated:
        return None
    about: Literal["events", "publication"] = "publication" if _PUBLISHED.search(folded) else "events"
    start, end = min(span[0] for _, span in dated), max(span[1] for _, span in dated)
    if len(dated) > 1:
        return Period(*_iso((start, end)), about)
    cue = folded[: dated[0][0].start].rstrip()
    if re.search(rf"(?<!\w)(?:{_BEFORE})(?:\s+(?:the|عام|شهر|سال|ماه))?$", cue):
        return Period("", end.isoformat(), about)
    if re.search(rf"(?<!\w)(?:{_AFTER})(?:\s+(?:the|عام|شهر|سال|ماه))?$", cue):
        return Period(start.isoformat(), "", about)
    return Period(*_iso((start, end)), about)


def anchor_of(question: str) -> tuple[str, Literal["before", "after"]] | None:
    """The event that a question wants the time before or after of, in the question's own words."""
    match = _ANCHOR.search(lower(clean(question)))
    places = aligned(question)
    if not match or places is None or find_dates(match["event"]).dates:
        return None
    goes_on = _GOES_ON.search(match["event"])
    start = match.start("event")
    end = start + (goes_on.start() if goes_on else len(match["event"].rstrip()))
    event = question[places[start] : places[end - 1] + 1]
    return (event, "before" if match["before"] else "after") if len(event) >= LEAST_EVENT else None


def day_of_event(sentences: Sequence[tuple[str, str, str]]) -> date | None:
    """The day of an event that sentences tell of; each comes with its article's id and date.

    The day that several articles name, and more of them than any other (the day beside "warned" or
    "said" is likelier that of the warning). Else the first of the days on which several articles
    about it begin to appear: they follow what they tell of.
    """
    named: set[tuple[date, str]] = set()
    for text, article, published_at in sentences:
        if not kinds_of_acts(text) & _SPOKEN:
            spans = written_spans(text, published_at)
            named |= {(start, article) for start, end in spans if start == end}
    best = Counter(day for day, _ in named).most_common(2)
    if best and best[0][1] >= LEAST_ARTICLES and (len(best) == 1 or best[0][1] > best[1][1]):
        return best[0][0]
    published = {article: day for _, article, at in sentences if (day := day_of(at))}
    days = sorted(published.values())
    following = zip(days, days[BURST_ARTICLES - 1 :], strict=False)
    return next((first for first, last in following if last - first <= BURST), None)


def can_tell_of(period: Period, text: str, published_at: str) -> bool:
    """Whether a sentence can be about what happened in this period.

    Not when it was published before, and not when every day it names lies outside. The day beside
    "said" or "reported" may be that of the saying, so such a sentence stays.
    """
    published = day_of(published_at)
    if period.start and published and published.isoformat() < period.start:
        return False
    spans = written_spans(text, published_at)
    if not spans or "say" in kinds_of_acts(text):
        return True
    return any(
        (not period.start or end.isoformat() >= period.start)
        and (not period.end or start.isoformat() <= period.end)
        for start, end in spans
    )


def when(text: str, published_at: str) -> When | None:
    """The first day, month or year that a sentence names; else the day it reckons from publication.

    A day of something that happened comes before one on which something was said.
    """
    published = day_of(published_at)
    folded = fold(text)
    found = find_dates(folded)
    told: list[tuple[bool, int, Span, bool]] = []
    for each in found.dates:
        if span := _span(each.readings[0], published):
            told.append((_of_report(text, folded, each.start), each.start, span, True))
    if published and not told:
        days = [published + timedelta(offset) for offset in found.relative]
        days += [published - timedelta((published.weekday() - weekday) % 7) for weekday in found.weekdays]
        # Words such as "today" have no place of their own: nothing tells them from what happened.
        places = [start for start, _ in found.spans] or [0]
        told = [
            (_of_report(text, folded, place), place, (day, day), False) for day in days for place in places
        ]
    if not told:
        return None
    of_report, _, (first, last), written = min(told)
    return When(first.isoformat(), last.isoformat(), _precision(first, last), written, of_report)


def _of_report(text: str, folded: str, place: int) -> bool:
    """Whether a date stands right behind a verb of saying: "Reuters reported on Monday"."""
    before = re.split(r"[,،;.]", folded[max(0, place - BEHIND) : place])[-1]
    return tells_of_saying(before, text) and not re.search(rf"(?<!\w)(?:{_THAT})(?!\w)", before)


@lru_cache(maxsize=4096)
def written_spans(text: str, published_at: str) -> tuple[Span, ...]:
    """The days, months and years that a text names; a year left out is told by the publication."""
    published = day_of(published_at)
    dates = sorted(find_dates(fold(text)).dates, key=lambda found: found.start)
    return tuple(span for found in dates if (span := _span(found.readings[0], published)))


def _span(day: Day, published: date | None) -> Span | None:
    """The Gregorian days of a date or a part of one; None when its year cannot be told."""
    if day.year is not None:
        return _days(day.calendar, day.year, day.month, day.day)
    if published is None or day.month is None:
        return None
    year = published.year if day.calendar == "gregorian" else published.year - 621
    for candidate in (year + 1, year, year - 1):
        span = _days(day.calendar, candidate, day.month, day.day)
        if span and span[0] <= published + AHEAD and day.calendar != "hijri":
            return span
    return None


def _days(kind: str, year: int, month: int | None, day: int | None) -> Span | None:
    """First and last day of a day, month or year of a calendar."""

    def at(year: int, month: int, day: int) -> date | None:
        if kind != "gregorian":
            return to_gregorian(kind, year, month, day)  # type: ignore[arg-type]
        try:
            return date(year, month, day)
        except ValueError:
            return None

    if month is None:
        first, following = at(year, 1, 1), at(year + 1, 1, 1)
    elif day is None:
        first = at(year, month, 1)
        following = at(year + month // 12, month % 12 + 1, 1)
    else:
        first = at(year, month, day)
        following = first + timedelta(1) if first else None
    return (first, following - timedelta(1)) if first and following else None


def _relative(folded: str, today: date) -> Span | None:
    if _TODAY.search(folded) or _TODAY_LAST.search(folded):
        return today, today
    if _YESTERDAY.search(folded):
        return today - timedelta(1), today - timedelta(1)
    for unit, names in _UNITS.items():
        if match := _either(rf"(?:{_RECENT})", rf"(\d{{1,3}})\s+(?:{names})").search(folded):
            number = int(next(group for group in match.groups() if group))
            return _back(today, unit, number) + timedelta(1), today
        if unit != "day" and _either(rf"(?:{_LAST})", rf"(?:{names})").search(folded):
            first = _first(today, unit)
            return _first(first - timedelta(1), unit), first - timedelta(1)
        if unit != "day" and _either(rf"(?:{_THIS})", rf"(?:{names})").search(folded):
            return _first(today, unit), today
    return None


def _either(one: str, other: str) -> re.Pattern[str]:
    """The two next to each other, in either order: "last week", "الأسبوع الماضي"."""
    return re.compile(rf"(?<!\w)(?:{one}\s+{other}|{other}\s+{one})(?!\w)")


def _first(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(day.weekday())
    return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)


def _back(day: date, unit: str, number: int) -> date:
    if unit in ("day", "week"):
        return day - timedelta(number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _precision(start: date, end: date) -> Precision:
    days = (end - start).days
    return "day" if not days else "month" if days < 32 else "year"


def _iso(span: Span) -> tuple[str, str]:
    return span[0].isoformat(), span[1].isoformat()
