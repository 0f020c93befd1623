"""index/embed.py: one thread embeds for all, and nobody waits for what others have much of."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.config import IndexConfig
from index.embed import FEW, LENGTH_STEP, Embedder, Vectors

QUESTIONS = [f"Who opened harbour number {number}, and {'why ' * number}then?" for number in range(20)]


@pytest.fixture
def fresh(embedder: Embedder) -> Embedder:
    """An embedder of its own with the model that is already loaded."""
    fresh = Embedder(IndexConfig(archive=Path()))
    fresh._loaded = embedder._model
    return fresh


def passes(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each forward pass from now on takes."""
    sizes: list[int] = []
    encode = embedder._encode

    def counted(texts: list[str], prompt: str) -> np.ndarray:
        sizes.append(len(texts))
        return encode(texts, prompt)

    monkeypatch.setattr(embedder, "_encode", counted)
    return sizes


def embedded_at_once(embedder: Embedder) -> list[Vectors]:
    """The vectors of each question; all of them wait before the first one is embedded."""
    busy = threading.Event()
    embedder._thread.submit(busy.wait)
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        found = [pool.submit(embedder.embed_queries, [question]) for question in QUESTIONS]
        while len(embedder._questions) < len(QUESTIONS):
            time.sleep(0.01)
        busy.set()
        return [each.result() for each in found]


def test_questions_that_wait_are_embedded_together(
    fresh: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [fresh.embed_queries([question])[0] for question in QUESTIONS]
    sizes = passes(fresh, monkeypatch)
    together = [vectors[0] for vectors in embedded_at_once(fresh)]
    assert sizes == [len(QUESTIONS)]
    for one, other in zip(alone, together, strict=True):
        # In bfloat16 a batch is not the same to the last bit.
        assert one @ other > 0.999
    assert min(alone[0] @ other for other in alone[1:]) < 0.999


def test_no_more_than_a_batch_of_them(fresh: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_batch_size", 8)
    sizes = passes(fresh, monkeypatch)
    assert all(vectors.shape == (1, fresh.dimension) for vectors in embedded_at_once(fresh))
    assert sizes == [8, 8, 4]


def test_a_question_does_not_wait_for_all_passages(fresh: Embedder) -> None:
    passages = [f"{question} The keeper said that it was so. " * 4 for question in QUESTIONS] * 12
    with ThreadPoolExecutor(1) as pool:
        embedded = pool.submit(fresh.embed_passages, passages)
        time.sleep(0.1)
        fresh.embed_queries(QUESTIONS[:1])
        assert not embedded.done()
        assert embedded.result().shape == (len(passages), fresh.dimension)


def test_many_texts_keep_their_places(fresh: Embedder) -> None:
    together = fresh.embed_queries(QUESTIONS)
    assert len(QUESTIONS) > FEW
    for question, vector in zip(QUESTIONS, together, strict=True):
        assert fresh.embed_queries([question])[0] @ vector > 0.999
    assert fresh.embed_passages([]).shape == fresh.embed_queries([]).shape == (0, fresh.dimension)


def test_a_failure_is_told_to_all_who_wait_and_passes(
    fresh: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(texts: object, prompt: object) -> np.ndarray:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(fresh, "_encode", fail)
        with ThreadPoolExecutor(3) as pool:
            found = [pool.submit(fresh.embed_queries, [question]) for question in QUESTIONS[:3]]
            assert [str(each.exception()) for each in found] == ["no room"] * 3
    assert fresh.embed_queries(QUESTIONS[:1]).shape == (1, fresh.dimension)


def test_lengths_come_in_steps_and_padding_changes_nothing(
    fresh: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each shape of its input torch keeps memory: hundreds of lengths would fill it."""
    lengths: set[int] = set()
    model = fresh._model
    hook = model[0].register_forward_pre_hook(lambda _, given: lengths.add(given[0]["input_ids"].shape[1]))
    texts = [" ".join(["warning"] * number) for number in range(1, 60)]
    padded = np.concatenate([fresh.embed_passages([text]) for text in texts])
    assert lengths and all(length % LENGTH_STEP == 0 for length in lengths)
    monkeypatch.setattr(model[0], "processing_kwargs", {})
    exact = np.concatenate([fresh.embed_passages([text]) for text in texts])
    hook.remove()
    assert any(length % LENGTH_STEP for length in lengths)
    # As much as bfloat16 rounds.
    assert np.abs(padded - exact).max() < 0.01
    assert (padded * exact).sum(axis=1).min() > 0.999
