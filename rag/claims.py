"""Who said, warned, denied or claimed what, to whom: rows, each with its sentence.

By rule for the commonest reporting verbs of four languages, and then partial: a sentence that does
not plainly say who speaks gives no row. With a language model, by it, and each row checked by rule.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ValidationError

from index.cldr import language_name
from index.fold import clean
from index.types import Hit
from rag import prompts
from rag.cite import cite
from rag.copies import by_text, folded
from rag.errors import ModelReplyError
from rag.llm import LLM
from rag.names import check_names
from rag.pack import Numbered, pack
from rag.sayings import find_sayings
from rag.stance import ACTS, NEGATIVE_ACTS, TELLING_ACTS, is_negated, kinds_of_acts
from rag.types import Citation, Evidence, When
from rag.verify import verify
from rag.when import when

Stance = Literal["asserts", "denies"]

MAX_ROWS = 40
# A table of claims wants the whole story: sentences may score this much less than the best one.
MARGIN = 0.5
# Acts of words, which can be claimed; "attacked" and "sent" are deeds.
SPOKEN = (*TELLING_ACTS, "say")


@dataclass(frozen=True, slots=True)
class Claim:
    """One act of speech. `addressee` is empty when the sentence names none.

    `act` is one of `SPOKEN`. `content` is what was said, `when` the time that the sentence tells of,
    `reported_by` the outlet and whoever it quotes. `citation.verified` is the verdict on the row.
    """

    speaker: str
    act: str
    addressee: str
    content: str
    when: When | None
    reported_by: tuple[str, ...]
    stance: Stance
    citation: Citation


def claims_by_rule(evidence: Evidence) -> tuple[Claim, ...]:
    """The claims that the evidence's sentences tell in plain words, best sentence first.

    Speaker, addressee and content are the sentence's own words.
    """
    rows: list[Claim] = []
    for hit in _sentences(evidence):
        for row in _rows(hit):
            if all(_key(row) != _key(other) for other in rows):
                rows.append(row)
    return _numbered(rows[:MAX_ROWS])


async def claims_by_model(llm: LLM, evidence: Evidence, context_tokens: int) -> tuple[Claim, ...]:
    """The claims that a language model reads from the evidence, each checked. Raises ModelError."""
    packed = pack(evidence, context_tokens)
    request = prompts.CLAIMS.format(
        articles=packed.text,
        question=prompts.neutral(evidence.question),
        language=language_name(evidence.language) or prompts.SAME_LANGUAGE,
        acts=", ".join(SPOKEN),
    )
    reply = await llm.complete([{"role": "user", "content": request}], schema=_Reply.model_json_schema())
    try:
        found = _Reply.model_validate_json(prompts.json_of(reply))
    except ValidationError as error:
        raise ModelReplyError(
            f"the model {llm.model!r} did not write its table of claims in the agreed form: ask again, "
            "or set another model."
        ) from error
    rows = [
        _checked(row, packed.sentences[row.sentence - 1])
        for row in found.claims
        if 1 <= row.sentence <= len(packed.sentences) and row.speaker.strip() and row.act in SPOKEN
    ]
    return _numbered(rows[:MAX_ROWS])


class _Row(BaseModel):
    speaker: str
    act: str
    addressee: str
    content: str
    reported_by: str
    stance: Stance
    sentence: int


class _Reply(BaseModel):
    claims: list[_Row]


def _sentences(evidence: Evidence) -> Iterator[Hit]:
    """The evidence's sentences, each text once."""
    for first, *_ in by_text(evidence.hits):
        if first.score >= evidence.hits[0].score - MARGIN:
            yield first


def _rows(hit: Hit) -> Iterator[Claim]:
    text = hit.sentence.text
    sayings = find_sayings(text)
    for saying in sayings:
        inside = [other for other in sayings if other is not saying and other.speaker in saying.content]
        if saying.act == "say" and inside:
            # "Reuters said that Iran warned Russia": Reuters reports, Iran speaks.
            continue
        quoted = [o.speaker for o in sayings if o.act == "say" and saying.speaker in o.content]
        yield Claim(
            speaker=saying.speaker,
            act=saying.act,
            addressee=saying.addressee,
            content=saying.content,
            when=when(text, hit.article.published_at),
            reported_by=tuple(dict.fromkeys(filter(None, (*quoted, hit.article.source)))),
            stance="denies" if saying.denied else "asserts",
            citation=cite(hit.article, hit.sentence),
        )


def _checked(row: _Row, cited: Numbered) -> Claim:
    article, sentence = cited.article, cited.sentence
    text = sentence.text
    told = kinds_of_acts(text)
    reason = (
        (
            ""
            if row.act in told or row.act == "say"
            else f"the cited sentence tells of no act of the kind {row.act!r}"
        )
        or check_names(f"{row.speaker}. {row.addressee}", [text], [article.source, *article.authors])
        or _wrong_stance(row, text)
        or verify(
            row.content,
            "",
            [text],
            published=[article.published_at],
            known=[article.source, row.speaker, row.addressee],
        )
    )
    if reason and row.stance == "denies" and reason == "the cited sentences tell of a denial":
        # What was denied is told without the denial: the row's stance says it.
        reason = ""
    return Claim(
        speaker=row.speaker.strip(),
        act=row.act,
        addressee=row.addressee.strip(),
        content=row.content.strip(),
        when=when(text, article.published_at),
        reported_by=tuple(dict.fromkeys(filter(None, (row.reported_by.strip(), article.source)))),
        stance=row.stance,
        citation=cite(article, sentence, reason=reason),
    )


def _wrong_stance(row: _Row, text: str) -> str:
    denied = bool(kinds_of_acts(text) & NEGATIVE_ACTS) or any(is_negated(text, kind) for kind in ACTS)
    if row.stance == "denies" and not denied:
        return "the cited sentence denies nothing"
    if row.act in NEGATIVE_ACTS and row.stance == "asserts":
        return "the cited sentence tells of a denial"
    return ""


def _key(row: Claim) -> tuple[str, ...]:
    return (clean(row.speaker), row.act, clean(row.addressee), folded(row.citation.cited_text))


def _numbered(rows: Sequence[Claim]) -> tuple[Claim, ...]:
    """Rows with citations from 1 on; rows of one sentence and verdict share one."""
    indexes: dict[tuple[str, int, str], int] = {}
    numbered = []
    for row in rows:
        cited = row.citation
        key = (cited.article_id, cited.start_char, cited.reason)
        index = indexes.setdefault(key, len(indexes) + 1)
        numbered.append(replace(row, citation=replace(cited, index=index)))
    return tuple(numbered)
