"""Small pieces of HTML about what is cited: numbers, days, languages, links.

Whatever comes from an article, a question or a model is escaped, and every run of it carries its own
language and direction.
"""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from index.language import is_right_to_left
from rag.types import Citation, Source
from ui.phrases import Phrases, language_name


def chip(cited: Citation, words: Phrases, card: str = "") -> str:
    """The number of a citation, which opens it; `card` is the id of what pointing at it shows."""
    doubt = "" if cited.verified else f" ({words.unverified})"
    described = words.comma.join(filter(None, (cited.source, day(cited.published_at), cited.title))) + doubt
    more = f'aria-describedby="{escape(card)}"' if card else f'title="{escape(described)}"'
    return (
        f'<button type="button" class="dl-cite{" dl-doubt" if doubt else ""}" dir="ltr" {target(cited)} '
        f'{more} aria-label="[{cited.index}] {escape(described)}">[{cited.index}]</button>'
    )


def target(cited: Citation | Source) -> str:
    """What a click opens."""
    return (
        f'data-article="{escape(cited.article_id)}" data-start="{cited.start_char}" '
        f'data-end="{cited.end_char}" data-version="{escape(cited.version)}"'
    )


def attributes(language: str) -> str:
    """The `lang` and `dir` of an element; the browser judges a text of unknown language."""
    if not language:
        return ' dir="auto"'
    return f' lang="{escape(language)}" dir="{"rtl" if is_right_to_left(language) else "ltr"}"'


def time_tag(published_at: str, words: Phrases, *, exact: bool = False) -> str:
    """The day of publication, with `exact` the minute too, or that there is none."""
    if not published_at:
        return f"<span>{escape(words.undated)}</span>"
    shown = to_the_minute(published_at) if exact else day(published_at)
    return f'<time dir="ltr" datetime="{escape(published_at)}">{escape(shown)}</time>'


def language_tag(language: str) -> str:
    """A language by its own name."""
    return f"<bdi{attributes(language)}>{escape(language_name(language))}</bdi>" if language else ""


def link(url: str, shown: str, kind: str) -> str:
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


def joined(facts: Iterable[str]) -> str:
    """Facts in a row; those that are empty are left out."""
    return ' <span aria-hidden="true">·</span> '.join(filter(None, facts))


def bdi(value: str) -> str:
    """A text set off from its surroundings, which may run the other way."""
    return f"<bdi>{escape(value)}</bdi>"


def day(published_at: str) -> str:
    """The day of a time in ISO 8601."""
    return published_at[:10]


def to_the_minute(published_at: str) -> str:
    """2024-04-01T15:10:00+03:00 as 2024-04-01 15:10 +03:00."""
    return re.sub(r"T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?", r" \1 ", published_at).strip()
