from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
import json
from index.types import Article


@dataclass(frozen=True, slots=True)
class Failure:
    where: str
    reason: str


def read(paths: Iterable[Path]) -> Iterator[Article | Failure]:
    for p in paths:
        for line in p.read_text().splitlines():
            d = json.loads(line)
            yield Article(**{**d, "authors": tuple(d["authors"])})
