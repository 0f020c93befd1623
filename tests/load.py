"""Many users and many questions: `python tests/load.py [--users 50] [--questions 5000]`.

1. What a language model's answer costs on top of the model: with a server that answers at once, the
   time from the search's end to the first statement, and to the end of the answer.
2. Users who all stream at once over real HTTP: none may fail.
3. Thousands of questions, one after the other: memory must stay flat.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
from browser import serving
from openai_server import Messages, OpenAIServer

from index.archive import Archive
from index.config import IndexConfig
from index.ingest import ingest
from index.readers import read
from rag.chat import Assistant
from rag.config import Settings
from rag.similarity import similarity_of
from rag.verify import Cited, verify_all
from ui.api import create_api

ROOT = Path(__file__).parent.parent
DATA = ROOT / "evals" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--questions", type=int, default=5000)
    arguments = parser.parse_args()
    questions = [json.loads(line)["question"] for line in (DATA / "golden.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as folder, OpenAIServer(answer=first_sentences) as model:
        archive = Archive.open(IndexConfig(archive=Path(folder) / "archive"), create=True)
        for outcome in ingest(archive, read([DATA / "articles.jsonl"])):
            assert outcome.status == "added", outcome
        settings = Settings(
            archive=Path(folder) / "archive", llm_model="small", llm_base_url=model.base_url
        )
        written = Assistant(settings, archive)
        asyncio.run(overhead(written, questions))
        verification(written)
        with serving(create_api(written)) as address:
            asyncio.run(users(address, arguments.users, questions))
        plain = Assistant(Settings(archive=Path(folder) / "archive"), archive)
        soak(plain, arguments.questions, questions)
        archive.close()


def first_sentences(messages: Messages) -> str:
    """Three numbered sentences of the prompt, each cited for itself."""
    lines = [line for line in messages[-1]["content"].splitlines() if line.startswith("[")]
    return "\n".join(f"{line.partition('] ')[2]} {line.partition(' ')[0]}" for line in lines[:3])


async def overhead(assistant: Assistant, questions: list[str]) -> None:
    first, total = [], []
    for question in questions * 2:
        timings = (await assistant.ask(question)).timings
        if "first_statement" in timings:
            first.append(timings["first_statement"] - timings["retrieve"])
            total.append(timings["total"] - timings["retrieve"])
    middle, late, whole = statistics.median(first), percentile(first, 95), statistics.median(total)
    print(
        f"on top of the search, {len(first)} answers: first statement p50 {middle:.1f} ms, "
        f"p95 {late:.1f} ms; whole answer p50 {whole:.1f} ms"
    )


def verification(assistant: Assistant) -> None:
    """By rule and by similarity, embedding included, in batches as a fast model sends them."""
    lines = (ROOT / "tests" / "data" / "verify_pairs.jsonl").read_text("utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    cited = [Cited(pair["statement"], pair["language"], tuple(pair["sentences"])) for pair in pairs]
    similarity = similarity_of(assistant.archive.embedder)
    for size in (1, 4, 8):
        times = []
        for start in range(0, len(cited) - size, size):
            started = time.perf_counter()
            verify_all(cited[start : start + size], similarity)
            times.append((time.perf_counter() - started) * 1000 / size)
        p50, p95 = statistics.median(times), percentile(times, 95)
        print(f"verification, {size} statements together: p50 {p50:.1f} ms, p95 {p95:.1f} ms a statement")


async def users(address: str, count: int, questions: list[str]) -> None:
    """All at once, each reading its stream to the end."""
    failed: list[str] = []
    firsts: list[float] = []

    async def one(client: httpx.AsyncClient, number: int) -> None:
        body = {"question": questions[number % len(questions)], "stream": True}
        started, kinds = time.perf_counter(), []
        async with client.stream("POST", f"{address}/v1/ask", json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    if not kinds:
                        firsts.append((time.perf_counter() - started) * 1000)
                    kinds.append(line.removeprefix("event: "))
        if response.status_code != 200 or kinds[-1:] != ["answer"]:
            failed.append(f"{response.status_code} {kinds}")

    limits = httpx.Limits(max_connections=count)
    started = time.perf_counter()
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        await asyncio.gather(*(one(client, number) for number in range(count)))
    took = time.perf_counter() - started
    print(
        f"{count} users at once: {len(failed)} failed, all done in {took:.1f} s, "
        f"first event p50 {statistics.median(firsts):.0f} ms, last {max(firsts):.0f} ms"
    )
    assert not failed, failed[:3]


def soak(assistant: Assistant, count: int, questions: list[str]) -> None:
    """Resident memory after each tenth of the questions, in MB."""
    sizes = []
    with asyncio.Runner() as runner:
        for number in range(count):
            # No two questions are the same, or caches would hide what grows.
            runner.run(assistant.ask(f"{questions[number % len(questions)]} ({number})"))
            if (number + 1) % max(1, count // 10) == 0:
                sizes.append(resident())
    print(f"memory over {count:,} questions, MB: {' '.join(f'{size:.0f}' for size in sizes)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"threads: {threading.active_count()}, peak {peak:.0f} MB")
    assert sizes[-1] <= sizes[len(sizes) // 2] * 1.05, "memory grows"


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
