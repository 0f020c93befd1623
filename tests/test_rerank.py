"""rag/rerank.py: a real, tiny cross-encoder reorders what was found."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from test_cli import environment
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from index.archive import Archive
from index.embed import CrossEncoder
from index.errors import EmbedderError
from index.types import Filters
from rag.chat import Assistant
from rag.config import Settings
from rag.rerank import rerank
from rag.retrieve import retrieve
from rag.types import Evidence

QUESTION = "Who warned whom before the Crocus attack?"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of one small layer with random weights, as a folder."""
    folder = tmp_path_factory.mktemp("reranker")
    letters = [chr(c) for c in (*range(0x21, 0x7F), *range(0x410, 0x450), *range(0x621, 0x64B))]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=1,
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=512).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(model_folder: Path) -> CrossEncoder:
    return CrossEncoder(str(model_folder), 8)


@pytest.fixture(scope="module")
def found(sample_archive: Archive) -> Evidence:
    return retrieve(sample_archive, QUESTION, top_k=20, filters=Filters())


def test_the_model_tells_texts_apart(model: CrossEncoder, found: Evidence) -> None:
    texts = {hit.sentence.text for hit in found.hits[:20]}
    assert len(set(model.scores(QUESTION, sorted(texts)))) == len(texts) > 10


def test_the_order_is_the_models(model: CrossEncoder, found: Evidence) -> None:
    reordered = rerank(found, model, 12)
    best, rest = reordered.passages[:12], reordered.passages[12:]
    assert rest == found.passages[12:], "what the model did not read stays behind"
    assert {p.article.id for p in best} == {p.article.id for p in found.passages[:12]}
    assert best != found.passages[:12]
    texts = [
        f"{p.article.title}\n{p.article.text[p.passage.start_char : p.passage.end_char]}" for p in best
    ]
    scores = model.scores(QUESTION, texts)
    assert scores == sorted(scores, reverse=True)
    cited = model.scores(QUESTION, [hit.sentence.text for hit in reordered.hits[:12]])
    assert cited == sorted(cited, reverse=True)
    # The scale is retrieval's: the best score goes to whatever is best now.
    assert [p.score for p in reordered.passages] == [p.score for p in found.passages]
    assert [hit.score for hit in reordered.hits] == [hit.score for hit in found.hits]
    assert reordered.answerability == found.answerability


def test_pairs_are_read_in_batches(
    model: CrossEncoder, found: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.scores("warm", ["up"])
    sizes = []
    forward = model._loaded.forward

    def counted(features: dict[str, torch.Tensor], **more: object) -> object:
        sizes.append(len(features["input_ids"]))
        return forward(features, **more)

    monkeypatch.setattr(model._loaded, "forward", counted)
    rerank(found, model, 20)
    assert sum(sizes) == 40 and len(sizes) == 5 and max(sizes) == 8


def test_nothing_found_needs_no_model(found: Evidence) -> None:
    nothing = replace(found, hits=(), passages=())
    assert rerank(nothing, CrossEncoder("no such model", 8), 10) == nothing


def test_the_setting_turns_it_on(
    sample_archive: Archive, sample_archive_dir: Path, model_folder: Path
) -> None:
    plain = Assistant(Settings(archive=sample_archive_dir), sample_archive)
    settings = Settings(archive=sample_archive_dir, reranker=str(model_folder), rerank_candidates=15)
    reordering = Assistant(settings, sample_archive)
    before = asyncio.run(plain.search(QUESTION, top_k=5))
    after = asyncio.run(reordering.search(QUESTION, top_k=5))
    assert len(before.passages) == len(after.passages) == 5
    expected = rerank(
        retrieve(sample_archive, QUESTION, top_k=15, filters=Filters()),
        CrossEncoder(str(model_folder), 8),
        15,
    )
    assert [p.article.id for p in after.passages] == [p.article.id for p in expected.passages[:5]]
    answer = asyncio.run(reordering.ask(QUESTION))
    shown = {citation.cited_text for citation in answer.citations}
    assert expected.hits[0].sentence.text in shown


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path, sample_archive_dir: Path) -> None:
    with pytest.raises(EmbedderError, match="reranker"):
        CrossEncoder(str(tmp_path / "none"), 8).scores("a", ["b"])
    ended = subprocess.run(
        [sys.executable, "-m", "ui.cli", "search", QUESTION, "--archive", str(sample_archive_dir)],
        cwd=ROOT,
        env=environment(DATELINE_RERANKER=str(tmp_path / "none")),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2
    assert "reranker" in ended.stderr and "Traceback" not in ended.stderr
