"""The README says what is true: settings, commands, endpoints."""

import re
from pathlib import Path

from rag.chat import Assistant
from rag.config import Settings
from ui.api import create_api

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def settings_table() -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if name == "llm_api_key" or default in ("", None) else f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_every_setting_is_in_the_readme() -> None:
    inside = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", README, re.DOTALL)
    assert inside is not None
    assert inside.group(1) == settings_table(), "paste this:\n" + settings_table()


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_exists() -> None:
    from typer import Context
    from typer.main import get_command

    from ui.cli import app

    command = get_command(app)
    names = set(command.list_commands(Context(command)))  # type: ignore[attr-defined]
    for name in re.findall(r"dateline (\w+)", README):
        if name not in ("processes",):
            assert name in names, name


def test_every_endpoint_exists(assistant: Assistant) -> None:
    paths = {
        re.sub(r"{\w+}", "{id}", path): methods
        for path, methods in create_api(assistant).openapi()["paths"].items()
    }
    for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/\S+?)`", README):
        assert method.lower() in paths[path], (method, path)


def test_nothing_names_a_machine_path() -> None:
    for path in ROOT.rglob("*.py"):
        if ".venv" not in path.parts:
            text = path.read_text("utf-8")
            assert "/" + "work/" not in text and "/" + "root/" not in text, path


def test_every_figure_is_explained() -> None:
    from evals.measures import MEASURES

    text = (ROOT / "EVALS.md").read_text("utf-8")
    inside = re.search(r"<!-- figures -->\n(.*?)\n<!-- /figures -->", text, re.DOTALL)
    rows = ["| figure | what it is |", "|---|---|"]
    rows += [f"| {measure.name} | {measure.meaning} |" for measure in MEASURES.values()]
    assert inside is not None and inside.group(1) == "\n".join(rows), "paste this:\n" + "\n".join(rows)


def test_the_cases_in_the_docs_are_cases(tmp_path: Path) -> None:
    from evals.cases import read_cases

    text = (ROOT / "EVALS.md").read_text("utf-8")
    start = text.index('    {"id": "q1"')
    lines = re.sub(r",\n\s+\"", ', "', text[start : text.index("\n\n", start)])
    (tmp_path / "cases.jsonl").write_text(lines, "utf-8")
    assert [case.id for case in read_cases(tmp_path / "cases.jsonl")] == ["q1", "q2"]
