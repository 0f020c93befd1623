"""Answers and articles as HTML for the chat page and as plain text for a terminal.

Pure functions. Whatever comes from an article, a question or a model is escaped, and every run of
it carries its own language and direction: a Persian sentence may quote an English headline, and
the brackets and dates beside it must stay where they belong.
"""

import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from typing import Literal

from index.language import is_right_to_left
from index.types import Article, Coverage, Filters
from rag.claims import Claim
from rag.timeline import Entry
from rag.types import Answer, Citation, Period, Source, Statement
from ui.cards import card_id, cards, disagreement_columns, quote, source_head, source_list, title_line
from ui.fragments import attributes, bdi, chip, day, joined, language_tag, link, time_tag
from ui.phrases import Phrases, language_name, phrases

# Isolate, end of isolate, right-to-left mark: what plain text has in place of `dir`.
_FSI, _PDI, _RLM = "\u2068", "\u2069", "\u200f"
_SHOWN_SOURCES = 8


def answer_to_html(answer: Answer, key: str = "", *, again: str = "", tail: str = "") -> str:
    """A whole answer, or an abstention, with its sources and what was searched.

    On a page with several answers `key` tells them apart, and pointing at a number shows its card. `again`
    names the button that asks without the time that was read from the question; `tail` is HTML of the page.
    """
    words = phrases(answer.language)
    followed = _followed(answer.standalone_question, words) + _narrowed(answer.period, words, again)
    if answer.abstained:
        return _answer_block("dl-abstention", words, followed + _abstention(answer, words) + tail, key)
    written = words.written.format(model=answer.model) if answer.model else words.quoted
    return _answer_block(
        "dl-grounded",
        words,
        followed
        + _statements(answer.statements, answer.citations, words, quoted=not answer.model, key=key)
        + disagreement_columns(answer, words, key)
        + source_list(answer.statements, answer.citations, words)
        + _receipt(written, answer.coverage, words)
        + tail
        + (cards(answer.citations, words, key) if key else ""),
        key,
    )


def unfinished_to_html(
    statements: Sequence[Statement],
    citations: Sequence[Citation],
    *,
    language: str,
    quoted: bool,
    state: Literal["working", "stopped", "failed"] = "working",
    key: str = "",
) -> str:
    """The part of an answer that has arrived so far, or had when it was stopped or failed."""
    words = phrases(language)
    written = _statements(statements, citations, words, quoted=quoted, key=key)
    if written and key:
        written += cards(citations, words, key)
    if state == "failed":
        return _answer_block("dl-failed", words, written, key) if written else ""
    if state == "stopped":
        note = f'<p class="dl-note">{escape(words.stopped)}</p>'
        return _answer_block("dl-stopped", words, written + note, key)
    dots = '<span aria-hidden="true"></span>'
    note = f'<p class="dl-working" role="status">{escape(words.working)}{dots}</p>'
    return _answer_block("dl-unfinished", words, written + note, key)


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
    tools: str = "",
) -> str:
    """An article with one stretch of its text marked; `language` is the reader's.

    `replaced_at` is when a newer text came in; `stands` says whether the stretch is in that, too.
    `tools` is HTML of the page, above the text.
    """
    words = phrases(language)
    start, end = highlight or (0, 0)
    if not 0 <= start < end <= len(article.text):
        start = end = 0
    facts = [
        f"<bdi>{escape(article.source)}</bdi>" if article.source else "",
        time_tag(article.published_at, words, exact=True),
        language_tag(article.language),
        f"<bdi>{escape(words.comma.join(article.authors))}</bdi>" if article.authors else "",
    ]
    address = link(article.url, escape(article.url), "dl-url")
    way = f' dir="{"rtl" if is_right_to_left(article.language) else "ltr"}"'
    return (
        f'<article class="dl-article" tabindex="-1" data-article="{escape(article.id)}" '
        f'data-start="{start}" data-end="{end}" aria-label="{escape(article.title or article.id)}">'
        f"<h2{attributes(article.language)}>{escape(article.title)}</h2>"
        f'<p class="dl-facts"{way}>{joined(facts)}</p>'
        f'<p class="dl-facts"{way}>{address}</p>'
        f"{tools}{_changed(replaced_at, stands, words)}"
        f'<div class="dl-text"{attributes(article.language)}>{_marked(article, start, end)}</div>'
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


def coverage_list(coverage: Coverage, words: Phrases) -> str:
    """What was searched, as a list of names and values."""
    facts = _facts(coverage, words, bdi)
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in facts)
    return f'<dl class="dl-coverage">{rows}</dl>'


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


