"""evals/retrieval.py, xquad.py, calibrate.py: figures against values worked out by hand."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from ir_measures import AP, R, Success, nDCG

from evals.retrieval import (
    Figure,
    area_under_curve,
    interval,
    measure,
    per_question,
    reciprocal_rank_fusion,
    tables,
)
from evals.xquad import Parallel, Question, read_parallel
from index.errors import UserFixableError

XQUAD = ROOT.parent / "shared" / "xquad"
needs_xquad = pytest.mark.skipif(not XQUAD.is_dir(), reason="needs ../shared/xquad, which is not here")


def test_fusion_by_hand() -> None:
    fused = reciprocal_rank_fusion([{"a": 9.0, "b": 5.0}, {"b": 0.2, "c": 0.1}])
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})
    assert max(fused, key=lambda document: fused[document]) == "b"


def test_measures_by_hand() -> None:
    relevant = {"q": {"a": 1, "b": 1, "c": 1}, "missed": {"a": 1}}
    run = {"q": {"a": 1.0, "x": 0.5, "b": 0.4}, "missed": {"x": 1.0}}
    # Relevant at ranks 1 and 3 of three: (1/1 + 2/3 + 0) / 3.
    assert per_question(relevant, run, AP) == pytest.approx([5 / 9, 0])
    assert per_question(relevant, run, R @ 10) == pytest.approx([2 / 3, 0])
    assert per_question(relevant, run, Success @ 1) == [1, 0]
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert per_question(relevant, run, nDCG @ 10) == pytest.approx([(1 + 1 / math.log2(4)) / ideal, 0])


def test_intervals() -> None:
    assert interval([0.5] * 20) == (0.5, 0.5)
    low, high = interval([0.0, 1.0] * 200)
    assert 0.44 < low < 0.47 and 0.53 < high < 0.56, "about 0.5 -+ 1.96 * 0.5 / 20"
    # Of the pairs (yes, no): .9 over .8 and .1, .3 over .1 and not .8: 3 of 4.
    value, low, high = area_under_curve([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
    assert value == 0.75 and 0 <= low <= 0.75 <= high <= 1


def parallel(count: int) -> Parallel:
    """Two languages, made up: as many paragraphs as are needed for both halves."""
    made = {
        "en": (
            "Harbour {} was opened in {}. Ships of {} nations call there.",
            "When was Harbour {} opened?",
        ),
        "ru": ("Гавань {} открыта в {} году. Туда заходят суда {} стран.", "Когда открыта гавань {}?"),
    }
    numbers = range(count)
    return Parallel(
        {each: [text.format(n, 1800 + n, n) for n in numbers] for each, (text, _) in made.items()},
        {
            each: [Question(f"{n}-{each}", question.format(n), each, n) for n in numbers]
            for each, (_, question) in made.items()
        },
    )


def average_precision(figures: list[Figure], archive: str, question: str) -> dict[str, float]:
    key = (archive, question, "AP")
    return {f.system: f.value for f in figures if (f.archive, f.question, f.measure) == key}


def test_the_tables_hold_every_system_archive_and_question() -> None:
    figures = measure(parallel(140), limit=8)
    assert {f.system for f in figures} == {"plain dense", "blind fusion", "dateline"}
    assert {(f.archive, f.question) for f in figures if f.measure == "nDCG@10"} == {
        (a, q) for a in ("en", "ru") for q in ("en", "ru")
    }
    assert {f.measure for f in figures if f.archive == "en+ru"} == {
        "R@10", "AP", "Success@1", "AUROC of answerability",
    }  # fmt: skip
    assert all(0 <= f.low <= f.value <= f.high <= 1 and f.questions == 8 for f in figures)
    mixed = average_precision(figures, "en+ru", "en")
    assert mixed["dateline"] > mixed["blind fusion"]
    titles = [table.title for table in tables(figures)]
    assert titles == ["R@10", "AP", "Success@1", "nDCG@10", "AUROC of answerability"]
    assert sum(table.row_count for table in tables(figures)) == 2 + 2 + 2 + 4 + 6


@needs_xquad
def test_retrieval_is_ahead_of_the_usual(tmp_path: Path) -> None:
    """A few questions of two languages, by the command itself."""
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "evals.retrieval", XQUAD, "--languages", "ar,en", "--questions", "12"]
    subprocess.run([*map(str, command), "--json", str(out)], check=True, cwd=ROOT, timeout=280)
    figures = [Figure(**row) for row in json.loads(out.read_text())]
    for language in ("ar", "en"):
        value = average_precision(figures, "ar+en", language)
        assert value["dateline"] > value["plain dense"] + 0.1 > value["blind fusion"]


def test_a_folder_without_files_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserFixableError, match=r"xquad\.LANGUAGE\.json"):
        read_parallel(tmp_path)
    for script in ("evals.retrieval", "evals.calibrate"):
        ended = subprocess.run(
            [sys.executable, "-m", script, str(tmp_path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
        )
        assert ended.returncode == 2 and "Traceback" not in ended.stderr and str(tmp_path) in ended.stderr
