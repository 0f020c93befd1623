"""evals/: the figures against values worked out by hand, the golden files, a run from end to end."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, ROOT, SAMPLE_ARTICLES, open_archive
from rich.console import Console

from evals import metrics
from evals.datasets import DatasetError, read_golden
from evals.facts import share_stated, states
from evals.report import failed, print_failed, print_report, report_to_json
from evals.run import FIGURES, evaluate, failures, figures, locate, score
from evals.types import Case, CaseResult, Gold, Ratio, Report, Span
from index.archive import Archive
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from index.types import Article, Coverage, Filters, Hit, Passage, Sentence
from rag.chat import Assistant
from rag.config import Settings
from rag.types import Answer, Citation, Evidence, RankedPassage, Source, Statement

CROCUS = ROOT.parent / "shared" / "crocus"
NONE: frozenset[int] = frozenset()


def matches(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


# Rank 1 is nothing, rank 2 stands for gold items 0 and 1, rank 4 for 0 again, rank 5 for 2.
RANKING = [NONE, matches(0, 1), NONE, matches(0), matches(2)]


@pytest.mark.parametrize(("k", "expected"), [(1, 0), (2, 1), (5, 1), (50, 1)])
def test_hit_at_k(k: int, expected: int) -> None:
    assert metrics.hit_at(k, RANKING) == expected


@pytest.mark.parametrize(
    ("k", "expected"),
    [(1, Fraction(0)), (2, Fraction(2, 4)), (4, Fraction(2, 4)), (5, Fraction(3, 4)), (9, Fraction(3, 4))],
)
def test_recall_at_k(k: int, expected: Fraction) -> None:
    assert metrics.recall_at(k, RANKING, 4) == float(expected)


def test_recall_of_an_empty_ranking_is_zero() -> None:
    assert metrics.recall_at(10, [], 3) == 0


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (RANKING, Fraction(1, 2)),
        ([matches(3)], Fraction(1)),
        ([NONE, NONE, matches(0)], Fraction(1, 3)),
        ([NONE, NONE], Fraction(0)),
        ([], Fraction(0)),
    ],
)
def test_reciprocal_rank(ranking: list[frozenset[int]], expected: Fraction) -> None:
    assert metrics.reciprocal_rank(ranking) == float(expected)


def test_citation_precision_and_recall() -> None:
    # Three sentences are cited, two of them gold; they cover 2 of 5 gold quotations.
    cited = [matches(0), NONE, matches(0, 4)]
    assert metrics.citation_precision(cited) == Ratio(float(Fraction(2, 3)))
    assert metrics.citation_recall(cited, 5) == Ratio(float(Fraction(2, 5)))


def test_an_abstention_has_no_precision_and_no_recall() -> None:
    assert metrics.total([metrics.citation_precision([])]) is None
    assert metrics.citation_recall([], 5) == Ratio(0.0)


def test_abstention_figures() -> None:
    # (abstained, answerable): 3 abstentions, 2 of them right; 4 unanswerable; 5 of 8 decided well.
    decisions = [
        (True, False),
        (True, False),
        (True, True),
        (False, False),
        (False, False),
        (False, True),
        (False, True),
        (False, True),
    ]
    assert metrics.total([metrics.abstention_precision(*d) for d in decisions]) == float(Fraction(2, 3))
    assert metrics.total([metrics.abstention_recall(*d) for d in decisions]) == float(Fraction(2, 4))
    assert metrics.total([metrics.abstention_accuracy(*d) for d in decisions]) == float(Fraction(5, 8))


def test_a_figure_nobody_has_a_say_in_is_none() -> None:
    assert metrics.total([]) is None
    assert metrics.total([Ratio(0, 0)]) is None
    assert metrics.interval([]) is None
    assert metrics.interval([Ratio(0, 0), Ratio(0, 0)]) is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 30, True),  # the quotation itself
        (0, 40, True),  # a sentence around it
        (15, 18, True),  # a part of it
        (20, 40, True),  # half of each
        (21, 41, False),  # less than half of both
        (29, 60, False),  # a full stop in common
        (30, 50, False),  # the neighbour
        (0, 10, False),
    ],
)
def test_a_span_matches_by_what_it_shares(start: int, end: int, expected: bool) -> None:
    gold = [[Span("other", 10, 30)], [Span("a", 500, 520), Span("a", 10, 30)]]
    assert metrics.matched([Span("a", start, end)], gold) == (matches(1) if expected else NONE)


def test_a_copy_of_a_sentence_matches_for_it() -> None:
    gold = [[Span("a", 0, 5)], [Span("b", 0, 5)]]
    assert metrics.matched([Span("c", 0, 5), Span("b", 0, 5)], gold) == matches(1)


def test_the_interval_holds_the_figure_and_narrows_with_more_cases() -> None:
    few = [Ratio(float(number % 4 != 0)) for number in range(20)]
    many = few * 20
    low, high = metrics.interval(few) or (0, 0)
    narrow_low, narrow_high = metrics.interval(many) or (0, 0)
    assert 0.4 < low < 0.75 < high <= 1
    # The standard error of a share p of n cases is sqrt(p (1 - p) / n): 0.097 and 0.0217 here.
    assert narrow_high - narrow_low == pytest.approx(2 * 1.96 * 0.0217, abs=0.01)
    assert metrics.interval(few) == (low, high)
    assert metrics.interval([Ratio(1.0)] * 3) == (1, 1)


def test_percentiles_are_interpolated() -> None:
    assert metrics.percentile([4, 1, 3, 2], 50) == 2.5
    assert metrics.percentile([1, 2, 3, 4, 5], 95) == pytest.approx(4.8)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("They were interrogating suspects.", ["question", "interrogat"]),
        ("Iranian officials", ["Iran"]),
        ("Иранский чиновник", ["Иран"]),
        ("ИРАН ПРЕДУПРЕДИЛ", ["Иран"]),
        ("счёт", ["счет"]),
        ("وإيران حذّرت", ["ايران"]),
        ("أبلغت إيران بالكرملين", ["الكرملين"]),
        ("تحذير للولايات المتحدة", ["الولايات المتحدة"]),
        ("قُتِل ١٤٤ شخصًا", ["144"]),
        ("۱۴۴ نفر کشته شدند", ["144"]),
        ("مسکو و تهران", ["مسكو"]),
        ("داعش\u200cخراسان", ["داعش خراسان"]),
        ("killed 1,440 people", ["1440"]),
        ("погибли 1\u00a0440 человек", ["1440"]),
        ("exactly 144.", ["144"]),
        ("the US embassy", ["US"]),
        ("IS claimed it", ["IS "]),
        ("«Исламское государство»", ["Исламское государство"]),
        ("Islamic  State\nKhorasan", ["Islamic State Khorasan"]),
        ("a 'duty to warn' policy", ["duty to warn"]),
    ],
)
def test_a_fact_is_found_in_the_writing_of_its_language(text: str, forms: list[str]) -> None:
    assert states(text, forms)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Russia and us", ["US"]),
        ("this is that", ["IS "]),
        ("it was noted", ["No"]),
        ("1,144 people", ["144"]),
        ("1440 people", ["144"]),
        ("14.4 %", ["4"]),
        ("4.5 %", ["4"]),
        ("a Kermanshah train", ["Tehran"]),
        ("пограничная", ["граница"]),
        ("عبد الله", ["لهب"]),
        ("", ["Iran"]),
    ],
)
def test_a_fact_is_not_found_inside_something_else(text: str, forms: list[str]) -> None:
    assert not states(text, forms)


def test_share_of_facts() -> None:
    required = [["Iran", "Tehran"], ["Russia", "Moscow"], ["United States", "US"]]
    assert share_stated("Tehran warned Moscow.", required) == float(Fraction(2, 3))


# --- golden files


def line(**changes: object) -> str:
    case: dict[str, object] = {
        "id": "q1",
        "language": "en",
        "question": "Who?",
        "answerable": True,
        "evidence": [{"article": "a", "quote": "It was he."}],
        "required": [["he"]],
        "reference_answer": "He.",
    }
    return json.dumps(case | changes)


def test_a_golden_line_becomes_a_case(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(line() + "\n\n" + line(id="q2", answerable=False, evidence=[], required=[]) + "\n")
    first, second = read_golden(file)
    assert first == Case("q1", "en", "Who?", True, (Gold("a", "It was he."),), (("he",),), "He.", line=1)
    assert (second.id, second.answerable, second.line) == ("q2", False, 3)


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "null",
        line(question=None),
        line(question=""),
        line(answerable="yes"),
        line(answerable=False),
        line(evidence=[]),
        line(evidence=[{"article": "a"}]),
        line(required=["he"]),
        line(required=[[]]),
        line(required=[[" "]]),
        line(requird=[]),
        line(id="q0"),
        '{"id": "q1"}',
    ],
)
def test_a_bad_golden_line_is_named(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(line(id="q0") + "\n" + bad + "\n")
    with pytest.raises(DatasetError, match="line 2") as caught:
        read_golden(file)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_bytes(line(id="q0").encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(DatasetError, match="line 2"):
        read_golden(file)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_golden_file_without_questions_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="no question"):
        read_golden(file)


def test_a_missing_golden_file_is_one_line_of_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"missing\.jsonl"):
        read_golden(tmp_path / "missing.jsonl")


def test_every_quotation_of_the_sample_stands_in_its_article(sample_archive: Archive) -> None:
    cases = read_golden(GOLDEN)
    assert {case.language for case in cases} == {"ar", "en", "fa", "ru"}
    for case in cases:
        spans = locate(sample_archive, case)
        assert len(spans) == len(case.evidence)
        for gold, places in zip(case.evidence, spans, strict=True):
            text = sample_archive.article(gold.article).text
            assert {text[place.start_char : place.end_char] for place in places} == {gold.quote}


def test_a_quotation_is_found_everywhere_and_across_lines(empty_archive: Archive) -> None:
    text = "He said no. Others agreed.\nHe said\nno. The end."
    assert [o.status for o in ingest(empty_archive, [Article("a", "T", text, language="en")])] == ["added"]
    case = Case("q", "en", "?", True, (Gold("a", "He said no."),))
    assert locate(empty_archive, case) == [[Span("a", 0, 11), Span("a", 27, 38)]]


@pytest.mark.parametrize(
    ("gold", "named"), [(Gold("b", "He said no."), "'b'"), (Gold("a", "He said yes."), "He said yes")]
)
def test_gold_that_does_not_fit_the_archive_is_named(
    empty_archive: Archive, gold: Gold, named: str
) -> None:
    list(ingest(empty_archive, [Article("a", "T", "He said no.", language="en")]))
    with pytest.raises(DatasetError, match=named) as caught:
        locate(empty_archive, Case("q7", "en", "?", True, (gold,), line=7))
    assert "'q7' (line 7)" in str(caught.value)


# --- one case

TEXT = "Iran warned Russia. Nobody listened. The hall burned."
ARTICLE = Article("a", "T", TEXT, language="en")
COPY = Article("copy", "T", "Moscow. " + TEXT, language="en")
WARNED, LISTENED, BURNED = (Sentence(TEXT[a:b], a, b) for a, b in ((0, 19), (20, 36), (37, 53)))
COVERAGE = Coverage(2, 2, ("en",), (), "", "", Filters())
CASE = Case(
    "q",
    "en",
    "Who warned whom, and what burned?",
    True,
    (Gold("a", WARNED.text), Gold("a", BURNED.text), Gold("copy", WARNED.text), Gold("copy", BURNED.text)),
    (("Iran",), ("hall", "theatre"), ("Turkey",)),
)
GOLD = [
    [Span("a", 0, 19)],
    [Span("a", 37, 53)],
    [Span("copy", 8, 27)],
    [Span("copy", 45, 61)],
]


def hit(sentence: Sentence, article: Article = ARTICLE) -> Hit:
    return Hit(article, Passage((WARNED, LISTENED, BURNED)), sentence, 1.0, np.zeros(2, np.float32))


def found(*hits: Hit) -> Evidence:
    """Evidence with these sentences, and the passage around them."""
    passages = tuple(
        RankedPassage(
            article=h.article, passage=h.passage, sentences=(h.sentence,), scores=(h.score,), score=h.score
        )
        for h in hits
    )
    return Evidence(CASE.question, "en", hits, passages, COVERAGE, 0.5)


def cite(index: int, sentence: Sentence, *also: Source) -> Citation:
    return Citation(
        index,
        "a",
        "T",
        "",
        "",
        "",
        "en",
        sentence.text,
        sentence.start_char,
        sentence.end_char,
        True,
        "",
        also,
    )


def answer(*citations: Citation, language: str = "en", abstained: bool = False) -> Answer:
    return Answer(
        question=CASE.question,
        language="en",
        status="abstained" if abstained else "grounded",
        statements=tuple(Statement(c.cited_text, language, (c.index,)) for c in citations),
        citations=citations,
        coverage=COVERAGE,
        answerability=0.25 if abstained else 0.75,
        abstained=abstained,
        reason="the evidence is too weak" if abstained else "",
    )


def shares(scores: dict[str, Ratio]) -> dict[str, float]:
    return {n: r.numerator / r.denominator for n, r in scores.items() if r.denominator}


def test_scores_of_an_answered_case() -> None:
    copy = Source("copy", "T", "", "", "", 8, 27)
    given = answer(cite(1, LISTENED), cite(2, WARNED, copy))
    scores = shares(score(CASE, GOLD, found(hit(LISTENED), hit(WARNED), hit(BURNED)), given))
    # Found: article a of {a, copy}; gold quotations 0 and 1 of 4, the first at rank 2.
    # Cited: one of two sentences is gold; with its copy it covers 0 and 2 of 4. One of 3 facts.
    assert scores == {
        "article hit@1": 1,
        "article hit@5": 1,
        "article recall@10": float(Fraction(1, 2)),
        "article MRR": 1,
        "sentence hit@1": 0,
        "sentence hit@5": 1,
        "sentence recall@10": float(Fraction(2, 4)),
        "sentence MRR": float(Fraction(1, 2)),
        "citation precision": float(Fraction(1, 2)),
        "citation recall": float(Fraction(2, 4)),
        "fact recall": float(Fraction(1, 3)),
        "abstention accuracy": 1,
    }
    assert failures(CASE, GOLD, found(), given) == ["does not state: hall, Turkey"]


def test_a_citation_is_gold_by_its_copy_alone() -> None:
    only_copy = replace(CASE, evidence=(Gold("copy", WARNED.text),))
    given = answer(cite(1, WARNED, Source("copy", "T", "", "", "", 8, 27)))
    assert shares(score(only_copy, [[Span("copy", 8, 27)]], found(), given))["citation precision"] == 1


def test_an_answer_partly_in_another_language_has_no_say_in_fact_recall() -> None:
    given = answer(cite(1, WARNED), cite(2, BURNED))
    given = replace(given, statements=(given.statements[0], replace(given.statements[1], language="ru")))
    assert "fact recall" not in score(CASE, GOLD, found(), given)
    assert failures(CASE, GOLD, found(), given) == []


def test_scores_of_a_wrong_abstention() -> None:
    scores = shares(score(CASE, GOLD, found(hit(WARNED)), answer(abstained=True)))
    assert scores["citation recall"] == scores["fact recall"] == scores["abstention accuracy"] == 0
    assert scores["abstention precision"] == 0
    assert "citation precision" not in scores
    assert "abstention recall" not in scores
    (reason,) = failures(CASE, GOLD, found(hit(LISTENED), hit(WARNED)), answer(abstained=True))
    assert "too weak" in reason
    assert "0.25" in reason
    assert "rank 2" in reason


def test_scores_of_an_unanswerable_case() -> None:
    case = Case("q", "en", "?", False)
    right = shares(score(case, [], found(hit(WARNED)), answer(abstained=True)))
    assert right == {"abstention precision": 1, "abstention recall": 1, "abstention accuracy": 1}
    assert failures(case, [], found(), answer(abstained=True)) == []
    wrong = shares(score(case, [], found(hit(WARNED)), answer(cite(1, WARNED))))
    assert wrong == {"abstention recall": 0, "abstention accuracy": 0}
    assert "0.75" in failures(case, [], found(), answer(cite(1, WARNED)))[0]


def test_a_wrong_citation_is_a_failure_that_says_where_the_right_one_was() -> None:
    (reason,) = failures(
        replace(CASE, required=()), GOLD, found(hit(LISTENED), hit(BURNED)), answer(cite(1, LISTENED))
    )
    assert reason == "cites no gold sentence; gold sentence at rank 2"


def test_figures_count_the_cases_with_a_say() -> None:
    cases = [
        (CASE, answer(cite(1, WARNED))),
        (CASE, answer(abstained=True)),
        (Case("n", "en", "?", False), answer(abstained=True)),
    ]
    results = [
        CaseResult(case, given, found(), score(case, GOLD, found(), given), (), 1.0)
        for case, given in cases
    ]
    by_name = {figure.name: figure for figure in figures(results)}
    assert list(by_name) == list(FIGURES)
    assert (by_name["citation precision"].value, by_name["citation precision"].n) == (1.0, 1)
    assert (by_name["citation recall"].value, by_name["citation recall"].n) == (float(Fraction(1, 8)), 2)
    assert (by_name["abstention precision"].value, by_name["abstention precision"].n) == (0.5, 2)
    assert by_name["abstention accuracy"].value == float(Fraction(2, 3))
    assert by_name["abstention accuracy"].n == 3


# --- whole runs


@pytest.fixture(scope="module")
def report(assistant: Assistant) -> Report:
    return evaluate(assistant, read_golden(GOLDEN))


def value(report: Report, name: str) -> float:
    return next(figure.value for figure in report.overall if figure.name == name) or 0.0


def test_the_sample_is_answered_well(report: Report) -> None:
    """Bounds below what is measured (see the README), so that only a real loss fails."""
    assert value(report, "article hit@5") >= 0.9
    assert value(report, "sentence hit@5") >= 0.8
    assert value(report, "citation precision") >= 0.5
    assert value(report, "abstention accuracy") >= 0.7


def test_the_report_as_json_agrees_with_its_table(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(json.dumps(report_to_json(report)))
    assert data["questions"] == len(report.results) == 64
    assert set(data["by_language"]) == {"ar", "en", "fa", "ru"}
    assert [case["id"] for case in data["cases"]] == [case.id for case in read_golden(GOLDEN)]
    assert 0 < data["latency_ms"]["p50"] <= data["latency_ms"]["p95"]
    print_report(report, Console(width=80))
    printed = capsys.readouterr().out
    for figure in data["overall"]:
        assert figure["low"] <= figure["value"] <= figure["high"]
        row = next(row for row in printed.splitlines() if row.startswith(figure["name"] + " "))
        assert row.split()[-7:-4] == [
            str(figure["n"]),
            f"{figure['value']:.2f}",
            f"{figure['low']:.2f}-{figure['high']:.2f}",
        ]
    assert re.search(r"^questions +64 +16 +16 +16 +16 *$", printed, re.MULTILINE)
    assert "p95" in printed


def test_the_failed_questions_are_listed_with_their_reasons(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    print_failed(report, Console(width=80))
    printed = capsys.readouterr().out
    for result in report.results:
        listed = f"{result.case.id} [{result.case.language}]\n" in printed
        assert listed == bool(result.failures) == (result in failed(report))
        for reason in result.failures:
            assert reason in printed


@pytest.mark.skipif(not CROCUS.is_dir(), reason="the Crocus questions are not beside this checkout")
def test_the_crocus_questions(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "archive", embedder)
    assert [o.article_id for o in ingest(archive, read([CROCUS / "article.txt"]))] == ["article.txt"]
    assistant = Assistant(Settings(archive=tmp_path / "archive"), archive)
    report = evaluate(assistant, read_golden(CROCUS / "questions.jsonl"))
    archive.close()
    assert len(report.results) == 10
    assert value(report, "sentence hit@5") >= 0.7


def test_the_sample_is_what_the_archive_is_made_of(sample_archive: Archive) -> None:
    ids = {json.loads(row)["id"] for row in SAMPLE_ARTICLES.read_text("utf-8").splitlines()}
    assert {article.id for article in sample_archive.articles(limit=1000)} == ids
