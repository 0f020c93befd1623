"""ui/intake.py and several processes at once: what a run says of itself, and that none disturbs another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.ingestion import chroma_server
from index.archive import Archive
from index.bundled import bundled_model_folder
from index.config import IndexConfig
from index.embed import Embedder
from index.ingest import ingest
from index.readers import read
from rag.config import Settings
from tests.conftest import ROOT, SAMPLE_ARTICLES, open_archive
from ui import intake
from ui.intake import take_in

TEXT = "The ferry number {0} left the harbour of Valmere at {0} o'clock. Its captain was in good spirits."


def test_without_a_terminal_progress_is_one_json_line_a_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STEP_SECONDS", 0.0)
    lines = [json.dumps({"id": f"n{n}", "text": TEXT.format(n)}) for n in range(6)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{"]))
    (tmp_path / "b.txt").write_text(TEXT.format("b"))
    os.mkfifo(tmp_path / "pipe.jsonl")
    complaints: list[str] = []
    take_in(Settings(archive=tmp_path / "archive"), [str(tmp_path)], complaints.append)
    steps = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [step["done"] for step in steps] == list(range(1, 10))
    last = steps[-1]
    assert (last["expected"], last["added"], last["failed"], last["seconds_left"]) == (8, 7, 2, 0)
    assert all(step["per_second"] > 0 and step["seconds_left"] >= 0 for step in steps)
    assert len(complaints) == 2


def test_several_processes_fill_one_chroma_server_at_once(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with articles of its own, and all of them with the sample's."""
    inputs = []
    for number in range(3):
        lines = [{"id": f"{number}-{n}", "text": TEXT.format(f"{number} {n}")} for n in range(40)]
        inputs.append(tmp_path / f"{number}.jsonl")
        inputs[-1].write_text("\n".join(map(json.dumps, lines)))
    alone = open_archive(tmp_path / "alone", embedder)
    list(ingest(alone, read([SAMPLE_ARTICLES, *inputs])))
    # The model is unpacked where it was; what the processes derive is theirs, as on several machines.
    environments = []
    for number in range(3):
        cache = tmp_path / f"cache-{min(number, 1)}"  # the last two are on one machine
        cache.mkdir(exist_ok=True)
        (cache / "dateline").mkdir(exist_ok=True)
        model = cache / "dateline" / bundled_model_folder().name
        if not model.exists():
            model.symlink_to(bundled_model_folder())
        environments.append({**os.environ, "XDG_CACHE_HOME": str(cache)})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-0"))
    with chroma_server(tmp_path / "chroma") as url:
        command = [sys.executable, "-m", "ui.cli", "ingest", "--json"]
        running = [
            subprocess.Popen(
                [*command, str(path), str(SAMPLE_ARTICLES)],
                env={**environment, "DATELINE_CHROMA_URL": url},
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for path, environment in zip(inputs, environments, strict=True)
        ]  # fmt: skip
        for process in running:
            out, err = process.communicate(timeout=250)
            assert process.returncode == 0, err
            assert json.loads(out)["failed"] == 0
        there = Archive.open(IndexConfig(archive=tmp_path / "x", chroma_url=url))
        there.embedder = embedder
        assert there.fingerprint() == alone.fingerprint()
        assert all(len(there.revisions(article.id)) == 1 for article in there.articles(limit=500))
        faults = there.faults()
        assert (faults.incomplete, faults.leftovers, faults.derived) == ((), (), 0)
        vector = there.embed_question("Who warned whom before the Crocus attack?", "en")
        found = [[hit.sentence.text for hit in archive.search(vector, k=10)] for archive in (alone, there)]
        assert found[0] == found[1]
        there.close()
    alone.close()
