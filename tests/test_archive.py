"""index/archive.py, store.py, ingest.py: what is stored is whole, findable, and safe."""

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import open_archive
from processes import chroma, running

from index.archive import Archive
from index.catalogue import Catalogue
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import ArchiveError, ArchiveUnavailableError, ArticleNotFoundError
from index.ingest import MAX_ARTICLE_CHARS, Outcome, ingest
from index.readers import Failure
from index.store import Written
from index.types import Article, Filters, Hit
from tests.other_process import rest, started, take_numbered

FERRY = Article(
    id="ferry",
    title="Ferry runs aground",
    text=(
        "A ferry with 212 passengers ran aground near the harbour of Valmere on Sunday. "
        "Nobody was hurt, the coast guard said.\nThe captain denied that he had been warned of the fog."
    ),
    url="https://post.example.org/ferry",
    source="Harbour Post",
    authors=("A. Writer", "B. Editor"),
    language="en",
    published_at="2024-02-03T23:30:00+03:00",
)
BAKERY = Article(
    id="خبز/1 'x'",
    title="مخبز جديد",
    text="افتتح مخبز جديد أبوابه في حي الميناء القديم. وقال صاحبه إن الخبز يباع بنصف السعر هذا الشهر.",
    source="المشرق",
    language="ar",
    published_at="2024-05-01",
)
UNDATED = Article(
    id="undated",
    title="Chess",
    text="The chess club of Valmere meets every Tuesday. Beginners are welcome.",
    language="en",
)


def run(archive: Archive, *articles: Article | Failure) -> list[Outcome]:
    return list(ingest(archive, articles))


def find(archive: Archive, question: str, k: int = 5, **filters: object) -> list[Hit]:
    vector = archive.embed_question(question, "en")
    return archive.search(vector, k=k, filters=Filters(**filters))  # type: ignore[arg-type]


@pytest.fixture
def archive(empty_archive: Archive) -> Archive:
    outcomes = run(empty_archive, FERRY, BAKERY, UNDATED)
    assert [outcome.status for outcome in outcomes] == ["added"] * 3
    return empty_archive


def test_an_article_comes_back_as_it_went_in(archive: Archive) -> None:
    for article in (FERRY, BAKERY, UNDATED):
        stored = archive.article(article.id)
        assert replace(stored, ingested_at="") == article
        assert stored.ingested_at.startswith("20")


def test_hits_are_verbatim_with_their_passage(archive: Archive) -> None:
    hits = find(archive, "Who denied having been warned?")
    assert hits[0].sentence.text == "The captain denied that he had been warned of the fog."
    for hit in hits:
        text = hit.article.text
        assert text[hit.sentence.start_char : hit.sentence.end_char] == hit.sentence.text
        assert hit.sentence in hit.passage.sentences
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_score_is_the_sum_of_both_similarities(archive: Archive) -> None:
    """Worked out again from single vectors: the stored sum is what the docstring says it is."""
    from index.centre import centre
    from index.ingest import PASSAGE_WEIGHT, SENTENCE_WEIGHT

    hit = find(archive, "Who denied having been warned?")[0]
    question = archive.embed_question("Who denied having been warned?", "en")
    text = FERRY.text[hit.passage.start_char : hit.passage.end_char]
    name = archive.embedder.name
    passage = centre(archive.embedder.embed_passages([text]), ["en"], "passage", name)[0]
    sentence = centre(archive.embedder.embed_passages([hit.sentence.text]), ["en"], "sentence", name)[0]
    assert hit.score == pytest.approx(
        float(PASSAGE_WEIGHT * question @ passage + SENTENCE_WEIGHT * question @ sentence), abs=0.02
    )


