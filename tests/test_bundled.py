"""index/bundled.py: the unpacked model is the original one, and unpacking is safe."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from index import bundled
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import EmbedderError
from tests.conftest import ROOT

REFERENCE = json.loads((Path(__file__).parent / "data" / "e5_reference.json").read_text("utf-8"))


def cosines(embedder: Embedder) -> np.ndarray:
    texts = REFERENCE["texts"]
    ours = np.concatenate(
        [embedder.embed_queries(texts["query"]), embedder.embed_passages(texts["passage"])]
    )
    theirs = np.asarray(REFERENCE["vectors"])
    return (ours * theirs).sum(axis=1) / np.linalg.norm(theirs, axis=1)


def test_vectors_are_those_of_the_original_engine(embedder: Embedder) -> None:
    assert cosines(embedder).min() >= 0.999


def test_float32_vectors_are_those_of_the_original_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.embed._fast_bfloat16", lambda torch, device: False)
    assert cosines(Embedder(IndexConfig(archive=Path()))).min() >= 0.9995


def test_vectors_are_unit_float32(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(["one", "two words"])
    assert vectors.shape == (2, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert embedder.embed_queries([]).shape == (0, 384)


def test_prompts_differ(embedder: Embedder) -> None:
    assert (embedder.query_prompt, embedder.passage_prompt) == ("query: ", "passage: ")
    question, passage = embedder.embed_queries(["warning"])[0], embedder.embed_passages(["warning"])[0]
    assert question @ passage < 0.999


def test_a_damaged_package_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bundled, "FILE_SHA256", "0" * 64)
    with pytest.raises(EmbedderError, match="damaged or of another version"):
        bundled.bundled_model_folder()
    assert not list(tmp_path.rglob("*.safetensors"))


def test_two_processes_unpack_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_unpacked, range(2))
    assert first == second
    folder = Path(first)
    assert (folder / "modules.json").is_file()
    assert [p.name for p in folder.parent.iterdir()] == [folder.name], "temporary folders are left over"


def test_unpacking_says_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import index.bundled as b; b.bundled_model_folder()"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=250)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    weights = load_file(next(tmp_path.rglob("model.safetensors")))
    names = {name for name in weights if name.startswith("pooler.")}
    assert names and not any(weights[name].any() for name in names), "left to chance"


def _unpacked(_: int) -> str:
    return str(bundled.bundled_model_folder())


def test_a_model_that_cannot_be_loaded_names_the_setting() -> None:
    embedder = Embedder(IndexConfig(archive=Path(), embedder="/nowhere/model"))
    with pytest.raises(EmbedderError, match="setting `embedder`"):
        embedder.load()
