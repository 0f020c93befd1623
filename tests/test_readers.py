"""index/readers: what is read, and what is said of what cannot be."""

import json
import os
import re
import textwrap
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


ENGLISH = "The ferry left the harbour at dawn. The captain said that all was well."
TEXTS = {"ar": ARABIC, "en": ENGLISH, "fa": PERSIAN, "ru": RUSSIAN}
# Each suffix, and how a file of it holds a text with the title “T”.
FORMATS = {
    ".txt": lambda text: f"T\n\n{text}\n",
    ".md": lambda text: f"# T\n\n**{text}**\n",
    ".html": lambda text: f"<html><head><title>T</title></head><body><article><p>{text * 4}</p></article>",
    ".jsonl": lambda text: json.dumps({"id": "x", "title": "T", "text": text}),
}


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


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("language", TEXTS)
def test_every_format_in_every_language(tmp_path: Path, suffix: str, language: str) -> None:
    (article,) = articles(write(tmp_path / f"x{suffix}", FORMATS[suffix](TEXTS[language]))).values()
    assert TEXTS[language] in article.text
    assert (article.title, article.language, article.published_at) == ("T", language, "")
    assert not set("#*<{") & set(article.text)


def test_html_is_the_article_without_its_page(tmp_path: Path) -> None:
    article = articles(write(tmp_path / "page.html", PAGE.format(charset="utf-8")))["page.html"]
    assert article.title == "Ferry runs aground"
    assert article.text.endswith("the fog that lay on the bay.")
    assert "Nobody was hurt." in article.text
    for noise in ("Home page", "Copyright", "Sport section"):
        assert noise not in article.text
    assert article.url == "https://post.example.org/ferry"
    assert (article.source, article.authors) == ("Harbour Post", ("Ann Writer",))
    assert article.published_at == "2024-02-03T10:00:00+03:00"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ARABIC.replace("ّ", ""), "windows-1256"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (PERSIAN, "utf-16"),
    ],
)
@pytest.mark.parametrize(
    "declared",
    [
        '<meta charset="{}">',
        '<meta http-equiv="Content-Type" content="text/html; charset={}">',
    ],
)
def test_html_in_the_encoding_it_declares(tmp_path: Path, text: str, encoding: str, declared: str) -> None:
    text = text.replace("ً", "").replace("—", "")
    head = f"<head>{declared.format(encoding)}<title>T</title></head>"
    data = f"<html>{head}<body><article><p>{text * 3}</p></article></body></html>".encode(encoding)
    assert text in articles(write(tmp_path / "p.htm", data))["p.htm"].text


def test_html_in_an_encoding_it_does_not_declare(tmp_path: Path) -> None:
    data = f"<html><body><article><p>{RUSSIAN * 5}</p></article></body></html>".encode("windows-1251")
    assert RUSSIAN in articles(write(tmp_path / "p.html", data))["p.html"].text


PARAGRAPHS = (
    "<p>A ferry with 212 passengers ran aground near the harbour, and nobody was hurt at all.</p>" * 3
)


@pytest.mark.parametrize(
    ("head", "body", "published_at"),
    [
        ("", "{}", ""),
        ("", "<h1>The fire of 22 March 2024</h1>{}", ""),
        ("", "{}<p>It began on 2024-03-22, said a spokesman of the harbour at noon.</p>", ""),
        ("", "{}<aside><time datetime='2024-03-22'>22 March</time> Another article</aside>", ""),
        ("", "{}<div class='related'><span class='date'>2024-03-22</span></div>", ""),
        ("", "<div class='candidates'>22 March 2024</div>{}", ""),
        ("", "{}<footer>Copyright 2031 <span class='date'>2031-01-01</span></footer>", ""),
        ("", "<time datetime='2024-03-22T10:00:00Z'>Friday</time>{}", "2024-03-22T10:00:00+00:00"),
        ("", "<div class='post-date'>Published: 3 April 2030</div>{}", "2030-04-03"),
        ("<meta name='date' content='1987-05-01'>", "{}", "1987-05-01"),
        (
            '<script type="application/ld+json">{"datePublished": "2024-03-25T10:00:00Z"}</script>',
            "{}",
            "2024-03-25T10:00:00+00:00",
        ),
        ("<link rel='canonical' href='https://a.example.org/2024/04/01/ferry'>", "{}", "2024-04-01"),
    ],
)
def test_html_dates_are_the_pages_own(tmp_path: Path, head: str, body: str, published_at: str) -> None:
    page = f"<html><head><title>T</title>{head}</head><body><article>{body.format(PARAGRAPHS)}</article>"
    article = articles(write(tmp_path / "p.html", page))["p.html"]
    assert article.published_at == published_at
    assert "212 passengers" in article.text


