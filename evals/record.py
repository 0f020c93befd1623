"""A run on the disk: a folder with `run.json`, `cases.jsonl`, TREC files and `report.html`."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evals import ranking
from evals.errors import RunError
from evals.types import CaseResult, Run

RUNS = Path("eval-runs")
RUN_FILE = "run.json"
CASES_FILE = "cases.jsonl"
_RUN = TypeAdapter(Run)
_RESULT = TypeAdapter(CaseResult)


def save(folder: Path, run: Run, results: Sequence[CaseResult]) -> None:
    """Write everything but the report. Raises RunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / CASES_FILE).open("wb") as file:
            for result in results:
                file.write(_RESULT.dump_json(result) + b"\n")
        ranked = [r for r in results if r.reply.articles is not None and not r.error]
        ranking.write_run(folder / "run.trec", {"/".join(r.key): r.reply.articles or () for r in ranked})
        ranking.write_qrels(folder / "qrels.trec", {"/".join(r.key): r.gold.relevant for r in ranked})
        write_run(folder / RUN_FILE, run)
    except OSError as error:
        raise RunError(
            f"the run cannot be written to {str(folder)!r}: {error.strerror}. Name another with --out."
        ) from error


def write_run(path: Path, run: Run) -> None:
    """`run.json` alone, which is what a baseline is: one line a case, so that changes can be read."""
    data = _RUN.dump_python(run, mode="json")
    cases = data.pop("cases")
    head = json.dumps(data, ensure_ascii=False, indent=1)
    lines = ",\n".join(json.dumps(_short(case), ensure_ascii=False) for case in cases)
    path.write_text(f'{head[:-2]},\n "cases": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def load_run(name: str | Path) -> Run:
    """By folder, by `run.json`, or by name below `eval-runs`. Raises RunError."""
    path = _file(Path(name), RUN_FILE)
    try:
        return _RUN.validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise RunError(
            f"{str(path)!r} is no run of this version of Dateline: make it again with `dateline eval run`."
        ) from error


def load_results(name: str | Path) -> list[CaseResult]:
    """Every case's reply, scores and failures. Raises RunError."""
    path = _file(Path(name), CASES_FILE)
    try:
        return [_RESULT.validate_json(line) for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise RunError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise RunError(f"{str(path)!r} is damaged: make the run again.") from error


def recorded_runs(folder: Path = RUNS) -> list[tuple[str, Run]]:
    """The runs below a folder, oldest first; what cannot be read is left out."""
    found = []
    for path in sorted(folder.glob(f"*/{RUN_FILE}")):
        try:
            found.append((path.parent.name, load_run(path)))
        except RunError:
            continue
    return sorted(found, key=lambda pair: pair[1].started)


def _file(path: Path, name: str) -> Path:
    for candidate in (path, RUNS / path):
        if candidate.is_dir() and (candidate / name).is_file():
            return candidate / name
    if path.is_file():
        return path if path.name.endswith(Path(name).suffix) else path.with_name(name)
    raise RunError(f"there is no run {str(path)!r}: `dateline eval list` shows those that there are.")


def _short(case: dict[str, object]) -> dict[str, object]:
    scores = case["scores"]
    assert isinstance(scores, dict)
    # Six digits tell any two answers apart; the rest would only make files differ.
    rounded = {name: [round(a, 6), round(b, 6)] for name, (a, b) in scores.items()}
    return case | {"scores": rounded}
