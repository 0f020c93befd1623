"""Copies, revisions and repeated lines: what is one text, and what is no part of any."""

import json
import random
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from index.address import canonical, without_tracking
from index.archive import Archive
from index.boilerplate import LEAST_ARTICLES, source_of, without_repeated_lines
from index.duplicates import RESEMBLANCE, bands, find_original, resemblance, sign
from index.embed import Embedder
from index.ingest import Outcome, ingest
from index.ledger import Ledger
from index.sources import Sources
from index.types import Article
from tests.conftest import SAMPLE_ARTICLES, open_archive
from tests.hostile import zipped

WIRE = (
    "The ferry Aurora ran aground off Valmere on Sunday evening with two hundred passengers on board. "
    "All of them were taken to the harbour by fishing boats before midnight, the coast guard said. "
    "The captain told reporters that the lighthouse had been dark since Friday. "
    "The port office opened an inquiry and asked the owner for the ship's papers. "
    "A tug from the capital is to pull the Aurora free at high water on Tuesday."
)
OTHER = (
    "The town council of Torvik voted on Monday to close the old bridge to lorries for two years. "
    "Engineers had found cracks in three of its pillars, the mayor said after the vote. "
    "Hauliers complained that the way around the lake takes an hour longer. "
    "A new bridge would cost forty million and could not be ready before the decade ends. "
    "The regional government promised to pay for a half of it if the plans are ready by spring."
)


def article(article_id: str, text: str = WIRE, **facts: str) -> Article:
    return Article(id=article_id, title="Ferry", text=text, language="en", **facts)


def run(archive: Archive, *articles: Article) -> list[Outcome]:
    return list(ingest(archive, articles))


def test_copies_form_clusters_with_their_first_article(empty_archive: Archive) -> None:
    edited = WIRE.replace("Sunday evening", "Sunday night").replace("told reporters", "said")
    cut = " ".join(WIRE.split(". ")[:4])
    run(empty_archive, article("a"), article("b", OTHER), article("c", edited))
    # In later runs, too, and whether the copy is exact, edited or cut.
    run(empty_archive, article("d"), article("e", cut), article("f", OTHER))
    assert sorted(map(sorted, empty_archive.clusters())) == [["a", "c", "d", "e"], ["b", "f"]]
    assert [cluster[0] for cluster in sorted(empty_archive.clusters())] == ["a", "b"]
    assert empty_archive.copies("c") == ["a", "d", "e"]
    assert empty_archive.count_articles() == 6, "every paper's copy can still be found and cited"
    empty_archive.remove("a")
    assert empty_archive.copies("c") == ["d", "e"]


def test_an_exact_copy_is_not_embedded_again(
    empty_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(empty_archive, article("a"))
    embedded: list[str] = []
    embed = empty_archive.embedder.embed_passages
    monkeypatch.setattr(
        empty_archive.embedder, "embed_passages", lambda texts: (embedded.extend(texts), embed(texts))[1]
    )
    run(empty_archive, article("copy", source="Harbour Post"))
    assert embedded == []
    one, other = empty_archive.indexed("a"), empty_archive.indexed("copy")
    assert one is not None and other is not None and (one.vectors == other.vectors).all()


def test_reports_of_one_event_written_apart_are_no_copies() -> None:
    apart = (
        "Two hundred people spent Sunday night in Valmere's sports hall after their ferry hit a sandbank. "
        "Fishing boats had brought them ashore, and nobody was hurt, said the coast guard. "
        "Why the lighthouse was dark is still unclear; the captain blames the port office. "
        "The ship will be towed away on Tuesday if the weather allows it."
    )
    assert resemblance(sign(WIRE), sign(apart)) < 0.2 < 0.6 < resemblance(sign(WIRE), sign(WIRE + " More."))
    assert sign("Too short to tell.") == b""


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("رست العبارة في الميناء القديم مساء الأحد وعلى متنها مئتا راكب. " * 4, "وقالت الشرطة ذلك. "),
        (
            "渡轮星期天晚上在港口附近搁浅，船上有两百名乘客，海岸警卫队说所有人都获救了。",
            "船长说灯塔坏了。",
        ),
    ],
)
def test_copies_in_other_scripts(text: str, edited: str) -> None:
    assert resemblance(sign(text), sign(text + edited)) >= 0.6


def test_urls_that_name_one_page() -> None:
    page = canonical("https://example.org/a?id=5")
    for url in (
        "http://www.example.org/a?id=5", "https://EXAMPLE.org/a/?id=5&utm_source=x&utm_medium=y",
        "https://example.org/a?fbclid=1&id=5#top", "https://example.org/a?id=5&at_medium=rss",
    ):  # fmt: skip
        assert canonical(url) == page, url
    assert canonical("https://example.org/a?id=6") != page
    assert canonical("https://example.org/") == canonical("") == canonical("https://") == ""
    assert without_tracking("https://a.org/x?b=1&utm_source=y#z") == "https://a.org/x?b=1"
    assert without_tracking("https://a.org/x?b=1#z") == "https://a.org/x?b=1#z"


