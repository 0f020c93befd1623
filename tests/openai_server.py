"""A scriptable OpenAI-compatible server over real HTTP on loopback, for tests."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Reply:
    """What one request gets.

    `text` is streamed in pieces of `piece` characters. `stall_after`, `break_after` and
    `malformed_after` count pieces: after so many the server goes silent, drops the connection,
    or sends a chunk that is no JSON. `usage` are the tokens read and written. `raw` is sent instead of
    everything else.
    """

    text: str = ""
    status: int = 200
    message: str = ""
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    piece: int = 7
    pause: float = 0.0
    stall_after: int | None = None
    break_after: int | None = None
    malformed_after: int | None = None
    error_after: int | None = None
    finish: str | None = "stop"
    usage: tuple[int, int] | None = None
    raw: bytes | None = None


@dataclass
class Recorded:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    disconnected: bool = False
    sent: int = 0

    @property
    def messages(self) -> Messages:
        return list(self.body.get("messages", []))

    @property
    def prompt(self) -> str:
        return "\n".join(message["content"] for message in self.messages)


class OpenAIServer:
    """`with OpenAIServer(Reply("..."), ...) as server:`; replies are used in order.

    When the queue is empty, `answer` (messages to text) writes the reply.
    """

    def __init__(
        self,
        *replies: Reply | str,
        answer: Callable[[Messages], str] = lambda messages: "NO_ANSWER",
        models: Sequence[str] = ("small", "large"),
    ) -> None:
        self.requests: list[Recorded] = []
        self._replies = deque(Reply(reply) if isinstance(reply, str) else reply for reply in replies)
        self._answer = answer
        self._models = models
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.script = self

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> "OpenAIServer":
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def queue(self, *replies: Reply | str) -> None:
        """Add replies to those not used yet."""
        self._replies.extend(Reply(reply) if isinstance(reply, str) else reply for reply in replies)

    def wait_for_disconnect(self, seconds: float = 5.0) -> bool:
        """Whether the client of the latest request went away before the reply's end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.requests and self.requests[-1].disconnected:
                return True
            time.sleep(0.01)
        return False

    def _next(self, request: Recorded) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self._replies:
                return self._replies.popleft()
        return Reply(self._answer(request.messages))


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    script: OpenAIServer

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the script."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A chunk leaves when it is written, or the client would wait 40 ms for it.
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        script = self.server.script
        reply = script._next(Recorded(self.path, self._headers(), {})) if script._replies else Reply()
        if reply.status != 200 or reply.raw is not None:
            return self._whole(reply)
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in script._models
        ]
        return self._json(200, {"object": "list", "data": models}, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Recorded(self.path, self._headers(), body)
        reply = self.server.script._next(request)
        if reply.status != 200 or reply.raw is not None:
            return self._whole(reply)
        if not body.get("stream"):
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": reply.text},
                "finish_reason": reply.finish,
            }
            completion = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
            return self._json(200, completion | {"choices": [choice]} | _usage(reply), {})
        try:
            counted = bool(body.get("stream_options", {}).get("include_usage"))
            self._stream(reply, request, counted)
        except (BrokenPipeError, ConnectionResetError):
            request.disconnected = True
        return None

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _stream(self, reply: Reply, request: Recorded, counted: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = [reply.text[i : i + reply.piece] for i in range(0, len(reply.text), reply.piece)]
        for position, piece in enumerate([*pieces, None]):
            if position == reply.stall_after:
                return self._stall(request)
            if position == reply.break_after:
                self.close_connection = True
                return None
            if position == reply.malformed_after:
                self._event("{not json")
            if position == reply.error_after:
                self._event(json.dumps({"error": {"message": reply.message, "code": reply.code}}))
            if piece is not None:
                self._chunk({"content": piece}, None)
                request.sent += 1
                if reply.pause:
                    time.sleep(reply.pause)
        if reply.finish is not None:
            self._chunk({}, reply.finish)
            if counted and reply.usage:
                last = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
                self._event(json.dumps(last | {"choices": []} | _usage(reply)))
            self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _stall(self, request: Recorded) -> None:
        """Send nothing more; notice when the client hangs up."""
        self.close_connection = True
        self.connection.settimeout(0.02)
        while not self.server.script._stopping.is_set():
            try:
                if self.connection.recv(1) == b"":
                    request.disconnected = True
                    return
            except TimeoutError:
                continue
            except OSError:
                request.disconnected = True
                return

    def _chunk(self, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._event(
            json.dumps(
                {
                    "id": "1",
                    "object": "chat.completion.chunk",
                    "created": 0,
                    "model": "m",
                    "choices": [choice],
                }
            )
        )

    def _event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _whole(self, reply: Reply) -> None:
        if reply.raw is None:
            error = {"message": reply.message, "type": "error", "code": reply.code or None}
            return self._json(reply.status, {"error": error}, reply.headers)
        self._send(reply.status, "text/html", reply.raw, reply.headers)
        return None

    def _json(self, status: int, body: object, headers: dict[str, str]) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), headers)

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _usage(reply: Reply) -> dict[str, Any]:
    if reply.usage is None:
        return {}
    prompt, completion = reply.usage
    total = prompt + completion
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}}
