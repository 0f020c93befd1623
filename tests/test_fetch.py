"""Pages, feeds and sitemaps over real HTTP on loopback; addresses that must not be reached are not."""

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.archive import Archive
from index.embed import Embedder
from index.fetch import Fetcher, FetchError
from index.ingest import Outcome, ingest
from index.sources import Sources
from index.watch import watch
from tests.conftest import open_archive
from tests.web_server import Page, Site, site

ROOT = Path(__file__).parent.parent
HERE = ("127.0.0.1/32",)
SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
TEXT = (
    "The harbour of {name} was closed on Friday after a crane fell into the water, the port office said. "
    "Nobody was hurt, but four ships wait outside {name} and the ferry goes from another pier. "
    "Engineers from the capital are expected in {name} on Monday to look at the damage. "
)


def html(name: str, head: str = "", extra: str = "") -> bytes:
    text = f"<p>{TEXT.format(name=name)}</p><p>The mayor of {name} asked for patience. {extra}</p>"
    return (
        f"<html lang=en><head><title>{name} closed</title>{head}</head><body>"
        f"<nav><a href=/>Home</a> Subscribe now</nav><article><h1>{name} closed</h1>{text}</article>"
        f"<div class=comments><p>First comment: I do not believe it.</p></div></body></html>"
    ).encode()


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as found:
        yield found


@pytest.fixture
def archive(tmp_path: Path, embedder: Embedder) -> Iterator[Archive]:
    opened = open_archive(tmp_path / "archive", embedder, private_networks=HERE, fetch_delay=0)
    yield opened
    opened.close()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    made = Fetcher(HERE, delay_seconds=0)
    yield made
    made.close()


def take(archive: Archive, *given: str) -> list[Outcome]:
    with Sources(archive) as sources:
        return list(ingest(archive, sources.read(given)))


def test_a_page_becomes_an_article_and_unchanged_costs_one_request(archive: Archive, web: Site) -> None:
    head = '<meta property="article:published_time" content="2024-03-25T10:15:00+03:30">'
    web.pages["/news?utm_source=x&id=5"] = Page(html("Valmere", head), headers={"ETag": '"1"'})
    url = f"{web.url}/news?utm_source=x&id=5"
    assert [o.status for o in take(archive, url)] == ["added"]
    [article] = archive.articles()
    assert (article.title, article.published_at) == ("Valmere closed", "2024-03-25T10:15:00+03:30")
    assert (
        "crane fell" in article.text and "Subscribe" not in article.text and "comment" not in article.text
    )
    assert [o.status for o in take(archive, url)] == ["unchanged"]
    assert web.asked == [("/news?utm_source=x&id=5", 200), ("/news?utm_source=x&id=5", 304)]
    # The same page under another address of itself is no other article.
    web.pages["/news?id=5"] = web.pages["/news?utm_source=x&id=5"]
    assert [o.status for o in take(archive, f"{web.url}/news?id=5&fbclid=9#top")] == ["failed"]
    web.pages["/news?id=5&fbclid=9"] = Page(html("Valmere", head))
    assert [o.status for o in take(archive, f"{web.url}/news?id=5&fbclid=9#top")] == ["unchanged"]
    assert archive.count_articles() == 1
    # Removed, it is fetched whole again.
    archive.remove(article.id)
    assert [o.status for o in take(archive, url)] == ["added"]


def test_a_changed_page_is_a_revision(archive: Archive, web: Site) -> None:
    web.pages["/a"] = Page(html("Valmere"), headers={"Last-Modified": "Mon, 25 Mar 2024 10:00:00 GMT"})
    take(archive, f"{web.url}/a")
    web.pages["/a"] = Page(html("Valmere", extra="Two divers were found."))
    assert [o.status for o in take(archive, f"{web.url}/a")] == ["replaced"]
    [article] = archive.articles()
    now, before = archive.revisions(article.id)
    assert "Two divers" in now.article.text and not now.replaced_at
    assert "Two divers" not in before.article.text and before.replaced_at
    assert archive.revision(article.id, before.version) == before


