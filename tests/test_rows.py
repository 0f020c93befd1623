"""index/rows.py, scan.py, derived.py: the exact search, its filters, and its repair."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import open_archive

import index.archive
import index.scan
from index.archive import Archive
from index.centre import SHRINK, SHRINK_KNOWN, language_shifts, shift_question
from index.config import BUNDLED_EMBEDDER, IndexConfig
from index.embed import Embedder
from index.ingest import ingest
from index.rows import Block, Rows
from index.types import Article, Filters, Hit

QUESTION = "Who warned Russia before the attack?"
FILTERS = (
    Filters(),
    Filters(languages=("ru", "fa")),
    Filters(published_from="2024-03-25", published_to="2024-03-31"),
    Filters(sources=("The Harbour Post",)),
    Filters(languages=("xx",)),
)


def one_hot(*numbers: int) -> np.ndarray:
    """Rows of a unit matrix of dimension 4."""
    return np.asarray(np.eye(4, dtype=np.float32)[list(numbers)])


def block(version: str, *numbers: int) -> Block:
    return Block(version * 12, one_hot(*numbers), [(n, n + 1, 0) for n in range(len(numbers))])


def test_versions_stand_together_and_the_latest_run_counts(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows", 4)
    assert len(rows.snapshot) == 0 and rows.snapshot.find("a" * 12) is None
    rows.append([block("a", 0, 1), block("b", 2)])
    rows.append([block("a", 3, 3, 3)])
    assert rows.snapshot.find("a" * 12) == (3, 3)
    assert rows.snapshot.find("b" * 12) == (2, 1)
    assert rows.snapshot.vectors.tolist() == one_hot(0, 1, 2, 3, 3, 3).tolist()
    before = rows.snapshot
    rows.rewrite(["b" * 12, "a" * 12, "c" * 12])
    assert (rows.snapshot.find("b" * 12), rows.snapshot.find("a" * 12)) == ((0, 1), (1, 3))
    assert len(before) == len(before.vectors) == 6, "a reader keeps what it reads"
    assert len(list((tmp_path / "rows").iterdir())) == 2, "the old files are gone"
    again = Rows(tmp_path / "rows", 4).snapshot
    assert again.vectors.tolist() == rows.snapshot.vectors.tolist()
    assert again.places.tolist() == rows.snapshot.places.tolist()


@pytest.mark.parametrize("name", ["places-0", "vectors-0"])
def test_what_a_killed_process_half_wrote_is_overwritten(tmp_path: Path, name: str) -> None:
    rows = Rows(tmp_path / "rows", 4)
    rows.append([block("a", 0)])
    with (tmp_path / "rows" / name).open("ab") as file:
        file.write(b"x" * 45)
    rows = Rows(tmp_path / "rows", 4)
    assert len(rows.snapshot) == 1
    rows.append([block("b", 1, 2)])
    assert rows.snapshot.vectors.tolist() == one_hot(0, 1, 2).tolist()
    assert rows.snapshot.find("b" * 12) == (1, 2)


def test_few_rows_are_scored_as_many_are(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((9000, 4)).astype(np.float32)
    rows = Rows(tmp_path / "rows", 4)
    rows.append([Block("a" * 12, vectors, [(0, 1, 0)] * len(vectors))])
    vector = vectors[7]
    for chosen in (np.arange(9000), np.arange(0, 9000, 2), np.array([5, 8999]), np.arange(0, 0)):
        found = rows.snapshot.scores(vector, chosen)
        assert np.allclose(found, vectors[chosen] @ vector, atol=1e-5)


def everything(archive: Archive, filters: Filters) -> list[tuple[str, int, float]]:
    """Brute force, from the articles as they are given out: id, place and score of every sentence."""
    vector = archive.embed_question(QUESTION, "en")
    total = sum(len(archive.sentences(a)) for a in archive.articles(limit=1000))
    hits = archive.search(vector, k=total)
    assert len(hits) == total
    allowed = {article.id for article in archive.articles(limit=1000, filters=filters)}
    return [place(hit) for hit in hits if hit.article.id in allowed]


def place(hit: Hit) -> tuple[str, int, float]:
    return hit.article.id, hit.sentence.start_char, pytest.approx(hit.score, abs=1e-4)


@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: ",".join(n for n, v in f.items() if v) or "none")
@pytest.mark.parametrize("affordable", [True, False])
def test_filters_never_cost_a_better_sentence(
    sample_archive: Archive, filters: Filters, affordable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scanned exactly, or proposed by the store when the archive is too large to scan."""
    wanted = everything(sample_archive, filters)
    if not affordable:
        monkeypatch.setattr(index.scan, "AFFORDED", -1)
    vector = sample_archive.embed_question(QUESTION, "en")
    for k in (1, 7, 60, 10_000):
        found = [place(hit) for hit in sample_archive.search(vector, k=k, filters=filters)]
        assert found == wanted[:k]


