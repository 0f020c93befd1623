"""An answer as a document: blocks in order, whatever file they are then written to.

The words around the articles' own are in the answer's language. Each piece of text carries its
own language, since a Persian sentence may cite an English one.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from index.language import is_right_to_left
from index.types import Coverage, Filters
from rag.types import Answer, Citation, Period, Source
from ui.phrases import Phrases, language_name, phrases
from ui.render import abstention_text

Kind = Literal["title", "note", "statement", "heading", "source", "quote", "detail", "doubt", "fact"]
Shape = Literal["plain", "value", "strong", "number", "link"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text.

    Only `plain` text flows with what is beside it; the others must be set off from it, or a date would
    read backwards among right-to-left letters. A number points to the source that it names; a link's
    text is its address.
    """

    text: str
    language: str = ""
    shape: Shape = "plain"


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph; it runs as its language does, or as its first letters when that is not known.

    `number` is that of the citation which a source begins, 0 elsewhere.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    language: str = ""
    number: int = 0

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def outline(answer: Answer, asked_at: str = "") -> tuple[Block, ...]:
    """The blocks of an answer or abstention, from the question to what was searched."""
    return tuple(_blocks(answer, asked_at, phrases(answer.language)))


def _blocks(answer: Answer, asked_at: str, words: Phrases) -> Iterator[Block]:
    def block(kind: Kind, *pieces: Piece) -> Block:
        return Block(kind, pieces, words.language)

    yield Block("title", (Piece(answer.question),))
    if answer.standalone_question:
        yield block("note", _plain(f"{words.searched_for}: ", words), _value(answer.standalone_question))
    if answer.period:
        yield block("note", *_period(answer.period, words))
    if answer.abstained:
        yield block("statement", Piece(abstention_text(answer), words.language, "strong"))
    else:
        yield from _statements(answer, words)
        yield from _disagreements(answer, words)
    cited = answer.nearest if answer.abstained else answer.citations
    if cited:
        yield block("heading", _plain(words.nearest if answer.abstained else words.sources, words))
    for citation in cited:
        yield from _source(citation, words, numbered=not answer.abstained)
    yield block("heading", _plain(words.articles, words))
    if not answer.abstained:
        how = words.written.format(model=answer.model) if answer.model else words.quoted
        yield block("fact", _plain(how, words))
    for label, pieces in _facts(answer.coverage, words):
        yield block("fact", _plain(f"{label}: ", words), *pieces)
    if asked_at:
        yield block("fact", _value(f"Dateline, {asked_at[:16].replace('T', ' ')} UTC", "en"))


def _plain(text: str, words: Phrases) -> Piece:
    return Piece(text, words.language)


def _value(text: str, language: str = "") -> Piece:
    return Piece(text, language, "value")


def _number(index: int) -> Piece:
    return Piece(f"[{index}]", "", "number")


def _listed(pieces: Iterable[Piece], words: Phrases) -> tuple[Piece, ...]:
    """The pieces with the language's comma between them."""
    separated = [piece for each in pieces if each.text for piece in (_plain(words.comma, words), each)]
    return tuple(separated[1:])


def _statements(answer: Answer, words: Phrases) -> Iterator[Block]:
    verified = {citation.index: citation.verified for citation in answer.citations}
    for statement in answer.statements:
        pieces = [Piece(statement.text, statement.language), Piece(" ", statement.language)]
        pieces += [_number(index) for index in statement.citations if index in verified]
        if not all(verified.get(index, True) for index in statement.citations):
            pieces += [Piece(" ", statement.language), _value(f"⚠ {words.unverified}", words.language)]
        yield Block("statement", tuple(pieces), statement.language)


def _disagreements(answer: Answer, words: Phrases) -> Iterator[Block]:
    if answer.disagreements:
        yield Block("heading", (_plain(words.disagree, words),), words.language)
    for each in answer.disagreements:
        pieces = [_plain(f"{words.counted.get(each.about, each.about)}: ", words)]
        for place, side in enumerate(each.sides):
            pieces += [_plain(" / ", words)] if place else []
            pieces += [_value(words.counted.get(side.says, side.says)), _plain(" ", words)]
            pieces += [_number(index) for index in side.citations]
        yield Block("statement", tuple(pieces), words.language)


