"""index/doctor.py: every kind of damage is seen, told, and mended."""

from pathlib import Path

import numpy as np
import pytest
from test_cli import Run, here

from index.archive import Archive
from index.doctor import examine
from index.ingest import ingest
from index.rows import Block
from index.store import Record
from index.types import Article

__all__ = ["here"]
QUESTION = "Who warned Russia before the attack?"


@pytest.fixture
def archive(sample_copy: Archive) -> Archive:
    """The sample archive, to be damaged."""
    return sample_copy


def problems(archive: Archive, *, mend: bool) -> dict[str, str]:
    return {f.what: f.problem for f in examine(archive, mend=mend) if f.problem}


def found(archive: Archive) -> list[tuple[str, int]]:
    hits = archive.search(archive.embed_question(QUESTION, "en"), k=40)
    words = archive.search_words(QUESTION, "en", k=20).hits
    return [(h.article.id, h.sentence.start_char) for h in hits] + [
        (w.article, w.start_char) for w in words
    ]


def first_sentences(archive: Archive, count: int) -> list[str]:
    return [f"{archive._catalogue.entries[0].version}:{number}" for number in range(count)]


def test_a_whole_archive_has_no_problem(archive: Archive) -> None:
    assert problems(archive, mend=False) == {}
    first = next(iter(examine(archive, mend=True)))
    assert first.what == f"articles: {archive.count_articles()}"


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("sentences lost", "articles with all their sentences"),
        ("sentences left over", "sentences of no article"),
        ("words lost", "word index and rows in step with the articles"),
        ("words left over", "word index and rows in step with the articles"),
        ("rows lost", "word index and rows in step with the articles"),
    ],
)
def test_damage_is_told_and_mended(archive: Archive, damage: str, what: str) -> None:
    expected = found(archive)
    version = archive._catalogue.entries[0].version
    match damage:
        case "sentences lost":
            archive._store.delete("sentences", first_sentences(archive, 2))
        case "sentences left over":
            vector = np.zeros(384, np.float32)
            record = Record(
                "0" * 24 + ":0", {"article": "gone", "start": 0, "end": 1, "passage": 0}, vector=vector
            )
            archive._store.put("sentences", [record])
        case "words lost":
            archive._words.update(removed=[version])
        case "words left over":
            from index.words import WordPassage

            archive._words.update([WordPassage("gone", "0" * 24, "en", 0, 0, 0, "attack warned Russia")])
        case "rows lost":
            archive._rows.clear()
            archive._rows.append([Block("0" * 24, np.zeros((1, 384), np.float32), [(0, 1, 0)])])
    assert list(problems(archive, mend=False)) == [what]
    assert list(problems(archive, mend=True)) == [what]
    assert problems(archive, mend=False) == {}
    assert found(archive) == expected


def test_the_command_checks_and_mends(archive: Archive, here: Run, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    archive._store.delete("sentences", first_sentences(archive, 1))
    archive.close()
    checked = here("doctor", "--check", "--archive", str(folder), cwd=tmp_path)
    assert checked.returncode == 2
    assert "articles with all their sentences: 1 lack some" in checked.stdout
    assert "dateline doctor" in checked.stderr and "Traceback" not in checked.stderr
    mended = here("doctor", "--archive", str(folder), cwd=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert "articles with all their sentences: 1 lack some; mended" in mended.stdout
    again = here("doctor", "--check", "--archive", str(folder), cwd=tmp_path)
    assert again.returncode == 0 and again.stdout.count(": ok") == 4
    missing = here("doctor", "--archive", str(tmp_path / "none"), cwd=tmp_path)
    assert missing.returncode == 2 and "there is no archive" in missing.stderr


def test_an_empty_archive_is_whole(empty_archive: Archive) -> None:
    assert problems(empty_archive, mend=True) == {}
    list(ingest(empty_archive, [Article(id="a", title="", text="One sentence.", language="en")]))
    assert problems(empty_archive, mend=False) == {}
