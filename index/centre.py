"""Centring: take each language's mean vector away, so that languages share one space.

A multilingual embedder puts every language in its own corner, so a question finds its own
language first and the rest late. Subtracting the language's mean and normalising again removes
most of that (on XQuAD's ar + en + ru archive mAP rises from .45/.56/.52 to .73/.83/.79).

It is done in two steps, so that no stored vector ever changes and nothing is embedded again:

1. A prior, when a text is embedded: means that ship with the code, for the bundled model
   (`evals/centroids.py` estimates them). A language without one takes the average of those there
   are; another model has none, and its vectors are stored as they are.
2. What the archive itself shows, when a question is asked: each language's mean stored vector, less
   what is common to all, and shrunk towards nothing while the language has few articles. A
   language's scores are lowered by the question's product with it, which is what subtracting it
   from every stored vector would do. It follows each change of the archive at no cost.

Measured on XQuAD's mixed archive (mAP over ar, en, ru; questions and passages of the second half):
neither .562, the prior alone .826, the archive's means alone .827, both .827. A language that the
prior lacks: .47 to .56 with the average, .73 to .82 with ten articles of its own, .77 to .85 with 240.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from index.config import BUNDLED_EMBEDDER

Vectors = npt.NDArray[np.float32]
Kind = Literal["query", "passage", "sentence"]

CENTROIDS = Path(__file__).with_name("data") / "centroids.npz"
# What an archive remembers: raise it when the means change.
CENTRING = "language means 1"
# Articles at which a language's own mean counts half: few where the prior knows nothing of the
# language, many where it does and a difference is likelier to be the subject than the language.
SHRINK = 5
SHRINK_KNOWN = 200
# How long a vector is on average when the prior is taken off, before it is normalised again.
PRIOR_LENGTH = 0.48


def centring_of(embedder: str) -> str:
    """The name of the centring that an embedder's vectors get; empty when they get none."""
    return CENTRING if embedder == BUNDLED_EMBEDDER else ""


def centre(vectors: Vectors, languages: Sequence[str], kind: Kind, embedder: str) -> Vectors:
    """Unit vectors of shape (n, dimension), each minus its language's mean, normalised again."""
    if not centring_of(embedder) or not len(vectors):
        return vectors
    centroids = _centroids(kind)
    means = np.stack([centroids.get(language, centroids[""]) for language in languages])
    centred = vectors - means
    return np.asarray(
        centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12), np.float32
    )


def language_shifts(means: Mapping[str, tuple[Vectors, int]], embedder: str) -> dict[str, Vectors]:
    """What to take off each language's stored vectors, from their means and numbers of articles.

    The mean m of a language with n articles is shrunk by w = n / (n + k): w * (m - g), where g is
    the mean of all m, each weighing w. With one language there is nothing to take off.
    """
    weights = {}
    for language, (_, articles) in means.items():
        known = bool(centring_of(embedder)) and language in _centroids("passage")
        weights[language] = articles / (articles + (SHRINK_KNOWN if known else SHRINK))
    total = sum(weights.values())
    if not total:
        return {}
    common = sum(weight * means[language][0] for language, weight in weights.items()) / total
    return {
        language: np.asarray(weight * (means[language][0] - common), np.float32)
        for language, weight in weights.items()
    }


def shift_question(vector: Vectors, shift: Vectors, embedder: str) -> Vectors:
    """A centred question without what its language's stored vectors are shifted by.

    Stored vectors are the sum of two unit vectors, so a question is shifted by half as much.
    """
    scale = PRIOR_LENGTH if centring_of(embedder) else 1.0
    moved = vector - scale / 2 * shift
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


@cache
def _centroids(kind: Kind) -> dict[str, npt.NDArray[np.float32]]:
    with np.load(CENTROIDS) as file:
        languages = [str(language) for language in file["languages"]]
        means = file[kind].astype(np.float32)
    return dict(zip(languages, means, strict=True)) | {"": means.mean(axis=0)}
