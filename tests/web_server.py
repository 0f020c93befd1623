"""A web server on loopback that tests script: pages, redirects, refusals, slow and endless replies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What a path answers. With an ETag or a date, conditional requests are answered with 304."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[Callable[[bytes], object]], None] | None = None


@dataclass
class Site:
    """The pages by path, and the requests that came, each as path and status."""

    url: str
    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def count(self, path: str, status: int = 200) -> int:
        return self.asked.count((path, status))


@contextmanager
def site(host: str = "127.0.0.1") -> Iterator[Site]:
    """A server of its own on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = served.pages.get(self.path, Page(b"nothing here", status=404))
            status = page.status
            for header, name in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
                if page.headers.get(header) and page.headers[header] == self.headers.get(name):
                    status = 304
            served.asked.append((self.path, status))
            self.send_response(status)
            for name, value in {"Content-Type": page.kind, **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if status == 304:
                return
            try:
                self.wfile.write(page.body)
                if page.write:
                    page.write(self.wfile.write)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    port = server.server_address[1]
    served = Site(f"http://{host}:{port}", port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
