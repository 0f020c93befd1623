"""ui/cli.py as its users run it: a process, its output, its exit code."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
import typer
from conftest import GOLDEN, ROOT, SAMPLE_ARTICLES
from openai_server import OpenAIServer

from index.embed import Embedder
from ui.cli import main

ANSI = "\x1b"
SECRET = "sk-very-secret-0123456789"
QUESTION = "Who warned whom before the Crocus attack?"


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return kept | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"} | variables


def run(
    *arguments: object, cwd: Path, stdin: str = "", timeout: float = 120, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder without settings of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *map(str, arguments)],
        cwd=cwd,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, embedder: Embedder) -> Run:
    """`run` without a process of its own, with the model that is already loaded: seconds less."""
    monkeypatch.setattr("index.embed._load", lambda name: embedder._model)
    monkeypatch.setattr("rag.log.set_up_logging", lambda level: None)

    def run_here(
        *arguments: object, cwd: Path, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        command = ["dateline", *map(str, arguments)]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(3)]
        streams[0].buffer.write(stdin.encode())
        streams[0].seek(0)
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            patch.setattr(sys, "argv", command)
            for name, value in variables.items():
                patch.setenv(name, value)
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            try:
                main()
                code = 0
            except SystemExit as exit_:
                code = exit_.code if isinstance(exit_.code, int) else 0
        said = [stream.buffer.getvalue().decode() for stream in streams[1:]]  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(command, code, *said)

    return run_here


def fails(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """The user can fix it: exit code 2 and one line on standard error, which says these words."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("dateline: error: ")
    for word in words:
        assert word in lines[0]


