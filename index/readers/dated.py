"""The date that a text shows for itself: the day it was published, not the days it tells of."""

import re
from collections.abc import Iterable
from contextlib import suppress
from email.utils import parsedate_to_datetime

from index.dates import find_dates, gregorian_date
from index.fold import fold
from index.readers.record import normal_date

# No paper was printed before; programs write 0001 and 9999 where they know no date.
FIRST_YEAR, LAST_YEAR = 1600, 2200

LONGEST_LINE = 120
_LINES = 12
_SAYS_WHEN = re.compile(
    r"\b(?:published|posted|updated|date|dated|نشر|النشر|تاریخ|التاریخ|منتشر|انتشار|تحدیث|опубликовано|дата|обновлено)\b"
)
# What may stand beside a date that is the whole line: a time, its zone, a weekday, a place.
_LEAST_SHARE = 0.5


def said_date(written: str) -> str:
    """A date as metadata says it, as ISO 8601 in the zone it was written in; empty when it says none.

    It may be in ISO 8601, in the form of mails and feeds, or in words of the four languages.
    """
    for read in (normal_date, _mail_date, date_in):
        with suppress(ValueError, TypeError, OverflowError):
            found = read(written)
            if found and FIRST_YEAR <= int(found[:4]) <= LAST_YEAR:
                return found
    return ""


def _mail_date(written: str) -> str:
    found = parsedate_to_datetime(written)
    # The standard's years of one to three digits have become others: 0001 would be 2001.
    year = re.search(r"(?<![\d:+-])(\d{4}|\d\d)(?=\s+\d{1,2}:)", written)
    if year is None or found.year % 10 ** len(year[1]) != int(year[1]):
        raise ValueError(f"{written[:40]!r} is of no year")
    return found.isoformat()


def visible_date(lines: Iterable[str], title: str = "") -> str:
    """The date in the first short line that says when the text was published, as ISO 8601; else empty.

    Such a line says so, or is little but a date. A headline is none: its date is when something happened.
    """
    seen = 0
    for line in lines:
        line = line.strip()
        if not line or line == title.strip():
            continue
        seen += 1
        if seen > _LINES:
            break
        if len(line) <= LONGEST_LINE and (found := date_in(line, alone=True)):
            return found
    return ""


def date_in(line: str, *, alone: bool = False) -> str:
    """The one whole date of a line, as ISO 8601; empty for none, several, or one that is ambiguous.

    With `alone` it must be said to be a date of publication, or be most of the line.
    """
    folded = fold(line)
    found = find_dates(folded)
    readings = [reading for date in found.dates for reading in date.readings]
    if any(gregorian_date(reading) for reading in readings if reading.calendar == "gregorian"):
        # Papers print the day in two calendars, and countries begin a Hijri month on different days.
        readings = [reading for reading in readings if reading.calendar != "hijri"]
    days = {day for reading in readings if (day := gregorian_date(reading))}
    if len(days) != 1:
        return ""
    if alone and not _SAYS_WHEN.search(folded):
        taken = sum(end - start for start, end in found.spans)
        if taken < _LEAST_SHARE * len(folded):
            return ""
    return days.pop().isoformat()
