"""evals/measures.py, statistics.py, ranking.py, compare.py, gate.py: against values worked out by hand."""

import math
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from evals.compare import compare, drops
from evals.errors import DatasetError, RunError
from evals.gate import parse_floors, reasons_to_fail
from evals.judge import kappa
from evals.measures import MEASURES, Pairs, calibration, risk_coverage
from evals.ranking import (
    ranking_scores,
    read_qrels,
    read_run,
    sentence_ranking,
    write_qrels,
    write_run,
)
from evals.run import evidence_matrix, figures_of, grouped_figures, spread
from evals.statistics import difference, figure, holm
from evals.types import Case, CaseResult, CaseScores, Located, Pair, Reply, Run, Span

RATIO, AUROC, AURC = MEASURES["fact recall"], MEASURES["AUROC"], MEASURES["AURC"]


def table(*pairs: Pair) -> Pairs:
    return np.array(pairs, float).reshape(-1, 2)


# --- measures


def test_every_measure_says_what_it_means() -> None:
    assert all(measure.meaning and measure.name == name for name, measure in MEASURES.items())
    assert {measure.group for measure in MEASURES.values()} == {
        "retrieval",
        "answer",
        "citations",
        "abstention",
        "judge",
        "cost",
    }


def test_rankings_by_hand() -> None:
    scores = ranking_scores({"q": ["x", "a", "y", "b"]}, {"q": ["a", "b", "c"], "missed": ["a"]})
    # Relevant at ranks 2 and 4, of three.
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores["q"] == pytest.approx(
        {
            "hit@1": 0,
            "hit@5": 1,
            "recall@10": 2 / 3,
            "MRR": 1 / 2,
            "nDCG@10": (1 / math.log2(3) + 1 / math.log2(5)) / ideal,
            "mAP": (1 / 2 + 2 / 4) / 3,
        }
    )
    assert set(scores["missed"].values()) == {0}


def test_a_sentence_found_again_takes_no_rank() -> None:
    gold = [[Span("a", 0, 10)], [Span("a", 20, 30), Span("b", 0, 10)]]
    found = [Span("a", 0, 10), Span("a", 1, 9), Span("c", 0, 5), Span("b", 0, 10), Span("a", 20, 30)]
    assert sentence_ranking(found, gold) == ["0", "other 2", "1"]


def test_area_under_roc_by_hand() -> None:
    # Of the four pairs of a true and a false case, three are in order.
    assert AUROC.combine(table((0.9, 1), (0.4, 1), (0.6, 0), (0.1, 0))) == float(Fraction(3, 4))
    assert AUROC.combine(table((0.5, 1), (0.5, 0))) == 0.5
    assert AUROC.combine(table((0.5, 1), (0.6, 1))) is None


def test_risk_and_coverage_by_hand() -> None:
    # Surest first: right, wrong, right, wrong; the last two are equally sure.
    coverage, risk = risk_coverage(table((0.1, 0), (0.9, 1), (0.5, 0), (0.1, 1)))
    assert coverage.tolist() == [0.25, 0.5, 1.0]
    assert risk.tolist() == [0.0, 0.5, 0.5]
    expected = Fraction(1, 4) * 0 + Fraction(1, 4) * Fraction(1, 2) + Fraction(1, 2) * Fraction(1, 2)
    assert AURC.combine(table((0.1, 0), (0.9, 1), (0.5, 0), (0.1, 1))) == float(expected)
    assert AURC.combine(table((0.9, 1), (0.2, 1))) == 0


def test_calibration_by_hand() -> None:
    pairs = table((0.05, 0), (0.95, 1), (0.91, 0), (1.0, 1))
    # The first tenth says .05 and none is true; the last says (.95 + .91 + 1) / 3 and 2 of 3 are true.
    said = (0.95 + 0.91 + 1.0) / 3
    assert [n for _, _, n in calibration(pairs)] == [1, 3]
    expected = (1 * 0.05 + 3 * abs(said - 2 / 3)) / 4
    assert MEASURES["ECE"].combine(pairs) == pytest.approx(expected)
    squares = (0.05**2 + 0.05**2 + 0.91**2 + 0.0**2) / 4
    assert MEASURES["Brier score"].combine(pairs) == pytest.approx(squares)


def test_percentiles_are_interpolated() -> None:
    seconds = table((4, 1), (1, 1), (3, 1), (2, 1))
    assert MEASURES["seconds p50"].combine(seconds) == 2.5
    assert MEASURES["seconds p95"].combine(seconds) == pytest.approx(3.85)