def test_a_feed_brings_whole_entries_and_the_pages_of_summaries(archive: Archive, web: Site) -> None:
    web.pages["/b"] = Page(html("Valmere"))
    web.pages["/private/c"] = Page(html("Torvik"))
    web.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /private/\n", "text/plain")
    web.pages["/feed"] = Page(
        f"""<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
        <title>Valmere Post</title><link>{web.url}</link><language>en</language>
        <item><title>Whole</title><link>/whole?utm_medium=rss</link>
          <pubDate>Mon, 25 Mar 2024 23:15:00 -0500</pubDate>
          <content:encoded><![CDATA[<p>{TEXT.format(name="Ossun")}</p><script>no()</script>]]></content:encoded></item>
        <item><title>Short</title><link>/b</link><pubDate>Tue, 26 Mar 2024 08:00:00 +0100</pubDate>
          <description>Only this.</description></item>
        <item><title>Closed</title><link>/private/c</link><description>Only this.</description></item>
        <item><title>Neither</title></item></channel></rss>""".encode(),
        "application/rss+xml",
    )
    outcomes = take(archive, f"{web.url}/feed")
    found = {article.title: article for article in archive.articles()}
    assert found.keys() == {"Whole", "Valmere closed"}
    assert found["Whole"].published_at == "2024-03-25T23:15:00-05:00", "the zone is kept"
    assert found["Whole"].source == "Valmere Post" and "no()" not in found["Whole"].text
    assert found["Valmere closed"].published_at == "2024-03-26T08:00:00+01:00", "as the feed says it"
    reasons = {o.article_id: o.reason for o in outcomes if o.status == "failed"}
    assert "robots.txt" in reasons[f"{web.url}/private/c"]
    assert any("neither a text nor a link" in reason for reason in reasons.values())
    # Again, with another entry: the page that is known is not asked for.
    web.pages["/feed"] = Page(web.pages["/feed"].body.replace(b"Neither", b"Nothing"))
    web.asked.clear()
    take(archive, f"{web.url}/feed")
    assert web.count("/b") == web.count("/b", 304) == 0
    assert archive.count_articles() == 2


def test_a_broken_feed_is_read_as_far_as_it_goes(archive: Archive, web: Site) -> None:
    body = f"<rss version='2.0'><channel><title>P & Q</title><item><title>T</title><link>{web.url}/x</link>"
    web.pages["/feed"] = Page(f"{body}<description>{TEXT * 6}</description>".encode(), "text/xml")
    assert [o.status for o in take(archive, f"{web.url}/feed")] == ["added"]


def test_sitemaps_of_sitemaps_and_packed_ones(archive: Archive, web: Site) -> None:
    for name in ("one", "two"):
        web.pages[f"/{name}"] = Page(html(name.title()))
    urls = "".join(
        f"<url><loc>{web.url}/{n}</loc><lastmod>2024-03-2{n[0]}</lastmod></url>" for n in ("one", "two")
    )
    packed = gzip.compress(
        f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>".encode()
    )
    web.pages["/pages.xml.gz"] = Page(packed, "application/gzip")
    web.pages["/sitemap.xml"] = Page(
        f"<sitemapindex><sitemap><loc>{web.url}/pages.xml.gz</loc></sitemap>"
        f"<sitemap><loc>{web.url}/sitemap.xml</loc></sitemap></sitemapindex>".encode(), "application/xml",
    )  # fmt: skip
    assert sorted(o.status for o in take(archive, f"{web.url}/sitemap.xml")) == ["added", "added"]
    web.pages["/sitemap.xml"].body += b"\n"
    web.asked.clear()
    assert [o.status for o in take(archive, f"{web.url}/sitemap.xml")] == ["unchanged", "unchanged"]
    assert web.count("/one") == 0, "its sitemap says that it has not changed"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.1.1/",
        "http://172.16.0.1/", "http://100.64.0.1/", "http://[fd00::1]/", "http://[fe80::1]/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://224.0.0.1/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_not_reached(url: str, web: Site) -> None:
    fetcher = Fetcher(delay_seconds=0)
    with pytest.raises(FetchError, match=r"private network|cannot be (fetched|resolved)"):
        fetcher.get(url.format(port=web.port))
    fetcher.close()
    assert web.asked == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "gopher://x/", "http://", "//x/y"]
)
def test_only_http(url: str, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="no http or https URL"):
        fetcher.get(url)


def test_a_redirect_is_looked_at_like_any_address(web: Site, fetcher: Fetcher) -> None:
    with site("127.0.0.2") as inside:
        inside.pages["/secret"] = Page(b"secret")
        web.pages["/go"] = Page(status=302, headers={"Location": f"{inside.url}/secret"})
        web.pages["/file"] = Page(status=301, headers={"Location": "file:///etc/passwd"})
        web.pages["/loop"] = Page(status=302, headers={"Location": "/loop"})
        with pytest.raises(FetchError, match=r"127\.0\.0\.2, an address of a private network"):
            fetcher.get(f"{web.url}/go")
        assert inside.asked == []
    with pytest.raises(FetchError, match="no http or https"):
        fetcher.get(f"{web.url}/file")
    with pytest.raises(FetchError, match="redirects more than"):
        fetcher.get(f"{web.url}/loop")


