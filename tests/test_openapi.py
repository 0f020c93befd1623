"""The description of the REST API is true: schemathesis finds no request that is answered otherwise."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from browser import serving
from conftest import ROOT, open_archive
from test_history import made

from index.archive import Archive
from index.copying import backup, restore
from index.embed import Embedder
from rag.chat import Assistant
from rag.config import Settings
from ui.owner import COOKIE, owner_of
from ui.serve import create_app

VISITOR = "x" * 32
EXAMPLES = 15


@pytest.mark.timeout(900)
def test_every_request_is_answered_as_described(
    sample_archive: Archive, embedder: Embedder, tmp_path: Path
) -> None:
    backup(sample_archive, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "archive")
    archive = open_archive(tmp_path / "archive", embedder)
    cookie = f"{COOKIE}={VISITOR}"
    owner = owner_of({"type": "http", "headers": [(b"cookie", cookie.encode())]})
    with closing(Assistant(Settings(archive=tmp_path / "archive"), archive)) as assistant:
        kept = [assistant.history.append(owner, made(f"Question {n}?", "It sank.")) for n in range(400)]
        ids = {
            "answers": [each.id for each in kept[:200]],
            "conversations": [each.conversation_id for each in kept[200:]],
        }
        app = create_app(assistant)
        with serving(app) as address:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
                    *("--checks", "all", "--phases", "examples,coverage,fuzzing", "--seed", "1"),
                    *("--max-examples", str(EXAMPLES), "--header", f"Cookie: {cookie}"),
                    *("--suppress-health-check", "all", "--no-color"),
                ],
                cwd=tmp_path,
                env=os.environ
                | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "KEPT_IDS": json.dumps(ids)}
                | {"PYTHONPATH": str(ROOT / "tests")},
                capture_output=True,
                text=True,
                timeout=840,
            )
        described = set(app.openapi()["paths"])
    report = done.stdout[-8000:] + done.stderr[-2000:]
    assert done.returncode == 0, report
    assert "No issues found" in done.stdout, report
    assert {"/v1/conversations/{id}", "/v1/answers/{id}/feedback", "/v1/ingestions"} < described
