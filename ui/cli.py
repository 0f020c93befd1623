"""The command line: thin commands over one Assistant.

Heavy imports stay inside the commands, so that `dateline --help` is instant.
"""

import asyncio
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from typer.core import TyperGroup

from index.errors import ArticleNotFoundError, UnreadableInputError, UserFixableError

if TYPE_CHECKING:
    from index.types import Article, Filters
    from rag.chat import Assistant
    from rag.claims import Claim
    from rag.config import Settings
    from rag.timeline import Entry
    from rag.types import Evidence, RankedPassage
    from ui.tokens import Tokens

# Other packages add commands here: the value is a Typer app.
COMMANDS = "dateline.commands"
USER_ERROR = 2

_Row = TypeVar("_Row", "Claim", "Entry")


def main() -> None:
    """Run the command line: what a user can fix is one line, a bug keeps its traceback."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # Articles are in every script; a terminal's or pipe's narrower encoding must not fail.
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except UserFixableError as error:
        _complain(error)
        sys.exit(USER_ERROR)
    finally:
        _flush()


class _Commands(TyperGroup):
    """The commands below and those that other packages add, which are loaded when they are named."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [*super().list_commands(ctx), *_added_commands()]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        command = super().get_command(ctx, cmd_name)
        if command is None and (added := _added_commands().get(cmd_name)):
            command = typer.main.get_command(added.load())
            command.name = cmd_name
        return command


app = typer.Typer(
    name="dateline",
    cls=_Commands,
    help="Cited answers from multilingual news archives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
articles_app = typer.Typer(help="List, show and remove the archive's articles.", no_args_is_help=True)
app.add_typer(articles_app, name="articles")
token_app = typer.Typer(help="Who may use a server of this archive.", no_args_is_help=True)
app.add_typer(token_app, name="token")


def _show_version(asked: bool) -> None:
    if asked:
        try:
            version = metadata.version("dateline")
        except metadata.PackageNotFoundError:
            version = "(not installed: run from its source folder)"
        _say(f"dateline {version}")
        raise typer.Exit


def _date(text: str) -> str:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            parse(text.strip())
        except ValueError:
            continue
        return text.strip()
    raise typer.BadParameter(f"{text!r} is not an ISO 8601 date such as 2024-03-22.")


ArchiveOption = Annotated[
    Path | None,
    typer.Option("--archive", metavar="DIR", help="The archive's folder.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DATE",
        parser=_date,
        help="Published on this day or later.",
        rich_help_panel="Filters",
        show_default=False,
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DATE",
        parser=_date,
        help="Published on this day or earlier.",
        rich_help_panel="Filters",
        show_default=False,
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="S", help="Of this source; repeat for more.", rich_help_panel="Filters"
    ),
]
LanguageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        metavar="L",
        help="In this language (ISO 639-1); repeat for more.",
        rich_help_panel="Filters",
    ),
]
ArticleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--article", metavar="ID", help="Only this article; repeat for more.", rich_help_panel="Filters"
    ),
]


TopKOption = Annotated[
    int | None, typer.Option("-k", min=1, max=1000, help="Passages to retrieve.", show_default=False)
]
AnyTimeOption = Annotated[
    bool, typer.Option("--any-time", help="Do not narrow the search to a time the question names.")
]


