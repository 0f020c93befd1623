"""index/readers: what is read, and what is said of what cannot be."""

import json
import os
import re
from pathlib import Path

import pytest

from index.readers import Failure, InputArticle, read
from index.readers.text import unwrap
from index.types import Article

ARABIC = "غادرت العبّارة الميناء صباحًا. وقال القبطان إن كل شيء على ما يرام."
RUSSIAN = "Паром вышел из порта на рассвете. Капитан сказал, что всё в порядке."
PERSIAN = "کشتی سپیده‌دم از بندر راهی شد. ناخدا گفت همه‌چیز خوب است."

PAGE = """<!doctype html><html lang="en"><head><meta charset="{charset}">
<title>Ferry runs aground | Harbour Post</title>
<meta property="article:published_time" content="2024-02-03T10:00:00+03:00">
<meta name="author" content="Ann Writer"><meta property="og:site_name" content="Harbour Post">
<link rel="canonical" href="https://post.example.org/ferry"></head><body>
<nav><ul><li><a href="/">Home page</a></li><li><a href="/sport">Sport section</a></li></ul></nav>
<article><h1>Ferry runs aground</h1>
<p>A ferry with 212 passengers ran aground near the harbour of Valmere on Sunday, the café said.</p>
<p>Nobody was hurt. The captain denied that he had been warned of the fog that lay on the bay.</p>
</article><footer><p>Copyright 2031, all rights reserved.</p></footer></body></html>"""


def articles(*paths: Path) -> dict[str, Article]:
    found = list(read(paths))
    assert not [item for item in found if isinstance(item, Failure)], found
    return {item.id: item for item in found if isinstance(item, Article)}


def failure(path: Path) -> str:
    (found,) = read([path])
    assert isinstance(found, Failure), found
    assert "\n" not in found.reason
    return f"{found.where}: {found.reason}"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_folder_of_all_formats(tmp_path: Path) -> None:
    write(tmp_path / "ar.txt", f"عنوان قصير\n\n{ARABIC}")
    write(tmp_path / "deep" / "ru.md", f"# Паром\n\n{RUSSIAN}")
    write(tmp_path / "page.html", PAGE.format(charset="utf-8"))
    write(tmp_path / "lines.jsonl", json.dumps({"id": "x/1", "text": PERSIAN}, ensure_ascii=False))
    write(tmp_path / "photo.jpg", b"\xff\xd8")
    write(tmp_path / ".hidden.txt", "x")
    write(tmp_path / ".git" / "y.txt", "x")
    found = articles(tmp_path)
    assert set(found) == {"ar.txt", "deep/ru.md", "page.html", "x/1"}
    assert {a.language for a in found.values()} == {"ar", "ru", "en", "fa"}
    assert found["ar.txt"].title == "عنوان قصير"
    assert found["ar.txt"].text.endswith(ARABIC)
    assert (found["deep/ru.md"].title, found["deep/ru.md"].text) == ("Паром", RUSSIAN)
    assert {a.published_at for i, a in found.items() if i != "page.html"} == {""}


def test_html_is_the_article_without_its_page(tmp_path: Path) -> None:
    article = articles(write(tmp_path / "page.html", PAGE.format(charset="utf-8")))["page.html"]
    assert article.title == "Ferry runs aground"
    assert article.text.endswith("the fog that lay on the bay.")
    assert "Nobody was hurt." in article.text
    for noise in ("Home page", "Copyright", "Sport section"):
        assert noise not in article.text
    assert article.url == "https://post.example.org/ferry"
    assert (article.source, article.authors) == ("Harbour Post", ("Ann Writer",))
    assert article.published_at == "2024-02-03"


def test_html_in_the_encoding_it_declares(tmp_path: Path) -> None:
    data = PAGE.format(charset="windows-1252").encode("windows-1252")
    assert "the café said" in articles(write(tmp_path / "p.htm", data))["p.htm"].text


def test_html_without_a_date_has_none(tmp_path: Path) -> None:
    page = re.sub("<meta property=.article:published_time.*?>", "", PAGE.format(charset="utf-8"))
    assert articles(write(tmp_path / "p.html", page))["p.html"].published_at == ""


