"""rag/retrieve.py, extract.py, abstain.py: the right sentences, each once, and a plain no."""

import json
from dataclasses import replace

import pytest
from conftest import GOLDEN
from test_archive import FERRY, UNDATED, run

from index.archive import Archive
from index.types import Filters
from rag.abstain import answerability, features
from rag.config import Settings
from rag.extract import MAX_SENTENCES, extract, nearest
from rag.retrieve import retrieve
from rag.types import Citation, CitationMade, Evidence, StatementMade

SAMPLE = {
    "en": "Who warned whom before the Crocus attack?",
    "ar": "من حذّر من قبل الهجوم على كروكوس؟",
    "ru": "Кто кого предупреждал перед терактом в «Крокусе»?",
    "fa": "چه کسی پیش از حملهٔ کروکوس به چه کسی هشدار داد؟",
}
GOLD = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def find(archive: Archive, question: str, top_k: int = 10, **filters: object) -> Evidence:
    return retrieve(archive, question, top_k=top_k, filters=Filters(**filters))  # type: ignore[arg-type]


def citations(evidence: Evidence) -> list[Citation]:
    return [event.citation for event in extract(evidence) if isinstance(event, CitationMade)]


def gold_of(question: str) -> set[str]:
    (case,) = [case for case in GOLD if case["question"] == question]
    return {evidence["quote"] for evidence in case["evidence"]}


@pytest.mark.parametrize("language", SAMPLE)
def test_the_sample_question_finds_its_gold_sentences(sample_archive: Archive, language: str) -> None:
    evidence = find(sample_archive, SAMPLE[language])
    assert evidence.language == language
    cited = [citation.cited_text for citation in citations(evidence)]
    gold = gold_of(SAMPLE[language])
    assert sum(text in gold for text in cited) >= 2, cited


@pytest.mark.parametrize("language", SAMPLE)
def test_a_question_reaches_articles_in_other_languages(sample_archive: Archive, language: str) -> None:
    found = {passage.article.language for passage in find(sample_archive, SAMPLE[language]).passages}
    assert len(found) >= 3 and language in found


def test_passages_are_ranked_and_distinct(sample_archive: Archive) -> None:
    evidence = find(sample_archive, SAMPLE["en"], top_k=8)
    assert len(evidence.passages) == 8
    assert len({(p.article.id, p.passage.start_char) for p in evidence.passages}) == 8
    scores = [passage.score for passage in evidence.passages]
    assert scores == sorted(scores, reverse=True)
    for passage in evidence.passages:
        assert len(passage.sentences) == len(passage.scores) > 0
        assert list(passage.scores) == sorted(passage.scores, reverse=True)
        assert set(passage.sentences) <= set(passage.passage.sentences)


def test_as_many_passages_as_there_are(sample_archive: Archive) -> None:
    total = sample_archive.coverage().passages
    found = find(sample_archive, "saffron", top_k=1000).passages
    assert sum(1 + len(passage.copies) for passage in found) == total
    narrowed = find(sample_archive, "saffron", top_k=1000, languages=("ru",))
    assert {p.article.language for p in narrowed.passages} == {"ru"}
    in_russian = sample_archive.coverage(Filters(languages=("ru",))).passages
    assert sum(1 + len(p.copies) for p in narrowed.passages) == in_russian


def test_words_never_push_another_language_out(sample_archive: Archive) -> None:
    """Other languages' sentences score just what they do without the word index."""
    question = "Which ship struck the Baltimore bridge?"
    evidence = find(sample_archive, question)
    vector = sample_archive.embed_question(question, "en")
    gains = []
    for hit in evidence.hits:
        plain = float(hit.vector @ vector)
        if hit.article.language == "en":
            gains.append(hit.score - plain)
        else:
            assert hit.score == pytest.approx(plain, abs=1e-5)
    assert max(gains) < 0.25 and min(gains) < 0


def test_the_act_asked_about_comes_first(empty_archive: Archive) -> None:
    run(empty_archive, FERRY)
    asked = {"Who warned the captain?": "warned", "Was anyone hurt?": "hurt", "Who denied it?": "denied"}
    for question, word in asked.items():
        assert word in find(empty_archive, question).hits[0].sentence.text


def test_a_wire_copy_is_one_citation(sample_archive: Archive) -> None:
    cited = citations(find(sample_archive, SAMPLE["en"]))
    texts = [citation.cited_text for citation in cited]
    assert len(texts) == len(set(texts)) <= MAX_SENTENCES
    (wire,) = [c for c in cited if c.cited_text.startswith("Iran told Russia")]
    (copy,) = wire.also_in
    assert {wire.article_id, copy.article_id} == {
        "en-harbour-tehran-tipoff",
        "en-ledger-iran-alerted-russia",
    }
    assert sample_archive.article(copy.article_id).text[copy.start_char : copy.end_char] == wire.cited_text


def test_a_sentence_with_another_number_is_no_copy(empty_archive: Archive) -> None:
    text = "The storm killed {} people in Valmere on Sunday."
    run(empty_archive, *(replace(FERRY, url="", id=str(n), text=text.format(n)) for n in (13, 31)))
    run(
        empty_archive,
        replace(FERRY, url="", id="copy", text="THE STORM killed 13 people in “Valmere” on Sunday."),
    )
    cited = citations(find(empty_archive, "How many people did the storm in Valmere kill?"))
    assert sorted(len(citation.also_in) for citation in cited) == [0, 1]


