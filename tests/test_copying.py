"""Out of an archive and into another: exports, backups, and what cannot be restored."""

import json
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from index.archive import Archive
from index.copying import backup, export, restore
from index.embed import Embedder
from index.errors import ArchiveError
from index.ingest import ingest
from index.sources import Sources
from index.types import Article
from tests.conftest import SAMPLE_ARTICLES, open_archive
from tests.test_duplicates import BEGGING, OTHER, WIRE, article, issue


@pytest.fixture
def full(sample_copy: Archive) -> Archive:
    """The sample with revisions, copies and repeated lines that were left out."""
    archive = sample_copy
    url = "https://post.example.org/ferry"
    for part in (
        [article("a", url=url)],
        [article("b", OTHER, url=url + "?utm_source=x")],
        [article("copy", OTHER)],
    ):
        list(ingest(archive, part))
    list(ingest(archive, [issue(n, BEGGING) for n in range(12)]))
    return archive


def state(archive: Archive) -> dict[str, object]:
    """All that an archive holds."""
    ids = [a.id for a in archive.articles(limit=500)]
    return {
        "fingerprint": archive.fingerprint(),
        "articles": {i: archive.article(i) for i in ids},
        "revisions": {i: archive.revisions(i) for i in ids},
        "clusters": sorted(map(tuple, archive.clusters())),
        "faults": archive.faults(),
    }


def test_an_export_taken_in_is_the_same_archive(full: Archive, tmp_path: Path, embedder: Embedder) -> None:
    lines = list(export(full))
    assert len(lines) == full.count_articles() == 37 + 2 + 12
    assert any("revisions" in json.loads(line) for line in lines)
    file = tmp_path / "out.jsonl"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    other = open_archive(tmp_path / "other", embedder)
    for expected in ("added", "unchanged"):
        with Sources(other) as sources:
            assert {o.status for o in ingest(other, sources.read([str(file)]))} == {expected}
        assert state(other) == state(full)
    assert list(export(other)) == lines
    other.close()


def test_a_backup_while_it_is_read_and_written(full: Archive, tmp_path: Path, embedder: Embedder) -> None:
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                vector = full.embed_question("Where did the ferry run aground?", "en")
                assert full.search(vector, k=5)
            except BaseException as error:
                failures.append(error)

    def write() -> None:
        number = 0
        while not stop.is_set():
            list(ingest(full, [article(f"w{number}", f"Storm number {number} came to Valmere. It left.")]))
            number += 1

    threads = [threading.Thread(target=target) for target in (read, write)]
    for thread in threads:
        thread.start()
    for number in range(3):
        backup(full, tmp_path / f"{number}.tar")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    for number in range(3):
        restore(tmp_path / f"{number}.tar", tmp_path / f"r{number}")
        restored = open_archive(tmp_path / f"r{number}", embedder)
        assert restored.faults().incomplete == () and restored.faults().derived == 0
        assert restored.article("a").text == OTHER
        assert [r.article.text for r in restored.revisions("a")] == [OTHER, WIRE]
        list(ingest(restored, [article("new", "Snow fell in Torvik.")]))
        assert restored.article("new")
        restored.close()
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_what_cannot_be_restored_or_written(full: Archive, tmp_path: Path) -> None:
    backup(full, tmp_path / "good.tar")
    with pytest.raises(ArchiveError, match="inside the archive"):
        backup(full, full.config.archive / "x.tar")
    with pytest.raises(ArchiveError, match="cannot be written"):
        backup(full, tmp_path / "none" / "x.tar")
    with pytest.raises(ArchiveError, match="not empty"):
        restore(tmp_path / "good.tar", full.config.archive)
    cut = tmp_path / "cut.tar"
    cut.write_bytes((tmp_path / "good.tar").read_bytes()[:300_000])
    for broken in (cut, SAMPLE_ARTICLES, tmp_path / "missing.tar"):
        with pytest.raises(ArchiveError, match="Name another"):
            restore(broken, tmp_path / "new")
        assert not (tmp_path / "new").exists()
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as packed:
        packed.add(SAMPLE_ARTICLES, arcname="../escaped.jsonl")
    with pytest.raises(ArchiveError):
        restore(evil, tmp_path / "new")
    assert not (tmp_path / "escaped.jsonl").exists()


def test_an_article_of_an_export_keeps_when_it_was_taken_in(empty_archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    line = {"id": "a", "text": "Rain fell.", "language": "en", "ingested_at": "2020-01-01T00:00:00+00:00"}
    file.write_text(json.dumps(line) + "\n" + json.dumps({**line, "id": "b", "ingested_at": "soon"}) + "\n")
    with Sources(empty_archive) as sources:
        outcomes = list(ingest(empty_archive, sources.read([str(file)])))
    assert [o.status for o in outcomes] == ["failed", "added"]
    kept = empty_archive.article("a")
    assert kept == replace(Article("a", "", "Rain fell."), language="en", ingested_at=line["ingested_at"])