def test_html_keeps_the_joiners_of_persian(tmp_path: Path) -> None:
    written = "می&zwnj;رود می&#8204;آید می&#x200C;شود می\u200cبیند \U0001f468\u200d\U0001f469"
    page = (
        f"<html><head><title>می\u200cرود</title></head><body><p>{written} {PERSIAN * 5}</p></body></html>"
    )
    article = articles(write(tmp_path / "p.html", page))["p.html"]
    assert article.title == "می\u200cرود"
    assert article.text.startswith(
        "می\u200cرود می\u200cآید می\u200cشود می\u200cبیند \U0001f468\u200d\U0001f469"
    )


def test_html_keeps_no_address_that_is_none(tmp_path: Path) -> None:
    page = PAGE.format(charset="utf-8").replace("https://post.example.org/ferry", "javascript:alert(1)")
    assert articles(write(tmp_path / "p.html", page))["p.html"].url == ""


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
    assert article.text == "Heading\nSome bold text with a link over two lines.\none item.\ncode too."


def test_markdown_is_read_as_it_is_meant(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 2024\nlanguage: no\nurl: ~\nauthors: [A, B]\npublished_at: 2024-03-05 10:00:00 +0300\n"
        "tags: {a: [1]}\n---\n# 2024\n\nHello <b>you</b> ![a ship](s.png) `code`\n\n<div>\nraw\n</div>\n\n"
        "    indented\n\n| a | b |\n|---|---|\n| c | d |\n\n> quoted\n\n## Second\n\nEnd.\n"
    )
    article = articles(write(tmp_path / "a.md", text))["a.md"]
    assert article.text == "Hello you a ship code\nindented\na\nb\nc\nd\nquoted\nSecond\nEnd."
    assert (article.title, article.language, article.url, article.authors) == ("2024", "no", "", ("A", "B"))
    assert article.published_at == "2024-03-05T10:00:00+03:00"


