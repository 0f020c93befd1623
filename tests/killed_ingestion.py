"""One ingestion in a process of its own, to be killed; `python -m` is not used, for the sake of speed."""

from multiprocessing.connection import Connection
from pathlib import Path

# Imported once by the process that the others are forked from.
import sentence_transformers  # noqa: F401
import transformers.models.bert.modeling_bert  # noqa: F401

import index.ingest
from index.archive import Archive
from index.config import IndexConfig
from index.sources import Sources

BATCH_TEXTS = 24


def take_in(folder: Path, news: Path, told: Connection) -> None:
    """Take a folder in, and tell when the model is loaded and when all is done."""
    index.ingest.BATCH_TEXTS = BATCH_TEXTS
    archive = Archive.open(IndexConfig(archive=folder), create=True)
    archive.embedder.load()
    told.send("ready")
    with Sources(archive) as sources:
        for _ in index.ingest.ingest(archive, sources.read([str(news)])):
            pass
    archive.close()
    told.send("done")
