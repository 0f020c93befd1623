"""Ingestions in processes of their own, to be killed: forked from one that has loaded all there is."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import index.embed
import index.ingest
from index.archive import Archive
from index.config import IndexConfig
from index.sources import Sources
from index.types import Article


def started(work: Callable[..., None], *given: Any) -> tuple[BaseProcess, Connection]:
    """A process that works on what is given; what it tells can be received until it ends."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "tests.loaded_model"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(*given, theirs))
    process.start()
    theirs.close()
    return process, ours


def rest(told: Connection) -> list[str]:
    """All that a process still tells before its end."""
    lines = []
    while True:
        try:
            lines.append(told.recv())
        except EOFError:
            return lines


def take_in(folder: Path, news: Path, told: Connection) -> None:
    """Take a folder in, and tell when it begins and when all is done."""
    archive = _opened(IndexConfig(archive=folder), batch_texts=24)
    told.send("ready")
    with Sources(archive) as sources:
        for _ in index.ingest.ingest(archive, sources.read([str(news)])):
            pass
    archive.close()
    told.send("done")


def take_numbered(folder: Path, count: int, version: str, url: str, told: Connection) -> None:
    """Take in so many articles of one version, and tell of each."""
    archive = _opened(IndexConfig(archive=folder, chroma_url=url), batch_texts=12)
    told.send("ready")
    articles = [
        Article(
            id=f"a{n}",
            title="t",
            language="en",
            text=" ".join(
                f"Article {n} of version {version} says in sentence {s} that harbour number {n * 10 + s} "
                "is open."
                for s in range(4)
            ),
        )
        for n in range(count)
    ]
    for outcome in index.ingest.ingest(archive, articles):
        told.send(f"{outcome.article_id} {outcome.status}")


def _opened(config: IndexConfig, *, batch_texts: int) -> Archive:
    from tests.loaded_model import MODEL

    index.embed._load = lambda name: MODEL
    index.ingest.BATCH_TEXTS = batch_texts
    return Archive.open(config, create=True)
