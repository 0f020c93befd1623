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

from index.readers import File, read_file
from index.readers.found import Failure, Found, place

T = TypeVar("T")

# Files of one article each, whose parsers are large programs. The others are read line by line, or
# by little code, and may hold more articles than should wait at once.
APART = frozenset((".html", ".htm", ".pdf", ".docx", ".epub", ".md"))
SECONDS = 60
MEMORY_BYTES = 6 * 2**30
# A process is replaced after so many files: what a parser leaks is given back.
FILES_EACH = 1000
# Items read and not yet taken: enough that embedding never waits, few enough for memory.
WAITING = 64


@contextmanager
def reading_apart(processes: int) -> Iterator[Callable[[File], Callable[[], Iterable[Found | Failure]]]]:
    """A `start` for `read_inputs`; the processes are started when the first file needs them."""
    pool: Any = None

    def start(file: File) -> Callable[[], Iterable[Found | Failure]]:
        nonlocal pool
        if file.path.suffix.lower() not in APART:
            return lambda: read_file(file)
        if pool is None:
            from pebble import ProcessPool

            pool = ProcessPool(
                processes, max_tasks=FILES_EACH, initializer=_limit_memory, context=get_context("spawn")
            )
        future = pool.schedule(_read_whole, args=[file], timeout=SECONDS)
        return lambda: _wait(file, future)

    try:
        yield start
    finally:
        if pool is not None:
            pool.stop()
            pool.join()


def _wait(file: File, future: Any) -> list[Found | Failure]:
    from pebble import ProcessExpired

    try:
        found: list[Found | Failure] = future.result()
    except TimeoutError:
        reason = f"cannot be read: it took longer than {SECONDS} seconds"
    except (ProcessExpired, MemoryError) as error:
        reason = f"cannot be read: it made its reader fail ({error or type(error).__name__})"
    else:
        return found
    return [Failure(place(file.path), f"{reason}. Save its text as .txt")]


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
