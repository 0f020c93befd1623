"""How sure a figure is, and whether two runs differ: resampling over cases, by SciPy.

Intervals are percentile bootstrap intervals (Efron and Tibshirani, 1993). The p-value is that of a
paired randomisation test (Noreen, 1989; Smucker, Allan and Carterette, 2007): if two runs did not
differ, their replies to any one case could be swapped.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from evals.measures import Measure, Pairs
from evals.types import Figure, Pair

SEED = 20240322
RESAMPLES = 1000
SWAPS = 9999
# A curve costs a sort for each sample.
RESAMPLES_OF_CURVES = 300
SWAPS_OF_CURVES = 999
# Samples made at a time, so that memory stays bounded.
BATCH = 250
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure in two runs of the same cases; `low` and `high` bound `after - before` (95 %)."""

    name: str
    before: float
    after: float
    low: float
    high: float
    p: float
    n: int


def figure(measure: Measure, pairs: Sequence[Pair]) -> Figure:
    """The figure over these cases with its 95 % interval."""
    table = _table(pairs)
    value = measure.combine(table)
    if value is None:
        return Figure(measure.name, None, None, None, 0)
    low, high = _interval(measure, _over(measure, table), len(table))
    return Figure(measure.name, value, low, high, _count(measure, table))


def difference(measure: Measure, before: Sequence[Pair], after: Sequence[Pair]) -> Difference | None:
    """What changed over the same cases, in one order in both; None when a run has no value."""
    old, new = _table(before), _table(after)
    was, is_now = measure.combine(old), measure.combine(new)
    if was is None or is_now is None:
        return None
    both = np.concatenate([old, new])
    value = _over(measure, both)
    count = len(old)

    def changed(rows: npt.NDArray[np.int64], axis: int = -1) -> Floats:
        return value(rows + count, axis) - value(rows, axis)

    def swapped(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], axis: int = -1) -> Floats:
        return value(other, axis) - value(one, axis)

    low, high = _interval(measure, changed, count)
    rows = np.arange(count)
    p = 1.0
    # One case alone could as well have been swapped.
    if count > 1 and (old != new).any():
        tested = stats.permutation_test(
            (rows, rows + count),
            swapped,
            permutation_type="samples",
            vectorized=True,
            n_resamples=SWAPS if measure.is_ratio else SWAPS_OF_CURVES,
            batch=BATCH,
            rng=np.random.default_rng(SEED),
        )
        p = float(tested.pvalue)
    return Difference(measure.name, was, is_now, low, high, p, _count(measure, old + new))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being several (Holm, 1979), in the same order."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _interval(measure: Measure, value: Callable[..., Floats], count: int) -> tuple[float, float]:
    if count < 2:
        only = float(value(np.arange(count)))
        return only, only
    with warnings.catch_warnings():
        # A sample without, say, any abstention has no value.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn: Any = stats.bootstrap(
            (np.arange(count),),
            value,
            method="percentile",
            vectorized=True,
            n_resamples=RESAMPLES if measure.is_ratio else RESAMPLES_OF_CURVES,
            batch=BATCH,
            rng=np.random.default_rng(SEED),
        )
    low, high = np.nanpercentile(drawn.bootstrap_distribution, [2.5, 97.5])
    return float(low), float(high)


def _over(measure: Measure, table: Pairs) -> Callable[..., Floats]:
    """The measure as a function of row numbers of the table, of shape (..., cases)."""

    def of_ratio(rows: npt.NDArray[np.int64], axis: int = -1) -> Floats:
        above, below = table[rows, 0].sum(axis=axis), table[rows, 1].sum(axis=axis)
        return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))

    def of_curve(rows: npt.NDArray[np.int64], axis: int = -1) -> Floats:
        def one(chosen: npt.NDArray[np.int64]) -> float:
            found = measure.combine(table[chosen])
            return np.nan if found is None else found

        return np.asarray(np.apply_along_axis(one, axis, rows))

    return of_ratio if measure.is_ratio else of_curve


def _table(pairs: Sequence[Pair]) -> Pairs:
    return np.asarray(pairs, np.float64).reshape(-1, 2)


def _count(measure: Measure, table: Pairs) -> int:
    return int((table[:, 1] > 0).sum()) if measure.is_ratio else len(table)
