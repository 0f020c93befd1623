"""ui/jobs.py: files and pages taken in beside everything else; cancelled, ended, nothing lost."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import fetching_archive, open_archive
from web_server import Page, site

from index.archive import Archive
from index.embed import Embedder
from index.errors import UnreadableInputError
from index.readers import Failure
from ui import jobs as module
from ui.jobs import BusyError, Job, JobNotFoundError, Jobs, NotListedError, Uploads

FERRY = "A ferry ran aground near Valmere on Sunday. Nobody was hurt."


@pytest.fixture
def archive(tmp_path: Path, embedder: Embedder) -> Iterator[Archive]:
    archive = fetching_archive(tmp_path / "archive", embedder)
    yield archive
    archive.close()


@pytest.fixture
def jobs(archive: Archive) -> Iterator[Jobs]:
    jobs = Jobs(archive)
    yield jobs
    jobs.close()


def uploads(**files: str | bytes) -> Uploads:
    """Files by name; a double underscore stands for the dot."""
    kept = Uploads()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        kept.add(name.replace("__", "."), io.BytesIO(data))
    return kept


def ended(jobs: Jobs, job: Job, seconds: float = 60) -> Job:
    until = time.monotonic() + seconds
    while not (now := jobs.get(job.id)).ended:
        assert time.monotonic() < until, now
        time.sleep(0.02)
    return now


def counts(job: Job) -> tuple[str, int, int, int, int]:
    return job.state, job.added, job.unchanged, job.replaced, job.failed


def test_files_are_taken_in_and_their_folder_is_removed(archive: Archive, jobs: Jobs) -> None:
    lines = '{"id": "tug", "text": "A tug towed it free."}\n{"text": ""}\n'
    sent = uploads(ferry__txt=FERRY, more__jsonl=lines, film__avi=b"\0\1")
    folder = sent.paths[0].parent.parent
    assert folder.is_dir()
    job = jobs.take_files(sent)
    assert (job.state, job.inputs) == ("waiting", ("ferry.txt", "more.jsonl", "film.avi"))
    job = ended(jobs, job)
    assert counts(job) == ("done", 2, 0, 0, 2)
    assert job.expected == 3 and job.per_second > 0
    assert job.created_at <= job.started_at <= job.ended_at
    assert [failure.where for failure in job.failures] == ["more.jsonl line 2", "film.avi"]
    assert "'text': is blank" in job.failures[0].reason and "convert it" in job.failures[1].reason
    assert not folder.exists()
    # What was sent is gone, so there is nothing that could be tried again.
    assert jobs.failures() == []
    assert archive.article("tug").text == "A tug towed it free."


def test_two_files_of_one_name_are_two_articles_and_one_sent_twice_is_one(
    archive: Archive, jobs: Jobs
) -> None:
    def send(text: str) -> Job:
        return ended(jobs, jobs.take_files(uploads(report__txt=text)))

    assert counts(send(FERRY)) == ("done", 1, 0, 0, 0)
    assert counts(send(FERRY)) == ("done", 0, 1, 0, 0)
    assert counts(send("The bakery of Valmere opened its doors again.")) == ("done", 1, 0, 0, 0)
    assert archive.count_articles() == 2


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\letters\\خبر.txt", "خبر.txt"),
        ("", "file"),
        ("..", "file"),
        ("a\0b\n.txt", "ab.txt"),
        ("ب" * 500 + ".txt", "ب" * 75 + ".txt"),
        ("x." + "y" * 500, "x." + "y" * 19),
        (".hidden", "hidden"),
    ],
)
def test_a_name_leads_nowhere_else(name: str, kept: str) -> None:
    sent = Uploads()
    sent.add(name, io.BytesIO(b"x"))
    [path] = sent.paths
    assert path.name == kept and path.read_bytes() == b"x"
    assert path.resolve().is_relative_to(path.parent.parent.resolve())
    sent.remove()


def test_pages_and_feeds_are_taken_in_and_what_failed_is_tried_again(archive: Archive, jobs: Jobs) -> None:
    with site() as web:
        page = f"<html><title>Ferry</title><article><h1>Ferry</h1><p>{FERRY * 3}</p></article></html>"
        web.pages["/ferry"] = Page(page.encode())
        urls = [f"{web.url}/ferry", f"{web.url}/later", f" {web.url}/ferry "]
        job = ended(jobs, jobs.take_urls(urls))
        assert counts(job) == ("done", 1, 0, 0, 1)
        assert job.inputs == (urls[0], urls[1]) and job.expected == 0
        assert job.failures == (Failure(urls[1], "answers 404 Not Found"),)
        [failed] = jobs.failures()
        assert (failed.input, failed.reason) == (urls[1], "answers 404 Not Found")
        again = ended(jobs, jobs.retry([urls[1]]))
        assert counts(again) == ("done", 0, 0, 0, 1)
        web.pages["/later"] = Page(
            page.replace(FERRY, "A tug from Valmere towed it free at last. ").encode()
        )
        assert counts(ended(jobs, jobs.retry())) == ("done", 1, 0, 0, 0)
        assert jobs.failures() == [] and archive.count_articles() == 2
        with pytest.raises(NotListedError, match="nothing failed"):
            jobs.retry()
        with pytest.raises(NotListedError, match="not among what failed"):
            jobs.retry(["http://elsewhere.example.org"])


def test_a_failure_can_be_forgotten(jobs: Jobs) -> None:
    with site() as web:
        ended(jobs, jobs.take_urls([f"{web.url}/gone"]))
    [failed] = jobs.failures()
    jobs.forget(failed.input)
    assert jobs.failures() == []
    with pytest.raises(NotListedError, match="not among"):
        jobs.forget(failed.input)


def test_what_is_no_url_takes_nothing_in(jobs: Jobs) -> None:
    for urls in (["https://example.org", "file:///etc/passwd"], ["ftp://x"], ["x" * 5000], [], [" "]):
        with pytest.raises(UnreadableInputError):
            jobs.take_urls(urls)
    with pytest.raises(UnreadableInputError, match="more than 1,000"):
        jobs.take_urls([f"https://example.org/{number}" for number in range(1001)])
    assert jobs.all() == []


def test_a_private_address_is_a_failure(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "other", embedder)
    with site() as web:
        jobs = Jobs(archive)
        job = ended(jobs, jobs.take_urls([web.url]))
        assert counts(job) == ("done", 0, 0, 0, 1) and "private network" in job.failures[0].reason
        assert web.asked == []
        jobs.close()
    archive.close()


def many(number: int) -> str:
    return "\n".join(
        f'{{"id": "a{i}", "text": "Harbour note number {i}: the tide was {i} feet high. All is calm."}}'
        for i in range(number)
    )


def test_a_job_is_cancelled_while_it_runs_and_loses_nothing_that_was_stored(
    archive: Archive, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_TEXTS", 8)
    sent = uploads(many__jsonl=many(2000))
    job = jobs.take_files(sent)
    next_job = jobs.take_files(uploads(ferry__txt=FERRY))
    until = time.monotonic() + 30
    while not jobs.get(job.id).added:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert jobs.get(next_job.id).state == "waiting"
    assert jobs.cancel(job.id).state in ("cancelling", "cancelled")
    job = ended(jobs, job, 20)
    assert job.state == "cancelled" and 0 < job.added < 2000
    assert not sent.paths[0].exists()
    assert ended(jobs, next_job).added == 1
    stored = archive.count_articles()
    assert job.added + 1 <= stored < 2000
    assert archive.faults().incomplete == ()
    assert jobs.cancel(job.id).state == "cancelled"


def test_a_job_that_waits_is_cancelled_at_once(jobs: Jobs) -> None:
    release = threading.Event()
    with site() as web:
        web.pages["/slow"] = Page(write=lambda write: release.wait(30))
        first = jobs.take_urls([f"{web.url}/slow"])
        # Until it is begun it waits, too.
        while jobs.get(first.id).state == "waiting":
            time.sleep(0.01)
        sent = uploads(ferry__txt=FERRY)
        second = jobs.take_files(sent)
        assert jobs.cancel(second.id).state == "cancelled"
        assert not sent.paths[0].exists()
        waiting = [jobs.take_urls([f"{web.url}/{number}"]) for number in range(module.MOST_WAITING)]
        with pytest.raises(BusyError, match="wait already"):
            jobs.take_urls([f"{web.url}/one-too-many"])
        refused = uploads(ferry__txt=FERRY)
        with pytest.raises(BusyError):
            jobs.take_files(refused)
        assert not refused.paths[0].exists()
        for job in waiting:
            jobs.cancel(job.id)
        release.set()
        assert ended(jobs, first).failed == 1
    assert [job.id for job in jobs.all()] == [job.id for job in reversed([first, second, *waiting])]


def test_only_so_many_jobs_and_failures_are_kept(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENDED", 2)
    monkeypatch.setattr(module, "MOST_FAILURES", 3)
    done = [ended(jobs, jobs.take_files(uploads(bad__jsonl="{}\n" * 9))) for _ in range(3)]
    assert [job.id for job in jobs.all()] == [done[2].id, done[1].id]
    assert (done[2].failed, len(done[2].failures)) == (9, 3)
    with pytest.raises(JobNotFoundError, match="others have ended"):
        jobs.get(done[0].id)


def test_an_archive_that_cannot_be_reached_fails_the_job_and_not_the_next(
    archive: Archive, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.errors import ArchiveUnavailableError

    def away(*_: object, **__: object) -> None:
        raise ArchiveUnavailableError("the store is away: start it.")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "add", away)
        job = ended(jobs, jobs.take_files(uploads(ferry__txt=FERRY)))
    assert (job.state, job.reason, job.added) == ("failed", "the store is away: start it.", 0)
    assert ended(jobs, jobs.take_files(uploads(ferry__txt=FERRY))).added == 1


def test_closing_ends_the_jobs_and_removes_what_was_sent(archive: Archive) -> None:
    jobs = Jobs(archive)
    sent = [uploads(many__jsonl=many(3000)) for _ in range(2)]
    running, waiting = (jobs.take_files(each) for each in sent)
    while jobs.get(running.id).state == "waiting":
        time.sleep(0.01)
    jobs.close()
    assert [jobs.get(job.id).state for job in (running, waiting)] == ["cancelled", "cancelled"]
    assert not any(path.exists() for each in sent for path in each.paths)
    refused = uploads(ferry__txt=FERRY)
    with pytest.raises(BusyError, match="about to end"):
        jobs.take_files(refused)
    assert not refused.paths[0].exists()
