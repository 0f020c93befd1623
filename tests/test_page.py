"""The chat page in a real browser, over a real server and archive."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import browser as helpers
import httpx
import pytest
from browser import PHONE, ask, begin, serving, visiting
from conftest import GOLDEN
from openai_server import Messages, OpenAIServer, Reply
from playwright.sync_api import Browser, Locator, Page, expect

from index.archive import Archive
from index.ingest import ingest
from index.types import Article, Filters
from rag.chat import Assistant
from rag.config import Settings
from rag.types import Answer, Turn
from ui.serve import create_app
from ui.words import LANGUAGES, Words

if helpers.CHROMIUM is None:
    pytest.skip("the page needs a browser: install Debian's `chromium`", allow_module_level=True)

ENGLISH = "Who warned whom before the Crocus attack?"
ARABIC = "من حذّر من قبل الهجوم على كروكوس؟"
RIGHT_TO_LEFT = ("ar", "fa")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, address) as page:
        yield page


@pytest.fixture(scope="module")
def unanswerable(assistant: Assistant) -> str:
    """A question of the golden set that the archive does not answer."""
    for row in golden():
        asked = row["language"] == "en" and not row["answerable"]
        if asked and answered(assistant, row["question"]).abstained:
            return str(row["question"])
    raise AssertionError("every unanswerable golden question in English is answered")


@pytest.fixture(scope="module")
def mixed(assistant: Assistant) -> str:
    """An Arabic question whose answer quotes articles of both directions."""
    for row in golden():
        if row["language"] == "ar":
            statements = answered(assistant, row["question"]).statements
            if {each.language in RIGHT_TO_LEFT for each in statements} == {True, False}:
                return str(row["question"])
    raise AssertionError("no golden question in Arabic has an answer of both directions")


def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def answered(assistant: Assistant, question: str, history: Sequence[Turn] = ()) -> Answer:
    """What the page should show. Asked from another thread: the browser's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(assistant.ask(question, history=history))).result()


def last_answer(page: Page) -> Locator:
    return page.locator(".dl-answer").last


def open_citation(page: Page, number: int) -> Locator:
    """Click a number in the last answer; gives the marked sentence."""
    last_answer(page).locator(".dl-statement .dl-cite", has_text=f"[{number}]").first.click()
    mark = page.locator(".dl-article mark").first
    mark.wait_for()
    return mark


INSIDE = """mark => {
    const m = mark.getBoundingClientRect();
    const p = mark.closest('.dl-panel').getBoundingClientRect();
    const top = Math.max(p.top, 0) - 1, bottom = Math.min(p.bottom, innerHeight) + 1;
    return m.height > 0 && m.top >= top && m.bottom <= bottom;
}"""


def shown_inside(page: Page, mark: Locator) -> None:
    """The mark lies in the visible part of the panel, and that in the window."""
    page.wait_for_function(INSIDE, arg=mark.element_handle(), timeout=3000)


def test_a_question_is_answered_and_each_number_opens_its_sentence(
    page: Page, assistant: Assistant
) -> None:
    answer = answered(assistant, ENGLISH)
    ask(page, ENGLISH)
    expect(last_answer(page)).to_have_class("dl-answer dl-grounded")
    expect(page.locator(".dl-question")).to_have_text(ENGLISH)
    statements = page.locator(".dl-statement q")
    assert statements.all_text_contents() == [statement.text for statement in answer.statements]
    assert len(answer.citations) > 1
    for citation in answer.citations:
        mark = open_citation(page, citation.index)
        expect(page.locator(".dl-article h2")).to_have_text(citation.title)
        expect(page.locator(".dl-article mark")).to_have_text(citation.cited_text)
        assert "".join(page.locator(".dl-article mark").all_text_contents()) == citation.cited_text
        shown_inside(page, mark)
        panel = page.locator(".dl-article")
        expect(panel).to_contain_text(citation.source)
        expect(panel).to_contain_text(citation.published_at[:10] or "undated")
        expect(panel.locator("a")).to_have_attribute("href", citation.url)
        # The keyboard follows: into the article, and back to the number.
        expect(panel).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".dl-cite:focus")).to_have_text(f"[{citation.index}]")


