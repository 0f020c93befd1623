"""Taking things in while the server goes on answering: one job at a time, each with its progress.

A job is known to the process that took it, for as long as that runs; what it stored is in the archive
for all. One that is cancelled, or ends with its process, loses only what was not stored yet: given
again, it goes on there.
"""

import hashlib
import logging
import queue
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar, Literal

from index.archive import Archive
from index.errors import UnreadableInputError, UserFixableError
from index.ingest import Outcome, ingest
from index.ledger import Failed, Ledger
from index.readers import Failure, File, InputEnd, Item, readers
from index.readers.record import is_web_address
from index.sources import Sources
from ui.expected import expected_articles

log = logging.getLogger(__name__)

# A batch takes seconds rather than a minute, so that progress is seen and a job can be cancelled.
BATCH_TEXTS = 512
MOST_INPUTS = 1000
LONGEST_URL = 2000
MOST_WAITING = 16
# What is kept of jobs: so many that ended, and of each so many failures.
MOST_ENDED = 50
MOST_FAILURES = 200
MOST_NAMES = 20
_LONGEST_NAME = 150
_END_SECONDS = 15.0

State = Literal["waiting", "running", "cancelling", "done", "cancelled", "failed"]
ENDED: tuple[State, ...] = ("done", "cancelled", "failed")


class NotListedError(UserFixableError):
    """What is to be tried again, or forgotten, is not among what failed."""


class JobNotFoundError(UserFixableError):
    """No job of this process has this id."""


class BusyError(UserFixableError):
    """As many jobs wait as may wait."""

    headers: ClassVar = {"retry-after": "60"}


@dataclass(frozen=True, slots=True)
class Job:
    """How far a job has come. Times are UTC, empty while they lie ahead.

    `inputs` are the first of what was given. `expected` articles, 0 when that cannot be known, may prove
    to be more or fewer. `failures` are the first ones, and `reason` says why a job as a whole `failed`.
    """

    id: str
    inputs: tuple[str, ...]
    state: State = "waiting"
    expected: int = 0
    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    failed: int = 0
    per_second: float = 0.0
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    created_at: str = ""
    started_at: str = ""
    ended_at: str = ""

    @property
    def done(self) -> int:
        """Articles that are through, whatever became of them."""
        return self.added + self.unchanged + self.replaced + self.failed

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Uploads:
    """Files that were sent, in a folder that is removed when they were taken in."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dateline-uploads-"))
        self._files: list[tuple[Path, str]] = []

    def add(self, name: str, file: BinaryIO) -> None:
        """Keep a file under the last part of its name."""
        name = _plain_name(name)
        path = self._folder / str(len(self._files)) / name
        path.parent.mkdir()
        with path.open("wb") as kept:
            shutil.copyfileobj(file, kept, 1024 * 1024)
        with path.open("rb") as stored:
            digest = hashlib.file_digest(stored, "sha256").hexdigest()[:8]
        # Two people's report.pdf are two articles, and the same file twice is one.
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        self._files.append((path, f"{stem}-{digest}{suffix}"))

    @property
    def names(self) -> list[str]:
        return [path.name for path, _ in self._files]

    @property
    def paths(self) -> list[Path]:
        return [path for path, _ in self._files]

    def given(self) -> list[str | File]:
        """The files as `Sources` takes them; one of a format that is not read by its path."""
        return [
            File(path, article_id) if path.suffix.lower() in readers() else str(path)
            for path, article_id in self._files
        ]

    def named(self, text: str) -> str:
        """A text with the files' own names in place of where they lie."""
        for path in self.paths:
            text = text.replace(str(path), path.name)
        return text

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(slots=True)
class _Task:
    """What a job has to do, and whether it should stop."""

    id: str
    given: Callable[[Sources], Sequence[str | File]]
    expected: Callable[[Sequence[str | File]], int]
    uploads: Uploads | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    # Lines in the log carry the id of the request that the job came with.
    context: Context = field(default_factory=copy_context)


class _CancelledError(Exception):
    pass


