"""The Archive tab in a real browser: articles found, read, taken in and removed; failures; numbers."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import browser as helpers
import httpx
import pytest
from browser import PHONE, serving, visiting
from conftest import fetching_archive
from playwright.sync_api import Browser, Locator, Page, expect
from test_accessible import violations
from test_ingestion import finished
from test_jobs import many
from web_server import Page as WebPage
from web_server import Site, site

from index.archive import Archive
from index.embed import Embedder
from index.ingest import ingest
from index.types import Article
from rag.chat import Assistant
from rag.config import Settings
from ui.serve import create_app
from ui.tokens import Tokens
from ui.words import Words

if helpers.CHROMIUM is None:
    pytest.skip("the page needs a browser: install Debian's `chromium`", allow_module_level=True)

DESK = (1440, 900)
EN, AR = Words.of("en"), Words.of("ar")
TEXT = "A ferry with 212 passengers ran aground near the harbour of Valmere. Nobody was hurt."
BREAD = "افتتح مخبز جديد أبوابه في حي الميناء القديم."
ARTICLES = [
    Article("ferry", "Ferry runs aground", TEXT, "", "Harbour Post", (), "en", "2024-02-03"),
    Article("wire", "On the rocks", TEXT, "", "Wire", (), "en", "2024-02-04"),
    Article(
        "bread", "مخبز جديد", "افتتح مخبز جديد أبوابه في حي الميناء.", "", "المشرق", (), "ar", "2024-03-01"
    ),
    Article("plain", "", "The chess club of Valmere meets every Tuesday.", "", "", (), "en"),
]
LONG = [
    Article(f"n{i}", f"Notice {i:02}", f"Pier {i} is closed.", "", "Office", (), "en", day)
    for i in range(40)
    for day in [f"2023-{1 + i // 28:02}-{1 + i % 28:02}"]
]


@dataclass
class Desk:
    """A server on an archive of its own that may fetch from `web`."""

    url: str
    archive: Archive
    web: Site


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """A folder with an archive, to be copied."""
    folder = tmp_path_factory.mktemp("filled") / "archive"
    archive = fetching_archive(folder, embedder)
    assert {outcome.status for outcome in ingest(archive, [*ARTICLES, *LONG])} == {"added"}
    later = replace(ARTICLES[3], text="The chess club of Valmere meets every Wednesday now.")
    assert [outcome.status for outcome in ingest(archive, [later])] == ["replaced"]
    archive.close()
    return folder


@contextmanager
def desk_on(archive: Archive) -> Iterator[Desk]:
    assistant = Assistant(Settings(archive=archive.config.archive), archive)
    with site() as web, serving(create_app(assistant)) as url:
        yield Desk(url, archive, web)


@pytest.fixture
def archive(filled: Path, tmp_path: Path, embedder: Embedder) -> Iterator[Archive]:
    archive = fetching_archive(shutil.copytree(filled, tmp_path / "archive"), embedder)
    yield archive
    archive.close()


@pytest.fixture
def desk(archive: Archive) -> Iterator[Desk]:
    with desk_on(archive) as desk:
        yield desk


@pytest.fixture(scope="module")
def used_desk(filled: Path, tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Desk]:
    """A desk at which files and pages were taken in, and some failed. Read only."""
    folder = shutil.copytree(filled, tmp_path_factory.mktemp("used") / "archive")
    with closing(fetching_archive(folder, embedder)) as archive, desk_on(archive) as desk:
        with httpx.Client(base_url=desk.url, timeout=60) as client:
            files = [("files", (name, b"A tug towed the ferry free.")) for name in ("tug.txt", "film.avi")]
            finished(client, client.post("/v1/ingestions", files=files))
            finished(client, client.post("/v1/ingestions", json={"urls": [f"{desk.web.url}/gone"]}))
        yield desk


def open_tab(page: Page, words: Words = EN, room: str = "articles") -> None:
    rooms = page.locator(".dl-rooms > .tab-wrapper [role=tab]")
    number = rooms.count()
    page.get_by_role("tab", name=words("archive.tab"), exact=True).click()
    expect(page.get_by_role("tab", name=words("archive.articles"), exact=True)).to_be_visible()
    assert number == rooms.count() == len(set(rooms.all_text_contents()))
    if room != "articles":
        page.get_by_role("tab", name=words(f"archive.{room}"), exact=True).click()
    else:
        page.locator(".dl-articles li").first.wait_for()


def holder(page: Page, name: str) -> Locator:
    """A piece of the tab; Gradio puts a class on two elements, one in the other."""
    return page.locator(f".dl-{name}").last


def find(page: Page, query: str) -> None:
    box = page.locator(".dl-find textarea, .dl-find input").first
    box.fill(query)
    box.press("Enter")


def titles(page: Page) -> list[str]:
    return page.locator(".dl-list .dl-entry").all_text_contents()


def told(page: Page, state: str, number: int = 1) -> None:
    """So many jobs have come to this end."""
    expect(page.locator(f".dl-job[data-state={state}]")).to_have_count(number, timeout=60_000)


def send(page: Page, *files: tuple[str, bytes]) -> None:
    page.locator(".dl-drop input[type=file]").set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    )


@pytest.mark.parametrize(("words", "size"), [(EN, DESK), (AR, DESK), (EN, PHONE), (AR, PHONE)])
def test_articles_are_found_and_read(
    browser: Browser, desk: Desk, words: Words, size: tuple[int, int]
) -> None:
    with visiting(browser, f"{desk.url}/{words.language}/", size=size, words=words) as page:
        open_tab(page, words)
        assert titles(page)[:3] == ["مخبز جديد", "On the rocks", "Ferry runs aground"]
        assert len(titles(page)) == 30
        find(page, "passenger")
        expect(page.locator(".dl-list .dl-entry")).to_have_count(2)
        assert titles(page) == ["On the rocks", "Ferry runs aground"]
        page.get_by_role("button", name="On the rocks").click()
        article = page.locator(".dl-reading .dl-article")
        expect(article.locator(".dl-text")).to_have_text(TEXT)
        expect(article).to_be_focused()
        expect(article).to_be_in_viewport()
        # A copy of it is one click away, and the way back is Escape.
        expect(article.locator(".dl-others")).to_contain_text("Harbour Post")
        article.locator(".dl-others .dl-entry").click()
        expect(article.locator("h2")).to_have_text("Ferry runs aground")
        expect(article).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".dl-list .dl-entry:focus")).to_have_text("Ferry runs aground")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
        find(page, "الأبواب")
        expect(page.locator(".dl-list .dl-entry")).to_have_text(["مخبز جديد"])
        style = page.locator(".dl-list .dl-entry").evaluate("e => [e.lang, getComputedStyle(e).direction]")
        assert style == ["ar", "rtl"]
        find(page, "nowhere")
        expect(holder(page, "list")).to_have_text(words("archive.none_found"))


def test_the_list_is_paged_and_filtered(browser: Browser, desk: Desk) -> None:
    with visiting(browser, f"{desk.url}/en/", size=DESK) as page:
        open_tab(page)
        expect(page.get_by_role("button", name="Newer")).to_be_disabled()
        page.get_by_role("button", name="Older").click()
        expect(page.locator(".dl-list .dl-entry")).to_have_count(14)
        expect(holder(page, "list")).to_contain_text("31–44")
        assert titles(page)[-2:] == ["Notice 00", "Untitled"], "the undated come last"
        expect(page.locator(".dl-list .dl-entry").first).to_be_focused()
        expect(page.get_by_role("button", name="Older")).to_be_disabled()
        page.get_by_role("button", name="Newer").click()
        expect(page.locator(".dl-list .dl-entry")).to_have_count(30)
        room = page.locator(".dl-finding")
        room.get_by_role("button", name=EN("filters.title")).click()
        room.get_by_label(EN("filters.from")).fill("2024-02-01")
        room.get_by_label(EN("filters.to")).fill("2024-02-03")
        expect(page.locator(".dl-list .dl-entry")).to_have_text(["Ferry runs aground"])
        room.get_by_label(EN("filters.to")).fill("tomorrow")
        expect(page.locator(".dl-list .dl-error")).to_contain_text("ISO 8601")


def test_an_article_shows_its_texts_and_is_removed_only_when_asked_twice(
    browser: Browser, desk: Desk
) -> None:
    with visiting(browser, f"{desk.url}/en/", size=DESK) as page:
        open_tab(page)
        expect(page.locator(".dl-header")).to_contain_text("44")
        find(page, "chess")
        page.get_by_role("button", name="Untitled").click()
        article = page.locator(".dl-reading .dl-article")
        expect(article.locator(".dl-text")).to_contain_text("Wednesday")
        article.get_by_role("button", name=re.compile("^until ")).click()
        expect(article.locator(".dl-text")).to_contain_text("Tuesday")
        expect(article.locator(".dl-changed")).to_contain_text("earlier text")
        last = article.get_by_role("button", name=EN("archive.remove_now"))
        expect(last).to_be_hidden()
        article.locator("summary").press("Enter")
        expect(article.locator(".dl-delete")).to_contain_text("all its texts (2)")
        assert desk.archive.count_articles() == 44
        last.click()
        expect(holder(page, "reading-holder")).to_have_text("Removed: plain")
        # The rest of the page knows it too.
        expect(holder(page, "list")).to_have_text(EN("archive.none_found"))
        expect(page.locator(".dl-header")).to_contain_text("43")
        assert desk.archive.count_articles() == 43


@pytest.mark.parametrize(("words", "size"), [(EN, DESK), (AR, PHONE)])
def test_files_are_dropped_and_taken_in(
    browser: Browser, desk: Desk, words: Words, size: tuple[int, int]
) -> None:
    with visiting(browser, f"{desk.url}/{words.language}/", size=size, words=words) as page:
        open_tab(page, words, "add")
        expect(holder(page, "progress")).to_have_text(words("archive.nothing_yet"))
        send(
            page,
            ("تقرير.txt", "غرقت سفينة صيد قرب فالمير. نجا الطاقم كله.".encode()),
            ("film.avi", b"\0\1"),
        )
        expect(page.locator(".dl-told")).to_have_text(words("archive.begun"))
        told(page, "done")
        job = page.locator(".dl-job")
        expect(job).to_contain_text("تقرير.txt")
        expect(job).to_contain_text(words("archive.added", n=1))
        expect(job.locator(".dl-failures .dl-where")).to_have_text("film.avi")
        expect(job.locator(".dl-failures .dl-reason")).to_contain_text("convert it")
        # The head counts it, and it can be found.
        expect(page.locator(".dl-what")).to_contain_text("45")
        page.get_by_role("tab", name=words("archive.articles"), exact=True).click()
        find(page, "الطاقم")
        expect(page.locator(".dl-list .dl-entry")).to_have_count(1)
        # The box is ready for the next files, and nothing of the first ones is left.
        page.get_by_role("tab", name=words("archive.add"), exact=True).click()
        send(page, ("تقرير.txt", "غرقت سفينة صيد قرب فالمير. نجا الطاقم كله.".encode()))
        told(page, "done", 2)
        expect(page.locator(".dl-job").first).to_contain_text(words("archive.unchanged", n=1))
    assert not list(Path(tempfile.gettempdir()).glob("dateline-uploads-*/*/تقرير.txt"))
    assert not list(Path(tempfile.gettempdir()).glob("gradio/*/*film.avi"))


def test_urls_are_taken_in_and_failures_tried_again_or_forgotten(browser: Browser, desk: Desk) -> None:
    page_of = "<html><title>{0}</title><article><h1>{0}</h1><p>{1}</p></article></html>"
    story = "The lighthouse of Valmere was painted red and white again this spring. " * 4
    desk.web.pages["/red"] = WebPage(page_of.format("Lighthouse painted", story).encode())
    with visiting(browser, f"{desk.url}/en/", size=DESK) as page:
        open_tab(page, room="add")
        page.locator(".dl-urls textarea").fill("not a url")
        page.get_by_role("button", name=EN("archive.take_in")).click()
        expect(page.locator(".dl-told-holder .dl-error")).to_contain_text("not an http or https URL")
        expect(page.locator(".dl-urls textarea")).to_have_value("not a url")
        page.locator(".dl-urls textarea").fill(
            f"{desk.web.url}/red\n{desk.web.url}/gone\n{desk.web.url}/never"
        )
        page.get_by_role("button", name=EN("archive.take_in")).click()
        told(page, "done")
        expect(page.locator(".dl-urls textarea")).to_have_value("")
        expect(page.locator(".dl-job")).to_contain_text("Failed: 2")
        expect(page.locator(".dl-job")).to_contain_text("answers 404 Not Found")
        page.get_by_role("tab", name=EN("archive.failures"), exact=True).click()
        failures = page.locator(".dl-missed .dl-failures > li")
        expect(failures).to_have_count(2)
        back = page_of.format("Back again", story.replace("red", "blue"))
        desk.web.pages["/gone"] = WebPage(back.encode())
        failures.nth(0).get_by_role("button", name=EN("archive.retry"), exact=True).click()
        told(page, "done", 2)
        expect(page.locator(".dl-job").first).not_to_contain_text("Failed")
        page.get_by_role("tab", name=EN("archive.failures"), exact=True).click()
        expect(failures).to_have_count(1)
        failures.get_by_role("button", name=EN("archive.forget")).click()
        expect(holder(page, "missed")).to_contain_text(EN("archive.failures_none"))


def test_progress_is_shown_and_a_job_cancelled_with_the_keyboard(browser: Browser, desk: Desk) -> None:
    with visiting(browser, f"{desk.url}/en/", size=DESK) as page:
        open_tab(page, room="add")
        send(page, ("many.jsonl", many(3000).encode()))
        bar = page.locator(".dl-job progress")
        page.wait_for_function(
            "() => document.querySelector('.dl-job progress')?.value > 0", timeout=60_000
        )
        assert bar.evaluate("bar => bar.max") == 3000
        cancel = page.get_by_role("button", name=EN("archive.cancel"))
        cancel.focus()
        # The progress is drawn anew beneath the finger.
        page.wait_for_timeout(2500)
        expect(cancel).to_be_focused()
        page.keyboard.press("Enter")
        told(page, "cancelled")
        expect(bar).to_have_count(0)
        assert 44 < desk.archive.count_articles() < 3044


@pytest.mark.parametrize(("words", "size"), [(EN, DESK), (AR, DESK), (EN, PHONE), (AR, PHONE)])
def test_the_archive_in_numbers(browser: Browser, desk: Desk, words: Words, size: tuple[int, int]) -> None:
    with visiting(browser, f"{desk.url}/{words.language}/", size=size, words=words) as page:
        open_tab(page, words, "statistics")
        bars = page.locator(".dl-bars li")
        # Fourteen months: by month.
        expect(bars).to_have_count(15)
        said = page.locator(".dl-bars .dl-said").all_text_contents()
        gap = [f"2023-{month:02}: 0" for month in range(3, 13)] + ["2024-01: 0"]
        assert said == ["2023-01: 28", "2023-02: 12", *gap, "2024-02: 2", "2024-03: 1"]
        heights = bars.locator(".dl-bar").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().height)"
        )
        assert heights[0] > 100 and heights[1] == pytest.approx(heights[0] * 12 / 28, abs=2)
        places = bars.evaluate_all("all => all.map(e => e.getBoundingClientRect().x)")
        assert places == sorted(places, reverse=words.direction == "rtl")
        totals = page.locator(".dl-totals")
        copies = desk.archive.statistics().copies
        assert copies > 0
        for name, number in (("undated", 1), ("number_of_copies", copies), ("number_of_revisions", 1)):
            expect(totals).to_contain_text(words(f"archive.{name}", n=number))
        page.get_by_label(words("archive.day"), exact=True).check()
        # From 1 January 2023 to 1 March 2024.
        expect(bars).to_have_count(426)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
        # A source leads to its articles.
        row = page.locator(".dl-counts li", has_text="Harbour Post")
        expect(row.locator(".dl-number")).to_have_text("1")
        row.get_by_role("button").click()
        expect(page.locator(".dl-list .dl-entry")).to_have_text(["Ferry runs aground"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("words", [EN, AR], ids=["en", "ar"])
def test_nothing_serious_is_wrong(
    browser: Browser, used_desk: Desk, words: Words, size: tuple[int, int], scheme: str
) -> None:
    address = f"{used_desk.url}/{words.language}/"
    with visiting(browser, address, size=size, scheme=scheme, words=words) as page:
        open_tab(page, words)
        page.locator(".dl-finding .dl-filters > button").click()
        wrong = violations(page, "articles, filters")
        find(page, "chess")
        page.get_by_role("button", name=words("archive.untitled")).click()
        page.locator(".dl-reading summary").click()
        wrong += violations(page, "an article, about to be removed")
        find(page, "nowhere")
        expect(holder(page, "list")).to_have_text(words("archive.none_found"))
        wrong += violations(page, "none found")
        for room, there in (
            ("add", ".dl-job .dl-failures"),
            ("failures", ".dl-missed .dl-failures"),
            ("statistics", ".dl-bars"),
        ):
            page.get_by_role("tab", name=words(f"archive.{room}"), exact=True).click()
            page.locator(there).first.wait_for()
            wrong += violations(page, room)
        assert not wrong


def test_one_who_may_only_read_can_neither_add_nor_remove(browser: Browser, archive: Archive) -> None:
    folder = archive.config.archive
    token = Tokens(folder).create("reader", "read")
    app = create_app(Assistant(Settings(archive=folder, require_tokens=True), archive))
    with serving(app) as url, visiting(browser, f"{url}/en/", size=DESK, token=token) as page:
        open_tab(page)
        page.get_by_role("button", name="Ferry runs aground").click()
        expect(page.locator(".dl-reading .dl-article")).to_be_visible()
        expect(page.locator(".dl-delete")).to_have_count(0)
        # A browser may send what its page does not offer.
        page.evaluate(
            """() => {
                const forged = document.querySelector('.dl-reading button').cloneNode();
                Object.assign(forged.dataset, { do: 'remove', id: 'ferry' });
                delete forged.dataset.return;
                document.querySelector('.dl-reading').append(forged);
                forged.click();
            }"""
        )
        expect(page.locator(".dl-reading-holder .dl-error")).to_contain_text(EN("archive.read_only"))
        assert archive.count_articles() == 44
        page.get_by_role("tab", name=EN("archive.add"), exact=True).click()
        expect(holder(page, "closed")).to_be_visible()
        expect(holder(page, "drop")).to_be_hidden()
        expect(page.get_by_role("button", name=EN("archive.take_in"))).to_be_hidden()


def test_only_what_an_upload_needs_is_open(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url, timeout=60) as client:
        too_large = {"files": ("large.txt", b"x" * (61 * 2**20))}
        assert client.post("/en/gradio_api/upload", files=too_large).status_code == 413
        [path] = client.post("/en/gradio_api/upload", files={"files": ("note.txt", b"secret")}).json()
        assert client.get(f"/en/gradio_api/file={path}").status_code == 404
        assert client.get(f"/en/gradio_api/file/{path}").status_code == 404
        Path(path).unlink()
