"""One server for the chat page, REST and MCP."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from math import ceil
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Mount
from starlette.types import Scope

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.config import Settings
from rag.log import set_up_server_logging
from ui.access import Access, tokens_are_needed
from ui.api import create_api
from ui.ending import Ended, Ending
from ui.headers import SecurityHeaders
from ui.jobs import Jobs
from ui.limits import Limits
from ui.mcp import add_mcp
from ui.metrics import add_metrics
from ui.observed import Observed
from ui.page import STYLESHEETS, create_page, examples, theme
from ui.page.document import Localised, to_own_language
from ui.paths import SIGN_IN, SIGN_OUT
from ui.tokens import Tokens
from ui.tracing import start_tracing
from ui.words import LANGUAGES

# What the page itself asks of Gradio. Its other routes (files, proxy, API, monitoring) stay closed:
# nothing here needs them.
_PAGE_PATHS = {
    "/",
    "/config",
    "/theme.css",
    "/gradio_api/startup-events",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
}
_PAGE_FOLDERS = ("/assets/", "/static/", "/gradio_api/heartbeat/")
# What does not end although it was told to is left behind after so many seconds.
_TO_CLOSE = 2


class ServerError(UserFixableError):
    """The server cannot listen where the settings say."""


def create_app(assistant: Assistant) -> FastAPI:
    """REST, the tools of `/mcp`, and the page: once in each language, at `/en/` and so on."""
    jobs = Jobs(assistant.archive)
    app: FastAPI = create_api(assistant, jobs)
    add_mcp(app, assistant)
    add_metrics(app, assistant)
    app.add_api_route("/", to_own_language, include_in_schema=False)
    for language in LANGUAGES:
        _mount_page(app, assistant, jobs, language)
    app.state.ending = Ending(assistant.settings.shutdown_seconds)
    _guard(app, assistant.settings)
    return app


def _mount_page(app: FastAPI, assistant: Assistant, jobs: Jobs, language: str) -> None:
    """One page of its own for each language: together they cost half a second and hardly any memory."""
    path = f"/{language}"
    gr.mount_gradio_app(
        app,
        create_page(assistant, jobs, language),
        path,
        theme=theme(),
        css_paths=STYLESHEETS,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        max_file_size=assistant.settings.max_upload_mb * 2**20,
    )
    mounted = app.router.routes.pop()
    assert isinstance(mounted, Mount)
    app.router.routes.append(_PageMount(path, Localised(mounted.app, language)))


def _guard(app: FastAPI, settings: Settings) -> None:
    """What every request passes through; the last one added is the first to see it."""
    app.add_middleware(Ended, ending=app.state.ending)
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Access, settings=settings, tokens=Tokens(settings.archive))
    # Also with no site at all: seeing it, Gradio leaves out its own, which lets every site in. Without
    # credentials, since a cookie is for the pages of this server.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("authorization", "content-type", "idempotency-key", "x-request-id"),
        expose_headers=("link", "location", "retry-after", "x-request-id"),
    )
    app.add_middleware(SecurityHeaders)
    routes = {getattr(route, "path", "") for route in app.routes}
    plain = {path for path in routes if "{" not in path} | {f"/{language}/" for language in LANGUAGES}
    app.add_middleware(Observed, plain=plain | {SIGN_IN, SIGN_OUT})


def serve(settings: Settings, *, create: bool = False) -> None:
    """Serve until interrupted; with `create`, a new archive where there is none.

    Raises UserFixableError when the archive or the port is no good.
    """
    set_up_server_logging(settings.log_level, settings.log_format, with_questions=settings.log_questions)
    with _listen(settings.host, settings.port) as listener:
        _check_tokens(settings)
        end_tracing = start_tracing(settings)
        # As Ctrl+C: when it has ended, what is open is closed, and traces that wait are sent.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        assistant = Assistant.open(settings, create=create)
        server: _Server | None = None
        try:
            assistant.archive.embedder.load()
            app = create_app(assistant)
            config = uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                server_header=False,
                timeout_graceful_shutdown=ceil(settings.shutdown_seconds) + _TO_CLOSE,
            )
            server = _Server(config, app.state.ending, lambda: _greet(assistant))
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            _end_at_once_if_told()
            assistant.close()
            end_tracing()
        if server and server.told_by == signal.SIGTERM:
            # All is closed: to free piece by piece what the model holds would take seconds.
            signal.raise_signal(signal.SIGTERM)


class _PageMount(Mount):
    """Takes only what the page asks for, so that REST answers for every other address."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "").removeprefix(self.path)
        if path in _PAGE_PATHS or path.startswith(_PAGE_FOLDERS):
            return super().matches(scope)
        return Match.NONE, {}


class _Server(uvicorn.Server):
    """Says when it is ready, and ends as `ui/ending.py` tells."""

    def __init__(self, config: uvicorn.Config, ending: Ending, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.told_by = 0
        self._ending = ending
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.told_by = sig
        super().handle_exit(sig, frame)
        _end_at_once_if_told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._ending.begin())
        await super().shutdown(sockets)
        ending.cancel()


def _end_at_once_if_told() -> None:
    """Whoever sends a second signal waits no longer: it ends the process where it stands."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


def _check_tokens(settings: Settings) -> None:
    if tokens_are_needed(settings) and not any(not t.expired for t in Tokens(settings.archive).all()):
        why = (
            "`require_tokens` is set" if settings.require_tokens else f"others can reach {settings.host!r}"
        )
        raise ServerError(
            f"no token lets anybody in, and {why}. Make one: "
            f"dateline token create NAME --scope write --archive {settings.archive}"
        )


def _listen(host: str, port: int) -> socket.socket:
    """Taken before anything slow is loaded: a port in use is known at once."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"port {port} on {host} is in use by another program. "
                f"Stop it, or choose another one: --port {port + 1 if port < 65535 else 7860}."
            ) from None
        if error.errno == errno.EACCES:
            raise ServerError(
                f"port {port} needs more rights than this program has. Choose one above 1023: --port 7860."
            ) from None
        raise ServerError(
            f"cannot listen on host {host!r}, port {port}: {error.strerror}. "
            "Give an address of this machine: --host 127.0.0.1."
        ) from None


def _greet(assistant: Assistant) -> None:
    host = assistant.settings.host
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    address = f"http://{shown}:{assistant.settings.port}"
    print(f"Dateline is ready: {address}  (REST: {address}/docs)", flush=True)
    if questions := examples(assistant):
        print(f"Ask, for instance: {questions[0]}", flush=True)
    print("Ctrl+C stops it.", flush=True)
