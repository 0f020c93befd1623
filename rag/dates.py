"""Dates of a statement against those of the sentences it cites."""

from collections.abc import Sequence
from datetime import date, timedelta

from index.dates import Dates, Day, day_of, gregorian_date, gregorian_readings


def check_dates(statement: Dates, sentences: Sequence[Dates], published: Sequence[str]) -> str:
    """Empty when each date of the statement is in the sentences, else what is wrong."""
    known = [reading for dates in sentences for d in dates.dates for reading in d.readings]
    weekdays = {day for dates in sentences for day in dates.weekdays}
    moments = [day for text in published if (day := day_of(text))]
    for dates, moment in zip(sentences, [day_of(text) for text in published], strict=False):
        if moment is not None:
            for offset in dates.relative:
                known.append(_of(moment + timedelta(offset)))
            for weekday in dates.weekdays:
                # "On Friday" in an article is the latest one, or the next.
                back = (moment.weekday() - weekday) % 7
                known += [_of(moment - timedelta(back)), _of(moment + timedelta(7 - back))]
    for wanted in statement.dates:
        if not any(_agree(a, b, moments) for a in wanted.readings for b in known):
            return f"the cited sentences do not give the date {wanted.text!r}"
    full = {d for reading in known if (d := gregorian_date(reading))}
    relative = any(dates.relative for dates in sentences)
    for weekday in statement.weekdays - weekdays:
        if (not relative and weekday not in {day.weekday() for day in full}) or weekdays:
            return "the cited sentences do not give this day of the week"
    return ""


def _agree(wanted: Day, known: Day, moments: Sequence[date]) -> bool:
    if wanted.calendar == known.calendar:
        return _same(wanted, known, moments)
    return any(_same(a, b, moments) for a in gregorian_readings(wanted) for b in gregorian_readings(known))


def _same(wanted: Day, known: Day, moments: Sequence[date]) -> bool:
    if wanted.month is not None and wanted.month != known.month:
        return False
    if wanted.day is not None and wanted.day != known.day:
        return False
    if wanted.year is None or wanted.year == known.year:
        return True
    if known.year is not None or wanted.month is None:
        return False
    # "On 22 March" in an article from 2024: the year may be added, when it is a likely one.
    return not moments or any(abs(moment.year - wanted.year) <= 1 for moment in moments)


def _of(moment: date) -> Day:
    return Day("gregorian", moment.year, moment.month, moment.day)
