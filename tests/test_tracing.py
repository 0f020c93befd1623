"""ui/tracing.py and rag/trace.py: the spans of requests, as a collector on loopback receives them."""

import gzip
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from asking import ask_page, ask_tool, server_process, with_model
from openai_server import OpenAIServer, Reply
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from processes import ROOT, free_port

from rag.config import traces_exporter
from rag.types import Status

QUESTION = "Who warned whom before the Crocus attack?"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = {"answer", "embed", "words", "search", "fuse", "generate", "verify"}


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP collector's address, and the resource spans that it receives."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                received.extend(ExportTraceServiceRequest.FromString(body).resource_spans)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def received(sample_archive_dir: Path) -> list[Any]:
    """What the collector got of one server that was asked in several ways, and then ended."""
    slow = Reply("Iran warned Russia. [1]\n" * 5, piece=8, pause=0.3)
    with (
        collector() as (endpoint, received),
        OpenAIServer("Iran warned Russia. [1]\n", "Iran warned. [1]\n", "Iran. [1]\n", slow) as model,
    ):
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "newsroom"}
        with server_process(sample_archive_dir, **variables, **with_model(model)) as (process, address):
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine"}
            with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
                client.post("/v1/ask", json={"question": QUESTION, "stream": True}).raise_for_status()
                client.get("/v1/articles", params={"query": "Zanzibar Post"}).raise_for_status()
                client.get("/v1/articles/Zanzibar")
                client.get("/readyz").raise_for_status()
            with httpx.Client(base_url=address, timeout=60) as client:
                ask_tool(client, QUESTION).raise_for_status()
                assert ask_page(client, QUESTION)["success"]
                asked = {"question": QUESTION, "stream": True, "top_k": 3}
                with client.stream("POST", "/v1/ask", json=asked) as leaving:
                    next(leaving.iter_lines())
            assert model.wait_for_disconnect()
            process.terminate()
            _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM and errors == ""
    return received


def spans(received: list[Any]) -> list[Any]:
    return [span for each in received for scoped in each.scope_spans for span in scoped.spans]


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def ancestors(span: Any, all_spans: list[Any]) -> list[str]:
    """Names of what the span is a part of, nearest first."""
    by_id = {span.span_id: span for span in all_spans}
    found = []
    while span := by_id.get(span.parent_span_id):
        found.append(span.name)
    return found


def test_a_request_is_one_trace_with_a_span_for_each_stage(received: list[Any]) -> None:
    mine = [span for span in spans(received) if span.trace_id.hex() == TRACE]
    tops = {span.name: span for span in mine if span.parent_span_id.hex() == PARENT}
    assert set(tops) == {"POST /v1/ask", "GET /v1/articles", "GET /v1/articles/{id}"}
    ask = tops["POST /v1/ask"]
    assert attributes(ask)["dateline.request_id"] == "mine"
    stages = [span for span in mine if span not in tops.values()]
    assert {span.name for span in stages} == STAGES
    for span in stages:
        above = {"answer": [], "verify": ["generate", "answer"]}.get(span.name, ["answer"])
        assert ancestors(span, mine) == [*above, "POST /v1/ask"]
        assert ask.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= ask.end_time_unix_nano
    (answer,) = [span for span in stages if span.name == "answer"]
    assert attributes(answer)["dateline.outcome"] in get_args(Status)


def test_the_page_and_mcp_are_traced_too(received: list[Any]) -> None:
    answers = [span for span in spans(received) if span.name == "answer"]
    above = [ancestors(span, spans(received)) for span in answers]
    assert [] in above, "the page's, whose event runs apart from the request"
    assert ["tools/call ask_archive", "POST /mcp"] in above
    for answer in answers:
        below = {s.name for s in spans(received) if s.trace_id == answer.trace_id}
        assert STAGES - {"verify"} <= below


def test_an_answer_whose_reader_left_has_its_span(received: list[Any]) -> None:
    answers = [span for span in spans(received) if span.name == "answer"]
    outcomes = [attributes(span).get("dateline.outcome", "none") for span in answers]
    assert len(outcomes) == 4 and outcomes.count("none") == 1


def test_spans_tell_who_served_and_not_what_was_asked(received: list[Any]) -> None:
    named = {each.key: each.value.string_value for r in received for each in r.resource.attributes}
    assert named["service.name"] == "newsroom"
    told = "".join(map(str, received))
    assert "Crocus" not in told and "Zanzibar" not in told and "url.query" in told


@pytest.mark.parametrize("exporter", ["carrier-pigeon", "otlp"])
def test_traces_that_nobody_can_send_are_told(tmp_path: Path, exporter: str) -> None:
    """An exporter that there is not, and an installation without the extra."""
    hidden = "import sys; sys.modules['opentelemetry.exporter.otlp.proto.http.trace_exporter'] = None; "
    code = hidden + "from ui.cli import main; main()"
    command = ["serve", "--create", "--archive", str(tmp_path / "new"), "--port", str(free_port())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_TRACES_EXPORTER", exporter)
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2, done.stderr
    assert exporter in done.stderr and "pip install 'dateline[otel]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "exporter"),
    [
        ({}, ""),
        ({"OTEL_SERVICE_NAME": "x"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "otlp_proto_http"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, ""),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, ""),
    ],
)
def test_the_standard_variables_say_where_traces_go(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], exporter: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert traces_exporter() == exporter
