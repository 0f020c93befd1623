"""Whatever files an archive is given: each is an article or a reason, and the archive stays as it was."""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from index.archive import Archive
from index.ingest import Outcome, ingest
from index.readers import File, InputEnd, Item, ahead, read
from index.sources import Sources
from rag.chat import Assistant
from rag.config import Settings
from tests.hostile import SECRET, TEXT, page, pdf, write_hostile_files, zipped

LEAST_FILES = 500
# Several times what it takes on two slow cores, and far from what one hanging file would.
SECONDS = 240
QUESTION = "Who warned whom before the Crocus attack?"


def take(archive: Archive, *given: Path) -> list[Outcome]:
    with Sources(archive) as sources:
        return list(ingest(archive, sources.read([str(path) for path in given])))


def counted(items: Iterable[Item], heard: dict[str, int]) -> Iterator[Item]:
    """The same items; how many came of each input is noted."""
    count = 0
    for item in items:
        if isinstance(item, InputEnd):
            heard[item.name] = count
            count = 0
        else:
            count += 1
        yield item


def test_each_is_an_article_or_a_reason_and_the_archive_answers_as_before(
    sample_copy: Archive, tmp_path: Path
) -> None:
    archive = sample_copy
    settings = Settings(archive=archive.config.archive)
    before = asyncio.run(Assistant(settings, archive).ask(QUESTION))
    kept = {article.id: article for article in archive.articles(limit=1000)}
    files = write_hostile_files(tmp_path / "hostile")
    assert len(files) >= LEAST_FILES
    started = time.monotonic()
    heard: dict[str, int] = {}
    with Sources(archive) as sources:
        outcomes = list(ingest(archive, counted(sources.read([str(tmp_path / "hostile")]), heard)))
    assert time.monotonic() - started < SECONDS

    silent = [path for path in files if not heard.get(File(path, "").name)]
    assert not silent, "neither an article nor a reason"
    assert len(outcomes) == sum(heard.values())
    for outcome in outcomes:
        assert outcome.status in ("added", "unchanged", "replaced") or (
            outcome.reason and outcome.reason.isprintable() and outcome.article_id.isprintable()
        ), outcome
    everything = archive.articles(limit=10_000)
    assert not [a.id for a in everything if SECRET in f"{a.title} {a.text} {a.source}"], "read from outside"
    assert not list(tmp_path.rglob("slipped.txt")), "written outside"
    for article in everything:
        assert "\0" not in article.text and not set("\u202e\u2066\u200b") & set(
            article.title + article.text
        )

    # What was there is there as it was, and answers as it did.
    now = {article.id: article for article in everything}
    assert {article_id: now.get(article_id) for article_id in kept} == kept
    after = asyncio.run(Assistant(settings, archive).ask(QUESTION))
    # Which of equally good sentences comes third may change with the archive's means of its languages.
    assert after.statements[0].text == before.statements[0].text and len(after.statements) >= 3
    assert {citation.article_id for citation in after.citations} <= kept.keys()
    faults = archive.faults()
    assert (faults.incomplete, faults.leftovers, faults.derived) == ((), (), 0)

    # Again, nothing is new: what failed fails as it did, and the rest is known.
    again = take(archive, tmp_path / "hostile")
    assert not [outcome for outcome in again if outcome.status == "added"]
    assert archive.count_articles() == len(everything)


def test_a_file_that_never_ends_costs_itself(
    empty_archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of thousands of attributes take libraries hours, in a page, in a feed and in a zip file."""
    attributes = " ".join(f"a{n}=''" for n in range(400_000))
    hours = page(f"<p {attributes}>{TEXT}</p>")
    (tmp_path / "hours.html").write_bytes(hours)
    (tmp_path / "hours.rss").write_text(f"<rss version='2.0'><channel><item {attributes}/></channel></rss>")
    (tmp_path / "hours.zip").write_bytes(zipped(("hours.html", hours), ("good.html", page())))
    (tmp_path / "short.html").write_bytes(page())
    monkeypatch.setattr(ahead, "SECONDS", 8.0)
    outcomes = {outcome.article_id: outcome for outcome in take(empty_archive, tmp_path)}
    for name in ("hours.html", "hours.rss", "hours.zip/hours.html"):
        assert "longer than 8 seconds" in outcomes[str(tmp_path / name)].reason
    assert outcomes["short.html"].status == outcomes["hours.zip/good.html"].status == "added"


def test_a_file_that_breaks_its_reader_costs_itself(
    empty_archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from within a zip file: readers of whole files run in processes of their own."""
    monkeypatch.setattr(ahead, "_read_whole", _end_of_the_process)
    (tmp_path / "a.pdf").write_bytes(pdf())
    (tmp_path / "b.zip").write_bytes(zipped(("c.pdf", pdf()), ("d.txt", TEXT)))
    (tmp_path / "e.txt").write_text(TEXT)
    outcomes = {outcome.article_id: outcome for outcome in take(empty_archive, tmp_path)}
    for name in ("a.pdf", "b.zip/c.pdf"):
        assert "made its reader fail" in outcomes[str(tmp_path / name)].reason
    assert outcomes["e.txt"].status == outcomes["b.zip/d.txt"].status == "added"


def _end_of_the_process(file: object) -> None:
    os._exit(11)


def test_lines_of_a_hundred_megabytes_take_no_memory_to_refuse(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "lines.jsonl"
    with path.open("wb") as file:
        for _ in range(3):
            file.write(b'{"text": "' + b"x" * 100_000_000 + b'"}\n')
        file.write(json.dumps({"id": "last", "text": TEXT}).encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(read([path]))
    assert [getattr(item, "id", "") for item in found] == ["", "", "", "last"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000
