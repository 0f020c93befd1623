"""The Archive tab: articles found and read, files and URLs taken in, failures, and numbers of all."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, ListFiles

from index.catalogue import moment
from index.errors import UnreadableInputError, UserFixableError
from index.types import Coverage, Filters, Interval
from rag.chat import Assistant, check_filters
from ui.jobs import Jobs, Uploads
from ui.page.access import may_write
from ui.page.archive_html import (
    MOST_SHOWN,
    failures_html,
    jobs_html,
    list_html,
    reading_html,
    statistics_html,
)
from ui.page.controls import PAGE, note_html, number, sent
from ui.page.failures import failure_html
from ui.page.filters import choices, filters_of
from ui.page.head import coverage
from ui.page.parts import QUIET, html
from ui.words import Words

_SCRIPT = (Path(__file__).parent.parent / "static" / "rooms.js").read_text("utf-8")
_LONGEST_QUERY = 1000
# By day up to a quarter of a year, by month up to ten years.
_DAYS, _MONTHS = 92, 120


@dataclass(frozen=True, slots=True)
class ArchiveTab:
    """Values that change when articles were added or removed."""

    stored: gr.State
    removed: gr.State


def add_archive(assistant: Assistant, jobs: Jobs, words: Words) -> ArchiveTab:
    """The tab with all that happens in it."""
    return _Tab(assistant, jobs, words).placed()


class _Tab:
    """The components, and what their events do."""

    def __init__(self, assistant: Assistant, jobs: Jobs, words: Words) -> None:
        self.assistant = assistant
        self.archive = assistant.archive
        self.jobs = jobs
        self.words = words

    def placed(self) -> ArchiveTab:
        words = self.words
        with (
            gr.Tab(words("archive.tab"), id="archive") as room,
            gr.Tabs(selected="articles", elem_classes="dl-archive") as self.tabs,
        ):
            with gr.Tab(words("archive.articles"), id="articles"):
                # Inside a tab: what stands between tabs is counted as one, and shown as a second one.
                self.stored, self.removed = gr.State(""), gr.State("")
                self._place_articles()
            with gr.Tab(words("archive.add"), id="add"):
                self._place_adding()
            with gr.Tab(words("archive.failures"), id="failures") as failed:
                self.failures = self._html(elem_classes="dl-missed")
            with gr.Tab(words("archive.statistics"), id="statistics") as counted:
                self._place_statistics()
        self._connect(room, failed, counted)
        return ArchiveTab(self.stored, self.removed)

    def _place_articles(self) -> None:
        words = self.words
        with gr.Row(elem_classes="dl-shelf", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_classes="dl-finding"):
                self.query = gr.Textbox(
                    label=words("archive.search"),
                    placeholder=words("archive.search"),
                    show_label=False,
                    max_length=_LONGEST_QUERY,
                    submit_btn=words("archive.find"),
                    elem_classes="dl-find",
                )
                with gr.Accordion(words("filters.title"), open=False, elem_classes="dl-filters"):
                    with gr.Row():
                        since = gr.Textbox(
                            label=words("filters.from"), placeholder="2024-03-01", max_length=40
                        )
                        until = gr.Textbox(
                            label=words("filters.to"), placeholder="2024-04-30", max_length=40
                        )
                    with gr.Row():
                        self.sources = gr.Dropdown([], label=words("filters.sources"), multiselect=True)
                        self.languages = gr.Dropdown([], label=words("filters.languages"), multiselect=True)
                self.list = self._html(elem_classes="dl-list")
            with gr.Column(scale=6, min_width=320, elem_classes="dl-reader"):
                self.panel = self._html(self._nothing_read(), elem_classes="dl-reading-holder")
        self.wanted: list[Any] = [self.query, since, until, self.sources, self.languages]

    def _place_adding(self) -> None:
        words = self.words
        self.closed = html(
            f'<p class="dl-hint">{words("archive.read_only")}</p>', visible=False, elem_classes="dl-closed"
        )
        with gr.Row(equal_height=False, elem_classes="dl-adding") as self.adding:
            with gr.Column(min_width=300):
                html(f'<p class="dl-facts">{words("archive.files")}</p>', elem_classes="dl-formats")
                self.drop = gr.File(
                    label=words("archive.files"),
                    show_label=False,
                    file_count="multiple",
                    height=150,
                    elem_classes="dl-drop",
                )
                # By itself it makes a file beside each one that was sent, and keeps no names.
                self.drop.preprocess = _as_sent  # type: ignore[method-assign, assignment]
            with gr.Column(min_width=300):
                self.urls = gr.Textbox(
                    label=words("archive.urls"),
                    placeholder="https://example.org/feed.xml",
                    lines=3,
                    max_lines=8,
                    max_length=200_000,
                    elem_classes="dl-urls",
                )
                self.take = gr.Button(words("archive.take_in"), variant="secondary", elem_classes="dl-take")
        self.told = html(elem_classes="dl-told-holder")
        self.progress = self._html(elem_classes="dl-progress")
        self.timer = gr.Timer(1.0, active=False)

    def _place_statistics(self) -> None:
        words = self.words
        self.interval = gr.Radio(
            [(words("archive.fitting"), ""), *((words(f"archive.{name}"), name) for name in _INTERVALS)],
            value="",
            label=words("archive.interval"),
            elem_classes="dl-interval",
        )
        self.numbers = self._html(elem_classes="dl-numbers")

    def _connect(self, room: gr.Tab, failed: gr.Tab, counted: gr.Tab) -> None:
        listing: dict[str, Any] = {"fn": self._listed, "inputs": self.wanted, "outputs": self.list, **QUIET}
        working = [self.progress, self.timer, self.stored]
        room.select(
            self._open_room, None, [self.adding, self.closed, self.sources, self.languages], **QUIET
        )
        room.select(**listing)
        room.select(self._tick, self.stored, working, **QUIET)
        self.query.submit(**listing)
        gr.on([each.change for each in self.wanted[1:]], **listing)
        self.list.turn(self._paged, self.wanted, self.list, **QUIET)
        for opened in (self.list, self.panel):
            opened.open(self._read, None, self.panel, **QUIET)
        self.panel.remove(self._remove, None, [self.panel, self.removed], **QUIET)

        adding = [self.told, *working]
        self.drop.upload(self._take_files, self.drop, [self.drop, *adding], **QUIET)
        gr.on(
            [self.take.click, self.urls.submit],
            self._take_urls,
            [self.urls, self.stored],
            [self.urls, *adding],
            **QUIET,
        )
        self.progress.cancel(self._cancel, self.stored, [self.told, *working], **QUIET)
        self.timer.tick(self._tick, self.stored, working, **QUIET)

        failed.select(self._failed, None, self.failures, **QUIET)
        self.failures.retry(self._retry, self.stored, [self.tabs, *adding], **QUIET)
        self.failures.forget(self._forget, None, self.failures, **QUIET)

        counting: dict[str, Any] = {
            "fn": self._counted, "inputs": self.interval, "outputs": self.numbers, **QUIET
        }  # fmt: skip
        counted.select(**counting)
        self.interval.change(**counting)
        self.numbers.narrow(
            self._narrow, None, [self.tabs, self.query, self.sources, self.languages], **QUIET
        )
        gr.on([self.stored.change, self.removed.change], **listing)
        gr.on([self.stored.change, self.removed.change], **counting)

    # --- articles

    def _open_room(self, request: gr.Request) -> tuple[Any, ...]:
        writable = may_write(request)
        return gr.update(visible=writable), gr.update(visible=not writable), *choices(self.assistant)

    def _listed(self, query: str | None, *narrowing: Any) -> str:
        return self._page(0, query, narrowing)

    def _paged(self, event: gr.EventData, query: str | None, *narrowing: Any) -> str:
        return self._page(number(sent(event, "offset")), query, narrowing)

    def _page(self, offset: int, query: str | None, narrowing: tuple[Any, ...]) -> str:
        def told() -> str:
            filters = filters_of(*narrowing)
            check_filters(filters)
            page = self.archive.browse(query or "", offset=offset, limit=PAGE, filters=filters)
            return list_html(page, offset, bool(filters or (query or "").strip()), self.words)

        return self._tried(told)

    def _read(self, event: gr.EventData, request: gr.Request) -> str:
        article_id, version = sent(event, "id"), sent(event, "version")

        def told() -> str:
            revisions = self.archive.revisions(str(article_id))
            shown = next((each for each in revisions if each.version == version), revisions[0])
            copies = tuple(self.archive.copies(str(article_id))[:MOST_SHOWN])
            others = self.archive.browse(limit=MOST_SHOWN, filters=Filters(articles=copies))
            return reading_html(
                shown,
                revisions,
                others.articles if copies else (),
                self.words,
                writable=may_write(request),
            )

        return self._tried(told)

    def _remove(self, event: gr.EventData, request: gr.Request) -> tuple[Any, Any]:
        def told() -> str:
            self._check(request)
            article = self.archive.article(sent(event, "id"))
            self.archive.remove(article.id)
            return note_html(self.words("archive.removed", title=article.title or article.id))

        said = self._tried(told)
        return said, _now() if "dl-error" not in said else gr.skip()

    def _nothing_read(self) -> str:
        return f'<p class="dl-hint">{self.words("archive.hint")}</p>'

    # --- taking in

    def _take_files(self, files: list[FileData], request: gr.Request) -> tuple[Any, ...]:
        def told() -> str:
            try:
                self._check(request)
                uploads = Uploads()
                for file in files:
                    with Path(file.path).open("rb") as sent:
                        uploads.add(file.orig_name or Path(file.path).name, sent)
                self.jobs.take_files(uploads)
            except OSError as error:
                raise UnreadableInputError(
                    f"the files cannot be kept ({error.strerror}): send them again."
                ) from None
            finally:
                for file in files:
                    Path(file.path).unlink(missing_ok=True)
            return note_html(self.words("archive.begun"))

        return (None, self._tried(told), *self._tick("", request))

    def _take_urls(self, urls: str | None, seen: str, request: gr.Request) -> tuple[Any, ...]:
        def told() -> str:
            self._check(request)
            self.jobs.take_urls((urls or "").split())
            return note_html(self.words("archive.begun"))

        said = self._tried(told)
        # What was typed stays, so that it can be put right.
        return (gr.skip() if "dl-error" in said else "", said, *self._tick(seen, request))

    def _cancel(self, event: gr.EventData, seen: str, request: gr.Request) -> tuple[Any, ...]:
        def told() -> str:
            self._check(request)
            self.jobs.cancel(sent(event, "job"))
            return ""

        return (self._tried(told), *self._tick(seen, request))

    def _tick(self, seen: str, request: gr.Request) -> tuple[Any, Any, Any]:
        """The progress; whether to look again; and what was stored, when that is more than was seen."""
        jobs = self.jobs.all()
        told = jobs_html(jobs, self.words, writable=may_write(request))
        stored = " ".join(job.id for job in jobs if job.ended and (job.added or job.replaced))
        running = not all(job.ended for job in jobs)
        return told, gr.Timer(active=running), gr.skip() if stored == seen else stored

    # --- failures

    def _failed(self, request: gr.Request) -> str:
        return self._tried(
            lambda: failures_html(self.jobs.failures(), self.words, writable=may_write(request))
        )

    def _retry(self, event: gr.EventData, seen: str, request: gr.Request) -> tuple[Any, ...]:
        name = sent(event, "input")

        def told() -> str:
            self._check(request)
            self.jobs.retry([name] if name else [])
            return note_html(self.words("archive.begun"))

        return (gr.Tabs(selected="add"), self._tried(told), *self._tick(seen, request))

    def _forget(self, event: gr.EventData, request: gr.Request) -> str:
        def told() -> str:
            self._check(request)
            self.jobs.forget(sent(event, "input"))
            return self._failed(request)

        return self._tried(told)

    # --- numbers

    def _counted(self, interval: str | None) -> str:
        def told() -> str:
            wanted = interval if interval in _INTERVALS else _fitting(coverage(self.assistant))
            return statistics_html(self.archive.statistics(wanted), self.words)

        return self._tried(told)

    def _narrow(self, event: gr.EventData) -> tuple[Any, ...]:
        kind, value = sent(event, "kind"), sent(event, "value")
        sources = [value] if kind == "source" else []
        languages = [value] if kind == "language" else []
        return gr.Tabs(selected="articles"), "", gr.update(value=sources), gr.update(value=languages)

    # --- all of them

    def _html(self, value: str = "", **options: Any) -> gr.HTML:
        return html(value, script=_SCRIPT, **options)

    def _tried(self, told: Callable[[], str]) -> str:
        """What is told; of what the visitor can put right, how."""
        try:
            return told()
        except UserFixableError as error:
            return failure_html(error, self.words)

    def _check(self, request: gr.Request) -> None:
        if not may_write(request):
            raise UserFixableError(self.words("archive.read_only"))


_INTERVALS: tuple[Interval, ...] = ("day", "month", "year")


def _fitting(held: Coverage | None) -> Interval:
    """The interval that makes neither a hundred bars nor only one of many articles."""
    if held is None or not held.published_from:
        return "day"
    first, last = (
        date.fromisoformat(f"{moment(each):014d}"[:8]) for each in (held.published_from, held.published_to)
    )
    if (last - first).days <= _DAYS:
        return "day"
    return "month" if (last.year - first.year) * 12 + last.month - first.month <= _MONTHS else "year"


def _as_sent(files: ListFiles | FileData | None) -> Any:
    if files is None:
        return []
    return list(files) if isinstance(files, ListFiles) else [files]


def _now() -> str:
    return str(time.time_ns())
