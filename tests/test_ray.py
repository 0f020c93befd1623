"""Ingestion over a running Ray cluster of two workers, into a real Chroma server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.ingestion import chroma_server, free_port
from index.archive import Archive
from index.bundled import bundled_model_folder
from index.config import IndexConfig
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from tests.conftest import ROOT, SAMPLE_ARTICLES, open_archive

pytest.importorskip("ray", reason="the optional package ray is not installed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Ray cluster of two CPUs."""
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    port = free_port()
    options = ["--head", "--num-cpus", "2", "--port", str(port), "--include-dashboard", "false"]
    quiet = ["--disable-usage-stats", "--object-store-memory", str(200 * 2**20)]
    subprocess.run([*ray, "start", *options, *quiet], check=True, capture_output=True, timeout=120)
    yield f"127.0.0.1:{port}"
    subprocess.run([*ray, "stop", "--force"], check=True, capture_output=True, timeout=60)


def test_two_workers_fill_an_archive_on_a_chroma_server(
    cluster: str, tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for number in range(6):
        text = f"The harbour number {number} of Valmere was closed on Friday, the port office said. " * 4
        (pages / f"{number}.html").write_text(
            f"<html><title>H{number}</title><article><p>{text}</p></article>"
        )
    (pages / "broken.html").write_bytes(b"<html>\0\0")
    here = open_archive(tmp_path / "here", embedder)
    list(ingest(here, read([SAMPLE_ARTICLES, pages])))
    model = bundled_model_folder()
    (tmp_path / "cache").mkdir()
    # The model is unpacked where it was.
    (tmp_path / "cache" / "dateline").symlink_to(model.parent)
    with chroma_server(tmp_path / "chroma") as url:
        monkeypatch.setenv("DATELINE_CHROMA_URL", url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        inputs = [str(SAMPLE_ARTICLES), str(pages)]
        command = [sys.executable, "-m", "ui.cli", "ingest", *inputs, "--ray", cluster]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200)
        assert "43 added, 0 unchanged, 0 replaced, 1 failed" in done.stdout, done.stderr
        assert "broken.html" in done.stderr and done.returncode == 2
        there = Archive.open(IndexConfig(archive=tmp_path / "x", chroma_url=url))
        there.embedder = embedder
        assert there.fingerprint() == here.fingerprint()
        assert there.clusters() == here.clusters()
        faults = there.faults()
        assert (faults.incomplete, faults.leftovers, faults.derived) == ((), (), 0)
        question = there.embed_question("Who warned whom before the Crocus attack?", "en")
        found = [[hit.sentence.text for hit in archive.search(question, k=10)] for archive in (here, there)]
        assert found[0] == found[1]
        there.close()
    here.close()


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "ui.cli", "ingest", str(SAMPLE_ARTICLES), "--ray", address]
    done = subprocess.run(
        [*command, "--archive", str(tmp_path / "a")], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 2 and "no Ray cluster answers" in done.stderr, done.stderr
    assert len([line for line in done.stderr.splitlines() if "dateline: error" in line]) == 1