class Jobs:
    """The jobs of one archive. Safe to share between threads; `close` ends the one that runs."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, _Task] = {}
        self._waiting: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._closed = False

    def take_urls(self, urls: Sequence[str]) -> Job:
        """Take in pages, feeds and sitemaps. Raises UnreadableInputError and BusyError."""
        urls = list(dict.fromkeys(stripped for url in urls if (stripped := url.strip())))
        _check_number(urls, "URL")
        for url in urls:
            if not is_web_address(url) or len(url) > LONGEST_URL:
                raise UnreadableInputError(
                    f"{url[:120]!r} is not an http or https URL of at most {LONGEST_URL:,} characters: "
                    "nothing was taken in. Name the URL of a page, feed or sitemap."
                )
        return self._add(urls, lambda _: urls, lambda _: 0)

    def take_files(self, uploads: Uploads) -> Job:
        """Take in files, which are removed in the end. Raises UnreadableInputError and BusyError."""
        try:
            _check_number(uploads.names, "file")
            return self._add(
                uploads.names,
                lambda _: uploads.given(),
                lambda _: expected_articles(uploads.paths),
                uploads,
            )
        except BaseException:
            uploads.remove()
            raise

    def retry(self, inputs: Sequence[str] = ()) -> Job:
        """Take in what failed before: these inputs of `failures`, or all. Raises NotListedError."""
        known = dict.fromkeys(failed.input for failed in self.failures())
        wanted = list(dict.fromkeys(inputs)) or list(known)
        for name in wanted:
            if name not in known:
                raise NotListedError(f"{name[:120]!r} is not among what failed: nothing was taken in.")
        if not wanted:
            raise NotListedError("nothing failed, so there is nothing to try again.")
        chosen = set(wanted)

        def given(sources: Sources) -> list[str | File]:
            return [i for i in sources.failed() if (i.name if isinstance(i, File) else i) in chosen]

        return self._add(wanted, given, _expected_of)

    def failures(self) -> list[Failed]:
        """What failed when it was last read, and can be tried again; files that were sent are not kept."""
        with Ledger(self._archive.folder) as ledger:
            return ledger.failures()

    def forget(self, name: str) -> None:
        """Do not list the failures of an input any more. Raises NotListedError."""
        with Ledger(self._archive.folder) as ledger:
            if not any(failed.input == name for failed in ledger.failures()):
                raise NotListedError(f"{name[:120]!r} is not among what failed.")
            ledger.clear_failures(name)

    def get(self, job_id: str) -> Job:
        """Raises JobNotFoundError."""
        with self._lock:
            if job_id not in self._jobs:
                raise JobNotFoundError(
                    f"no ingestion has the id {job_id[:40]!r}: the server was started again since, or "
                    f"{MOST_ENDED} others have ended. What it stored is in the archive."
                )
            return self._jobs[job_id]

    def all(self) -> list[Job]:
        """The jobs that are known, the newest first."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def cancel(self, job_id: str) -> Job:
        """Stop a job: what is stored stays, the rest is not taken in. Raises JobNotFoundError."""
        self.get(job_id)
        with self._lock:
            job = self._jobs[job_id]
            if job.state == "waiting":
                job = self._jobs[job_id] = replace(job, state="cancelled", ended_at=_now())
                task = self._tasks.pop(job_id)
                task.stop.set()
                if task.uploads:
                    task.uploads.remove()
            elif job.state == "running":
                job = self._jobs[job_id] = replace(job, state="cancelling")
                self._tasks[job_id].stop.set()
            return job

    def close(self) -> None:
        """Cancel every job and wait until the one that runs has stopped; nothing is taken in any more."""
        with self._lock:
            self._closed = True
        for job in self.all():
            if not job.ended:
                self.cancel(job.id)
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join(_END_SECONDS)
        # Left over only when a page or a batch took longer than that.
        for task in list(self._tasks.values()):
            if task.uploads:
                task.uploads.remove()

    def _add(
        self,
        inputs: Sequence[str],
        given: Callable[[Sources], Sequence[str | File]],
        expected: Callable[[Sequence[str | File]], int],
        uploads: Uploads | None = None,
    ) -> Job:
        job = Job(secrets.token_hex(8), tuple(inputs[:MOST_NAMES]), created_at=_now())
        task = _Task(job.id, given, expected, uploads)
        with self._lock:
            if self._closed:
                raise BusyError("the server is about to end: nothing was taken in. Try again later.")
            if sum(job.state == "waiting" for job in self._jobs.values()) >= MOST_WAITING:
                raise BusyError(
                    f"{MOST_WAITING} ingestions wait already: nothing was taken in. Try again in a while."
                )
            self._forget_oldest()
            self._jobs[job.id] = job
            self._tasks[job.id] = task
            if self._worker is None:
                # It must not keep the process from ending, however long a page takes.
                self._worker = threading.Thread(target=self._work, name="ingestion", daemon=True)
                self._worker.start()
            self._waiting.put(task)
        return job

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            with self._lock:
                if task.stop.is_set():
                    continue
                self._jobs[task.id] = replace(self._jobs[task.id], state="running", started_at=_now())
            state: State = "done"
            reason = ""
            try:
                task.context.run(self._run, task)
            except _CancelledError:
                state = "cancelled"
            except UserFixableError as error:
                state, reason = "failed", str(error)
            except Exception:
                task.context.run(log.exception, "an ingestion failed")
                state, reason = "failed", "an error of the program: the server's log has the details."
            finally:
                if task.uploads:
                    task.uploads.remove()
            self._end(task, state, reason)

    def _run(self, task: _Task) -> None:
        started = time.monotonic()
        with Sources(self._archive) as sources:
            given = task.given(sources)
            expected = task.expected(given)
            with self._lock:
                self._jobs[task.id] = replace(self._jobs[task.id], expected=expected)
            items = _until_stopped(task, sources.read(given))
            for outcome in ingest(self._archive, items, batch_texts=BATCH_TEXTS):
                self._note(task, outcome, time.monotonic() - started)

    def _note(self, task: _Task, outcome: Outcome, seconds: float) -> None:
        with self._lock:
            job = self._jobs[task.id]
            job = replace(job, **{outcome.status: getattr(job, outcome.status) + 1})
            if outcome.status == "failed" and len(job.failures) < MOST_FAILURES:
                named = task.uploads.named if task.uploads else str
                failure = Failure(named(outcome.article_id), named(outcome.reason))
                job = replace(job, failures=(*job.failures, failure))
            self._jobs[task.id] = replace(job, per_second=job.done / max(seconds, 1e-3))

    def _end(self, task: _Task, state: State, reason: str) -> None:
        with self._lock:
            self._jobs[task.id] = replace(self._jobs[task.id], state=state, reason=reason, ended_at=_now())
            self._tasks.pop(task.id, None)
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.ended]
        for job_id in ended[:-MOST_ENDED]:
            del self._jobs[job_id]


def _until_stopped(task: _Task, items: Iterator[Item]) -> Iterator[Item]:
    """The items until the job is cancelled; files that were sent are not remembered by their paths."""
    for item in items:
        if task.stop.is_set():
            raise _CancelledError
        yield InputEnd("") if task.uploads and isinstance(item, InputEnd) else item


def _expected_of(given: Sequence[str | File]) -> int:
    files = [item.path for item in given if isinstance(item, File)]
    return expected_articles(files) if len(files) == len(given) else 0


def _check_number(inputs: Sequence[str], what: str) -> None:
    if not inputs:
        raise UnreadableInputError(f"no {what} was given: name at least one.")
    if len(inputs) > MOST_INPUTS:
        raise UnreadableInputError(
            f"{len(inputs):,} {what}s at once, more than {MOST_INPUTS:,}: send them in parts."
        )


def _plain_name(name: str) -> str:
    """The last part of a file's name, fit for any file system."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(filter(str.isprintable, name)).strip(". ")
    stem, suffix = PurePosixPath(name or "file").stem, PurePosixPath(name or "file").suffix
    stem = stem.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    return stem + suffix.encode()[:20].decode("utf-8", "ignore")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
