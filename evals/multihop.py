"""MultiHop-RAG as a suite: news articles, questions with two to four pieces of evidence, null queries.

Tang and Yang, "MultiHop-RAG: Benchmarking Retrieval-Augmented Generation for Multi-Hop Queries" (2024):
a folder with its `corpus.json` and `MultiHopRAG.json`. A piece of evidence that stands word for word in
its article is gold down to the sentence, another one only by its article.
"""

import re
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter

from evals.errors import DatasetError
from evals.files import read_as
from evals.types import Case, Gold, Quote, Suite
from index.types import Article

CORPUS = "corpus.json"
QUERIES = "MultiHopRAG.json"
NULL = "null_query"


class _Document(BaseModel):
    title: str = ""
    author: str | None = ""
    source: str | None = ""
    published_at: str | None = ""
    url: str | None = ""
    body: str = Field(min_length=1)


class _Evidence(BaseModel):
    title: str = ""
    url: str | None = ""
    fact: str = ""


class _Query(BaseModel):
    query: str = Field(min_length=1)
    answer: str = ""
    question_type: str = ""
    evidence_list: list[_Evidence] = []


def is_multihop(folder: Path) -> bool:
    """Whether a folder holds the benchmark's two files."""
    return (folder / CORPUS).is_file() and (folder / QUERIES).is_file()


def multihop_suite(name: str, folder: Path) -> Suite:
    """The benchmark of a folder; `kind` is the type of question. Raises DatasetError."""
    documents = read_as(folder / CORPUS, TypeAdapter(list[_Document]), "MultiHop-RAG")
    queries = read_as(folder / QUERIES, TypeAdapter(list[_Query]), "MultiHop-RAG")
    articles: dict[str, Article] = {}
    by_title: dict[str, str] = {}
    for number, document in enumerate(documents):
        article_id = document.url or f"document-{number}"
        by_title.setdefault(document.title, article_id)
        articles[article_id] = Article(
            id=article_id,
            title=document.title,
            text=document.body,
            url=document.url or "",
            source=document.source or "",
            authors=(document.author,) if document.author else (),
            language="en",
            published_at=(document.published_at or "")[:10],
        )
    cases = []
    for number, query in enumerate(queries):
        answerable = query.question_type != NULL and bool(query.evidence_list)
        relevant, evidence = [], []
        for piece in query.evidence_list if answerable else ():
            url = piece.url or ""
            source = url if url in articles else by_title.get(piece.title)
            if source is None:
                raise DatasetError(
                    f"{QUERIES}, query {number}: {CORPUS} does not hold the article {piece.title[:80]!r}."
                )
            relevant.append(source)
            if piece.fact.strip() and _stands_in(articles[source].text, piece.fact):
                evidence.append(Gold((Quote(source, piece.fact),)))
        cases.append(
            Case(
                id=f"q{number}",
                language="en",
                question=query.query,
                answerable=answerable,
                evidence=tuple(evidence),
                relevant=tuple(dict.fromkeys(relevant)),
                required=((query.answer,),) if answerable and query.answer.strip() else (),
                reference_answers=(query.answer,) if answerable and query.answer.strip() else (),
                kind=query.question_type,
            )
        )
    if not cases:
        raise DatasetError(f"{str(folder / QUERIES)!r} holds no query.")
    return Suite(name, tuple(cases), tuple(articles.values()))


def _stands_in(text: str, quote: str) -> bool:
    return re.search(r"\s+".join(map(re.escape, quote.split())), text) is not None
