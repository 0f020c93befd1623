"""index/readers/{docx,epub,table,packed,feed}.py, and readers that others add."""

import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from index.readers import Failure, read
from index.types import Article
from tests.conftest import ROOT
from tests.hostile import epub, parquet, rss, zipped
from tests.hostile import item as entry
from tests.test_readers import ARABIC, ENGLISH, PERSIAN, RUSSIAN, articles, failure, write


def test_a_word_file_is_its_paragraphs_and_tables_in_their_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.author = "Ann Writer;Layla Haddad"
    document.add_paragraph("عنوان المقال", style="Title")
    document.add_paragraph("نشر في 22 آذار 2024")
    document.add_paragraph(ARABIC)
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table._cells, ("Port", "Ferries", "Ferries", "Torvik", "5", "5"), strict=True):
        cell.text = text
    table.cell(1, 0).add_table(rows=1, cols=1).cell(0, 0).text = "a table in a table"
    document.add_paragraph("The end.")
    document.save(str(tmp_path / "a.docx"))
    article = articles(tmp_path / "a.docx")["a.docx"]
    assert article.title == "عنوان المقال"
    assert article.authors == ("Ann Writer", "Layla Haddad")
    assert article.published_at == "2024-03-22", "never the file's own"
    lines = article.text.split("\n")
    assert lines[2:] == [ARABIC, "Port\tFerries\tFerries", "Torvik a table in a table\t5\t5", "The end."]


def test_a_word_file_has_text_in_many_places(tmp_path: Path) -> None:
    """Controls, insertions that are tracked and boxes are text; what was deleted is none."""
    document = docx.Document()
    run = "<w:r><w:t>{}</w:t></w:r>"
    box = (
        "<w:r><w:pict><w:txbxContent><w:p>"
        + run.format("in a box")
        + "</w:p></w:txbxContent></w:pict></w:r>"
    )
    for inside in (
        "<w:p>" + run.format("Before. ") + "<w:ins>" + run.format("Put in.") + "</w:ins>"
        "<w:del><w:r><w:delText>Taken out.</w:delText></w:r></w:del></w:p>",
        "<w:sdt><w:sdtContent><w:p>" + run.format("In a control.") + "</w:p></w:sdtContent></w:sdt>",
        "<w:p>" + run.format("Beside it") + box + "</w:p>",
    ):  # fmt: skip
        document.element.body.insert(-1, parse_xml(inside.replace(">", f" {nsdecls('w')}>", 1)))
    document.save(str(tmp_path / "a.docx"))
    text = articles(tmp_path / "a.docx")["a.docx"].text
    assert text.split("\n") == ["Before. Put in.", "In a control.", "Beside it", "in a box"]


