"""How much there is to take in, as far as that can be seen from outside."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from index.readers import readers


def expected_articles(paths: Iterable[Path]) -> int:
    """How many articles files and folders seem to hold: one a file, or one a line."""
    expected = 0
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else (path,):
            suffix = file.suffix.lower()
            if not file.is_file():  # a pipe would be waited for
                continue
            if suffix == ".jsonl":
                with suppress(OSError), file.open("rb") as lines:
                    expected += sum(1 for line in lines if line.strip())
            elif suffix in readers():
                expected += 1
    return expected
