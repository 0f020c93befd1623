"""Reading ahead: files in processes of their own, and all of it while articles are embedded.

What parses whole files of strangers runs apart: a file that crashes its parser, never ends or eats
all memory costs itself, and no other. The only file that knows pebble.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from index.errors import UnreadableInputError
from index.readers import File, read_file
from index.readers.found import Failure, Found, place

T = TypeVar("T")

# Files of one article or a feed's few, whose parsers are large programs. The others are read line by
# line, or by little code, and may hold more articles than should wait at once.
APART = frozenset((".html", ".htm", ".pdf", ".docx", ".epub", ".md", ".rss", ".atom", ".xml"))
SECONDS = 60.0
MEMORY_BYTES = 6 * 2**30
# A process is replaced after so many files: what a parser leaks is given back.
FILES_EACH = 1000
# Items read and not yet taken: enough that embedding never waits, few enough for memory.
WAITING = 64


class Apart:
    """Processes that read what strangers made; they are started when something needs them first."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: Any = None

    def start(self, file: File) -> Callable[[], Iterable[Found | Failure]]:
        """Begin to read a file; what it returns waits for what is in it."""
        if file.path.suffix.lower() not in APART:
            return lambda: read_file(file, self.start)
        future = self._schedule(_read_whole, file)

        def wait() -> list[Found | Failure]:
            try:
                found: list[Found | Failure] = _result(future)
            except UnreadableInputError as error:
                return [Failure(place(file.path), f"{error}. Save its text as .txt")]
            return found

        return wait

    def call(self, function: Callable[..., T], *values: object) -> T:
        """What the function returns. Raises UnreadableInputError when it never does."""
        returned: T = _result(self._schedule(function, *values))
        return returned

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()

    def _schedule(self, function: Callable[..., Any], *values: object) -> Any:
        if self._pool is None:
            from pebble import ProcessPool

            self._pool = ProcessPool(
                self._processes,
                max_tasks=FILES_EACH,
                initializer=_limit_memory,
                context=get_context("spawn"),
            )
        return self._pool.schedule(function, args=values, timeout=SECONDS)


@contextmanager
def reading_apart(processes: int) -> Iterator[Apart]:
    """So many processes for reading, ended with the block."""
    apart = Apart(processes)
    try:
        yield apart
    finally:
        apart.close()


def _result(future: Any) -> Any:
    from pebble import ProcessExpired

    try:
        return future.result()
    except TimeoutError:
        reason = f"it took longer than {SECONDS:g} seconds"
    except (ProcessExpired, MemoryError) as error:
        reason = f"it made its reader fail ({error or type(error).__name__})"
    raise UnreadableInputError(f"cannot be read: {reason}")


def _read_whole(file: File) -> list[Found | Failure]:
    return list(read_file(file))


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, OSError, ValueError):  # not on every system
        pass


def prefetched(items: Iterable[T]) -> Iterator[T]:
    """The same items, produced in a thread of their own while others are worked on."""
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(WAITING)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((item, error), timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            put(None, error)
        else:
            put(None)

    thread = threading.Thread(target=produce, name="reading", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        thread.join()
