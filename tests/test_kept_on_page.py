"""What the page keeps: conversations and their tab, answers asked again, judged, saved and linked."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import browser as helpers
import pytest
from browser import PHONE, ask, begin, serving, visiting
from conftest import SAMPLE_ARTICLES, open_archive
from docx import Document
from openai_server import OpenAIServer, Reply
from playwright.sync_api import Browser, Locator, Page, expect
from test_page import with_model, write

from index.archive import Archive
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from rag.chat import Assistant
from rag.config import Settings
from rag.database import FILE
from ui.serve import create_app
from ui.words import Words

if helpers.CHROMIUM is None:
    pytest.skip("the page needs a browser: install Debian's `chromium`", allow_module_level=True)

FIRST = "Who warned whom before the Crocus attack?"
SECOND = "How many people were killed at Crocus?"
ARABIC = "من حذّر من قبل الهجوم على كروكوس؟"
EN, AR = Words.of("en"), Words.of("ar")


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A new visitor, who asked nothing before."""
    with visiting(browser, f"{address}/en/") as page:
        yield page


@contextmanager
def again(page: Page, words: Words = EN) -> Iterator[Page]:
    """Another tab of the same browser."""
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name=words("chat.ask"), exact=True).wait_for()
    yield other
    other.close()


def room(page: Page, name: str, words: Words = EN) -> None:
    page.get_by_role("tab", name=words(f"{name}.tab"), exact=True).first.click()


def conversations(page: Page, words: Words = EN) -> Locator:
    """Their names, in the tab."""
    room(page, "conversations", words)
    page.locator(".dl-kept .dl-list :is(.dl-articles, .dl-hint)").wait_for()
    return page.locator(".dl-kept .dl-entry")


def tool(page: Page, name: str, answer: int = -1) -> Locator:
    """A button or link below an answer, by default the last."""
    tools = page.locator(".dl-answer-tools")
    return tools.nth(answer).locator(".dl-tool", has_text=re.compile(f"^\\W*{re.escape(name)}$"))


def complete(page: Page, number: int) -> None:
    """So many questions stand there, and no answer is being made."""
    page.wait_for_function(
        "number => document.querySelectorAll('.dl-question').length === number"
        " && document.querySelectorAll('.dl-answer-tools').length === number"
        " && document.querySelector('.dl-ask .submit-button')",
        arg=number,
    )


def answer_of(page: Page) -> str:
    """The id in the address."""
    page.wait_for_url(re.compile(r"answer="))
    return page.url.split("answer=")[1].split("&")[0]


def test_a_conversation_is_found_by_its_words_opened_and_continued(page: Page) -> None:
    expect(conversations(page)).to_have_count(0)
    expect(page.locator(".dl-kept .dl-hint")).to_have_text(EN("conversations.none"))
    room(page, "chat")
    ask(page, FIRST)
    ask(page, "And when?")
    told = page.locator(".dl-statement").all_text_contents()
    page.get_by_role("button", name=EN("chat.clear")).click()
    expect(page.locator(".dl-question")).to_have_count(0)
    ask(page, "Which ferry sank?")
    names = conversations(page)
    expect(names).to_have_text(["Which ferry sank?", FIRST])

    box = page.locator(".dl-kept .dl-find").locator("textarea, input")
    box.fill("warned CROCUS")
    box.press("Enter")
    expect(names).to_have_text([FIRST])
    box.fill("zeppelin")
    box.press("Enter")
    expect(page.locator(".dl-kept .dl-hint")).to_have_text(EN("conversations.none_found"))
    box.fill("")
    box.press("Enter")
    expect(names).to_have_count(2)

    names.filter(has_text=FIRST).click()
    expect(page.locator(".dl-question").first).to_be_visible()
    expect(page.locator(".dl-question")).to_have_text([FIRST, "And when?"])
    assert page.locator(".dl-statement").all_text_contents() == told
    page.locator(".dl-statement .dl-cite").first.click()
    expect(page.locator(".dl-article mark")).to_be_visible()
    ask(page, "Who denied it?")
    # It went on in the same conversation, which is now the last used.
    expect(conversations(page)).to_have_text([FIRST, "Which ferry sank?"])
    names.first.click()
    expect(page.locator(".dl-question").first).to_be_visible()
    expect(page.locator(".dl-question")).to_have_text([FIRST, "And when?", "Who denied it?"])