def _answer_block(kind: str, words: Phrases, inside: str, key: str = "") -> str:
    name = f' data-exchange="{escape(key)}"' if key else ""
    way = attributes(words.language)
    return f'<div class="dl-answer {kind}" data-language="{words.language}"{name}{way}>{inside}</div>'


def _followed(standalone_question: str, words: Phrases) -> str:
    if not standalone_question:
        return ""
    question = f'<bdi class="dl-standalone">{escape(standalone_question)}</bdi>'
    return f'<p class="dl-note">{escape(words.searched_for)}: {question}</p>'


def _narrowed(period: Period | None, words: Phrases, again: str) -> str:
    """Which time counts, and the button that takes it away."""
    if period is None:
        return ""
    text = f"<span>{_period_text(period, words, bdi)}</span>"
    if again:
        named = f'aria-label="{escape(again)}" title="{escape(again)}"'
        text += f' <button type="button" class="dl-remove" data-again="any-time" {named}>×</button>'
    return f'<p class="dl-note dl-period">{text}</p>'


def _abstention(answer: Answer, words: Phrases) -> str:
    nearest = "".join(
        f"<li>{source_head(citation, words)}{title_line(citation, words)}{quote(citation)}</li>"
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
        f"{coverage_list(answer.coverage, words)}{nearest}"
    )


def _statements(
    statements: Sequence[Statement],
    citations: Sequence[Citation],
    words: Phrases,
    *,
    quoted: bool,
    key: str = "",
) -> str:
    by_index = {citation.index: citation for citation in citations}
    paragraphs = []
    for statement in statements:
        text = escape(statement.text)
        if quoted:
            text = f"<q>{text}</q>"
        cited = [by_index[index] for index in statement.citations if index in by_index]
        chips = "".join(chip(each, words, card_id(key, each.index) if key else "") for each in cited)
        if not all(citation.verified for citation in cited):
            way = attributes(words.language)
            chips += f'<span class="dl-flag"{way}>⚠ {escape(words.unverified)}</span>'
        paragraphs.append(
            f'<p class="dl-statement"{attributes(statement.language)}>'
            f'{text}<span class="dl-chips">&nbsp;{chips}</span></p>'
        )
    return "".join(paragraphs)


def _receipt(summary: str, coverage: Coverage, words: Phrases) -> str:
    return (
        f'<details class="dl-receipt"><summary><bdi>{escape(summary)}</bdi> · '
        f"{escape(words.articles)}: {coverage.articles:,}</summary>"
        f"{coverage_list(coverage, words)}</details>"
    )


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


# --- what both have in common -------------------------------------------------------------------


def _facts(coverage: Coverage, words: Phrases, show: Callable[[str], str]) -> list[tuple[str, str]]:
    """Names and values of a coverage receipt; `show` sets a value off from its surroundings."""

    def several(values: Sequence[str]) -> str:
        shown = [show(value) for value in values[:_SHOWN_SOURCES]]
        if len(values) > _SHOWN_SOURCES:
            shown.append(words.more.format(n=len(values) - _SHOWN_SOURCES))
        return words.comma.join(shown)

    days = dict.fromkeys(filter(None, (day(coverage.published_from), day(coverage.published_to))))
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
    facts = filter(None, (_isolated(cited.source), day(cited.published_at) or _isolated(words.undated)))
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
