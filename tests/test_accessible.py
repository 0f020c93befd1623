"""axe-core finds nothing serious, whatever is open, in either direction, size and scheme."""

import re

import browser as helpers
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import PHONE, ask, visiting
from playwright.sync_api import Browser, Page

from ui.words import Words

if helpers.CHROMIUM is None:
    pytest.skip("the page needs a browser: install Debian's `chromium`", allow_module_level=True)

QUESTIONS = {"en": "How many people were killed at Crocus?", "ar": "من حذّر من قبل الهجوم على كروكوس؟"}


def violations(page: Page, state: str) -> list[str]:
    """What is wrong, most serious first; colours that still change would be measured halfway."""
    page.evaluate("Promise.all(document.getAnimations().map(each => each.finished.catch(() => 0)))")
    found = Axe().run(page).response["violations"]
    return [
        f"{state}: {each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_serious_is_wrong(
    browser: Browser, address: str, language: str, size: tuple[int, int], scheme: str
) -> None:
    words = Words.of(language)
    with visiting(browser, f"{address}/{language}/", size=size, scheme=scheme, words=words) as page:
        wrong = violations(page, "welcome")
        page.locator(".dl-filters > button").click()
        ask(page, QUESTIONS[language])
        page.locator(".dl-statement .dl-cite").first.click()
        page.locator("[data-only]").click()
        page.locator(".dl-filter").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        wrong += violations(page, "answer, article, filters, card")
        page.locator("[data-rate=down]").click()
        page.locator(".dl-why").wait_for()
        page.locator("[data-edit]").click()
        page.locator(".dl-editing").wait_for()
        wrong += violations(page, "feedback, editing")
        for name, inside in (("claims", ".dl-table"), ("timeline", ".dl-plot"), ("sources", ".dl-unused")):
            page.locator(".dl-views").get_by_role("tab", name=words(f"{name}.tab")).click()
            page.locator(inside).wait_for()
            wrong += violations(page, name)
        page.get_by_role("tab", name=words("conversations.tab"), exact=True).click()
        page.locator(".dl-kept .dl-entry").wait_for()
        for summary in page.locator(".dl-kept summary").all():
            summary.click()
        wrong += violations(page, "conversations")
        assert not wrong


def test_what_gradio_says_aloud_is_in_the_pages_language(browser: Browser, address: str) -> None:
    with visiting(browser, f"{address}/ar/", words=Words.of("ar")) as page:
        ask(page, QUESTIONS["ar"])
        said = page.evaluate(
            """() => [...document.querySelectorAll('*')]
            .filter(each => !each.matches('.dl-cite, .dl-open, .dl-article'))
            .flatMap(each => ['aria-label', 'title', 'placeholder', 'alt'].map(a => each.getAttribute(a)))
            .filter(Boolean)"""
        )
        assert said
        assert not [each for each in said if re.search("[A-Za-z]{3}", each)]
