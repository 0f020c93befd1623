"""`dateline eval`: how good the answers are, and what changed."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.errors import UserFixableError

if TYPE_CHECKING:
    from evals.run import Caches
    from evals.types import Figure, Run
    from rag.config import Settings
    from rag.llm import LLM

NOT_GOOD_ENOUGH = 1
USER_ERROR = 2
CONCURRENT_REQUESTS = 8

app = typer.Typer(
    help="Ask questions whose answers are known; report how good the answers are, and what changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    ctx: typer.Context,
    suites: Annotated[list[str], typer.Argument(metavar="SUITE...", help="`sample`, or a path.")],
    archive: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Ask this archive.", show_default=False)
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Ask this server: Dateline's, or OpenAI-compatible in /v1.")
    ] = "",
    model: Annotated[str, typer.Option(metavar="M", help="The language model that answers.")] = "",
    search_only: Annotated[
        bool, typer.Option("--search-only", help="Measure retrieval; ask for no answer.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Cases of each suite; 0 is all.")] = 0,
    languages: Annotated[
        str, typer.Option(metavar="L,L", help="Of files in SQuAD's format, only these languages.")
    ] = "",
    pairs: Annotated[
        bool, typer.Option("--pairs", help="One archive a language, each asked in all of them.")
    ] = False,
    unanswerable: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, metavar="SHARE", help="Leave out this share of the paragraphs."),
    ] = 0.0,
    judge: Annotated[
        bool | None,
        typer.Option("--judge/--no-judge", help="Let a language model judge; on when one is set."),
    ] = None,
    judge_model: Annotated[
        str, typer.Option(metavar="M", help="The model that judges; default: the one that is set.")
    ] = "",
    concurrency: Annotated[
        int, typer.Option(min=0, metavar="N", help="Cases asked at once; 0: 1 here, 8 over a network.")
    ] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Take no reply from an earlier run.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where replies and archives are kept; default: the user's cache.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The run's folder; default: one below eval-runs.", show_default=False
        ),
    ] = None,
    baseline: Annotated[
        str, typer.Option(metavar="RUN", help="Fail if this run is worse beyond chance.")
    ] = "",
    fail_below: Annotated[
        list[str] | None, typer.Option(metavar="FIGURE=VALUE", help="Fail below this; repeat for more.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what --baseline reads.", show_default=False)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the cases that went wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Ask suites of cases, report, and compare with a baseline."""
    from rich.console import Console

    from evals import opening
    from evals.cache import cache_folder
    from evals.gate import parse_floors, reasons_to_fail
    from evals.html import write_report
    from evals.record import RUNS, load_run, save, write_run
    from evals.report import print_comparison, print_failed, print_run
    from evals.run import Options, evaluate
    from evals.suites import load_suites
    from rag.config import load_settings
    from rag.log import set_up_logging

    archive = archive or ctx.find_root().params.get("archive")
    _not_both("--archive", archive, "--url", url)
    _not_both("--search-only", search_only, "--url", url)
    floors = parse_floors(fail_below or [])
    before = load_run(baseline) if baseline else None
    asked = [language.strip() for language in languages.split(",") if language.strip()]
    loaded = [
        suite
        for name in suites
        for suite in load_suites(name, languages=asked, pairs=pairs, unanswerable=unanswerable)
    ]
    for suite in loaded:
        if suite.to_complete:
            told = f"{suite.to_complete} cases of {suite.name!r} are to be completed, and are not asked"
            print(f"dateline: note: {told}", file=sys.stderr)
    settings = load_settings(archive=archive)
    set_up_logging(settings.log_level)
    configured = settings
    if model:
        settings = _with_model(settings, model, url)
    # The model that --model names is here, unless --url says that it is elsewhere.
    judging = _judge(configured if url else settings, judge, judge_model)
    over_network = bool(url) or (settings.has_llm and not search_only)
    # A server's settings and code are not known here: its replies serve only this run's resumption.
    scope = f"{url} {out.resolve() if out else datetime.now().isoformat()}" if url else ""
    folder_of_cache = cache or cache_folder()
    caches = None if fresh else _caches(folder_of_cache, scope)
    if url:
        open_system = opening.remote(url, settings)
    else:
        archives = None if archive else folder_of_cache / "archives"
        open_system = opening.local(settings, archives=archives, search_only=search_only)
    name = "+".join(Path(each).resolve().stem for each in suites)
    folder = out or RUNS / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    options = Options(
        limit=limit,
        concurrency=concurrency or (CONCURRENT_REQUESTS if over_network else 1),
        judge=judging,
        caches=caches,
    )
    try:
        with _progress() as show:
            made, results = evaluate(name, loaded, open_system, options, show)
    finally:
        if caches:
            caches.close()
    save(folder, made, results)
    write_report(folder / "report.html", made, results)
    console = Console()
    if as_json:
        print(json.dumps(_figures_as_json(made), ensure_ascii=False, indent=2))
    else:
        print_run(made, console)
        if failed:
            print_failed(results, console)
        print(f"report: {folder / 'report.html'}")
    if write_baseline:
        write_run(write_baseline, made)
    reasons, comparison = reasons_to_fail(made, before, floors)
    if comparison and not as_json:
        print_comparison(baseline, str(folder), comparison, console)
    for reason in reasons:
        print(f"dateline: not good enough: {reason}", file=sys.stderr)
    if made.errors:
        print_failed([result for result in results if result.error], Console(stderr=True))
        raise typer.Exit(USER_ERROR)
    if reasons:
        raise typer.Exit(NOT_GOOD_ENOUGH)


