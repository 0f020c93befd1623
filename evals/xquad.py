"""XQuAD's parallel paragraphs and questions, and archives made of them.

The file of each language holds the same paragraphs and questions in the same order (Artetxe et al.,
"On the Cross-lingual Transferability of Monolingual Representations", 2020). What is estimated is
estimated on the questions of the first 120 paragraphs; figures are measured on the others.
"""

import json
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.archive import Archive
from index.config import IndexConfig
from index.embed import Embedder
from index.errors import UserFixableError
from index.ingest import ingest
from index.types import Article

FIRST_HALF = 120
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the number of the paragraph that answers it, in every language."""

    id: str
    text: str
    language: str
    paragraph: int


@dataclass(frozen=True, slots=True)
class Parallel:
    """Paragraphs by language, in the same order in each, and the questions about them."""

    paragraphs: dict[str, list[str]]
    questions: dict[str, list[Question]]

    @property
    def languages(self) -> list[str]:
        return sorted(self.paragraphs)

    def half(self, language: str, *, second: bool) -> list[Question]:
        """The questions about the first 120 paragraphs, or about the others."""
        return [q for q in self.questions[language] if (q.paragraph >= FIRST_HALF) == second]

    def articles(self, languages: Sequence[str], left_out: Collection[int] = ()) -> list[Article]:
        """One article for each paragraph and language; the id is `language:number`."""
        return [
            Article(id=f"{language}:{number}", title="", text=text, language=language)
            for language in languages
            for number, text in enumerate(self.paragraphs[language])
            if number not in left_out
        ]


def read_parallel(folder: Path, languages: Sequence[str] = ()) -> Parallel:
    """Read the `xquad.LANGUAGE.json` files of a folder. Raises UserFixableError without any."""
    files = {path.name.split(".")[1]: path for path in sorted(folder.glob("xquad.*.json"))}
    missing = [language for language in languages if language not in files]
    if missing or not files:
        raise UserFixableError(
            f"{str(folder)!r} holds no file xquad.{(missing or ['LANGUAGE'])[0]}.json. "
            "Name the folder with XQuAD's files, one a language."
        )
    paragraphs: dict[str, list[str]] = {}
    questions: dict[str, list[Question]] = {}
    for language in languages or files:
        data = json.loads(files[language].read_text("utf-8"))["data"]
        found = [paragraph for article in data for paragraph in article["paragraphs"]]
        paragraphs[language] = [paragraph["context"] for paragraph in found]
        questions[language] = [
            Question(f"{qa['id']}-{language}", qa["question"], language, number)
            for number, paragraph in enumerate(found)
            for qa in paragraph["qas"]
        ]
    return Parallel(paragraphs, questions)


class CachingEmbedder(Embedder):
    """Embeds each text once: the same paragraphs go into many archives."""

    def __init__(self, config: IndexConfig) -> None:
        super().__init__(config)
        self._known: dict[tuple[str, str], Vectors] = {}

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if (prompt, text) not in self._known]
        for text, vector in zip(new, super()._encode(new, prompt), strict=True):
            self._known[prompt, text] = vector
        if not texts:
            return super()._encode(texts, prompt)
        return np.stack([self._known[prompt, text] for text in texts])


@contextmanager
def archive_of(articles: Sequence[Article], embedder: Embedder) -> Iterator[Archive]:
    """An archive of these articles, thrown away after."""
    with tempfile.TemporaryDirectory(prefix="dateline-eval-", ignore_cleanup_errors=True) as folder:
        archive = Archive.open(IndexConfig(archive=Path(folder) / "archive"), create=True)
        archive.embedder = embedder
        try:
            failed = [outcome for outcome in ingest(archive, articles) if outcome.status == "failed"]
            assert not failed, failed[:1]
            yield archive
        finally:
            archive.close()
