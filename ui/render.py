"""Answers and articles as HTML for the chat page and as plain text for a terminal.

Pure functions. Whatever comes from an article, a question or a model is escaped, and every run of
it carries its own language and direction: a Persian sentence may quote an English headline, and
the brackets and dates beside it must stay where they belong.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Literal
from urllib.parse import urlsplit

from index.language import is_right_to_left
from index.types import Article, Coverage, Filters
from rag.claims import Claim
from rag.timeline import Entry
from rag.types import Answer, Citation, Period, Source, Statement
from ui.phrases import Phrases, language_name, phrases

# Isolate, end of isolate, right-to-left mark: what plain text has in place of `dir`.
_FSI, _PDI, _RLM = "\u2068", "\u2069", "\u200f"
_SHOWN_SOURCES = 8


def answer_to_html(answer: Answer) -> str:
    """A whole answer, or an abstention, with its sources and what was searched."""
    words = phrases(answer.language)
    followed = _followed(answer.standalone_question, words) + _narrowed(answer.period, words)
    if answer.abstained:
        return _answer_block("dl-abstention", words, followed + _abstention(answer, words))
    written = words.written.format(model=answer.model) if answer.model else words.quoted
    return _answer_block(
        "dl-grounded",
        words,
        followed
        + _statements(answer.statements, answer.citations, words, quoted=not answer.model)
        + _disagreements(answer, words)
        + _source_list(answer, words)
        + _receipt(written, answer.coverage, words),
    )


def unfinished_to_html(
    statements: Sequence[Statement],
    citations: Sequence[Citation],
    *,
    language: str,
    quoted: bool,
    state: Literal["working", "stopped", "failed"] = "working",
) -> str:
    """The part of an answer that has arrived so far, or had when it was stopped or failed."""
    words = phrases(language)
    written = _statements(statements, citations, words, quoted=quoted)
    if state == "failed":
        return _answer_block("dl-failed", words, written) if written else ""
    if state == "stopped":
        note = f'<p class="dl-note">{escape(words.stopped)}</p>'
        return _answer_block("dl-stopped", words, written + note)
    dots = '<span aria-hidden="true"></span>'
    note = f'<p class="dl-working" role="status">{escape(words.working)}{dots}</p>'
    return _answer_block("dl-unfinished", words, written + note)


def question_to_html(question: str, language: str = "") -> str:
    """A question as its reader typed it."""
    known = f' lang="{escape(language)}"' if language else ""
    return f'<div class="dl-question" dir="auto"{known}>{escape(question)}</div>'


def error_to_html(message: str, head: str = "This did not work:") -> str:
    """A failure: it looks like neither an answer nor an abstention."""
    return (
        '<div class="dl-error" role="alert"><strong><span aria-hidden="true">⚠ </span>'
        f'{escape(head)}</strong> <span dir="auto">{escape(message)}</span></div>'
    )


def article_to_html(
    article: Article,
    highlight: tuple[int, int] | None = None,
    language: str = "en",
    *,
    replaced_at: str = "",
    stands: bool = True,
) -> str:
    """An article with one stretch of its text marked; `language` is the reader's.

    `replaced_at` is when a newer text came in; `stands` says whether the stretch is in that, too.
    """
    words = phrases(language)
    start, end = highlight or (0, 0)
    if not 0 <= start < end <= len(article.text):
        start = end = 0
    facts = [
        f"<bdi>{escape(article.source)}</bdi>" if article.source else "",
        _time(article.published_at, words, exact=True),
        _language_tag(article.language),
        f"<bdi>{escape(words.comma.join(article.authors))}</bdi>" if article.authors else "",
    ]
    link = _link(article.url, escape(article.url), "dl-url")
    way = f' dir="{"rtl" if is_right_to_left(article.language) else "ltr"}"'
    return (
        f'<article class="dl-article" tabindex="-1" data-article="{escape(article.id)}" '
        f'data-start="{start}" data-end="{end}" aria-label="{escape(article.title or article.id)}">'
        f"<h2{_attributes(article.language)}>{escape(article.title)}</h2>"
        f'<p class="dl-facts"{way}>{_joined(facts)}</p>'
        f'<p class="dl-facts"{way}>{link}</p>'
        f"{_changed(replaced_at, stands, words)}"
        f'<div class="dl-text"{_attributes(article.language)}>{_marked(article, start, end)}</div>'
        "</article>"
    )


def _changed(replaced_at: str, stands: bool, words: Phrases) -> str:
    """That an article was changed after it was cited, and whether the cited words are still in it."""
    if not replaced_at:
        return ""
    what = words.changed_stands if stands else words.changed_gone
    when = f'<bdi><time datetime="{escape(replaced_at)}">{escape(replaced_at[:10])}</time></bdi>'
    way = "rtl" if is_right_to_left(words.language) else "ltr"
    return f'<p class="dl-changed" role="note" dir="{way}">{escape(what).replace("{when}", when)}</p>'


def coverage_text(coverage: Coverage, language: str = "en") -> str:
    """What was searched, in one line of plain text."""
    words = phrases(language)
    facts = _facts(coverage, words, _isolated_in(words))
    separator = "؛ " if is_right_to_left(words.language) else "; "
    return separator.join(f"{label}: {value}" for label, value in facts)


def answer_to_text(answer: Answer) -> str:
    """The answer for a terminal: statements with their numbers, then the sources."""
    words = phrases(answer.language)
    lines = []
    if answer.standalone_question:
        lines += [f"{words.searched_for}: {_isolated(answer.standalone_question)}", ""]
    if answer.period:
        lines += [_period_text(answer.period, words, _isolated_in(words)), ""]
    if answer.abstained:
        lines += [abstention_text(answer), coverage_text(answer.coverage, answer.language)]
        if answer.nearest:
            lines += ["", f"{words.nearest}:"]
        for citation in answer.nearest:
            lines += ["- " + _source_line(citation, words), *_indented(citation.cited_text, citation.url)]
        return "\n".join(lines)
    lines += [_with_numbers(statement) for statement in answer.statements]
    for each in answer.disagreements:
        show = _isolated_in(words)
        sides = " / ".join(
            f"{show(words.counted.get(side.says, side.says))} "
            + show("".join(f"[{n}]" for n in side.citations))
            for side in each.sides
        )
        lines += ["", f"{words.disagree}: {words.counted.get(each.about, each.about)}: {sides}"]
    lines += ["", words.sources]
    said = {statement.text for statement in answer.statements}
    for citation in answer.citations:
        lines.append(f"[{citation.index}] {_source_line(citation, words)}")
        lines += _indented(citation.url, "" if citation.cited_text in said else citation.cited_text)
        if citation.translation:
            lines += _indented(f"{words.translation}: {_isolated(citation.translation)}")
        for copy in citation.also_in:
            lines += _indented(f"{words.also} {_source_line(copy, words)}")
            lines += _indented(copy.url)
        if not citation.verified:
            lines += _indented(f"{words.unverified}: {citation.reason}".rstrip(": "))
    return "\n".join(lines)


def claim_to_text(claim: Claim) -> str:
    """One claim for a terminal: who did what to whom, what was said, where it stands."""
    words, cited = phrases("en"), claim.citation
    to = f" → {_isolated(claim.addressee)}" if claim.addressee else ""
    told = f" ({'said ' * claim.when.of_report}{claim.when.start})" if claim.when else ""
    lines = [f"{_isolated(claim.speaker)} [{claim.act}]{to}{told}: {_isolated(claim.content)}"]
    if claim.stance == "denies" and claim.act not in ("deny", "refuse"):
        lines += _indented("denied or not done")
    if len(claim.reported_by) > 1:
        lines += _indented(f"reported by {', '.join(map(_isolated, claim.reported_by))}")
    lines += _indented(f"[{cited.index}] {_source_line(cited, words)}", cited.url)
    if cited.cited_text != claim.content:
        lines += _indented(_isolated(cited.cited_text))
    if not cited.verified:
        lines += _indented(f"{words.unverified}: {cited.reason}".rstrip(": "))
    return "\n".join(lines)


def entry_to_text(entry: Entry) -> str:
    """One entry of a timeline for a terminal."""
    when = entry.when
    length = {"day": 10, "month": 7, "year": 4}[when.precision]
    # What stands for the day: "~" it was reckoned, "said" it is that of the report.
    day = ("" if when.written else "~") + when.start[:length] + (" said" if when.of_report else "")
    lines = [f"{day:<17}{_isolated(entry.citation.cited_text)}"]
    lines += _indented(
        f"[{entry.citation.index}] {_source_line(entry.citation, phrases('en'))}", entry.citation.url
    )
    return "\n".join(lines)


def abstention_text(answer: Answer) -> str:
    """Why there is no answer, in the language of the question."""
    words = phrases(answer.language)
    return f"{words.abstained}. {words.reasons.get(answer.reason, '')}".strip()


# --- HTML -------------------------------------------------------------------------------------


def _answer_block(kind: str, words: Phrases, inside: str) -> str:
    way = _attributes(words.language)
    return f'<div class="dl-answer {kind}" data-language="{words.language}"{way}>{inside}</div>'


def _followed(standalone_question: str, words: Phrases) -> str:
    if not standalone_question:
        return ""
    question = f'<bdi class="dl-standalone">{escape(standalone_question)}</bdi>'
    return f'<p class="dl-note">{escape(words.searched_for)}: {question}</p>'


def _narrowed(period: Period | None, words: Phrases) -> str:
    if period is None:
        return ""
    return f'<p class="dl-note dl-period">{_period_text(period, words, _bdi)}</p>'


def _disagreements(answer: Answer, words: Phrases) -> str:
    """Each disagreement on a line, its sides with the numbers of what they rest on."""
    if not answer.disagreements:
        return ""
    by_index = {citation.index: citation for citation in answer.citations}
    items = []
    for each in answer.disagreements:
        sides = " / ".join(
            f"{_bdi(words.counted.get(side.says, side.says))} "
            + "".join(_chip(by_index[index], words) for index in side.citations if index in by_index)
            for side in each.sides
        )
        items.append(f"<li>{escape(words.counted.get(each.about, each.about))}: {sides}</li>")
    return (
        f'<section class="dl-disagree"><h3>{escape(words.disagree)}</h3><ul>{"".join(items)}</ul></section>'
    )


def _abstention(answer: Answer, words: Phrases) -> str:
    nearest = "".join(
        f"<li>{_source_head(citation, words)}{_title(citation, words)}{_quote(citation)}</li>"
        for citation in answer.nearest
    )
    if nearest:
        nearest = (
            f'<details class="dl-nearest"><summary>{escape(words.nearest)}</summary>'
            f'<ul class="dl-sources">{nearest}</ul></details>'
        )
    return (
        f'<p class="dl-abstained"><span class="dl-icon" aria-hidden="true">∅</span> '
        f"<strong>{escape(words.abstained)}</strong></p>"
        f"<p>{escape(words.reasons.get(answer.reason, ''))}</p>"
        f"{_facts_list(answer.coverage, words)}{nearest}"
    )


def _statements(
    statements: Sequence[Statement], citations: Sequence[Citation], words: Phrases, *, quoted: bool
) -> str:
    by_index = {citation.index: citation for citation in citations}
    paragraphs = []
    for statement in statements:
        text = escape(statement.text)
        if quoted:
            text = f"<q>{text}</q>"
        cited = [by_index[index] for index in statement.citations if index in by_index]
        chips = "".join(_chip(citation, words) for citation in cited)
        if not all(citation.verified for citation in cited):
            way = _attributes(words.language)
            chips += f'<span class="dl-flag"{way}>⚠ {escape(words.unverified)}</span>'
        paragraphs.append(
            f'<p class="dl-statement"{_attributes(statement.language)}>'
            f'{text}<span class="dl-chips">&nbsp;{chips}</span></p>'
        )
    return "".join(paragraphs)


def _chip(citation: Citation, words: Phrases) -> str:
    doubt = "" if citation.verified else f" ({words.unverified})"
    described = words.comma.join(
        filter(None, (citation.source, _day(citation.published_at), citation.title))
    )
    return (
        f'<button type="button" class="dl-cite{" dl-doubt" if doubt else ""}" dir="ltr" '
        f'{_target(citation)} title="{escape(described + doubt)}" '
        f'aria-label="[{citation.index}] {escape(described + doubt)}">[{citation.index}]</button>'
    )


def _source_list(answer: Answer, words: Phrases) -> str:
    said = {statement.text for statement in answer.statements}
    by_article: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        by_article.setdefault(citation.article_id, []).append(citation)
    items = []
    for group in by_article.values():
        chips = "".join(_chip(citation, words) for citation in group)
        # A quoted statement is its own sentence: it stands above, beside its number.
        quotes = "".join(
            ("" if each.cited_text in said else _quote(each)) + _translation(each, words) for each in group
        )
        doubts = "".join(_doubt(each, words) for each in group if not each.verified)
        items.append(
            f'<li><span class="dl-numbers">{chips}</span> {_source_head(group[0], words)}'
            f"{_title(group[0], words)}{quotes}{doubts}{_also(group, words)}</li>"
        )
    if not items:
        return ""
    return (
        f'<section class="dl-source-list"><h3>{escape(words.sources)}</h3>'
        f'<ul class="dl-sources">{"".join(items)}</ul></section>'
    )


def _source_head(cited: Citation, words: Phrases) -> str:
    facts = [
        f"<bdi>{escape(cited.source)}</bdi>" if cited.source else "",
        _time(cited.published_at, words),
        _language_tag(cited.language),
    ]
    return f'<span class="dl-facts">{_joined(facts)}</span>'


def _title(cited: Citation, words: Phrases) -> str:
    original = _link(cited.url, f"{escape(words.original)} ↗", "dl-original")
    return (
        f'<div class="dl-title"><button type="button" class="dl-open" {_target(cited)}'
        f"{_attributes(cited.language)}>{escape(cited.title or cited.article_id)}</button> {original}</div>"
    )


def _quote(cited: Citation) -> str:
    return (
        f'<blockquote class="dl-quote"{_attributes(cited.language)}>'
        f'<button type="button" class="dl-open" {_target(cited)}>{escape(cited.cited_text)}</button>'
        "</blockquote>"
    )


def _translation(cited: Citation, words: Phrases) -> str:
    if not cited.translation:
        return ""
    return (
        f'<p class="dl-translation"{_attributes(words.language)}><span>{escape(words.translation)}:</span> '
        f"{escape(cited.translation)}</p>"
    )


def _doubt(cited: Citation, words: Phrases) -> str:
    reason = f': <bdi lang="en">{escape(cited.reason)}</bdi>' if cited.reason else ""
    return (
        f'<p class="dl-unverified"><span aria-hidden="true">⚠ </span><bdi dir="ltr">[{cited.index}]</bdi> '
        f"{escape(words.unverified)}{reason}</p>"
    )


def _also(group: Iterable[Citation], words: Phrases) -> str:
    copies: dict[str, Source] = {}
    for citation in group:
        for copy in citation.also_in:
            copies.setdefault(copy.article_id, copy)
    if not copies:
        return ""
    shown = words.comma.join(
        f'<button type="button" class="dl-open" {_target(copy)} title="{escape(copy.title)}">'
        f"<bdi>{escape(copy.source or copy.title or copy.article_id)}</bdi></button> "
        f"({_time(copy.published_at, words)})"
        for copy in copies.values()
    )
    return f'<p class="dl-also">{escape(words.also)} {shown}</p>'


def _receipt(summary: str, coverage: Coverage, words: Phrases) -> str:
    return (
        f'<details class="dl-receipt"><summary><bdi>{escape(summary)}</bdi> · '
        f"{escape(words.articles)}: {coverage.articles:,}</summary>{_facts_list(coverage, words)}</details>"
    )


def _facts_list(coverage: Coverage, words: Phrases) -> str:
    facts = _facts(coverage, words, _bdi)
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in facts)
    return f'<dl class="dl-coverage">{rows}</dl>'


def _marked(article: Article, start: int, end: int) -> str:
    """The article's paragraphs; the characters from start to end stand in <mark>."""
    paragraphs = []
    at = 0
    for line in article.text.splitlines(keepends=True):
        a, z = (min(max(edge - at, 0), len(line)) for edge in (start, end))
        before, marked, after = (escape(part) for part in (line[:a], line[a:z], line[z:]))
        at += len(line)
        if line.strip():
            mark = f"<mark>{marked}</mark>" if marked.strip() else marked
            paragraphs.append(f"<p>{before}{mark}{after}</p>")
    return "".join(paragraphs)


