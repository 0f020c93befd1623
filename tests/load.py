"""Many users and many questions: `python tests/load.py [--users 50] [--questions 5000] [--crowd 100]`.

1. What a language model's answer costs on top of the model: with a server that answers at once, the
   time from the search's end to the first statement, and to the end of the answer.
2. Users who all stream at once over real HTTP: none may fail.
3. Thousands of questions, one after the other: memory must stay flat.
4. A crowd that asks a `dateline serve` process for minutes, extractive answers, each user the next
   question as soon as the last is answered: none may fail, memory must stay flat, and what a user waits is
   told as a multiple of what a lone user waits. `--only-crowd` does that alone.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from browser import serving
from openai_server import Messages, OpenAIServer
from processes import Process, free_port, running

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
    parser.add_argument("--crowd", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=300, help="how long the crowd asks")
    parser.add_argument("--only-crowd", action="store_true")
    arguments = parser.parse_args()
    questions = [json.loads(line)["question"] for line in (DATA / "golden.jsonl").open(encoding="utf-8")]
    if not arguments.only_crowd:
        one_process(arguments.users, arguments.questions, questions)
    crowd(arguments.crowd, arguments.seconds, questions)


def one_process(streams: int, count: int, questions: list[str]) -> None:
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
            asyncio.run(users(address, streams, questions))
        plain = Assistant(Settings(archive=Path(folder) / "archive"), archive)
        soak(plain, count, questions)
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


def crowd(users: int, seconds: int, questions: list[str]) -> None:
    """A lone user, then many, of one server process."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        archive = Archive.open(IndexConfig(archive=folder / "archive"), create=True)
        for outcome in ingest(archive, read([DATA / "articles.jsonl"])):
            assert outcome.status == "added", outcome
        archive.close()
        command = [sys.executable, "-m", "ui.cli", "serve", "--archive", str(folder / "archive")]
        server = Process([*command, "--port", str(port)], port, "/readyz", folder / "log")
        with running(server):
            # What is remembered of sentences is, so that both meet it alike.
            asyncio.run(asking(server, 8, 20, questions))
            lone, _ = asyncio.run(asking(server, 1, min(30, seconds), questions))
            many, sizes = asyncio.run(asking(server, users, seconds, questions))
        for percent in (50, 95):
            one, each = percentile(lone, percent), percentile(many, percent)
            times = each / one
            print(f"p{percent}: a lone user {one:.0f} ms, each of {users} {each:.0f} ms: {times:.1f} times")
        rates = len(lone) / (sum(lone) / 1000), len(many) / seconds
        print(f"{len(many):,} questions, none failed; {rates[1] / rates[0]:.2f} times a lone user's rate")
        begun = sizes[min(60, len(sizes) // 5)]
        print(f"memory of the server: {begun:.0f} MB when all had begun, {sizes[-1]:.0f} MB at the end")
        assert sizes[-1] <= begun * 1.05, "memory grows"


async def asking(
    server: Process, count: int, seconds: float, questions: list[str]
) -> tuple[list[float], list[float]]:
    """What each question took in ms, and the server's memory in MB, second by second."""
    times: list[float] = []
    sizes: list[float] = []
    until = time.perf_counter() + seconds

    async def user(client: httpx.AsyncClient, number: int) -> None:
        asked = 0
        while time.perf_counter() < until:
            # No two questions are the same, or caches would hide what they cost.
            question = f"{questions[(number + asked) % len(questions)]} ({number}.{asked})"
            started = time.perf_counter()
            reply = await client.post(f"{server.address}/v1/ask", json={"question": question})
            times.append((time.perf_counter() - started) * 1000)
            assert reply.status_code == 200, reply.text
            assert reply.json()["citations"] or reply.json()["abstained"], reply.text
            asked += 1

    async def watch() -> None:
        while time.perf_counter() < until:
            sizes.append(resident(server.running.pid))
            await asyncio.sleep(1)

    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        await asyncio.gather(watch(), *(user(client, number) for number in range(count)))
    return times, sizes


def resident(process: int | str = "self") -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
