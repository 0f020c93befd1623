"""Whether a run is good enough: no real drop below a baseline, no figure below its floor."""

from collections.abc import Mapping, Sequence

from evals.compare import Comparison, compare, drops
from evals.errors import RunError
from evals.measures import MEASURES
from evals.types import Run

# What a drop is looked for in: the more figures, the larger a drop must be to stand out.
GATED = (
    "article hit@1",
    "article recall@10",
    "article mAP",
    "sentence hit@5",
    "sentence MRR",
    "fact recall",
    "citation precision",
    "citation recall",
    "statements cited",
    "citations verified",
    "abstention accuracy",
    "AUROC",
)
ALWAYS = {"offsets exact": 1.0}


def parse_floors(given: Sequence[str]) -> dict[str, float]:
    """`FIGURE=VALUE` to floors; for figures of which less is better they are ceilings. Raises RunError."""
    floors: dict[str, float] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            floors[name.strip()] = float(value)
        except ValueError:
            raise RunError(f"--fail-below is {text!r}: write it as 'fact recall=0.7'.") from None
        if name.strip() not in MEASURES:
            raise RunError(f"--fail-below names no figure {name!r}: the names are in the report.")
    return floors


def reasons_to_fail(
    run: Run, baseline: Run | None, floors: Mapping[str, float]
) -> tuple[list[str], Comparison | None]:
    """Why the run must not pass, one line each, and the comparison with the baseline."""
    values = {figure.name: figure.value for figure in run.figures["all"]}
    reasons = []
    if run.errors:
        reasons.append(f"{run.errors} cases got no reply")
    for name, floor in {**ALWAYS, **floors}.items():
        value = values.get(name)
        if value is None:
            if name in floors:
                reasons.append(f"{name}: no case has a say in it")
        elif (value - floor) * (MEASURES[name].better or 1) < 0:
            reasons.append(f"{name} is {value:.3f}, and must not be worse than {floor:g}")
    if baseline is None:
        return reasons, None
    comparison = compare(baseline, run, GATED)
    if comparison.only_before:
        reasons.append(f"{comparison.only_before} cases of the baseline are not in this run")
    for found, p in drops(comparison.differences):
        reasons.append(
            f"{found.name} fell from {found.before:.3f} to {found.after:.3f} "
            f"(difference {found.low:+.3f} to {found.high:+.3f}, p = {p:.4f})"
        )
    return reasons, comparison
