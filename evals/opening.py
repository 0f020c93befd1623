"""Opens the system that is judged; archives of suites are made once and kept."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import SecretStr

from evals.cache import code_fingerprint, key_of
from evals.errors import DatasetError
from evals.systems import LocalSystem, OpenAISystem, ServerSystem, System
from evals.types import Suite
from index.archive import fingerprint_of, version_of
from index.embed import Embedder, Vectors
from index.errors import UserFixableError
from index.ingest import ingest
from rag.chat import Assistant
from rag.config import Settings
from rag.llm import LLM

KEPT_ARCHIVES = 8
# One that was used since then may be in use.
UNUSED_SECONDS = 24 * 3600
OpenSystem = Callable[[Suite], AbstractContextManager[System]]


def local(settings: Settings, *, archives: Path | None, search_only: bool) -> OpenSystem:
    """An Assistant on an archive of the suite's articles, kept in a folder; else on the settings' own."""

    @contextmanager
    def open_system(suite: Suite) -> Iterator[System]:
        if archives is None:
            assistant = Assistant.open(settings)
        elif suite.articles:
            assistant = _on_articles(settings, suite, archives)
        else:
            raise DatasetError(
                f"the suite {suite.name!r} brings no articles: put them beside its cases, or name an "
                "archive with --archive."
            )
        try:
            if search_only:
                questions = [case.question for case in suite.cases]
                known = cast(Embedder, _Prepared(assistant.archive.embedder, questions))
                assistant.archive.embedder = known
            yield LocalSystem(assistant, search_only=search_only)
        finally:
            assistant.close()

    return open_system


def remote(url: str, settings: Settings) -> OpenSystem:
    """A server: Dateline's by REST, or one whose address ends in /v1 as OpenAI-compatible."""

    @contextmanager
    def open_system(suite: Suite) -> Iterator[System]:
        if not url.rstrip("/").endswith("/v1"):
            yield ServerSystem(url, settings.llm_timeout)
            return
        # A key goes only where it was configured to go.
        key = (
            settings.llm_api_key if url.rstrip("/") == settings.llm_base_url.rstrip("/") else SecretStr("")
        )
        asked = settings.model_copy(
            update={
                "llm_base_url": url,
                "llm_model": settings.llm_model or "dateline",
                "llm_api_key": key,
            }
        )
        yield OpenAISystem(LLM.of(asked), url)

    return open_system


def _on_articles(settings: Settings, suite: Suite, archives: Path) -> Assistant:
    made_by = {
        name: getattr(settings, name)
        for name in ("embedder", "query_prompt", "passage_prompt", "passage_tokens")
    }
    articles = fingerprint_of((article.id, version_of(article)) for article in suite.articles)
    key = key_of(made_by | {"code": code_fingerprint(), "articles": articles})
    folder = archives / key
    _forget_old(archives, folder)
    settings = settings.model_copy(update={"archive": folder, "chroma_url": ""})
    assistant = Assistant.open(settings, create=True)
    try:
        # Quick when all of it is there, and goes on where a killed run stopped.
        for outcome in ingest(assistant.archive, suite.articles):
            if outcome.status == "failed":
                raise UserFixableError(f"{outcome.article_id}: {outcome.reason}")
        folder.touch()
    except BaseException:
        assistant.close()
        raise
    return assistant


def _forget_old(archives: Path, needed: Path) -> None:
    if not archives.is_dir():
        return
    others = [folder for folder in archives.iterdir() if folder.is_dir() and folder != needed]
    others.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in others[KEPT_ARCHIVES - 1 :]:
        if time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


class _Prepared:
    """An embedder that has embedded all questions together, which is quicker than one by one."""

    def __init__(self, embedder: Embedder, questions: Sequence[str]) -> None:
        self._embedder = embedder
        asked = [question.strip() for question in questions]
        self._known = dict(zip(asked, embedder.embed_queries(asked), strict=True))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, shape (len(texts), dimension)."""
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return self._embedder.embed_queries(texts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)
