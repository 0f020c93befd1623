"""The Archive tab as HTML: articles, one of them to read, what is being taken in, what failed, counts.

Pure functions. The plots are lists whose items are as long as they count: Gradio's own plots set Arabic
names aslant, name days in English only, put two days into one bar at the end, and cannot be read out.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape

from index.archive import ArticlePage, Revision
from index.ledger import Failed
from index.types import Article, Count, Statistics
from ui.fragments import attributes, bdi, joined, language_tag, time_tag
from ui.jobs import Job
from ui.page.controls import PAGE, button, hint, minute, pager
from ui.phrases import language_name, phrases
from ui.render import article_to_html
from ui.schemas import sendable
from ui.words import Words

MOST_BARS = 1000
MOST_ROWS = 40
MOST_SHOWN = 20
# So many dates on the axis at most.
_TICKS = 6


def list_html(page: ArticlePage, offset: int, filtered: bool, words: Words) -> str:
    """A page of articles; each opens in the panel."""
    if not page.total:
        return hint(words("archive.none_found" if filtered else "archive.empty"))
    rows = "".join(f"<li>{_row(article, words)}</li>" for article in page.articles)
    last = offset + len(page.articles)
    found = words("archive.found", n=f"{page.total:,}")
    shown = f'<bdi dir="ltr">{offset + 1:,}–{last:,}</bdi>' if page.total > PAGE and last > offset else ""
    return (
        f'<p class="dl-facts" role="status">{joined((escape(found), shown))}</p>'
        f'<ol class="dl-articles" start="{offset + 1}">{rows}</ol>'
        f"{pager(offset, last, page.total, words)}"
    )


def reading_html(
    revision: Revision,
    revisions: Sequence[Revision],
    copies: Sequence[Article],
    words: Words,
    *,
    writable: bool,
) -> str:
    """One text of an article, with its other texts, its copies and the way to remove it."""
    article = revision.article
    facts = joined((bdi(article.id), escape(words("archive.ingested", when=minute(article.ingested_at)))))
    back = escape(words("archive.back"))
    tools = (
        f'<button type="button" class="dl-tool dl-return" data-return>{back}</button>'
        f'<p class="dl-facts">{facts}</p>'
    )
    if revision.replaced_at:
        when = words("archive.earlier", when=minute(revision.replaced_at))
        tools += f'<p class="dl-changed" role="note">{escape(when)}</p>'
    if len(revisions) > 1:
        items = ""
        for each in revisions:
            name = (
                words("archive.until", when=minute(each.replaced_at))
                if each.replaced_at
                else words("archive.present")
            )
            current = ' aria-current="true"' if each.version == revision.version else ""
            items += f"<li>{button('open', name, id=article.id, version=each.version, more=current)}</li>"
        tools += f'<h3>{escape(words("archive.revisions"))}</h3><ul class="dl-others">{items}</ul>'
    if copies:
        items = "".join(f"<li>{joined((_open(copy, words), *_facts(copy, words)))}</li>" for copy in copies)
        tools += f'<h3>{escape(words("archive.copies"))}</h3><ul class="dl-others">{items}</ul>'
    if writable:
        warning = words("archive.remove_warning", n=len(revisions))
        tools += (
            f'<details class="dl-delete"><summary>{escape(words("archive.remove"))}</summary>'
            f"<p>{escape(warning)}</p>{button('remove', words('archive.remove_now'), id=article.id)}"
            "</details>"
        )
    tools = f'<div class="dl-about" lang="{words.language}" dir="{words.direction}">{tools}</div>'
    return f'<div class="dl-reading">{article_to_html(article, None, words.language, tools=tools)}</div>'


def jobs_html(jobs: Sequence[Job], words: Words, *, writable: bool) -> str:
    """What is being taken in, and what was, the newest first."""
    if not jobs:
        return hint(words("archive.nothing_yet"))
    items = "".join(f"<li>{_job(job, words, writable)}</li>" for job in jobs[:MOST_SHOWN])
    return f'<h3>{escape(words("archive.progress"))}</h3><ul class="dl-jobs">{items}</ul>'


def failures_html(failures: Sequence[Failed], words: Words, *, writable: bool) -> str:
    """What failed when it was last read, with the reasons, and ways to try it again or to forget it."""
    note = f'<p class="dl-facts">{escape(words("archive.failures_note"))}</p>'
    if not failures:
        return hint(words("archive.failures_none")) + note
    items, before = "", ""
    for failed in failures[:MOST_BARS]:
        items += f"<li>{_failure(failed.place, failed.reason)}"
        if writable and failed.input != before:
            name = sendable(failed.input)
            items += (
                f'<p class="dl-tools">{button("retry", words("archive.retry"), input=name)}'
                f"{button('forget', words('archive.forget'), input=name)}</p>"
            )
        before = failed.input
        items += "</li>"
    number = escape(words("archive.failed", n=f"{len(failures):,}"))
    every = f'<p class="dl-tools">{button("retry", words("archive.retry_all"), input="")}</p>'
    head = f'<p role="status">{number}</p>{every if writable else ""}{note}'
    return f'{head}<ul class="dl-failures">{items}</ul>'


def statistics_html(found: Statistics, words: Words) -> str:
    """Articles by date, outlet and language as plots, and what else can be counted."""
    if not found.articles:
        return hint(words("archive.empty"))
    totals = [
        words("head.articles", n=f"{found.articles:,}"),
        words("archive.undated", n=f"{found.undated:,}"),
        words("archive.number_of_copies", n=f"{found.copies:,}"),
        words("archive.number_of_revisions", n=f"{found.revisions:,}"),
    ]
    languages = [(language_name(count.name) if count.name else "", count) for count in found.languages]
    return (
        f'<p class="dl-totals">{joined(map(escape, totals))}</p>'
        + _dates(found.dates, words)
        + _rows(
            "source", words("archive.by_source"), [(count.name, count) for count in found.sources], words
        )
        + _rows("language", words("archive.by_language"), languages, words)
    )


def _row(article: Article, words: Words) -> str:
    facts = joined((*_facts(article, words), language_tag(article.language)))
    return f'{_open(article, words)}<p class="dl-facts">{facts}</p>'


def _facts(article: Article, words: Words) -> tuple[str, str]:
    source = bdi(article.source) if article.source else ""
    return source, time_tag(article.published_at, phrases(words.language))


def _open(article: Article, words: Words) -> str:
    title = escape(article.title or words("archive.untitled"))
    return (
        f'<button type="button" class="dl-entry" data-do="open" data-id="{escape(article.id)}"'
        f"{attributes(article.language if article.title else words.language)}>{title}</button>"
    )


def _job(job: Job, words: Words, writable: bool) -> str:
    names = ", ".join(bdi(name) for name in job.inputs[:3]) + (" …" if len(job.inputs) > 3 else "")
    state = escape(words(f"archive.state_{job.state}"))
    bar = ""
    if not job.ended:
        known = job.expected and job.state == "running"
        value = f' max="{max(job.expected, job.done)}" value="{job.done}"' if known else ""
        bar = f'<progress aria-label="{escape(words("archive.progress"))}"{value}></progress>'
    counts = [
        words(f"archive.{name}", n=f"{number:,}")
        for name in ("added", "replaced", "unchanged", "failed")
        if (number := getattr(job, name))
    ]
    if job.expected and not job.ended:
        counts.append(words("archive.expected", n=f"{job.expected:,}"))
    if job.done and job.per_second >= 0.05:
        counts.append(words("archive.rate", n=f"{job.per_second:.1f}"))
    cancel = button("cancel", words("archive.cancel"), job=job.id) if writable and not job.ended else ""
    reason = f'<p class="dl-reason" dir="auto">{escape(job.reason)}</p>' if job.reason else ""
    failures = "".join(f"<li>{_failure(f.where, f.reason)}</li>" for f in job.failures[:MOST_SHOWN])
    more = job.failed - min(len(job.failures), MOST_SHOWN)
    if more > 0:
        failures += f"<li>{escape(words('answer.more', n=f'{more:,}'))}</li>"
    return (
        f'<div class="dl-job" data-state="{job.state}"><p><b>{state}</b> {names}</p>{bar}'
        f'<p class="dl-facts">{joined(map(escape, counts))}</p>{reason}'
        + (f'<ul class="dl-failures">{failures}</ul>' if failures else "")
        + f"{cancel}</div>"
    )


def _failure(where: str, reason: str) -> str:
    where, reason = sendable(where), sendable(reason)
    return (
        f'<p dir="auto" class="dl-where">{escape(where)}</p>'
        f'<p dir="auto" class="dl-reason">{escape(reason)}</p>'
    )


def _dates(dates: Sequence[Count], words: Words) -> str:
    if not dates:
        return ""
    shown = _without_gaps(dates)[-MOST_BARS:]
    most = max(count.articles for count in shown)
    every = max(1, -(-len(shown) // _TICKS))
    bars = ""
    for number, count in enumerate(shown):
        tick = (
            f'<span class="dl-day" dir="ltr" aria-hidden="true">{count.name}</span>'
            if number % every == 0
            else ""
        )
        said = f"{count.name}: {count.articles:,}"
        bars += (
            f'<li style="--share: {count.articles / most:.4f}" title="{said}">'
            f'<span class="dl-bar" aria-hidden="true"></span>'
            f'<span class="dl-said" dir="ltr">{said}</span>{tick}</li>'
        )
    left = sum(count.articles for count in dates) - sum(count.articles for count in shown)
    before = f'<p class="dl-facts">{escape(words("archive.before", n=f"{left:,}"))}</p>' if left else ""
    return (
        f'<figure class="dl-dates"><figcaption>{escape(words("archive.by_date"))}</figcaption>{before}'
        f'<p class="dl-most" aria-hidden="true">{most:,}</p>'
        f'<div class="dl-bars" tabindex="0" role="group" aria-label="{escape(words("archive.by_date"))}">'
        f"<ol>{bars}</ol></div></figure>"
    )


def _without_gaps(dates: Sequence[Count]) -> list[Count]:
    """The days, months or years up to the last; those without an article count 0, as far as bars go."""
    known = {count.name: count.articles for count in dates}
    size, name = len(dates[0].name), dates[-1].name
    every = [dates[-1]]
    while name > dates[0].name and len(every) < MOST_BARS:
        # The day before the first one of this day, month or year lies in the one before.
        before = date.fromisoformat((name + "-01-01")[:10]) - timedelta(days=1)
        name = before.isoformat()[:size]
        every.append(Count(name, known.get(name, 0)))
    earlier = [count for count in dates if count.name < every[-1].name]
    return [*earlier, *reversed(every)]


def _rows(kind: str, title: str, rows: Sequence[tuple[str, Count]], words: Words) -> str:
    most = rows[0][1].articles
    items = ""
    for name, count in rows[:MOST_ROWS]:
        shown = (
            button("narrow", name, kind=kind, value=count.name, more=' dir="auto"')
            if count.name
            else f"<span>{escape(words('archive.unnamed'))}</span>"
        )
        items += (
            f'<li style="--share: {count.articles / most:.4f}">{shown}'
            '<span class="dl-bar" aria-hidden="true"></span>'
            f'<span class="dl-number">{count.articles:,}</span></li>'
        )
    left = rows[MOST_ROWS:]
    if left:
        others = words("archive.others", n=f"{sum(count.articles for _, count in left):,}")
        items += f"<li><span>{escape(others)}</span></li>"
    return f'<figure class="dl-counts"><figcaption>{escape(title)}</figcaption><ul>{items}</ul></figure>'
