"""What a question is narrowed to: the drawer below the question."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from index.types import Filters
from rag.chat import Assistant
from ui.page.head import coverage
from ui.page.parts import QUIET
from ui.phrases import language_name
from ui.words import LANGUAGES, Words


@dataclass(frozen=True, slots=True)
class Drawer:
    """The drawer's components; `narrowing` are those that make up the Filters, in order."""

    narrowing: tuple[Any, ...]
    infer_time: gr.Checkbox
    translate: gr.Checkbox
    answer_language: gr.Dropdown

    @property
    def offered(self) -> list[Any]:
        """The components whose choices are the archive's: see `choices`."""
        return [self.narrowing[2], self.narrowing[3]]


def add_filters(assistant: Assistant, words: Words) -> Drawer:
    """The drawer, closed; its label says how many filters are in force."""
    has_model = assistant.settings.has_llm
    with gr.Accordion(words("filters.title"), open=False, elem_classes="dl-filters") as accordion:
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
    narrowing = (since, until, sources, languages)

    def label(*values: object) -> Any:
        number = sum(bool(value) for value in values)
        return gr.update(label=words("filters.in_force", n=number) if number else words("filters.title"))

    gr.on([each.change for each in narrowing], label, list(narrowing), accordion, **QUIET)
    return Drawer(narrowing, infer_time, translate, answer_language)


def filters_of(
    since: str | None, until: str | None, sources: list[str] | None, languages: list[str] | None
) -> Filters:
    """The Filters that the drawer's values mean."""
    return Filters(
        (since or "").strip(), (until or "").strip(), tuple(sources or ()), tuple(languages or ())
    )


def choices(assistant: Assistant) -> list[Any]:
    """What `Drawer.offered` offers: the sources and languages that the archive holds now."""
    held = coverage(assistant)
    named = [(language_name(code), code) for code in held.languages] if held else []
    return [gr.update(choices=list(held.sources) if held else []), gr.update(choices=named)]
