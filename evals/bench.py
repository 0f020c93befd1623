"""How fast: ingestion against the bare encoder, and a search against embedding its question.

    python -m evals.bench [--passages 2000]

Articles are made by recombining the sample archive's sentences. Figures are ratios within one
run, because machines differ and are noisy; the seconds are there to judge the run by.
"""

import argparse
import asyncio
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from index.archive import Archive
from index.config import IndexConfig
from index.ingest import ingest, split_article
from index.split import split_sentences
from index.types import Article, Filters
from rag.chat import Assistant
from rag.config import Settings

DATA = Path(__file__).with_name("data")
SENTENCES_PER_ARTICLE = 14


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--passages", type=int, default=2000, help="archive size (default 2000)")
    parser.add_argument("--questions", type=int, default=200, help="searches timed (default 200)")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive.open(IndexConfig(archive=Path(folder) / "archive"), create=True)
        archive.embedder.embed_passages(["warm up"] * 8)
        articles = make_articles(archive, arguments.passages)
        console.print(ingestion(archive, articles))
        console.print(searching(archive, Path(folder) / "archive", arguments.questions))
        archive.close()


def make_articles(archive: Archive, passages: int) -> list[Article]:
    """Articles of one language each, about `passages` passages in all, the same in every run."""
    pools: dict[str, list[str]] = {}
    for line in _lines("articles.jsonl"):
        split = split_sentences(line["text"], line["language"])
        pools.setdefault(line["language"], []).extend(sentence.text for sentence in split)
    random_ = random.Random(7)
    articles: list[Article] = []
    made = 0
    while made < passages:
        language = random_.choice(sorted(pools))
        # A number in each sentence keeps sentences, and so their vectors, different.
        text = " ".join(
            f"{random_.choice(pools[language])} ({len(articles)}.{n})" for n in range(SENTENCES_PER_ARTICLE)
        )
        day = f"2024-{random_.randint(1, 12):02}-{random_.randint(1, 28):02}"
        article = Article(
            id=f"b{len(articles)}",
            title=f"Article {len(articles)}",
            text=text,
            source=f"outlet {len(articles) % 20}",
            language=language,
            published_at=day,
        )
        made += len(split_article(archive, article))
        articles.append(article)
    return articles


def ingestion(archive: Archive, articles: list[Article]) -> Table:
    passages, texts = 0, []
    for article in articles:
        for passage in split_article(archive, article):
            passages += 1
            texts.append(article.text[passage.start_char : passage.end_char])
            texts += [sentence.text for sentence in passage.sentences]
    started = time.perf_counter()
    archive.embedder.embed_passages(sorted(texts, key=len, reverse=True))
    bare = time.perf_counter() - started

    started = time.perf_counter()
    outcomes = list(ingest(archive, iter(articles)))
    whole = time.perf_counter() - started
    assert all(outcome.status == "added" for outcome in outcomes)
    started = time.perf_counter()
    assert all(o.status == "unchanged" for o in ingest(archive, iter(articles)))
    again = time.perf_counter() - started

    table = Table(
        title=f"Ingestion: {len(articles):,} articles, {passages:,} passages, {len(texts):,} texts"
    )
    table.add_column("what")
    table.add_column("seconds", justify="right")
    table.add_column("passages/s", justify="right")
    table.add_column("of the bare encoder", justify="right")
    for name, seconds in (("bare encoder", bare), ("ingestion", whole), ("again, unchanged", again)):
        table.add_row(name, f"{seconds:.2f}", f"{passages / seconds:,.1f}", f"{bare / seconds:.0%}")
    table.caption = f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    return table


def searching(archive: Archive, folder: Path, count: int) -> Table:
    questions = [golden["question"] for golden in _lines("golden.jsonl")]
    questions = [questions[n % len(questions)] for n in range(count)]
    assistant = Assistant(Settings(archive=folder), archive)
    narrow = Filters(languages=("ar",), published_from="2024-03-01", published_to="2024-03-31")

    async def timed() -> dict[str, list[float]]:
        times: dict[str, list[float]] = {name: [] for name in ("embed", "search", "filtered", "ask")}
        for question in questions:
            for name in times:
                started = time.perf_counter()
                if name == "embed":
                    archive.embed_question(question, "en")
                elif name == "ask":
                    await assistant.ask(question)
                else:
                    await assistant.search(question, filters=narrow if name == "filtered" else Filters())
                times[name].append((time.perf_counter() - started) * 1000)
        return times

    asyncio.run(assistant.ask(questions[0]))
    times = asyncio.run(timed())
    embed = float(np.median(times["embed"]))
    table = Table(title=f"Questions: {count}, on {archive.coverage().passages:,} passages")
    for column in ("what", "p50 ms", "p95 ms", "p50 / embedding", "embedding's share"):
        table.add_column(column, justify="left" if column == "what" else "right")
    labels = {
        "embed": "embedding the question",
        "search": "search",
        "filtered": "search, language and date",
        "ask": "extractive answer",
    }
    for name, label in labels.items():
        p50, p95 = np.percentile(times[name], [50, 95])
        table.add_row(label, f"{p50:.1f}", f"{p95:.1f}", f"{p50 / embed:.2f}", f"{embed / p50:.0%}")
    return table


def _lines(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main()
