"""Files that are broken, or were made to do harm: some three hundred, written into a folder by script.

The folder lies in one that holds a secret, which none of them may reach.
"""

import io
import json
import os
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

SECRET = "The harbour master keeps his key under the seventh stone"
TEXT = "The ferry left the harbour of Torvik at dawn. The captain said that all was well on board. " * 3
ARABIC = "غادرت العبّارة ميناء تورفيك فجرا. وقال القبطان إن كل شيء على ما يرام. " * 3
PERSIAN = "کشتی سپیده‌دم از بندر تورویک راهی شد. ناخدا گفت که همه‌چیز خوب است. " * 3
RUSSIAN = "Паром вышел из порта Торвик на рассвете. Капитан сказал, что всё в порядке. " * 3

Files = Iterator[tuple[str, bytes]]


def write_hostile_files(folder: Path) -> list[Path]:
    """Write all of them; the paths that a reader is to say something of."""
    folder.mkdir()
    secret = folder.parent / "secret.txt"
    secret.write_text(SECRET)
    written = []
    broken = (cut_short, bits_turned, under_wrong_names, in_wrong_encodings)
    for part in (*broken, markup, feeds, records, tables, packed, office, books, prints, texts):
        for name, content in part(secret):
            path = folder / part.__name__ / name
            path.parent.mkdir(exist_ok=True)
            assert not path.exists(), path
            path.write_bytes(content)
            written.append(path)
    return [*written, *_strangely_named(folder / "names"), *_no_files(folder / "no_files")]


# What good files look like


def page(body: str = f"<article><h1>Ferry</h1><p>{TEXT}</p></article>", head: str = "") -> bytes:
    return (
        f"<!doctype html><html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>".encode()
    )


def rss(items: str, before: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{before}<rss version="2.0"><channel>'
        f"<title>Torvik Post</title><link>https://torvik.example/</link>{items}</channel></rss>"
    ).encode()


def item(inside: str = "", text: str = TEXT * 4) -> str:
    return f"<item><title>Ferry</title>{inside}<description>{text}</description></item>"


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes | str], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", method) as target:
        for name, content in members:
            target.writestr(name, content, method)
    return buffer.getvalue()


_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


