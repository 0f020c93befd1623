"""ui/ending.py: a server that is told to end lets answers come to their end, and waits for no open page."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml
from asking import ask_page, server_process, with_model
from httpx_sse import connect_sse
from openai_server import OpenAIServer, Reply
from processes import ROOT, within

from rag.config import Settings

QUESTION = "Who warned whom before the Crocus attack?"
LONG = "".join(f"Iran warned Russia before the attack. [{number}]\n" for number in range(1, 6))
STATEMENTS = 5


def test_answers_under_way_are_completed_through_every_door(sample_archive_dir: Path) -> None:
    """REST, OpenAI's and the page's: told to end when all three are being written."""
    slow = Reply(LONG, piece=10, pause=0.15)
    begun = [threading.Event() for _ in range(3)]
    told = threading.Event()

    def rest(address: str) -> None:
        asked = {"question": QUESTION, "stream": True}
        with (
            httpx.Client(base_url=address, timeout=60) as client,
            connect_sse(client, "POST", "/v1/ask", json=asked) as source,
        ):
            names = []
            for event in source.iter_sse():
                begun[0].set()
                assert told.wait(20)
                names.append(event.event)
        assert names[-1] == "answer" and names.count("statement") == STATEMENTS
        assert len(json.loads(event.data)["statements"]) == STATEMENTS

    def openai(address: str) -> None:
        messages = [{"role": "user", "content": QUESTION}]
        asked = {"model": "dateline", "messages": messages, "stream": True}
        with (
            httpx.Client(base_url=address, timeout=60) as client,
            connect_sse(client, "POST", "/v1/chat/completions", json=asked) as source,
        ):
            chunks = []
            for event in source.iter_sse():
                begun[1].set()
                chunks.append(event.data)
        assert chunks[-1] == "[DONE]" and json.loads(chunks[-2])["choices"][0]["finish_reason"] == "stop"

    def page(address: str) -> None:
        def heard(message: dict[str, Any]) -> None:
            if message["msg"] == "process_generating":
                begun[2].set()

        with httpx.Client(base_url=address, timeout=60) as client:
            last = ask_page(client, QUESTION, heard=heard)
        assert last["success"] and begun[2].is_set()

    with (
        OpenAIServer(slow, slow, slow) as model,
        server_process(sample_archive_dir, **with_model(model)) as (process, address),
        httpx.Client(base_url=address, timeout=60) as client,
        ThreadPoolExecutor(3) as pool,
        # A page that is open, and a client of MCP that listens, and both do nothing.
        client.stream("GET", "/en/gradio_api/heartbeat/session") as beats,
        httpx.stream("GET", f"{address}/mcp", headers={"accept": "text/event-stream"}) as listening,
    ):
        beating = beats.iter_bytes()
        next(beating)
        assert listening.status_code == 200
        asking = [pool.submit(door, address) for door in (rest, openai, page)]
        assert all(each.wait(20) for each in begun)
        process.send_signal(signal.SIGTERM)
        within(5, lambda: refuses(address))
        assert process.poll() is None and not any(each.done() for each in asking)
        told.set()
        for each in asking:
            each.result(30)
        last_answer = time.monotonic()
        for held_open in (beating, listening.iter_bytes()):
            assert b"error" not in b"".join(held_open)
        assert time.monotonic() - last_answer < 5
        process.wait(30)
        assert process.returncode == -signal.SIGTERM
        assert process.stderr and process.stderr.read() == ""


def test_what_takes_longer_is_cut_and_told(sample_archive_dir: Path) -> None:
    stalls = Reply(LONG, stall_after=8)
    with (
        OpenAIServer(stalls, stalls) as model,
        server_process(sample_archive_dir, **with_model(model, shutdown_seconds="1")) as (process, address),
        ThreadPoolExecutor(2) as pool,
    ):
        asked = {"question": QUESTION, "stream": True}
        streamed, whole = (
            pool.submit(httpx.post, f"{address}/v1/ask", json=asked | {"stream": stream}, timeout=60)
            for stream in (True, False)
        )
        within(20, lambda: len(model.requests) == 2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        streamed.result(20)
        assert 0.9 < time.monotonic() - began < 6
        process.wait(30)
        assert process.returncode == 0
        events = [line for line in streamed.result(5).text.splitlines() if line.startswith("event: ")]
        assert events[0] == "event: evidence" and "event: answer" not in events
        refused = whole.result(5)
        assert refused.status_code == 503 and refused.headers["retry-after"]
        assert refused.headers["content-type"] == "application/problem+json"
        assert model.wait_for_disconnect(), "the model still writes"
        assert process.stderr
        warned, failed = (json.loads(line) for line in process.stderr.read().splitlines())
        assert "shutdown_seconds" in warned["event"] and warned["requests"] == 2
        assert (failed["route"], failed["status"]) == ("/v1/ask", 503)


def test_a_second_signal_ends_at_once(sample_archive_dir: Path) -> None:
    with (
        OpenAIServer(Reply(LONG, stall_after=8)) as model,
        server_process(sample_archive_dir, **with_model(model, shutdown_seconds="60")) as (
            process,
            address,
        ),
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(httpx.post, f"{address}/v1/ask", json={"question": QUESTION}, timeout=60)
        within(20, lambda: bool(model.requests))
        process.terminate()
        within(5, lambda: refuses(address))
        assert process.poll() is None
        process.terminate()
        process.wait(2)
        assert process.returncode == -signal.SIGTERM
        assert isinstance(asked.exception(5), httpx.TransportError)


def test_containers_are_given_the_time_that_a_server_takes() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    seconds = int(compose["services"]["dateline-1"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings.model_fields["shutdown_seconds"].default + 15 + 5


def refuses(address: str) -> bool:
    try:
        httpx.get(f"{address}/healthz", timeout=2)
    except httpx.TransportError:
        return True
    return False
