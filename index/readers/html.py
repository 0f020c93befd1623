"""HTML files: the article without the page around it; the only file that knows trafilatura."""

import codecs
import re
from collections.abc import Iterator
from copy import deepcopy
from html import unescape
from pathlib import Path
from typing import Any

from index.errors import UnreadableInputError
from index.readers.dated import date_in, said_date
from index.readers.file import LARGEST_MARKUP_BYTES, guess_encoding, load, marked_encoding, refuse_binary
from index.readers.found import Found
from index.readers.record import InputArticle, is_web_address, normal_date

_CHARSET = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,200}?encoding)\s*=\s*["']?\s*([\w:.-]{1,40})""", re.I
)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
# What the HTML standard reads as windows-1252, whatever it is called.
_REALLY_1252 = frozenset(("ascii", "iso8859-1", "latin-1"))
# The library drops the joiners that Persian and emoji are written with. Letters that no page has,
# of a script last written 3,200 years ago, stand for them on the way through.
_HIDE_JOINERS = str.maketrans("\u200c\u200d", "\U00010000\U00010001")
_SHOW_JOINERS = str.maketrans("\U00010000\U00010001", "\u200c\u200d")
_JOINER_ENTITY = re.compile(r"&(?:zwnj|zwj|#0*820[45]|#x0*200[cd]);", re.I)
# The library takes any date it sees for the page's own, and by default none after today.
_DATES = {
    "original_date": True,
    "extensive_search": False,
    "min_date": "1800-01-01",
    "max_date": "2200-01-01",
}
# Where a page says when it was published; not its headline, its text, or what it links to.
_SAYS_WHEN = re.compile(r"(?<![A-Za-z])(?:date|time(?!line)|pub|posted|byline)|Date|Time(?!line)|Published")
_BESIDE_THE_ARTICLE = re.compile(
    r"related|recommend|sidebar|teaser|more-|comment|footer|widget|promo", re.I
)
_LONGEST_DATE_LINE = 120
_SAID_IN_HEAD = (
    ".//meta[@property='article:published_time' or @itemprop='datePublished' or @name='date' "
    "or @name='pubdate' or @name='dc.date' or @name='DC.date.issued' or @name='parsely-pub-date']"
)
_SAID_IN_JSON = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')


def read_html(path: Path, article_id: str) -> Iterator[Found]:
    """One article: main text, title, authors, source, date and address as the page gives them."""
    page = decode_page(load(path, LARGEST_MARKUP_BYTES))
    page = _JOINER_ENTITY.sub(lambda entity: unescape(entity.group()), page)
    page = page.translate(_HIDE_JOINERS)
    try:
        document, published_at, language = _extract(page)
    except Exception as error:  # whatever a hostile page makes the library do
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnreadableInputError(f"cannot be understood as HTML: {reason}") from None
    if document is None or not (document.text or "").strip():
        raise UnreadableInputError(
            "has no article text that can be told from the rest of the page: save the text as .txt"
        )
    article = InputArticle(
        id=article_id,
        title=_joined(document.title),
        text=_joined(document.text),
        url=document.url if is_web_address(document.url or "") else "",
        source=_joined(document.sitename),
        authors=tuple(_joined(document.author).split(";")),
        published_at=published_at,
    )
    # A page's own word for its language is often its template's: only a hint.
    yield Found(article.to_article(likely=[language] if language else []), path)


def _joined(text: str | None) -> str:
    return (text or "").translate(_SHOW_JOINERS)


def decode_page(data: bytes) -> str:
    """The page's text: by its byte order mark, else as it declares, else UTF-8, else by a guess."""
    declared = _CHARSET.search(data[:4096])
    names = [marked_encoding(data), declared[1].decode("ascii", "replace") if declared else "", "utf-8"]
    if declared and re.match(rb"utf-?(16|32)", declared[1], re.I):
        names[1] = ""  # else that very declaration could not be read
    for name in filter(None, names):
        try:
            codec = codecs.lookup(name).name
            text = data.decode("windows-1252" if codec in _REALLY_1252 else codec)
        except (LookupError, ValueError):
            continue
        break
    else:
        text = data.decode(guess_encoding(data) or "utf-8", "replace")
    refuse_binary(text)
    return _XML_DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)


def _extract(page: str) -> tuple[Any, str, str]:
    """The document that trafilatura finds, its date and its language's code; both may be empty."""
    # Takes a while to import, and most archives are not HTML.
    from trafilatura import bare_extraction, load_html
    from trafilatura.metadata import extract_metadata

    tree = load_html(page)
    if tree is None:
        return None, "", ""
    bare = _without_prose(deepcopy(tree))
    dated = extract_metadata(deepcopy(bare), date_config=_DATES).date or ""
    language = (tree.get("lang") or "").split("-")[0].strip().lower()
    document = bare_extraction(
        tree, with_metadata=True, include_comments=False, date_extraction_params=_DATES
    )
    return document, _published(bare, normal_date(dated) if dated else ""), language


def _published(tree: Any, found: str) -> str:
    """The date with its time and zone, where the page gives them; one that only we can read, if none."""
    said = [element.get("content") or "" for element in tree.xpath(_SAID_IN_HEAD)]
    said += [element.get("datetime") or "" for element in tree.iter("time")]
    said += [when for script in tree.iter("script") for when in _SAID_IN_JSON.findall(script.text or "")]
    for text in said:
        if (moment := said_date(text)) and moment.startswith(found):
            return moment
    if found:
        return found
    shown = (date_in(_joined(element.text_content())) for body in tree.xpath("./body") for element in body)
    return next(filter(None, shown), "")


def _without_prose(tree: Any) -> Any:
    """The page with nothing left in it but its metadata and the places where it says its date.

    A date in the headline or the text is when something happened, and one beside the article is when
    another was published: taken for this article's date, each would be an invention.
    """
    for element in tree.xpath(".//head//title"):
        element.getparent().remove(element)
    for body in tree.xpath("./body"):
        kept = [
            element
            for element in body.iter("time", "abbr", "script", "p", "span", "div")
            if _is_dated(element)
        ]
        copies = [deepcopy(element) for element in kept]
        for child in list(body):
            body.remove(child)
        body.text = None
        for element in copies:
            element.tail = None
            body.append(element)
    return tree


def _is_dated(element: Any) -> bool:
    if element.tag == "script":
        return "ld+json" in (element.get("type") or "")
    names = " ".join(element.get(name) or "" for name in ("class", "id", "itemprop"))
    says_when = element.tag in ("time", "abbr") or _SAYS_WHEN.search(names)
    if not says_when or len(element.text_content()) > _LONGEST_DATE_LINE:
        return False
    around = [names, *(f"{a.get('class') or ''} {a.get('id') or ''}" for a in element.iterancestors())]
    tags = {ancestor.tag for ancestor in element.iterancestors()}
    return not (tags & {"aside", "nav", "footer", "li"} or _BESIDE_THE_ARTICLE.search(" ".join(around)))
