"""Every door of a real server, as its clients use it: a process of its own, the page, MCP."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from openai_server import OpenAIServer
from processes import ROOT, free_port

MCP_HEADERS = {"accept": "application/json, text/event-stream"}


@contextmanager
def server_process(folder: Path, **settings: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`dateline serve` on a free port, ready, with these settings; names in capitals are variables."""
    port = free_port()
    names = {name: name if name.isupper() else f"DATELINE_{name.upper()}" for name in settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "serve", "--archive", str(folder), "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **{names[name]: settings[name] for name in settings}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout and process.stderr
        ready = process.stdout.readline()
        assert "ready" in ready, ready + process.stderr.read()
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def with_model(model: OpenAIServer, **more: str) -> dict[str, str]:
    """Settings with which this model writes the answers, whatever the evidence is worth."""
    return {
        "llm_model": "small",
        "llm_base_url": model.base_url,
        "llm_retries": "0",
        "llm_retry_unverified": "false",
        "min_answerability": "0",
        **more,
    }


def ask_tool(client: httpx.Client, question: str) -> httpx.Response:
    """Ask by MCP, as another program's model does."""
    call = {"name": "ask_archive", "arguments": {"question": question}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return client.post("/mcp", json=body, headers=MCP_HEADERS)


def ask_page(
    client: httpx.Client,
    question: str,
    *,
    heard: Callable[[dict[str, Any]], None] = lambda message: None,
) -> dict[str, Any]:
    """Ask on the page as its script does, without a browser; gives the last message, `heard` gets each."""
    config = client.get("/en/config").raise_for_status().json()
    values = {part["id"]: part["props"].get("value") for part in config["components"]}
    # Of the boxes that are sent with Enter, the question's goes with all that narrows the search.
    sent = [each for each in config["dependencies"] if any(kind == "submit" for _, kind in each["targets"])]
    asking = max(sent, key=lambda each: len(each["inputs"]))
    data = [question, *(values.get(part) for part in asking["inputs"][1:])]
    session = secrets.token_hex(6)
    joined = {"data": data, "fn_index": asking["id"], "session_hash": session, "event_data": None}
    client.post("/en/gradio_api/queue/join", json=joined).raise_for_status()
    last: dict[str, Any] = {}
    with client.stream("GET", "/en/gradio_api/queue/data", params={"session_hash": session}) as messages:
        for line in messages.iter_lines():
            if line.startswith("data:"):
                message = json.loads(line.removeprefix("data:"))
                heard(message)
                if message["msg"] == "process_completed":
                    last = message
    return last