def test_abstention_by_hand() -> None:
    # (abstained, answerable): 3 abstentions, 2 of them right; 4 unanswerable; 5 of 8 decided well.
    decisions = [(1, 0), (1, 0), (1, 1), (0, 0), (0, 0), (0, 1), (0, 1), (0, 1)]
    precision = [(float(a and not b), float(a)) for a, b in decisions]
    recall = [(float(a and not b), float(not b)) for a, b in decisions]
    assert MEASURES["abstention precision"].combine(table(*precision)) == float(Fraction(2, 3))
    assert MEASURES["abstention recall"].combine(table(*recall)) == float(Fraction(2, 4))


def test_kappa_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: agreement .7, by chance .5 (Cohen's usual example).
    votes = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert kappa(table(*votes)) == pytest.approx(0.4)
    assert kappa(table((1, 1), (1, 1))) is None


# --- statistics


def test_the_interval_holds_the_figure_and_narrows_with_more_cases() -> None:
    few: list[Pair] = [(float(number % 4 != 0), 1.0) for number in range(20)]
    wide, narrow = figure(RATIO, few), figure(RATIO, few * 20)
    assert wide.value == narrow.value == 0.75
    assert wide.low is not None and wide.high is not None
    assert narrow.low is not None and narrow.high is not None
    assert 0.4 < wide.low < 0.75 < wide.high <= 1
    # The standard error of a share p of n cases is sqrt(p (1 - p) / n): 0.0217 for 400.
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 0.0217, abs=0.01)
    assert figure(RATIO, few) == wide


def test_n_counts_the_cases_with_a_say() -> None:
    pairs = [(1.0, 1.0), (0.0, 0.0), (1.0, 2.0)]
    found = figure(RATIO, pairs)
    assert (found.value, found.n) == (2 / 3, 2)
    nobody = figure(RATIO, [(0.0, 0.0)])
    assert (nobody.value, nobody.low, nobody.n) == (None, None, 0)
    assert figure(RATIO, []).value is None
    alone = figure(RATIO, [(1.0, 2.0)])
    assert (alone.low, alone.high, alone.n) == (0.5, 0.5, 1)


def test_a_curve_has_an_interval_too() -> None:
    draw = random.Random(1)
    pairs = [(draw.gauss(float(n % 2), 1.0), float(n % 2)) for n in range(200)]
    found = figure(AUROC, pairs)
    # Two normal distributions one deviation apart: the area is Phi(1 / sqrt 2) = .76.
    assert found.low is not None and found.value is not None and found.high is not None
    assert found.low < 0.76 < found.high and 0.05 < found.high - found.low < 0.2


def test_a_difference_is_paired() -> None:
    """The same change in every case is sure, however much the cases differ among themselves."""
    draw = random.Random(2)
    before: list[Pair] = [(draw.random() * 0.8, 1.0) for _ in range(40)]
    after: list[Pair] = [(value + 0.1 + draw.random() * 0.02, 1.0) for value, _ in before]
    found = difference(RATIO, before, after)
    assert found is not None
    assert 0.1 < found.low < found.after - found.before < found.high < 0.12
    assert found.p < 0.001


def test_the_p_value_of_few_cases_is_exact() -> None:
    # All three cases got better: of the 8 ways to swap them, 2 are as extreme.
    found = difference(RATIO, [(0.0, 1.0)] * 3, [(1.0, 1.0)] * 3)
    assert found is not None and found.p == pytest.approx(2 / 8)
    same = difference(RATIO, [(0.3, 1.0)] * 3, [(0.3, 1.0)] * 3)
    assert same is not None and (same.p, same.low, same.high) == (1.0, 0.0, 0.0)
    assert difference(RATIO, [(0.0, 0.0)], [(1.0, 1.0)]) is None


def test_chance_is_seldom_taken_for_a_difference() -> None:
    """Under the null hypothesis a p-value below .05 comes in one of twenty trials."""
    draw = random.Random(3)
    found = 0
    for _ in range(100):
        before = [(float(draw.random() < 0.7), 1.0) for _ in range(30)]
        after = [(float(draw.random() < 0.7), 1.0) for _ in range(30)]
        result = difference(RATIO, before, after)
        found += result is not None and result.p < 0.05
    assert found <= 12


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


# --- runs


def scored(number: int, recall: float, *, failed: bool = False, **others: Pair) -> CaseScores:
    return CaseScores("s", f"q{number}", "en", failed, {"fact recall": (recall, 1.0), **others})


def made(*cases: CaseScores, errors: int = 0) -> Run:
    found = figures_of(case.scores for case in cases)
    return Run("r", "2026-01-01", 1.0, "x", {}, {"all": found}, {}, cases, errors)


