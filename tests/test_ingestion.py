"""ui/ingestion.py over real HTTP: files and URLs in the background, failures, statistics."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import serving
from conftest import fetching_archive
from test_jobs import FERRY, many
from web_server import Page, site

from index.archive import Archive
from index.embed import Embedder
from rag.chat import Assistant
from rag.config import Settings
from ui.api import create_api

PAGE = f"<html><title>Ferry</title><article><h1>Ferry</h1><p>{FERRY * 3}</p></article></html>".encode()


@pytest.fixture
def archive(tmp_path: Path, embedder: Embedder) -> Iterator[Archive]:
    archive = fetching_archive(tmp_path / "archive", embedder)
    yield archive
    archive.close()


@pytest.fixture
def client(archive: Archive) -> Iterator[httpx.Client]:
    assistant = Assistant(Settings(archive=archive.config.archive), archive)
    with serving(create_api(assistant)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["detail"])


def finished(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/ingestions/{response.json()['id']}"
    until = time.monotonic() + 60
    while True:
        told: dict[str, Any] = client.get(response.headers["location"]).json()
        if told["state"] in ("done", "cancelled", "failed"):
            return told
        assert time.monotonic() < until, told
        time.sleep(0.05)


def test_files_are_taken_in(client: httpx.Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("دفتر/tug.txt", "A tug towed the ferry free on Monday.")
    files = [
        ("files", ("ferry.txt", FERRY.encode())),
        ("files", ("two.zip", packed.getvalue())),
        ("files", ("odd.exe", b"MZ")),
    ]
    told = finished(client, client.post("/v1/ingestions", files=files))
    assert (told["state"], told["added"], told["failed"]) == ("done", 2, 1)
    assert told["inputs"] == ["ferry.txt", "two.zip", "odd.exe"]
    assert told["failures"][0]["where"] == "odd.exe" and "convert it" in told["failures"][0]["reason"]
    assert [each["id"] for each in client.get("/v1/ingestions").json()] == [told["id"]]
    found = client.get("/v1/articles", params={"query": "tug towed"}).json()
    assert (
        found["total"] == 1 and client.get("/v1/articles", params={"query": "nowhere"}).json()["total"] == 0
    )
    assert client.get("/v1/failures").json()["total"] == 0


def test_urls_are_taken_in_and_failures_tried_again_or_forgotten(client: httpx.Client) -> None:
    with site() as web:
        web.pages["/ferry"] = Page(PAGE)
        urls = [f"{web.url}/ferry", f"{web.url}/gone", f"{web.url}/never"]
        told = finished(client, client.post("/v1/ingestions", json={"urls": urls}))
        assert (told["added"], told["failed"], told["expected"]) == (1, 2, None)
        page = client.get("/v1/failures", params={"limit": 1, "offset": 1}).json()
        assert page["total"] == 2 and page["failures"] == [
            {"input": urls[2], "where": urls[2], "reason": "answers 404 Not Found"}
        ]
        web.pages["/gone"] = Page(PAGE)
        told = finished(client, client.post("/v1/failures/retry", json={"inputs": [urls[1]]}))
        assert told["failed"] == 0 and told["added"] + told["unchanged"] + told["replaced"] == 1
        assert finished(client, client.post("/v1/failures/retry"))["failed"] == 1
    assert client.delete("/v1/failures", params={"input": urls[2]}).status_code == 204
    assert "not among" in problem(client.delete("/v1/failures", params={"input": urls[2]}), 404)
    assert "nothing failed" in problem(client.post("/v1/failures/retry"), 404)


def test_an_ingestion_is_cancelled(client: httpx.Client) -> None:
    release = threading.Event()
    with site() as web:
        web.pages["/slow"] = Page(write=lambda write: release.wait(30))
        first = client.post("/v1/ingestions", json={"urls": [f"{web.url}/slow"]})
        second = client.post("/v1/ingestions", files={"files": ("many.jsonl", many(50).encode())})
        assert client.delete(second.headers["location"]).json()["state"] == "cancelled"
        release.set()
        assert finished(client, first)["failed"] == 1
        assert finished(client, second)["added"] == 0
    assert "no ingestion has the id 'x'" in problem(client.get("/v1/ingestions/x"), 404)
    problem(client.delete("/v1/ingestions/x"), 404)


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"json": {"urls": []}}, 422, "urls"),
        ({"json": {"urls": ["file:///etc/passwd"]}}, 422, "not an http or https URL"),
        ({"json": {"urls": ["https://example.org"], "depth": 3}}, 422, "depth: is not known here"),
        ({"json": ["https://example.org"]}, 422, "the body: must be a JSON object"),
        ({"json": {"urls": [f"https://example.org/{n}" for n in range(1001)]}}, 422, "urls"),
        ({"content": b'{"urls": ', "headers": {"content-type": "application/json"}}, 422, "at character 9"),
        ({"content": b'"\xff"', "headers": {"content-type": "application/json"}}, 400, "UTF-8"),
        ({"content": b"x"}, 415, "multipart/form-data"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 422, "boundary"),
        ({"files": {"files": ("a.txt", b"x")}, "data": {"source": "x"}}, 422, "nothing but files"),
    ],
)
def test_what_makes_no_sense_takes_nothing_in(
    client: httpx.Client, sent: dict[str, Any], status: int, says: str
) -> None:
    assert says in problem(client.post("/v1/ingestions", **sent), status)
    assert client.get("/v1/ingestions").json() == []


def test_an_upload_that_is_too_large_is_refused(client: httpx.Client) -> None:
    most = Settings().max_upload_mb
    large = {"files": ("large.txt", b"x" * (most * 2**20 + 1))}
    assert f"{most} MiB" in problem(client.post("/v1/ingestions", files=large), 413)
    assert client.get("/v1/ingestions").json() == []


def test_statistics(client: httpx.Client) -> None:
    articles = [
        {"text": FERRY, "source": "Post", "language": "en", "published_at": "2024-02-03"},
        {"text": "A tug towed it free.", "source": "Post", "language": "en", "published_at": "2024-02-28"},
        {"text": "مخبز جديد في الميناء.", "language": "ar"},
    ]
    client.post("/v1/articles", json=articles)
    found = client.get("/v1/statistics", params={"interval": "month"}).json()
    assert (found["articles"], found["undated"]) == (3, 1)
    assert found["dates"] == [{"name": "2024-02", "articles": 2}]
    assert found["sources"][0] == {"name": "Post", "articles": 2}
    assert client.get("/v1/statistics", params={"language": "ar"}).json()["dates"] == []
    assert "interval" in problem(client.get("/v1/statistics", params={"interval": "week"}), 422)
    assert "ISO 8601" in problem(client.get("/v1/statistics", params={"published_from": "x"}), 422)


def test_jobs_end_with_the_server(archive: Archive) -> None:
    assistant = Assistant(Settings(archive=archive.config.archive), archive)
    with serving(create_api(assistant)) as address, httpx.Client(base_url=address, timeout=60) as client:
        sent = client.post("/v1/ingestions", files={"files": ("many.jsonl", many(3000).encode())})
        assert sent.status_code == 202
    assert not [thread for thread in threading.enumerate() if thread.name == "ingestion"]
    assert archive.count_articles() < 3000 and archive.faults().incomplete == ()
