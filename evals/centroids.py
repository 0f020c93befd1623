"""Estimate the language means of `index/data/centroids.npz` for the bundled embedding model.

    python -m evals.centroids XQUAD_FOLDER

Arabic, English and Russian: the first 120 paragraphs of XQuAD (the rest is kept for measuring),
their sentences and their questions. Persian: the sample archive's Persian articles and golden
questions, until a larger text is at hand. Only the means are kept, in float16.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from index.split import pack_passages, split_sentences

from index.centre import CENTROIDS
from index.config import IndexConfig
from index.embed import Embedder

FIRST_HALF = 120
DATA = Path(__file__).with_name("data")


def main(xquad: Path) -> None:
    embedder = Embedder(IndexConfig(archive=Path()))
    texts = {language: _xquad(xquad, language) for language in ("ar", "en", "ru")}
    texts["fa"] = _sample(embedder, "fa")
    languages = sorted(texts)
    means: dict[str, list[np.ndarray]] = {"query": [], "passage": [], "sentence": []}
    for language in languages:
        questions, passages, sentences = texts[language]
        print(
            f"{language}: {len(questions)} questions, {len(passages)} passages, {len(sentences)} sentences"
        )
        means["query"].append(embedder.embed_queries(questions).mean(axis=0))
        means["passage"].append(embedder.embed_passages(passages).mean(axis=0))
        means["sentence"].append(embedder.embed_passages(sentences).mean(axis=0))
    stacked = {kind: np.stack(rows).astype(np.float16) for kind, rows in means.items()}
    np.savez(CENTROIDS, allow_pickle=False, languages=np.array(languages), **stacked)


def _xquad(folder: Path, language: str) -> tuple[list[str], list[str], list[str]]:
    data = json.loads((folder / f"xquad.{language}.json").read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]][:FIRST_HALF]
    passages = [paragraph["context"] for paragraph in paragraphs]
    questions = [qa["question"] for paragraph in paragraphs for qa in paragraph["qas"]]
    sentences = [s.text for passage in passages for s in split_sentences(passage, language)]
    return questions, passages, sentences


def _sample(embedder: Embedder, language: str) -> tuple[list[str], list[str], list[str]]:
    questions = [g["question"] for g in _lines("golden.jsonl") if g["language"] == language]
    passages, sentences = [], []
    for article in _lines("articles.jsonl"):
        if article["language"] != language:
            continue
        split = split_sentences(article["text"], language)
        sentences += [s.text for s in split]
        packed = pack_passages(split, embedder.count_tokens([s.text for s in split]), 200)
        passages += [article["text"][p.start_char : p.end_char] for p in packed]
    return questions, passages, sentences


def _lines(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
