"""Pages of the web, fetched as from a stranger: the only file that makes requests.

A URL may lead anywhere, and a page may redirect to where its author could not go himself. So every
connection, after the name was resolved and after every redirect, goes to an address that was looked at
first: none of this machine, this network or a cloud's own services, unless a setting allows it.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from index.errors import UnreadableInputError
from index.readers.record import is_web_address

LARGEST_BYTES = 32 * 2**20
# For a whole page, and for each step of it.
TOTAL_SECONDS = 60.0
STEP_SECONDS = 20.0
MOST_REDIRECTS = 5
LONGEST_DELAY = 60.0
_ROBOTS_BYTES = 512 * 1024
_ROBOTS_SECONDS = 3600.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (429, 503)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class FetchError(UnreadableInputError):
    """A page that could not be fetched. `retry_after` is in seconds, 0 when the server named no time."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Reply:
    """A page's bytes, unpacked, and what its server said of them; `url` is where it was found at last."""

    url: str
    body: bytes
    kind: str = ""
    etag: str = ""
    modified: str = ""
    unchanged: bool = False


class Fetcher:
    """Fetches pages, one at a time from each host. Safe to share between threads.

    `private_networks` are networks in CIDR form that may be reached although they are not public.
    """

    def __init__(self, private_networks: Iterable[str] = (), delay_seconds: float = 1.0) -> None:
        self._agent = f"dateline/{version('dateline')}"
        self._delay = delay_seconds
        networks = [ipaddress.ip_network(network, strict=False) for network in private_networks]
        transport = httpx.HTTPTransport(trust_env=False)
        # The connections of httpx's own pool, made by a backend that looks at addresses first.
        transport._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            network_backend=_GuardedBackend(networks),
            keepalive_expiry=5.0,
        )
        self._client = httpx.Client(
            transport=transport,
            timeout=STEP_SECONDS,
            headers={"User-Agent": self._agent, "Accept-Encoding": "gzip, deflate"},
        )
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._robots: dict[str, tuple[float, Any]] = {}

    def close(self) -> None:
        self._client.close()

    def get(self, url: str, *, etag: str = "", modified: str = "", largest: int = LARGEST_BYTES) -> Reply:
        """A page. With what its server said of it before, an unchanged one comes without its bytes.

        Raises FetchError.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {name: value for name, value in headers.items() if value}
        deadline = time.monotonic() + TOTAL_SECONDS
        for _ in range(MOST_REDIRECTS + 1):
            with self._response(url, headers) as response:
                if response.status_code in _REDIRECTS and (target := response.headers.get("location")):
                    url = urljoin(url, target)
                    continue
                return self._reply(url, response, largest, deadline)
        raise FetchError(f"redirects more than {MOST_REDIRECTS} times")

    def may_visit(self, url: str) -> bool:
        """Whether the host's robots.txt lets programs fetch this page. Raises FetchError."""
        robots = self._rules(url)
        return robots is None or bool(robots.can_fetch(url, self._agent))

    @contextmanager
    def _response(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        if not is_web_address(url):
            raise FetchError(f"leads to {url[:120]!r}, which is no http or https URL")
        self._wait(urlsplit(url).netloc)
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                yield response
        except _RefusedAddressError as error:
            raise FetchError(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
            raise FetchError(f"cannot be fetched: {error or type(error).__name__}") from None

    def _reply(self, url: str, response: httpx.Response, largest: int, deadline: float) -> Reply:
        found = response.headers
        if response.status_code == 304:
            return Reply(url, b"", unchanged=True)
        if response.status_code != 200:
            wait = _seconds(found.get("retry-after", "")) if response.status_code in _LATER else 0.0
            raise FetchError(f"answers {response.status_code} {response.reason_phrase}".strip(), wait)
        body = bytearray()
        for chunk in response.iter_bytes(65536):
            body += chunk
            if len(body) > largest:
                raise FetchError(f"is larger than {largest // 2**20 or 1} MiB")
            if time.monotonic() > deadline:
                raise FetchError(f"took longer than {TOTAL_SECONDS:.0f} seconds")
        kind = found.get("content-type", "").partition(";")[0].strip().lower()
        return Reply(url, bytes(body), kind, found.get("etag", ""), found.get("last-modified", ""))

    def _wait(self, host: str) -> None:
        """Wait until this host may be asked again."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next.get(host, 0.0))
            self._next[host] = at + self._delay_of(host)
        time.sleep(at - now)

    def _delay_of(self, host: str) -> float:
        known = self._robots.get(host)
        asked = known[1].crawl_delay(self._agent) if known and known[1] is not None else None
        return min(LONGEST_DELAY, max(self._delay, float(asked or 0.0)))

    def _rules(self, url: str) -> Any:
        """The host's robots.txt, as RFC 9309 reads it: none when there is none."""
        # Takes a while to import.
        from protego import Protego

        parts = urlsplit(url)
        known = self._robots.get(parts.netloc)
        if known and known[0] > time.monotonic():
            return known[1]
        rules: Any = None
        try:
            with self._response(f"{parts.scheme}://{parts.netloc}/robots.txt", {}) as response:
                if response.status_code == 200:
                    body = bytearray()
                    for chunk in response.iter_bytes():
                        body += chunk
                        if len(body) > _ROBOTS_BYTES:
                            break
                    rules = Protego.parse(bytes(body[:_ROBOTS_BYTES]).decode("utf-8", "replace"))
                elif response.status_code >= 500:
                    raise FetchError(f"its robots.txt answers {response.status_code}: not visited for now")
        finally:
            self._robots.setdefault(parts.netloc, (0.0, None))
        self._robots[parts.netloc] = (time.monotonic() + _ROBOTS_SECONDS, rules)
        return rules


class _RefusedAddressError(Exception):
    """A name that leads to an address which is not to be reached."""


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, so that a name cannot lead elsewhere meanwhile."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = tuple(allowed)
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host!r} cannot be resolved ({error})") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self._may_reach(address):
                raise _RefusedAddressError(
                    f"leads to {address}, an address of a private network: not fetched. "
                    "The setting `private_networks` allows such addresses"
                )
        for number, address in enumerate(addresses):
            try:
                return self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError(f"the name {host!r} has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise _RefusedAddressError("leads to a socket of this machine: not fetched")

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)

    def _may_reach(self, address: str) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        if any(found in network for network in self._allowed if network.version == found.version):
            return True
        inside = _inner(found)
        return (
            found.is_global and not found.is_multicast and (inside is None or self._may_reach(str(inside)))
        )


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _seconds(retry_after: str) -> float:
    """A `Retry-After` header in seconds; 0 for none or one that cannot be read."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