def good(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert ANSI not in result.stdout
    return result.stdout


def article(article_id: str, text: str, **more: object) -> str:
    return json.dumps({"id": article_id, "title": f"Title {article_id}", "text": text, **more})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small archive of its own that was made by the command line. Read only."""
    folder = tmp_path_factory.mktemp("small")
    rows = [
        article(
            "one two\u00a0three",
            "The ferry sank in the harbour. Nobody drowned.",
            published_at="2024-01-05",
        ),
        article("long", " ".join(f"The ferry number {n} sailed on day {n}." for n in range(400))),
        article("escape", "A \x1b[31mred\x1b[0m ferry \x07 rang.", source="S\x1b]0;owned\x07"),
        article("عربي", "غرقت العبّارة في الميناء. لم يغرق أحد.", language="ar", published_at="2024-02-01"),
        article("fa", "کشتی در بندر غرق شد.", language="fa"),
    ]
    (folder / "articles.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    good(run("ingest", "articles.jsonl", "--archive", "archive", cwd=folder))
    return folder / "archive"


# --- help, version, usage


HEAVY = ["torch", "transformers", "chromadb", "gradio", "fastapi", "openai", "numpy", "pydantic"]


def test_help_loads_nothing_heavy_and_is_quick(tmp_path: Path) -> None:
    code = (
        "import sys, ui.cli\nsys.argv = ['dateline', '--help']\n"
        "try: ui.cli.main()\nexcept SystemExit as e: assert not e.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines()[-1] == "[]"
    times = []
    for _ in range(3):
        started = time.perf_counter()
        good(run("--help", cwd=tmp_path))
        times.append(time.perf_counter() - started)
    # 0.2 s where this was written; the bound is wide for slow and busy machines.
    assert min(times) < 1.5


COMMANDS = (
    ["ingest"],
    ["ask"],
    ["search"],
    ["chat"],
    ["serve"],
    ["config"],
    ["articles", "list"],
    ["articles", "show"],
    ["articles", "remove"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_takes_an_archive(here: Run, tmp_path: Path, command: list[str]) -> None:
    assert "--archive" in good(here(*command, "--help", cwd=tmp_path))


def test_help_lists_every_command(here: Run, tmp_path: Path) -> None:
    shown = good(here("--help", cwd=tmp_path))
    for command in COMMANDS:
        assert re.search(rf"^\W*{command[0]} ", shown, re.MULTILINE), command


def test_version(tmp_path: Path) -> None:
    assert re.fullmatch(r"dateline \S.*\n", good(run("--version", cwd=tmp_path)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["ask", "x", "--questions", "y"],
        ["ask", "x", "--out", "y"],
        ["ask", "x", "--from", "yesterday"],
        ["ask", "x", "--to", "2024-13-01"],
        ["ask", "x", "-k", "0"],
        ["search"],
        ["search", "x", "--queries", "y"],
        ["search", "x", "--run", "y"],
        ["search", "--queries", "y", "--json"],
        ["articles", "list", "--limit", "0"],
        ["articles", "show"],
        ["ingest"],
        ["serve", "--port", "0"],
        ["nonsense"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_no_traceback(here: Run, tmp_path: Path, arguments: list[str]) -> None:
    result = here(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Error" in result.stderr
    assert "Traceback" not in result.stderr
    assert ANSI not in result.stderr


# --- config


def test_config_shows_values_and_origins_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "dateline.toml").write_text(f"top_k = 7\nllm_api_key = '{SECRET}'\n")
    result = run("config", "--archive", "elsewhere", cwd=tmp_path, DATELINE_PORT="8001")
    rows = [row.split("\t") for row in good(result).splitlines()]
    found = {name: (value, origin) for name, value, origin, _ in rows}
    assert rows[0] == ["name", "value", "origin", "description"]
    assert found["archive"] == ("elsewhere", "command line")
    assert found["port"] == ("8001", "environment")
    assert found["top_k"] == ("7", "dateline.toml")
    assert found["batch_size"] == ("32", "default")
    assert found["llm_api_key"] == ("**********", "dateline.toml")
    assert SECRET not in result.stdout


def test_config_as_json(here: Run, tmp_path: Path) -> None:
    result = here("config", "--json", cwd=tmp_path, OPENAI_API_KEY=SECRET)
    rows = json.loads(good(result))
    assert {"name", "value", "origin", "description"} == set(rows[0])
    key = next(row for row in rows if row["name"] == "llm_api_key")
    assert (key["value"], key["origin"]) == ("**********", "OPENAI_API_KEY")
    assert SECRET not in result.stdout


def test_the_archive_may_be_named_before_the_command(here: Run, tmp_path: Path) -> None:
    def shown(*arguments: str) -> str:
        rows = json.loads(good(here(*arguments, cwd=tmp_path)))
        return next(row["value"] for row in rows if row["name"] == "archive")

    assert shown("--archive", "before", "config", "--json") == "before"
    assert shown("--archive", "before", "config", "--json", "--archive", "after") == "after"


def test_an_unknown_variable_is_one_line_of_error(here: Run, tmp_path: Path) -> None:
    fails(here("config", cwd=tmp_path, DATELINE_ARCHVE="x"), "'DATELINE_ARCHVE'")


def test_an_unknown_key_of_the_file_is_one_line_of_error(here: Run, tmp_path: Path) -> None:
    (tmp_path / "dateline.toml").write_text("archve = 'x'\n")
    fails(here("ask", "x", cwd=tmp_path), "archve")


# --- ingest


def test_ingest_counts_what_it_did(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(article("a", "The ferry sank.") + "\n" + article("b", "It rained.") + "\n")
    first = good(here("ingest", file, "--archive", "x", cwd=tmp_path))
    assert first == "2 added, 0 unchanged, 0 replaced, 0 failed. The archive holds 2 articles.\n"
    file.write_text(article("a", "The ferry sank.") + "\n" + article("b", "It snowed.") + "\n")
    second = json.loads(good(here("ingest", file, "--archive", "x", "--json", cwd=tmp_path)))
    assert second == {"added": 0, "unchanged": 1, "replaced": 1, "failed": 0, "failures": [], "articles": 2}


def test_ingest_takes_in_the_rest_when_something_fails(here: Run, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "good.txt").write_text("A ferry sank.\n\nIt sank in the harbour.")
    (folder / "mixed.jsonl").write_text(
        article("a", "It rained.") + "\n{broken\n" + article("b", "Snow.") + "\n"
    )
    result = here("ingest", folder, "missing.txt", "--archive", "x", "--json", cwd=tmp_path)
    assert result.returncode == 2
    summary = json.loads(result.stdout)
    assert (summary["added"], summary["failed"], summary["articles"]) == (3, 2, 3)
    places = " ".join(failure["where"] for failure in summary["failures"])
    assert "mixed.jsonl" in places
    assert "missing.txt" in places
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("dateline: error: ") for line in lines)


def test_a_missing_path_makes_no_archive(here: Run, tmp_path: Path) -> None:
    fails(here("ingest", "missing", "--archive", "x", cwd=tmp_path), "'missing'", "does not exist")
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_one_failure(here: Run, tmp_path: Path) -> None:
    (tmp_path / "closed.txt").write_text("secret")
    (tmp_path / "closed.txt").chmod(0)
    (tmp_path / "open.txt").write_text("The ferry sank.")
    result = here("ingest", "closed.txt", "open.txt", "--archive", "x", "--json", cwd=tmp_path)
    assert result.returncode == 2
    assert json.loads(result.stdout)["added"] == 1


def test_a_folder_with_other_files_is_no_archive(here: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "a.txt").write_text("The ferry sank.")
    fails(here("ingest", "a.txt", "--archive", "photos", cwd=tmp_path), "'photos'")
    fails(here("ask", "x", "--archive", "photos", cwd=tmp_path), "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


# --- ask


def test_ask_prints_cited_text_without_colours(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    shown = good(here("ask", QUESTION, "--archive", sample_archive_dir, cwd=tmp_path))
    assert "[1]" in shown


def test_ask_as_json_is_the_answer(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    answer = json.loads(
        good(here("ask", QUESTION, "--json", "--archive", sample_archive_dir, cwd=tmp_path))
    )
    articles = {(row := json.loads(line))["id"]: row for line in SAMPLE_ARTICLES.open(encoding="utf-8")}
    assert answer["question"] == QUESTION
    assert answer["abstained"] is False
    assert answer["citations"]
    for citation in answer["citations"]:
        text = articles[citation["article_id"]]["text"]
        assert text[citation["start_char"] : citation["end_char"]] == citation["cited_text"]


def test_ask_in_arabic_letters_stays_readable(sample_archive_dir: Path, tmp_path: Path) -> None:
    question = "من حذّر من قبل الهجوم على كروكوس؟"
    shown = good(
        run(
            "ask", question, "--language", "AR", "--archive", sample_archive_dir, cwd=tmp_path,
            PYTHONIOENCODING="ascii",
        )
    )  # fmt: skip
    assert "\\u" not in shown
    assert re.search("[\u0621-\u064a]{3}", shown)
    assert not re.search("[А-я]{3}", shown)


def test_filters_narrow_what_is_asked(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    arguments = ("--from", "2024-03-23", "--to", "2024-03-31", "--language", "ru", "--language", "en")
    answer = json.loads(
        good(here("ask", QUESTION, "--json", *arguments, "--archive", sample_archive_dir, cwd=tmp_path))
    )
    assert answer["coverage"]["filters"] == {
        "published_from": "2024-03-23",
        "published_to": "2024-03-31",
        "sources": [],
        "languages": ["ru", "en"],
        "articles": [],
    }
    assert set(answer["coverage"]["languages"]) <= {"ru", "en"}
    assert answer["coverage"]["published_from"] >= "2024-03-23"
    fails(
        here(
            "ask",
            "x",
            "--from",
            "2024-04-01",
            "--to",
            "2024-03-01",
            "--archive",
            sample_archive_dir,
            cwd=tmp_path,
        ),
        "2024-04-01",
    )


def test_ask_one_article(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    only = json.loads(SAMPLE_ARTICLES.open(encoding="utf-8").readline())["id"]
    answer = json.loads(
        good(
            here(
                "ask", QUESTION, "--json", "--article", only, "--archive", sample_archive_dir, cwd=tmp_path
            )
        )
    )
    assert answer["coverage"]["articles"] == 1
    assert {citation["article_id"] for citation in answer["citations"] + answer["nearest"]} == {only}


def test_a_time_in_the_question_is_told_and_can_be_left_out(
    here: Run, sample_archive_dir: Path, tmp_path: Path
) -> None:
    question = "Who was attacked in January 2024?"
    told = "Only what can have happened from 2024-01-01 until 2024-01-31"
    arguments = ("ask", question, "--archive", sample_archive_dir)
    assert good(here(*arguments, cwd=tmp_path)).startswith(told)
    assert told not in good(here(*arguments, "--any-time", cwd=tmp_path))


def test_a_translation_without_a_model_is_refused(
    here: Run, sample_archive_dir: Path, tmp_path: Path
) -> None:
    refused = here("ask", QUESTION, "--translate", "--archive", sample_archive_dir, cwd=tmp_path)
    fails(refused, "DATELINE_LLM_MODEL")


def test_claims(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    shown = good(here("claims", QUESTION, "--archive", sample_archive_dir, cwd=tmp_path))
    assert "The United States [warn] → Russia's security services (2024-03-07): " in shown
    assert "\u2068إيران\u2069 [warn] → \u2068روسيا\u2069" in shown
    assert shown.rstrip().endswith("are missing.")
    rows = json.loads(
        good(here("claims", QUESTION, "--json", "--archive", sample_archive_dir, cwd=tmp_path))
    )
    assert len(rows) > 5 and all(row["citation"]["verified"] for row in rows)
    none = good(here("claims", "Who won at chess?", "--archive", sample_archive_dir, cwd=tmp_path))
    assert none.startswith("The archive tells of no claims about this.\nArticles searched: ")


def test_timeline(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    arguments = ("timeline", "the Crocus attack", "--archive", sample_archive_dir)
    days = [
        line[:11].strip() for line in good(here(*arguments, cwd=tmp_path)).splitlines() if line[0] != " "
    ]
    assert len(days) > 5 and "2024-03-07" in days and "~2024-03-22" in days
    assert [day.lstrip("~") for day in days] == sorted(day.lstrip("~") for day in days)
    entries = json.loads(good(here(*arguments, "--json", cwd=tmp_path)))
    assert len(entries) == len(days) and {"when", "citation"} == set(entries[0])
    none = good(here("timeline", "Who won at chess?", *arguments[2:], cwd=tmp_path))
    assert none.startswith("The archive dates nothing about this.\n")


def test_models(here: Run, tmp_path: Path) -> None:
    with OpenAIServer(models=("b", "a")) as server:
        found = here("models", cwd=tmp_path, DATELINE_LLM_BASE_URL=server.base_url)
        assert good(found) == "a\nb\n"
        found = here("models", "--json", cwd=tmp_path, DATELINE_LLM_BASE_URL=server.base_url)
        assert json.loads(good(found)) == ["a", "b"]
        address = server.base_url
    fails(here("models", cwd=tmp_path), "DATELINE_LLM_BASE_URL")
    gone = here("models", cwd=tmp_path, DATELINE_LLM_BASE_URL=address, DATELINE_LLM_RETRIES="0")
    fails(gone, "nothing answers")


@pytest.mark.parametrize("question", ["", "   ", "x" * 100_000])
def test_a_question_of_no_use_is_one_line_of_error(
    here: Run, small: Path, tmp_path: Path, question: str
) -> None:
    fails(here("ask", question, "--archive", small, cwd=tmp_path), "question")
    fails(here("search", question, "--archive", small, cwd=tmp_path), "question")


def test_bytes_that_are_no_text_are_asked_all_the_same(small: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ui.cli", "ask", b"ferry \xff\xfe sank", "--json", "--archive", small],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["question"].startswith("ferry ")


def test_no_archive_is_one_line_of_error(here: Run, tmp_path: Path) -> None:
    for arguments in (["ask", "x"], ["search", "x"], ["chat"], ["articles", "list"], ["serve"]):
        fails(here(*arguments, "--archive", "missing", cwd=tmp_path), "'missing'")
    assert not (tmp_path / "missing").exists()


def test_an_unreachable_chroma_is_one_line_of_error(here: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        fails(here("ask", "x", cwd=tmp_path, DATELINE_CHROMA_URL=url), url)
    fails(here("ask", "x", cwd=tmp_path, DATELINE_CHROMA_URL="nonsense"), "'nonsense'")


def test_an_unreachable_model_is_one_line_of_error_not_an_abstention(
    here: Run, sample_archive_dir: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        result = here(
            "ask", QUESTION, "--archive", sample_archive_dir, cwd=tmp_path,
            DATELINE_LLM_MODEL="m", DATELINE_LLM_BASE_URL=url, DATELINE_LLM_RETRIES="0",
        )  # fmt: skip
    fails(result, url)
    assert result.stdout == ""


# --- ask, many questions


def test_a_file_of_questions_is_answered_in_order(
    here: Run, sample_archive_dir: Path, tmp_path: Path
) -> None:
    questions: list[dict[str, object]] = [
        {"id": "b", "question": QUESTION},
        {"id": 1, "question": "and who denied it?", "history": [{"role": "user", "content": QUESTION}]},
        {"id": "a", "question": QUESTION, "filters": {"languages": ["fa"]}, "answerable": True},
    ]
    (tmp_path / "q.jsonl").write_text("\ufeff" + "\n\n".join(map(json.dumps, questions)), encoding="utf-8")
    good(
        here(
            "ask", "--questions", "q.jsonl", "--out", "a.jsonl", "--language", "ru",
            "--archive", sample_archive_dir, cwd=tmp_path,
        )
    )  # fmt: skip
    answers = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["b", 1, "a"]
    assert [answer["coverage"]["languages"] for answer in answers] == [["ru"], ["ru"], ["fa"]]
    assert answers[1]["standalone_question"] == "and who denied it? warned Crocus attack"


def test_bad_lines_are_reported_by_number_and_the_rest_is_answered(
    here: Run, small: Path, tmp_path: Path
) -> None:
    lines = [
        b'{"id": "1", "question": "Did a ferry sink?"}',
        b"{broken",
        b'{"id": "3"}',
        b'{"id": "4", "question": ""}',
        b'{"id": "5", "question": "\xff"}',
        b'{"id": "6", "question": "x", "filters": {"language": "ar"}}',
        b'{"id": "7", "question": "x", "filters": {"published_from": "soon"}}',
        b'{"id": "8", "question": "x", "history": [{"role": "system", "content": "x"}]}',
        b"[1]",
        b'{"id": "10", "question": "' + b"x" * 100_000 + b'"}',
        b'{"id": "11", "question": "\\ud800 ferry"}',
        b'{"id": "12", "question": "Did a ferry sink?"}',
    ]
    (tmp_path / "q.jsonl").write_bytes(b"\r\n".join(lines))
    result = here("ask", "--questions", "q.jsonl", "--archive", small, cwd=tmp_path)
    assert result.returncode == 2
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] in (
        ["1", "12"],
        ["1", "11", "12"],
    )
    reported = [
        int(n) for n in re.findall(r"^dateline: error: 'q\.jsonl' line (\d+): ", result.stderr, re.M)
    ]
    assert reported == list(range(2, 12))
    assert len(result.stderr.splitlines()) == len(reported)


def test_files_that_cannot_be_used_are_one_line_of_error(here: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "1", "question": "x"}\n')
    ask = ("ask", "--archive", small, "--questions")
    fails(here(*ask, "missing.jsonl", "--out", "o", cwd=tmp_path), "'missing.jsonl'")
    fails(here(*ask, tmp_path, "--out", "o", cwd=tmp_path), str(tmp_path))
    fails(here(*ask, "q.jsonl", "--out", "no/such/folder.jsonl", cwd=tmp_path), "folder.jsonl")
    fails(here(*ask, "q.jsonl", "--out", "q.jsonl", cwd=tmp_path), "q.jsonl")
    assert (tmp_path / "q.jsonl").read_text() == '{"id": "1", "question": "x"}\n'


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs: they are started with interrupts ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupted_batch_leaves_complete_lines(small: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"id": n, "question": f"Did ferry {n} sail?"}) for n in range(100_000)]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    out = tmp_path / "a.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ask", "--questions", "q.jsonl", "--out", out, "--archive", small],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not (out.exists() and out.stat().st_size > 20_000):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    written = out.read_text("utf-8")
    assert written.endswith("\n")
    assert [json.loads(line)["id"] for line in written.splitlines()] == list(range(written.count("\n")))


# --- search


def test_search_shows_ranked_passages(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    arguments = ("search", QUESTION, "-k", "3", "--archive", sample_archive_dir)
    data = json.loads(good(here(*arguments, "--json", cwd=tmp_path)))
    passages = data["passages"]
    assert [passage["rank"] for passage in passages] == [1, 2, 3]
    scores = [passage["score"] for passage in passages]
    assert scores == sorted(scores, reverse=True)
    shown = good(here(*arguments, cwd=tmp_path))
    for passage in passages:
        assert passage["sentences"][0]["text"] in passage["text"]
        for words in (f"{passage['score']:.3f}", passage["article"]["id"], passage["sentences"][0]["text"]):
            assert words in shown


def test_nothing_that_passes_is_said_and_is_no_error(here: Run, small: Path, tmp_path: Path) -> None:
    assert "filters" in good(
        here("search", "ferry", "--source", "nobody", "--archive", small, cwd=tmp_path)
    )


def trec(text: str) -> dict[str, list[tuple[str, int, float]]]:
    """Rows by query; the format is checked on the way."""
    rows: dict[str, list[tuple[str, int, float]]] = {}
    for line in text.splitlines():
        query, q0, article_id, rank, score, tag = line.split(" ")
        assert (q0, tag) == ("Q0", "dateline")
        rows.setdefault(query, []).append((article_id, int(rank), float(score)))
    for found in rows.values():
        assert [rank for _, rank, _ in found] == list(range(1, len(found) + 1))
        scores = [score for _, _, score in found]
        assert scores == sorted(scores, reverse=True)
        assert len({article_id for article_id, _, _ in found}) == len(found)
    return rows


def test_a_run_of_the_golden_questions(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    golden = [json.loads(line) for line in GOLDEN.open(encoding="utf-8")]
    lines = [f"{case['id']}\t{case['question']}\n" for case in golden]
    (tmp_path / "q.tsv").write_text("".join(lines), encoding="utf-8")
    search = ("search", "--queries", "q.tsv", "--archive", sample_archive_dir)
    assert good(here(*search, "-k", "20", "--run", "out.trec", cwd=tmp_path)) == ""
    rows = trec((tmp_path / "out.trec").read_text("utf-8"))
    assert list(rows) == [case["id"] for case in golden]
    assert {len(found) for found in rows.values()} == {20}
    found_first = [
        rows[case["id"]][0][0] in {gold["article"] for gold in case["evidence"]}
        for case in golden
        if case["answerable"]
    ]
    assert sum(found_first) / len(found_first) > 0.7
    # More than the archive holds: each article once.
    everything = trec(good(here(*search, "-k", "1000", cwd=tmp_path)))
    assert {len(found) for found in everything.values()} == {
        len(SAMPLE_ARTICLES.read_text("utf-8").splitlines())
    }
    for query, found in rows.items():
        assert [row[0] for row in everything[query][:20]] == [row[0] for row in found]


def test_a_run_finds_every_article_past_a_long_one_and_encodes_white_space(
    here: Run, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "q.tsv").write_text("q1\tThe ferry sailed on day 7.\nq2\ta ferry\twith a tab\n")
    rows = trec(good(here("search", "--queries", "q.tsv", "-k", "5", "--archive", small, cwd=tmp_path)))
    for found in rows.values():
        assert {row[0] for row in found} == {"one%20two%C2%A0three", "long", "escape", "عربي", "fa"}
    assert rows["q1"][0][0] == "long"


def test_bad_queries_are_reported_by_number(here: Run, small: Path, tmp_path: Path) -> None:
    lines = [
        b"q1\tferry",
        b"no tab",
        b"q 3\tferry",
        b"q1\tagain",
        b"q5\t ",
        b"\xff\tferry",
        b"",
        b"q8\train",
    ]
    (tmp_path / "q.tsv").write_bytes(b"\r\n".join(lines))
    result = here("search", "--queries", "q.tsv", "-k", "1", "--archive", small, cwd=tmp_path)
    assert result.returncode == 2
    assert list(trec(result.stdout)) == ["q1", "q8"]
    assert re.findall(r"line (\d+): ", result.stderr) == ["2", "3", "4", "5", "6"]


# --- articles


def test_articles_are_listed_newest_first(here: Run, small: Path, tmp_path: Path) -> None:
    listing = ("articles", "list", "--archive", small)
    rows = [line.split("\t") for line in good(here(*listing, cwd=tmp_path)).splitlines()]
    assert rows[0] == ["id", "published", "language", "source", "title"]
    assert [row[0] for row in rows[1:]] == ["عربي", "one two three", "escape", "fa", "long"]
    page = json.loads(good(here(*listing, "--json", "--limit", "2", "--offset", "1", cwd=tmp_path)))
    assert (page["total"], page["offset"], page["limit"]) == (5, 1, 2)
    assert [each["id"] for each in page["articles"]] == ["one two\u00a0three", "escape"]
    assert "text" not in page["articles"][0]
    dated = json.loads(good(here(*listing, "--json", "--from", "2024-02-01", cwd=tmp_path)))
    assert [each["id"] for each in dated["articles"]] == ["عربي"]


def test_an_article_is_shown(here: Run, small: Path, tmp_path: Path) -> None:
    show = ("articles", "show", "عربي", "--archive", small)
    assert "غرقت العبّارة في الميناء. لم يغرق أحد." in good(here(*show, cwd=tmp_path))
    shown = json.loads(good(here(*show, "--json", cwd=tmp_path)))
    assert (shown["id"], shown["published_at"], shown["language"]) == ("عربي", "2024-02-01", "ar")
    fails(here("articles", "show", "nobody", "--archive", small, cwd=tmp_path), "'nobody'")


@pytest.mark.parametrize(
    "arguments",
    [
        ["articles", "show", "escape"],
        ["articles", "list"],
        ["search", "ferry"],
        ["ask", "Did a red ferry ring?"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_article_does_not_steer_the_terminal(
    here: Run, small: Path, tmp_path: Path, arguments: list[str]
) -> None:
    shown = good(here(*arguments, "--archive", small, cwd=tmp_path))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


def test_articles_are_removed(here: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(article("a", "It rained.") + "\n" + article("b", "It snowed.") + "\n")
    good(here("ingest", "a.jsonl", "--archive", "x", cwd=tmp_path))
    result = here("articles", "remove", "nobody", "a", "--archive", "x", cwd=tmp_path)
    fails(result, "'nobody'")
    assert result.stdout == "removed a\n"
    left = json.loads(good(here("articles", "list", "--json", "--archive", "x", cwd=tmp_path)))
    assert [each["id"] for each in left["articles"]] == ["b"]


# --- chat, serve, pipes, interrupts


def test_chat_remembers_what_was_said(here: Run, sample_archive_dir: Path, tmp_path: Path) -> None:
    said = f"{QUESTION}\n\nand who denied it?\n{'x' * 5000}\n/new\n/quit\nnever asked\n"
    result = here("chat", "--archive", sample_archive_dir, cwd=tmp_path, stdin=said)
    assert result.returncode == 0
    assert "[1]" in result.stdout
    fails(subprocess.CompletedProcess([], 2, "", result.stderr), "5,000 characters")
    assert "never asked" not in result.stdout


def test_a_taken_port_is_one_line_of_error(small: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fails(run("serve", "--port", port, "--archive", small, cwd=tmp_path), str(port))


def test_a_reader_that_goes_away_is_no_error(small: Path, tmp_path: Path) -> None:
    for arguments in (["articles", "show", "long"], ["config", "--json"], ["--help"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "ui.cli", *arguments, "--archive", small]
            if arguments != ["--help"]
            else [sys.executable, "-m", "ui.cli", "--help"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        process.wait(timeout=60)


def test_ctrl_c_exits_with_130(small: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "chat", "--archive", small],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stdin and process.stdout
    process.stdin.write("Did a ferry sink?\n")
    process.stdin.flush()
    assert process.stdout.readline()  # it answered, and waits for more
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def on_a_terminal(*arguments: object, cwd: Path) -> str:
    """What the command writes on a terminal, with its control sequences."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *map(str, arguments)],
        cwd=cwd,
        env=environment(TERM="xterm-256color", COLUMNS="100"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how a terminal says that the other side is gone
        while chunk := os.read(ours, 65536):
            written += chunk
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return written.decode()


def test_on_a_terminal_there_are_tables_and_a_bar(small: Path, tmp_path: Path) -> None:
    table = on_a_terminal("articles", "list", "--limit", "4", "--archive", small, cwd=tmp_path)
    assert "\t" not in table
    assert ANSI in table
    assert "Title fa" in table
    assert "4 of 5 articles" in table
    bar = on_a_terminal("ingest", small.parent / "articles.jsonl", "--archive", small, cwd=tmp_path)
    assert "0/5" in bar
    assert "0 added, 5 unchanged, 0 replaced, 0 failed." in bar


# --- commands that other packages add


def plugin(folder: Path, entry_points: Sequence[str]) -> str:
    """A folder for PYTHONPATH in which a package that adds commands is installed."""
    info = folder / "added-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dateline.commands]\n" + "\n".join(entry_points) + "\n")
    return os.pathsep.join((str(ROOT), str(folder)))


def test_eval_is_a_command_that_its_package_adds(tmp_path: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    ((name, target),) = declared["dateline.commands"].items()
    module, attribute = target.split(":")
    assert name == "eval"
    assert isinstance(getattr(import_module(module), attribute), typer.Typer)
    path = plugin(tmp_path / "added", [f"{name} = {target}"])
    assert re.search(r"\beval\b", good(run("--help", cwd=tmp_path, PYTHONPATH=path)))
    fails(run("eval", "run", "missing", cwd=tmp_path, PYTHONPATH=path), "'missing'", "sample")


def test_eval_asks_an_archive(
    here: Run, monkeypatch: pytest.MonkeyPatch, sample_archive_dir: Path, tmp_path: Path
) -> None:
    plugin(tmp_path / "added", ["eval = evals.__main__:app"])
    monkeypatch.syspath_prepend(tmp_path / "added")
    (tmp_path / "cases.jsonl").write_text("".join(GOLDEN.open(encoding="utf-8").readlines()[:3]))
    options = ("cases.jsonl", "--out", "made", "--failed", "--cache", tmp_path / "cache")
    shown = good(here("--archive", sample_archive_dir, "eval", "run", *options, cwd=tmp_path))
    assert re.search(r"^article hit@1 +\d", shown, re.MULTILINE) and "3 cases" in shown
    assert len(json.loads((tmp_path / "made" / "run.json").read_text("utf-8"))["cases"]) == 3


def test_an_added_command_that_is_not_asked_for_is_not_loaded(tmp_path: Path) -> None:
    path = plugin(tmp_path / "added", ["broken = no.such.module:app"])
    good(run("config", cwd=tmp_path, PYTHONPATH=path))