def docx(body: str = f"<w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>", before: str = "") -> bytes:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return zipped(
        (
            "[Content_Types].xml",
            f'<Types xmlns="{_OFFICE}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        ),
        (
            "_rels/.rels",
            f'<Relationships xmlns="{_OFFICE}/relationships"><Relationship Id="r1" Type="{_DOCUMENT}" '
            'Target="word/document.xml"/></Relationships>',
        ),
        (
            "word/document.xml",
            f'{before}<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
        ),
    )


def epub(
    chapter: bytes | str = f"<html><body><p>{TEXT}</p></body></html>",
    package: str = "",
    *,
    before: str = "",
    href: str = "c.xhtml",
) -> bytes:
    package = package or (
        f'{before}<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Ferries</dc:title></metadata>'
        f'<manifest><item id="c" href="{href}"/></manifest><spine><itemref idref="c"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="p.opf"/></rootfiles></container>'
    )
    return zipped(
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", container),
        ("p.opf", package),
        ("c.xhtml", chapter),
    )


def pdf(content: bytes | None = None, **more: str) -> bytes:
    """A PDF of one page, or of what `more` puts in the place of its objects."""
    stream = content or b"BT /F1 12 Tf 50 700 Td (The ferry left the harbour of Torvik at dawn.) Tj ET"
    objects = {
        "1": "<</Type/Catalog/Pages 2 0 R>>",
        "2": "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "3": "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>",
        "5": "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        **{name.lstrip("_"): value for name, value in more.items() if name != "filter"},
    }
    body = b"%PDF-1.7\n"
    places = {}
    for number, text in objects.items():
        places[int(number)] = len(body)
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    places[4] = len(body)
    body += f"4 0 obj\n<</Length {len(stream)}{more.get('filter', '')}>>\nstream\n".encode()
    body += stream + b"\nendstream\nendobj\n"
    start = len(body)
    rows = [
        f"{places.get(n, 0):010d} {0 if n in places else 65535:05d} {'n' if n in places else 'f'} \n"
        for n in range(7)
    ]
    trailer = f"trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    return body + b"xref\n0 7\n" + "".join(rows).encode() + trailer.encode()


def parquet(**columns: list[object]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def line(**fields: object) -> bytes:
    return json.dumps({"text": TEXT, **fields}).encode() + b"\n"


def samples() -> dict[str, bytes]:
    """A good file of each suffix."""
    return {
        ".txt": f"Ferry\n\n{TEXT}".encode(),
        ".md": f"---\ntitle: Ferry\ndate: 2024-03-22\n---\n{TEXT}".encode(),
        ".html": page(),
        ".jsonl": line(title="Ferry"),
        ".csv": f'title,text\nFerry,"{TEXT}"\n'.encode(),
        ".parquet": parquet(title=["Ferry"], text=[TEXT]),
        ".pdf": pdf(),
        ".docx": docx(),
        ".epub": epub(),
        ".rss": rss(item()),
        ".zip": zipped(("a.txt", TEXT), ("b/c.html", page())),
    }


# What is broken by accident


def cut_short(secret: Path) -> Files:
    for suffix, content in samples().items():
        for percent in (5, 50, 95):
            yield f"{percent}{suffix}", content[: len(content) * percent // 100]


def bits_turned(secret: Path) -> Files:
    chance = random.Random(7)
    for suffix, content in samples().items():
        for number in range(5):
            damaged = bytearray(content)
            for _ in range(1 + len(damaged) // 60):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            yield f"{number}{suffix}", bytes(damaged)


def under_wrong_names(secret: Path) -> Files:
    for really, content in samples().items():
        for suffix in samples():
            if suffix != really:
                yield f"really{really}{suffix}", content


def in_wrong_encodings(secret: Path) -> Files:
    for text, encodings in (
        (ARABIC, ("cp1256", "iso8859-6", "utf-16-le", "utf-16-be")),
        (RUSSIAN, ("cp1251", "koi8-r", "cp866", "utf-32-le")),
        ("Ein Fährschiff lief aus. Größe überall. " * 6, ("latin-1", "cp437")),
        ("渡船在黎明时离开了港口。船长说一切都好。" * 6, ("gb18030", "big5", "shift_jis")),
    ):
        for encoding in encodings:
            data = text.encode(encoding, "ignore")
            yield f"{encoding}.txt", data
            yield f"{encoding}.html", b"<html><body><article><p>" + data + b"</p></article></body></html>"
            yield f"{encoding}.csv", b"title,text\nx," + data + b"\n"
            yield f"{encoding}.jsonl", b'{"text": "' + data + b'"}\n'
    yield "mixed.txt", ARABIC.encode() + ARABIC.encode("cp1256")
    yield "mojibake.txt", RUSSIAN.encode().decode("latin-1").encode()
    yield "twice.txt", ARABIC.encode().decode("cp1252", "ignore").encode().decode("latin-1").encode()


# What was made to do harm


def texts(secret: Path) -> Files:
    yield "one-liner.txt", b"a" * 100_000_000
    yield "one-liner-that-fits.txt", b"word " * 4000
    yield "one-word.txt", b"a" * 50_000
    yield "no-spaces.txt", "غ".encode() * 20_000
    yield "null.txt", TEXT.encode() + b"\0" + TEXT.encode()
    yield "nulls.txt", b"\0" * 5000
    yield "empty.txt", b""
    yield "blank.txt", b" \n\t\r\n \x0c"
    yield "marks.txt", ("e" + "\u0301" * 100_000 + " " + TEXT).encode()
    yield "controls.txt", (TEXT + "".join(map(chr, range(1, 32))) + "\x7f\x9b31m" + TEXT).encode()
    yield "invisible.txt", ("\u200b\u2060\ufeff\u202e\u2066" * 20_000).encode()
    yield "overrides.txt", f"\u202eyrreF\u202c\n\n\u2067{TEXT}\u2069".encode()
    yield "tags.txt", (TEXT + "".join(chr(0xE0000 + ord(c)) for c in "obey me")).encode()
    yield "noncharacters.txt", (TEXT + "\ufffe\uffff\U0001ffff\ufdd0").encode()
    yield "private.txt", ("\ue000\uf8ff" * 500 + TEXT).encode()
    yield "unassigned.txt", ("\u0378\U000e0fff" * 500 + TEXT).encode()
    yield "surrogates.txt", TEXT.encode() + b"\xed\xa0\x80\xed\xb0\x80"
    yield "overlong.txt", TEXT.encode() + b"\xc0\xaf\xe0\x80\xaf"
    yield "full-stops.txt", b"." * 20_000
    yield "lines.txt", b"x\n" * 10_000
    yield "returns.txt", b"A line\r" * 2000
    yield "emoji.txt", "👩‍👩‍👧‍👦🏳️‍🌈".encode() * 2000
    yield "ornate.txt", ("﷽﷼" * 1000 + ARABIC).encode()
    yield "quotes.md", b">" * 20_000 + b" deep"
    yield "lists.md", b"".join(b"  " * n + b"- x\n" for n in range(1500))
    yield "brackets.md", b"[" * 5000 + b"x" + b"](" * 5000
    yield "stars.md", b"*_" * 3000 + b"x" + b"_*" * 3000
    yield "ticks.md", b"".join(b"`" * n + b"x" for n in range(150))
    doubled = "".join(
        f"{after}: &{after} [{','.join([f'*{name}'] * 9)}]\n" for name, after in pairwise("abcdefghijklm")
    )
    yield "aliases.md", f"---\na: &a [x,x,x]\n{doubled}title: *m\n---\ntext of it".encode()
    yield "head-without-end.md", b"---\ntitle: x\n" * 100
    yield "python.md", b"---\ntitle: !!python/object/apply:os.system ['true']\n---\ntext of it"
    yield "year-0.md", b"---\ndate: 0000-01-01\n---\n" + TEXT.encode()
    yield "year-9999.md", b"---\ndate: 9999-12-31\n---\n" + TEXT.encode()
    yield "year-10000.md", b"---\ndate: 10000-01-01\n---\n" + TEXT.encode()
    yield "id.md", b"---\nid: ../../secret.txt\ntitle: '\xe2\x80\xae\xe2\x80\xabx'\n---\n" + TEXT.encode()


def markup(secret: Path) -> Files:
    yield "no-body.html", b"<html><head><title>Ferry</title></head></html>"
    yield "no-html.html", TEXT.encode()
    yield "empty-body.html", page("")
    yield "only-script.html", page("<script>" + "x=1;" * 5000 + "</script>")
    yield "frames.html", b"<html><frameset><frame src='a.html'></frameset></html>"
    yield "deep.html", page("<div>" * 100_000 + TEXT)
    yield "deep-inline.html", page("<b><i>" * 50_000 + TEXT)
    yield "deep-tables.html", page("<table><tr><td>" * 3000 + TEXT)
    yield "deep-lists.html", page("<ul><li>" * 20_000 + TEXT)
    yield "attributes.html", page(f"<p {' '.join(f'a{n}=1' for n in range(5000))}>{TEXT}</p>")
    yield "long-attribute.html", page(f"<p title='{'x' * 2_000_000}'>{TEXT}</p>")
    yield "open-comment.html", page(f"<p>{TEXT}</p><!-- {'x' * 500_000}")
    yield "open-tag.html", b"<html><body><p " + b"a" * 500_000
    yield "less-than.html", b"<" * 300_000
    yield "ampersands.html", b"<p>" + b"&" * 300_000
    yield "entities.html", page(f"<p>{'&#x1F600;&#0;&#xD800;&#x110000;&nosuch;' * 30}{TEXT}</p>")
    yield "doctype.html", _laughs("html") + page()
    yield (
        "external.html",
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><p>&x; {TEXT}</p>'.encode(),
    )
    yield "charset-nonsense.html", page(head="<meta charset='no-such-code'>")
    yield "charset-utf-7.html", b"<html><meta charset=utf-7><p>+ADw-script+AD4- " + TEXT.encode()
    yield "charset-base64.html", page().replace(b"charset=utf-8", b"charset=base64")
    yield "charset-punycode.html", page().replace(b"charset=utf-8", b"charset=punycode")
    yield "charset-idna.html", page().replace(b"charset=utf-8", b"charset=unicode_escape")
    yield "null.html", page(f"<p>{TEXT}\0</p>")
    for year in (
        "0000",
        "0001",
        "9999",
        "10000",
        "-0044",
        "2024-13-45T99:99:99Z",
        "x" * 5000,
        "1711065600",
    ):
        name = year[:12].replace(":", "-")
        published = f"{year}-01-01T00:00:00Z" if year.lstrip("-").isdigit() else year
        yield (
            f"year-{name}.html",
            page(head=f"<meta property='article:published_time' content='{published}'>"),
        )
    yield "overrides.html", page(head="<title>\u202e\u2066Ferry\u202d</title>")
    yield "long-title.html", page(head=f"<title>{'Ferry ' * 20_000}</title>")
    yield "authors.html", page(head="<meta name=author content='" + "A B;" * 20_000 + "'>")
    yield "canonical.html", page(head="<link rel=canonical href='javascript:alert(1)'>")
    yield "canonical-file.html", page(head=f"<link rel=canonical href='{secret.as_uri()}'>")
    yield "canonical-broken.html", page(head="<link rel=canonical href='https://[::1/x'>")
    yield "json-ld.html", page(head="<script type='application/ld+json'>" + "[" * 50_000 + "</script>")
    yield (
        "json-ld-wrong.html",
        page(
            head='<script type=\'application/ld+json\'>{"@type": [1, null], "author": {"name": {}}, '
            '"datePublished": ["2024"], "headline": 5}</script>'
        ),
    )
    yield (
        "base.html",
        page(head="<base href='file:///etc/'><meta http-equiv=refresh content='0;url=file:///'>"),
    )
    yield "svg.html", page(f"<svg><script>x</script><foreignObject><p>{TEXT}</p></foreignObject></svg>")
    yield "xhtml.html", b'<?xml version="1.0" encoding="utf-16"?>' + page()
    yield "instructions.html", page(f"<p>{TEXT}</p>" + "<?php x ?>" * 20_000)
    yield "paragraphs.html", page("<p>A short line of it.</p>" * 2000)
    yield "images.html", page("<img src='data:image/png;base64," + "A" * 1_000_000 + "'>")


def _laughs(root: str) -> bytes:
    """A billion laughs: ten entities, each of which is the one before it ten times."""
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f"<!DOCTYPE {root} [{entities}]>".encode()


def feeds(secret: Path) -> Files:
    yield (
        "relative.rss",
        rss(
            item("<link>/ferry</link>")
            + item("<link>../boat.html?x=1#y</link>")
            + item("<link>//other.example/a</link>")
        ),
    )
    yield (
        "links.rss",
        rss(
            "".join(
                item(f"<link>{url}</link>")
                for url in (
                    "javascript:alert(1)",
                    secret.as_uri(),
                    "https://[::1/",
                    "http://",
                    "\u202ehttp://x.example/a",
                    "https://x.example/" + "a" * 5000,
                    "http://x.example/a b",
                    "",
                    "mailto:a@b.example",
                    "data:,x",
                )
            )
        ),
    )
    for number, year in enumerate(("0000", "0001", "9999", "10000", "-1", "99999999999999999999")):
        yield f"year-{number}.rss", rss(item(f"<pubDate>Mon, 01 Jan {year} 00:00:00 +0000</pubDate>"))
        yield (
            f"year-{number}.atom",
            (
                '<feed xmlns="http://www.w3.org/2005/Atom"><title>P</title><entry><title>T</title>'
                f"<updated>{year}-01-01T00:00:00Z</updated><content>{TEXT}</content></entry></feed>"
            ).encode(),
        )
    yield "zone.rss", rss(item("<pubDate>Mon, 01 Jan 2024 00:00:00 +9999</pubDate>"))
    yield "laughs.rss", rss(item(text="&a9;"), before=_laughs("rss").decode())
    yield (
        "quadratic.xml",
        rss(item(text="&a;" * 20_000), before=f'<!DOCTYPE rss [<!ENTITY a "{"x" * 20_000}">]>'),
    )
    yield (
        "external.rss",
        rss(
            item(text="&x; " + TEXT * 4), before=f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        ),
    )
    yield (
        "parameter.xml",
        rss(item(), before=f'<!DOCTYPE rss [<!ENTITY % x SYSTEM "{secret.as_uri()}"> %x;]>'),
    )
    yield (
        "include.xml",
        rss(
            '<item xmlns:xi="http://www.w3.org/2001/XInclude">'
            f'<xi:include href="{secret.as_uri()}" parse="text"/>'
            f"<description>{TEXT * 4}</description></item>"
        ),
    )
    yield "deep.xml", b"<rss><channel>" + b"<a>" * 100_000
    yield "deep-entry.rss", rss(item(text="&lt;div&gt;" * 50_000 + TEXT * 4))
    yield "empty.rss", rss("")
    yield "other.xml", b"<?xml version='1.0'?><invoice><total>5</total></invoice>"
    yield "words.xml", b"no markup at all"
    yield "declared-utf-16.xml", rss(item()).replace(b"utf-8", b"utf-16")
    yield "declared-nonsense.xml", rss(item()).replace(b"utf-8", b"x-nonsense")
    yield "same.rss", rss(item("<guid>1</guid>") * 500)
    yield "titles.rss", rss(item().replace("Ferry", "\u202eFerry &lt;img src=x onerror=alert(1)&gt;"))
    yield "summary.rss", rss(item(text="Only this."))
    yield "sitemap.xml", b"<urlset><url><loc>https://torvik.example/a</loc></url></urlset>"
    yield "null.rss", rss(item()).replace(b"harbour", b"har\0bour")
    yield "packed.xml", zlib.compress(b" " * 50_000_000)


def records(secret: Path) -> Files:
    for number, article_id in enumerate(
        (
            "../../../etc/passwd",
            "a/b\\c",
            "'; DROP TABLE articles; --",
            '"x"',
            "new\nline",
            "\0",
            "\u202eid",
            " ",
            "x" * 513,
            "x" * 512,
            ".",
            "..",
            "%2e%2e%2f",
            "🙂",
            "a" + "\u0301" * 300,
            "<script>",
            "id:1",
            "${x}",
            "con",
            "#1",
            "?a=b&c",
            "\x1b[31mred",
            "NaN",
        )
    ):
        yield f"id-{number}.jsonl", line(id=article_id)
    for number, fields in enumerate(
        (
            {"text": None},
            {"text": 5},
            {"text": ["a"]},
            {"text": ""},
            {"text": "\0"},
            {"text": "\ud800 x"},
            {"title": {"a": 1}},
            {"title": "\u202e" * 500},
            {"title": "x" * 1_000_000},
            {"authors": [[]]},
            {"authors": ["A"] * 50_000},
            {"authors": "\u202eA"},
            {"url": "javascript:alert(1)"},
            {"url": secret.as_uri()},
            {"url": "https://x.example/" + "a" * 100_000},
            {"url": "https://[::1/x"},
            {"url": "http://\u202e/x"},
            {"language": "xx"},
            {"language": "../ar"},
            {"language": "ar-EG-x-long"},
            {"language": 5},
            {"published_at": "0000-01-01"},
            {"published_at": "0001-01-01"},
            {"published_at": "9999-12-31T23:59:59+14:00"},
            {"published_at": "10000-01-01"},
            {"published_at": "2024-02-30"},
            {"published_at": "yesterday"},
            {"published_at": "0001-01-01T00:00:00+14:00"},
            {"published_at": 1711065600},
            {"published_at": "2024-W12-5"},
            {"source": "\x1b]0;x\x07"},
            {"source": "x" * 1_000_000},
            {"extra": 1},
            {"__class__": "x"},
            {"ingested_at": "9999-99-99"},
            {"ingested_at": "2024-01-01", "revisions": [{"text": "x"}]},
            {"ingested_at": "2024-01-01", "copy_of": "no such article"},
            {"ingested_at": "2024-01-01", "revisions": 5},
        )
    ):
        yield f"field-{number}.jsonl", line(**{"id": f"field-{number}", **fields})
    for number, text in enumerate(
        (
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"text": "x", "text": "y"}',
            b'{"text": NaN}',
            b'{"text": 1' + b"0" * 10_000,
            b"null",
            b"[]",
            b'"x"',
            b"{}",
            b"{",
            b'{"text": "\\ud800"}',
            b'{"text": "x"} {"text": "y"}',
            b"\xff\xfe",
            b'{"text": "\x01"}',
            b'\xef\xbb\xbf{"text": "x"}',
            b"{'text': 'x'}",
            b'{"text": "' + b"x" * 2_100_000 + b'"}',
        )
    ):
        yield f"line-{number}.jsonl", text
    yield "one-liner.jsonl", b'{"text": "' + b"x" * 100_000_000
    yield "one-id.jsonl", b"".join(line(id="twice", text=f"{TEXT} {n}") for n in range(3))
    yield "blank-lines.jsonl", b"\n" * 500_000 + line(id="after blank lines")


def tables(secret: Path) -> Files:
    yield "open-quote.csv", b'title,text\nx,"' + TEXT.encode() * 20
    yield "no-text.csv", b"a,b,c\n1,2,3\n"
    yield "only-names.csv", b"title,text\n"
    yield "columns.csv", b",".join(b"c%d" % n for n in range(20_000)) + b",text\n" + b"," * 20_000 + b"x\n"
    yield "same-names.csv", b"text,text,text\none,two,three\n"
    yield "short-rows.csv", b"id,title,text\n1\n2,x\n3,x,y,z\n\n,,\n"
    yield "null.csv", b"title,text\nx,a\0b\n"
    yield "formula.csv", b"title,text\n=cmd|' /C calc'!A0," + TEXT.encode() + b"\n"
    yield "dates.csv", b"date,text\n0000-00-00,x\n99999-01-01,y\n,z\n31.12.9999,w\n"
    yield "field.csv", b"title,text\nx," + b"y" * 3_000_000 + b"\n"
    yield "rows.csv", b"text\n" + b"\n" * 300_000 + b"x\n"
    yield "garbage.csv", random.Random(5).randbytes(50_000)
    yield "garbage.parquet", random.Random(6).randbytes(50_000)
    yield "magic.parquet", b"PAR1" + random.Random(8).randbytes(5000) + struct.pack("<I", 4000) + b"PAR1"
    yield "long-footer.parquet", b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1"
    yield "no-text.parquet", parquet(a=[1, 2])
    yield "no-rows.parquet", parquet(text=[], title=[])
    yield "numbers.parquet", parquet(text=[1, None, 2**60], id=[1.5, float("nan"), None])
    yield "nested.parquet", parquet(text=[{"a": [{"b": "x"}]}], authors=[[["x"]]])
    yield "bytes.parquet", parquet(text=[b"\xff\xfe", b"plain"])
    yield "dates.parquet", parquet(text=["x", "y"], date=[date(1, 1, 1), date(9999, 12, 31)])
    yield "many.parquet", parquet(text=["x" * 10] * 200, id=["same"] * 200)


def packed(secret: Path) -> Files:
    yield (
        "slip.zip",
        zipped(("../../../slipped.txt", TEXT), ("/slipped.txt", TEXT), ("C:\\slipped.txt", TEXT)),
    )
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    yield "link.zip", zipped((link, str(secret)), ("good.txt", TEXT))
    folder = zipfile.ZipInfo("folder")
    folder.external_attr = 0o120777 << 16
    yield "link-folder.zip", zipped((folder, str(secret.parent)), ("folder/secret.txt", TEXT))
    yield "bomb.zip", zipped(("bomb.txt", b"\0" * 300_000_000), ("good.txt", TEXT))
    yield (
        "lying.zip",
        zipped(("bomb.txt", b"a" * 50_000_000)).replace(
            struct.pack("<I", 50_000_000), struct.pack("<I", 1000)
        ),
    )
    inner = zipped(("a.txt", TEXT))
    for _ in range(20):
        inner = zipped(("next.zip", inner))
    yield "zips.zip", inner
    yield "many.zip", zipped(*((f"{n}.dat", b"") for n in range(5000)), ("a.txt", TEXT))
    yield (
        "same.zip",
        zipped(("a.txt", TEXT), ("a.txt", ARABIC), ("./a.txt", RUSSIAN), ("b/../a.txt", PERSIAN)),
    )
    yield (
        "names.zip",
        zipped(
            ("\u202etxt.txt", TEXT),
            ("new\nline.txt", TEXT),
            ("x" * 60_000 + ".txt", TEXT),
            (" .txt", TEXT),
            ("..", b""),
        ),
    )
    yield "empty.zip", zipped()
    yield "nothing.zip", zipped(("photo.jpg", b"\xff\xd8"))
    locked = bytearray(zipped(("a.txt", TEXT)))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    yield "locked.zip", bytes(locked)
    unknown = bytearray(zipped(("a.txt", TEXT)))
    unknown[8] = unknown[unknown.index(b"PK\x01\x02") + 10] = 99
    yield "method.zip", bytes(unknown)
    checksum = bytearray(zipped(("a.txt", TEXT), ("b.txt", ARABIC)))
    checksum[checksum.index(b"PK\x01\x02") + 16] ^= 255
    yield "checksum.zip", bytes(checksum)
    yield "bzip2.zip", zipped(("a.txt", b"a" * 60_000_000), method=zipfile.ZIP_BZIP2)
    yield "lzma.zip", zipped(("a.txt", b"a" * 60_000_000), method=zipfile.ZIP_LZMA)
    yield "before.zip", b"MZ" + os.urandom(500) + zipped(("a.txt", TEXT))
    yield "after.zip", zipped(("a.txt", TEXT)) + os.urandom(500)
    yield (
        "hostile-inside.zip",
        zipped(
            ("x.pdf", b"%PDF-1.4 nothing"),
            ("x.docx", docx(before=_laughs("w:document").decode())),
            ("x.jsonl", b"{"),
            ("x.html", page("<div>" * 50_000)),
            ("good.txt", TEXT),
        ),
    )


def office(secret: Path) -> Files:
    text = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    external = f'<!DOCTYPE w:document [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    yield "laughs.docx", docx(text.format("&a9;"), _laughs("w:document").decode())
    yield "external.docx", docx(text.format("&x; " + TEXT), external)
    yield "deep.docx", docx("<w:tbl><w:tr><w:tc>" * 3000 + text.format(TEXT))
    nested = text.format(TEXT)
    for _ in range(60):
        nested = f"<w:tbl><w:tr><w:tc>{nested}<w:p/></w:tc></w:tr></w:tbl>"
    yield "tables.docx", docx(nested)
    yield (
        "spans.docx",
        docx(
            '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="100000"/></w:tcPr>'
            + text.format(TEXT)
            + "</w:tc></w:tr></w:tbl>"
        ),
    )
    yield "empty.docx", docx("")
    yield "no-document.docx", zipped(("[Content_Types].xml", "<Types/>"))
    yield "no-parts.docx", zipped(("a.txt", TEXT))
    yield "bomb.docx", zipped(("word/document.xml", b" " * 200_000_000))
    yield "old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000
    yield "namespace.docx", docx().replace(b"word/document.xml", b"word/documenT.xml", 1)


def books(secret: Path) -> Files:
    external = f'<!DOCTYPE x [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    yield "laughs.epub", epub(_laughs("html") + b"<html><body>&a9;</body></html>")
    yield "external.epub", epub(f"{external}<html><body><p>&x; {TEXT}</p></body></html>")
    yield "external-package.epub", epub(before=external)
    yield "outside.epub", epub(href="../../../../../../../.." + str(secret))
    yield "url.epub", epub(href=secret.as_uri())
    yield "no-package.epub", zipped(("mimetype", "application/epub+zip"))
    yield "no-chapters.epub", epub(package='<package xmlns="http://www.idpf.org/2007/opf"/>')
    yield "broken-package.epub", epub(package="<package><manifest>")
    yield "empty-chapter.epub", epub("")
    yield "deep-chapter.epub", epub("<div>" * 100_000 + TEXT)
    yield (
        "chapters.epub",
        epub(
            package=(
                '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
                '<item id="c" href="c.xhtml"/></manifest>'
                "<spine>" + '<itemref idref="c"/>' * 20_000 + "</spine></package>"
            )
        ),
    )
    yield (
        "year.epub",
        epub(
            package=(
                '<package xmlns="http://www.idpf.org/2007/opf" '
                'xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:date>0000</dc:date>'
                "<dc:language>../../x</dc:language><dc:creator>\u202eA</dc:creator></metadata>"
                '<manifest><item id="c" href="c.xhtml"/></manifest>'
                '<spine><itemref idref="c"/></spine></package>'
            )
        ),
    )


def prints(secret: Path) -> Files:
    yield "loop.pdf", pdf(_2="<</Type/Pages/Kids[2 0 R]/Count 1>>")
    yield "loops.pdf", pdf(_2="<</Type/Pages/Kids[2 0 R 2 0 R 2 0 R 2 0 R]/Count 2000>>")
    yield "no-pages.pdf", pdf(_2="<</Type/Pages/Kids[]/Count 0>>")
    yield "pages.pdf", pdf(_2="<</Type/Pages/Kids[" + "3 0 R " * 3000 + "]/Count 3000>>")
    yield "count.pdf", pdf(_2="<</Type/Pages/Kids[3 0 R]/Count 2000000000>>")
    yield "negative.pdf", pdf(_2="<</Type/Pages/Kids[3 0 R]/Count -5>>")
    yield "picture.pdf", pdf(b"0 0 1 rg 100 100 200 200 re f")
    yield "empty-text.pdf", pdf(b"BT ET")
    yield "bomb.pdf", pdf(zlib.compress(b"q Q " * 10_000_000, 9), filter="/Filter/FlateDecode")
    twice = zlib.compress(zlib.compress(b" " * 200_000_000, 9), 9)
    yield "bombs.pdf", pdf(twice, filter="/Filter[/FlateDecode/FlateDecode]")
    yield "broken-stream.pdf", pdf(b"not packed at all", filter="/Filter/FlateDecode")
    yield "filter.pdf", pdf(filter="/Filter/NoSuchDecode")
    yield "brackets.pdf", pdf(b"BT /F1 12 Tf " + b"[" * 200_000)
    yield "states.pdf", pdf(b"q " * 500_000 + b"BT /F1 12 Tf 50 700 Td (x) Tj ET")
    yield "letters.pdf", pdf(b"BT /F1 9 Tf 9 700 Td " + b"(harbour at dawn ) Tj " * 1500 + b"ET")
    yield "huge.pdf", pdf(b"BT /F1 1e30 Tf 1e30 -1e30 Td (The ferry left.) Tj ET")
    yield "upright.pdf", pdf(b"BT /F1 12 Tf 0 12 -12 0 300 50 Tm (The ferry left at dawn.) Tj ET")
    yield "nothing-wide.pdf", pdf(b"BT /F1 0 Tf 50 700 Td (The ferry left at dawn.) Tj ET")
    yield (
        "script.pdf",
        pdf(_1="<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(while(true){})>>>>"),
    )
    yield "file.pdf", pdf(_1=f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F({secret})>>>>")
    yield (
        "locked.pdf",
        pdf().replace(
            b"/Root 1 0 R",
            b"/Root 1 0 R/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O("
            + b"o" * 32
            + b")/U("
            + b"u" * 32
            + b")>>/ID[(abc)(abc)]",
        ),
    )
    yield "no-table.pdf", pdf().split(b"xref")[0]
    yield "only-head.pdf", b"%PDF-1.7\n%%EOF"
    yield "after-junk.pdf", b"junk\n" * 300 + pdf()
    yield "garbage.pdf", b"%PDF-1.7\n" + random.Random(9).randbytes(100_000)
    yield (
        "font.pdf",
        pdf(_5="<</Type/Font/Subtype/TrueType/BaseFont/X/FontDescriptor 5 0 R/ToUnicode 4 0 R>>"),
    )
    yield (
        "title.pdf",
        pdf(_1="<</Type/Catalog/Pages 2 0 R>>").replace(
            b"/Root 1 0 R", b"/Root 1 0 R/Info<</Title(\xfe\xff\x20\x2e\x00T)/CreationDate(D:00000000)>>"
        ),
    )


# What is in the way


def _strangely_named(folder: Path) -> list[Path]:
    folder.mkdir()
    names = [
        b"-rf.txt",
        b"new\nline.txt",
        b"quote'\".txt",
        "\u202etxt.exe.txt".encode(),
        b"\xff\xfe.txt",
        b"$(true).txt",
        b"x" * 250 + b".txt",
        b" .txt",
        "ملف عربي.txt".encode(),
        b"%s%n.txt",
        b"a;b|c.txt",
        b"\x1b[31m.txt",
        b"UPPER.TXT",
        b"two.dots..txt",
        b"#1?x=1.txt",
        b"back\\slash.txt",
        "e\u0301.txt".encode(),
        "é.txt".encode(),
    ]
    paths = [folder / os.fsdecode(name) for name in names]
    for number, path in enumerate(paths):
        path.write_text(f"{TEXT} Of this there are {number} more.")
    return paths


def _no_files(folder: Path) -> list[Path]:
    folder.mkdir()
    (folder / "folder.txt").mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "outside.txt").symlink_to(folder.parent.parent / "secret.txt")
    make: dict[str, Callable[[Path], object]] = {
        "nowhere.txt": lambda path: path.symlink_to(folder / "no such file"),
        "itself.txt": lambda path: path.symlink_to(path),
        "pipe.txt": os.mkfifo,
        "pipe.pdf": os.mkfifo,
        "pipe.jsonl": os.mkfifo,
        "pipe.parquet": os.mkfifo,
        "pipe.zip": os.mkfifo,
    }
    for name, made in make.items():
        made(folder / name)
    return [folder / name for name in make]