def test_a_long_article_is_scrolled_to_its_sentence(
    browser: Browser, empty_archive: Archive, tmp_path: Path
) -> None:
    topics = (
        "harbour dues",
        "school meals",
        "street lamps",
        "the library roof",
        "tram fares",
        "salt prices",
    )
    filler = [
        f"The council discussed {topic} for {hours} hours and adjourned without a decision on {topic}."
        for hours in range(2, 12)
        for topic in topics
    ]
    fact = "The lighthouse keeper Amund Lervik found the missing ferry bell under the northern pier."
    text = "\n".join([*filler, fact, *filler[::-1]])
    list(ingest(empty_archive, [Article("long", "Bell found", text, language="en")]))
    long = Assistant(Settings(archive=tmp_path / "archive", min_answerability=0), empty_archive)
    with serving(create_app(long)) as address, visiting(browser, address) as page:
        ask(page, "Who found the missing ferry bell?")
        number = page.locator(".dl-statement", has_text=fact).locator(".dl-cite")
        number.click()
        mark = page.locator(".dl-article mark")
        expect(mark).to_have_text(fact)
        shown_inside(page, mark)
        assert page.locator(".dl-panel").evaluate("panel => panel.scrollTop") > 500
        # The reader scrolls away and clicks the same number again.
        page.locator(".dl-panel").evaluate("panel => { panel.scrollTop = 0 }")
        assert not mark.evaluate(INSIDE)
        number.click()
        shown_inside(page, mark)


def test_every_statement_runs_in_its_own_direction(page: Page, assistant: Assistant, mixed: str) -> None:
    answer = answered(assistant, mixed)
    ask(page, mixed)
    style = "each => [each.lang, getComputedStyle(each).direction, getComputedStyle(each).textAlign]"
    assert page.locator(".dl-question").evaluate(style)[:2] == ["ar", "rtl"]
    for statement, shown in zip(answer.statements, page.locator(".dl-statement").all(), strict=True):
        direction = "rtl" if statement.language in RIGHT_TO_LEFT else "ltr"
        assert shown.evaluate(style) == [statement.language, direction, "start"]
        # The number stands after the end of the sentence, and its brackets are not turned round.
        chip = shown.locator(".dl-cite").first
        expect(chip).to_have_text(f"[{statement.citations[0]}]")
        gap = shown.evaluate(
            """each => {
                const lines = each.querySelector('q').getClientRects();
                const end = lines[lines.length - 1];
                const chip = each.querySelector('.dl-cite').getBoundingClientRect();
                if (chip.top > end.bottom - 2) return 0;
                return each.dir === 'rtl' ? end.left - chip.right : chip.left - end.right;
            }"""
        )
        assert 0 <= gap < 40
    expect(last_answer(page).locator("h3")).to_have_text("المصادر")
    open_citation(page, 1)
    assert page.locator(".dl-text").evaluate(style)[:2] == [
        answer.citations[0].language,
        "rtl" if answer.citations[0].language in RIGHT_TO_LEFT else "ltr",
    ]


def test_the_box_takes_the_direction_of_what_is_typed(page: Page) -> None:
    box = page.get_by_placeholder("Ask the archive")
    for text, direction in ((ARABIC, "rtl"), (ENGLISH, "ltr")):
        box.fill(text)
        assert box.evaluate("each => getComputedStyle(each).direction") == direction


def test_an_abstention_looks_like_none_and_says_what_was_searched(
    page: Page, assistant: Assistant, unanswerable: str
) -> None:
    ask(page, ENGLISH)
    answered = last_answer(page).evaluate("each => getComputedStyle(each).backgroundColor")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".dl-answer")).to_have_count(0)
    ask(page, unanswerable)
    abstention = last_answer(page)
    expect(abstention).to_have_class("dl-answer dl-abstention")
    assert abstention.evaluate("each => getComputedStyle(each).backgroundColor") != answered
    expect(abstention).to_contain_text("The archive does not answer this")
    expect(abstention.locator(".dl-icon")).to_be_visible()
    coverage = assistant.archive.coverage()
    receipt = abstention.locator(".dl-coverage")
    expect(receipt).to_be_visible()
    expect(receipt).to_contain_text(str(coverage.articles))
    expect(receipt).to_contain_text(coverage.published_from[:10])
    expect(receipt).to_contain_text("فارسی")
    expect(receipt).to_contain_text(coverage.sources[0])
    assert abstention.locator(".dl-statement").count() == 0
    nearest = abstention.locator(".dl-nearest .dl-open").first
    expect(nearest).to_be_hidden()
    abstention.locator(".dl-nearest summary").click()
    nearest.click()
    shown_inside(page, page.locator(".dl-article mark").first)


