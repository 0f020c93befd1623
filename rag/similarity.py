"""How near a statement is in meaning to the sentences it cites, whatever their languages."""

from collections.abc import Sequence

from index.centre import centre, centring_of
from index.embed import Embedder
from index.language import detect_language
from rag.verify import Similarity


def similarity_of(embedder: Embedder) -> Similarity | None:
    """The cosine of a statement with the nearest of its sentences, by centred sentence vectors.

    All statements of one call are embedded together. None for a model whose vectors are not
    centred: `verify.MIN_SIMILARITY` says nothing about it.
    """
    if not centring_of(embedder.name):
        return None

    def similarity(pairs: Sequence[tuple[str, Sequence[str]]]) -> list[float]:
        texts = list(dict.fromkeys(text for statement, cited in pairs for text in (statement, *cited)))
        languages = [detect_language(text) for text in texts]
        vectors = centre(embedder.embed_passages(texts), languages, "sentence", embedder.name)
        row = dict(zip(texts, vectors, strict=True))
        return [
            max(float(row[statement] @ row[sentence]) for sentence in cited) for statement, cited in pairs
        ]

    return similarity