def test_another_text_of_a_url_is_its_newest_revision(empty_archive: Archive) -> None:
    url = "https://post.example.org/ferry"
    run(empty_archive, article("first", url=url, published_at="2024-03-01"))
    tracked = article("second", WIRE + " It is free.", url=f"{url}?utm_source=x", published_at="2024-03-02")
    [outcome] = run(empty_archive, tracked)
    assert (outcome.article_id, outcome.given_id, outcome.status) == ("first", "second", "replaced")
    assert empty_archive.count_articles() == 1
    newest, before = empty_archive.revisions("first")
    assert newest.article.text.endswith("It is free.") and newest.article.url == url
    assert (before.article.text, before.article.published_at) == (WIRE, "2024-03-01")
    # Only the newest answers questions.
    vector = empty_archive.embed_question("Where did the ferry run aground?", "en")
    assert {hit.article.text for hit in empty_archive.search(vector, k=50)} == {newest.article.text}
    # An older text that comes late is kept, and does not answer.
    [late] = run(empty_archive, article("third", OTHER, url=url, published_at="2024-02-28"))
    assert late.status == "unchanged" and "older" in late.reason
    assert [r.article.text for r in empty_archive.revisions("first")] == [newest.article.text, WIRE, OTHER]
    assert [o.status for o in run(empty_archive, tracked)] == ["unchanged"]
    assert len(empty_archive.revisions("first")) == 3
    empty_archive.remove("first")
    assert [o.status for o in run(empty_archive, article("first", url=url))] == ["added"]
    assert len(empty_archive.revisions("first")) == 1


def test_a_corrected_date_is_no_revision(empty_archive: Archive) -> None:
    run(empty_archive, article("a", published_at="2024-03-01"))
    assert [o.status for o in run(empty_archive, article("a", published_at="2024-03-02"))] == ["replaced"]
    assert len(empty_archive.revisions("a")) == 1
    # Back and forth: each text is kept once.
    for text in (OTHER, WIRE, OTHER, WIRE):
        run(empty_archive, article("a", text, published_at="2024-03-02"))
    assert [r.article.text for r in empty_archive.revisions("a")] == [WIRE, OTHER]


BEGGING = "Subscribe to the Harbour Post for the whole story"
BACKGROUND = "The Aurora has sailed between Valmere and the islands since 1971."


def issue(number: int, *lines: str, source: str = "Harbour Post") -> Article:
    own = f"Report {number} says that harbour number {number * 7} was open on day {number} of the month."
    return Article(
        id=f"p{number}", title=f"T{number}", text="\n".join([own, *lines]), source=source, language="en"
    )


def test_lines_that_a_source_repeats_are_left_out_of_all_its_articles(empty_archive: Archive) -> None:
    papers = [issue(n, BEGGING, *([BACKGROUND] if n % 7 == 0 else [])) for n in range(2 * LEAST_ARTICLES)]
    outcomes = run(empty_archive, *papers, issue(99, BEGGING, source="Torvik News"))
    assert {outcome.status for outcome in outcomes} == {"added"}
    texts = {a.id: a.text for a in empty_archive.articles(limit=100)}
    assert BEGGING in texts.pop("p99"), "another source may say so"
    assert not any(BEGGING in text for text in texts.values()), "those from before it was known, too"
    assert sum(BACKGROUND in text for text in texts.values()) == 3, (
        "a story's background is not boilerplate"
    )
    assert all(len(empty_archive.revisions(article_id)) == 1 for article_id in texts)
    faults = empty_archive.faults()
    assert (faults.incomplete, faults.leftovers, faults.derived) == ((), (), 0)
    # The same again changes nothing; a later article comes without the line.
    assert {outcome.status for outcome in run(empty_archive, *papers)} == {"unchanged"}
    run(empty_archive, issue(50, BEGGING))
    assert BEGGING not in empty_archive.article("p50").text


def test_an_article_that_is_mostly_such_lines_is_left_whole(empty_archive: Archive) -> None:
    run(empty_archive, *[issue(n, BEGGING) for n in range(2 * LEAST_ARTICLES)])
    stub = replace(issue(60), text=f"Closed.\n{BEGGING}")
    run(empty_archive, stub)
    assert empty_archive.article("p60").text == stub.text


def test_an_archive_of_before_there_were_revisions_takes_them(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "a", embedder)
    archive._store._client.delete_collection("dateline-revisions")
    run(archive, article("a"))
    run(archive, article("a", OTHER))
    assert [r.article.text for r in archive.revisions("a")] == [OTHER, WIRE]
    archive.close()