def test_statements_are_grouped_by_article(sample_archive: Archive) -> None:
    for question in SAMPLE.values():
        events = list(extract(find(sample_archive, question)))
        made = [event.citation for event in events if isinstance(event, CitationMade)]
        articles = [citation.article_id for citation in made]
        assert articles == sorted(articles, key=articles.index), "an article's sentences stand together"
        statements = [event.statement for event in events if isinstance(event, StatementMade)]
        assert [s.text for s in statements] == [citation.cited_text for citation in made]
        assert [s.citations for s in statements] == [(c.index,) for c in made]
        for citation in made:
            article = sample_archive.article(citation.article_id)
            assert article.text[citation.start_char : citation.end_char] == citation.cited_text


def test_another_report_is_cited_before_all_of_one_is(empty_archive: Archive) -> None:
    """Six sentences of one article answer a little better than the one of another."""
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    said = " ".join(f"The ferry of Valmere ran aground in fog on {day}." for day in days)
    other = "Tugs were called to Valmere, where the ferry ran aground in fog, the harbour office said."
    run(
        empty_archive,
        replace(FERRY, url="", id="long", text=said),
        replace(FERRY, url="", id="other", text=other),
    )
    evidence = find(empty_archive, "Where did the ferry run aground in fog?")
    assert {hit.article.id for hit in evidence.hits[:MAX_SENTENCES]} == {"long"}
    assert {citation.article_id for citation in citations(evidence)} == {"long", "other"}


def test_nearest_passages_of_a_refusal_are_different_sentences(sample_archive: Archive) -> None:
    shown = nearest(find(sample_archive, "Who won the chess olympiad?"))
    assert len({citation.cited_text for citation in shown}) == len(shown) == 3


def test_answerability_of_the_golden_questions(sample_archive: Archive) -> None:
    sure = [find(sample_archive, case["question"]).answerability for case in GOLD if case["answerable"]]
    unsure = [
        find(sample_archive, case["question"]).answerability for case in GOLD if not case["answerable"]
    ]
    better = sum((a > b) + 0.5 * (a == b) for a in sure for b in unsure)
    assert better / (len(sure) * len(unsure)) > 0.85, "area under the ROC curve"
    least = Settings.model_fields["min_answerability"].default
    assert sum(value < least for value in sure) <= 4
    assert sum(value < least for value in unsure) >= 8


def test_answerability_by_hand() -> None:
    def judge(scores: list[float], words: float | None) -> float:
        return answerability(features(scores, words))

    assert judge([], None) == judge([], 1.0) == 0.0
    # -4.741 + 6.279 * 1.0 + 5.400 * (1.0 - 0.5) = 4.238, and 1 / (1 + exp(-4.238)) = 0.98577
    assert judge([1.0, 0.7, 0.5, 0.5, 0.3, 9.9], None) == pytest.approx(0.98577, abs=1e-5)
    # 4.238 - 3.969 + 6.689 * 0.2 = 1.6068
    assert judge([1.0, 0.7, 0.5, 0.5, 0.3], 0.2) == pytest.approx(0.83297, abs=1e-5)
    # One sentence leads nothing: -4.741 + 6.279 * 0.5 = -1.6015
    assert judge([0.5], None) == pytest.approx(0.16777, abs=1e-5)


def test_an_empty_archive_gives_no_evidence(empty_archive: Archive) -> None:
    evidence = find(empty_archive, "Who?")
    assert (evidence.hits, evidence.passages, evidence.answerability) == ((), (), 0.0)
    run(empty_archive, UNDATED)
    assert find(empty_archive, "chess", published_from="2000-01-01").hits == ()


def test_a_wire_story_takes_one_place(sample_archive: Archive) -> None:
    """Two papers print it: it is one result, which names the other paper."""
    both = {"en-harbour-tehran-tipoff", "en-ledger-iran-alerted-russia"}
    for top_k in (4, 10, 20):
        found = find(sample_archive, "Tehran told Moscow of a large operation", top_k=top_k).passages
        assert len(found) == top_k
        (wire,) = [p for p in found if p.article.id in both]
        assert {wire.article.id, *(copy.id for copy in wire.copies)} == both


def test_an_edited_copy_is_a_copy_and_another_report_is_not(empty_archive: Archive) -> None:
    edited = FERRY.text.replace("on Sunday", "late on Sunday").replace("Nobody was hurt", "No one was hurt")
    other = (
        "Passengers waited four hours on deck after their ship struck a sandbank off Valmere. Tugs pulled "
        "the vessel free at high tide, and an inquiry into the captain's course has begun."
    )
    run(empty_archive, FERRY, replace(FERRY, url="", id="copy", source="B", text=f"(Wire) {edited}"))
    run(empty_archive, replace(FERRY, url="", id="other", source="C", text=other))
    found = find(empty_archive, "ferry aground at Valmere").passages
    assert sorted((p.article.id, [c.id for c in p.copies]) for p in found) in (
        [("copy", ["ferry"]), ("other", [])],
        [("ferry", ["copy"]), ("other", [])],
    )


def test_one_article_does_not_take_all_places(empty_archive: Archive) -> None:
    story = " ".join(
        f"The ferry of Valmere ran aground again on day {day}, and the captain blamed the fog once more."
        for day in range(1, 120)
    )
    run(empty_archive, replace(FERRY, url="", id="long", text=story), FERRY)
    found = find(empty_archive, "Why did the ferry of Valmere run aground?", top_k=4).passages
    assert {p.article.id for p in found} == {"long", "ferry"}
    assert len(found) == 4


def test_words_that_are_sure_lift_their_passage(sample_archive: Archive) -> None:
    question = "Which ship struck the Baltimore bridge?"
    evidence = find(sample_archive, question)
    vector = sample_archive.embed_question(question, "en")
    first = evidence.passages[0]
    assert first.article.language == "en" and "Baltimore" in first.article.text
    others = [hit for hit in evidence.hits if hit.article.language != "en"]
    assert first.score > max(float(hit.vector @ vector) for hit in others)