def _target(cited: Citation | Source) -> str:
    """What a click opens."""
    return (
        f'data-article="{escape(cited.article_id)}" data-start="{cited.start_char}" '
        f'data-end="{cited.end_char}" data-version="{escape(cited.version)}"'
    )


def _attributes(language: str) -> str:
    """The `lang` and `dir` of an element; the browser judges a text of unknown language."""
    if not language:
        return ' dir="auto"'
    return f' lang="{escape(language)}" dir="{"rtl" if is_right_to_left(language) else "ltr"}"'


def _time(published_at: str, words: Phrases, *, exact: bool = False) -> str:
    if not published_at:
        return f"<span>{escape(words.undated)}</span>"
    shown = _to_the_minute(published_at) if exact else _day(published_at)
    return f'<time dir="ltr" datetime="{escape(published_at)}">{escape(shown)}</time>'


def _language_tag(language: str) -> str:
    return f"<bdi{_attributes(language)}>{escape(language_name(language))}</bdi>" if language else ""


def _link(url: str, shown: str, kind: str) -> str:
    """A link, when the address is one of the web; what else calls itself a URL is left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return (
        f'<a class="{kind}" dir="auto" href="{escape(url)}" target="_blank" '
        f'rel="noopener noreferrer nofollow">{shown}</a>'
    )


def _joined(facts: Iterable[str]) -> str:
    return ' <span aria-hidden="true">·</span> '.join(filter(None, facts))


# --- what both have in common -------------------------------------------------------------------


def _facts(coverage: Coverage, words: Phrases, show: Callable[[str], str]) -> list[tuple[str, str]]:
    """Names and values of a coverage receipt; `show` sets a value off from its surroundings."""

    def several(values: Sequence[str]) -> str:
        shown = [show(value) for value in values[:_SHOWN_SOURCES]]
        if len(values) > _SHOWN_SOURCES:
            shown.append(words.more.format(n=len(values) - _SHOWN_SOURCES))
        return words.comma.join(shown)

    days = dict.fromkeys(filter(None, (_day(coverage.published_from), _day(coverage.published_to))))
    facts = [
        (words.articles, f"{coverage.articles:,}"),
        (words.published, show(" – ".join(days)) if days else ""),
        (words.languages, several([language_name(code) for code in coverage.languages])),
        (words.outlets, several(coverage.sources)),
        (words.filters, _filters(coverage.filters, words, several) or words.none),
    ]
    return [(label, value) for label, value in facts if value]


def _period_text(period: Period, words: Phrases, show: Callable[[str], str]) -> str:
    """Which time counts. A day among right-to-left letters reads backwards unless it is set off."""
    ends = [
        f"{name} {show(end)}"
        for name, end in ((words.since, period.start), (words.until, period.end))
        if end
    ]
    template = words.happened if period.about == "events" else words.printed
    anchor = f" ({show(period.anchor)})" if period.anchor else ""
    return template.format(when=" ".join(ends)) + anchor


def _bdi(value: str) -> str:
    return f"<bdi>{escape(value)}</bdi>"


def _isolated_in(words: Phrases) -> Callable[[str], str]:
    """Sets values off in plain text: all of them where the words around run right to left."""
    right_to_left = is_right_to_left(words.language)
    return lambda value: _isolated(value, always=right_to_left)


def _filters(filters: Filters, words: Phrases, several: Callable[[Sequence[str]], str]) -> str:
    named = [
        (words.since, [filters.published_from] if filters.published_from else []),
        (words.until, [filters.published_to] if filters.published_to else []),
        (words.languages, [language_name(code) for code in filters.languages]),
        (words.outlets, filters.sources),
        ("id", filters.articles),
    ]
    return words.comma.join(f"{name} {several(values)}" for name, values in named if values)


def _day(published_at: str) -> str:
    return published_at[:10]


def _to_the_minute(published_at: str) -> str:
    """2024-04-01T15:10:00+03:00 as 2024-04-01 15:10 +03:00."""
    return re.sub(r"T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?", r" \1 ", published_at).strip()


# --- plain text ---------------------------------------------------------------------------------


def _with_numbers(statement: Statement) -> str:
    numbers = "".join(f"[{index}]" for index in statement.citations)
    if not numbers:
        return statement.text
    if _is_right_to_left_text(statement.text):
        # The mark keeps the full stop with its sentence on screens that lay lines out left to right.
        return f"{statement.text}{_RLM} {_FSI}{numbers}{_PDI}"
    return f"{statement.text} {numbers}"


def _source_line(cited: Citation | Source, words: Phrases) -> str:
    language = f" ({cited.language})" if isinstance(cited, Citation) and cited.language else ""
    facts = filter(None, (_isolated(cited.source), _day(cited.published_at) or _isolated(words.undated)))
    title = f": {_isolated(cited.title)}" if cited.title else ""
    return f"{', '.join(facts)}{language}{title}"


def _isolated(text: str, *, always: bool = False) -> str:
    """The text with isolates around it, where it would reorder its neighbours or they it."""
    if text and (always or _is_right_to_left_text(text, anywhere=True)):
        return f"{_FSI}{text}{_PDI}"
    return text


def _is_right_to_left_text(text: str, *, anywhere: bool = False) -> bool:
    """Whether its first strong character (or any one) runs right to left."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    strong = (kind != "L" for kind in kinds if kind in ("L", "R", "AL"))
    return any(strong) if anywhere else next(strong, False)


def _indented(*lines: str) -> list[str]:
    return [f"    {line}" for line in lines if line]
