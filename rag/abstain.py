"""Is the answer in the evidence at all: a probability from the scores of what was found."""

import math
from collections.abc import Sequence


def answerability(scores: Sequence[float]) -> float:
    """Probability in [0, 1] that the evidence holds the answer; 0 when there is none."""
    if not scores:
        return 0.0
    return 1.0 / (1.0 + math.exp(-10.0 * (scores[0] - 1.0)))