def test_filters_narrow_and_are_told(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published from").fill("2024-03-01")
    page.get_by_label("Languages").click()
    page.get_by_role("option", name="English").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Filters in force: 2")).to_be_visible()
    ask(page, ENGLISH)
    listed = last_answer(page).locator(".dl-source-list .dl-facts").all_text_contents()
    assert listed and all("English" in facts for facts in listed)
    last_answer(page).locator(".dl-receipt summary").click()
    expect(last_answer(page).locator(".dl-coverage")).to_contain_text("from 2024-03-01")


def test_a_filter_that_nothing_passes_is_an_abstention(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published to").fill("1950-01-01")
    ask(page, ENGLISH)
    expect(last_answer(page)).to_contain_text("No article passes the filters.")


def test_a_mistake_is_an_error_and_no_abstention(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published from").fill("last week")
    ask(page, ENGLISH)
    error = page.get_by_role("alert").filter(has_text="The question cannot be asked as it stands")
    expect(error).to_contain_text("'last week'")
    expect(error).to_contain_text("2024-03-22")
    expect(page.locator(".dl-abstention")).to_have_count(0)
    page.get_by_label("Published from").fill("")
    ask(page, ENGLISH)
    expect(last_answer(page)).to_have_class("dl-answer dl-grounded")


def test_a_follow_up_knows_what_was_said(page: Page, assistant: Assistant) -> None:
    follow_up = "And what about Peskov?"
    first = answered(assistant, ENGLISH)
    said = " ".join(statement.text for statement in first.statements)
    second = answered(assistant, follow_up, [Turn("user", ENGLISH), Turn("assistant", said)])
    assert second.standalone_question
    ask(page, ENGLISH)
    expect(page.locator(".dl-standalone")).to_have_count(0)
    ask(page, follow_up)
    expect(last_answer(page).locator(".dl-standalone")).to_have_text(second.standalone_question)
    # The newest question stands at the top of the chat, its answer below it.
    top = page.locator(".dl-question").last.bounding_box()
    chat = page.locator(".dl-chat").bounding_box()
    assert top and chat and chat["y"] - 2 <= top["y"] < chat["y"] + 60


def test_clearing_forgets(page: Page, unanswerable: str) -> None:
    ask(page, ENGLISH)
    open_citation(page, 1)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".dl-question")).to_have_count(0)
    expect(page.locator(".dl-article")).to_have_count(0)
    ask(page, "And what about Peskov?")
    expect(page.locator(".dl-standalone")).to_have_count(0)


def test_sample_questions_are_asked_with_a_click(page: Page) -> None:
    for question in (ENGLISH, ARABIC):
        expect(page.get_by_role("button", name=question)).to_be_visible()
    page.get_by_role("button", name=ARABIC).click()
    last_answer(page).and_(page.locator(".dl-grounded")).wait_for(timeout=helpers.ANSWER_SECONDS * 1000)
    expect(page.locator(".dl-question")).to_have_text(ARABIC)


def test_visitors_see_only_their_own_conversation(browser: Browser, address: str, page: Page) -> None:
    ask(page, ENGLISH)
    with visiting(browser, address) as other:
        expect(other.locator(".dl-question")).to_have_count(0)
        ask(other, "And what about Peskov?")
        expect(other.locator(".dl-standalone")).to_have_count(0)


EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_markup_in_articles_and_questions_is_text(
    browser: Browser, empty_archive: Archive, tmp_path: Path
) -> None:
    text = (
        f"The harbour master {EVIL} closed the port of Vik on Friday. "
        "${document.title='owned'} {{constructor}} `x` was painted on the gate.\nIt opened on Sunday."
    )
    evil = Article(
        'id"><b>',
        f"Port closed {EVIL}",
        text,
        url="javascript:document.title='owned'",
        source=f"Source {EVIL}",
        authors=(f"Author {EVIL}",),
        language="en",
        published_at="2024-05-01",
    )
    list(ingest(empty_archive, [evil]))
    strange = Assistant(Settings(archive=tmp_path / "archive", min_answerability=0), empty_archive)
    question = f"Who closed the port of Vik? {EVIL}"
    with serving(create_app(strange)) as address, visiting(browser, address) as page:
        ask(page, question)
        expect(page.locator(".dl-question")).to_have_text(question)
        open_citation(page, 1)
        expect(page.locator(".dl-article h2")).to_have_text(evil.title)
        expect(page.locator(".dl-text")).to_contain_text(EVIL)
        expect(page.locator(".dl-text")).to_contain_text("${document.title='owned'} {{constructor}} `x`")
        assert (
            page.locator(".dl-article img, .dl-article script, .dl-answer img, .dl-question img").count()
            == 0
        )
        assert page.locator("a[href^='javascript']").count() == 0
        assert page.title() == "Dateline"


def test_a_phone_gets_the_article_below_the_chat(browser: Browser, address: str) -> None:
    with visiting(browser, address, size=PHONE) as page:
        ask(page, ARABIC)
        mark = open_citation(page, 1)
        shown_inside(page, mark)
        chat, panel = (page.locator(each).bounding_box() for each in (".dl-chat", ".dl-panel"))
        assert chat and panel and panel["y"] >= chat["y"] + chat["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        page.get_by_role("button", name="Back to the answer").click()
        expect(last_answer(page).locator(".dl-cite").first).to_be_in_viewport()


CONTRAST = """(selectors) => {
    const parse = text => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return { r, g, b, a };
    };
    const light = ({ r, g, b }) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = parse(getComputedStyle(each).backgroundColor);
            if (colour.a === 1) return colour;
        }
        return { r: 255, g: 255, b: 255 };
    };
    return selectors.map(selector => {
        const element = document.querySelector(selector);
        if (!element) return [selector, 0];
        const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))];
        return [selector, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    browser: Browser, address: str, unanswerable: str, scheme: str
) -> None:
    with visiting(browser, address, scheme=scheme) as page:
        page.get_by_role("button", name="Filters").click()
        page.get_by_label("Published from").fill("nonsense")
        ask(page, ENGLISH)
        page.get_by_label("Published from").fill("")
        ask(page, ENGLISH)
        open_citation(page, 1)
        page.get_by_role("button", name="New conversation").is_visible()
        selectors = [
            ".dl-header h1", ".dl-what", ".dl-how", ".dl-languages a", ".dl-question", ".dl-statement",
            ".dl-cite", ".dl-cite.dl-chosen", ".dl-source-list h3", ".dl-sources .dl-facts",
            ".dl-title .dl-open", ".dl-original", ".dl-receipt summary",
            ".dl-error strong", ".dl-error span[dir]",
            ".dl-article h2", ".dl-article .dl-facts", ".dl-text p", ".dl-text mark", ".dl-url",
            ".dl-ask textarea", ".dl-ask button", ".dl-clear", ".dl-filters button span",
        ]  # fmt: skip
        ratios = page.evaluate(CONTRAST, selectors)
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator(".dl-question")).to_have_count(0)
        ratios += page.evaluate(CONTRAST, [".dl-hint"])
        ask(page, unanswerable)
        page.locator(".dl-nearest summary").click()
        selectors = [
            ".dl-icon", ".dl-abstained strong", ".dl-coverage dt", ".dl-coverage dd",
            ".dl-nearest summary", ".dl-nearest .dl-facts", ".dl-nearest .dl-quote .dl-open",
        ]  # fmt: skip
        ratios += page.evaluate(CONTRAST, selectors)
    too_low = [(selector, round(ratio, 2)) for selector, ratio in ratios if ratio < 4.5]
    assert not too_low


def with_model(archive: Archive, folder: Path, server: OpenAIServer, **settings: float) -> Assistant:
    return Assistant(
        Settings(
            archive=folder,
            llm_model="small",
            llm_base_url=server.base_url,
            llm_retries=0,
            min_answerability=0,
            **settings,  # type: ignore[arg-type]
        ),
        archive,
    )


TIP_OFF = "Iran told Russia that a major militant operation could take place on its soil."


def write(messages: Messages) -> str:
    """A model that found the one sentence it needs."""
    found = re.search(r"\[(\d+)\] Iran told Russia that", messages[-1]["content"])
    return f"{TIP_OFF} [{found[1]}]" if found else "NO_ANSWER"


def test_the_page_says_who_writes_the_answers(
    browser: Browser, page: Page, sample_archive: Archive, sample_archive_dir: Path
) -> None:
    expect(page.locator(".dl-how")).to_contain_text("verbatim quotes")
    with OpenAIServer(answer=write) as server:
        assistant = with_model(sample_archive, sample_archive_dir, server)
        with serving(create_app(assistant)) as address, visiting(browser, address) as page:
            expect(page.locator(".dl-how")).to_contain_text("small")
            expect(page.locator(".dl-how")).to_contain_text(server.base_url.split("/")[2])
            ask(page, ENGLISH)
            expect(last_answer(page).locator(".dl-statement")).to_contain_text(TIP_OFF)
            # Unlike a quote, a written statement comes with the sentence it rests on.
            expect(last_answer(page).locator(".dl-quote")).to_contain_text(
                "in the days before gunmen stormed"
            )
            expect(last_answer(page).locator(".dl-receipt")).to_contain_text("Written by small")


def test_an_outage_is_an_error_and_no_abstention(
    browser: Browser, sample_archive: Archive, sample_archive_dir: Path
) -> None:
    with OpenAIServer(Reply(status=401, message="bad key")) as server:
        assistant = with_model(sample_archive, sample_archive_dir, server)
        with serving(create_app(assistant)) as address, visiting(browser, address) as page:
            ask(page, ENGLISH)
            expect(page.get_by_role("alert").filter(has_text="refused the request")).to_be_visible()
            expect(page.locator(".dl-abstention")).to_have_count(0)


def test_statements_stream_in_and_stop_stops(
    browser: Browser, sample_archive: Archive, sample_archive_dir: Path
) -> None:
    with OpenAIServer(answer=write) as server:
        assistant = with_model(sample_archive, sample_archive_dir, server, llm_timeout=60)
        number = answered(assistant, ENGLISH).citations[0].index
        written = write(server.requests[0].messages)
        assert number == 1 and written.startswith(TIP_OFF)
        server.queue(Reply(f"{written}\n{written}", piece=len(written) + 1, stall_after=1))
        with serving(create_app(assistant)) as address, visiting(browser, address) as page:
            begin(page, ENGLISH)
            statement = page.locator(".dl-unfinished .dl-statement")
            expect(statement).to_contain_text(TIP_OFF, timeout=30_000)
            # Its number works before the answer is complete.
            page.locator(".dl-unfinished .dl-cite").first.click()
            expect(page.locator(".dl-article mark")).to_be_visible()
            page.get_by_placeholder("Ask the archive").fill("typed meanwhile")
            page.get_by_role("button", name="Stop").click()
            expect(page.locator(".dl-stopped")).to_contain_text("Stopped")
            expect(page.locator(".dl-stopped .dl-statement")).to_contain_text(TIP_OFF)
            expect(page.get_by_placeholder("Ask the archive")).to_have_value("typed meanwhile")
            assert server.wait_for_disconnect(), "the model went on writing"
            ask(page, ENGLISH)
            expect(last_answer(page)).to_have_class("dl-answer dl-grounded")
            # What was said before the stop is part of the conversation.
            assert TIP_OFF in server.requests[-1].prompt.split("Question:")[0]


def test_a_broken_reply_keeps_what_came_before_it(
    browser: Browser, sample_archive: Archive, sample_archive_dir: Path
) -> None:
    with OpenAIServer(answer=write) as server:
        assistant = with_model(sample_archive, sample_archive_dir, server)
        answered(assistant, ENGLISH)
        written = write(server.requests[0].messages)
        server.queue(Reply(f"{written}\n{written}", piece=len(written) + 1, malformed_after=1))
        with serving(create_app(assistant)) as address, visiting(browser, address) as page:
            ask(page, ENGLISH)
            expect(page.locator(".dl-statement")).to_contain_text(TIP_OFF)
            expect(page.get_by_role("alert").filter(has_text="broke off or cannot be read")).to_be_visible()


def test_the_server_gives_the_page_and_nothing_else_of_gradio(address: str, page: Page) -> None:
    response = page.request.get(address)
    assert response.ok
    assert "default-src 'self'" in response.headers["content-security-policy"]
    for path in ("/v1/articles", "/docs", "/healthz", "/readyz"):
        assert page.request.get(address + path).ok, path
    closed = [
        "/gradio_api/info", "/gradio_api/openapi.json", "/monitoring",
        "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/gradio_api/proxy=http://example.org",
        "/gradio_api/runs", "/gradio_api/deep_link", "/gradio_api/vibe-code", "/static/../ui/words.py",
    ]  # fmt: skip
    for path in [*closed, *(f"/en{each}" for each in closed)]:
        assert page.request.get(address + path).status == 404, path
    for path in (
        "/gradio_api/run/ask",
        "/gradio_api/call/ask",
        "/gradio_api/api/ask",
    ):
        for place in ("", "/en"):
            assert page.request.post(address + place + path, data="{}").status in (404, 405), path
    config = page.request.get(address + "/en/config").json()
    assert config["analytics_enabled"] is False
    assert {each["api_visibility"] for each in config["dependencies"]} == {"private"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_the_language_of_its_address(browser: Browser, address: str, language: str) -> None:
    words = Words.of(language)
    with visiting(browser, f"{address}/{language}/", words=words) as page:
        root = page.locator("html")
        expect(root).to_have_attribute("lang", language)
        expect(root).to_have_attribute("dir", words.direction)
        expect(page.get_by_text(words("chat.welcome"))).to_be_visible()
        expect(page.locator(".dl-languages [aria-current]")).to_have_attribute("hreflang", language)
        # Gradio's own words, too: no English is left in what can be seen or heard.
        assert page.evaluate("navigator.language") == language
        styles = "each => getComputedStyle(each).direction"
        assert page.locator(".dl-header").evaluate(styles) == words.direction
        start, end = (page.locator(each).bounding_box() for each in (".dl-header h1", ".dl-languages"))
        assert start and end and (start["x"] < end["x"]) == (words.direction == "ltr")


def test_the_document_is_in_its_language_before_any_script_runs(address: str, page: Page) -> None:
    document = page.request.get(f"{address}/fa/").text()
    assert '<html lang="fa" dir="rtl"' in document
    assert "githubusercontent" not in document


def test_a_visitor_gets_the_language_of_the_browser_and_then_the_one_chosen(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(locale="ar-EG")
    page = context.new_page()
    page.goto(f"{address}/?answer=one&x=2")
    assert page.url == f"{address}/ar/?answer=one&x=2"
    page.get_by_role("link", name="Русский").click()
    page.get_by_role("button", name="Спросить", exact=True).wait_for()
    assert page.url == f"{address}/ru/?answer=one&x=2"
    page.goto(address)
    assert page.url == f"{address}/ru/"
    context.close()
    cases = {
        "de": "en",
        "de, ru;q=0.3, fa;q=0.8": "fa",
        "fa-IR, en": "fa",
        "ar;q=0, en": "en",
        ";;q=x": "en",
    }
    for accepted, language in cases.items():
        reply = httpx.get(address, headers={"Accept-Language": accepted})
        assert reply.headers["location"] == f"{language}/", accepted


def test_the_example_questions_are_those_of_the_archive(empty_archive: Archive, tmp_path: Path) -> None:
    from ui.page import examples

    assert examples(Assistant(Settings(archive=tmp_path / "archive"), empty_archive)) == []


def test_filters_are_offered_from_the_archive(page: Page, assistant: Assistant) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Sources").click()
    offered = page.get_by_role("option").all_text_contents()
    assert [each.replace("✓", "").strip() for each in offered] == list(
        assistant.archive.coverage(Filters()).sources
    )
