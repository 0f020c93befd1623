"""Answers and articles as HTML and as text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import Article, Coverage, Filters
from rag.types import Answer, Citation, Disagreement, Period, Side, Source, Statement
from ui.phrases import phrases
from ui.render import (
    abstention_text,
    answer_to_html,
    answer_to_text,
    article_to_html,
    coverage_text,
    error_to_html,
    question_to_html,
    unfinished_to_html,
)

FSI, PDI = "\u2068", "\u2069"
HARMLESS_TAGS = {
    "a", "article", "bdi", "blockquote", "button", "dd", "details", "div", "dl", "dt", "h2", "h3", "li",
    "mark", "p", "q", "section", "span", "strong", "summary", "time", "ul",
}  # fmt: skip
COVERAGE = Coverage(
    articles=37,
    passages=120,
    languages=("ar", "en"),
    sources=("The Harbour Post", "الفنار"),
    published_from="2023-11-09T08:00:00+03:30",
    published_to="2024-09-22",
    filters=Filters(),
)
ENGLISH = Citation(
    index=1,
    article_id="tip-off",
    title="Tehran tipped off Moscow",
    url="https://harbourpost.example.org/tip-off",
    source="The Harbour Post",
    published_at="2024-04-01T15:10:00+00:00",
    language="en",
    cited_text="Iran told Russia that an attack could take place.",
    start_char=10,
    end_char=59,
    verified=True,
)
ARABIC = Citation(
    index=2,
    article_id="tahdhir",
    title="طهران حذّرت موسكو",
    url="https://mashriq.example.org/2",
    source="المشرق اليومية",
    published_at="",
    language="ar",
    cited_text="حذّرت إيران روسيا قبل 22 مارس.",
    start_char=0,
    end_char=30,
    verified=True,
)


def an_answer(*citations: Citation, **fields: object) -> Answer:
    statements = tuple(Statement(each.cited_text, each.language, (each.index,)) for each in citations)
    given = {
        "question": "Who warned whom?",
        "language": "en",
        "status": "grounded",
        "statements": statements,
        "citations": citations,
        "coverage": COVERAGE,
        "answerability": 0.9,
    }
    return Answer(**(given | fields))  # type: ignore[arg-type]


def an_abstention(language: str = "en", **fields: object) -> Answer:
    return an_answer(
        language=language, status="abstained", abstained=True, reason="the evidence is too weak", **fields
    )


class Read(HTMLParser):
    """Elements with their attributes and text, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.text.setdefault(tag, []).append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in dict.fromkeys(self._open):
            self.text[tag][-1] += data

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and kind in ["", *(a.get("class") or "").split()]]


def test_statements_stand_in_their_own_language_and_direction() -> None:
    read = Read(answer_to_html(an_answer(ENGLISH, ARABIC)))
    ways = [(each["lang"], each["dir"]) for each in read.all("p", "dl-statement")]
    assert ways == [("en", "ltr"), ("ar", "rtl")]
    assert read.text["q"] == [ENGLISH.cited_text, ARABIC.cited_text]
    chips = read.all("button", "dl-cite")
    assert [chip["dir"] for chip in chips] == ["ltr"] * 4
    assert (chips[1]["data-article"], chips[1]["data-start"], chips[1]["data-end"]) == (
        "tahdhir",
        "0",
        "30",
    )


def test_a_text_of_unknown_language_finds_its_own_direction() -> None:
    read = Read(answer_to_html(an_answer(replace(ARABIC, language=""))))
    assert read.all("p", "dl-statement")[0] == {"class": "dl-statement", "dir": "auto"}


def test_sources_are_grouped_by_article() -> None:
    second = replace(ENGLISH, index=3, cited_text="It did not say when.", start_char=70, end_char=90)
    read = Read(answer_to_html(an_answer(ENGLISH, ARABIC, second)))
    sources = read.text["li"]
    assert len(sources) == 2
    assert "[1][3]" in sources[0] and "The Harbour Post · 2024-04-01 · English" in sources[0]
    assert "[2]" in sources[1] and "المشرق اليومية · undated · العربية" in sources[1]