def test_the_store_proposes_too_few_and_all_are_looked_at(
    sample_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = Filters(languages=("fa",))
    wanted = everything(sample_archive, filters)
    monkeypatch.setattr(index.scan, "AFFORDED", -1)
    monkeypatch.setattr(index.archive, "PROPOSED", 0.1)
    vector = sample_archive.embed_question(QUESTION, "en")
    assert [place(hit) for hit in sample_archive.search(vector, k=20, filters=filters)] == wanted[:20]


def ranking(archive: Archive) -> list[tuple[str, int, float]]:
    return [place(hit) for hit in archive.search(archive.embed_question(QUESTION, "en"), k=50)]


@pytest.mark.parametrize("damage", ["deleted", "cut", "stale", "emptied"])
def test_lost_or_stale_rows_are_mended(
    sample_copy: Archive, tmp_path: Path, embedder: Embedder, damage: str
) -> None:
    expected = ranking(sample_copy)
    sample_copy.close()
    folder = tmp_path / "archive" / "rows"
    if damage == "deleted":
        shutil.rmtree(folder)
    elif damage == "emptied":
        for path in folder.glob("*-*"):
            path.write_bytes(b"")
        (folder / "stamp").unlink()
    elif damage == "cut":
        file = next(folder.glob("vectors-*"))
        file.write_bytes(file.read_bytes()[:-50_000])
        (folder / "stamp").write_text(f"{Rows(folder, 384).form} other")
    else:
        (folder / "stamp").write_text(f"{Rows(folder, 384).form} other")
    reopened = open_archive(tmp_path / "archive", embedder)
    assert ranking(reopened) == expected
    reopened.close()


def test_dead_rows_are_left_out_in_the_end(
    sample_copy: Archive, tmp_path: Path, embedder: Embedder
) -> None:
    archive = sample_copy
    long = Article(id="long", title="", text="The tide was high. The moon was full. " * 40, language="en")
    for turn in range(12):
        list(ingest(archive, [replace(long, title=f"Turn {turn}")]))
    expected = ranking(archive)
    alive = sum(len(archive.sentences(a)) for a in archive.articles(limit=1000))
    archive.close()
    (tmp_path / "archive" / "rows" / "stamp").write_text(f"{Rows(tmp_path, 384).form} other")
    reopened = open_archive(tmp_path / "archive", embedder)
    assert len(reopened._rows.snapshot) == alive
    assert ranking(reopened) == expected
    reopened.close()


def test_shifts_by_hand() -> None:
    one, other = one_hot(0)[0], one_hot(1)[0]
    shifts = language_shifts({"de": (one, SHRINK), "xx": (other, 3 * SHRINK)}, "another model")
    # Weights 1/2 and 3/4; common = (1/2 one + 3/4 other) / (5/4) = 0.4 one + 0.6 other.
    assert shifts["de"] == pytest.approx(0.5 * (0.6 * one - 0.6 * other))
    assert shifts["xx"] == pytest.approx(0.75 * (0.4 * other - 0.4 * one))
    assert not language_shifts({"de": (one, 9)}, "another model")["de"].any(), "alone, nothing is taken off"
    assert language_shifts({}, "another model") == {}
    known = language_shifts({"en": (one, SHRINK_KNOWN), "xx": (other, SHRINK)}, BUNDLED_EMBEDDER)
    assert known["en"] == pytest.approx(0.5 * (0.5 * one - 0.5 * other))
    moved = shift_question(one, np.asarray(other), "another model")
    # (1, -1/2) normalised.
    assert moved == pytest.approx(np.array([2, -1, 0, 0]) / np.sqrt(5))


def test_means_of_the_archive_bring_languages_together(sample_archive: Archive, embedder: Embedder) -> None:
    """For a model without means of its own, an English question finds more than English."""
    raw = Embedder(IndexConfig(archive=Path(), embedder="another name", query_prompt="query: "))
    raw._passage_prompt, raw._loaded = "passage: ", embedder._model
    articles = sample_archive.articles(limit=100)
    texts = [(a.language, s.text) for a in articles for s in sample_archive.sentences(a)]
    vectors = 2 * raw.embed_passages([text for _, text in texts])
    languages = np.array([language for language, _ in texts])
    means = {
        str(name): (vectors[languages == name].mean(axis=0), int((languages == name).sum()))
        for name in np.unique(languages)
    }
    shifts = language_shifts(means, "another name")
    vector = raw.embed_queries([QUESTION])[0]
    plain = vectors @ vector
    shifted = plain - np.array([shifts[name] @ vector for name in languages])
    best_plain = languages[np.argsort(-plain)[:20]]
    best_shifted = languages[np.argsort(-shifted)[:20]]
    assert (best_plain == "en").mean() > (best_shifted == "en").mean()
    assert set(best_shifted) == {"ar", "en", "fa", "ru"}
