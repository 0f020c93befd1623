"""What a question is narrowed to: chips that can be removed, and the drawer where they are set."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from index.errors import UserFixableError
from index.types import Filters
from rag.chat import Assistant
from ui.page.controls import sent
from ui.page.head import coverage
from ui.page.parts import QUIET, html
from ui.phrases import language_name
from ui.words import LANGUAGES, Words

# In the order of `Drawer.narrowing`.
NAMES = ("published_from", "published_to", "sources", "languages", "articles")


@dataclass(frozen=True, slots=True)
class Drawer:
    """The drawer's components; `narrowing` are those that make up the Filters, in the order of `NAMES`."""

    accordion: gr.Accordion
    narrowing: tuple[Any, ...]
    infer_time: gr.Checkbox
    translate: gr.Checkbox
    answer_language: gr.Dropdown
    chips: gr.HTML

    @property
    def offered(self) -> list[Any]:
        """The components whose choices are the archive's: see `choices`."""
        return [self.narrowing[2], self.narrowing[3]]


def add_chips() -> gr.HTML:
    """The filters in force, where they can be seen when a question is asked."""
    return html(elem_classes="dl-chip-holder")


def add_drawer(assistant: Assistant, words: Words, chips: gr.HTML) -> Drawer:
    """The drawer, closed; its label says how many filters are in force."""
    has_model = assistant.settings.has_llm
    with gr.Accordion(words("filters.title"), open=False, elem_classes="dl-filters") as accordion:
        # Plain boxes: the calendar of `gr.DateTime` speaks English alone, opens as on a page that runs from
        # the left, has buttons without names, and keeps what is no date to itself. A browser's own date
        # field follows the browser's language and not the page's, and takes neither week nor time.
        with gr.Row():
            since = gr.Textbox(label=words("filters.from"), placeholder="2024-03-01", max_length=40)
            until = gr.Textbox(label=words("filters.to"), placeholder="2024-04-30", max_length=40)
        with gr.Row():
            sources = gr.Dropdown([], label=words("filters.sources"), multiselect=True)
            languages = gr.Dropdown([], label=words("filters.languages"), multiselect=True)
        with gr.Row():
            infer_time = gr.Checkbox(True, label=words("filters.infer_time"))
            answer_language = gr.Dropdown(
                [(words("filters.as_asked"), ""), *((language_name(code), code) for code in LANGUAGES)],
                value="",
                label=words("filters.answer_in"),
                visible=has_model,
            )
            translate = gr.Checkbox(False, label=words("filters.translate"), visible=has_model)
    # Articles are chosen where they are read.
    articles = gr.State(())
    narrowing = (since, until, sources, languages, articles)
    return Drawer(accordion, narrowing, infer_time, translate, answer_language, chips)


def connect_filters(assistant: Assistant, words: Words, drawer: Drawer, page: gr.HTML) -> None:
    """Chips follow the drawer; removing one, or choosing an article, changes the drawer."""
    narrowing = list(drawer.narrowing)

    def tell(*values: Any) -> tuple[Any, str]:
        filters = filters_of(*values)
        number = sum(bool(value) for _, value in filters.items())
        title = words("filters.in_force", n=number) if number else words("filters.title")
        return gr.update(label=title), chips_html(assistant, words, filters)

    def drop(event: gr.EventData, *given: Any) -> list[Any]:
        return _without(list(given), sent(event, "name"), sent(event, "value"))

    def only(chosen: tuple[str, ...], event: gr.EventData) -> tuple[str, ...]:
        article = sent(event, "article")
        return chosen if article in chosen else (*chosen, article)

    gr.on([each.change for each in narrowing], tell, narrowing, [drawer.accordion, drawer.chips], **QUIET)
    page.drop(drop, narrowing, narrowing, **QUIET)
    page.only(only, narrowing[4], narrowing[4], **QUIET)


def filters_of(
    since: str | None,
    until: str | None,
    sources: list[str] | None,
    languages: list[str] | None,
    articles: tuple[str, ...] = (),
) -> Filters:
    """The Filters that the drawer's values mean."""
    return Filters(
        (since or "").strip(),
        (until or "").strip(),
        tuple(sources or ()),
        tuple(languages or ()),
        tuple(articles or ()),
    )


def choices(assistant: Assistant) -> list[Any]:
    """What `Drawer.offered` offers: the sources and languages that the archive holds now."""
    held = coverage(assistant)
    named = [(language_name(code), code) for code in held.languages] if held else []
    return [gr.update(choices=list(held.sources) if held else []), gr.update(choices=named)]


def chips_html(assistant: Assistant, words: Words, filters: Filters) -> str:
    """A chip for each filter in force, with a button that removes it; nothing when there is none."""
    shown = "".join(
        f'<li class="dl-filter"><bdi>{escape(label)}</bdi> <button type="button" class="dl-remove" '
        f'data-drop="{name}" data-value="{escape(value)}" '
        f'aria-label="{escape(words("filters.remove", what=label))}">×</button></li>'
        for name, value, label in _in_force(assistant, words, filters)
    )
    name = escape(words("filters.title"))
    return f'<ul class="dl-chosen-filters" aria-label="{name}">{shown}</ul>' if shown else ""


def _in_force(assistant: Assistant, words: Words, filters: Filters) -> list[tuple[str, str, str]]:
    """Each filter's name, value and label."""
    found = []
    if filters.published_from:
        label = words("filters.since", day=filters.published_from)
        found.append(("published_from", filters.published_from, label))
    if filters.published_to:
        found.append(
            ("published_to", filters.published_to, words("filters.until", day=filters.published_to))
        )
    found += [("sources", source, source) for source in filters.sources]
    found += [("languages", code, language_name(code)) for code in filters.languages]
    found += [("articles", article, _title(assistant, article)) for article in filters.articles]
    return found


def _title(assistant: Assistant, article: str) -> str:
    try:
        return assistant.archive.article(article).title or article
    except UserFixableError:
        # It may have been removed since; the question will say so.
        return article


def _without(values: list[Any], name: object, value: object) -> list[Any]:
    if name in NAMES:
        at = NAMES.index(str(name))
        old = values[at]
        left = [one for one in old or () if one != value]
        values[at] = "" if isinstance(old, str) else tuple(left) if isinstance(old, tuple) else left
    return values
