"""Killed at thirty random moments, an ingestion that is run again ends as one that never was."""

import json
import random
import time
from pathlib import Path

from index.archive import Archive
from index.copying import export
from index.embed import Embedder
from index.ledger import Ledger
from tests.conftest import open_archive
from tests.other_process import started, take_in
from tests.test_duplicates import BEGGING, OTHER, WIRE, issue

KILLS = 30
# Enough for several batches, and for lines that are known to repeat.
ISSUES, ROWS = 14, 8


def write_news(folder: Path) -> None:
    """Files of several formats with copies, revisions and repeated lines among them."""
    folder.mkdir()
    with (folder / "a.jsonl").open("w") as file:
        for number in range(ISSUES):
            paper = issue(number, BEGGING)
            line = {"id": paper.id, "title": paper.title, "text": paper.text, "source": paper.source}
            file.write(json.dumps(line) + "\n")
    for number, text in enumerate((WIRE, OTHER, WIRE + " It is free.", OTHER)):
        (folder / f"b{number}.txt").write_text(text)
    url = "https://post.example.org/ferry"
    versions = [{"id": f"v{n}", "text": f"{WIRE} Update {n} came.", "url": url} for n in range(3)]
    (folder / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in versions))
    (folder / "d.csv").write_text(
        "id,text\n" + "".join(f"r{n},Row {n} tells of rain.\n" for n in range(ROWS))
    )


def state(archive: Archive, folder: Path) -> dict[str, object]:
    """All that an archive holds but the times of ingestion, and what its ledger knows of the inputs."""
    lines = {}
    for line in map(json.loads, export(archive)):
        line.pop("ingested_at")
        for revision in line.get("revisions", []):
            del revision["ingested_at"], revision["replaced_at"]
        lines[line["id"]] = line
    with Ledger(folder) as ledger:
        inputs = ledger.all("SELECT name, ids FROM inputs ORDER BY name")
        boilerplate = ledger.all("SELECT source, line, settled FROM boilerplate")
    faults = archive.faults()
    return {
        "articles": lines,
        "clusters": sorted(map(tuple, archive.clusters())),
        "inputs": inputs,
        "boilerplate": boilerplate,
        "faults": (faults.incomplete, faults.leftovers, faults.derived),
    }


def test_killed_at_thirty_moments(tmp_path: Path, embedder: Embedder) -> None:
    news = tmp_path / "news"
    write_news(news)
    chance = random.Random(11)

    def run(folder: Path, seconds: float | None) -> float:
        """Run an ingestion for so long; how long it took, 0 when it was killed before its end."""
        process, told = started(take_in, folder, news)
        assert told.recv() == "ready"
        begun = time.monotonic()
        if seconds is not None and not told.poll(seconds):
            process.kill()
            process.join()
            return 0.0
        assert told.recv() == "done"
        process.join()
        return time.monotonic() - begun

    def opened(folder: Path) -> dict[str, object]:
        archive = open_archive(folder, embedder)
        found = state(archive, folder)
        archive.close()
        return found

    whole = run(tmp_path / "undisturbed", None)
    expected = opened(tmp_path / "undisturbed")
    assert len(expected["articles"]) == ISSUES + 4 + 1 + ROWS  # type: ignore[arg-type]
    assert expected["boilerplate"] and expected["faults"] == ((), (), 0)
    kills = archives = 0
    while kills < KILLS:
        folder = tmp_path / f"killed-{archives}"
        archives += 1
        # Killed again and again, until one run comes to its end.
        for _ in range(4):
            if run(folder, chance.uniform(0.0, whole)):
                break
            kills += 1
        else:
            run(folder, None)
        assert opened(folder) == expected, f"after {kills} kills"
    assert archives >= 5
