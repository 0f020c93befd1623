"""What the index needs to know; plain values, filled in by `rag.config` (no environment here)."""

from dataclasses import dataclass
from pathlib import Path

BUNDLED_EMBEDDER = "multilingual-e5-small"


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Where the archive is and which model embeds it.

    `chroma_url` empty means an embedded store in the folder `archive`. `embedder` is
    `multilingual-e5-small` (bundled, offline), or any sentence-transformers name or folder. Pages are
    fetched from public addresses and `private_networks` (CIDR), `fetch_delay` seconds apart by host.
    """

    archive: Path
    chroma_url: str = ""
    embedder: str = BUNDLED_EMBEDDER
    query_prompt: str | None = None
    passage_prompt: str | None = None
    passage_tokens: int = 200
    batch_size: int = 32
    private_networks: tuple[str, ...] = ()
    fetch_delay: float = 1.0
