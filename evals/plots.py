"""A run's plots, as SVG to stand in a page."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.measures import MEASURES, Pairs, calibration, risk_coverage
from evals.types import CaseResult, Run

BLUE, GREY, RED = "#2563a8", "#8a8f98", "#b3402a"
HEAT = ("article recall@10", "article mAP")


def plots(run: Run, results: Sequence[CaseResult]) -> list[tuple[str, str, str]]:
    """Title, what it shows, and SVG, of each plot that there are data for."""
    import matplotlib

    matplotlib.use("Agg")
    style = {
        # Text stays text: small files, and a reader's own font.
        "svg.fonttype": "none",
        "svg.hashsalt": "dateline",
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    made = []
    with matplotlib.rc_context(style):
        for name in HEAT:
            if len({evidence for row in run.matrix.values() for evidence in row}) > 1:
                made.append(
                    (
                        f"{name} by language",
                        "rows: language of the question; columns: of the evidence",
                        _heat_map(run, name),
                    )
                )
        answerability = _pairs(results, "AURC")
        if len(answerability):
            made.append(
                (
                    "Risk and coverage",
                    "the share of wrong answers if only the surest so many questions were answered",
                    _risk_coverage(answerability),
                )
            )
            made.append(
                (
                    "Calibration of answerability",
                    "how often the evidence held the answer, by how probable that was said to be",
                    _calibration(_pairs(results, "ECE")),
                )
            )
        seconds = _pairs(results, "seconds p50")
        if len(seconds):
            made.append(("Time to the whole answer", "questions by seconds", _latency(seconds[:, 0])))
    return made


def _heat_map(run: Run, name: str) -> str:
    questions = list(run.matrix)
    evidence = sorted({each for row in run.matrix.values() for each in row})
    values = np.full((len(questions), len(evidence)), np.nan)
    for y, question in enumerate(questions):
        for x, held in enumerate(evidence):
            found = next((f.value for f in run.matrix[question].get(held, ()) if f.name == name), None)
            values[y, x] = np.nan if found is None else found
    figure, axes = _figure(1.4 + 0.9 * len(evidence), 1.0 + 0.7 * len(questions))
    # Not `imshow`, which puts a picture into the drawing.
    axes.pcolormesh(values, cmap="Blues", vmin=0, vmax=1, edgecolor="white", linewidth=1)
    axes.invert_yaxis()
    axes.set_xticks([x + 0.5 for x in range(len(evidence))], evidence)
    axes.set_yticks([y + 0.5 for y in range(len(questions))], questions)
    axes.set(xlabel="evidence", ylabel="question")
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            color = "white" if value > 0.6 else "black"
            axes.text(x + 0.5, y + 0.5, f"{value:.2f}", ha="center", va="center", color=color)
    return _svg(figure)


def _risk_coverage(pairs: Pairs) -> str:
    figure, axes = _figure()
    coverage, risk = risk_coverage(pairs)
    axes.step(coverage, risk, where="pre", color=BLUE)
    axes.axhline(float(1 - pairs[:, 1].mean()), color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xlabel="share of questions answered", ylabel="share of them wrong", xlim=(0, 1), ylim=(0, 1))
    area = MEASURES["AURC"].combine(pairs)
    axes.set_title(f"AURC {area:.3f} (dotted: every question answered)", fontsize=9)
    return _svg(figure)


def _calibration(pairs: Pairs) -> str:
    figure, axes = _figure()
    points = calibration(pairs)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.plot([said for said, _, _ in points], [true for _, true, _ in points], marker="o", color=BLUE)
    for said, true, count in points:
        axes.annotate(str(count), (said, true), textcoords="offset points", xytext=(6, -10), fontsize=8)
    axes.set(xlabel="answerability", ylabel="share with the answer", xlim=(0, 1), ylim=(0, 1.05))
    error = MEASURES["ECE"].combine(pairs)
    axes.set_title(f"ECE {error:.3f} (numbers: questions in each tenth)", fontsize=9)
    return _svg(figure)


def _latency(seconds: Any) -> str:
    figure, axes = _figure()
    axes.hist(seconds, bins=min(40, max(5, len(seconds) // 3)), color=BLUE)
    for share, color in ((50, GREY), (95, RED)):
        value = float(np.percentile(seconds, share))
        axes.axvline(value, color=color, linewidth=1)
        axes.annotate(f" p{share} {value:.3f}", (value, axes.get_ylim()[1] * 0.92), fontsize=8, color=color)
    axes.set(xlabel="seconds", ylabel="questions", xlim=(0, None))
    return _svg(figure)


def _figure(width: float = 4.6, height: float = 3.2) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _pairs(results: Sequence[CaseResult], name: str) -> Pairs:
    pairs = [result.scores[name] for result in results if name in result.scores]
    return np.asarray(pairs, np.float64).reshape(-1, 2)
