"""The sample archive and its golden questions hold together."""

import json
from collections import Counter
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

DATA = Path(__file__).resolve().parent.parent / "evals" / "data"
LANGUAGES = {"ar", "en", "fa", "ru"}
ARTICLE_KEYS = {"id", "title", "text", "url", "source", "authors", "published_at", "language"}
GOLDEN_KEYS = {"id", "language", "question", "answerable", "evidence", "required", "reference_answer"}


def read_lines(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def articles() -> list[dict[str, Any]]:
    return read_lines("articles.jsonl")


@pytest.fixture(scope="module")
def golden() -> list[dict[str, Any]]:
    return read_lines("golden.jsonl")


def sentences(text: str) -> set[str]:
    """The sentences of an English article, cut roughly; good enough to compare two copies."""
    cut = text.replace("\n", " ").split(". ")
    return {piece.strip().rstrip(".") for piece in cut if piece.strip()}


def test_there_are_enough_articles_in_each_language(articles: list[dict[str, Any]]) -> None:
    assert len(articles) >= 24
    by_language = Counter(article["language"] for article in articles)
    assert set(by_language) == LANGUAGES
    assert min(by_language.values()) >= 6


def test_articles_are_complete(articles: list[dict[str, Any]]) -> None:
    ids = [article["id"] for article in articles]
    assert len(ids) == len(set(ids))
    for article in articles:
        assert set(article) >= ARTICLE_KEYS, article["id"]
        assert article["title"].strip() and article["source"].strip(), article["id"]
        assert article["text"].strip(), article["id"]
        assert isinstance(article["authors"], list), article["id"]


def test_article_addresses_are_reserved_ones(articles: list[dict[str, Any]]) -> None:
    urls = [article["url"] for article in articles]
    assert len(urls) == len(set(urls))
    for url in urls:
        host = urlsplit(url).hostname or ""
        assert host == "example.org" or host.endswith(".example.org"), url


def test_article_dates_parse_or_are_empty(articles: list[dict[str, Any]]) -> None:
    for article in articles:
        if not article["published_at"]:
            continue
        moment = datetime.fromisoformat(article["published_at"])
        if "T" in article["published_at"]:
            assert moment.tzinfo is not None, article["id"]
    assert any(not article["published_at"] for article in articles)


def test_there_are_enough_golden_questions(golden: list[dict[str, Any]]) -> None:
    assert len(golden) >= 40
    assert sum(not row["answerable"] for row in golden) >= 10
    assert {row["language"] for row in golden} == LANGUAGES
    ids = [row["id"] for row in golden]
    assert len(ids) == len(set(ids))
    for row in golden:
        assert set(row) >= GOLDEN_KEYS, row["id"]
        assert row["question"].strip(), row["id"]


def test_evidence_is_quoted_word_for_word(
    articles: list[dict[str, Any]], golden: list[dict[str, Any]]
) -> None:
    texts = {article["id"]: article["text"] for article in articles}
    for row in golden:
        for item in row["evidence"]:
            assert item["quote"].strip(), row["id"]
            assert item["quote"] in texts[item["article"]], (row["id"], item)


def test_only_answerable_questions_carry_evidence(golden: list[dict[str, Any]]) -> None:
    for row in golden:
        if row["answerable"]:
            assert row["evidence"] and row["required"] and row["reference_answer"], row["id"]
        else:
            assert row["evidence"] == [] and row["required"] == [], row["id"]
            assert row["reference_answer"] == "", row["id"]


def test_reference_answers_meet_their_own_requirements(golden: list[dict[str, Any]]) -> None:
    for row in golden:
        answer = row["reference_answer"].casefold()
        for forms in row["required"]:
            assert any(form.casefold() in answer for form in forms), (row["id"], forms)


def test_one_wire_story_appears_under_two_mastheads(articles: list[dict[str, Any]]) -> None:
    copies = [
        (one["id"], two["id"])
        for one, two in combinations(articles, 2)
        if one["source"] != two["source"]
        and one["language"] == two["language"]
        and len(sentences(one["text"]) & sentences(two["text"])) >= 3
    ]
    assert copies
