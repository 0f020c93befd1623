"""Is the answer in the evidence at all: a calibrated probability from what retrieval saw.

A logistic regression on four features of a question and its evidence. `python -m evals.calibrate`
made the coefficients: from the questions of XQuAD's first 120 paragraphs, asked of archives of those
paragraphs (each language, each pair of languages, all three mixed) with half of the paragraphs
removed. `python -m evals.retrieval` measures the area under the ROC curve on the other 120.
"""

import math
from collections.abc import Sequence
from statistics import mean

# How the best sentence scores; by how much it leads the mean of the next four; how much of the
# question's words the best passage has; and what to take off when words can be compared at all.
BEST = 6.279
LEAD = 5.4
WORDS = 6.689
SAME_LANGUAGE = -3.969
INTERCEPT = -4.741
NEXT = 4


def features(scores: Sequence[float], words: float | None) -> tuple[float, ...]:
    """What the probability is made of: best score, its lead, word coverage, whether words compare.

    `scores` are those of the evidence's sentences, best first. `words` is the share of the
    question's words that the best passage has, or None in an archive without its language.
    """
    if not scores:
        return ()
    following = scores[1 : 1 + NEXT]
    lead = scores[0] - mean(following) if following else 0.0
    return (scores[0], lead, words or 0.0, float(words is not None))


def answerability(found: Sequence[float]) -> float:
    """Probability in [0, 1] that the evidence with these features holds the answer; 0 without any."""
    if not found:
        return 0.0
    logit = INTERCEPT + sum(
        weight * value for weight, value in zip((BEST, LEAD, WORDS, SAME_LANGUAGE), found, strict=True)
    )
    return 1.0 / (1.0 + math.exp(-logit))
