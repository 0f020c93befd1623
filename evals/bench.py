"""How fast: a search against embedding its question, ingestion against the bare encoder.

    python -m evals.bench [--passages 100000] [--plot bench.png]

One archive grows from 1,000 passages to 100,000, and at each size the same is measured: searches,
with and without filters, and the ingestion of some more articles. Figures are ratios within one run,
because machines differ and are noisy; the milliseconds are there to judge the run by.

Articles are made by recombining the sample archive's sentences. Those that are measured go through
the whole of ingestion. Those that only fill the archive are stored like any other, but with vectors
made from their sentences' vectors, since embedding 100,000 passages would take an hour.
"""

import argparse
import asyncio
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from index.archive import Archive, Indexed
from index.config import IndexConfig
from index.ingest import ingest, split_article
from index.split import split_sentences
from index.types import Article, Filters, Passage, Sentence
from rag.chat import Assistant
from rag.config import Settings

DATA = Path(__file__).with_name("data")
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
# Passages that are really ingested at each size.
MEASURED = 500
SENTENCES_PER_PASSAGE = 5
PASSAGES_PER_ARTICLE = 3
FILLED_AT_A_TIME = 200
FILTERS = {
    "search": Filters(),
    "a quarter kept": Filters(languages=("ar",)),
    "a fiftieth kept": Filters(languages=("ar",), published_from="2024-03-01", published_to="2024-03-31"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one size of the archive. Times are milliseconds by what was timed."""

    passages: int
    sentences: int
    times: dict[str, list[float]]
    bare_seconds: float
    ingestion_seconds: float
    unchanged_seconds: float
    memory_gb: float

    def p(self, percent: float, name: str) -> float:
        return float(np.percentile(self.times[name], percent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--passages", type=int, default=SIZES[-1], help="largest archive (default 100000)")
    parser.add_argument("--questions", type=int, default=100, help="searches timed (default 100)")
    parser.add_argument("--plot", type=Path, default=Path("bench.png"), help="default bench.png")
    arguments = parser.parse_args()
    console = Console(width=110)
    points = []
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive.open(IndexConfig(archive=Path(folder) / "archive"), create=True)
        archive.embedder.embed_passages(["warm up"] * 8)
        maker = Maker(archive)
        for size in (size for size in SIZES if size <= arguments.passages):
            filled = maker.fill(size - MEASURED)
            point = measure(archive, Path(folder) / "archive", maker, arguments.questions)
            points.append(point)
            console.print(f"{point.passages:,} passages; filled at {filled * 1000:.2f} ms a sentence")
        archive.close()
    console.print(searches(points), ingestions(points))
    plot(points, arguments.plot)
    console.print(f"plot: {arguments.plot}")


class Maker:
    """Makes articles of one language each, the same in every run."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._random = random.Random(7)
        self._made = 0
        self._pools: dict[str, list[str]] = {}
        for line in _lines("articles.jsonl"):
            split = split_sentences(line["text"], line["language"])
            self._pools.setdefault(line["language"], []).extend(sentence.text for sentence in split)
        self._vectors = {
            text: vector
            for pool in self._pools.values()
            for text, vector in zip(pool, archive.embedder.embed_passages(pool), strict=True)
        }

    def article(self) -> tuple[Article, list[str]]:
        """An article, and the sample's sentences that it is made of."""
        language = self._random.choice(sorted(self._pools))
        chosen = self._random.choices(self._pools[language], k=SENTENCES_PER_PASSAGE * PASSAGES_PER_ARTICLE)
        number = self._made
        self._made += 1
        # A number in each sentence keeps sentences different.
        text = " ".join(f"{sentence} ({number}.{n})" for n, sentence in enumerate(chosen))
        day = f"2024-{self._random.randint(1, 12):02}-{self._random.randint(1, 28):02}"
        article = Article(
            id=f"b{number}",
            title=f"Article {number}",
            text=text,
            source=f"outlet {number % 20}",
            language=language,
            published_at=day,
        )
        return article, chosen

    def articles(self, passages: int) -> list[Article]:
        """Articles with about so many passages."""
        found: list[Article] = []
        made = 0
        while made < passages:
            article, _ = self.article()
            made += len(split_article(self._archive, article))
            found.append(article)
        return found

    def fill(self, passages: int) -> float:
        """Store articles until there are so many passages; seconds a sentence."""
        noise = np.random.default_rng(self._made)
        started, sentences = time.perf_counter(), 0
        while self._archive.coverage().passages < passages:
            items = [self._composed(*self.article(), noise) for _ in range(FILLED_AT_A_TIME)]
            self._archive.add(items)
            sentences += sum(item.sentences for item in items)
        return (time.perf_counter() - started) / max(1, sentences)

    def _composed(self, article: Article, chosen: Sequence[str], noise: np.random.Generator) -> Indexed:
        lengths = [len(f"{text} ({article.id[1:]}.{n})") for n, text in enumerate(chosen)]
        ends = list(accumulate(lengths, lambda end, length: end + 1 + length))
        sentences = [
            Sentence(article.text[end - length : end], end - length, end)
            for end, length in zip(ends, lengths, strict=True)
        ]
        passages = tuple(
            Passage(tuple(sentences[n : n + SENTENCES_PER_PASSAGE]))
            for n in range(0, len(sentences), SENTENCES_PER_PASSAGE)
        )
        vectors = np.stack([self._vectors[text] for text in chosen])
        vectors = _unit(vectors + noise.normal(0, 0.01, vectors.shape))
        means = _unit(vectors.reshape(len(passages), SENTENCES_PER_PASSAGE, -1).mean(axis=1))
        return Indexed(article, passages, vectors + np.repeat(means, SENTENCES_PER_PASSAGE, axis=0))


def measure(archive: Archive, folder: Path, maker: Maker, count: int) -> Point:
    """Ingest some more articles, then ask."""
    articles = maker.articles(MEASURED)
    texts = []
    for article in articles:
        for passage in split_article(archive, article):
            texts.append(article.text[passage.start_char : passage.end_char])
            texts += [sentence.text for sentence in passage.sentences]
    bare = _seconds(lambda: archive.embedder.embed_passages(sorted(texts, key=len, reverse=True)))
    whole = _seconds(lambda: _ingested(archive, articles, "added"))
    again = _seconds(lambda: _ingested(archive, articles, "unchanged"))
    times = asyncio.run(_searched(archive, folder, count))
    sentences = sum(entry.sentences for entry in archive._catalogue.entries)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return Point(archive.coverage().passages, sentences, times, bare, whole, again, memory)


def searches(points: Sequence[Point]) -> Table:
    """Milliseconds, and multiples of embedding the question."""
    table = Table(title="Searches", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("passages", "sentences", "what", "p50 ms", "p95 ms", "p50 / embedding", "p95 / p50"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for point in points:
        embedding = point.p(50, "embedding")
        for name in point.times:
            p50, p95 = point.p(50, name), point.p(95, name)
            values = (f"{p50:.1f}", f"{p95:.1f}", f"{p50 / embedding:.2f}", f"{p95 / p50:.2f}")
            table.add_row(f"{point.passages:,}", f"{point.sentences:,}", name, *values)
    return table


def ingestions(points: Sequence[Point]) -> Table:
    """Throughput against the bare encoder's on the same texts, sorted by length."""
    table = Table(
        title=f"Ingestion of {MEASURED} passages", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    for column in (
        "into passages",
        "bare encoder s",
        "ingestion s",
        "of the bare encoder",
        "unchanged s",
        "peak GB",
    ):
        table.add_column(column, justify="right")
    for point in points:
        table.add_row(
            f"{point.passages:,}",
            f"{point.bare_seconds:.1f}",
            f"{point.ingestion_seconds:.1f}",
            f"{point.bare_seconds / point.ingestion_seconds:.0%}",
            f"{point.unchanged_seconds:.3f}",
            f"{point.memory_gb:.2f}",
        )
    return table


def plot(points: Sequence[Point], path: Path) -> None:
    """Latency and ingestion against the archive's size, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    sizes = [point.passages for point in points]
    for name in points[0].times:
        (line,) = left.plot(sizes, [p.p(50, name) for p in points], marker="o", label=f"{name}, p50")
        left.plot(sizes, [p.p(95, name) for p in points], linestyle=":", color=line.get_color())
    left.set(
        xscale="log", xlabel="passages in the archive", ylabel="milliseconds (dotted: p95)", ylim=(0, None)
    )
    left.set_title("Time of a question")
    left.legend(frameon=False, fontsize=8)
    shares = [100 * p.bare_seconds / p.ingestion_seconds for p in points]
    right.plot(sizes, shares, marker="o")
    right.axhline(85, color="grey", linewidth=0.8)
    right.set(xscale="log", xlabel="passages in the archive", ylabel="% of the bare encoder", ylim=(0, 105))
    right.set_title("Throughput of ingestion")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=140)


async def _searched(archive: Archive, folder: Path, count: int) -> dict[str, list[float]]:
    questions = [golden["question"] for golden in _lines("golden.jsonl")]
    assistant = Assistant(Settings(archive=folder), archive)
    times: dict[str, list[float]] = {name: [] for name in ("embedding", *FILTERS, "extractive answer")}
    for number in range(-5, count):
        question = questions[number % len(questions)]
        for name, found in times.items():
            started = time.perf_counter()
            if name == "embedding":
                archive.embed_question(question, "en")
            elif name in FILTERS:
                await assistant.search(question, filters=FILTERS[name])
            else:
                await assistant.ask(question)
            if number >= 0:  # the first ones warm up
                found.append((time.perf_counter() - started) * 1000)
    return times


def _ingested(archive: Archive, articles: Sequence[Article], status: str) -> None:
    assert all(outcome.status == status for outcome in ingest(archive, iter(articles)))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def _lines(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main()
