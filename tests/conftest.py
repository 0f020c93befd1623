"""Shared fixtures: the real embedding model and real archives; no network but loopback."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker for each core: more threads would only get in each other's way.
    os.environ["OMP_NUM_THREADS"] = "1"

from index.archive import Archive
from index.config import IndexConfig
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from rag.chat import Assistant
from rag.config import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
SAMPLE_ARTICLES = ROOT / "evals" / "data" / "articles.jsonl"
GOLDEN = ROOT / "evals" / "data" / "golden.jsonl"
# Files that take long begin first, so that no worker still has one when the others have nothing left.
LONGEST = (
    "test_killed.py",
    "test_accessible.py",
    "test_kept_on_page.py",
    "test_retrieval_eval.py",
    "test_archive_tab.py",
    "test_replicas.py",
    "test_cli.py",
    "test_hostile.py",
    "test_archive.py",
    "test_eval_runs.py",
    "test_page.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files in the order in which they are to begin; within a file nothing changes."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


def open_archive(folder: Path, embedder: Embedder, **options: Any) -> Archive:
    """Open an archive, or make it, with the model that is already loaded."""
    with pytest.MonkeyPatch.context() as patch:
        # A new archive asks its own model who it is: to load it once more would take a second each time.
        patch.setattr("index.embed._load", lambda name: embedder._model)
        archive = Archive.open(IndexConfig(folder, **options), create=True)
    archive.embedder = embedder
    return archive


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """The settings of whoever runs the tests must not change their outcome."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("DATELINE_") or name == "OPENAI_API_KEY":
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _network_guard() -> Iterator[None]:
    """Nothing may leave the machine: a connection to another host fails the test that made it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]) if isinstance(address, tuple) else str(address)
            assert host in ("127.0.0.1", "::1", "localhost"), f"a test tried to reach {host!r}"
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The bundled model, loaded once for all tests."""
    embedder = Embedder(IndexConfig(archive=Path()))
    embedder.load()
    return embedder


@pytest.fixture(scope="session")
def sample_archive_dir(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """A folder with the sample archive, for other processes to open. Read only."""
    folder = tmp_path_factory.mktemp("sample") / "archive"
    archive = open_archive(folder, embedder)
    failed = [o for o in ingest(archive, read([SAMPLE_ARTICLES])) if o.status != "added"]
    archive.close()
    assert not failed
    return folder


@pytest.fixture(scope="session")
def sample_archive(sample_archive_dir: Path, embedder: Embedder) -> Iterator[Archive]:
    """The sample archive, opened. Read only."""
    archive = open_archive(sample_archive_dir, embedder)
    yield archive
    archive.close()


@pytest.fixture
def sample_copy(tmp_path: Path, sample_archive_dir: Path, embedder: Embedder) -> Iterator[Archive]:
    """The sample archive in a folder of its own, to be changed."""
    shutil.copytree(sample_archive_dir, tmp_path / "archive")
    archive = open_archive(tmp_path / "archive", embedder)
    yield archive
    archive.close()


@pytest.fixture
def empty_archive(tmp_path: Path, embedder: Embedder) -> Iterator[Archive]:
    """A fresh archive in a folder of its own."""
    archive = open_archive(tmp_path / "archive", embedder)
    yield archive
    archive.close()


@pytest.fixture(scope="session")
def assistant(sample_archive: Archive, sample_archive_dir: Path) -> Assistant:
    """An Assistant on the sample archive, without a language model."""
    return Assistant(Settings(archive=sample_archive_dir), sample_archive)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A headless browser. Not longer than a module: its event loop would stand in the way of others."""
    import browser as helpers

    if helpers.CHROMIUM is None:
        pytest.skip("the page needs a browser: install Debian's `chromium`")
    with helpers.browsing() as found:
        yield found


@pytest.fixture(scope="module")
def address(assistant: Assistant) -> Iterator[str]:
    """The whole server on the sample archive, without a language model."""
    from browser import serving

    from ui.serve import create_app

    with serving(create_app(assistant)) as url:
        yield url


def fetching_archive(folder: Path, embedder: Embedder) -> Archive:
    """An archive that may fetch from this machine, and does so without a pause."""
    return open_archive(folder, embedder, private_networks=("127.0.0.0/8",), fetch_delay=0.0)
