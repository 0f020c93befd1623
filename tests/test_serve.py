"""The one server: where it listens, what it says, what it answers."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from index.errors import UserFixableError
from rag.config import Settings
from ui.serve import serve

ROOT = Path(__file__).parent.parent


def test_a_port_in_use_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserFixableError, match=rf"port {port} .* in use .*--port"):
            serve(Settings(archive=tmp_path / "none", port=port))


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserFixableError, match=r"'192\.0\.2\.1'.*--host"):
        serve(Settings(archive=tmp_path / "none", host="192.0.2.1", port=18999))


def test_a_missing_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserFixableError, match="none"):
        serve(Settings(archive=tmp_path / "none", port=free_port()))


def test_it_says_when_it_is_ready_and_stops_when_asked(sample_archive_dir: Path) -> None:
    port = free_port()
    program = "from rag.config import Settings; from ui.serve import serve; from pathlib import Path; "
    program += f"serve(Settings(archive=Path({str(sample_archive_dir)!r}), port={port}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout
        ready = process.stdout.readline()
        assert re.search(rf"http://127\.0\.0\.1:{port}\b", ready), (ready, process.stderr)
        assert "Who warned whom before the Crocus attack?" in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            assert b"Dateline" in page.read()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as health:
            assert health.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