def test_a_written_answer_shows_the_sentences_beside_it() -> None:
    written = an_answer(ENGLISH, model="small", statements=(Statement("Iran warned Russia.", "en", (1,)),))
    read = Read(answer_to_html(written))
    assert read.text["blockquote"] == [ENGLISH.cited_text]
    assert "q" not in read.text
    assert "Written by small" in read.text["summary"][0]
    # A quote already is its sentence.
    assert "blockquote" not in Read(answer_to_html(an_answer(ENGLISH))).text


def test_copies_and_doubts_are_told() -> None:
    copy = Source("copy", "Same story", "https://ledger.example.org/", "The Ledger", "2024-04-02", 5, 54)
    doubtful = replace(ENGLISH, verified=False, reason="the number 7 is not in it", also_in=(copy,))
    answer = an_answer(doubtful, status="partly verified")
    html = Read(answer_to_html(answer))
    assert "also reported by The Ledger (2024-04-02)" in html.text["li"][0]
    assert any(each.get("data-article") == "copy" for each in html.all("button", "dl-open"))
    assert "⚠ [1] not verified: the number 7 is not in it" in html.text["li"][0]
    assert "⚠ not verified" in html.text["p"][0]
    text = answer_to_text(answer)
    assert "also reported by The Ledger, 2024-04-02: Same story" in text
    assert "https://ledger.example.org/" in text
    assert "not verified: the number 7 is not in it" in text


@pytest.mark.parametrize("language", ["en", "ar", "ru", "fa"])
def test_an_abstention_speaks_the_language_of_the_question(language: str) -> None:
    answer = an_abstention(language, nearest=(ENGLISH,))
    words = phrases(language)
    assert words.language == language
    read = Read(answer_to_html(answer))
    outer = read.elements[0][1]
    assert outer["class"] == "dl-answer dl-abstention"
    assert outer["lang"] == language and outer["dir"] == ("rtl" if language in ("ar", "fa") else "ltr")
    assert read.text["strong"] == [words.abstained]
    assert "37" in read.text["dd"]
    assert read.text["blockquote"] == [ENGLISH.cited_text]
    assert "open" not in read.all("details")[0]
    text = answer_to_text(answer)
    assert text.startswith(words.abstained) and words.reasons[answer.reason] in text
    assert "37" in text and "[1]" not in text


def test_every_reason_has_its_words_in_every_language() -> None:
    english = phrases("en").reasons
    for language in ("ar", "ru", "fa"):
        reasons = phrases(language).reasons
        assert reasons.keys() == english.keys()
        assert not set(reasons.values()) & set(english.values())
    assert phrases("de") is phrases("en")


def test_coverage_names_numbers_dates_languages_sources_filters() -> None:
    assert coverage_text(COVERAGE) == (
        f"Articles searched: 37; published: 2023-11-09 – 2024-09-22; languages: {FSI}العربية{PDI}, "
        f"English; sources: The Harbour Post, {FSI}الفنار{PDI}; filters: none"
    )
    filters = Filters("2024-03-01", "2024-03-31", ("The Ledger",), ("ru",), ("a1",))
    filtered = coverage_text(replace(COVERAGE, filters=filters))
    assert filtered.endswith(
        "filters: from 2024-03-01, until 2024-03-31, languages Русский, sources The Ledger, id a1"
    )
    many = replace(COVERAGE, sources=tuple(f"Paper {n}" for n in range(12)))
    assert "Paper 7, 4 more" in coverage_text(many)
    empty = Coverage(0, 0, (), (), "", "", Filters())
    assert coverage_text(empty) == "Articles searched: 0; filters: none"


def test_text_of_an_answer() -> None:
    assert answer_to_text(an_answer(ENGLISH, standalone_question="Who warned Russia?")) == (
        "Searched for: Who warned Russia?\n"
        "\n"
        "Iran told Russia that an attack could take place. [1]\n"
        "\n"
        "Sources\n"
        "[1] The Harbour Post, 2024-04-01 (en): Tehran tipped off Moscow\n"
        "    https://harbourpost.example.org/tip-off"
    )
    written = an_answer(ENGLISH, statements=(Statement("Iran warned Russia.", "en", (1,)),))
    assert answer_to_text(written).endswith("    Iran told Russia that an attack could take place.")


