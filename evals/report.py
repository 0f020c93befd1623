"""Runs as tables on a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.compare import Comparison
from evals.measures import MEASURES, rounded
from evals.ranking import MEASURES as RANKING_MEASURES
from evals.ranking import Rankings, Relevant, ranking_scores
from evals.statistics import figure
from evals.types import CaseResult, CaseScores, Figure, Run

# Columns that fit beside the figures.
MOST_GROUPS = 6
MOST_FLIPPED = 20


def print_run(run: Run, console: Console) -> None:
    """Every figure over the `n` cases with a say in it, and by group."""
    groups = [name for name in run.figures if name != "all"][:MOST_GROUPS]
    table = _table("figure")
    for name in ("n", "all", "95 %", *(name.split(" ", 1)[1] for name in groups)):
        table.add_column(escape(name), justify="right", no_wrap=True)
    by_group = [{each.name: each for each in run.figures[name]} for name in groups]
    last = ""
    for each in run.figures["all"]:
        if last and MEASURES[each.name].group != last:
            table.add_section()
        last = MEASURES[each.name].group
        others = [rounded(group[each.name].value) if each.name in group else "" for group in by_group]
        table.add_row(each.name, str(each.n), rounded(each.value), _interval(each), *others)
    console.print(table)
    for name in ("article recall@10", "article mAP", "article nDCG@10"):
        if matrix := matrix_table(run, name):
            console.print(matrix)
    for each in run.agreement:
        console.print(f"judge: {each.name} {rounded(each.value)} [{_interval(each)}], n {each.n}")
    reused = f", {run.cached} replies from an earlier run" if run.cached else ""
    failed = f", {run.errors} without a reply" if run.errors else ""
    console.print(
        f"{escape(run.system)}; {len(run.cases)} cases in {run.seconds:.0f} s{reused}{failed}",
        highlight=False,
        soft_wrap=True,
    )


def matrix_table(run: Run, name: str) -> Table | None:
    """A figure by language of the question (rows) and of the evidence; None without several."""
    columns = sorted({evidence for row in run.matrix.values() for evidence in row})
    if len(columns) < 2:
        return None
    table = _table("question")
    table.title = f"{name} by language of the evidence"
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for question, row in run.matrix.items():
        cells = []
        for column in columns:
            found = next((f for f in row.get(column, ()) if f.name == name), None)
            cells.append(f"{rounded(found.value)}\n{_interval(found)}" if found else "-")
        table.add_row(question, *cells)
    return table


def print_failed(results: Sequence[CaseResult], console: Console) -> None:
    """Each case that went wrong, and why."""
    for result in results:
        if not (result.failures or result.error):
            continue
        _say(console, f"\n{result.case.id} [{result.case.language}]  {result.suite}")
        # A line of its own: right-to-left text would reorder what stands beside it.
        _say(console, f"  {result.case.question}")
        for reason in (*result.failures, *filter(None, [result.error])):
            _say(console, f"  - {reason}")


def print_comparison(before: str, after: str, comparison: Comparison, console: Console) -> None:
    """What changed, with the interval of the difference and the p-value; then the flipped cases."""
    table = _table("figure")
    for name in ("n", "before", "after", "difference", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in comparison.differences:
        change = each.after - each.before
        sure = "" if each.low <= 0 <= each.high else " *"
        table.add_row(
            each.name,
            str(each.n),
            f"{each.before:.3f}",
            f"{each.after:.3f}",
            f"{change:+.3f}{sure}",
            f"{each.low:+.3f} {each.high:+.3f}",
            f"{each.p:.4f}",
        )
    console.print(table)
    apart = comparison.only_before + comparison.only_after
    left = f"; {apart} cases that only one of them has are left out" if apart else ""
    _say(console, f"{after} against {before} over {comparison.cases} cases{left}. * beyond its interval.")
    _flipped("failed only after", comparison.broken, console)
    _flipped("failed only before", comparison.mended, console)


def print_measures(console: Console) -> None:
    """What each figure means."""
    table = _table("figure")
    table.add_column("meaning")
    last = ""
    for measure in MEASURES.values():
        if last and measure.group != last:
            table.add_section()
        last = measure.group
        table.add_row(measure.name, escape(measure.meaning))
    console.print(table)


def print_trec(rankings: Rankings, relevant: Relevant, console: Console) -> None:
    """The ranking figures of a TREC run over the questions that have judgements."""
    scores = ranking_scores(rankings, {name: gold for name, gold in relevant.items() if gold})
    table = _table("figure")
    for name in ("n", "all", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in RANKING_MEASURES:
        pairs = [(found[name], 1.0) for found in scores.values()]
        found = figure(MEASURES[f"article {name}"], pairs)
        table.add_row(name, str(found.n), rounded(found.value), _interval(found))
    console.print(table)


def _flipped(what: str, cases: Sequence[CaseScores], console: Console) -> None:
    if cases:
        names = ", ".join(case.id for case in cases[:MOST_FLIPPED])
        more = f" and {len(cases) - MOST_FLIPPED} more" if len(cases) > MOST_FLIPPED else ""
        _say(console, f"{what} ({len(cases)}): {names}{more}")


def _table(first: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(first, no_wrap=True)
    return table


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _interval(figure: Figure) -> str:
    return "" if figure.value is None else f"{rounded(figure.low)}-{rounded(figure.high)}"
