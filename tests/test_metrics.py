"""ui/metrics.py, rag/outcomes.py and rag/trace.py: the figures that Prometheus reads."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asking import ask_page, ask_tool, with_model
from openai_server import OpenAIServer, Reply
from prometheus_client.parser import text_string_to_metric_families
from test_access import Guarded, guarded

from index.archive import Archive

QUESTION = "Who warned whom before the Crocus attack?"
Figures = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def server(sample_archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(sample_archive, tmp_path_factory.mktemp("metrics")) as server:
        yield server


def figures(client: httpx.Client) -> Figures:
    """Each sample's value by its name and the values of its labels."""
    reply = client.get("/metrics").raise_for_status()
    assert reply.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(reply.text))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def more(before: Figures, after: Figures, *name: str) -> float:
    return after.get(name, 0) - before.get(name, 0)


def test_they_take_a_token_that_reads(server: Guarded) -> None:
    with server.client() as client:
        assert client.get("/metrics").status_code == 401
    with server.client(server.reader) as client:
        reply = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        assert reply.headers["content-type"].startswith("application/openmetrics-text")
        assert reply.text.endswith("# EOF\n")


def test_requests_and_answers_are_counted(server: Guarded) -> None:
    with server.client(server.reader) as client:
        before = figures(client)
        client.post("/v1/ask", json={"question": QUESTION})
        ask_tool(client, QUESTION)
        ask_page(client, QUESTION)
        client.post("/v1/ask", json={"question": "Who won the 1954 chess olympiad?"})
        client.post("/v1/ask", json={"question": " "})
        client.get("/v1/articles/none")
        client.get("/v1/articles/another")
        client.get("/docs")
        after = figures(client)
    requests = "dateline_requests_total"
    assert more(before, after, requests, "POST", "/v1/ask", "200") == 2
    assert more(before, after, requests, "POST", "/v1/ask", "422") == 1
    assert more(before, after, requests, "POST", "/mcp", "200") == 1
    assert more(before, after, requests, "POST", "/en/gradio_api/queue/join", "200") == 1
    assert more(before, after, requests, "GET", "/v1/articles/{id:path}", "404") == 2
    assert more(before, after, requests, "GET", "/docs", "200") == 1
    assert more(before, after, "dateline_request_seconds_count", "/v1/ask") == 3
    assert more(before, after, "dateline_answers_total", "grounded") == 3
    assert more(before, after, "dateline_answers_total", "abstained") == 1
    for stage in ("embed", "search", "words", "fuse"):
        assert more(before, after, "dateline_stage_seconds_count", stage) >= 4, stage
    assert after["dateline_requests_in_flight",] == 1, "this one"


def test_what_callers_invent_makes_no_figures_of_its_own(server: Guarded) -> None:
    with server.client(server.reader) as client:
        client.get("/nowhere/0")
        client.request("BREW", "/v1/ask")
        client.get("/en/nowhere/0")
        client.get("/en/assets/no-such-file.js")
        before = figures(client)
        for number in range(1, 9):
            client.get(f"/nowhere/{number}")
            client.get(f"/en/nowhere/{number}")
            client.get(f"/v1/articles/{number}?x={number}")
            client.get(f"/en/assets/{number}.js")
            client.request(f"BREW{number}", "/v1/ask")
        after = figures(client)
    assert set(after) - set(before) <= {name for name in after if "/v1/articles/{id:path}" in name}
    assert more(before, after, "dateline_requests_total", "GET", "none", "404") == 16
    assert not any("BREW" in part or "nowhere" in part for name in after for part in name)


def test_the_archive_is_counted(server: Guarded) -> None:
    with server.client(server.reader) as client:
        assert figures(client)["dateline_articles",] == client.get("/readyz").json()["articles"] > 0


def test_the_models_tokens_and_failures_are_counted(sample_archive: Archive, tmp_path: Path) -> None:
    reply = Reply("The embassy warned of it. [1]\n", usage=(321, 12))
    with (
        OpenAIServer(reply, Reply(status=500)) as model,
        guarded(sample_archive, tmp_path, **with_model(model)) as server,
        server.client(server.reader) as client,
    ):
        before = figures(client)
        for _ in range(2):
            client.post("/v1/ask", json={"question": "Who warned whom?"})
        after = figures(client)
    assert more(before, after, "dateline_model_tokens_total", "prompt") == 321
    assert more(before, after, "dateline_model_tokens_total", "completion") == 12
    assert more(before, after, "dateline_answers_total", "error") == 1
    for stage in ("answer", "generate", "verify"):
        assert more(before, after, "dateline_stage_seconds_count", stage) >= 1, stage