def test_a_time_that_was_understood_is_told() -> None:
    month = Period("2024-03-01", "2024-03-31", "events")
    assert answer_to_text(an_answer(ENGLISH, period=month)).startswith(
        "Only what can have happened from 2024-03-01 until 2024-03-31\n\n"
    )
    before = Period("", "2024-03-22", "events", anchor="الهجوم <b>")
    shown = Read(answer_to_html(an_answer(ARABIC, language="ar", period=before)))
    assert shown.text["p"][0].endswith("(الهجوم <b>)")
    assert shown.text["bdi"][:2] == ["2024-03-22", "الهجوم <b>"], "or the day would read backwards"
    told = answer_to_text(an_answer(ARABIC, language="ar", period=before)).splitlines()[0]
    assert f"{FSI}2024-03-22{PDI}" in told and told.endswith(f"({FSI}الهجوم <b>{PDI})")
    week = Period("2024-06-03", "2024-06-09", "publication")
    for language in ("en", "ar", "ru", "fa"):
        words = phrases(language)
        told = answer_to_text(an_abstention(language, period=week)).splitlines()[0]
        since, until = ("2024-06-03", "2024-06-09")
        if language in ("ar", "fa"):
            since, until = f"{FSI}{since}{PDI}", f"{FSI}{until}{PDI}"
        assert told == words.printed.format(when=f"{words.since} {since} {words.until} {until}")


@pytest.mark.parametrize("language", ["en", "ar", "ru", "fa"])
def test_disagreeing_sources_are_named_side_by_side(language: str) -> None:
    words = phrases(language)
    toll = Disagreement("dead", (Side("133", (1,)), Side("143", (2,))))
    denial = Disagreement("denial", (Side("asserts", (1,)), Side("denies", (2,))))
    answer = an_answer(ENGLISH, ARABIC, language=language, disagreements=(toll, denial))
    text = answer_to_text(answer)
    plain = text.replace(FSI, "").replace(PDI, "")
    assert f"{words.disagree}: {words.counted['dead']}: 133 [1] / 143 [2]" in plain
    assert f"{words.counted['asserts']} [1] / {words.counted['denies']} [2]" in plain
    html = answer_to_html(answer)
    assert words.disagree in Read(html).text["h3"]
    section = html[html.index('<section class="dl-disagree">') :]
    section = section[: section.index("</section>")]
    assert section.count("dl-cite") == 4, "every number opens its sentence"
    assert words.disagree not in answer_to_text(replace(answer, disagreements=()))


def test_a_translation_is_marked_as_one() -> None:
    cited = replace(ARABIC, index=1, translation="Iran warned <i>Russia</i> before 22 March.")
    written = an_answer(cited, statements=(Statement("Iran warned Russia.", "en", (1,)),), model="m")
    html = answer_to_html(written)
    assert "Machine translation:" in html and "&lt;i&gt;" in html and "<i>" not in html
    assert html.index(ARABIC.cited_text) < html.index("Machine translation:"), "the original comes first"
    assert f"    Machine translation: {cited.translation}" in answer_to_text(written)


def test_right_to_left_text_keeps_its_numbers_and_brackets() -> None:
    lines = answer_to_text(an_answer(ARABIC)).splitlines()
    assert lines[0] == f"{ARABIC.cited_text}\u200f {FSI}[2]{PDI}"
    assert lines[3] == f"[2] {FSI}{ARABIC.source}{PDI}, undated (ar): {FSI}{ARABIC.title}{PDI}"


@pytest.mark.parametrize("answer", [an_answer(ENGLISH, ARABIC), an_abstention("fa", nearest=(ARABIC,))])
def test_isolates_are_closed_on_every_line(answer: Answer) -> None:
    for line in answer_to_text(answer).splitlines():
        assert re.sub(f"[^{FSI}{PDI}]", "", line) == (FSI + PDI) * line.count(FSI)


@given(st.text(max_size=80), st.integers(-3, 90), st.integers(-3, 90))
def test_the_mark_is_exactly_what_is_cited(text: str, start: int, end: int) -> None:
    read = Read(article_to_html(Article("a", "t", text, language="en"), (start, end)))
    shown = "".join(line for line in text.splitlines(keepends=True) if line.strip())
    assert "".join(read.text.get("p", [])[2:]).split() == shown.split()
    marked = "".join(read.text.get("mark", []))
    if 0 <= start < end <= len(text):
        assert marked.split() == text[start:end].split()
    else:
        assert not marked


