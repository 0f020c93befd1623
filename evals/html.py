"""A run as one HTML page that needs no network: figures, plots, and every case."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from evals.errors import RunError
from evals.measures import MEASURES, rounded
from evals.plots import HEAT, plots
from evals.ranking import matched
from evals.types import CaseResult, Figure, Run, Span

TEMPLATE = Path(__file__).with_name("data") / "report.html"
# Languages written from right to left, for text whose own letters do not say so.
RIGHT_TO_LEFT = ("ar", "fa", "ur", "he", "ckb", "ps", "ug", "sd", "yi", "dv")


def write_report(path: Path, run: Run, results: Sequence[CaseResult]) -> None:
    """Write the page. Raises RunError."""
    try:
        path.write_text(report_html(run, results), encoding="utf-8")
    except OSError as error:
        raise RunError(f"the report {str(path)!r} cannot be written: {error.strerror}.") from error


def report_html(run: Run, results: Sequence[CaseResult]) -> str:
    """The page. Whatever an article, question or answer holds is shown as text."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["rounded"] = rounded
    environment.filters["grouped"] = _grouped
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    return template.render(
        run=run,
        measures=MEASURES,
        groups=[name for name in run.figures if name != "all"],
        by_group={name: {f.name: f for f in figures} for name, figures in run.figures.items()},
        heat=HEAT,
        plots=[(title, what, Markup(svg)) for title, what, svg in plots(run, results)],
        cases=[_shown(result) for result in results],
        languages=sorted({result.case.language for result in results}),
        failed=sum(bool(result.failures or result.error) for result in results),
    )


def _shown(result: CaseResult) -> dict[str, Any]:
    """What the page shows of a case."""
    reply = result.reply
    citations = []
    around = reply.around or (("", ""),) * len(reply.citations)
    for citation, (before, after) in zip(reply.citations, around, strict=True):
        span = Span(citation.article_id, citation.start_char, citation.end_char)
        copies = [Span(copy.article_id, copy.start_char, copy.end_char) for copy in citation.also_in]
        is_gold = bool(matched([span, *copies], result.gold.spans))
        citations.append({"of": citation, "before": before, "after": after, "gold": is_gold})
    return {
        "result": result,
        "case": result.case,
        "reply": reply,
        "direction": "rtl" if result.case.language in RIGHT_TO_LEFT else "ltr",
        "citations": citations,
        "gold": list(dict.fromkeys(place.quote for gold in result.case.evidence for place in gold.places)),
        "wrong": [*result.failures, *filter(None, [result.error])],
    }


def _grouped(figures: Sequence[Figure]) -> list[list[Figure]]:
    """Figures that belong together, in order."""
    return [list(group) for _, group in groupby(figures, key=lambda figure: MEASURES[figure.name].group)]
