"""evals/: cases and suites, where gold stands, and a case's share in each figure."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import GOLDEN, ROOT, SAMPLE_ARTICLES

from evals.cases import read_cases
from evals.errors import DatasetError
from evals.facts import share_stated, states
from evals.gold import locate
from evals.ranking import matched
from evals.score import answer_scores, failures, judge_scores, retrieval_scores
from evals.suites import load_suites
from evals.types import Case, Gold, Located, Quote, Reply, Span, Verdict
from evals.wording import exact_match, token_f1
from index.archive import Archive
from index.errors import ArticleNotFoundError
from index.types import Article
from rag.types import Citation, Source, Statement, Tokens, Turn

XQUAD = ROOT.parent / "shared" / "xquad"
CROCUS = ROOT.parent / "shared" / "crocus"


def gold(article: str, quote: str) -> Gold:
    return Gold((Quote(article, quote),))


# --- cases


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


def test_a_line_becomes_a_case(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(line() + "\n\n" + line(id="q2", answerable=False, evidence=[], required=[]) + "\n")
    first, second = read_cases(file)
    assert first == Case(
        "q1",
        "en",
        "Who?",
        True,
        (gold("a", "It was he."),),
        required=(("he",),),
        reference_answers=("He.",),
        line=1,
    )
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
        line(history=[{"role": "system", "content": "x"}]),
        line(answerable=False, evidence=[], relevant=["a"]),
        line(id="q0"),
        '{"id": "q1"}',
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(line(id="q0") + "\n" + bad + "\n")
    with pytest.raises(DatasetError, match="line 2") as caught:
        read_cases(file)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_bytes(line(id="q0").encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(DatasetError, match="line 2"):
        read_cases(file)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_cases_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="no case"):
        read_cases(file)


def test_a_missing_file_is_one_line_of_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"missing\.jsonl"):
        read_cases(tmp_path / "missing.jsonl")


def test_a_case_may_follow_a_conversation(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    said = [{"role": "user", "content": "Who sank?"}, {"role": "assistant", "content": "The Alma."}]
    file.write_text(line(history=said, relevant=["b"], kind="follow-up") + "\n")
    (case,) = read_cases(file)
    assert case.history == (Turn("user", "Who sank?"), Turn("assistant", "The Alma."))
    assert (case.relevant, case.kind) == (("b",), "follow-up")


# --- suites


def test_every_quotation_of_the_sample_stands_in_its_article(sample_archive: Archive) -> None:
    (suite,) = load_suites("sample")
    assert suite.cases == tuple(read_cases(GOLDEN))
    assert {case.language for case in suite.cases} == {"ar", "en", "fa", "ru"}
    for case in suite.cases:
        located = locate(case, sample_archive.article)
        assert len(located.spans) == len(case.evidence)
        for each, places in zip(case.evidence, located.spans, strict=True):
            text = sample_archive.article(each.places[0].article).text
            assert {text[p.start_char : p.end_char] for p in places} == {each.places[0].quote}


def test_the_sample_is_what_the_archive_is_made_of(sample_archive: Archive) -> None:
    ids = {json.loads(row)["id"] for row in SAMPLE_ARTICLES.read_text("utf-8").splitlines()}
    assert {article.id for article in sample_archive.articles(limit=1000)} == ids
    assert {article.id for article in load_suites("sample")[0].articles} == ids


@pytest.mark.parametrize("articles", ["articles/a.txt", "a.txt"])
def test_a_folder_of_cases_and_articles_is_a_suite(tmp_path: Path, articles: str) -> None:
    (tmp_path / "cases.jsonl").write_text(line(evidence=[{"article": "a.txt", "quote": "It was he."}]))
    (tmp_path / "README.md").write_text("# What this is")
    (tmp_path / articles).parent.mkdir(exist_ok=True)
    (tmp_path / articles).write_text("It was he. All knew.")
    (suite,) = load_suites(str(tmp_path))
    assert (suite.name, [article.id for article in suite.articles]) == (tmp_path.name, ["a.txt"])
    held = {article.id: article for article in suite.articles}
    assert locate(suite.cases[0], held.__getitem__).spans == ((Span("a.txt", 0, 10),),)
    # A file of cases is the same suite, with the articles beside it.
    (by_file,) = load_suites(str(tmp_path / "cases.jsonl"))
    assert by_file.articles == suite.articles


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("nowhere", {}, "no suite 'nowhere'"),
        ("empty", {}, "cases.jsonl"),
        ("sample", {"pairs": True}, "SQuAD"),
        ("broken", {}, "SQuAD's format"),
    ],
)
def test_what_is_no_suite_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, bool], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.en.json").write_text('{"data": [{"paragraphs": [{"context": ""}]}]}')
    with pytest.raises(DatasetError, match=says):
        load_suites(name, **options)


def squad(language: str, *paragraphs: tuple[str, str, str]) -> str:
    """A file with one question about each paragraph: its text, the question, the answer."""
    found = [
        {
            "context": text,
            "qas": [
                {
                    "id": f"q{number}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": text.index(answer)}] if answer else [],
                    "is_impossible": not answer,
                }
            ],
        }
        for number, (text, question, answer) in enumerate(paragraphs)
    ]
    return json.dumps({"version": "1", "data": [{"title": "T", "paragraphs": found}]})


def two_languages(folder: Path) -> Path:
    english = [("Rain fell. Snow fell in May.", "What fell in May?", "Snow"), ("Dry.", "When?", "")]
    russian = [("Шёл дождь. В мае выпал снег.", "Что выпало в мае?", "снег"), ("Сухо.", "Когда?", "")]
    (folder / "x.en.json").write_text(squad("en", *english))
    (folder / "x.ru.json").write_text(squad("ru", *russian))
    return folder


def test_files_in_squads_format_are_one_archive_of_all_languages(tmp_path: Path) -> None:
    (suite,) = load_suites(str(two_languages(tmp_path)))
    assert [article.id for article in suite.articles] == ["en:0", "en:1", "ru:0", "ru:1"]
    asked = {case.id: case for case in suite.cases}
    assert set(asked) == {"q0-en", "q1-en", "q0-ru", "q1-ru"}
    snow = asked["q0-ru"]
    assert (snow.language, snow.question, snow.reference_answers) == ("ru", "Что выпало в мае?", ("снег",))
    # Either version of the paragraph answers the question; the fact may be told in either language.
    assert set(snow.relevant) == {"en:0", "ru:0"}
    assert snow.required == (("Snow", "снег"),)
    assert snow.required_languages == ("en", "ru")
    held = {article.id: article for article in suite.articles}
    assert locate(snow, held.__getitem__).spans == ((Span("en:0", 11, 15), Span("ru:0", 23, 27)),)
    assert not asked["q1-en"].answerable and not asked["q1-en"].relevant


def test_each_language_may_have_an_archive_of_its_own(tmp_path: Path) -> None:
    english, russian = load_suites(str(two_languages(tmp_path)), pairs=True)
    assert (english.name[-4:], russian.name[-4:]) == ("[en]", "[ru]")
    assert {article.language for article in russian.articles} == {"ru"}
    assert {case.id: case.relevant for case in russian.cases}["q0-en"] == ("ru:0",)
    (alone,) = load_suites(str(tmp_path / "x.ru.json"))
    assert [case.id for case in alone.cases] == ["q0", "q1"]
    (chosen,) = load_suites(str(tmp_path), languages=["en"])
    assert {article.language for article in chosen.articles} == {"en"}
    with pytest.raises(DatasetError, match="fa"):
        load_suites(str(tmp_path), languages=["fa"])


def test_paragraphs_left_out_make_questions_unanswerable(tmp_path: Path) -> None:
    (suite,) = load_suites(str(two_languages(tmp_path)), unanswerable=0.5)
    left = {article.id for article in suite.articles}
    assert len(left) == 2
    for case in suite.cases:
        assert set(case.relevant) <= left
    assert load_suites(str(tmp_path), unanswerable=0.5) == [suite]


@pytest.mark.skipif(not XQUAD.is_dir(), reason="XQuAD is not beside this checkout")
def test_xquad_is_one_archive_of_720_paragraphs() -> None:
    (suite,) = load_suites(str(XQUAD))
    assert (len(suite.articles), len(suite.cases)) == (720, 3570)
    held = {article.id: article for article in suite.articles}
    for case in suite.cases[::50]:
        assert len(locate(case, held.__getitem__).relevant) == 3


def test_multihop_rag(tmp_path: Path) -> None:
    corpus = [
        {"title": "One", "body": "The mine closed. Men left.", "url": "https://a", "source": "S"},
        {"title": "Two", "body": "A bank failed.", "published_at": "2023-11-01T10:00:00+00:00"},
    ]
    queries = [
        {
            "query": "What closed, and what failed?",
            "answer": "the mine and a bank",
            "question_type": "inference_query",
            "evidence_list": [
                {"title": "One", "url": "https://a", "fact": "The mine  closed."},
                {"title": "Two", "fact": "It was said that a bank had failed."},
            ],
        },
        {
            "query": "Who won?",
            "answer": "Insufficient information.",
            "question_type": "null_query",
            "evidence_list": [],
        },
    ]
    (tmp_path / "corpus.json").write_text(json.dumps(corpus))
    (tmp_path / "MultiHopRAG.json").write_text(json.dumps(queries))
    (suite,) = load_suites(str(tmp_path))
    assert [(a.id, a.published_at) for a in suite.articles] == [
        ("https://a", ""),
        ("document-1", "2023-11-01"),
    ]
    asked, null = suite.cases
    assert asked.relevant == ("https://a", "document-1")
    # Only what stands in the article word for word is gold down to the sentence.
    assert [place.article for each in asked.evidence for place in each.places] == ["https://a"]
    assert (asked.kind, asked.required) == ("inference_query", (("the mine and a bank",),))
    assert (null.answerable, null.relevant, null.reference_answers) == (False, (), ())
    queries[0]["evidence_list"] = [{"title": "Three", "fact": "x"}]
    (tmp_path / "MultiHopRAG.json").write_text(json.dumps(queries))
    with pytest.raises(DatasetError, match="Three"):
        load_suites(str(tmp_path))


# --- gold

TEXT = "He said no. Others agreed.\nHe said\nno. The end."
HELD = {"a": Article("a", "T", TEXT, language="en"), "b": Article("b", "T", "x", language="ru")}


def article_of(name: str) -> Article:
    if name not in HELD:
        raise ArticleNotFoundError(name)
    return HELD[name]


def test_a_quotation_is_found_everywhere_and_across_lines() -> None:
    case = Case("q", "en", "?", True, (gold("a", "He said no."),), relevant=("b",))
    located = locate(case, article_of)
    assert located == Located(((Span("a", 0, 11), Span("a", 27, 38)),), {"a": "en", "b": "ru"})
    once = replace(case, evidence=(Gold((Quote("a", "no.", 8),)),))
    assert locate(once, article_of).spans == ((Span("a", 8, 11),),)


@pytest.mark.parametrize(
    ("wrong", "named"), [(gold("c", "He said no."), "'c'"), (gold("a", "He said yes."), "He said yes")]
)
def test_gold_that_does_not_fit_the_archive_is_named(wrong: Gold, named: str) -> None:
    with pytest.raises(DatasetError, match=named) as caught:
        locate(Case("q7", "en", "?", True, (wrong,), line=7), article_of)
    assert "'q7' (line 7)" in str(caught.value)


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
    assert matched([Span("a", start, end)], gold) == (frozenset({1}) if expected else frozenset())


def test_a_copy_of_a_sentence_matches_for_it() -> None:
    gold = [[Span("a", 0, 5)], [Span("b", 0, 5)]]
    assert matched([Span("c", 0, 5), Span("b", 0, 5)], gold) == {1}


# --- facts and wording


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


@pytest.mark.parametrize(
    ("answer", "references", "language", "exact", "f1"),
    [
        ("The ferry Alma.", ["ferry Alma"], "en", 1, Fraction(1)),
        # Three of four words said are among the two... of the reference's three: P 2/4, R 2/3.
        ("It was ferry Alma", ["the ferry Alma sank"], "en", 0, Fraction(4, 7)),
        ("Beirut", ["Tripoli", "beirut!"], "en", 1, Fraction(1)),
        ("وزارة التربية", ["الوزارة التربية"], "ar", 1, Fraction(1)),
        ("وزارة التربية", ["وزارة الصحة"], "ar", 0, Fraction(1, 2)),
        ("۳ بر ۲", ["3 بر 2"], "fa", 1, Fraction(1)),
        ("كتاب‌ها", ["کتاب ها"], "fa", 1, Fraction(1)),
        ("Ещё раз", ["еще раз"], "ru", 1, Fraction(1)),
        ("", ["x"], "en", 0, Fraction(0)),
        ("no no no", ["no"], "en", 0, Fraction(1, 2)),
    ],
)
def test_words_in_common(
    answer: str, references: list[str], language: str, exact: int, f1: Fraction
) -> None:
    assert exact_match(answer, references, language) == exact
    assert token_f1(answer, references, language) == pytest.approx(float(f1))


# --- one case

STORY = "Iran warned Russia. Nobody listened. The hall burned."
WARNED, LISTENED, BURNED = Span("a", 0, 19), Span("a", 20, 36), Span("a", 37, 53)
CASE = Case(
    "q",
    "en",
    "Who warned whom, and what burned?",
    True,
    (gold("a", "Iran warned Russia."), gold("a", "The hall burned."), gold("copy", "Iran warned Russia.")),
    required=(("Iran",), ("hall", "theatre"), ("Turkey",)),
    reference_answers=("Iran warned Russia. The hall burned.",),
)
LOCATED = Located(((WARNED,), (BURNED,), (Span("copy", 8, 27),)), {"a": "en", "copy": "ru"})


def cited(index: int, span: Span, *also: Source, verified: bool = True) -> Citation:
    text = STORY[span.start_char : span.end_char]
    where = (span.start_char, span.end_char)
    return Citation(index, "a", "T", "", "", "", "en", text, *where, verified, "", also)


def answered(*citations: Citation, language: str = "en", **changes: object) -> Reply:
    reply = Reply(
        statements=tuple(Statement(c.cited_text, language, (c.index,)) for c in citations),
        citations=citations,
        exact=(True,) * len(citations),
        articles=("b", "a"),
        sentences=(LISTENED, WARNED, BURNED),
        answerability=0.75,
        milliseconds=250.0,
        first_statement=100.0,
    )
    return replace(reply, **changes)  # type: ignore[arg-type]


ABSTAINED = answered(abstained=True, reason="the evidence is too weak", answerability=0.25)


def test_scores_of_rankings() -> None:
    ((scores, by_evidence),) = retrieval_scores([(CASE, LOCATED, answered())])
    # Articles: b, then a, which is one of two. Sentences: gold 0 at rank 2, gold 1 at rank 3, of three.
    expected = {
        "article hit@1": 0,
        "article hit@5": 1,
        "article recall@10": 1 / 2,
        "article MRR": 1 / 2,
        "article mAP": (1 / 2) / 2,
        "sentence hit@1": 0,
        "sentence hit@5": 1,
        "sentence recall@10": 2 / 3,
        "sentence MRR": 1 / 2,
        "sentence mAP": (1 / 2 + 2 / 3) / 3,
    }
    assert {n: v for n, (v, _) in scores.items() if not n.endswith("nDCG@10")} == pytest.approx(expected)
    # Gains at ranks 2 and 3 over the ideal ones at 1, 2 and 3: (1/log2 3 + 1/2) / (1 + 1/log2 3 + 1/2).
    assert scores["sentence nDCG@10"][0] == pytest.approx(1.1309297 / 2.1309297)
    assert by_evidence["en"]["article MRR"] == (0.5, 1.0)
    assert by_evidence["ru"]["article recall@10"] == (0.0, 1.0)


def test_articles_relevant_in_other_languages_are_no_mistakes() -> None:
    reply = answered(articles=("copy", "a"))
    ((_, by_evidence),) = retrieval_scores([(CASE, LOCATED, reply)])
    assert by_evidence["en"]["article MRR"] == by_evidence["ru"]["article MRR"] == (1.0, 1.0)


def test_a_system_that_shows_no_ranking_has_no_say_in_rankings() -> None:
    reply = answered(articles=None, sentences=None)
    assert retrieval_scores([(CASE, LOCATED, reply)]) == [({}, {})]
    assert retrieval_scores([(Case("n", "en", "?", False), Located((), {}), answered())]) == [({}, {})]


def test_scores_of_an_answered_case() -> None:
    copy = Source("copy", "T", "", "", "", 8, 27)
    reply = answered(cited(1, LISTENED), cited(2, WARNED, copy, verified=False), tokens=Tokens(900, 100))
    # One of two cited sentences is gold; with its copy it covers gold 0 and 2 of three. One of three
    # facts. Said: nobody listened iran warned russia (5 words), 3 of the reference's 5.
    expected = {
        "seconds p50": (0.25, 1.0),
        "seconds p95": (0.25, 1.0),
        "first statement p50": (0.1, 1.0),
        "tokens": (1000.0, 1.0),
        "abstention precision": (0.0, 0.0),
        "abstention recall": (0.0, 0.0),
        "abstention accuracy": (1.0, 1.0),
        "AUROC": (0.75, 1.0),
        "AURC": (0.75, 1.0),
        "Brier score": (0.75, 1.0),
        "ECE": (0.75, 1.0),
        "answer language": (2.0, 2.0),
        "statements cited": (2.0, 2.0),
        "citations verified": (1.0, 2.0),
        "offsets exact": (2.0, 2.0),
        "citation precision": (0.5, 1.0),
        "citation recall": (2 / 3, 1.0),
        "fact recall": (1 / 3, 1.0),
        "exact match": (0.0, 1.0),
        "token F1": (3 / 5, 1.0),
    }
    scores = answer_scores(CASE, LOCATED, reply)
    assert scores == {name: pytest.approx(pair) for name, pair in expected.items()}
    assert failures(CASE, LOCATED, reply) == ["does not state: hall, Turkey"]


def test_an_answer_partly_in_another_language_has_no_say_in_facts() -> None:
    reply = answered(cited(1, WARNED), cited(2, BURNED))
    reply = replace(reply, statements=(reply.statements[0], replace(reply.statements[1], language="ru")))
    scores = answer_scores(CASE, LOCATED, reply)
    assert "fact recall" not in scores and "token F1" not in scores
    assert scores["answer language"] == (1.0, 2.0)
    assert failures(CASE, LOCATED, reply) == []
    both = replace(CASE, required_languages=("en", "ru"))
    assert answer_scores(both, LOCATED, reply)["fact recall"] == (2 / 3, 1.0)


def test_scores_of_a_wrong_abstention() -> None:
    scores = answer_scores(CASE, LOCATED, ABSTAINED)
    assert scores["abstention precision"] == (0.0, 1.0)
    assert scores["abstention accuracy"] == scores["citation recall"] == scores["fact recall"] == (0.0, 1.0)
    assert scores["citation precision"] == (0.0, 0.0)
    (reason,) = failures(CASE, LOCATED, ABSTAINED)
    assert "too weak" in reason and "0.25" in reason and "rank 2" in reason


def test_scores_of_an_unanswerable_case() -> None:
    case, located = Case("q", "en", "?", False), Located((), {})
    right = answer_scores(case, located, ABSTAINED)
    assert right["abstention precision"] == right["abstention recall"] == (1.0, 1.0)
    assert right["AURC"] == right["ECE"] == (0.25, 0.0)
    assert failures(case, located, ABSTAINED) == []
    wrong = answer_scores(case, located, answered(cited(1, WARNED)))
    assert wrong["abstention recall"] == (0.0, 1.0)
    assert "fact recall" not in wrong and "citation recall" not in wrong
    assert "0.75" in failures(case, located, answered(cited(1, WARNED)))[0]


def test_a_wrong_citation_is_a_failure_that_says_where_the_right_one_was() -> None:
    (reason,) = failures(replace(CASE, required=()), LOCATED, answered(cited(1, LISTENED)))
    assert reason == "cites no gold sentence; gold sentence at rank 2"


def test_a_citation_that_is_not_at_its_place_fails_whatever_else_is_right() -> None:
    reply = answered(cited(1, WARNED), exact=(False,))
    assert answer_scores(CASE, LOCATED, reply)["offsets exact"] == (0.0, 1.0)
    assert "bug" in failures(CASE, LOCATED, reply)[0]


def test_a_search_is_judged_by_what_it_found() -> None:
    found = answered(answered=False)
    assert (
        not {"fact recall", "abstention accuracy", "citation recall"}
        & answer_scores(CASE, LOCATED, found).keys()
    )
    assert failures(CASE, LOCATED, found) == []
    (reason,) = failures(CASE, LOCATED, replace(found, articles=("b",), sentences=()))
    assert reason.startswith("no relevant article among the first 10")


def test_an_unreadable_verdict_has_no_say() -> None:
    verdicts = [
        Verdict("correct", True, ""),
        Verdict("faithful", True, ""),
        Verdict("faithful", False, "who?"),
        Verdict("faithful", None, "unreadable"),
    ]
    assert judge_scores(verdicts) == {"judged correct": (1.0, 1.0), "judged faithful": (1.0, 2.0)}
    assert judge_scores([Verdict("correct", None, "unreadable")]) == {}


@pytest.mark.skipif(not CROCUS.is_dir(), reason="the Crocus questions are not beside this checkout")
def test_the_crocus_questions_are_a_suite() -> None:
    (suite,) = load_suites(str(CROCUS))
    held = {article.id: article for article in suite.articles}
    assert (len(suite.cases), list(held)) == (10, ["article.txt"])
    for case in suite.cases:
        assert len(locate(case, held.__getitem__).spans) == len(case.evidence)