def test_a_file_keeps_the_id_that_it_got_first(empty_archive: Archive, tmp_path: Path) -> None:
    def take(*given: Path) -> dict[str, str]:
        with Sources(empty_archive) as sources:
            outcomes = ingest(empty_archive, sources.read([str(path) for path in given]))
            return {outcome.article_id: outcome.status for outcome in outcomes}

    year = tmp_path / "news" / "2024"
    year.mkdir(parents=True)
    (year / "ferry.txt").write_text(WIRE)
    (year / "both.zip").write_bytes(zipped(("museum.txt", OTHER)))
    first = take(year)
    assert first == {"ferry.txt": "added", "both.zip/museum.txt": "added"}
    # Through any folder above it, and by itself, it is the same file.
    unchanged = dict.fromkeys(first, "unchanged")
    assert take(tmp_path / "news") == take(tmp_path / "news" / ".." / "news") == unchanged
    assert take(year / "ferry.txt") == {"ferry.txt": "unchanged"}
    (year / "ferry.txt").write_text(f"{WIRE} It is free again.")
    assert take(tmp_path)["ferry.txt"] == "replaced"
    # One of the same name elsewhere is another article, and takes the place of none.
    (tmp_path / "news" / "2025").mkdir()
    (tmp_path / "news" / "2025" / "ferry.txt").write_text("The ferry of Ossun was sold to a museum in May.")
    assert take(tmp_path / "news" / "2025") == {"2025/ferry.txt": "added"}
    assert "free again" in empty_archive.article("ferry.txt").text
    # A folder that has moved brings nothing new.
    (tmp_path / "news").rename(tmp_path / "kept")
    assert set(take(tmp_path / "kept" / "2024").values()) == {"unchanged"}
    assert take(tmp_path / "kept" / "2025") == {"2025/ferry.txt": "unchanged"}
    assert empty_archive.count_articles() == 3


def test_copies_are_told_from_reports_of_the_same_events() -> None:
    """All articles of the sample tell of one attack; three edited copies of each are to be found."""
    chance = random.Random(3)
    texts = [json.loads(line)["text"] for line in SAMPLE_ARTICLES.read_text("utf-8").splitlines()]

    def reworded(text: str) -> str:
        words = text.split(" ")
        for place in chance.sample(range(len(words)), len(words) // 20):
            words[place] = "otherwise"
        return " ".join(words)

    def shortened(text: str) -> str:
        words = text.split(" ")
        return " ".join(words[: len(words) * 2 // 3])

    def framed(text: str) -> str:
        return f"CITY, 1 April (Agency) - {text} Reporting by our staff; editing by another desk."

    def met(one: bytes, other: bytes) -> bool:
        return bool({*bands(one)} & {*bands(other)}) and resemblance(one, other) >= RESEMBLANCE

    signatures = [sign(text) for text in texts]
    recall = {
        edit.__name__: sum(met(s, sign(edit(t))) for s, t in zip(signatures, texts, strict=True))
        / len(texts)
        for edit in (framed, reworded, shortened)
    }
    assert recall["framed"] == recall["reworded"] == 1.0 and recall["shortened"] >= 0.85, recall
    # The sample has one wire story under two mastheads.
    assert sum(met(one, other) for one, other in combinations(signatures, 2)) == 1


def test_a_copy_is_known_for_one_in_a_later_run(tmp_path: Path, embedder: Embedder) -> None:
    for number, text in enumerate((WIRE, f"VALMERE (Agency) {WIRE}", OTHER)):
        archive = open_archive(tmp_path / "archive", embedder)
        run(archive, article(f"run {number}", text))
        clusters = archive.clusters()
        archive.close()
    assert clusters == [["run 0", "run 1"]]


def test_what_an_article_is_compared_with_is_looked_up_and_never_searched_for(tmp_path: Path) -> None:
    """One statement that reads a whole table would make each article dearer than the one before."""
    said: set[str] = set()
    with Ledger(tmp_path) as ledger:
        ledger._connection.set_trace_callback(said.add)
        for number in range(3):
            text = "\n\n".join(
                f"Line {line} of {number}: " + "the harbour is open. " * 9 for line in range(4)
            )
            article = Article(id=f"a{number}", title="", text=text, language="en")
            key = ledger.number(article.id, source_of(article))
            without_repeated_lines(ledger, key, article)
            find_original(ledger, key, text, "en", lambda _: True)
        ledger._connection.set_trace_callback(None)
        asked = [each for each in said if each.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]
        assert len(asked) > 20
        plans = [
            (each, str(step[-1])) for each in asked for step in ledger.all(f"EXPLAIN QUERY PLAN {each}")
        ]
    # Of what was found, and of what was given, all is read.
    small = ("SCAN near", "SCAN json_each")
    searched = [plan for plan in plans if plan[1].startswith("SCAN") and not plan[1].startswith(small)]
    assert plans and not searched