@app.command("from-feedback")
def from_feedback(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the cases go, or are added.")],
    archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The archive whose readers were asked.", show_default=False),
    ] = None,
) -> None:
    """Make cases of the feedback that readers gave: good answers are asked again, bad ones completed."""
    from evals.errors import DatasetError
    from evals.feedback import FILE, write_cases
    from index.archive import Archive
    from rag.config import load_settings
    from rag.database import FILE as HISTORY
    from rag.history import History

    settings = load_settings(archive=archive or ctx.find_root().params.get("archive"))
    opened = Archive.open(settings.index())
    try:
        nothing = DatasetError(
            f"nothing was kept yet of what readers of {str(settings.archive)!r} thought of its answers. "
            "Name another archive."
        )
        if not (settings.archive / HISTORY).exists():
            raise nothing
        with closing(History(settings.archive)) as history:
            rated = iter(history.feedback())
            # The file is there as soon as anybody looked for a conversation.
            if (first := next(rated, None)) is None:
                raise nothing
            written = write_cases(chain([first], rated), opened, out)
    finally:
        opened.close()
    kept = f"; {written.before} were there already" if written.before else ""
    print(f"{out / FILE}: {written.added} cases added, {written.to_complete} of them to be completed{kept}")
    print(f"Ask them: dateline eval run {out} --archive {settings.archive}")


@app.command()
def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="A run: its folder, run.json or name.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another over the same cases.")],
) -> None:
    """What changed from one run to another, how sure that is, and which cases flipped."""
    from rich.console import Console

    from evals import compare as comparing
    from evals.record import load_run
    from evals.report import print_comparison

    comparison = comparing.compare(load_run(before), load_run(after))
    print_comparison(before, after, comparison, Console())


@app.command("list")
def list_all() -> None:
    """The built-in suites, the recorded runs, and what each figure means."""
    from rich.console import Console

    from evals.record import RUNS, recorded_runs
    from evals.report import print_measures
    from evals.suites import BUILT_IN

    console = Console()
    print(f"suites: {', '.join(BUILT_IN)}, or a path: see `Your own suite` in the README")
    for name, made in recorded_runs():
        print(f"{name}\t{made.started}\t{len(made.cases)} cases\t{made.system}")
    print(f"runs are recorded below {RUNS}/\n")
    print_measures(console)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Its folder, run.json or name.")],
    failed: Annotated[bool, typer.Option("--failed", help="List the cases that went wrong.")] = False,
) -> None:
    """A recorded run's figures, and the cases that went wrong."""
    from rich.console import Console

    from evals.record import load_results, load_run
    from evals.report import print_failed, print_run

    console = Console()
    print_run(load_run(name), console)
    if failed:
        print_failed(load_results(name), console)


@app.command()
def trec(
    run_file: Annotated[Path, typer.Argument(metavar="RUN", help="A run in TREC's format.")],
    qrels_file: Annotated[Path, typer.Argument(metavar="QRELS", help="Judgements in TREC's format.")],
) -> None:
    """Ranking figures of any system's TREC run."""
    from rich.console import Console

    from evals.ranking import read_qrels, read_run
    from evals.report import print_trec

    print_trec(read_run(run_file), read_qrels(qrels_file), Console())


def _with_model(settings: "Settings", model: str, url: str) -> "Settings":
    changed = settings.model_copy(update={"llm_model": model})
    if not url and not changed.has_llm:
        raise UserFixableError(
            "--model names a language model, but no server is set: set DATELINE_LLM_BASE_URL "
            "(e.g. http://localhost:11434/v1), or OPENAI_API_KEY for OpenAI's."
        )
    return changed


def _judge(settings: "Settings", wanted: bool | None, model: str) -> "LLM | None":
    from rag.llm import LLM

    judging = settings.model_copy(update={"llm_model": model}) if model else settings
    if wanted is False or (wanted is None and not model and not settings.has_llm):
        return None
    if not judging.has_llm:
        raise UserFixableError(
            "a judge needs a language model, and none is set: set DATELINE_LLM_MODEL and "
            "DATELINE_LLM_BASE_URL, or leave --judge out."
        )
    return LLM.of(judging)


def _caches(folder: Path, scope: str) -> "Caches":
    from evals.cache import Cache
    from evals.run import FIGURES, REPLY, VERDICTS, Caches

    path = folder / "replies.sqlite"
    return Caches(
        Cache(path, f"reply {scope}".strip(), REPLY),
        Cache(path, "verdict", VERDICTS),
        Cache(path, "agreement", FIGURES),
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """On a terminal, a bar; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _figures_as_json(made: "Run") -> dict[str, object]:
    def plain(figures: "tuple[Figure, ...]") -> dict[str, object]:
        return {f.name: {"value": f.value, "low": f.low, "high": f.high, "n": f.n} for f in figures}

    return {
        "name": made.name,
        "started": made.started,
        "seconds": made.seconds,
        "system": made.system,
        "settings": dict(made.settings),
        "figures": {group: plain(figures) for group, figures in made.figures.items()},
        "matrix": {
            question: {evidence: plain(figures) for evidence, figures in row.items()}
            for question, row in made.matrix.items()
        },
        "agreement": plain(made.agreement),
        "cached": made.cached,
        "errors": made.errors,
    }


def _not_both(one: str, one_given: object, other: str, other_given: object) -> None:
    if one_given and other_given:
        raise typer.BadParameter(f"give {one} or {other}, not both.", param_hint=f"'{one}'")


if __name__ == "__main__":
    try:
        app()
    except UserFixableError as error:
        print(f"dateline: error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
