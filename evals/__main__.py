"""`dateline eval`: ask the golden questions and report how good the answers are."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.errors import UserFixableError

if TYPE_CHECKING:
    from rag.chat import Assistant
    from rag.config import Settings

DATA = Path(__file__).with_name("data")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command("eval")
def evaluate_command(
    ctx: typer.Context,
    golden: Annotated[
        Path, typer.Option(metavar="FILE", help="The golden questions.", show_default=False)
    ] = DATA / "golden.jsonl",
    articles: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Ingest these into an archive that is thrown away.", show_default=False
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Ask this archive instead of the sample.", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as JSON.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the questions that went wrong.")] = False,
) -> None:
    """Ask the golden questions and report how good the answers are."""
    from rich.console import Console

    from evals.datasets import read_golden
    from evals.report import print_failed, print_report, report_to_json
    from evals.run import evaluate
    from rag.config import load_settings
    from rag.log import set_up_logging

    archive = archive or ctx.find_root().params.get("archive")
    if archive and articles:
        raise typer.BadParameter("give --archive or --articles, not both.", param_hint="'--archive'")
    if out and not out.parent.is_dir():
        raise typer.BadParameter(f"the folder {str(out.parent)!r} does not exist.", param_hint="'--out'")
    cases = read_golden(golden)
    settings = load_settings(archive=archive)
    set_up_logging(settings.log_level)
    with _assistant(settings, None if archive else articles or DATA / "articles.jsonl") as assistant:
        report = evaluate(assistant, cases)
    console = Console()
    print_report(report, console)
    if failed:
        print_failed(report, console)
    if out:
        text = json.dumps(report_to_json(report), ensure_ascii=False, indent=2)
        out.write_text(text + "\n", encoding="utf-8")


@contextmanager
def _assistant(settings: "Settings", articles: Path | None) -> Iterator["Assistant"]:
    """On the archive of the settings, or on one made of the articles and thrown away after."""
    from index.ingest import ingest
    from index.readers import read
    from rag.chat import Assistant

    with tempfile.TemporaryDirectory(prefix="dateline-eval-", ignore_cleanup_errors=True) as folder:
        if articles:
            settings = settings.model_copy(update={"archive": Path(folder) / "archive", "chroma_url": ""})
        assistant = Assistant.open(settings, create=bool(articles))
        try:
            for outcome in ingest(assistant.archive, read([articles])) if articles else ():
                if outcome.status == "failed":
                    raise UserFixableError(f"{outcome.article_id}: {outcome.reason}")
            yield assistant
        finally:
            assistant.close()


if __name__ == "__main__":
    try:
        app()
    except UserFixableError as error:
        print(f"dateline: error: {error}", file=sys.stderr)
        sys.exit(2)
