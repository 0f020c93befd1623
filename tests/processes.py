"""Real servers for tests, as the image and `compose.yaml` start them: Dateline's, and Chroma's."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).parent.parent
START_SECONDS = 120


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Process:
    """A server that can be stopped, killed and started again at the same address."""

    def __init__(self, command: list[str], port: int, health: str, log: Path, **variables: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._command = command
        self._health = self.address + health
        self._log = log
        self._variables = variables

    def start(self) -> None:
        """Start it; it need not answer yet."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("DATELINE_") and name != "OPENAI_API_KEY"
        }
        with self._log.open("ab") as log:
            self.running = subprocess.Popen(
                self._command,
                cwd=self._log.parent,
                env={**kept, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), **self._variables},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + START_SECONDS
        while True:
            assert self.running.poll() is None and time.monotonic() < until, self.log()
            try:
                if httpx.get(self._health, timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        self.running.send_signal(sent)
        self.running.wait(30)

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")


def chroma(folder: Path) -> Process:
    """The server of `compose.yaml`, at a folder and a free port of this machine."""
    compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    service = compose["services"]["chroma"]
    port = free_port()
    here = {"/data/chroma": str(folder / "chroma"), "0.0.0.0": "127.0.0.1", "8000": str(port)}
    program, *arguments = [here.get(word, word) for word in service["entrypoint"] + service["command"]]
    # The command that came with this Python's chromadb, also where its folder is not on the PATH.
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return Process(command, port, "/api/v2/heartbeat", folder / "chroma.log")


def replica(folder: Path, name: str, data: Path, chroma_url: str) -> Process:
    """A Dateline as the image starts it, on loopback; `data` is its volume."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    words = [re.search(rf"^{part} (\[.*\])$", dockerfile, re.MULTILINE) for part in ("ENTRYPOINT", "CMD")]
    program, *arguments = [word for found in words if found for word in json.loads(found.group(1))]
    assert program == "dateline"
    port = free_port()
    return Process(
        [sys.executable, "-m", "ui.cli", *arguments],
        port,
        "/readyz",
        folder / f"{name}.log",
        DATELINE_CHROMA_URL=chroma_url,
        DATELINE_PORT=str(port),
        XDG_DATA_HOME=str(data),
        PYTHONUNBUFFERED="1",
    )


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """All started and answering; all ended at the end, whatever became of them."""
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait()
        yield
    finally:
        for process in processes:
            if hasattr(process, "running") and process.running.poll() is None:
                process.running.kill()
                process.running.wait()


def within(seconds: float, true: Callable[[], bool]) -> float:
    """Seconds until something was so; a failure when it took longer than it may."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"still not so after {seconds} seconds"
        time.sleep(0.02)
    return time.monotonic() - started
