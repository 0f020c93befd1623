"""Taking articles in from the command line: progress while it goes on, failures at its end."""

import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from index.archive import Archive
from index.errors import UnreadableInputError
from index.ingest import ingest
from index.readers.record import is_web_address
from index.sources import Sources, is_url
from index.watch import watch
from rag.config import Settings
from ui.expected import expected_articles

if TYPE_CHECKING:
    from index.cluster import RayWorkers

Counts = dict[str, int]
# Between two lines of progress where there is no terminal: a short run is silent.
STEP_SECONDS = 30.0


def take_in(
    settings: Settings, inputs: Sequence[str], complain: Callable[[str], None], *, ray: str = ""
) -> tuple[Counts, list[dict[str, str]], int]:
    """Take inputs in, or what failed before when there are none; the counts, what failed, and the articles.

    Raises UnreadableInputError when there is nothing to take in.
    """
    if inputs and not any(is_url(given) or Path(given).exists() for given in inputs):
        raise UnreadableInputError(
            f"{inputs[0]!r} does not exist. Name a file or folder of articles, or a URL."
        )
    counts = {"added": 0, "unchanged": 0, "replaced": 0, "failed": 0}
    failures: list[dict[str, str]] = []
    archive = Archive.open(settings.index(), create=bool(inputs))
    try:
        with ExitStack() as stack:
            workers = stack.enter_context(_ray(ray, archive)) if ray else None
            sources = stack.enter_context(Sources(archive, workers))
            given = list(inputs) or sources.failed()
            embedding = workers.embedding if workers else None
            with _progress(inputs) as show:
                for outcome in ingest(archive, sources.read(given), embedding=embedding):
                    counts[outcome.status] += 1
                    if outcome.status == "failed":
                        failures.append({"where": outcome.article_id, "reason": outcome.reason})
                    show(counts)
        total = archive.count_articles()
    finally:
        archive.close()
    for failure in failures:
        complain(f"{failure['where']}: {failure['reason']}")
    return counts, failures, total


def _ray(address: str, archive: Archive) -> AbstractContextManager["RayWorkers"]:
    # Takes a while to import, and is not installed everywhere.
    from index.cluster import ray_workers

    return ray_workers(address, archive.config)


@contextmanager
def _progress(inputs: Sequence[str]) -> Iterator[Callable[[Counts], None]]:
    """A bar with the rate and the time left on a terminal; elsewhere a line of JSON a step."""
    # What a URL holds cannot be seen before it is read.
    expected = 0 if any(map(is_url, inputs)) else expected_articles(map(Path, inputs))
    if not sys.stderr.isatty():
        yield _Steps(expected).show
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(
        *columns, console=Console(stderr=True), transient=True, speed_estimate_period=60
    ) as progress:
        task = progress.add_task("taking in", total=expected or None)
        yield lambda counts: progress.update(task, completed=sum(counts.values()))


class _Steps:
    """Progress for programs: one JSON object a line on standard error, one every half minute."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._started = self._shown = time.monotonic()

    def show(self, counts: Counts) -> None:
        now = time.monotonic()
        if now - self._shown < STEP_SECONDS:
            return
        self._shown = now
        done = sum(counts.values())
        rate = done / (now - self._started)
        left = max(0, self._expected - done) / rate if self._expected and rate else None
        step = {"done": done, "expected": self._expected or None, **counts, "per_second": round(rate, 2)}
        step["seconds_left"] = None if left is None else round(left)
        print(json.dumps(step), file=sys.stderr, flush=True)


def watch_feeds(
    settings: Settings,
    feeds: Sequence[str],
    every: float,
    once: bool,
    say: Callable[[str], None],
    complain: Callable[[str], None],
    as_json: bool,
) -> bool:
    """Visit feeds until told to stop, and say what became of each visit; whether anything failed.

    Raises UnreadableInputError for what is no URL.
    """
    for feed in feeds:
        if not is_web_address(feed):
            raise UnreadableInputError(f"{feed!r} is not an http or https URL. Name the URL of a feed.")
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    archive = Archive.open(settings.index(), create=True)
    failed = False
    try:
        for visit in watch(archive, feeds, every=every, stop=stop, once=once):
            counts = Counter(outcome.status for outcome in visit.outcomes)
            for outcome in visit.outcomes:
                if outcome.status == "failed":
                    failed = True
                    complain(f"{outcome.article_id}: {outcome.reason}")
            next_at = datetime.fromtimestamp(visit.next_at).astimezone().isoformat(timespec="seconds")
            numbers = {name: counts[name] for name in ("added", "unchanged", "replaced", "failed")}
            if as_json:
                say(json.dumps({"feed": visit.feed, **numbers, "next_at": next_at}))
            else:
                told = ", ".join(f"{number} {name}" for name, number in numbers.items())
                say(f"{visit.feed}: {told}. Next visit {next_at}.")
            sys.stdout.flush()
    finally:
        signal.signal(signal.SIGTERM, before)
        archive.close()
    return failed and once