def test_a_book_is_its_chapters_in_the_order_of_reading(tmp_path: Path) -> None:
    package = """<package xmlns="http://www.idpf.org/2007/opf"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
    <dc:title>سفر</dc:title><dc:creator>A. Writer</dc:creator><dc:creator>ب. نویسنده</dc:creator>
    <dc:publisher>Torvik Press</dc:publisher><dc:date>2024-03-22</dc:date><dc:language>fa-IR</dc:language>
    </metadata><manifest><item id="b" href="../text/two%20b.xhtml"/><item id="a" href="c.xhtml"/></manifest>
    <spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""
    with zipfile.ZipFile(write(tmp_path / "a.epub", epub()), "w") as book:
        container = (
            "<container xmlns='x'><rootfiles><rootfile full-path='book/p.opf'/></rootfiles></container>"
        )
        book.writestr("META-INF/container.xml", container)
        book.writestr("book/p.opf", package)
        book.writestr(
            "book/c.xhtml",
            f"<html><head><title>x</title></head><body><h1>یک</h1><p>{PERSIAN}</p></body></html>",
        )
        book.writestr(
            "text/two b.xhtml", f"<html><body><p>{PERSIAN[::-1]}</p><script>no()</script></body></html>"
        )
    article = articles(tmp_path / "a.epub")["a.epub"]
    assert (article.title, article.source, article.language) == ("سفر", "Torvik Press", "fa")
    assert article.authors == ("A. Writer", "ب. نویسنده")
    assert article.published_at == "2024-03-22"
    assert article.text == f"یک\n{PERSIAN}\n\n{PERSIAN[::-1]}"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_with_the_names_of_other_programs(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = f"{RUSSIAN}\nEnd, of; it|."
    row = ["Паром", text, "https://torvik.example/a", "A. Writer; B. Other", "22 марта 2024", "7"]
    lines = [["headline", "BODY", "link", "byline", "pubdate", "views"], [f'"{cell}"' for cell in row]]
    content = "\n".join(map(delimiter.join, lines))
    path = write(tmp_path / "a.csv", content.encode(encoding))
    [article] = articles(path).values()
    assert article.title == "Паром" and article.text == text
    assert article.url == "https://torvik.example/a"
    assert article.authors == ("A. Writer", "B. Other")
    assert (article.published_at, article.language) == ("2024-03-22", "ru")


def test_a_parquet_file_with_columns_of_many_types(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        parquet(
            id=[1, 2, 3, 4],
            text=[ENGLISH.encode(), RUSSIAN.encode(), b"\xff\xfe", b"  "],
            date=[datetime(2024, 3, 22, 10, tzinfo=UTC), None, None, None],
            authors=[["A", "B"], [], None, None],
            other=[{"a": 1}] * 4,
        ),
    )
    first, second, third, fourth = read([path])
    assert isinstance(first, Article) and isinstance(second, Article)
    assert (first.id, first.text, first.authors) == ("1", ENGLISH, ("A", "B"))
    assert first.published_at == "2024-03-22T10:00:00+00:00"
    assert (second.text, second.published_at) == (RUSSIAN, "")
    assert isinstance(third, Failure) and "row" not in third.where and "not UTF-8" in third.reason
    assert isinstance(fourth, Failure) and "is blank" in fourth.reason
    [dated] = articles(
        write(tmp_path / "b.parquet", parquet(text=[ENGLISH], date=[date(2024, 3, 22)]))
    ).values()
    assert dated.published_at == "2024-03-22"
    assert "'text': Input should be a valid string" in failure(
        write(tmp_path / "c.parquet", parquet(text=[5]))
    )


def test_a_zip_file_of_all_formats(tmp_path: Path) -> None:
    path = write(
        tmp_path / "news.zip",
        zipped(
            ("ar/a.txt", ARABIC), ("b.html", f"<html><article><p>{ENGLISH * 4}</p></article></html>"),
            ("lines.jsonl", json.dumps({"id": "own", "text": RUSSIAN})), ("../up.md", f"# T\n\n{PERSIAN}"),
            ("photo.jpg", b"\xff\xd8"), ("inner.zip", zipped(("c.txt", ENGLISH))), ("d.epub", epub()),
        ),
    )  # fmt: skip
    found = articles(path)
    assert set(found) == {
        "news.zip/ar/a.txt",
        "news.zip/b.html",
        "own",
        "news.zip/up.md",
        "news.zip/d.epub",
    }
    assert not list(tmp_path.rglob("up.md"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped(("photo.jpg", b"\xff\xd8")), "has no article in it"),
        (zipped(("a.txt", b"\0" * 300_000_000)), "unpacks to far too much"),
        (zipped(("a.txt", ENGLISH))[:-30], "damaged or of another format"),
    ],
)
def test_a_zip_file_of_no_use_says_why(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in failure(write(tmp_path / "a.zip", content))


def test_a_feeds_file_with_whole_entries(tmp_path: Path) -> None:
    items = entry("<link>/ferry</link><pubDate>Fri, 22 Mar 2024 23:15:00 -0500</pubDate><author>A</author>")
    path = write(tmp_path / "a.rss", rss(items + entry("<link>../b</link>", "Only this.")))
    whole, short = read([path])
    assert isinstance(whole, Article) and isinstance(short, Failure)
    assert whole.url == "https://torvik.example/ferry", "relative links are made whole"
    assert (whole.source, whole.published_at) == ("Torvik Post", "2024-03-22T23:15:00-05:00")
    assert "https://torvik.example/b" in short.reason


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    """As another package brings it: installed, named by an entry point, and found by the command."""
    package = tmp_path / "packages"
    write(
        package / "letters.py",
        "from index.readers import Found, InputArticle\n"
        "def read_letter(path, article_id):\n"
        "    title, _, text = path.read_text().partition('|')\n"
        "    yield Found(InputArticle(id=article_id, title=title, text=text).to_article(), path)\n",
    )
    write(
        package / "letters-1.0.dist-info" / "METADATA",
        "Metadata-Version: 2.1\nName: letters\nVersion: 1.0\n",
    )
    write(
        package / "letters-1.0.dist-info" / "entry_points.txt",
        "[dateline.readers]\n.letter = letters:read_letter\n",
    )
    write(tmp_path / "news" / "a.letter", f"From afar|{ENGLISH}")
    write(tmp_path / "news" / "b.zip", zipped(("c.letter", f"From near|{RUSSIAN}")))
    write(tmp_path / "news" / "broken.letter", b"\xff|x")
    environment = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}

    def dateline(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ui.cli", *arguments, "--archive", str(tmp_path / "archive")]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=200
        )

    done = dateline("ingest", str(tmp_path / "news"))
    assert "2 added, 0 unchanged, 0 replaced, 1 failed" in done.stdout, done.stderr
    assert "broken.letter: made its reader fail (UnicodeDecodeError" in done.stderr
    listed = dateline("articles", "list").stdout
    assert "From afar" in listed and "From near" in listed
