"""Centring: take each language's mean vector away, so that languages share one space.

A multilingual embedder puts every language in its own corner, so a question finds its own
language first and the rest late. Subtracting the language's mean and normalising again removes
most of that (on XQuAD's ar + en + ru archive mAP rises from .45/.56/.52 to .73/.83/.79).

The means ship with the code, for the bundled model: `evals/centroids.py` estimates them. They
are fixed, so a vector never changes while an archive grows. A language without a mean of its own
takes the average of those there are; another model's vectors are left as they are.
"""

from collections.abc import Sequence
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


@cache
def _centroids(kind: Kind) -> dict[str, npt.NDArray[np.float32]]:
    with np.load(CENTROIDS) as file:
        languages = [str(language) for language in file["languages"]]
        means = file[kind].astype(np.float32)
    return dict(zip(languages, means, strict=True)) | {"": means.mean(axis=0)}
