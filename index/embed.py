"""Text to vectors, and pairs of texts to scores: the only file that knows sentence-transformers.

Questions and passages are embedded differently (prompts), so they have separate calls. One thread of
its own does all the work: forward passes side by side only fight for the same cores. Questions that wait
for it are embedded together, at a fraction of the price, and wait for no more than one batch of passages.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from index.bundled import bundled_model_folder
from index.config import BUNDLED_EMBEDDER, IndexConfig
from index.errors import EmbedderError

Vectors = npt.NDArray[np.float32]

# So few texts are embedded on one core: a second one makes them no faster and takes it from others.
FEW = 8
# Texts are padded to lengths in such steps. For every shape that it meets, torch keeps code and memory on a
# CPU: over some hundred lengths that adds up to half a gigabyte, over these to next to nothing, at 1 % more
# time.
LENGTH_STEP = 8


class Embedder:
    """A sentence-transformers model, loaded on first use and safe to share between threads."""

    def __init__(self, config: IndexConfig) -> None:
        self.name = config.embedder
        self._query_prompt = config.query_prompt
        self._passage_prompt = config.passage_prompt
        self._batch_size = config.batch_size
        self._thread = ThreadPoolExecutor(1, "embed")
        self._questions: deque[tuple[Sequence[str], Future[Vectors]]] = deque()
        self._load_lock = threading.Lock()
        self._loaded: Any = None

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, shape (len(texts), dimension)."""
        if len(texts) > FEW:
            return self._embed(texts, self.query_prompt)
        found: Future[Vectors] = Future()
        self._questions.append((texts, found))
        # As often as there are questions, so that none is left; most find nothing to do.
        self._thread.submit(self._embed_questions)
        return found.result()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages or sentences, shape (len(texts), dimension)."""
        return self._embed(texts, self.passage_prompt)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in the model's tokens, without the tokens added at both ends."""
        if not texts:
            return []
        encoded = self._model.tokenizer(
            list(texts), add_special_tokens=False, truncation=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    @property
    def query_prompt(self) -> str:
        return self._prompt(self._query_prompt, "query")

    @property
    def passage_prompt(self) -> str:
        return self._prompt(self._passage_prompt, "document", "passage")

    def identity(self) -> dict[str, str | int]:
        """What an archive remembers: vectors of two models must never be mixed."""
        return {
            "embedder": self.name,
            "dimension": self.dimension,
            "query_prompt": self.query_prompt,
            "passage_prompt": self.passage_prompt,
        }

    def load(self) -> None:
        """Load the model now rather than at the first text. Raises EmbedderError."""
        _ = self._model

    def _prompt(self, given: str | None, *names: str) -> str:
        if given is not None:
            return given
        prompts: dict[str, str] = self._model.prompts
        return next((prompts[name] for name in names if prompts.get(name)), "")

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        """Batch by batch, so that others come in between."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        # Texts of like length together, or the short ones cost what the long ones do.
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            chosen = [texts[number] for number in batch]
            vectors[batch] = self._thread.submit(self._embed_batch, chosen, prompt).result()
        return vectors

    def _embed_batch(self, texts: Sequence[str], prompt: str) -> Vectors:
        _use_cores(0)
        return self._encode(texts, prompt)

    def _embed_questions(self) -> None:
        """All questions that wait, up to a batch."""
        calls: list[tuple[Sequence[str], Future[Vectors]]] = []
        while self._questions and sum(len(texts) for texts, _ in calls) < self._batch_size:
            calls.append(self._questions.popleft())
        if not calls:
            return
        try:
            _use_cores(1)
            vectors = self._encode([text for texts, _ in calls for text in texts], self.query_prompt)
        except BaseException as error:
            for _, found in calls:
                found.set_exception(error)
            return
        start = 0
        for texts, found in calls:
            found.set_result(vectors[start : start + len(texts)])
            start += len(texts)

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode(
            list(texts),
            prompt=prompt,
            batch_size=self._batch_size,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        vectors = np.asarray(vectors, np.float32)
        # In bfloat16 the model's own normalisation is off by up to half a percent.
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)

    @property
    def _model(self) -> Any:
        with self._load_lock:
            if self._loaded is None:
                self._loaded = _load(self.name)
            return self._loaded


class CrossEncoder:
    """A sentence-transformers cross-encoder, loaded on first use and safe to share between threads."""

    def __init__(self, name: str, batch_size: int) -> None:
        self.name = name
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._loaded: Any = None

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question; only their order means anything."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_cross_encoder(self.name)
            _use_cores(0)
            found = self._loaded.predict(
                [(question, text) for text in texts],
                batch_size=self._batch_size,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return [float(score) for score in np.reshape(found, (len(texts), -1))[:, 0]]


def _use_cores(count: int) -> None:
    """How many cores this thread's forward passes may use; 0 for all."""
    import torch

    every = _every_core()
    if torch.get_num_threads() != (count or every):
        torch.set_num_threads(count or every)


@cache
def _every_core() -> int:
    """As many as torch takes when nobody has told it otherwise."""
    import torch

    return torch.get_num_threads()


def _load_cross_encoder(name: str) -> Any:
    advice = "Check the setting `reranker`, or leave it empty to do without."
    with _loading(f"the reranker {name!r}", advice) as device:
        from sentence_transformers import CrossEncoder as Model

        return _in_steps(Model(name, device=device))


def _load(name: str) -> Any:
    bundled = name == BUNDLED_EMBEDDER
    path = str(bundled_model_folder()) if bundled else name
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    advice = f"Check the setting `embedder`; {BUNDLED_EMBEDDER!r} needs no download."
    with _loading(f"the embedding model {name!r}", advice) as device:
        import torch
        from sentence_transformers import SentenceTransformer

        dtype = torch.bfloat16 if _fast_bfloat16(torch, device) else torch.float32
        return _in_steps(
            SentenceTransformer(
                path, device=device, model_kwargs={"dtype": dtype}, local_files_only=bundled
            )
        )


def _in_steps(model: Any) -> Any:
    """The model, which pads to lengths in steps. One without a transformer has no lengths."""
    given, longest = getattr(model[0], "processing_kwargs", None), getattr(model[0], "max_seq_length", None)
    # Nothing may be padded beyond the last position that the model knows.
    if given is not None and not (longest or 0) % LENGTH_STEP:
        given["text"] = {"pad_to_multiple_of": LENGTH_STEP, **given.get("text", {})}
    return model


@contextmanager
def _loading(what: str, advice: str) -> Iterator[str]:
    """The device to load a model on. Raises EmbedderError for what goes wrong meanwhile."""
    # Importing torch and transformers takes seconds: `dateline --help` must not pay for it.
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        yield "cuda" if torch.cuda.is_available() else "cpu"
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EmbedderError(f"{what} cannot be loaded: {reason} {advice}") from error


def _fast_bfloat16(torch: Any, device: str) -> bool:
    """Whether bfloat16 is done in hardware: elsewhere it is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
