"""How near a statement is in meaning to the sentences it cites, whatever their languages."""

from collections.abc import Sequence

from index.centre import centre, centring_of
from index.embed import Embedder
from index.language import detect_language
from rag.verify import Similarity


def similarity_of(embedder: Embedder) -> Similarity | None:
    """The cosine of a statement with the nearest of its sentences, by centred sentence vectors.

    None for a model whose vectors are not centred: `verify.MIN_SIMILARITY` says nothing about it.
    """
    if not centring_of(embedder.name):
        return None

    def similarity(statement: str, sentences: Sequence[str]) -> float:
        texts = [statement, *sentences]
        languages = [detect_language(text) for text in texts]
        vectors = centre(embedder.embed_passages(texts), languages, "sentence", embedder.name)
        return float((vectors[1:] @ vectors[0]).max())

    return similarity
