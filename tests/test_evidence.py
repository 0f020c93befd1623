"""What is beside an answer and behind it, as a visitor sees it: cards, columns, tabs, filters, paper."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import combinations, pairwise

import browser as helpers
import pytest
from browser import PHONE, ask, serving, visiting
from openai_server import Messages, OpenAIServer
from playwright.sync_api import Browser, Locator, Page, expect

from index.archive import Archive
from index.ingest import ingest
from index.types import Article
from rag.chat import Assistant
from rag.config import Settings
from ui.page.timeline import axis
from ui.serve import create_app
from ui.words import Words

if helpers.CHROMIUM is None:
    pytest.skip("the page needs a browser: install Debian's `chromium`", allow_module_level=True)

WARNED = "Who warned whom before the Crocus attack?"
KILLED = "How many people were killed at Crocus?"
DESK = (1440, 900)
SIZES = [DESK, PHONE]


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, f"{address}/en/", size=DESK) as page:
        yield page


def card(page: Page) -> Locator:
    return page.locator(".dl-card:popover-open")


def tab(page: Page, name: str) -> Locator:
    return page.locator(".dl-views").get_by_role("tab", name=name)


def test_pointing_at_a_number_shows_its_sentence_and_where_it_is_from(page: Page) -> None:
    ask(page, WARNED)
    number = page.locator(".dl-statement", has_text="Iran told Russia").locator(".dl-cite")
    number.hover()
    expect(card(page)).to_have_count(1)
    for said in ("Iran told Russia that", "2024-04-02", "English", "✓ verified", "also reported by"):
        expect(card(page)).to_contain_text(said)
    box = card(page).bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= DESK[0] and box["y"] >= 0
    # The pointer can go onto the card, and leaving both hides it.
    card(page).hover()
    page.wait_for_timeout(400)
    expect(card(page)).to_have_count(1)
    page.locator(".dl-header h1").hover()
    expect(card(page)).to_have_count(0)


def test_the_keyboard_alone_asks_reads_a_card_opens_and_comes_back(page: Page) -> None:
    expect(page.locator(".dl-ask textarea")).to_be_focused()
    page.keyboard.type(WARNED)
    page.keyboard.press("Enter")
    page.locator(".dl-grounded").wait_for(timeout=helpers.ANSWER_SECONDS * 1000)
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.dl-statement .dl-cite')"):
            break
    focused = page.locator(".dl-statement .dl-cite:focus")
    expect(card(page)).to_be_visible()
    described = focused.get_attribute("aria-describedby")
    expect(card(page)).to_have_id(str(described))
    page.keyboard.press("Escape")
    expect(card(page)).to_have_count(0)
    expect(focused).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".dl-article")).to_be_focused()
    expect(page.locator(".dl-article mark")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="https://").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(focused).to_have_count(1)


def test_the_evidence_stands_beside_the_answer_until_an_article_is_opened(page: Page) -> None:
    ask(page, WARNED)
    evidence = page.get_by_role("region", name="Evidence")
    expect(evidence).to_contain_text("The Meridian Ledger")
    answer, beside = page.locator(".dl-grounded").bounding_box(), evidence.bounding_box()
    assert answer and beside and beside["x"] >= answer["x"] + answer["width"]
    # A wire copy is named, and opens.
    expect(evidence).to_contain_text("also reported by The Harbour Post")
    evidence.get_by_role("button", name="The Harbour Post").click()
    expect(page.locator(".dl-article .dl-facts").first).to_contain_text("The Harbour Post")
    expect(page.locator(".dl-article mark")).to_contain_text("Iran told Russia")
    expect(evidence).to_be_hidden()
    page.get_by_role("button", name="All evidence").click()
    expect(evidence).to_be_visible()
    expect(page.locator(".dl-article")).to_have_count(0)


def test_an_older_answer_can_be_chosen(page: Page) -> None:
    ask(page, WARNED)
    ask(page, KILLED)
    evidence = page.locator(".dl-evidence")
    expect(evidence).to_contain_text(KILLED)
    page.locator(".dl-answer").first.get_by_role("button", name="Sources").click()
    expect(tab(page, "Sources")).to_have_attribute("aria-selected", "true")
    expect(evidence).to_contain_text(WARNED)
    about = page.locator(".block.dl-view-holder:visible .dl-about-question")
    expect(about).to_have_text(WARNED)
    # A new question is what the page is about again, and its answer is seen.
    ask(page, "What did Peskov say about the warning?")
    expect(tab(page, "Answer")).to_have_attribute("aria-selected", "true")
    expect(evidence).to_contain_text("What did Peskov say")


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_disagreement_stands_in_columns(browser: Browser, address: str, size: tuple[int, int]) -> None:
    with visiting(browser, f"{address}/en/", size=size) as page:
        ask(page, KILLED)
        sides = page.locator(".dl-disagree .dl-side")
        says = sides.locator(".dl-says").all_text_contents()
        assert len(says) >= 2 and "143" in says
        for side in sides.all():
            expect(side.locator(".dl-facts")).not_to_have_count(0)
            expect(side.locator("blockquote")).not_to_have_count(0)
        first, second = (each.bounding_box() for each in sides.all()[:2])
        assert first and second
        beside = first["y"] == second["y"] and first["x"] != second["x"]
        assert beside == (size == DESK)
        sides.first.locator(".dl-cite").click()
        expect(page.locator(".dl-article mark")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_claims_are_a_table_that_sorts_and_whose_numbers_open(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    with visiting(browser, f"{address}/en/", size=size) as page:
        tab(page, "Claims").click()
        expect(page.locator(".block.dl-view-holder:visible")).to_contain_text("Ask a question first")
        tab(page, "Answer").click()
        ask(page, WARNED)
        tab(page, "Claims").click()
        table = page.get_by_role("table", name="Who said what to whom")
        expect(table).to_be_visible()
        heads = table.get_by_role("columnheader").all_inner_texts()
        assert [each.split(" ↕")[0].strip() for each in heads] == [
            "Who", "What they did", "To whom", "What", "When", "Stance", "Source",
        ]  # fmt: skip
        speakers = table.locator(".dl-of-who")
        before = speakers.all_inner_texts()
        assert len(before) > 3
        who = table.get_by_role("button", name="Who", exact=True)
        head = table.get_by_role("columnheader").first
        who.click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        up = speakers.all_inner_texts()
        assert sorted(up) == sorted(before)
        collated = "values => values.every((each, i) => !i || values[i - 1].localeCompare(each, 'en') <= 0)"
        assert page.evaluate(collated, up)
        who.press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert page.evaluate(collated, speakers.all_inner_texts()[::-1])
        # Every speaker in the direction of its own script.
        persian = speakers.filter(has_text=re.compile("[؀-ۿ]")).first.locator("span")
        assert persian.evaluate("each => getComputedStyle(each).direction") == "rtl"
        row = table.get_by_role("row").filter(has_text="Iran").filter(has_text="Russia").first
        row.locator(".dl-cite").click()
        expect(page.locator(".dl-article mark")).to_contain_text("Iran")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_claims_are_those_of_the_answers_filters(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Languages").click()
    page.get_by_role("option", name="English").click()
    page.keyboard.press("Escape")
    ask(page, WARNED)
    tab(page, "Claims").click()
    page.locator(".dl-table .dl-cite").first.hover()
    expect(card(page)).to_contain_text("English")
    languages = page.locator(".block.dl-view-holder:visible .dl-card .dl-facts").all_text_contents()
    assert languages and all("English" in each for each in languages)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_timeline_is_drawn_and_listed_in_the_pages_direction(
    browser: Browser, address: str, language: str
) -> None:
    words = Words.of(language)
    with visiting(browser, f"{address}/{language}/", size=DESK, words=words) as page:
        ask(page, WARNED)
        tab(page, words("timeline.tab")).click()
        plot = page.get_by_role("figure", name=words("timeline.plot"))
        points = plot.locator(".dl-cite")
        expect(points).not_to_have_count(0)
        days = page.locator(".dl-dated time[datetime]:visible").evaluate_all(
            "all => all.filter(each => each.closest('.dl-when')).map(each => each.dateTime)"
        )
        assert len(days) == points.count() > 3 and days == sorted(days, key=lambda day: f"{day}-01-01"[:10])
        along = [box["x"] for each in points.all() if (box := each.bounding_box())]
        assert along == sorted(along, reverse=language == "ar")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        boxes = [box for each in points.all() if (box := each.bounding_box())]
        for one, other in combinations(boxes, 2):
            apart = (
                abs(one["x"] - other["x"]) >= one["width"] or abs(one["y"] - other["y"]) >= one["height"]
            )
            assert apart, "numbers lie on each other"
        points.first.click()
        listed = page.locator(".dl-dated blockquote").first.inner_text()
        page.locator(".dl-article mark").first.wait_for()
        assert "".join(page.locator(".dl-article mark").all_text_contents()) == listed


def test_long_gaps_between_days_are_cut() -> None:
    days = [date(2022, 1, 1), *(date(2024, 3, day) for day in (20, 21, 22, 24)), date(2024, 4, 1)]
    drawn = axis([*days, days[1]])
    places = [drawn.places[day] for day in days]
    assert places[0] == 0 and places[-1] == 1 and places == sorted(places)
    assert len(drawn.cuts) == 1 and drawn.cuts[0] == (0, places[1])
    gaps = [b - a for a, b in pairwise(places)]
    assert gaps[3] == pytest.approx(2 * gaps[2])
    assert axis([days[0]]).places == {days[0]: 0.5}


def test_sources_tell_what_was_searched_and_what_was_found_but_not_used(
    page: Page, assistant: Assistant
) -> None:
    ask(page, WARNED)
    cited = page.locator(".dl-evidence .dl-title .dl-open").all_inner_texts()
    tab(page, "Sources").click()
    holder = page.locator(".block.dl-view-holder:visible")
    expect(holder.locator(".dl-coverage")).to_contain_text(str(assistant.archive.coverage().articles))
    expect(holder.locator(".dl-source-list")).to_contain_text(cited[0])
    unused = holder.locator(".dl-unused > li")
    expect(unused).not_to_have_count(0)
    found = re.findall(r"Score: (-?\d+\.\d+)", holder.inner_text())
    scores = [float(each) for each in found]
    assert len(scores) == unused.count() and scores == sorted(scores, reverse=True)
    said = page.locator(".dl-statement q").all_text_contents()
    for passage in holder.locator(".dl-passage").all_text_contents():
        assert not any(each in passage for each in said)
    unused.first.locator(".dl-open").click()
    expect(page.locator(".dl-article mark").first).to_be_visible()


def test_filters_in_force_are_chips_and_can_be_removed(page: Page) -> None:
    ask(page, WARNED)
    page.locator(".dl-statement .dl-cite").first.click()
    title = page.locator(".dl-article h2").inner_text()
    page.get_by_role("button", name="Ask only this article").click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published from").fill("2024-03-01")
    page.get_by_label("Languages").click()
    page.get_by_role("option", name="English").click()
    page.keyboard.press("Escape")
    chips = page.get_by_role("list", name="Filters").get_by_role("listitem")
    expect(chips).to_have_count(3)
    labels = chips.locator("bdi").all_inner_texts()
    assert labels == ["from 2024-03-01", "English", title]
    ask(page, WARNED)
    sources = page.locator(".dl-evidence .dl-title .dl-open")
    assert set(sources.all_inner_texts()) == {title}
    for label in labels:
        page.get_by_role("button", name=f"Remove this filter: {label}").click()
        expect(chips.filter(has_text=label)).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile(r"^Filters\W*$"))).to_be_visible()
    expect(page.get_by_label("Published from")).to_have_value("")
    ask(page, WARNED)
    assert len(set(sources.all_inner_texts())) > 1


def test_the_time_that_was_read_from_the_question_is_shown_and_can_be_taken_away(page: Page) -> None:
    ask(page, WARNED)
    period = page.locator(".dl-period")
    expect(period).to_contain_text("until 2024-03-22")
    period.get_by_role("button", name="Ask again for any time").click()
    expect(period).to_have_count(0)
    page.locator(".dl-ask .submit-button").wait_for()
    # The new answer stands in place of the old one.
    expect(page.locator(".dl-question")).to_have_text([WARNED])
    expect(page.locator(".dl-grounded")).to_be_visible()


def test_a_translation_stands_beside_the_original(
    browser: Browser, sample_archive: Archive, sample_archive_dir: object
) -> None:
    def write(messages: Messages) -> str:
        request = messages[-1]["content"]
        if request.startswith("Translate"):
            return "[1] Iran warned Russia, in English."
        found = re.search(r"\[(\d+)\] خبرگزاری رویترز", request)
        return f"Reuters reported that Tehran had warned Moscow. [{found[1]}]" if found else "NO_ANSWER"

    with OpenAIServer(answer=write) as server:
        settings = Settings(
            archive=sample_archive_dir,  # type: ignore[arg-type]
            llm_model="small",
            llm_base_url=server.base_url,
            llm_retries=0,
            min_answerability=0,
        )
        assistant = Assistant(settings, sample_archive)
        with serving(create_app(assistant)) as address, visiting(browser, address, size=DESK) as page:
            page.get_by_role("button", name="Filters").click()
            page.get_by_label("Translate citations").check()
            ask(page, WARNED)
            pair = page.locator(".dl-evidence .dl-pair")
            original, translation = pair.locator("blockquote"), pair.locator(".dl-translation")
            expect(translation).to_have_text("Machine translation: Iran warned Russia, in English.")
            assert original.evaluate("each => getComputedStyle(each).direction") == "rtl"
            left, right = original.bounding_box(), translation.bounding_box()
            assert left and right and left["x"] + left["width"] <= right["x"]


def test_a_statement_that_is_not_verified_says_why(
    browser: Browser, empty_archive: Archive, tmp_path: object
) -> None:
    text = "The harbour master closed the port of Vik on Friday. Two ships waited outside."
    list(ingest(empty_archive, [Article("port", "Port closed", text, source="Post", language="en")]))

    def write(messages: Messages) -> str:
        return "Nine ships waited outside the port of Vik. [2]"

    with OpenAIServer(answer=write) as server:
        settings = Settings(
            archive=tmp_path / "archive",  # type: ignore[operator]
            llm_model="small",
            llm_base_url=server.base_url,
            llm_retries=0,
            min_answerability=0,
        )
        assistant = Assistant(settings, empty_archive)
        with serving(create_app(assistant)) as address, visiting(browser, address, size=DESK) as page:
            ask(page, "How many ships waited outside the port of Vik?")
            number = page.locator(".dl-statement .dl-cite.dl-doubt")
            number.hover()
            expect(card(page).locator(".dl-unverified")).to_contain_text(
                "not verified: the cited sentences do not give the number 'nine'"
            )
            expect(page.locator(".dl-evidence .dl-unverified")).to_contain_text("not verified: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_there_are_the_answers_with_their_sources_and_nothing_else(
    browser: Browser, address: str, scheme: str
) -> None:
    with visiting(browser, f"{address}/en/", size=DESK, scheme=scheme) as page:
        ask(page, WARNED)
        ask(page, KILLED)
        page.emulate_media(media="print", color_scheme=scheme)  # type: ignore[arg-type]
        for shown in (".dl-question", ".dl-statement", ".dl-chat .dl-source-list"):
            assert all(each.is_visible() for each in page.locator(shown).all()), shown
        for hidden in (".dl-ask", ".dl-filters", ".dl-languages", ".tab-wrapper", ".dl-panel", ".dl-same"):
            assert not any(each.is_visible() for each in page.locator(hidden).all()), hidden
        # Nothing is cut off at the height of the window, and ink is black.
        height = page.evaluate("document.documentElement.scrollHeight")
        last = page.locator(".dl-chat .dl-source-list").last.bounding_box()
        assert last and height >= last["y"] + last["height"] > DESK[1]
        colours = "each => [getComputedStyle(each).color, getComputedStyle(document.body).backgroundColor]"
        assert page.locator(".dl-statement").first.evaluate(colours) == [
            "rgb(0, 0, 0)",
            "rgb(255, 255, 255)",
        ]
