"""index/readers/pdf.py: words in the order in which they are read, whatever program made the PDF."""

import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fpdf import FPDF

from index.clean import clean_text
from index.readers import Failure, read
from index.types import Article
from tests.conftest import SAMPLE_ARTICLES
from tests.hostile import pdf
from tests.prints import FONT, in_presentation_forms, printed, shaped

Make = Callable[[str, str, str], bytes]

SAMPLE = [json.loads(line) for line in SAMPLE_ARTICLES.read_text("utf-8").splitlines()]
# Least share of an article's words that come out whole and in their order, over each language's articles.
# fpdf2 names some letters with marks wrongly; the zero-width joiner of Persian is in none of the PDFs.
LEAST = {"shaped": 0.99, "forms": 0.995, "printed": 0.99}
MIXED = (
    "قال المتحدث باسم Reuters إن 1,234 شخصًا (بينهم 56 طفلًا) نُقلوا في 22/3/2024 عند الساعة 10:30.\n"
    "وارتفع سعر Brent إلى 85.4 دولارًا، أي بنسبة 12%، كما ورد في «تقرير الطاقة» الصادر عن OPEC+ أمس."
)


@pytest.fixture(params=["shaped", "forms", "printed"])
def way(request: pytest.FixtureRequest) -> tuple[str, Make]:
    """A way to make PDFs, by name."""
    if request.param == "printed":
        browser = request.getfixturevalue("browser")
        return "printed", lambda *what: printed(browser, *what)
    return request.param, {"shaped": shaped, "forms": in_presentation_forms}[request.param]


def article(path: Path, content: bytes) -> Article:
    path.write_bytes(content)
    [found] = read([path])
    assert isinstance(found, Article), found
    return found


def words(text: str) -> list[str]:
    return clean_text(text).replace("\u200c", "").split()


def share(wanted: list[str], found: list[str]) -> float:
    """The share of the wanted words that were found, in their order."""
    matcher = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(wanted)


@pytest.mark.parametrize("language", ["ar", "fa", "en", "ru"])
def test_words_come_out_in_the_order_of_reading(
    tmp_path: Path, way: tuple[str, Make], language: str, record_property: Callable[[str, object], None]
) -> None:
    name, make = way
    shares, titles = [], []
    for sample in (line for line in SAMPLE if line["language"] == language):
        content = make(sample["title"], sample["text"], language)
        found = article(tmp_path / "x.pdf", content)
        wanted = [sample["title"], *sample["text"].split("\n")]
        shares.append(share(words("\n".join(wanted)), words(found.text)))
        titles.append(words(found.title) == words(sample["title"]))
        assert len(found.text.split("\n\n")) == len(wanted), "paragraphs stay apart"
        assert found.language == language
    # One title in Persian has Latin and Cyrillic names and two kinds of brackets between them.
    assert titles.count(False) <= (language == "fa")
    record_property(f"{name} {language}", sum(shares) / len(shares))
    assert sum(shares) / len(shares) >= (1.0 if language in ("en", "ru") else LEAST[name])


def test_numbers_and_latin_words_in_an_arabic_line(tmp_path: Path, way: tuple[str, Make]) -> None:
    found = article(tmp_path / "x.pdf", way[1]("عنوان", MIXED, "ar"))
    wanted = words(MIXED)
    # The letters with marks that fpdf2 names wrongly.
    missing = [
        word for word in wanted if word not in words(found.text) and not re.search("[\u064b-\u0652]", word)
    ]
    assert not missing
    assert share(wanted, words(found.text)) > 0.9


def test_letters_of_old_encodings_are_folded_back(tmp_path: Path) -> None:
    text = "قالت الوكالة إن الأطفال خلال الاحتفال سالمون، ولا إصابات بينهم."
    content = in_presentation_forms("عنوان", text, "ar")
    found = article(tmp_path / "x.pdf", content)
    assert text in found.text
    assert not re.search("[\ufb50-\ufdff\ufe70-\ufefc]", found.text)


def test_what_stands_on_every_page_is_left_out(tmp_path: Path) -> None:
    class Paper(FPDF):
        def header(self) -> None:
            self.set_font("dejavu", size=9)
            self.cell(text="The Harbour Post, daily since 1902", new_x="LMARGIN", new_y="NEXT")
            self.ln(8)

        def footer(self) -> None:
            self.set_y(-15)
            self.cell(text=f"Page {self.page_no()} of 4", align="C", w=0)

    paper = Paper()
    paper.add_font("dejavu", fname=FONT)
    for number in range(4):
        paper.add_page()
        paper.set_font("dejavu", size=12)
        paper.multi_cell(
            w=0, text=f"On day {number} the ferry came late, the port office said in its note."
        )
    found = article(tmp_path / "x.pdf", bytes(paper.output()))
    assert "Harbour Post" not in found.text and "Page" not in found.text
    assert [f"day {number}" in found.text for number in range(4)] == [True] * 4


def test_lines_broken_in_a_word_are_joined(tmp_path: Path) -> None:
    lines = b"BT /F1 12 Tf 50 700 Td 14 TL (The ferry left the har-) Tj T* (bour of Torvik at dawn.) Tj ET"
    assert article(tmp_path / "x.pdf", pdf(lines)).text == "The ferry left the harbour of Torvik at dawn."


def test_a_turned_page_is_read_like_another(tmp_path: Path) -> None:
    """A landscape page, and one whose letters climb."""
    lines = b"BT /F1 12 Tf 0 12 -12 0 300 50 Tm 0 0 Td (The ferry left the harbour at dawn.) Tj ET"
    small = lines.replace(b"/F1 12 Tf", b"/F1 1 Tf")
    assert article(tmp_path / "x.pdf", pdf(small)).text == "The ferry left the harbour at dawn."
    down = small.replace(b"0 12 -12 0 300 50", b"0 -12 12 0 300 700")
    assert article(tmp_path / "x.pdf", pdf(down)).text == "The ferry left the harbour at dawn."


def test_the_day_is_the_one_that_is_printed_not_the_files(tmp_path: Path) -> None:
    found = article(tmp_path / "x.pdf", shaped("عنوان", f"نشر في 22 آذار 2024\n{MIXED}", "ar"))
    assert found.published_at == "2024-03-22"
    assert article(tmp_path / "x.pdf", shaped("عنوان", MIXED, "ar")).published_at == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pdf(b"0 0 1 rg 100 100 200 200 re f"), "ocrmypdf"),
        (pdf()[:300], "is no PDF that can be read"),
        (pdf(_2="<</Type/Pages/Kids[" + "3 0 R " * 2001 + "]/Count 2001>>"), "more than 2,000"),
        (b"", "is empty"),
    ],
)
def test_a_pdf_without_text_says_what_to_do(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.pdf").write_bytes(content)
    [found] = read([tmp_path / "x.pdf"])
    assert isinstance(found, Failure) and says in found.reason