def test_flipped_cases_are_listed() -> None:
    before = made(scored(1, 1.0), scored(2, 0.0, failed=True), scored(3, 1.0), scored(9, 1.0))
    after = made(scored(1, 0.0, failed=True), scored(2, 1.0), scored(3, 1.0), scored(4, 1.0))
    found = compare(before, after)
    assert (found.cases, found.only_before, found.only_after) == (3, 1, 1)
    assert [case.id for case in found.broken] == ["q1"]
    assert [case.id for case in found.mended] == ["q2"]
    with pytest.raises(RunError, match="no case"):
        compare(before, made(scored(77, 1.0)))


def test_the_gate_fails_on_a_drop_and_not_on_noise() -> None:
    draw = random.Random(4)
    baseline = made(*(scored(n, draw.random()) for n in range(60)))
    values = [case.scores["fact recall"][0] for case in baseline.cases]
    noisy = made(*(scored(n, value + draw.gauss(0, 0.1)) for n, value in enumerate(values)))
    worse = made(*(scored(n, value - 0.15 + draw.gauss(0, 0.1)) for n, value in enumerate(values)))
    better = made(*(scored(n, value + 0.15) for n, value in enumerate(values)))
    assert reasons_to_fail(baseline, baseline, {})[0] == []
    assert reasons_to_fail(noisy, baseline, {})[0] == []
    assert reasons_to_fail(better, baseline, {})[0] == []
    (reason,), comparison = reasons_to_fail(worse, baseline, {})
    assert reason.startswith("fact recall fell from")
    assert comparison is not None and drops(comparison.differences)


def test_the_gate_minds_floors_lost_cases_and_failures() -> None:
    run = made(scored(1, 0.5, **{"offsets exact": (1.0, 2.0)}), errors=2)
    reasons, _ = reasons_to_fail(run, made(scored(1, 0.5), scored(2, 0.5)), {"fact recall": 0.6})
    assert len(reasons) == 4
    assert any("2 cases got no reply" in reason for reason in reasons)
    assert any("offsets exact" in reason for reason in reasons)
    assert any("fact recall is 0.500" in reason for reason in reasons)
    assert any("1 cases of the baseline" in reason for reason in reasons)
    # Of an error, less is better: the floor is a ceiling.
    assert reasons_to_fail(made(scored(1, 1.0, ECE=(0.9, 0.0))), None, {"ECE": 0.5})[0]
    assert reasons_to_fail(made(scored(1, 1.0)), None, {"AUROC": 0.5})[0] == [
        "AUROC: no case has a say in it"
    ]


def test_floors_are_named() -> None:
    assert parse_floors(["fact recall=0.7", "ECE=.1"]) == {"fact recall": 0.7, "ECE": 0.1}
    for wrong in ("fact recall", "fact recall=x", "wit=0.7"):
        with pytest.raises(RunError, match="--fail-below"):
            parse_floors([wrong])


def result(suite: str, language: str, kind: str, value: float) -> CaseResult:
    case = Case(f"{suite}{language}{kind}", language, "?", True, kind=kind)
    by_evidence = {"ar": {"article mAP": (value, 1.0)}}
    scores = {"article mAP": (value, 1.0)}
    return CaseResult(suite, case, Located((), {}), Reply(), scores, by_evidence, ())


def test_figures_are_grouped_where_there_is_something_to_group() -> None:
    results = [result("s", "en", "a", 1.0), result("s", "ar", "b", 0.5), result("s", "ar", "b", 0.0)]
    groups = grouped_figures(results)
    assert set(groups) == {"all", "question ar", "question en", "kind a", "kind b"}
    assert groups["question ar"][0].value == 0.25
    assert evidence_matrix(results)["en"]["ar"][0].value == 1.0
    assert set(grouped_figures(results[:1])) == {"all"}


def test_a_limit_takes_cases_from_everywhere() -> None:
    cases = [Case(str(number), "en", "?", False) for number in range(10)]
    assert [case.id for case in spread(cases, 3)] == ["0", "3", "6"]
    assert spread(cases, 0) == spread(cases, 99) == cases


# --- TREC's files


def test_names_with_spaces_go_through_trec_files(tmp_path: Path) -> None:
    rankings = {"q 1": ["b c", "a"], "قبل": ["x%20y"]}
    relevant = {"q 1": ["a"], "قبل": ["x%20y", "z"]}
    write_run(tmp_path / "run", rankings)
    write_qrels(tmp_path / "qrels", relevant)
    assert read_run(tmp_path / "run") == rankings
    assert read_qrels(tmp_path / "qrels") == relevant
    first = (tmp_path / "run").read_text("utf-8").splitlines()[0].split()
    assert first == ["q%201", "Q0", "b%20c", "1", "1.000000", "dateline"]


def test_what_is_no_trec_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("q Q0 a 1\n")
    with pytest.raises(DatasetError, match="TREC"):
        read_run(tmp_path / "bad")
    with pytest.raises(DatasetError, match="gone"):
        read_qrels(tmp_path / "gone")