def test_markdown_that_begins_with_a_ruler(tmp_path: Path) -> None:
    article = articles(write(tmp_path / "a.md", "---\n\nA ruler first.\n"))["a.md"]
    assert article.text == "A ruler first."


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
        ("tag.md", b"---\ntitle: !!python/name:os.system {a: 1}\n---\ntext", "'title' in its metadata"),
        ("date.md", b"---\ndate: 03/04/2024\n---\ntext", "'03/04/2024' is not an ISO 8601 date"),
        ("half.txt", "text".encode("utf-16") + b"x", "is not UTF-16 text (byte 10)"),
        ("utf16.jsonl", '{"text": "x"}'.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("blank.jsonl", b"\n \n", "is empty"),
        ("null.html", b"<p>text \0 inside", "binary"),
        ("what.odt", b"PK", "not read (.txt, .md, .html, .htm"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    reason = failure(write(tmp_path / name, content))
    assert name in reason and says in reason


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    assert "does not exist" in failure(tmp_path / "missing.txt")
    (tmp_path / "dangling.txt").symlink_to("/nowhere/at/all")
    assert "cannot be read" in "".join(failure(tmp_path))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert "not a regular file" in failure(tmp_path / "pipe.txt")
    assert "not a regular file" in failure(tmp_path / "pipe.jsonl")
    assert "cannot be read: Too many levels" in failure(tmp_path / "loop.txt")
    assert "cannot be read: File name too long" in failure(tmp_path / ("a" * 300 + ".txt"))


def test_names_that_are_not_text_can_be_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\n.txt"))
    path.write_text(ENGLISH)
    assert list(articles(tmp_path)) == [r"a\udcff\n.txt"]
    path.write_text("")
    where = failure(path).partition(": ")[0]
    assert where.endswith(r"a\udcff\n.txt")
    assert where.isprintable()


def test_links_lead_no_further_than_the_folder(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret.txt", "not yours")
    write(tmp_path / "inside" / "a.txt", ENGLISH)
    (tmp_path / "inside" / "secret.txt").symlink_to(secret)
    (tmp_path / "inside" / "folder").symlink_to(secret.parent)
    assert list(articles(tmp_path / "inside")) == ["a.txt"]
    assert articles(tmp_path / "inside" / "secret.txt")["secret.txt"].text == "not yours"


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    write(tmp_path / "x.txt" / "a.txt", ENGLISH)
    assert list(articles(tmp_path / "x.txt")) == ["a.txt"]
    assert list(articles(tmp_path)) == ["x.txt/a.txt"]


def test_files_are_read_one_at_a_time(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        write(tmp_path / name, name)
    found = read([tmp_path])
    next(found)
    write(tmp_path / "b.txt", "changed since")
    second = next(found)
    assert isinstance(second, Article) and second.text == "changed since"


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
    assert "not JSON" in failures["2"]
    assert "'body'" in failures["4"] and "'text'" in failures["5"]
    assert "2024-13-01" in failures["6"] and "javascript" in failures["7"]
    assert all("\n" not in reason for reason in failures.values())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"text": "a", "text": "b"}', "has the key 'text' twice"),
        (b'{"text": "caf\xe9"}', "is not UTF-8 text (byte 13)"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b'{"text": "a", "id": ' + b"1" * 5000 + b"}", "is not JSON that can be read"),
        (b'{"text": "a", "id": 5}', "'id': Input should be a valid string"),
        (b'{"text": "a", "id": "a\\nb"}', "'id': contains a control character"),
        (b'{"text": "a", "id": "' + b"x" * 513 + b'"}', "'id': has 513 characters, more than 512"),
        (b'{"text": "a\\u0000b"}', "'text': contains a NUL character"),
        (b'{"text": null}', "'text'"),
        (b'{"text": "a", "authors": ["b", 1]}', "'authors.1'"),
        (b'{"text": "a", "published_at": "0000-01-01"}', "'0000-01-01' is not an ISO 8601 date"),
        (b'{"text": "a", "published_at": "yesterday"}', "'yesterday' is not an ISO 8601 date"),
        (b'{"text": "a", "url": "http://[a"}', "'http://[a' is not an http or https URL"),
        (b'{"text": "a", "url": "https://a b.example.org"}', "is not an http or https URL"),
        (b'{"text": "a", "url": "file:///etc/passwd"}', "is not an http or https URL"),
        (b'"text"', "is not a JSON object"),
    ],
)
def test_a_line_that_is_no_article(tmp_path: Path, line: bytes, says: str) -> None:
    bad, good = read([write(tmp_path / "a.jsonl", line + b'\n{"text": "The next is whole."}')])
    assert isinstance(bad, Failure) and isinstance(good, Article)
    assert bad.where.endswith("a.jsonl line 1")
    assert says in bad.reason and "\n" not in bad.reason


def test_a_line_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "')
        file.seek(65 * 2**20)
        file.write(b'"}\n{"text": "The next is whole."}\n')
    bad, good = read([path])
    assert isinstance(bad, Failure) and "longer than 64 MiB" in bad.reason
    assert isinstance(good, Article) and good.text == "The next is whole."


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2024-03-22", "2024-03-22"),
        ("20240322", "2024-03-22"),
        ("2024-03-22T10:00:00Z", "2024-03-22T10:00:00+00:00"),
        ("2024-03-22 10:00:00 +0300", "2024-03-22T10:00:00+03:00"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59"),
        (" ", ""),
        (None, ""),
    ],
)
def test_dates_are_kept_in_one_form(given: str | None, kept: str) -> None:
    assert (
        InputArticle.model_validate({"text": "x", "published_at": given}).to_article().published_at == kept
    )


