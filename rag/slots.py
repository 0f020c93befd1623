"""Ranked passages to the ones that are shown: one text, one place; one article, not all places."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from index.types import Article
from rag.copies import is_copy, shingles
from rag.types import RankedPassage

Vectors = npt.NDArray[np.float32]

# What each further passage of one article loses.
SAME_ARTICLE = 0.1
# Passages at least so alike are compared letter by letter, to see whether they are one text.
ALIKE = 0.85


def one_slot_each(ranked: Sequence[tuple[RankedPassage, Vectors]], top_k: int) -> list[RankedPassage]:
    """The best passages, copies of one text in one place, no article in many.

    Maximal marginal relevance (Carbonell and Goldstein, 1998), where what is alike is of the same
    article: reports of one event in two languages are alike too, and both are wanted.
    """
    taken: dict[str, int] = {}
    penalised = []
    for passage, direction in ranked:
        before = taken.get(passage.article.id, 0)
        taken[passage.article.id] = before + 1
        penalised.append((replace(passage, score=passage.score - SAME_ARTICLE * before), direction))
    penalised.sort(key=lambda pair: -pair[0].score)
    slots: list[RankedPassage] = []
    directions: list[Vectors] = []
    for passage, direction in penalised:
        copied = next(
            (
                number
                for number, other in enumerate(directions)
                if float(direction @ other) >= ALIKE and _is_copy(passage, slots[number])
            ),
            None,
        )
        if copied is None:
            if len(slots) == top_k:
                break
            slots.append(passage)
            directions.append(direction)
        elif _is_new(passage.article, slots[copied]):
            slots[copied] = replace(slots[copied], copies=(*slots[copied].copies, passage.article))
    return slots


def _is_copy(one: RankedPassage, other: RankedPassage) -> bool:
    if one.article.language != other.article.language or one.article.id == other.article.id:
        return False
    return is_copy(
        *(shingles(p.article.text[p.passage.start_char : p.passage.end_char]) for p in (one, other))
    )


def _is_new(article: Article, slot: RankedPassage) -> bool:
    return all(article.id != known.id for known in (slot.article, *slot.copies))
