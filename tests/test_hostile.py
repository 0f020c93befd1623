"""Hostile and broken files: each ends as an article or as a one-line reason, and nothing is lost."""

import gzip
import io
import json
import random
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index.archive import Archive
from index.embed import Embedder
from index.ingest import Outcome, ingest
from index.readers import File, read
from index.sources import Sources
from index.types import Article, Filters
from tests.conftest import SAMPLE_ARTICLES, open_archive

TEXT = (
    "The harbour of Valmere was closed on Friday after a storm. The port office said it would reopen soon. "
)
ARABIC = "أغلقت السلطات ميناء المدينة يوم الجمعة بعد عاصفة شديدة. وقال مكتب الميناء إنه سيعاد فتحه قريبا. "
QUESTION = "Who warned whom before the Crocus attack?"
MEGABYTE = 2**20


def a_pdf(text: str = "The harbour was closed on Friday.") -> bytes:
    """A PDF of one page, written by hand."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(parts) + 1, table) + trailer


def a_docx() -> bytes:
    document = docx.Document()
    document.add_heading("The harbour", 0)
    for _ in range(5):
        document.add_paragraph(TEXT)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def a_zip(members: dict[str, bytes | str], links: dict[str, str] | None = None) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
        for name, target in (links or {}).items():
            link = zipfile.ZipInfo(name)
            link.create_system, link.external_attr = 3, 0o120777 << 16
            packed.writestr(link, target)
    return written.getvalue()


def an_epub(page: str = f"<p>{TEXT}</p>", spine: str = "page.xhtml") -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
        '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/>'
        "</rootfiles></container>"
    )
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Harbour</dc:title></metadata><manifest>'
        f'<item id="p" href="{spine}" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="p"/></spine></package>'
    )
    html = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{page}</body></html>'
    return a_zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": book,
            "page.xhtml": html,
        }
    )


def a_parquet(columns: dict[str, list[object]] | None = None) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(columns or {"id": ["a", "b"], "text": [TEXT, ARABIC]}), written)
    return written.getvalue()


def a_feed(entry: str) -> str:
    return f'<rss version="2.0"><channel><title>Post</title><item>{entry}</item></channel></rss>'


def html(body: str, head: str = "<title>The harbour</title>") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


GOOD: dict[str, bytes] = {
    ".pdf": a_pdf(),
    ".docx": a_docx(),
    ".epub": an_epub(),
    ".zip": a_zip({"a.txt": TEXT, "b/c.md": ARABIC}),
    ".parquet": a_parquet(),
    ".html": html(f"<article><p>{TEXT * 4}</p></article>").encode(),
    ".xml": a_feed(f"<title>Harbour</title><description>{TEXT * 3}</description>").encode(),
    ".jsonl": "".join(json.dumps({"id": f"j{n}", "text": TEXT}) + "\n" for n in range(3)).encode(),
    ".csv": f'id,text\nc1,"{TEXT}"\nc2,"{ARABIC}"\n'.encode(),
    ".md": f"---\ntitle: Harbour\ndate: 2024-03-22\n---\n\n{TEXT}".encode(),
}


def truncated() -> Iterator[tuple[str, bytes]]:
    for suffix, whole in GOOD.items():
        for eighth in range(8):
            yield f"cut-{eighth}{suffix}", whole[: len(whole) * eighth // 8]


def damaged() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(5)
    for suffix, whole in GOOD.items():
        for number in range(8):
            content = bytearray(whole)
            for _ in range(1 + len(content) // 60):
                content[chance.randrange(len(content))] = chance.randrange(256)
            yield f"bitten-{number}{suffix}", bytes(content)


def misnamed() -> Iterator[tuple[str, bytes]]:
    suffixes = list(GOOD)
    for number, suffix in enumerate(suffixes):
        yield f"really-{suffix[1:]}{suffixes[number - 1]}", GOOD[suffix]
        yield f"noise{suffix}", random.Random(number).randbytes(4000)
        yield f"nulls{suffix}", b"\0" * 3000


def in_wrong_encodings() -> Iterator[tuple[str, bytes]]:
    for name in ("utf-16", "utf-32", "cp1256", "iso8859-6"):
        yield f"{name}.txt", (ARABIC * 5).encode(name)
        yield (
            f"{name}.html",
            html(f'<meta charset="utf-8"><article><p>{ARABIC * 5}</p></article>').encode(name),
        )
        yield f"{name}.csv", f"text\n{ARABIC}\n".encode(name)
    for name in ("koi8-r", "cp1251", "cp866"):
        yield (
            f"{name}.txt",
            ("Порт города закрыли в пятницу после бури, сообщили власти. " * 5).encode(name),
        )
    yield "half.txt", ARABIC.encode()[:-3] + b"\xd9"
    yield "halves.jsonl", b'{"text": "\\ud800 half of a pair"}\n'
    yield "overlong.txt", b"\xc0\xaf\xe0\x80\xaf" + TEXT.encode()


def endless() -> Iterator[tuple[str, bytes]]:
    yield "one-line.txt", b"word " * (100 * MEGABYTE // 5)
    yield "one-line.jsonl", b'{"text": "' + b"x" * (100 * MEGABYTE) + b'"}'
    yield "one-line.csv", b"text\n" + b"y" * (20 * MEGABYTE) + b"\n"
    yield "one-word.txt", b"z" * (3 * MEGABYTE)
    yield "marks.txt", ("e" + "\u0301" * 100_000 + " " + TEXT).encode()
    yield "brackets.jsonl", b"[" * 200_000
    yield "nested.jsonl", b'{"text": ' * 20_000 + b"1" + b"}" * 20_000
    yield "deep.html", html("<div>" * 100_000 + TEXT + "</div>" * 100_000).encode()
    yield "deep.xml", b"<rss>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</rss>"
    yield "quotes.md", b"> " * 20_000 + TEXT.encode()
    yield "lists.md", b"".join(b" " * n + b"- x\n" for n in range(400))
    yield "attributes.html", html("<p " + "a=b " * 100_000 + ">" + TEXT).encode()
    yield "comment.html", b"<html><!--" + b"-" * 500_000
    yield "columns.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\ntext\n"


def bombs() -> Iterator[tuple[str, bytes]]:
    zeros = b"0" * (40 * MEGABYTE)
    yield "bomb.zip", a_zip({"a.txt": zeros})
    yield "bombs.zip", a_zip({f"{n}.txt": zeros[: 4 * MEGABYTE] for n in range(20)})
    yield "bomb.docx", a_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": zeros})
    yield "bomb.epub", a_zip({"mimetype": "application/epub+zip", "META-INF/container.xml": zeros})
    yield "inner.zip", a_zip({"b.zip": a_zip({"c.zip": a_zip({"d.txt": zeros})})})
    yield "gzip.xml", gzip.compress(zeros)
    yield "stream.pdf", a_pdf().replace(b"/Length", b"/Filter /FlateDecode /Length") + zlib.compress(zeros)
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    doctype = f'<!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}]>'
    yield "laughs.xml", (doctype + a_feed("<title>&l8;</title><description>&l8;</description>")).encode()
    yield "laughs.html", (doctype + html("<p>&l8;</p>" + TEXT)).encode()
    outside = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    yield (
        "outside.xml",
        (outside + a_feed(f"<title>&x;</title><description>&x; {TEXT}</description>")).encode(),
    )
    yield "outside.epub", an_epub("<p>&x;</p>").replace(b"<html", b"<html")
    remote = '<!DOCTYPE rss SYSTEM "http://192.0.2.1/rss.dtd">'
    yield "remote.xml", (remote + a_feed(f"<description>{TEXT}</description>")).encode()
    include = (
        f'<p xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></p>{TEXT}'
    )
    yield "include.html", html(include).encode()
    yield "rows.csv", b"text\n" + b'"' * 100_001


def odd_names_and_places() -> Iterator[tuple[str, bytes]]:
    for number, name in enumerate(
        ("../../escape.txt", "/etc/escape.txt", "C:\\escape.txt", "a/../../b.txt")
    ):
        yield f"slip-{number}.zip", a_zip({name: f"{TEXT} {number}."})
    yield "links.zip", a_zip({"real.txt": TEXT}, {"passwd.txt": "/etc/passwd", "up.txt": "../../up.txt"})
    yield "same.zip", a_zip({"x/a.txt": TEXT, "x//a.txt": ARABIC})
    yield "empty.zip", a_zip({})
    yield "folders.zip", a_zip({"a/": "", "b/c/": ""})
    yield "book-outside.epub", an_epub(spine="../../../etc/passwd")
    yield "book-far.epub", an_epub(spine="http://192.0.2.1/page.xhtml")
    ids = [
        "a/b/c",
        "../../up",
        'say "hi"',
        "it's",
        "a;DROP TABLE articles",
        "<b>x</b>",
        "%00%2e",
        "نص/١",
        "a\u202eb",
    ]
    lines = [
        json.dumps({"id": name, "text": f"{TEXT} It was told as {number}."})
        for number, name in enumerate(ids)
    ]
    yield "ids.jsonl", "\n".join(lines).encode()
    yield "control.jsonl", json.dumps({"id": "a\nb", "text": TEXT}).encode()
    yield "long-id.jsonl", json.dumps({"id": "x" * 5000, "text": TEXT}).encode()
    yield "empty-id.jsonl", json.dumps({"id": "  ", "text": TEXT + "Nothing names it."}).encode()
    title = "\u202e\u2066gnp.exe\u202c The harbour"
    yield "override.jsonl", json.dumps({"id": "override", "title": title, "text": f"\u202d{TEXT}"}).encode()
    yield (
        "override.html",
        html(f"<article><p>\u202e{TEXT * 3}</p></article>", f"<title>{title}</title>").encode(),
    )
    yield "override.txt", f"{title}\n\n{TEXT}".encode()


def odd_values() -> Iterator[tuple[str, bytes]]:
    for day in (
        "0000-00-00",
        "0000-01-01",
        "9999-12-31",
        "10000-01-01",
        "-0044-03-15",
        "2024-02-30",
        "yesterday",
        "1e9",
    ):
        yield (
            f"day-{day}.jsonl",
            json.dumps({"id": f"day {day}", "text": f"{TEXT} {day}", "published_at": day}).encode(),
        )
        head = f'<title>Day</title><meta property="article:published_time" content="{day}">'
        yield f"day-{day}.html", html(f"<article><p>{TEXT * 3} {day}</p></article>", head).encode()
        yield f"day-{day}.md", f"---\ndate: {day}\n---\n{TEXT} {day}".encode()
        entry = f"<pubDate>{day}</pubDate><title>{day}</title><description>{TEXT * 2}{day}</description>"
        yield f"day-{day}.rss", a_feed(entry).encode()
    values: list[object] = [
        None,
        3,
        [],
        {},
        True,
        "",
        " \n ",
        "\u200b\u200e",
        "\ufeff",
        "٠" * 40,
        {"text": TEXT},
    ]
    for number, value in enumerate(values):
        yield f"value-{number}.jsonl", json.dumps({"text": value}).encode()
        yield f"column-{number}.parquet", a_parquet({"text": [json.dumps(value)], "title": [number]})
    yield "numbers.parquet", a_parquet({"text": [1, 2, 3]})
    yield "no-text.parquet", a_parquet({"body": [TEXT]})
    yield "no-text.csv", f"body\n{TEXT}".encode()
    yield "ragged.csv", f"id,text\nr1,{TEXT},more,and more\nr2\n".encode()
    yield "unclosed.csv", f'id,text\nu1,"{TEXT}'.encode()
    yield "twice.csv", f"text,text\n{TEXT},{ARABIC}".encode()
    yield "no-body.html", b"<html><head><title>x</title></head></html>"
    yield "frames.html", b'<html><frameset><frame src="http://192.0.2.1/"></frameset></html>'
    yield "script.html", html("<script>while(true){}</script><noscript>x</noscript>").encode()
    yield "only-menu.html", html("<nav><a href=/>Home</a></nav><footer>About</footer>").encode()
    yield "head.md", b"---\ntitle: [unclosed\n---\n" + TEXT.encode()
    yield "alias.md", b"---\na: &a [*a]\ntitle: x\n---\n" + TEXT.encode()
    yield "tag.md", b"---\ntitle: !!python/object/apply:os.system ['true']\n---\n" + TEXT.encode()
    relative = (
        f'<link>/news/1</link><guid isPermaLink="false">1</guid><description>{TEXT * 2} One.</description>'
    )
    yield "relative.rss", a_feed(relative).encode()
    yield (
        "odd-link.rss",
        a_feed(f"<link>javascript:alert(1)</link><description>{TEXT * 2} Two.</description>").encode(),
    )
    yield "no-entries.rss", b'<rss version="2.0"><channel><title>x</title></channel></rss>'
    yield "not-a-feed.xml", b"<note><to>x</to></note>"
    yield (
        "broken.atom",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>x</title><content>' + TEXT.encode(),
    )
    yield (
        "locked.pdf",
        a_pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 >>"),
    )
    yield "loop.pdf", a_pdf().replace(b"/Kids [3 0 R]", b"/Kids [2 0 R 2 0 R]")
    yield "no-pages.pdf", a_pdf().replace(b"/Kids [3 0 R] /Count 1", b"/Kids [] /Count 0")
    yield "no-letters.pdf", a_pdf("")
    yield "huge-page.pdf", a_pdf().replace(b"[0 0 612 792]", b"[0 0 9e18 9e18]")


KINDS = (
    truncated,
    damaged,
    misnamed,
    in_wrong_encodings,
    endless,
    bombs,
    odd_names_and_places,
    odd_values,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "in"
    for kind in KINDS:
        (folder / kind.__name__).mkdir(parents=True)
        for name, content in kind():
            path = folder / kind.__name__ / name
            assert not path.exists(), name
            path.write_bytes(content)
    return folder


@pytest.mark.timeout(900)
def test_each_ends_as_an_article_or_a_reason_and_nothing_is_lost(
    hostile: Path, tmp_path: Path, embedder: Embedder
) -> None:
    archive = open_archive(tmp_path / "archive", embedder)
    list(ingest(archive, read([SAMPLE_ARTICLES])))
    before = articles_of(archive)
    answered, vectors = found(archive), vectors_of(archive, before)
    files = sorted(path for path in hostile.rglob("*") if path.is_file())
    assert len(files) >= 200
    told: dict[str, list[Outcome]] = {}
    with Sources(archive) as sources:
        for path in files:
            # By itself, so that it is known what became of it.
            told[str(path)] = list(ingest(archive, sources.read([File(path, f"hostile/{path.name}")])))
    for name, outcomes in told.items():
        for outcome in outcomes:
            if outcome.status == "failed":
                assert outcome.reason.strip() and "\n" not in outcome.reason, (name, outcome)
                assert len(outcome.reason) < 1000 and "Traceback" not in outcome.reason, (name, outcome)
    assert all(told.values()), [name for name, outcomes in told.items() if not outcomes]
    failed = sum(any(o.status == "failed" for o in outcomes) for outcomes in told.values())
    print(f"{len(files)} files: {failed} failed, {sum(map(len, told.values())) - failed} articles came in")
    assert failed > 100
    # What was there is as it was, and nothing that came in steers a reader's screen or leads elsewhere.
    after = articles_of(archive)
    assert {name: after[name] for name in before} == before
    for article in after.values():
        shown = article.title + article.text
        assert not set(shown) & set("\0\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), article.id
        assert "root:" not in shown, article.id
        assert not article.url or article.url.startswith(("http://", "https://"))
        assert all(article.text[s.start_char : s.end_char] == s.text for s in archive.sentences(article))
    # Further down, the archive's larger share of English moves a place or two.
    assert found(archive, within=tuple(before))[:5] == answered[:5]
    assert vectors_of(archive, before) == vectors
    assert archive.faults().incomplete == () == archive.faults().leftovers
    archive.close()


@pytest.mark.timeout(600)
def test_a_run_over_all_of_them_finishes(hostile: Path, tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "archive", embedder)
    with Sources(archive) as sources:
        outcomes = list(
            ingest(archive, sources.read([str(hostile / "odd_names_and_places"), str(hostile / "bombs")]))
        )
        again = list(
            ingest(archive, sources.read([str(hostile / "odd_names_and_places"), str(hostile / "bombs")]))
        )
    assert {o.status for o in outcomes} == {"added", "failed"}
    assert {o.status for o in again} <= {"unchanged", "failed"}
    assert sorted(o.reason for o in again if o.reason) == sorted(o.reason for o in outcomes if o.reason)
    assert not list(hostile.parent.glob("*escape*")) and not list(tmp_path.glob("*escape*"))
    archive.close()


def articles_of(archive: Archive) -> dict[str, Article]:
    return {article.id: article for article in archive.articles(limit=10_000)}


def vectors_of(archive: Archive, ids: Iterable[str]) -> dict[str, bytes]:
    indexed = {name: archive.indexed(name) for name in ids}
    return {name: item.vectors.tobytes() for name, item in indexed.items() if item}


def found(archive: Archive, within: tuple[str, ...] = ()) -> list[str]:
    question = archive.embed_question(QUESTION, "en")
    hits = archive.search(question, k=10, filters=Filters(articles=within))
    return [hit.sentence.text for hit in hits]