def test_markdown_with_metadata(tmp_path: Path) -> None:
    text = (
        "---\ntitle: Fog at sea\ndate: 2024-03-05\nauthor: A. Writer\nsource: Post\nother: 1\n---\n"
        "# Heading\n\nSome **bold** text with [a link](http://x.example.org)\nover two lines.\n\n"
        "<script>alert(1)</script>\n\n- one item.\n- `code` too.\n"
    )
    article = articles(write(tmp_path / "a.md", text))["a.md"]
    assert (article.title, article.published_at, article.authors, article.source) == (
        "Fog at sea",
        "2024-03-05",
        ("A. Writer",),
        "Post",
    )
    assert article.text == "Some bold text with a link over two lines.\none item.\ncode too."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    data = b"\xfe\xff" + ARABIC.encode("utf-16-be") if "be" in encoding else ARABIC.encode(encoding)
    assert articles(write(tmp_path / "a.txt", data))["a.txt"].text == ARABIC


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\t ", "is empty"),
        ("empty.md", b"", "is empty"),
        ("empty.html", b"", "is empty"),
        ("empty.jsonl", b"", "is empty"),
        ("binary.txt", bytes(range(256)) * 20, "binary"),
        ("null.txt", b"text with \0 inside", "binary"),
        ("ar.txt", (ARABIC * 3).encode("cp1256"), "may be cp1256: iconv -f cp1256 -t utf-8"),
        ("ru.txt", (RUSSIAN * 3).encode("cp1251"), "may be cp1251: iconv -f cp1251 -t utf-8"),
        ("nobody.html", b"<html><head><title>x</title></head><body></body></html>", "no article text"),
        ("bad.md", b"---\na: [\n---\ntext", "not YAML"),
        ("heading.md", b"# Only a heading", "blank"),
        ("what.pdf", b"%PDF", "not read (.txt, .md, .html, .htm, .jsonl)"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    reason = failure(write(tmp_path / name, content))
    assert name in reason and says in reason


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    assert "does not exist" in failure(tmp_path / "missing.txt")
    (tmp_path / "dangling.txt").symlink_to("/nowhere/at/all")
    assert "cannot be read" in "".join(failure(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_what_may_not_be_opened(tmp_path: Path) -> None:
    write(tmp_path / "shut" / "a.txt", ARABIC).parent.chmod(0)
    assert "cannot be opened: Permission denied" in failure(tmp_path)
    (tmp_path / "shut").chmod(0o755)


def test_a_broken_line_does_not_stop_the_others(tmp_path: Path) -> None:
    lines = [
        '{"text": "The first article is whole."}',
        '{"text": "broken',
        "",
        '{"text": "x", "body": "y"}',
        '{"title": "no text"}',
        '{"text": "x", "published_at": "2024-13-01"}',
        '{"text": "x", "url": "javascript:alert(1)"}',
        '{"text": "x", "language": "Arabic"}',
        '{"text": " "}',
        '{"text": "half \\ud800 pair"}',
        "[1, 2]",
        '{"id": "last", "text": "The last is whole too.", "authors": "One", "url": null}',
    ]
    found = list(read([write(tmp_path / "a.jsonl", "\n".join(lines))]))
    assert [item.id for item in found if isinstance(item, Article)][-1] == "last"
    failures = {item.where.rsplit(" ", 1)[1]: item.reason for item in found if isinstance(item, Failure)}
    assert set(failures) == {"2", "4", "5", "6", "7", "8", "9", "10", "11"}
    assert "Invalid JSON" in failures["2"]
    assert "'body'" in failures["4"] and "'text'" in failures["5"]
    assert "2024-13-01" in failures["6"] and "javascript" in failures["7"]
    assert all("\n" not in reason for reason in failures.values())


def test_missing_ids_stay_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "One."}\n{"text": "Two.", "url": "https://a.example.org"}')
    first, second = articles(path), articles(path)
    assert list(first) == list(second)
    changed = InputArticle(text="Changed.", url="https://a.example.org").to_article()
    assert changed.id == list(first)[1], "an article with a URL is known by it"


def test_one_id_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"id": "x", "text": "One."}\n{"id": "x", "text": "Two."}')
    first, second = read([path])
    assert isinstance(first, Article) and isinstance(second, Failure)
    assert "'x' was already given by" in second.reason


def test_fifty_megabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "big.txt", "word " * 10_000_000)
    assert len(articles(path)["big.txt"].text) == 50_000_000
    with path.open("ab") as file:
        file.truncate(65 * 2**20)
    assert "split it" in failure(path)


def test_text_broken_at_a_fixed_width() -> None:
    wrapped = (
        "The ferry left the harbour an hour late with two hundred and\n"
        "twelve passengers on board, and it was not seen again until\n"
        "the evening, when the coast guard found it on a sandbank in\n"
        "the bay.\n\n"
        "Nobody was hurt, a spokesman said, and the passengers were\n"
        "taken off by small boats before the night fell on the bay,\n"
        "which took four hours.\n"
    )
    paragraphs = unwrap(wrapped).split("\n\n")
    assert len(paragraphs) == 2
    assert paragraphs[0].endswith("on a sandbank in the bay.") and "\n" not in paragraphs[0]
    lines = "\n".join(f"Paragraph number {n} is one line and ends with a full stop here." for n in range(9))
    assert unwrap(lines) == lines


def test_the_real_article() -> None:
    path = Path(__file__).parents[2] / "shared" / "crocus" / "article.txt"
    if not path.exists():
        pytest.skip("../shared/crocus is not here")
    article = articles(path)["article.txt"]
    assert (article.language, article.published_at) == ("ar", "")
    assert article.text == path.read_text("utf-8")
