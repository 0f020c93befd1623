"""How near an answer's words are to a reference answer's: exact match and token F1.

As SQuAD scores them (Rajpurkar et al., 2016), with the language-aware normalisation of MLQA (Lewis et
al., 2020): articles are dropped in the way of each language, punctuation is Unicode's. Marks, letter
variants and digits are folded as in `evals/facts.py`.
"""

import re
from collections import Counter
from collections.abc import Sequence

from evals.facts import folded

_ARTICLES = {
    "en": re.compile(r"\b(?:a|an|the)\b"),
    # The article is a prefix; of a word like الله too little would be left.
    "ar": re.compile(r"(?<!\w)ال(?=\w{3})"),
}


def words(text: str, language: str) -> list[str]:
    """The words that count, in order."""
    text = folded(text)
    if language in _ARTICLES:
        text = _ARTICLES[language].sub(" ", text)
    return re.findall(r"\w+", text)


def exact_match(answer: str, references: Sequence[str], language: str) -> float:
    """1 when the words are those of any reference, else 0."""
    said = words(answer, language)
    return float(any(said == words(reference, language) for reference in references))


def token_f1(answer: str, references: Sequence[str], language: str) -> float:
    """2 P R / (P + R) of the words in common, for the reference where it is highest; in [0, 1]."""
    return max(_f1(words(answer, language), words(reference, language)) for reference in references)


def _f1(said: Sequence[str], expected: Sequence[str]) -> float:
    common = (Counter(said) & Counter(expected)).total()
    if not common:
        return float(not said and not expected)
    precision, recall = common / len(said), common / len(expected)
    return 2 * precision * recall / (precision + recall)
