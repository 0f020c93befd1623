"""Answers as files: nothing lost, nothing executed, every paragraph in its direction."""

import asyncio
import re
import zipfile
from dataclasses import replace
from io import BytesIO

import browser
import pytest
from docx import Document
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright
from test_history import CITATION, RICH, made

from index.types import Filters
from rag.chat import Assistant
from rag.types import Answer, Statement
from ui.export import Format, export

WARNED = "من حذّر من قبل الهجوم على كروكوس؟"
AT = "2024-02-05T08:00:00.000000+00:00"
HOSTILE = (
    "<script>alert(1)</script> *bold* _x_ [a](http://evil.example) `code` ![i](u) # 1. & | \\ &amp; ~~s~~"
)
MIXED = replace(
    RICH,
    question=WARNED,
    language="ar",
    statements=(
        Statement("قال NATO إن 12 غرقوا.", "ar", (1,)),
        Statement("It sank.", "en", (1,)),
        Statement("کشتی غرق شد.", "fa", (1,)),
    ),
)


# Whether a text's first character stands left of its last one.
_RUNS_FROM_THE_LEFT = """element => {
  const place = at => {
    const range = document.createRange();
    range.setStart(element.firstChild, at);
    range.setEnd(element.firstChild, at + 1);
    return range.getBoundingClientRect().x;
  };
  return place(0) < place(element.firstChild.length - 1);
}"""


def text_of(content: bytes, form: Format) -> str:
    """What a reader of the file sees, on one line."""
    if form == "docx":
        text = "\n".join(each.text for each in Document(BytesIO(content)).paragraphs)
    elif form == "html":
        body = etree.fromstring(content, etree.HTMLParser(encoding="utf-8")).find("body")
        text = "\n".join(body.itertext())
    else:
        tokens = MarkdownIt().parse(content.decode())
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {
            "text", "strong_open", "strong_close", "em_open", "em_close", "link_open", "link_close",
            "text_special",
        }  # fmt: skip
        text = "".join(
            "".join(child.content for child in token.children or ()) + "\n"
            for token in tokens
            if token.type == "inline"
        )
    return " ".join(re.sub("[\u200e\u200f\u2066-\u2069]", "", text).split())


@pytest.mark.parametrize("form", ["markdown", "docx", "html"])
def test_all_of_an_answer_is_in_the_file(form: Format) -> None:
    file = export(RICH, form, AT)
    text = text_of(file.content, form)
    for part in (
        "Did it sink?", "It sank.", "[1]", "not verified", "a number differs", "Он затонул.",
        "Harbour Post", "https://h.example/1", "also reported by", "Post", "2024-01-01", "the storm",
        "Sources disagree", "killed: 3", "Articles searched: 2", "filters: sources Harbour Post",
        "2024-02-05 08:00 UTC",
    ):  # fmt: skip
        assert part in text, part
    assert file.name.startswith("Did-it-sink.")


@pytest.mark.parametrize("form", ["markdown", "docx", "html"])
def test_an_abstention_says_so(form: Format) -> None:
    abstention = replace(made("Who won?"), nearest=(CITATION,))
    text = text_of(export(abstention, form).content, form)
    assert "The archive does not answer this" in text and "Nearest passages" in text and "It sank." in text
    assert "Verbatim quotes" not in text


@pytest.mark.parametrize("form", ["markdown", "docx", "html"])
def test_what_articles_hold_stays_text(form: Format) -> None:
    hostile = replace(
        made(HOSTILE, HOSTILE),
        citations=(
            replace(CITATION, title=HOSTILE, source=HOSTILE, cited_text=HOSTILE, url="javascript:alert(1)"),
        ),
    )
    file = export(hostile, form)
    text = text_of(file.content, form)
    assert text.count(" ".join(HOSTILE.split())) == 5 and "javascript" not in text
    if form == "html":
        tree = etree.fromstring(file.content, etree.HTMLParser(encoding="utf-8"))
        assert not tree.xpath("//script | //img | //main//*[@onload or @onclick]")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), min_size=1, max_size=60))
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    shown = text_of(export(replace(made("Q?", text), citations=()), "markdown").content, "markdown")
    assert " ".join(text.split()) in shown


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_can_be_a_document(text: str) -> None:
    for form in ("docx", "html"):
        assert export(made(text, text), form).content  # type: ignore[arg-type]


