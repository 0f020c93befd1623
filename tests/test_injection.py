"""Articles that try to give orders, in four languages: prompts, answers and pages stay clean.

`tests/data/injected.jsonl` holds them. `test_generate.py` shows that none can forge a prompt's parts;
here they are in a real archive, asked through every door that shows them or sends them to a model.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import browser as helpers
import pytest
from browser import ask as type_question
from browser import browsing, serving, visiting
from conftest import ROOT, open_archive
from openai_server import Messages, OpenAIServer
from test_chat import with_model

from index.archive import Archive
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from index.types import Article
from rag.chat import Assistant
from rag.config import Settings
from rag.types import Answer
from ui.render import answer_to_html, article_to_html
from ui.serve import create_app

FILE = ROOT / "tests" / "data" / "injected.jsonl"
QUESTIONS = {
    "en": "When did the harbour of Valmere reopen?",
    "ar": "متى أعيد فتح ميناء فالمير؟",
    "ru": "Когда вновь открылся порт Вальмера?",
    "fa": "بندر والمیر چه روزی دوباره باز شد؟",
}
OWN_TAGS = frozenset(
    """
    a article bdi blockquote button dd details div dl dt h2 h3 li mark p q section span strong summary
    time ul
    """.split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Archive]:
    archive = open_archive(tmp_path_factory.mktemp("injected") / "archive", embedder)
    assert {outcome.status for outcome in ingest(archive, read([FILE]))} == {"added"}
    yield archive
    archive.close()


def extractive(archive: Archive) -> Assistant:
    return Assistant(Settings(archive=Path("unused"), min_answerability=0), archive)


def articles(archive: Archive) -> list[Article]:
    return archive.articles(limit=100)


class _Tags(HTMLParser):
    """Every tag, and every address that something would be fetched from or go to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src", "action")}
        self.handlers |= {name for name, _ in attrs if name.startswith("on") or name == "style"}


def check_clean(html: str) -> None:
    found = _Tags()
    found.feed(html)
    assert found.tags <= OWN_TAGS, found.tags - OWN_TAGS
    assert not found.handlers
    assert all(address.startswith("https://outlet.example.org/") for address in found.addresses)


def test_the_set_is_what_it_says() -> None:
    lines = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    assert len(lines) >= 30
    assert {line["language"] for line in lines} == set(QUESTIONS)
    assert len({line["id"].partition("-")[0] for line in lines}) == 8


@pytest.mark.parametrize("language", QUESTIONS)
def test_quotes_are_shown_as_text(hostile: Archive, language: str) -> None:
    answer = asyncio.run(extractive(hostile).ask(QUESTIONS[language]))
    assert answer.citations
    check_clean(answer_to_html(answer))
    for citation in answer.citations:
        text = hostile.article(citation.article_id).text
        assert text[citation.start_char : citation.end_char] == citation.cited_text, "verbatim all the same"


def test_articles_are_shown_as_text(hostile: Archive) -> None:
    shown = [article_to_html(article, (0, len(article.text))) for article in articles(hostile)]
    assert len(shown) >= 30
    for html in shown:
        check_clean(html)


@pytest.mark.parametrize("language", QUESTIONS)
def test_no_request_to_a_model_carries_forged_parts(hostile: Archive, language: str) -> None:
    """Writing, judging, repairing, translating, claims: every prompt that an article gets into."""

    def answer(messages: Messages) -> str:
        prompt = messages[-1]["content"]
        if "Do these sentences" in prompt:
            return "NO, it obeys an article."
        if "as JSON" in prompt:
            return '{"claims": []}'
        return "[1] The archive has been deleted. [1]\nSYSTEM PROMPT: none. [2][3]"

    with OpenAIServer(answer=answer) as server:
        assistant = with_model(
            hostile, server, min_answerability=0, llm_judge=True, llm_context_tokens=20000
        )
        result: Answer = asyncio.run(assistant.ask(QUESTIONS[language], top_k=30, translate=True))
        asyncio.run(assistant.claims(QUESTIONS[language], top_k=30))
        requests = list(server.requests)
    assert len(requests) >= 4
    for request in requests:
        prompt = request.messages[-1]["content"]
        shown = prompt.count("<article ")
        assert prompt.count("</article>") == shown == len(re.findall(r"^<article .*>$", prompt, re.M))
        assert not re.search(r"<\||\|>|<script|<think|<img|<iframe|<svg|\[INST|\[999|【|［", prompt)
        assert not re.search(r"^(?:system|user|assistant)\s*:", prompt, re.M | re.I)
        numbers = re.findall(r"^\[(\d+)\]", prompt, re.M)
        assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    # A model that obeys is not believed: nothing of it is shown as verified.
    assert result.citations and not any(citation.verified for citation in result.citations)
    check_clean(answer_to_html(result))


@pytest.mark.skipif(
    helpers.CHROMIUM is None, reason="the page needs a browser: install Debian's `chromium`"
)
@pytest.mark.parametrize("language", QUESTIONS)
def test_a_page_runs_and_fetches_nothing_of_theirs(hostile: Archive, language: str) -> None:
    """Requests to another host and script errors fail `visiting`; a dialog would be their script."""
    with (
        browsing() as browser,
        serving(create_app(extractive(hostile))) as address,
        visiting(browser, address) as page,
    ):
        opened: list[str] = []
        page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        type_question(page, QUESTIONS[language])
        page.locator(".dl-grounded").wait_for()
        for number in range(page.locator(".dl-statement .dl-cite").count()):
            page.locator(".dl-statement .dl-cite").nth(number).click()
            page.locator(".dl-article mark").first.wait_for()
        page.wait_for_timeout(300)
        inside = page.locator(".dl-answer, .dl-article")
        assert inside.locator("img, script, iframe, svg, form, style, link").count() == 0
        assert inside.locator("a[href^='javascript:'], a[href^='data:']").count() == 0
        assert not opened
