"""Does a statement say what its sentences say? Checked by rule, without a language model."""

from collections.abc import Callable, Sequence

from rag.dates import check_dates, find_dates
from rag.names import check_names
from rag.numbers import check_numbers, find_numbers
from rag.stance import check_direction, check_speaker, check_stance, is_persian
from rag.words import fold

Similarity = Callable[[str, Sequence[str]], float]

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
    similarity: Similarity | None = None,
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
        or _check_similarity(statement, sentences, similarity)
    )


def warm_up() -> None:
    """Read the tables of names now (most of a second) rather than at the first statement."""
    verify("Paris, 3 May", "en", ["Paris, 3 May"])


def _check_similarity(statement: str, sentences: Sequence[str], similarity: Similarity | None) -> str:
    if similarity is None or similarity(statement, sentences) >= MIN_SIMILARITY:
        return ""
    return "the cited sentences are about something else"