def test_a_conversation_is_renamed_and_deleted_with_the_keyboard(page: Page) -> None:
    ask(page, FIRST)
    entry = conversations(page)
    page.locator(".dl-kept summary", has_text=EN("conversations.rename")).press("Enter")
    name = page.get_by_label(EN("conversations.name"), exact=True)
    name.fill("كروكوس: who knew <b>what</b>")
    name.press("Enter")
    expect(entry).to_have_text("كروكوس: who knew <b>what</b>")
    expect(entry).to_be_focused()
    page.locator(".dl-kept summary", has_text=EN("conversations.remove")).press("Enter")
    expect(page.locator(".dl-kept")).to_contain_text(EN("conversations.remove_warning"))
    link = page.url
    page.get_by_role("button", name=EN("conversations.remove_now")).press("Enter")
    expect(entry).to_have_count(0)
    expect(page.locator(".dl-kept .dl-find").locator("textarea, input")).to_be_focused()
    room(page, "chat")
    expect(page.locator(".dl-question")).to_have_count(0)
    # Its link is gone, too, and that is an error, not an abstention.
    page.goto(link)
    expect(page.locator(".dl-notice-holder [role=alert]")).to_contain_text("no answer with the id")
    expect(page.locator(".dl-abstention")).to_have_count(0)


def test_the_newest_question_is_asked_again_or_changed_in_its_place(page: Page) -> None:
    ask(page, FIRST)
    before = answer_of(page)
    tool(page, EN("chat.retry")).click()
    page.wait_for_function("before => !location.search.includes(before)", arg=before)
    complete(page, 1)

    tool(page, EN("chat.edit")).click()
    box = page.locator(".dl-ask textarea")
    expect(box).to_have_value(FIRST)
    expect(box).to_be_focused()
    expect(page.locator(".dl-editing")).to_contain_text(EN("chat.editing"))
    box.fill(SECOND)
    box.press("Enter")
    expect(page.locator(".dl-question")).to_have_text([SECOND])
    complete(page, 1)
    expect(page.locator(".dl-editing")).to_have_count(0)
    page.reload()
    expect(page.locator(".dl-question")).to_have_text([SECOND])

    # Who thinks better of it keeps both.
    tool(page, EN("chat.edit")).click()
    page.get_by_role("button", name=EN("chat.keep")).click()
    expect(box).to_have_value("")
    ask(page, FIRST)
    expect(page.locator(".dl-question")).to_have_text([SECOND, FIRST])
    # An older question is asked anew at the end.
    tool(page, EN("chat.edit"), 0).click()
    expect(box).to_have_value(SECOND)
    expect(page.locator(".dl-editing")).to_have_count(0)
    box.press("Enter")
    complete(page, 3)
    tool(page, EN("chat.retry"), 1).click()
    complete(page, 4)
    expect(page.locator(".dl-question")).to_have_text([SECOND, FIRST, SECOND, FIRST])
    page.reload()
    expect(page.locator(".dl-question")).to_have_text([SECOND, FIRST, SECOND, FIRST])


def test_an_answer_is_judged_with_a_reason_and_that_can_be_taken_back(page: Page, address: str) -> None:
    ask(page, SECOND)
    ask(page, FIRST)
    tool(page, EN("feedback.down")).press("Enter")
    expect(tool(page, EN("feedback.down"))).to_have_attribute("aria-pressed", "true")
    expect(tool(page, EN("feedback.down"))).to_be_focused()
    expect(tool(page, EN("feedback.down"), 0)).to_have_attribute("aria-pressed", "false")
    page.get_by_label(EN("feedback.reason")).select_option("incomplete")
    page.get_by_label(EN("feedback.comment")).fill("Which day? <i>أي يوم</i>")
    page.get_by_role("button", name=EN("feedback.send")).click()
    page.wait_for_function("() => document.querySelector('.dl-why select').value === 'incomplete'")

    def given() -> list[dict[str, object]]:
        text = page.request.get(f"{address}/v1/feedback").text()
        return [json.loads(line)["feedback"] for line in text.splitlines()]

    expect(page.get_by_role("button", name=EN("feedback.send"))).to_be_focused()
    (said,) = given()
    assert said["verdict"] == "down" and said["reason"] == "incomplete"
    assert said["comment"] == "Which day? <i>أي يوم</i>"
    page.reload()
    expect(page.get_by_label(EN("feedback.comment"))).to_have_value("Which day? <i>أي يوم</i>")
    tool(page, EN("feedback.up")).click()
    expect(tool(page, EN("feedback.up"))).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label(EN("feedback.reason"))).to_have_count(0)
    assert [each["verdict"] for each in given()] == ["up"]
    tool(page, EN("feedback.up")).click()
    expect(tool(page, EN("feedback.up"))).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".dl-why")).to_have_count(0)
    assert given() == []


