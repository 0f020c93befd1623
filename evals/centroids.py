"""Estimate the language means of `index/data/centroids.npz` for the bundled embedding model.

    python -m evals.centroids XQUAD_FOLDER

Arabic, English and Russian: the first 120 paragraphs of XQuAD (the rest is kept for measuring),
their sentences and their questions. Persian is not in XQuAD. Its texts are the sample archive's, and
those are about a few events, so their mean is the language's plus the subject's. The sample has the
same subjects in all languages: what sets its Arabic, English and Russian means apart from XQuAD's,
on average, is the subject, and is taken off. Only the means are kept, in float16.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from index.centre import CENTROIDS
from index.config import IndexConfig
from index.embed import Embedder
from index.split import pack_passages, split_sentences

FIRST_HALF = 120
DATA = Path(__file__).with_name("data")


KINDS = ("query", "passage", "sentence")
Texts = tuple[list[str], list[str], list[str]]


def main(xquad: Path) -> None:
    embedder = Embedder(IndexConfig(archive=Path()))
    means = {language: _means(embedder, _xquad(xquad, language)) for language in ("ar", "en", "ru")}
    subject = np.mean(
        [_means(embedder, _sample(embedder, language)) - mean for language, mean in means.items()], axis=0
    )
    means["fa"] = _means(embedder, _sample(embedder, "fa")) - subject
    languages = sorted(means)
    stacked = np.stack([means[language] for language in languages]).astype(np.float16)
    arrays = {kind: stacked[:, number] for number, kind in enumerate(KINDS)}
    np.savez(CENTROIDS, allow_pickle=False, languages=np.array(languages), **arrays)


def _means(embedder: Embedder, texts: Texts) -> np.ndarray:
    """Mean vectors of questions, passages and sentences, shape (3, dimension)."""
    questions, passages, sentences = texts
    print(len(questions), "questions,", len(passages), "passages,", len(sentences), "sentences")
    vectors = (embedder.embed_queries(questions), *map(embedder.embed_passages, (passages, sentences)))
    return np.stack([vector.mean(axis=0) for vector in vectors])


def _xquad(folder: Path, language: str) -> Texts:
    data = json.loads((folder / f"xquad.{language}.json").read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]][:FIRST_HALF]
    passages = [paragraph["context"] for paragraph in paragraphs]
    questions = [qa["question"] for paragraph in paragraphs for qa in paragraph["qas"]]
    sentences = [s.text for passage in passages for s in split_sentences(passage, language)]
    return questions, passages, sentences


def _sample(embedder: Embedder, language: str) -> Texts:
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