def test_what_is_missing_is_completed() -> None:
    bare = InputArticle.model_validate({"text": RUSSIAN, "title": None, "authors": None, "language": ""})
    assert bare.to_article() == Article(id=bare.to_article().id, title="", text=RUSSIAN, language="ru")
    assert InputArticle(text="x", language="AR_eg").to_article().language == "ar"
    assert InputArticle(text=RUSSIAN, language="und").to_article().language == "ru"
    assert InputArticle(text="x", title=" two\n lines ").to_article().title == "two lines"
    assert (
        InputArticle(text="x", title="a").to_article().id
        != InputArticle(text="x", title="b").to_article().id
    )


def test_missing_ids_stay_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "One."}\n{"text": "Two.", "url": "https://a.example.org"}')
    first, second = articles(path), articles(path)
    assert list(first) == list(second)
    changed = InputArticle(text="Changed.", url="https://a.example.org").to_article()
    assert changed.id == list(first)[1], "an article with a URL is known by it"


def test_one_id_twice(tmp_path: Path) -> None:
    write(
        tmp_path / "a.jsonl",
        '{"id": "x", "text": "One."}\n{"id": "x", "text": "One."}\n{"id": "y", "text": "2"}',
    )
    write(tmp_path / "b.jsonl", '\n{"id": "x", "text": "Two."}')
    first, same, _, second = read([tmp_path])
    assert first == same, "the same article once more is no mistake"
    assert isinstance(second, Failure)
    assert second.where.endswith("b.jsonl line 2")
    assert re.search(r"the id 'x' was already given by .*a\.jsonl line 1: make ids unique", second.reason)


@pytest.mark.timeout(60)
def test_fifty_megabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "big.txt", "word " * 10_000_000)
    assert "50,000,000 characters, more than 2,000,000" in failure(path)
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


@pytest.mark.parametrize("paragraph", [ARABIC, RUSSIAN, PERSIAN, ENGLISH], ids=TEXTS)
def test_any_script_broken_at_a_fixed_width(paragraph: str) -> None:
    paragraphs = [paragraph * 4, paragraph * 5]
    wrapped = "\n\n".join(textwrap.fill(text, 60) for text in paragraphs)
    assert [" ".join(text.split()) for text in unwrap(wrapped).split("\n")] == [
        paragraphs[0],
        "",
        paragraphs[1],
    ]


def test_lists_and_speakers_keep_their_lines() -> None:
    line = "a line that is long enough to be one of a wrapped text"
    text = f"{line}\n{line}\n- {line}\n- {line}\n1. {line}\n— {line}\n    {line}\n{line}"
    assert unwrap(text).count("\n") == 5


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("A heading\n\nThe text.", "A heading"),
        ("A heading\n \nThe text.", "A heading"),
        ("A sentence.\n\nThe text.", ""),
        ("هل هذا سؤال؟\n\nنص", ""),
        ("A line\nThe text.", ""),
        ("Only a line\n\n", ""),
        ("x" * 151 + "\n\nThe text.", ""),
    ],
)
def test_titles_of_plain_text(tmp_path: Path, text: str, title: str) -> None:
    article = articles(write(tmp_path / "a.txt", text))["a.txt"]
    assert article.title == title
    assert article.text.strip() == text.strip()


def test_the_real_article() -> None:
    path = Path(__file__).parents[2] / "shared" / "crocus" / "article.txt"
    if not path.exists():
        pytest.skip("../shared/crocus is not here")
    article = articles(path)["article.txt"]
    assert (article.language, article.published_at) == ("ar", "")
    assert article.text == path.read_text("utf-8")
