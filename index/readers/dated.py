"""The date that a text shows for itself: the day it was published, not the days it tells of."""

import re
from collections.abc import Iterable

from index.dates import find_dates, gregorian_date
from index.fold import fold

LONGEST_LINE = 120
_LINES = 12
_SAYS_WHEN = re.compile(
    r"\b(?:published|posted|updated|date|dated|نشر|النشر|تاریخ|التاریخ|منتشر|انتشار|تحدیث|опубликовано|дата|обновлено)\b"
)
# What may stand beside a date that is the whole line: a time, its zone, a weekday, a place.
_LEAST_SHARE = 0.5


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
    days = {day for date in found.dates for reading in date.readings if (day := gregorian_date(reading))}
    if len(days) != 1:
        return ""
    if alone and not _SAYS_WHEN.search(folded):
        taken = sum(end - start for start, end in found.spans)
        if taken < _LEAST_SHARE * len(folded):
            return ""
    return days.pop().isoformat()
