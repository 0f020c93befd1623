"""A Report as tables and as JSON."""

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.types import CaseResult, Report


def print_report(report: Report, console: Console) -> None:
    """The figures over the `n` cases with a say in them, and by language of the question."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    for name in ("n", "all", "95 %", *report.by_language):
        table.add_column(name, justify="right", no_wrap=True)
    counts = [len([r for r in report.results if r.case.language == each]) for each in report.by_language]
    table.add_row("questions", str(len(report.results)), "", "", *map(str, counts), end_section=True)
    for number, figure in enumerate(report.overall):
        by_language = [_rounded(figures[number].value) for figures in report.by_language.values()]
        interval = "" if figure.value is None else f"{_rounded(figure.low)}-{_rounded(figure.high)}"
        table.add_row(figure.name, str(figure.n), _rounded(figure.value), interval, *by_language)
    console.print(table)
    answers = f"answers written by {report.model}" if report.model else "extractive answers"
    console.print(
        f"{escape(report.embedder)}, {escape(answers)}; seconds to an answer: "
        f"p50 {report.latency.p50 / 1000:.2f}, p95 {report.latency.p95 / 1000:.2f}",
        highlight=False,
        soft_wrap=True,
    )


def print_failed(report: Report, console: Console) -> None:
    """Each question that went wrong, and why."""
    for result in failed(report):
        console.print(f"\n{result.case.id} [{result.case.language}]", markup=False, highlight=False)
        # A line of its own: right-to-left text would reorder what stands beside it.
        console.print(f"  {result.case.question}", markup=False, highlight=False, soft_wrap=True)
        for reason in result.failures:
            console.print(f"  - {reason}", markup=False, highlight=False, soft_wrap=True)


def failed(report: Report) -> list[CaseResult]:
    """The results that went wrong, in order."""
    return [result for result in report.results if result.failures]


def report_to_json(report: Report) -> dict[str, Any]:
    """The whole report as plain values."""
    return {
        "embedder": report.embedder,
        "model": report.model,
        "questions": len(report.results),
        "overall": [asdict(figure) for figure in report.overall],
        "by_language": {
            language: [asdict(figure) for figure in figures]
            for language, figures in report.by_language.items()
        },
        "latency_ms": asdict(report.latency),
        "cases": [_case_to_json(result) for result in report.results],
    }


def _case_to_json(result: CaseResult) -> dict[str, Any]:
    case, answer = result.case, result.answer
    return {
        "id": case.id,
        "language": case.language,
        "question": case.question,
        "answerable": case.answerable,
        "abstained": answer.abstained,
        "answerability": answer.answerability,
        "failures": list(result.failures),
        "scores": {
            name: ratio.numerator / ratio.denominator
            for name, ratio in result.scores.items()
            if ratio.denominator
        },
        "milliseconds": round(result.milliseconds, 1),
        "statements": [statement.text for statement in answer.statements],
        "citations": [
            {
                "article": citation.article_id,
                "start_char": citation.start_char,
                "end_char": citation.end_char,
                "text": citation.cited_text,
            }
            for citation in answer.citations
        ],
    }


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
