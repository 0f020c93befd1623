"""Timeline: the dated sentences about the question, as a plot and as a list.

The plot is HTML, so that its points are the same numbers as elsewhere: read out, reached with the keyboard,
running from right to left where the page does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import pairwise
from statistics import median

from rag.chat import Assistant
from rag.timeline import Entry
from rag.types import When
from ui.cards import card_id, cards, quote, source_head
from ui.fragments import chip
from ui.page.exchange import Exchange
from ui.phrases import phrases
from ui.words import Words

# A gap this many times the usual one is drawn shorter, and marked as cut.
_LONG_GAP = 4
_WEEK = 7
# Shares of the width, on a phone: what a number takes, and a day below the axis.
_NUMBER, _DAY = 0.15, 0.26


@dataclass(frozen=True, slots=True)
class Axis:
    """Where each day lies, in [0, 1], and the stretches that stand for a gap that was cut."""

    places: dict[date, float]
    cuts: tuple[tuple[float, float], ...]


async def timeline_html(assistant: Assistant, exchange: Exchange, words: Words) -> str:
    """The dated sentences about the question of this answer. Raises what `Assistant.timeline` raises."""
    _, entries = await assistant.timeline(
        exchange.searched, filters=exchange.filters, infer_time=exchange.infer_time
    )
    if not entries:
        return f'<p class="dl-hint">{escape(words("timeline.none"))}</p>'
    key = f"timeline-{exchange.id}"
    own = phrases(words.language)
    shown = cards([entry.citation for entry in entries], own, key)
    return _plot(entries, words, key) + _list(entries, words, key) + shown


def day_of(when: When) -> str:
    """The day, month or year that a sentence tells of."""
    return when.start[: {"day": 10, "month": 7, "year": 4}[when.precision]]


def axis(days: Sequence[date]) -> Axis:
    """Days in proportion, but for long gaps: those are cut to a few times the usual one."""
    distinct = sorted(set(days))
    gaps = [(b - a).days for a, b in pairwise(distinct)]
    longest = max(_WEEK, _LONG_GAP * median(gaps)) if gaps else 1
    drawn = [min(gap, longest) for gap in gaps]
    total = sum(drawn) or 1
    places, cuts, at = {}, [], 0.0
    for number, day in enumerate(distinct):
        places[day] = at / total if gaps else 0.5
        if number < len(gaps):
            if gaps[number] > longest:
                cuts.append((at / total, (at + drawn[number]) / total))
            at += drawn[number]
    return Axis(places, tuple(cuts))


def _plot(entries: Sequence[Entry], words: Words, key: str) -> str:
    own = phrases(words.language)
    days = [date.fromisoformat(entry.when.start[:10]) for entry in entries]
    drawn = axis(days)
    lanes: list[float] = []
    points = ""
    for entry, day in zip(entries, days, strict=True):
        place = drawn.places[day]
        # Below the axis' end of the last number that is far enough away, else in a lane of its own.
        lane = next((n for n, taken in enumerate(lanes) if place - taken >= _NUMBER), len(lanes))
        lanes[lane : lane + 1] = [place]
        number = chip(entry.citation, own, card_id(key, entry.citation.index))
        points += f'<li style="--at: {place:.4f}; --lane: {lane}">{number}</li>'
    ticks, last = "", -1.0
    named = {day: day_of(entry.when) for day, entry in zip(days[::-1], entries[::-1], strict=True)}
    for day, place in drawn.places.items():
        if place - last >= _DAY or last < 0:
            ticks += f'<span class="dl-tick" style="--at: {place:.4f}"><bdi>{named[day]}</bdi></span>'
            last = place
    cuts = "".join(f'<i style="--at: {a:.4f}; --to: {b:.4f}"></i>' for a, b in drawn.cuts)
    field = f'<ol>{points}</ol><div class="dl-axis">{cuts}</div>{ticks}'
    return (
        f'<figure class="dl-plot" style="--lanes: {len(lanes)}">'
        f"<figcaption>{escape(words('timeline.plot'))}</figcaption>"
        f'<div class="dl-field">{field}</div></figure>'
    )


def _list(entries: Sequence[Entry], words: Words, key: str) -> str:
    own = phrases(words.language)
    items = ""
    for entry in entries:
        when, cited = entry.when, entry.citation
        told = (
            f'<time dir="ltr" datetime="{day_of(when)}">{"" if when.written else "~"}{day_of(when)}</time>'
        )
        notes = [] if when.written else [words("timeline.reckoned")]
        notes += [words("timeline.of_report")] if when.of_report else []
        note = f' <span class="dl-facts">({escape(own.comma.join(notes))})</span>' if notes else ""
        items += (
            f'<li><p class="dl-when">{told}{note}</p>{quote(cited)}<p>'
            f"{chip(cited, own, card_id(key, cited.index))} {source_head(cited, own)}</p></li>"
        )
    return f'<h3>{escape(words("timeline.list"))}</h3><ol class="dl-dated">{items}</ol>'