def test_a_document_tells_word_which_way_everything_runs() -> None:
    content = export(MIXED, "docx", AT).content
    document = Document(BytesIO(content))
    ways = {
        paragraph.text: paragraph._p.pPr.find(qn("w:bidi")).get(qn("w:val"))
        for paragraph in document.paragraphs
    }
    assert ways[WARNED] == "1" and ways["المصادر"] == "1"
    starts = {text[:8]: way for text, way in ways.items()}
    assert (starts["قال NATO"], starts["It sank."], starts["کشتی غرق"]) == ("1", "0", "1")
    (statement,) = [each for each in document.paragraphs if each.text.startswith("قال NATO")]
    runs = [
        (run.text, run._r.rPr is not None and run._r.rPr.find(qn("w:rtl")) is not None)
        for run in statement.runs
    ]
    assert runs[:3] == [("قال ", True), ("NATO", False), (" إن 12 غرقوا.", True)]
    fonts = document.styles["Normal"].element.rPr.find(qn("w:rFonts"))
    assert fonts.get(qn("w:cs")) and document.styles["Normal"].element.rPr.find(qn("w:szCs")) is not None
    assert document.core_properties.title == WARNED and document.core_properties.author == "Dateline"


def test_the_properties_in_a_document_stand_in_the_order_of_the_schema() -> None:
    with zipfile.ZipFile(BytesIO(export(MIXED, "docx", AT).content)) as packed:
        body = etree.fromstring(packed.read("word/document.xml"))
        links = packed.read("word/_rels/document.xml.rels").decode()
    order = ["rStyle", "rFonts", "b", "bCs", "i", "iCs", "color", "sz", "szCs", "u", "rtl", "cs", "lang"]
    for properties in body.iter(qn("w:rPr")):
        names = [etree.QName(each).localname for each in properties]
        assert names == sorted(names, key=order.index)
    assert 'Target="https://h.example/1" TargetMode="External"' in links


def test_a_file_is_named_after_the_question() -> None:
    assert export(made('Who? / what: "it" <b>'), "html").name == "Who-what-it-b.html"
    assert export(made(WARNED), "docx").name == "من-حذّر-من-قبل-الهجوم-على-كروكوس.docx"
    assert export(made("?!"), "markdown").name == "answer.md"
    assert len(export(made("word " * 100), "markdown").name) <= 63
    assert 'filename="answer.docx"' in export(made(WARNED), "docx").disposition()
    assert export(made(WARNED), "docx").disposition().isascii()


@pytest.mark.skipif(browser.CHROMIUM is None, reason="needs a browser")
def test_the_page_stands_alone_and_runs_both_ways(
    assistant: Assistant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answer: Answer = asyncio.run(assistant.ask(WARNED))
    assert {citation.language for citation in answer.citations} > {"ar", "ru"}
    file = tmp_path_factory.mktemp("page") / "answer.html"
    file.write_bytes(export(answer, "html", AT).content)
    asked: list[str] = []
    said: list[str] = []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.QUIET)
        page = opened.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        way = "element => getComputedStyle(element).direction"
        assert page.locator("html").get_attribute("lang") == "ar"
        assert page.locator("h1").evaluate(way) == "rtl"
        assert page.locator("p.statement[lang=ru]").first.evaluate(way) == "ltr"
        # A date among right-to-left words reads from the left.
        days = page.locator(".source bdi", has_text=re.compile(r"^\d{4}-\d\d-\d\d$"))
        assert days.count() and all(days.evaluate_all(f"days => days.map({_RUNS_FROM_THE_LEFT})"))
        page.locator("a.number").first.click()
        assert (
            page.evaluate("location.hash") == "#source-1" and page.locator("#source-1:target").count() == 1
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.emulate_media(media="print")
        assert page.locator("h1").is_visible()
        opened.close()
    assert asked == [file.as_uri()] and said == []


def test_filters_are_told() -> None:
    narrowed = replace(
        RICH,
        coverage=replace(RICH.coverage, filters=Filters("2024-01-01", "", ("A", "B"), ("ar",), ("x",))),
    )
    text = text_of(export(narrowed, "html").content, "html")
    assert "filters: from 2024-01-01 , languages العربية , sources A , B , id x" in text