def _source(cited: Citation, words: Phrases, *, numbered: bool) -> Iterator[Block]:
    def block(kind: Kind, *pieces: Piece, number: int = 0) -> Block:
        return Block(kind, pieces, words.language, number)

    index = cited.index if numbered else 0
    head = (_number(index), _plain(" ", words)) if index else ()
    title = Piece(cited.title, cited.language, "strong")
    language = _value(language_name(cited.language) if cited.language else "", cited.language)
    yield block("source", *head, *_listed((title, *_outlet(cited, words), language), words), number=index)
    yield Block("quote", (Piece(cited.cited_text, cited.language),), cited.language)
    if cited.translation:
        yield block("detail", _plain(f"{words.translation}: ", words), _plain(cited.translation, words))
    if is_web_address(cited.url):
        yield block("detail", Piece(cited.url, "en", "link"))
    for copy in cited.also_in:
        link = Piece(copy.url if is_web_address(copy.url) else "", "en", "link")
        told = _listed((*_outlet(copy, words), _value(copy.title), link), words)
        yield block("detail", _plain(f"{words.also} ", words), *told)
    if not cited.verified:
        reason = (_plain(": ", words), _value(cited.reason, "en")) if cited.reason else ()
        yield block("doubt", _plain(f"⚠ {words.unverified}", words), *reason)


def _outlet(cited: Citation | Source, words: Phrases) -> tuple[Piece, Piece]:
    day = cited.published_at[:10]
    return _value(cited.source), _value(day) if day else _value(words.undated, words.language)


def _period(period: Period, words: Phrases) -> Iterator[Piece]:
    template = words.happened if period.about == "events" else words.printed
    before, _, after = template.partition("{when}")
    yield _plain(before, words)
    ends = [(name, end) for name, end in ((words.since, period.start), (words.until, period.end)) if end]
    for place, (name, end) in enumerate(ends):
        yield _plain(f"{' ' if place else ''}{name} ", words)
        yield _value(end)
    yield _plain(after, words)
    if period.anchor:
        yield from (_plain(" (", words), _value(period.anchor), _plain(")", words))


def _facts(coverage: Coverage, words: Phrases) -> Iterator[tuple[str, tuple[Piece, ...]]]:
    """What was searched: the label and the value of each fact that there is."""
    days = dict.fromkeys(filter(None, (coverage.published_from[:10], coverage.published_to[:10])))
    facts = (
        (words.articles, (_value(f"{coverage.articles:,}"),)),
        (words.published, (_value(" – ".join(days)),) if days else ()),
        (words.languages, _listed(map(_language, coverage.languages), words)),
        (words.outlets, _listed(map(_value, coverage.sources), words)),
        (words.filters, tuple(_narrowed(coverage.filters, words)) or (_plain(words.none, words),)),
    )
    return (fact for fact in facts if fact[1])


def _narrowed(filters: Filters, words: Phrases) -> Iterator[Piece]:
    named = (
        (words.since, map(_value, filter(None, [filters.published_from]))),
        (words.until, map(_value, filter(None, [filters.published_to]))),
        (words.languages, map(_language, filters.languages)),
        (words.outlets, map(_value, filters.sources)),
        ("id", map(_value, filters.articles)),
    )
    first = True
    for name, values in named:
        if pieces := _listed(values, words):
            yield _plain(f"{'' if first else words.comma}{name} ", words)
            yield from pieces
            first = False


def _language(code: str) -> Piece:
    return _value(language_name(code), code)


def is_web_address(url: str) -> bool:
    """Whether a link may lead there; what else calls itself a URL is left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def runs_right_to_left(block: Block) -> bool:
    """The direction of a block, by its language or else by the first letter that has one."""
    if block.language:
        return is_right_to_left(block.language)
    return starts_right_to_left(block.text)


def starts_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs right to left."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)
