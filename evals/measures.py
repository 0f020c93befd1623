"""Every figure: its name, what it means and where it is from, and how cases make it up.

A case has a pair of numbers for each figure that it has a say in. For a ratio they are its shares of
the numerator and the denominator; for the others a score and the truth. A figure is what its `combine`
makes of all pairs, an array of shape (cases, 2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import brier_score_loss, roc_auc_score

Pairs = npt.NDArray[np.float64]

BINS = 10


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure. `better` is +1 when more of it is better, -1 when less is, 0 for neither."""

    name: str
    group: str
    better: int
    meaning: str
    combine: Callable[[Pairs], float | None]

    @property
    def is_ratio(self) -> bool:
        """Whether it is a sum over a sum, which is resampled by matrix products."""
        return self.combine is ratio


def ratio(pairs: Pairs) -> float | None:
    """sum of numerators / sum of denominators; None when no case has a say."""
    below = pairs[:, 1].sum()
    return float(pairs[:, 0].sum() / below) if below else None


def area_under_roc(pairs: Pairs) -> float | None:
    """The probability that a true case scores above a false one (Hanley and McNeil, 1982)."""
    truth = pairs[:, 1] > 0
    if truth.all() or not truth.any():
        return None
    return float(roc_auc_score(truth, pairs[:, 0]))


def risk_coverage(pairs: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Share of cases answered, and of those the share that is wrong, as the threshold falls.

    El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification" (2010). Cases of
    one score are answered together: a threshold cannot part them.
    """
    order = np.argsort(-pairs[:, 0], kind="stable")
    score, wrong = pairs[order, 0], 1.0 - pairs[order, 1]
    last_of_score = np.append(score[1:] != score[:-1], True)
    answered = np.arange(1, len(score) + 1)
    risk = wrong.cumsum() / answered
    return (answered / len(score))[last_of_score], risk[last_of_score]


def area_under_risk_coverage(pairs: Pairs) -> float | None:
    """The mean risk over all coverages (Geifman, Uziel and El-Yaniv, 2019): 0 is perfect."""
    if not len(pairs):
        return None
    coverage, risk = risk_coverage(pairs)
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))


def brier(pairs: Pairs) -> float | None:
    """Mean squared difference of probability and truth (Brier, 1950)."""
    if not len(pairs):
        return None
    return float(brier_score_loss(pairs[:, 1] > 0, pairs[:, 0], pos_label=True))


def calibration(pairs: Pairs) -> list[tuple[float, float, int]]:
    """Mean probability, share that is true, and cases, for each tenth that has any."""
    tenth = np.minimum((pairs[:, 0] * BINS).astype(int), BINS - 1)
    return [
        (float(inside[:, 0].mean()), float(inside[:, 1].mean()), len(inside))
        for number in range(BINS)
        if len(inside := pairs[tenth == number])
    ]


def expected_calibration_error(pairs: Pairs) -> float | None:
    """sum over tenths of share of cases * |mean probability - share that is true|.

    Naeini, Cooper and Hauskrecht (2015).
    """
    if not len(pairs):
        return None
    return sum(n * abs(said - true) for said, true, n in calibration(pairs)) / len(pairs)


def percentile(share: float) -> Callable[[Pairs], float | None]:
    """The value that `share` percent of the first numbers do not exceed (linear interpolation)."""

    def of(pairs: Pairs) -> float | None:
        return float(np.percentile(pairs[:, 0], share)) if len(pairs) else None

    return of


_IR = "by ir-measures"
_ALL: tuple[Measure, ...] = (
    *(
        Measure(f"{what} {name}", "retrieval", 1, meaning.format(what=what), ratio)
        for what in ("article", "sentence")
        for name, meaning in (
            ("hit@1", f"share of cases whose first {{what}} is gold ({_IR}: Success@1)"),
            ("hit@5", f"share of cases with a gold {{what}} among the first 5 ({_IR}: Success@5)"),
            ("recall@10", f"gold {{what}}s among the first 10 / gold {{what}}s ({_IR}: R@10)"),
            ("MRR", f"1 / rank of the first gold {{what}}, 0 without one ({_IR}: RR; Voorhees, 1999)"),
            ("nDCG@10", f"gain by rank, discounted by log2 ({_IR}; Järvelin and Kekäläinen, 2002)"),
            ("mAP", f"mean over gold {{what}}s of the precision at their rank ({_IR}: AP)"),
        )
    ),
    Measure(
        "fact recall",
        "answer",
        1,
        "required facts that the answer states / required facts; an abstention states none",
        ratio,
    ),
    Measure(
        "exact match",
        "answer",
        1,
        "the whole answer is a reference answer, normalised (Rajpurkar et al., 2016; Lewis et al., 2020)",
        ratio,
    ),
    Measure(
        "token F1",
        "answer",
        1,
        "harmonic mean of the shares of words in common, best reference (Rajpurkar et al., 2016)",
        ratio,
    ),
    Measure("answer language", "answer", 1, "statements in the question's language / statements", ratio),
    Measure(
        "citation precision",
        "citations",
        1,
        "cited sentences that are gold / cited sentences, by case",
        ratio,
    ),
    Measure("citation recall", "citations", 1, "gold quotations cited / gold quotations, by case", ratio),
    Measure("statements cited", "citations", 1, "statements with a citation / statements", ratio),
    Measure("citations verified", "citations", 1, "citations marked as verified / citations", ratio),
    Measure(
        "offsets exact",
        "citations",
        1,
        "citations whose article holds their very words at their place / citations: must be 1",
        ratio,
    ),
    Measure("abstention precision", "abstention", 1, "abstained and unanswerable / abstained", ratio),
    Measure("abstention recall", "abstention", 1, "abstained and unanswerable / unanswerable", ratio),
    Measure("abstention accuracy", "abstention", 1, "abstained if and only if unanswerable / cases", ratio),
    Measure(
        "AUROC",
        "abstention",
        1,
        "probability that an answerable case has the higher answerability (Hanley and McNeil, 1982)",
        area_under_roc,
    ),
    Measure(
        "AURC",
        "abstention",
        -1,
        "area under the risk-coverage curve of answerability; wrong is a case that is unanswerable or "
        "without gold among its first 5 sentences (Geifman, Uziel and El-Yaniv, 2019)",
        area_under_risk_coverage,
    ),
    Measure(
        "Brier score",
        "abstention",
        -1,
        "mean squared error of answerability, true when gold was found (Brier, 1950)",
        brier,
    ),
    Measure(
        "ECE",
        "abstention",
        -1,
        "expected calibration error of answerability in tenths (Naeini et al., 2015)",
        expected_calibration_error,
    ),
    Measure("judged correct", "judge", 1, "answers that the judge finds correct / answers judged", ratio),
    Measure(
        "judged faithful", "judge", 1, "statements the judge finds supported / statements judged", ratio
    ),
    Measure("tokens", "cost", 0, "tokens read and written for an answer, mean", ratio),
    Measure("seconds p50", "cost", 0, "seconds to the whole answer, median", percentile(50)),
    Measure("seconds p95", "cost", 0, "seconds to the whole answer, 95th percentile", percentile(95)),
    Measure("first statement p50", "cost", 0, "seconds to the first statement, median", percentile(50)),
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}


def rounded(value: float | None) -> str:
    """A figure as people read it; milliseconds still show in seconds."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 3 if 0 < abs(value) < 0.1 else 2
    return f"{value:.{digits}f}"