def test_the_mark_may_cross_lines() -> None:
    text = "One.\nTwo & three.\n\nFour."
    read = Read(article_to_html(Article("a", "t", text), (2, len(text) - 1)))
    assert read.text["mark"] == ["e.\n", "Two & three.\n", "Four"]


WILD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["<script>x</script>", '"><img src=x onerror=y>', "'onclick='z", "&lt;"]),
)


@given(WILD, WILD, WILD, WILD, WILD)
def test_nothing_from_outside_becomes_markup(one: str, two: str, three: str, four: str, five: str) -> None:
    copy = Source(two, one, five, four, three, 0, 1)
    citation = replace(
        ENGLISH,
        article_id=one,
        title=two,
        source=three,
        published_at=four,
        language=five,
        cited_text=one,
        url=two,
        verified=False,
        reason=three,
        also_in=(copy,),
    )
    coverage = replace(
        COVERAGE,
        languages=(one,),
        sources=(two,),
        published_from=three,
        filters=Filters(four, five, (one,)),
    )
    answer = an_answer(
        citation,
        model=four,
        coverage=coverage,
        language=five,
        standalone_question=three,
        statements=(Statement(two, three, (1,)),),
    )
    article = Article(one, two, f"{three}\n{four}", five, one, (two,), three, four)
    for html in (
        answer_to_html(answer),
        answer_to_html(replace(answer, abstained=True, nearest=(citation,))),
        unfinished_to_html(answer.statements, answer.citations, language=one, quoted=True),
        article_to_html(article, (0, 1), two),
        question_to_html(one, two),
        error_to_html(one),
    ):
        read = Read(html)
        assert {tag for tag, _ in read.elements} <= HARMLESS_TAGS
        for _, attributes in read.elements:
            assert not [
                name for name in attributes if name.startswith("on") or name in ("style", "src", "id")
            ]


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b=1&c=\"'<", True),
        ("http://example.org", True),
        ("HTTPS://example.org", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("file:///etc/passwd", False),
        ("//example.org", False),
        ("https://", False),
        ("https://[", False),
        ("notes.txt", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_web_become_links(url: str, linked: bool) -> None:
    links = Read(article_to_html(Article("a", "t", "x", url=url))).all("a")
    assert len(links) == linked
    if linked:
        assert links[0]["href"] == url
        assert links[0]["rel"] == "noopener noreferrer nofollow" and links[0]["target"] == "_blank"
    assert len(Read(answer_to_html(an_answer(replace(ENGLISH, url=url)))).all("a")) == linked


def test_an_article_tells_where_it_comes_from() -> None:
    article = Article(
        "a", "Title", "Text.", "https://example.org/", "Paper", ("A. One", "B. Two"), "fa",
        "2024-04-02T10:15:00+03:30",
    )  # fmt: skip
    read = Read(article_to_html(article))
    assert read.text["p"][0] == "Paper · 2024-04-02 10:15 +03:30 · فارسی · A. One, B. Two"
    assert read.all("div", "dl-text")[0] == {"class": "dl-text", "lang": "fa", "dir": "rtl"}
    undated = Read(article_to_html(Article("a", "Title", "Text.", source="Paper"), language="ru"))
    assert undated.text["p"][0] == "Paper · без даты"


def test_an_unfinished_answer_shows_what_has_come() -> None:
    def states(**fields: object) -> list[str]:
        answer = an_answer(ENGLISH)
        html = unfinished_to_html(
            answer.statements,
            answer.citations,
            language="en",
            quoted=True,
            **fields,  # type: ignore[arg-type]
        )
        assert ENGLISH.cited_text in html
        return Read(html).text["p"]

    assert states()[1] == "Searching the archive"
    assert states(state="stopped")[1] == "Stopped before the end."
    assert len(states(state="failed")) == 1
    assert unfinished_to_html((), (), language="", quoted=True, state="failed") == ""


def test_why_there_is_no_answer() -> None:
    assert abstention_text(an_abstention()) == (
        "The archive does not answer this. No sentence in the articles searched answers the question."
    )
