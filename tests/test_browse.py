"""Articles found by their words, and counted: index/archive.py, index/catalogue.py, index/words.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from index.archive import Archive
from index.ingest import ingest
from index.types import Article, Count, Filters

TEXT = "A ferry with 212 passengers ran aground near the harbour of Valmere. Nobody was hurt."
ARTICLES = (
    Article("ferry", "Ferry runs aground", TEXT, "", "Harbour Post", (), "en", "2024-02-03"),
    Article("wire", "On the rocks", TEXT, "", "Wire", (), "en", "2024-02-04T01:00:00Z"),
    Article(
        "خبز/1 'x'",
        "مخبز جديد",
        "افتتح مخبز جديد أبوابه في حي الميناء القديم. وقال صاحبه إن الخبز يباع بنصف السعر هذا الشهر.",
        source="المشرق",
        language="ar",
        published_at="2024-03-01",
    ),
    Article(
        "ru",
        "Паром сел на мель",
        "Паром с пассажирами сел на мель у Вальмере. Никто не пострадал.",
        source="Курьер",
        language="ru",
        published_at="2023-12-31T23:30:00+03:00",
    ),
    Article("undated", "Chess", "The chess club of Valmere meets every Tuesday.", language="en"),
)


@pytest.fixture
def archive(empty_archive: Archive) -> Archive:
    assert {outcome.status for outcome in ingest(empty_archive, ARTICLES)} == {"added"}
    later = replace(ARTICLES[4], text="The chess club of Valmere meets every Wednesday now.")
    assert [outcome.status for outcome in ingest(empty_archive, [later])] == ["replaced"]
    return empty_archive


def ids(archive: Archive, query: str, **filters: object) -> list[str]:
    page = archive.browse(query, filters=Filters(**filters))  # type: ignore[arg-type]
    assert page.total == len(page.articles)
    return [article.id for article in page.articles]


def test_all_words_are_found_in_any_of_their_forms_newest_first(archive: Archive) -> None:
    assert ids(archive, "") == ["خبز/1 'x'", "wire", "ferry", "ru", "undated"]
    assert ids(archive, "passenger") == ["wire", "ferry"]
    assert ids(archive, "runs HARBOURS") == ["ferry"], "one word is in the title, one in the text"
    assert ids(archive, "passengers chess") == []
    assert ids(archive, "المخابز") == [] and ids(archive, "الأبواب") == ["خبز/1 'x'"]
    assert ids(archive, "пассажиров") == ["ru"]
    assert ids(archive, "Wednesday") == ["undated"] and ids(archive, "Tuesday") == []


def test_an_outlet_and_an_id_are_found_too(archive: Archive) -> None:
    assert ids(archive, "harbour POST") == ["ferry"]
    assert ids(archive, "مشرق") == ["خبز/1 'x'"]
    assert ids(archive, " خبز/1 'x' ") == ["خبز/1 'x'"]
    assert ids(archive, "?!") == []


def test_filters_and_pages_hold(archive: Archive) -> None:
    assert ids(archive, "ferry", sources=("Wire",)) == ["wire"]
    assert ids(archive, "", published_from="2024-02-04") == ["خبز/1 'x'", "wire"]
    page = archive.browse("Valmere", offset=1, limit=1)
    assert page.total == 3 and [article.id for article in page.articles] == ["ferry"]
    assert archive.browse("Valmere", offset=9).articles == ()


def test_what_was_removed_is_not_found(archive: Archive) -> None:
    archive.remove("ferry")
    assert ids(archive, "passenger") == ["wire"]


def test_the_archive_is_counted(archive: Archive) -> None:
    found = archive.statistics()
    assert (found.articles, found.undated) == (5, 1)
    days = ["2023-12-31", "2024-02-03", "2024-02-04", "2024-03-01"]
    assert found.dates == tuple(Count(day, 1) for day in days)
    assert archive.statistics("month").dates == (
        Count("2023-12", 1),
        Count("2024-02", 2),
        Count("2024-03", 1),
    )
    assert archive.statistics("year").dates == (Count("2023", 1), Count("2024", 3))
    assert found.languages == (Count("en", 3), Count("ar", 1), Count("ru", 1))
    assert found.sources[0] == Count("", 1) and len(found.sources) == 5
    assert (found.clusters, found.copies, found.revisions) == (1, 1, 1)
    narrowed = archive.statistics("year", Filters(languages=("en",), sources=("Harbour Post",)))
    assert (narrowed.articles, narrowed.dates, narrowed.copies) == (1, (Count("2024", 1),), 0)


def test_an_empty_archive_is_counted(empty_archive: Archive, tmp_path: Path) -> None:
    found = empty_archive.statistics("month")
    assert (found.articles, found.dates, found.sources, found.clusters) == (0, (), (), 0)
    assert empty_archive.browse("x").total == 0
