"""Does a statement say what its sentences say? Checked by rule, without a language model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.dates import find_dates
from index.fold import fold
from rag.dates import check_dates
from rag.names import check_names
from rag.numbers import check_numbers, find_numbers
from rag.stance import check_direction, check_speaker, check_stance, is_persian

# For each statement with its sentences, how near in meaning it is to the nearest of them.
Similarity = Callable[[Sequence[tuple[str, Sequence[str]]]], list[float]]

# Centred cosine of the best sentence, below which a statement is about something else: none of the
# true pairs of tests/data/verify_pairs.jsonl lies below, and nine in ten statements beside a sentence
# that is not theirs do.
MIN_SIMILARITY = 0.33


def verify(
    statement: str,
    statement_language: str,
    sentences: Sequence[str],
    *,
    published: Sequence[str] = (),
    known: Sequence[str] = (),
) -> str:
    """Empty when the statement holds, else the reason in one line.

    Numbers, dates, denials, who did it to whom, and names must agree with the cited sentences taken
    together. `published` are their articles' dates of publication ("on Friday" means one of them),
    `known` are names that need no sentence, such as the source. What the rules cannot see passes, so
    a verified statement is one that no rule contradicts.
    """
    folded = fold(statement)
    dates = find_dates(folded)
    cited = [fold(sentence) for sentence in sentences]
    cited_dates = [find_dates(text) for text in cited]
    numbers = find_numbers(folded, dates.spans, persian=statement_language == "fa" or is_persian(statement))
    cited_numbers = [
        number
        for sentence, text, found in zip(sentences, cited, cited_dates, strict=True)
        for number in find_numbers(text, found.spans, persian=is_persian(sentence))
    ]
    return (
        check_numbers(numbers, cited_numbers)
        or check_dates(dates, cited_dates, published)
        or check_stance(statement, sentences)
        or check_direction(statement, sentences)
        or check_speaker(statement, sentences)
        or check_names(statement, sentences, known)
    )


@dataclass(frozen=True, slots=True)
class Cited:
    """A statement and the sentences it rests on; the rest as `verify` takes it."""

    statement: str
    language: str
    sentences: tuple[str, ...]
    published: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def verify_all(cited: Sequence[Cited], similarity: Similarity | None) -> list[str]:
    """The verdict on each statement: by rule, then by similarity, for all that passed at once."""
    reasons = [
        verify(c.statement, c.language, c.sentences, published=c.published, known=c.known) for c in cited
    ]
    passed = [number for number, reason in enumerate(reasons) if not reason]
    if similarity is not None and passed:
        values = similarity([(cited[number].statement, cited[number].sentences) for number in passed])
        for number, value in zip(passed, values, strict=True):
            if value < MIN_SIMILARITY:
                reasons[number] = "the cited sentences are about something else"
    return reasons


def warm_up() -> None:
    """Read the tables of names now (most of a second) rather than at the first statement."""
    verify("Paris, 3 May", "en", ["Paris, 3 May"])
