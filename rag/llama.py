"""The archive as a llama-index retriever, so that any of its engines can stand on it."""

from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from index.archive import Archive
from index.types import Filters
from rag.retrieve import retrieve
from rag.types import RankedPassage

NO_FILTERS = Filters()


class ArchiveRetriever(BaseRetriever):
    """Returns passages as nodes, best first, with the article's metadata and the cited sentence.

    A node's text is the passage; `start_char_idx` and `end_char_idx` are its place in the article.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        top_k: int = 10,
        filters: Filters = NO_FILTERS,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager=callback_manager)
        self._archive = archive
        self._top_k = top_k
        self._filters = filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        evidence = retrieve(self._archive, query_bundle.query_str, top_k=self._top_k, filters=self._filters)
        return [_node(passage) for passage in evidence.passages]


def _node(ranked: RankedPassage) -> NodeWithScore:
    article, passage, best = ranked.article, ranked.passage, ranked.sentences[0]
    metadata: dict[str, Any] = {
        "article_id": article.id,
        "title": article.title,
        "url": article.url,
        "source": article.source,
        "published_at": article.published_at,
        "language": article.language,
        "cited_text": best.text,
        "cited_start_char": best.start_char,
        "cited_end_char": best.end_char,
        "also_in": [copy.id for copy in ranked.copies],
    }
    # What a model reads is the passage with its provenance; positions are for programs.
    hidden = ["article_id", "cited_text", "cited_start_char", "cited_end_char", "also_in"]
    node = TextNode(
        id_=f"{article.id}#{passage.start_char}",
        text=article.text[passage.start_char : passage.end_char],
        start_char_idx=passage.start_char,
        end_char_idx=passage.end_char,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=list(metadata),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=article.id)},
    )
    return NodeWithScore(node=node, score=ranked.score)