def test_an_answer_is_saved_with_its_citations(browser: Browser, address: str) -> None:
    with visiting(browser, f"{address}/ar/", words=AR) as page:
        ask(page, ARABIC)
        quoted = page.locator(".dl-statement q").first.text_content() or ""
        saved = {}
        for form in ("markdown", "docx", "html"):
            with page.expect_download() as started:
                tool(page, AR(f"export.{form}")).click()
            saved[started.value.suggested_filename] = Path(started.value.path()).read_bytes()
        assert sorted(name.rpartition(".")[2] for name in saved) == ["docx", "html", "md"]
        assert all(name.startswith("من-حذّر-من-قبل") for name in saved), list(saved)
        texts = {
            name.rpartition(".")[2]: "\n".join(p.text for p in Document(BytesIO(content)).paragraphs)
            if name.endswith("docx")
            else content.decode()
            for name, content in saved.items()
        }
        words = max(re.findall(r"\w+", quoted), key=len)
        assert all(words in text and "[1]" in text.replace("\\", "") for text in texts.values())


def test_a_link_reopens_the_answer_for_its_owner_and_for_others(
    browser: Browser, page: Page, address: str
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, SECOND)
    ask(page, FIRST)
    told = page.locator(".dl-answer").first.locator(".dl-statement").all_text_contents()
    tool(page, EN("export.link"), 0).click()
    expect(page.locator(".dl-copied").first).to_have_text(EN("export.copied"))
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{address}/?answer=")
    page.goto(link)
    expect(page.locator(".dl-question")).to_have_text([SECOND, FIRST])
    expect(page.locator(".dl-evidence .dl-about-question")).to_have_text(SECOND)
    assert page.url.endswith(link.split("/")[-1])
    expect(page.locator(".dl-question").first).to_be_in_viewport()
    # In another language the same is open.
    page.get_by_role("link", name="العربية").click()
    page.wait_for_url(f"{address}/ar/?answer=*")
    expect(page.locator(".dl-question")).to_have_text([SECOND, FIRST])

    with visiting(browser, link) as other:
        expect(other.locator(".dl-question")).to_have_text([SECOND])
        assert other.locator(".dl-statement").all_text_contents() == told
        # What others were told is not judged here, but it can be saved and leaned on.
        expect(tool(other, EN("feedback.up"))).to_have_count(0)
        expect(tool(other, EN("export.docx"))).to_have_count(1)
        expect(conversations(other)).to_have_count(0)
        room(other, "chat")
        ask(other, FIRST)
        expect(conversations(other)).to_have_text([FIRST])
    expect(conversations(page, AR)).to_have_text([SECOND])


def test_loading_the_page_anew_keeps_the_conversation_until_a_new_one_is_begun(page: Page) -> None:
    ask(page, FIRST)
    page.reload()
    expect(page.locator(".dl-question")).to_have_text([FIRST])
    ask(page, SECOND)
    page.reload()
    expect(page.locator(".dl-question")).to_have_text([FIRST, SECOND])
    with again(page) as other:
        expect(other.locator(".dl-question")).to_have_text([FIRST, SECOND])
    page.get_by_role("button", name=EN("chat.clear")).click()
    expect(page.locator(".dl-question")).to_have_count(0)
    assert "answer=" not in page.url
    page.reload()
    page.get_by_role("button", name=EN("chat.ask"), exact=True).wait_for()
    expect(page.locator(".dl-welcome")).to_be_visible()
    expect(page.locator(".dl-question")).to_have_count(0)


def test_what_was_deleted_elsewhere_goes_on_as_a_new_conversation(page: Page) -> None:
    ask(page, FIRST)
    with again(page) as other:
        expect(conversations(other)).to_have_count(1)
        other.locator(".dl-kept summary", has_text=EN("conversations.remove")).click()
        other.get_by_role("button", name=EN("conversations.remove_now")).click()
        expect(conversations(other)).to_have_count(0)
    ask(page, SECOND)
    expect(conversations(page)).to_have_text([SECOND])


def test_another_window_loses_nothing_when_an_answer_is_asked_again(page: Page) -> None:
    ask(page, FIRST)
    with again(page) as other:
        expect(other.locator(".dl-question")).to_have_text([FIRST])
        ask(other, SECOND)
    before = answer_of(page)
    tool(page, EN("chat.retry")).click()
    page.wait_for_function("before => !location.search.includes(before)", arg=before)
    page.reload()
    expect(page.locator(".dl-question")).to_have_count(2)
    assert sorted(page.locator(".dl-question").all_text_contents()) == sorted([FIRST, SECOND])


