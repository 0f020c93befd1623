"""Logging setup, called only by entry points: our lines at the level of the settings, to stderr.

A server's lines carry what belongs to them as fields, first of all the id of the request during which they
were written: as JSON, an object a line, or for a person at a terminal. No line carries a question, unless
the setting `log_questions` says so; what an exception says may quote one, and is left out just so.
"""

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

OURS = ("index", "rag", "ui", "evals")
# Read by the libraries when they are imported. Whoever set one of them keeps it.
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


def set_up_logging(level: str) -> None:
    """Show our log lines from `level` up, and of other libraries only warnings and worse."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    if level != "DEBUG" and not sys.warnoptions:
        # Deprecations inside other libraries are nothing the reader of an answer can act on.
        warnings.simplefilter("ignore")


def set_up_server_logging(
    level: str, form: Literal["auto", "text", "json"], *, with_questions: bool = False
) -> None:
    """The same for a server: lines with fields, in the `form` of the setting `log_format`."""
    import structlog
    from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper, format_exc_info
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

    set_up_logging(level)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shown: Processor = (
        JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    formatter = ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            add_log_level,
            add_logger_name,
            ExtraAdder(),
            TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            _one_line,
            format_exc_info if with_questions else ExceptionRenderer(_where),
            shown,
        ],
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)


def name_request(request_id: str) -> None:
    """Lines of what runs in this task, and of all that it starts, carry this id from here on."""
    from structlog.contextvars import bind_contextvars

    bind_contextvars(request_id=request_id)


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    from structlog.contextvars import get_contextvars

    return str(get_contextvars().get("request_id", ""))


def _one_line(_: "WrappedLogger", __: str, line: "EventDict") -> "EventDict":
    """Of a task that failed asyncio tells more on further lines: what its exception says, too."""
    line["event"] = str(line["event"]).partition("\n")[0]
    return line


def _where(exc_info: "ExcInfo") -> str:
    """A traceback with what kind of exception it was, and not what it says."""
    return "\n".join(_lines(exc_info[1]))


def _lines(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines(before)
        yield "which led to:" if error.__cause__ else "while it was handled:"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
    kind = type(error)
    yield kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        for number, each in enumerate(error.exceptions, 1):
            yield f"{number} of {len(error.exceptions)}:"
            yield from _lines(each)
