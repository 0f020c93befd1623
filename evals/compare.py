"""Two runs over the same cases: what changed, how sure that is, and which cases flipped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evals.errors import RunError
from evals.measures import MEASURES
from evals.statistics import Difference, difference, holm
from evals.types import CaseScores, Run

# A case that has no say in a ratio counts as nothing in it.
_NOTHING = (0.0, 0.0)
SURE = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """`broken` and `mended` are cases that failed only after, or only before."""

    cases: int
    only_before: int
    only_after: int
    differences: tuple[Difference, ...]
    broken: tuple[CaseScores, ...]
    mended: tuple[CaseScores, ...]


def compare(before: Run, after: Run, names: Collection[str] = ()) -> Comparison:
    """Paired over the cases that both runs have. Raises RunError when they share none."""
    old, new = ({case.key: case for case in run.cases} for run in (before, after))
    shared = [key for key in old if key in new]
    if not shared:
        raise RunError(
            f"the runs {before.name!r} and {after.name!r} share no case: compare runs of one suite."
        )
    differences = []
    for name, measure in MEASURES.items():
        if names and name not in names:
            continue
        both = [(old[key].scores.get(name), new[key].scores.get(name)) for key in shared]
        if measure.is_ratio:
            pairs = [(a or _NOTHING, b or _NOTHING) for a, b in both]
        else:
            pairs = [(a, b) for a, b in both if a is not None and b is not None]
        if pairs and (found := difference(measure, [a for a, _ in pairs], [b for _, b in pairs])):
            differences.append(found)
    return Comparison(
        cases=len(shared),
        only_before=len(old) - len(shared),
        only_after=len(new) - len(shared),
        differences=tuple(differences),
        broken=tuple(new[key] for key in shared if new[key].failed and not old[key].failed),
        mended=tuple(new[key] for key in shared if old[key].failed and not new[key].failed),
    )


def drops(differences: Sequence[Difference]) -> list[tuple[Difference, float]]:
    """Figures that are worse beyond chance, each with its p-value adjusted for being several.

    Worse means that the whole 95 % interval of the difference is, and that swapping the two runs'
    replies would seldom make so much: p below .05 after Holm's adjustment. What costs time is noise.
    """
    judged = [d for d in differences if MEASURES[d.name].better]
    adjusted = holm([d.p for d in judged])
    worse = []
    for found, p in zip(judged, adjusted, strict=True):
        better = MEASURES[found.name].better
        # The end of the interval that is nearest to being no drop.
        nearest = found.high if better > 0 else -found.low
        if nearest < 0 and p < SURE:
            worse.append((found, p))
    return worse