@app.callback()
def root(
    archive: ArchiveOption = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Cited answers from multilingual news archives."""


@app.command()
def ingest(
    ctx: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders, and URLs of pages, feeds and sitemaps.",
            show_default=False,
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Take what failed before, and nothing else.")
    ] = False,
    ray: Annotated[
        str,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Read and embed on the Ray cluster at this address.",
            show_default=False,
        ),
    ] = "",
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take articles into the archive; what is unchanged is skipped, a killed run goes on where it was."""
    settings = _settings(ctx, archive)
    if bool(inputs) == retry_failed:
        raise typer.BadParameter("name what to take in, or --retry-failed alone.", param_hint="'INPUT...'")
    from ui.intake import take_in

    counts, failures, total = take_in(
        settings, [_text(given) for given in inputs or ()], _complain, ray=ray
    )
    if as_json:
        _say_json({**counts, "failures": failures, "articles": total})
    else:
        summary = ", ".join(f"{number} {status}" for status, number in counts.items())
        _say(f"{summary}. The archive holds {total} articles.")
    if failures:
        raise typer.Exit(USER_ERROR)


@app.command()
def watch(
    ctx: typer.Context,
    feeds: Annotated[list[str], typer.Argument(metavar="FEED...", help="URLs of feeds and sitemaps.")],
    every: Annotated[
        float,
        typer.Option("--every", metavar="MINUTES", min=1, help="Minutes between two visits to a feed."),
    ] = 15,
    once: Annotated[bool, typer.Option("--once", help="Visit each feed once, now, and end.")] = False,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Visit feeds again and again, and take in what is new; Ctrl-C ends it."""
    from ui.intake import watch_feeds

    failed = watch_feeds(_settings(ctx, archive), feeds, 60 * every, once, _say, _complain, as_json)
    if failed:
        raise typer.Exit(USER_ERROR)


@app.command()
def export(
    ctx: typer.Context,
    target: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="JSON lines; printed when left out.")
    ] = None,
    archive: ArchiveOption = None,
) -> None:
    """Write all articles with their revisions; `dateline ingest` makes the same archive of it."""
    from index.archive import Archive
    from index.copying import export as lines

    opened = Archive.open(_settings(ctx, archive).index())
    try:
        with _output(target, opened.config.archive) as write:
            for line in lines(opened):
                write(line)
    finally:
        opened.close()


@app.command()
def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The tar file to write.")],
    archive: ArchiveOption = None,
) -> None:
    """Copy the archive's folder into one file, also while it is served."""
    from index.archive import Archive
    from index.copying import backup as copy

    opened = Archive.open(_settings(ctx, archive).index())
    try:
        copy(opened, target)
        articles = opened.count_articles()
    finally:
        opened.close()
    _say(f"{target}: {articles} articles, {target.stat().st_size / 2**20:.1f} MiB.")


@app.command()
def restore(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `dateline backup` wrote.")],
    archive: ArchiveOption = None,
) -> None:
    """Make an archive's folder from a backup."""
    from index.archive import Archive
    from index.copying import restore as unpack

    config = _settings(ctx, archive).index()
    unpack(source, config.archive)
    opened = Archive.open(config)
    try:
        _say(f"{config.archive}: {opened.count_articles()} articles.")
    finally:
        opened.close()


@app.command()
def ask(
    ctx: typer.Context,
    question: Annotated[str | None, typer.Argument(help="The question, in any language.")] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            metavar="FILE",
            help='JSON lines with "id" and "question"; "history" and "filters" if needed.',
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where the answers to --questions go; else printed."),
    ] = None,
    top_k: TopKOption = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    any_time: AnyTimeOption = False,
    translate: Annotated[
        bool, typer.Option("--translate", help="Translate citations in other languages (by the model).")
    ] = False,
    answer_in: Annotated[
        str, typer.Option("--answer-in", metavar="L", help="Answer in this language (ISO 639).")
    ] = "",
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question, or a file of questions, with citations."""
    _exactly_one("QUESTION", question, "--questions", questions)
    if out and not questions:
        raise typer.BadParameter("it goes with --questions FILE.", param_hint="'--out'")
    filters = _filters(published_from, published_to, source, language, article)
    settings = _settings(ctx, archive)
    if questions is not None:
        from ui.batch import answer_questions

        with _assistant(settings) as assistant, _output(out, questions) as write, _reports() as report:
            asyncio.run(
                answer_questions(
                    assistant,
                    questions,
                    write,
                    report,
                    filters=filters,
                    top_k=top_k,
                    infer_time=not any_time,
                    translate=translate,
                    answer_language=answer_in.lower(),
                )
            )
        return
    with _waiting(), _assistant(settings) as assistant:
        asked = assistant.ask(
            _text(question or ""),
            filters=filters,
            top_k=top_k,
            infer_time=not any_time,
            translate=translate,
            answer_language=answer_in.lower(),
        )
        answer = asyncio.run(asked)
    if as_json:
        _say_json(asdict(answer))
        return
    from ui.render import answer_to_text

    _say(answer_to_text(answer))


@app.command()
def search(
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(help="What to look for, in any language.")] = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="FILE", help="Lines of id, tab, question.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="FILE", help="Where the TREC run of --queries goes; else printed."),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "-k", min=1, max=1000, help="Passages; with --queries, articles a query.", show_default=False
        ),
    ] = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the passages nearest to a question, or write a TREC run for a file of questions."""
    _exactly_one("QUERY", query, "--queries", queries)
    if run and not queries:
        raise typer.BadParameter("it goes with --queries FILE.", param_hint="'--run'")
    if queries and as_json:
        raise typer.BadParameter("a run of --queries is in TREC's format.", param_hint="'--json'")
    filters = _filters(published_from, published_to, source, language, article)
    settings = _settings(ctx, archive)
    if queries is not None:
        from ui.batch import write_run

        count = top_k or settings.top_k
        with _assistant(settings) as assistant, _output(run, queries) as write, _reports() as report:
            asyncio.run(write_run(assistant, queries, write, report, filters=filters, count=count))
        return
    with _waiting(), _assistant(settings) as assistant:
        evidence = asyncio.run(assistant.search(_text(query or ""), top_k=top_k, filters=filters))
    if as_json:
        from ui.schemas import SearchResult

        _say_json(SearchResult.of(evidence).model_dump())
        return
    if not evidence.passages:
        _say("Nothing passes the filters." if filters else "The archive is empty.")
    for rank, passage in enumerate(evidence.passages, start=1):
        _say(_passage_text(rank, passage))


@app.command()
def claims(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in any language.")],
    top_k: TopKOption = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who said, warned or denied what, to whom: a row each, with its sentence."""
    filters = _filters(published_from, published_to, source, language, article)
    settings = _settings(ctx, archive)
    with _waiting(), _assistant(settings) as assistant:
        asked = assistant.claims(_text(question), top_k=top_k, filters=filters)
        evidence, found = asyncio.run(asked)
    from ui.render import claim_to_text

    _say_rows(evidence, found, claim_to_text, "The archive tells of no claims about this.", as_json)
    if found and not as_json and not settings.has_llm:
        _say("Found by rule: sentences that do not plainly say who speaks are missing.")


@app.command()
def timeline(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="The question or subject, in any language.")],
    top_k: TopKOption = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dated sentences about a question, in the order of what they tell of."""
    filters = _filters(published_from, published_to, source, language, article)
    with _waiting(), _assistant(_settings(ctx, archive)) as assistant:
        asked = assistant.timeline(_text(question), top_k=top_k, filters=filters)
        evidence, found = asyncio.run(asked)
    from ui.render import entry_to_text

    _say_rows(evidence, found, entry_to_text, "The archive dates nothing about this.", as_json)


@app.command()
def chat(
    ctx: typer.Context,
    top_k: TopKOption = None,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    any_time: AnyTimeOption = False,
    archive: ArchiveOption = None,
) -> None:
    """Talk with the archive; a follow-up question knows what was said."""
    filters = _filters(published_from, published_to, source, language, article)
    settings = _settings(ctx, archive)
    from rag.types import Turn
    from ui.render import answer_to_text

    history: list[Turn] = []
    with _assistant(settings) as assistant, asyncio.Runner() as runner:
        if sys.stdin.isatty():
            _say("Ask a question. /new starts afresh, /quit ends.")
        for question in _typed_lines():
            if question in ("/quit", "/exit"):
                return
            if question == "/new":
                history.clear()
                continue
            try:
                asked = assistant.ask(
                    question, history=history, filters=filters, top_k=top_k, infer_time=not any_time
                )
                with _waiting():
                    answer = runner.run(asked)
            except UserFixableError as error:
                _complain(error)
                continue
            text = answer_to_text(answer)
            _say(text + "\n")
            sys.stdout.flush()  # input() would do it, and lose a Ctrl-C that comes meanwhile
            said = " ".join(statement.text for statement in answer.statements)
            history += [Turn("user", question), Turn("assistant", said or text)]


@articles_app.command("list")
def list_articles(
    ctx: typer.Context,
    query: Annotated[str, typer.Option(help="Words of the title, a passage or the outlet; or an id.")] = "",
    offset: Annotated[int, typer.Option(min=0, help="Articles to skip.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Articles to show.")] = 50,
    published_from: FromOption = None,
    published_to: ToOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    article: ArticleOption = None,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """The articles, newest first; tab-separated when piped."""
    filters = _filters(published_from, published_to, source, language, article)
    settings = _settings(ctx, archive)
    from rag.chat import check_filters

    check_filters(filters)
    with _assistant(settings) as assistant:
        page = assistant.archive.browse(_text(query), offset=offset, limit=limit, filters=filters)
    found, total = page.articles, page.total
    if as_json:
        from ui.schemas import ArticleHead, ArticlePage

        heads = [ArticleHead.of(each) for each in found]
        _say_json(ArticlePage(total=total, offset=offset, limit=limit, articles=heads).model_dump())
        return
    _table(
        ("id", "published", "language", "source", "title"),
        [(each.id, each.published_at, each.language, each.source, each.title) for each in found],
    )
    if sys.stdout.isatty() and total > len(found):
        _say(f"{len(found)} of {total} articles; --offset and --limit show others.")


@articles_app.command("show")
def show_article(
    ctx: typer.Context,
    article_id: Annotated[str, typer.Argument(metavar="ID")],
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """One article with its text."""
    with _assistant(_settings(ctx, archive)) as assistant:
        article = assistant.archive.article(_text(article_id))
    if as_json:
        _say_json(asdict(article))
    else:
        _say(_article_text(article))


@articles_app.command("remove")
def remove_articles(
    ctx: typer.Context,
    article_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    archive: ArchiveOption = None,
) -> None:
    """Remove articles from the archive."""
    with _assistant(_settings(ctx, archive)) as assistant, _reports() as report:
        for article_id in map(_text, article_ids):
            try:
                assistant.archive.remove(article_id)
            except ArticleNotFoundError as error:
                report(str(error))
            else:
                _say(f"removed {article_id}")


@token_app.command("create")
def create_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose token it is; shown in logs.")],
    scope: Annotated[
        Literal["read", "write"], typer.Option(help="`read` asks and reads; `write` adds and removes too.")
    ] = "read",
    expires: Annotated[
        float | None,
        typer.Option(
            "--expires", metavar="DAYS", min=0.001, max=36500, help="Days it is valid.", show_default=False
        ),
    ] = None,
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and show it, once."""
    with _tokens(ctx, archive) as tokens:
        text = tokens.create(_text(name), scope, expires)
    if as_json:
        _say_json({"name": name, "scope": scope, "token": text})
        return
    _say(text)
    print("Keep it: it is not shown again. Servers that run know it already.", file=sys.stderr)


@token_app.command("list")
def list_tokens(ctx: typer.Context, archive: ArchiveOption = None, as_json: JsonOption = False) -> None:
    """The tokens' names and scopes; not the tokens, which are not kept."""
    with _tokens(ctx, archive) as tokens:
        found = tokens.all()
    if as_json:
        _say_json([{**asdict(each), "expired": each.expired} for each in found])
        return
    _table(
        ("name", "scope", "begins with", "created", "expires"),
        [
            (
                each.name,
                each.scope,
                f"dateline_{each.key}",
                each.created,
                f"{each.expires} (expired)" if each.expired else each.expires or "never",
            )
            for each in found
        ],
    )


@token_app.command("revoke")
def revoke_token(ctx: typer.Context, name: str, archive: ArchiveOption = None) -> None:
    """Make a token invalid, at once and for all servers."""
    with _tokens(ctx, archive) as tokens:
        tokens.revoke(_text(name))
    _say(f"revoked {name}")


@app.command()
def models(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """The language models that the configured server offers."""
    settings = _settings(ctx, None)
    if not settings.llm_base_url and not settings.llm_api_key.get_secret_value():
        raise UserFixableError(
            "no server of language models is set: set DATELINE_LLM_BASE_URL "
            "(e.g. http://localhost:11434/v1), or OPENAI_API_KEY for OpenAI's."
        )
    from rag.llm import LLM

    async def names() -> list[str]:
        llm = LLM.of(settings)
        try:
            return await llm.models()
        finally:
            await llm.close()

    found = asyncio.run(names())
    if as_json:
        _say_json(found)
        return
    for name in found:
        _say(f"{name}  (in use)" if name == settings.llm_model and sys.stdout.isatty() else name)


@app.command()
def doctor(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Look only; exit with 2 if anything is wrong.")
    ] = False,
    archive: ArchiveOption = None,
) -> None:
    """Check that the archive is whole, and mend what is not."""
    from index.doctor import examine

    with _assistant(_settings(ctx, archive)) as assistant:
        findings = []
        for finding in examine(assistant.archive, mend=not check):
            findings.append(finding)
            outcome = f"{finding.problem}; mended" if finding.mended else finding.problem or "ok"
            _say(f"{finding.what}: {outcome}")
    if check and any(finding.problem for finding in findings):
        raise UserFixableError("the archive is not whole. Mend it: dateline doctor")


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to bind to.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default=False)
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Make the archive when there is none.")] = False,
    archive: ArchiveOption = None,
) -> None:
    """Serve the chat page and the REST API."""
    settings = _settings(ctx, archive, host=host, port=port)
    from ui.serve import serve as serve_forever

    serve_forever(settings, create=create)


@app.command()
def mcp(ctx: typer.Context, archive: ArchiveOption = None) -> None:
    """Offer the archive to another program's model, as MCP tools over standard input and output."""
    settings = _settings(ctx, archive)
    from ui.mcp import create_mcp

    with _assistant(settings) as assistant:
        create_mcp(assistant).run("stdio")


@app.command()
def config(ctx: typer.Context, archive: ArchiveOption = None, as_json: JsonOption = False) -> None:
    """Each setting, its value in force and where it comes from."""
    from rag.config import explain_settings

    rows = explain_settings(archive=_archive_folder(ctx, archive))
    names = ("name", "value", "origin", "description")
    if as_json:
        _say_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        _table(names, rows)


def _archive_folder(ctx: typer.Context, archive: Path | None) -> Path | None:
    """`--archive` of the command, else the one before the command."""
    return archive or ctx.find_root().params.get("archive")


def _settings(ctx: typer.Context, archive: Path | None, **overrides: Any) -> "Settings":
    from rag.config import load_settings
    from rag.log import set_up_logging

    settings = load_settings(archive=_archive_folder(ctx, archive), **overrides)
    set_up_logging(settings.log_level)
    return settings


@contextmanager
def _tokens(ctx: typer.Context, archive: Path | None) -> Iterator["Tokens"]:
    from ui.tokens import Tokens

    tokens = Tokens(_settings(ctx, archive).archive)
    try:
        yield tokens
    finally:
        tokens.close()


@contextmanager
def _assistant(settings: "Settings") -> Iterator["Assistant"]:
    from rag.chat import Assistant

    assistant = Assistant.open(settings)
    try:
        yield assistant
    finally:
        assistant.close()


def _filters(
    published_from: str | None,
    published_to: str | None,
    source: Sequence[str] | None,
    language: Sequence[str] | None,
    article: Sequence[str] | None,
) -> "Filters":
    from index.types import Filters

    return Filters(
        published_from=published_from or "",
        published_to=published_to or "",
        sources=tuple(map(_text, source or ())),
        languages=tuple(_text(each).strip().lower() for each in language or ()),
        articles=tuple(map(_text, article or ())),
    )


def _text(argument: str) -> str:
    """What was typed, as text: bytes that are no UTF-8 arrive as halves of surrogate pairs."""
    return argument.encode(errors="replace").decode()


def _exactly_one(first: str, first_given: object, second: str, second_given: object) -> None:
    if (first_given is None) == (second_given is None):
        raise typer.BadParameter(f"give {first} or {second} FILE, one of them.", param_hint=f"'{first}'")


@contextmanager
def _output(path: Path | None, source: Path) -> Iterator[Callable[[str], None]]:
    """A function that writes one whole line to the file, or to the screen without one."""
    if path is None:
        yield _say
        return
    if path.exists() and source.exists() and path.samefile(source):
        raise UnreadableInputError(
            f"{str(path)!r} is also the file that is read. Name another one for the results."
        )
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise UnreadableInputError(
            f"the file {str(path)!r} cannot be written: {error.strerror}. Name another one."
        ) from error
    with file:
        # Unbuffered: one call hands a line over whole, so a killed run ends with a complete one.
        yield lambda line: (file.write(f"{line}\n".encode(errors="replace")), None)[1]


@contextmanager
def _reports() -> Iterator[Callable[[str], None]]:
    """A function that reports one bad item; at the end, exit with 2 if it was called."""
    reported: list[str] = []

    def report(message: str) -> None:
        reported.append(message)
        _complain(message)

    yield report
    if reported:
        raise typer.Exit(USER_ERROR)


@contextmanager
def _waiting() -> Iterator[None]:
    """On a terminal, a sign that something is going on; the first question loads the model."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("reading the archive"):
        yield


def _typed_lines() -> Iterator[str]:
    """What the user types, until the end of input; blank lines are left out."""
    if sys.stdin.isatty():
        with suppress(ImportError):
            import readline  # noqa: F401 - gives input() editing and history
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if line:
            yield line


def _say_rows(
    evidence: "Evidence", rows: Sequence[_Row], to_text: Callable[[_Row], str], none: str, as_json: bool
) -> None:
    """Rows about a question; without any, that there are none and what was searched."""
    if as_json:
        _say_json([asdict(row) for row in rows])
        return
    if not rows:
        from ui.render import coverage_text

        _say(f"{none}\n{coverage_text(evidence.coverage)}")
    for row in rows:
        _say(to_text(row))


def _passage_text(rank: int, passage: "RankedPassage") -> str:
    article = passage.article
    facts = [f"{passage.score:.3f}", article.published_at or "undated", article.source, article.id]
    # Each on a line of its own, so that right-to-left text does not reorder what is beside it.
    lines = [f"{rank:>3}  " + "  ".join(filter(None, facts)), article.title, passage.sentences[0].text]
    for copy in passage.copies:
        lines.append("also in: " + "  ".join(filter(None, (copy.published_at, copy.source, copy.id))))
    return "\n     ".join(lines)


def _article_text(article: "Article") -> str:
    facts = {
        "id": article.id,
        "source": article.source,
        "authors": ", ".join(article.authors),
        "language": article.language,
        "published": article.published_at,
        "ingested": article.ingested_at,
        "url": article.url,
    }
    lines = [article.title, *(f"{name}: {value}" for name, value in facts.items() if value)]
    return "\n".join([*lines, "", article.text])


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated lines elsewhere, so that other programs can read them."""
    if not sys.stdout.isatty():
        for row in (names, *rows):
            _say("\t".join(" ".join(value.split()) for value in row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")  # an id cut short could not be typed
    for row in rows:
        table.add_row(*map(_harmless, row))
    Console(markup=False, highlight=False, emoji=False).print(table)


def _say(text: str) -> None:
    print(_harmless(text))


def _say_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _complain(message: object) -> None:
    """One line on standard error."""
    print(f"dateline: error: {_harmless(' '.join(str(message).split()))}", file=sys.stderr, flush=True)


def _harmless(text: str) -> str:
    """Without control characters: an article's text must not steer the reader's terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def _added_commands() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=COMMANDS)}


def _flush() -> None:
    """Flush before the interpreter does: a reader that went away, like `head`, is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