def test_an_unchanged_article_costs_no_embedding(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(texts: object) -> np.ndarray:
        raise AssertionError("embedded again")

    monkeypatch.setattr(archive.embedder, "embed_passages", refuse)
    assert [o.status for o in run(archive, FERRY, BAKERY, UNDATED)] == ["unchanged"] * 3


def test_a_changed_article_replaces_its_predecessor_whole(archive: Archive) -> None:
    shorter = replace(FERRY, text="The ferry was towed free on Monday.")
    assert run(archive, shorter)[0].status == "replaced"
    texts = {hit.sentence.text for hit in find(archive, "ferry captain warned fog", k=50)}
    assert "The ferry was towed free on Monday." in texts
    assert not texts & {"Nobody was hurt, the coast guard said."}
    assert archive.count_articles() == 3
    assert stored_sentences(archive) == {"ferry": 1, BAKERY.id: 2, "undated": 2}


def test_a_removed_article_leaves_nothing_behind(archive: Archive) -> None:
    archive.remove("ferry")
    assert "ferry" not in stored_sentences(archive)
    assert all(hit.article.id != "ferry" for hit in find(archive, "ferry", k=50))
    assert archive.coverage().articles == 2
    with pytest.raises(ArticleNotFoundError, match="'ferry'"):
        archive.article("ferry")
    with pytest.raises(ArticleNotFoundError, match="nothing to remove"):
        archive.remove("ferry")


def test_filters(archive: Archive) -> None:
    def ids(**filters: object) -> set[str]:
        found = {hit.article.id for hit in find(archive, "harbour of Valmere", k=50, **filters)}
        assert found == {a.id for a in archive.articles(filters=Filters(**filters))}  # type: ignore[arg-type]
        assert archive.count_articles(Filters(**filters)) == len(found)  # type: ignore[arg-type]
        return found

    assert ids(languages=("ar",)) == {BAKERY.id}
    assert ids(sources=("Harbour Post", "المشرق")) == {"ferry", BAKERY.id}
    assert ids(articles=("undated", "no such")) == {"undated"}
    # By the date that the article shows, whatever its time zone; both ends included.
    assert ids(published_from="2024-02-03", published_to="2024-02-03") == {"ferry"}
    assert ids(published_from="2024-02-04") == {BAKERY.id}
    assert ids(published_to="2024-02-03T23:00:00") == set()
    assert ids(published_from="0001-01-01") == {"ferry", BAKERY.id}, "undated articles never pass"
    assert ids(languages=("en",), published_from="2024-01-01") == {"ferry"}


def test_paging_and_coverage(archive: Archive) -> None:
    assert [a.id for a in archive.articles()] == [BAKERY.id, "ferry", "undated"]
    assert [a.id for a in archive.articles(offset=1, limit=1)] == ["ferry"]
    coverage = archive.coverage()
    assert (coverage.articles, coverage.passages) == (3, 3)
    assert coverage.languages == ("ar", "en")
    assert coverage.sources == ("Harbour Post", "المشرق")
    assert (coverage.published_from, coverage.published_to) == (FERRY.published_at, BAKERY.published_at)


def test_failures_lose_nothing(archive: Archive) -> None:
    blank = replace(FERRY, id="blank", text=" \n ")
    huge = replace(FERRY, id="huge", text="a " * MAX_ARTICLE_CHARS)
    new = replace(UNDATED, id="new")
    outcomes = run(archive, Failure("x.txt", "is empty"), blank, huge, new)
    assert [o.status for o in outcomes] == ["failed", "failed", "failed", "added"]
    assert "blank" in outcomes[1].reason and "split it" in outcomes[2].reason
    assert archive.count_articles() == 4


def test_the_same_id_twice_in_a_run_ends_as_the_last(empty_archive: Archive) -> None:
    other = replace(FERRY, text="Nothing happened at all.")
    assert [o.status for o in run(empty_archive, FERRY, other)] == ["added", "replaced"]
    assert empty_archive.article("ferry").text == "Nothing happened at all."
    assert stored_sentences(empty_archive) == {"ferry": 1}


def test_reopening_finds_everything(tmp_path: Path, embedder: Embedder) -> None:
    first = open_archive(tmp_path / "a", embedder)
    run(first, FERRY, BAKERY)
    before = [(h.sentence.text, h.score) for h in find(first, "Who was warned?")]
    first.close()
    second = open_archive(tmp_path / "a", embedder)
    assert [h.sentence.text for h in find(second, "Who was warned?")] == [text for text, _ in before]
    second.close()


# --- other processes ---------------------------------------------------------------------------


def taken_in(folder: Path, count: int, version: str = "1", url: str = "") -> list[str]:
    """What another process tells that takes in so many articles."""
    process, told = started(take_numbered, folder, count, version, url)
    lines = rest(told)
    process.join()
    assert process.exitcode == 0
    return lines


def test_articles_of_another_process_are_found_without_reopening(
    tmp_path: Path, embedder: Embedder
) -> None:
    archive = open_archive(tmp_path / "a", embedder)
    run(archive, FERRY)
    assert find(archive, "harbour number 31 is open")[0].article.id == "ferry"
    assert taken_in(tmp_path / "a", 5) == ["ready", *(f"a{n} added" for n in range(5))]
    time.sleep(1)
    assert find(archive, "harbour number 31 is open")[0].article.id != "ferry"
    assert archive.count_articles() == 6
    # Both may write: this process goes on from what the other wrote.
    run(archive, BAKERY)
    archive.remove("a0")
    archive.close()
    again = open_archive(tmp_path / "a", embedder)
    assert again.count_articles() == 6
    assert len(find(again, "harbour number 31 is open", k=200)) == sum(stored_sentences(again).values())
    again.close()


@pytest.mark.parametrize("moment", [0.0, 0.3, 1.1])
def test_killed_at_any_moment(tmp_path: Path, embedder: Embedder, moment: float) -> None:
    """Nothing reported done is lost, nothing half answers, and going on ends as if undisturbed."""
    folder = tmp_path / "a"
    archive = open_archive(folder, embedder)
    # Version 1 of half of the articles is there: the killed run replaces those and adds others.
    taken_in(folder, 15, "1")
    process, told = started(take_numbered, folder, 30, "2", "")
    assert told.recv() == "ready"
    reported = [told.recv()]  # the model is loaded and the first batch is in
    time.sleep(moment)
    process.kill()
    reported += rest(told)
    process.join()
    archive.close()

    archive = open_archive(folder, embedder)
    for line in reported:
        assert "version 2" in archive.article(line.split()[0]).text
    hits = find(archive, "harbour number 12 is open", k=1000)
    by_article: dict[str, list[Hit]] = {}
    for hit in hits:
        by_article.setdefault(hit.article.id, []).append(hit)
    assert len(by_article) == archive.count_articles()
    for found in by_article.values():
        assert len(found) == 4, "half an article answers"
        versions = {hit.sentence.text.split(" says")[0] for hit in found}
        assert len(versions) == 1, "two versions of an article answer"
    archive.close()

    taken_in(folder, 30, "2")
    archive = open_archive(folder, embedder)
    run(archive, FERRY)  # whatever is left over is swept before writing
    assert stored_sentences(archive) == {f"a{n}": 4 for n in range(30)} | {"ferry": 3}
    assert all("version 2" in archive.article(f"a{n}").text for n in range(30))
    archive.close()


def test_killed_before_words_and_rows_are_written(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The articles are in the store, and nothing tells of them but that their rows are missing."""
    archive = open_archive(tmp_path / "a", embedder)
    run(archive, FERRY)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_carry_over", killed)
        with pytest.raises(KeyboardInterrupt):
            run(archive, BAKERY)
    archive.close()
    archive = open_archive(tmp_path / "a", embedder)
    assert find(archive, BAKERY.text)[0].article.id == BAKERY.id
    assert archive.search_words(BAKERY.text, BAKERY.language, k=5).hits[0].article == BAKERY.id
    assert [outcome.status for outcome in ingest(archive, [FERRY, BAKERY])] == ["unchanged"] * 2
    archive.close()


def test_searching_while_writing(archive: Archive) -> None:
    """Threads of one process: searches neither fail nor see half an article."""
    errors: list[BaseException] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            try:
                for hit in find(archive, "ferry", k=10):
                    assert hit.sentence.text in hit.article.text
            except BaseException as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(6):
        run(archive, replace(FERRY, text=f"The ferry moved {number} metres. It stopped again."))
        if number % 2:
            archive.remove("undated")
        else:
            run(archive, UNDATED)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors


# --- a Chroma server ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = chroma(tmp_path_factory.mktemp("chroma"))
    with running(server):
        yield server.address


def test_a_chroma_server_holds_the_same_archive(
    chroma_url: str, tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    config = IndexConfig(archive=tmp_path / "unused", chroma_url=chroma_url)
    with pytest.raises(ArchiveError, match="no archive at"):
        Archive.open(config)
    archive = open_archive(config.archive, embedder, chroma_url=chroma_url)
    assert [o.status for o in run(archive, FERRY, BAKERY, UNDATED)] == ["added"] * 3
    assert find(archive, "Who denied having been warned?")[0].article.id == "ferry"
    assert {h.article.id for h in find(archive, "bread", languages=("ar",))} == {BAKERY.id}
    taken_in(tmp_path / "unused", 3, "1", chroma_url)
    assert archive.count_articles() == 6, "an article of another process is seen at once"
    assert find(archive, "harbour number 21 is open")[0].article.id.startswith("a")
    archive.remove("ferry")
    assert archive.count_articles() == 5
    assert not (tmp_path / "unused").exists()
    archive.close()


@pytest.fixture
def two_machines(
    chroma_url: str, tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Archive, Archive]]:
    """Two archives before one server, as on two machines: each with words and rows of its own."""
    archives = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        archives.append(open_archive(tmp_path, embedder, chroma_url=chroma_url))
    for article in archives[0].articles(limit=1000):
        archives[0].remove(article.id)
    archives[1].catch_up()
    yield archives[0], archives[1]
    for archive in archives:
        archive.close()


def caught_up(archive: Archive) -> Archive:
    archive.catch_up()
    return archive


def test_of_two_that_write_at_one_moment_each_finds_the_other_s(
    two_machines: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = two_machines
    write_note = one._store._write_note

    def write_late(articles: object) -> None:
        run(two, BAKERY)
        write_note(articles)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(one._store, "_write_note", write_late)
        run(one, FERRY)
    for archive in (one, two):
        caught_up(archive)
        assert archive.count_articles() == 2
        assert find(archive, BAKERY.text)[0].article.id == BAKERY.id
        assert find(archive, "Who denied having been warned?")[0].article.id == "ferry"


def test_what_another_wrote_is_read_alone(
    two_machines: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the whole catalogue: only after more writes than a note names, or after a failure."""
    one, two = two_machines
    whole: list[str] = []
    read_catalogue = two._read_catalogue
    monkeypatch.setattr(two, "_read_catalogue", lambda: (whole.append("read"), read_catalogue())[1])
    run(one, FERRY, BAKERY)
    assert caught_up(two).count_articles() == 2
    one.remove("ferry")
    run(one, replace(BAKERY, text="The bakery burned down."))
    assert [article.text for article in caught_up(two).articles()] == ["The bakery burned down."]
    assert not whole
    monkeypatch.setattr("index.store.NOTED", 2)
    run(one, FERRY)
    run(one, UNDATED)
    run(one, replace(FERRY, title="Again"))
    assert caught_up(two).count_articles() == 3
    assert whole == ["read"]
    assert two.article("ferry").title == "Again"


def test_a_note_goes_when_nobody_writes_it_any_more(
    two_machines: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = two_machines
    run(one, FERRY)
    run(two, BAKERY)
    assert len(caught_up(one)._store._read_notes()) > 1
    monkeypatch.setattr("index.store.NAMED_SECONDS", 0.0)
    monkeypatch.setattr("index.store.FORGOTTEN_SECONDS", 0.0)
    run(one, UNDATED)
    assert len(one._store._read_notes()) == 1
    assert caught_up(two).count_articles() == caught_up(one).count_articles() == 3


def test_words_that_another_process_was_at_are_looked_at_again(
    two_machines: tuple[Archive, Archive],
) -> None:
    """On one machine a writer may hold them just when a reader learns of its article."""
    one, two = two_machines
    run(one, FERRY)
    with two._words.alone(wait=True), two._rows.alone(wait=True):
        assert caught_up(two).count_articles() == 1
        assert not two.search_words("ferry", "en", k=5).hits
    caught_up(two)
    assert two.search_words("ferry", "en", k=5).hits[0].article == "ferry"
    assert find(two, "ferry")[0].article.id == "ferry"


def test_an_article_stored_while_the_catalogue_is_read_is_not_lost(
    two_machines: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = two_machines
    run(two, UNDATED)
    read_with, reading = two._with, threading.Event()

    def read_slowly(written: Written) -> Catalogue:
        found = read_with(written)
        reading.set()
        time.sleep(0.5)
        return found

    monkeypatch.setattr(two, "_with", read_slowly)
    run(one, FERRY)
    thread = threading.Thread(target=two.catch_up)
    thread.start()
    reading.wait()
    run(two, BAKERY)
    thread.join()
    assert two.count_articles() == 3


def test_a_failure_while_catching_up_is_made_up_for(
    two_machines: tuple[Archive, Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = two_machines
    run(one, FERRY)

    def fail(*_: object, **__: object) -> None:
        raise ArchiveUnavailableError("the server went away just now")

    with monkeypatch.context() as patch:
        patch.setattr(two._store, "get", fail)
        with pytest.raises(ArchiveUnavailableError):
            two.catch_up()
    assert two.count_articles() == 1
    # The article is stored, but nobody was told; whoever tried finds out.
    with monkeypatch.context() as patch:
        patch.setattr(two._store, "changed", fail)
        with pytest.raises(ArchiveUnavailableError):
            run(two, BAKERY)
    assert two.count_articles() == 2
    assert find(two, BAKERY.text)[0].article.id == BAKERY.id
    assert two.search_words(BAKERY.text, BAKERY.language, k=5).hits


def test_a_server_that_hangs_is_told(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes connections and answers none must not keep users waiting for ever."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("index.store.ANSWER_SECONDS", 1.0)
    server = chroma(tmp_path)
    with running(server):
        archive = open_archive(tmp_path, embedder, chroma_url=server.address)
        server.running.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(ArchiveUnavailableError, match="did not answer within 1 seconds"):
                archive.ping()
        finally:
            server.running.send_signal(signal.SIGCONT)
        archive.ping()
        archive.close()


def test_an_unreachable_chroma_server_is_not_an_empty_archive(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:9", "https://127.0.0.1:9"):
        with pytest.raises(ArchiveUnavailableError, match="no Chroma server answers"):
            Archive.open(IndexConfig(archive=tmp_path, chroma_url=url))
    with pytest.raises(ArchiveError, match="not a URL"):
        Archive.open(IndexConfig(archive=tmp_path, chroma_url="localhost:8000"))


# --- folders that are no archive ---------------------------------------------------------------


def test_folders_that_are_no_archive(tmp_path: Path, archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="dateline ingest PATH"):
        Archive.open(IndexConfig(archive=tmp_path / "missing"))
    assert not (tmp_path / "missing").exists()

    (tmp_path / "file").write_text("x")
    with pytest.raises(ArchiveError, match="is a file"):
        Archive.open(IndexConfig(archive=tmp_path / "file"), create=True)

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    with pytest.raises(ArchiveError, match="holds other files"):
        Archive.open(IndexConfig(archive=tmp_path / "photos"), create=True)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["cat.jpg"]

    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "chroma.sqlite3").write_text("not a database " * 100)
    with pytest.raises(ArchiveError, match="cannot be opened"):
        Archive.open(IndexConfig(archive=tmp_path / "damaged"))


def test_another_embedder_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match=r"multilingual-e5-small.*other/model.*DATELINE_EMBEDDER"):
        Archive.open(replace(archive.config, embedder="other/model"))
    changed = Archive.open(replace(archive.config, query_prompt="question: "))
    with pytest.raises(ArchiveError, match="query_prompt"):
        changed.embed_question("Who?", "en")
    changed.close()
    assert find(archive, "ferry"), "the refusals did not disturb the archive"


def stored_sentences(archive: Archive) -> dict[str, int]:
    """Sentence records in the store by article, whether they count or not."""
    counts: dict[str, int] = {}
    for record in archive._store.all("sentences"):
        article = record.metadata["article"]
        counts[article] = counts.get(article, 0) + 1
    return counts