def test_a_time_read_from_the_question_is_no_filter_after_loading_anew(page: Page) -> None:
    question = "What was published in March 2024 about the Crocus attack?"
    ask(page, question)
    expect(page.locator(".dl-period")).to_have_count(1)
    before = answer_of(page)
    page.reload()
    expect(page.locator(".dl-period")).to_have_count(1)
    page.locator(".dl-period [data-again]").click()
    page.wait_for_function("before => !location.search.includes(before)", arg=before)
    complete(page, 1)
    expect(page.locator(".dl-period")).to_have_count(0)
    expect(page.locator(".dl-coverage").first).not_to_contain_text("2024-03-31")
    page.reload()
    expect(page.locator(".dl-question")).to_have_text([question])
    # Nor is what was asked for any time narrowed again.
    again = answer_of(page)
    tool(page, EN("chat.retry")).click()
    page.wait_for_function("before => !location.search.includes(before)", arg=again)
    complete(page, 1)
    expect(page.locator(".dl-period")).to_have_count(0)


def test_an_outage_is_tried_again_and_kept_once(
    browser: Browser, sample_archive: Archive, sample_archive_dir: Path
) -> None:
    with OpenAIServer(answer=write) as server:
        assistant = with_model(sample_archive, sample_archive_dir, server)
        with serving(create_app(assistant)) as address, visiting(browser, f"{address}/en/") as page:
            server.queue(Reply(status=401, message="bad key"))
            begin(page, FIRST)
            expect(page.locator(".dl-error")).to_be_visible(timeout=30_000)
            expect(tool(page, EN("export.docx"))).to_have_count(0)
            tool(page, EN("chat.retry")).click()
            expect(page.locator(".dl-statement")).to_have_count(1, timeout=30_000)
            expect(page.locator(".dl-error")).to_have_count(0)
            complete(page, 1)
            # A second try that fails leaves what is kept as it was; a third takes its place.
            first = answer_of(page)
            server.queue(Reply(status=401, message="bad key"))
            tool(page, EN("chat.retry")).click()
            expect(page.locator(".dl-error")).to_be_visible(timeout=30_000)
            tool(page, EN("chat.retry")).click()
            expect(page.locator(".dl-statement")).to_have_count(1, timeout=30_000)
            page.wait_for_function("first => !location.search.includes(first)", arg=first)
            page.reload()
            expect(page.locator(".dl-question")).to_have_text([FIRST])
            expect(conversations(page)).to_have_text([FIRST])


def test_an_answer_that_cannot_be_kept_is_read_all_the_same(
    browser: Browser, embedder: Embedder, tmp_path: Path
) -> None:
    archive = open_archive(tmp_path / "archive", embedder)
    assert all(each.status == "added" for each in ingest(archive, read([SAMPLE_ARTICLES])))
    (tmp_path / "archive" / FILE).write_bytes(b"no database" * 500)
    assistant = Assistant(Settings(archive=tmp_path / "archive"), archive)
    with serving(create_app(assistant)) as address, visiting(browser, f"{address}/en/") as page:
        ask(page, FIRST)
        expect(page.locator(".dl-answer").last).to_have_class("dl-answer dl-grounded")
        expect(page.locator(".dl-unkept")).to_contain_text("could not be kept")
        expect(page.locator(".dl-unkept")).to_contain_text("dateline restore")
        expect(tool(page, EN("export.link"))).to_have_count(0)
        room(page, "conversations")
        expect(page.locator(".dl-kept [role=alert]")).to_contain_text("cannot be read or written")
    archive.close()


@pytest.mark.parametrize(("words", "size"), [(EN, PHONE), (AR, PHONE), (AR, (1440, 900))])
def test_tools_and_conversations_fit_either_direction(
    browser: Browser, address: str, words: Words, size: tuple[int, int]
) -> None:
    with visiting(browser, f"{address}/{words.language}/", size=size, words=words) as page:
        ask(page, ARABIC if words is AR else FIRST)
        tools = page.locator(".dl-answer-tools")
        assert tools.evaluate("each => getComputedStyle(each).direction") == words.direction
        tool(page, words("feedback.down")).click()
        page.locator(".dl-why").wait_for()
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert page.evaluate(wide)
        for each in tools.locator(".dl-tool, .dl-why").all():
            at = each.bounding_box()
            assert at and at["x"] >= 0 and at["x"] + at["width"] <= size[0]
        expect(conversations(page, words)).to_have_count(1)
        for summary in page.locator(".dl-kept summary").all():
            summary.click()
        assert page.evaluate(wide)
        entry = conversations(page, words)
        assert entry.evaluate("each => getComputedStyle(each).direction") == words.direction
