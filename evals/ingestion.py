"""How ingestion scales: throughput against the bare encoder, memory, time by stage, a second run.

    python -m evals.ingestion [--articles 20000] [--layers 3]

Articles of about 400 words, a text file each, made of the sample archive's sentences. They are taken in
a fiftieth at a time, and after each the texts of some of its articles are given to the bare encoder,
so that both are measured under the same conditions. The store is a Chroma server of its own, so that
this process's memory is ingestion's alone. With fewer of the bundled model's 12 layers a run takes less
time, and all that is not the encoder weighs the more.
"""

import argparse
import json
import random
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from index.archive import Archive
from index.bundled import bundled_model_folder
from index.config import BUNDLED_EMBEDDER, IndexConfig
from index.ingest import Clock, ingest, split_article
from index.readers import read
from index.sources import Sources
from index.split import split_sentences
from index.types import Article

DATA = Path(__file__).with_name("data")
WORDS = 400
LAYERS = 12
PARTS = 50
# Articles of each part whose texts the bare encoder embeds, too.
COMPARED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--layers", type=int, default=12, help="layers of the bundled model")
    parser.add_argument("--embedded", action="store_true", help="store in a folder, in this process")
    arguments = parser.parse_args()
    console = Console(width=110)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write_articles(folder / "news", arguments.articles)
        model = BUNDLED_EMBEDDER
        if arguments.layers < LAYERS:
            model = str(shallower_model(folder / "model", arguments.layers))
        config = IndexConfig(archive=folder / "archive", embedder=model)
        if arguments.embedded:
            measure(config, written, console)
        else:
            with chroma_server(folder / "chroma") as url:
                measure(replace(config, chroma_url=url), written, console)


def measure(config: IndexConfig, parts: Sequence[Path], console: Console) -> None:
    """Take all parts in, one after the other, and print what that took."""
    archive = Archive.open(config, create=True)
    archive.embedder.embed_passages(["warm up"] * 8)
    clock, taken, ingestion, bare = Clock(), 0, 0.0, 0.0
    memory = []
    with Sources(archive) as sources, _Peak() as peak:
        for part in parts:
            started = time.perf_counter()
            outcomes = list(ingest(archive, sources.read([str(part)]), clock=clock))
            ingestion += time.perf_counter() - started
            assert all(outcome.status == "added" for outcome in outcomes), outcomes[0]
            taken += len(outcomes)
            compared = [
                text for path in sorted(part.iterdir())[:COMPARED] for text in _texts(archive, path)
            ]
            started = time.perf_counter()
            archive.embedder.embed_passages(sorted(compared, key=len, reverse=True))
            bare += (time.perf_counter() - started) * len(outcomes) / min(COMPARED, len(outcomes))
            memory.append(peak.megabytes)
            console.print(
                f"{taken:>6,} articles  {taken / ingestion:6.2f} a second  {bare / ingestion:4.0%} of the "
                f"bare encoder  peak {memory[-1]:,.0f} MB"
            )
        started = time.perf_counter()
        again = list(ingest(archive, sources.read([str(part) for part in parts])))
        unchanged = time.perf_counter() - started
    assert len(again) == taken and all(outcome.status == "unchanged" for outcome in again)
    archive.close()
    console.print(f"again, nothing changed: {unchanged:.2f} s, {ingestion / unchanged:,.0f} times faster")
    tenth = memory[len(memory) // 10 - 1]
    console.print(f"memory at the end {memory[-1] / tenth:.2f} times that after the first tenth")
    for stage, seconds in sorted(clock.seconds.items(), key=lambda pair: -pair[1]):
        console.print(f"{stage:<20} {seconds:8.1f} s  {seconds / ingestion:6.1%}")


def shallower_model(folder: Path, layers: int) -> Path:
    """The bundled model's first layers as a model of its own."""
    shutil.copytree(bundled_model_folder(), folder)
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | {"num_hidden_layers": layers}), "utf-8")
    return folder


def write_articles(folder: Path, count: int) -> list[Path]:
    """Text files in folders, a fiftieth of them in each; the same in every run."""
    chosen = random.Random(7)
    pools: dict[str, list[str]] = {}
    for article in _articles(DATA / "articles.jsonl"):
        pools.setdefault(article.language, []).extend(
            sentence.text for sentence in split_sentences(article.text, article.language)
        )
    parts = []
    for number in range(count):
        part = folder / f"part-{number * PARTS // count}"
        if part not in parts:
            part.mkdir(parents=True)
            parts.append(part)
        pool, words = pools[chosen.choice(sorted(pools))], 0
        sentences: list[str] = []
        while words < WORDS:
            sentence = chosen.choice(pool)
            words += len(sentence.split())
            # A number in each keeps sentences different.
            sentences.append(f"{sentence} ({number}.{len(sentences)})")
        paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4)]
        (part / f"{number}.txt").write_text("\n\n".join(paragraphs), "utf-8")
    return parts


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """A Chroma server on a free port of this machine; yields its URL."""
    port = free_port()
    log = subprocess.DEVNULL
    # The command that came with this Python's chromadb, also where its folder is not on the PATH.
    command = [str(Path(sysconfig.get_path("scripts")) / "chroma"), "run"]
    process = subprocess.Popen(
        [*command, "--path", str(folder), "--port", str(port)], stdout=log, stderr=log
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _texts(archive: Archive, path: Path) -> list[str]:
    """What ingestion embeds of a file: its passages and its sentences, each text once."""
    texts: dict[str, None] = {}
    for article in _articles(path):
        for passage in split_article(archive, article):
            texts[article.text[passage.start_char : passage.end_char]] = None
            texts |= dict.fromkeys(sentence.text for sentence in passage.sentences)
    return list(texts)


def _articles(path: Path) -> list[Article]:
    return [item for item in read([path]) if isinstance(item, Article)]


class _Peak(threading.Thread):
    """The most memory that was this process's own, sampled 20 times a second; mapped files are left out."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes = 0.0
        self._over = threading.Event()

    def __enter__(self) -> "_Peak":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.05):
            status = Path("/proc/self/status").read_text("utf-8")
            own = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))
            self.megabytes = max(self.megabytes, int(own) / 1024)


if __name__ == "__main__":
    main()