def test_bombs_endless_and_slow_pages_are_refused(
    web: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packing.compress(b"\0" * (200 * 2**20)) + packing.flush()
    web.pages["/bomb"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="larger than 32 MiB"):
        fetcher.get(f"{web.url}/bomb")

    def endless(write: object) -> None:
        for _ in range(10_000):
            write(b"x" * 65536)  # type: ignore[operator]

    web.pages["/endless"] = Page(write=endless)
    with pytest.raises(FetchError, match="larger than 32 MiB"):
        fetcher.get(f"{web.url}/endless")

    def drip(write: object) -> None:
        for _ in range(100):
            write(b"x" * 70_000)  # type: ignore[operator]
            time.sleep(0.1)

    monkeypatch.setattr("index.fetch.TOTAL_SECONDS", 0.5)
    web.pages["/slow"] = Page(write=drip)
    with pytest.raises(FetchError, match="took longer"):
        fetcher.get(f"{web.url}/slow")


def test_hosts_are_asked_with_a_pause(web: Site) -> None:
    web.pages["/a"] = Page(b"a")
    web.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 0.4\n", "text/plain")
    fetcher = Fetcher(HERE, delay_seconds=0.2)
    started = time.monotonic()
    for _ in range(3):
        fetcher.get(f"{web.url}/a")
    assert time.monotonic() - started >= 0.4
    assert fetcher.may_visit(f"{web.url}/a")
    started = time.monotonic()
    for _ in range(3):
        fetcher.get(f"{web.url}/a")
    assert time.monotonic() - started >= 0.8, "the host asks for more"
    fetcher.close()


def test_failures_are_listed_and_only_they_are_tried_again(
    archive: Archive, web: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "good.txt").write_text("It rained in Torvik.")
    (folder / "bad.jsonl").write_text("{broken\n")
    url = f"{web.url}/later"
    outcomes = take(archive, str(folder), url)
    assert sorted(o.status for o in outcomes) == ["added", "failed", "failed"]
    (folder / "new.txt").write_text("It snowed in Torvik.")
    (folder / "bad.jsonl").write_text('{"id": "b", "text": "Fog in Torvik."}\n')
    web.pages["/later"] = Page(html("Valmere"))
    with Sources(archive) as sources:
        again = list(ingest(archive, sources.read(sources.failed())))
        assert sorted(o.status for o in again) == ["added", "added"]
        assert sources.failed() == []
    assert {a.id for a in archive.articles()} >= {"good.txt", "b"} and archive.count_articles() == 3


def test_watching_backs_off_and_goes_on(archive: Archive, web: Site) -> None:
    feed = f"{web.url}/feed"
    web.pages["/feed"] = Page(status=503, headers={"Retry-After": "7200"})
    clock = [1000.0]
    stop = threading.Event()

    def visits(**options: bool) -> list[float]:
        found = watch(archive, [feed], every=60, stop=stop, now=lambda: clock[0], **options)
        return [visit.next_at - clock[0] for visit in found]

    assert visits(once=True) == [7200.0], "as long as the server asks for"
    web.pages["/feed"] = Page(status=500)
    assert visits(once=True) == [240.0] and visits(once=True) == [480.0], "twice as long each time"
    web.pages["/feed"] = Page(b"<rss version='2.0'><channel><title>T</title></channel></rss>", "text/xml")
    assert visits(once=True) == [60.0]
    # A new run knows when the feed is due.
    web.asked.clear()
    running = watch(archive, [feed], every=60, stop=stop, now=lambda: clock[0])
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    assert list(running) == [] and web.asked == []


def test_the_command_watches_until_it_is_told_to_stop(tmp_path: Path, web: Site) -> None:
    web.pages["/a"] = Page(html("Valmere"))
    body = (
        f"<rss version='2.0'><channel><title>T</title><item><title>A</title><link>{web.url}/a</link></item>"
    )
    web.pages["/feed"] = Page(f"{body}</channel></rss>".encode(), "text/xml")
    settings = {"DATELINE_PRIVATE_NETWORKS": '["127.0.0.1/32"]', "DATELINE_FETCH_DELAY": "0"}
    command = [sys.executable, "-m", "ui.cli", "watch", f"{web.url}/feed", "--archive", str(tmp_path / "a")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, **pipes) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert "1 added, 0 unchanged" in line and "Next visit" in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, process.stderr.read()
