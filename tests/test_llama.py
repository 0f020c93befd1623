"""rag/llama.py: one of llama-index's own query engines runs on the archive."""

from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeRelationship

from index.archive import Archive
from index.types import Filters
from rag.llama import ArchiveRetriever

QUESTION = "Who warned whom before the Crocus attack?"


def test_nodes_are_passages_with_their_place(sample_archive: Archive) -> None:
    nodes = ArchiveRetriever(sample_archive, top_k=4).retrieve(QUESTION)
    assert len(nodes) == 4
    assert [n.score for n in nodes] == sorted((n.score for n in nodes), reverse=True)
    for scored in nodes:
        node = scored.node
        article = sample_archive.article(node.metadata["article_id"])
        assert article.text[node.start_char_idx : node.end_char_idx] == node.get_content("none")
        start, end = node.metadata["cited_start_char"], node.metadata["cited_end_char"]
        assert article.text[start:end] == node.metadata["cited_text"]
        assert node.relationships[NodeRelationship.SOURCE].node_id == article.id


def test_filters_hold(sample_archive: Archive) -> None:
    retriever = ArchiveRetriever(sample_archive, filters=Filters(languages=("fa",)))
    assert {n.metadata["language"] for n in retriever.retrieve(QUESTION)} == {"fa"}


def test_a_query_engine_runs_on_it(sample_archive: Archive) -> None:
    engine = RetrieverQueryEngine.from_args(
        ArchiveRetriever(sample_archive, top_k=3),
        llm=MockLLM(),
        node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=-2)],
    )
    response = engine.query(QUESTION)
    assert len(response.source_nodes) == 3
    # The mock model echoes its prompt: the passages and their sources were in it.
    for scored in response.source_nodes:
        assert scored.node.get_content("none") in str(response)
        assert scored.node.metadata["source"] in str(response)
