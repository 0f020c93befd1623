"""index/words.py and analyse.py: terms of each language, BM25, and staying in step with the store."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import open_archive
from test_archive import BAKERY, FERRY, UNDATED, run

from index.analyse import analyse, analyse_question
from index.archive import Archive
from index.embed import Embedder
from index.types import Filters


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("ar", "القاعة", "قاعة"),
        ("ar", "حَذَّرَتْ", "حذرت"),
        ("ar", "إيران", "ايران"),
        ("ar", "مســـؤولية", "مسؤولية"),
        ("ar", "٢٢", "22"),
        ("fa", "كتاب", "کتاب"),
        ("fa", "کتاب‌ها", "کتاب"),
        ("fa", "کشته‌شدگان", "کشته شدگان"),
        ("fa", "۱۴۴", "144"),
        ("fa", "ايران", "ایران"),
        ("ru", "взрывами", "взрывы"),
        ("ru", "ещё", "еще"),
        ("en", "Warned", "warnings"),
        ("fr", "café", "cafe"),
        ("xx", "Crocus", "CROCUS"),
    ],
)
def test_forms_of_a_word_are_one_term(language: str, one: str, other: str) -> None:
    assert analyse(one, language) == analyse(other, language) != []


def test_scripts_without_spaces_become_pairs() -> None:
    assert analyse("莫斯科袭击 2024", "zh") == ["莫斯", "斯科", "科袭", "袭击", "2024"]
    assert analyse("ไทย", "th") == ["ไท", "ทย"]


def test_marks_are_part_of_letters() -> None:
    assert analyse("हिन्दी", "xx") == ["हिन्दी"]


def test_function_words_of_a_question_do_not_count() -> None:
    assert analyse_question("Who warned whom?", "en") == ["warn"]
    assert analyse_question("چه کسی به چه کسی هشدار داد؟", "fa") == ["هشدار"]
    assert analyse_question("Who is who?", "en") == analyse("who is who", "en"), "nothing else is there"


def ids(archive: Archive, question: str, language: str = "en", **filters: object) -> list[str]:
    found = archive.search_words(question, language, k=10, filters=Filters(**filters))  # type: ignore[arg-type]
    return [hit.article for hit in found.hits]


@pytest.fixture
def archive(empty_archive: Archive) -> Archive:
    run(empty_archive, FERRY, BAKERY, UNDATED)
    return empty_archive


def test_words_find_passages_of_their_own_language(archive: Archive) -> None:
    assert ids(archive, "Which captain was warned of fog?") == ["ferry"]
    assert ids(archive, "Valmere") == ["undated", "ferry"], "the shorter passage first"
    assert ids(archive, "أين المخبز الجديد؟", "ar") == [BAKERY.id]
    assert ids(archive, "captain", "fr") == []
    assert ids(archive, "Valmere", articles=("ferry",)) == ["ferry"]
    assert ids(archive, "Valmere", articles=("none",)) == []
    matches = archive.search_words("captain warned fog", "en", k=3)
    assert 0.3 < matches.coverage <= 1
    assert archive.search_words("zebra captain", "en", k=3).coverage < matches.coverage


def test_hits_lead_to_the_sentences_of_their_passage(archive: Archive) -> None:
    matches = archive.search_words("captain", "en", k=3)
    vector = archive.embed_question("captain", "en")
    hits = archive.hits_of(matches.hits, vector)
    assert [hit.sentence for hit in hits] == list(archive.sentences(FERRY))


def test_words_follow_changes_and_removals(archive: Archive) -> None:
    run(archive, replace(FERRY, text="The ferry was towed free by a tug."))
    assert ids(archive, "captain") == []
    assert ids(archive, "tug") == ["ferry"]
    archive.remove("ferry")
    assert ids(archive, "tug") == []


def test_a_lost_or_stale_word_index_is_mended(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "a", embedder)
    run(archive, FERRY)
    archive.close()
    early = tmp_path / "early"
    shutil.copytree(tmp_path / "a" / "words", early)

    archive = open_archive(tmp_path / "a", embedder)
    run(archive, replace(FERRY, text="A tug came."), BAKERY)
    expected = archive.search_words("tug", "en", k=5).hits
    archive.close()

    shutil.rmtree(tmp_path / "a" / "words")
    archive = open_archive(tmp_path / "a", embedder)
    assert archive.search_words("tug", "en", k=5).hits == expected
    archive.close()

    shutil.rmtree(tmp_path / "a" / "words")
    shutil.copytree(early, tmp_path / "a" / "words")
    archive = open_archive(tmp_path / "a", embedder)
    assert archive.search_words("tug", "en", k=5).hits == expected
    assert ids(archive, "captain") == []
    archive.close()

    for file in (tmp_path / "a" / "words").iterdir():
        file.write_bytes(b"damaged")
    archive = open_archive(tmp_path / "a", embedder)
    assert archive.search_words("tug", "en", k=5).hits == expected
    archive.close()
