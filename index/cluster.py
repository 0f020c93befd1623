"""Reading and embedding on other machines, by Ray; the only file that knows it.

This process keeps what must be done in order: telling articles apart, and storing. It sends files' bytes
and articles' texts, so the other machines need neither the files nor the archive.
"""

import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.config import IndexConfig
from index.embed import Embedder
from index.errors import UserFixableError
from index.ingest import Batch, Vectors, embed_batch
from index.readers import Failure, File, Found, Start, read_file
from index.readers.ahead import APART
from index.readers.found import place

LARGEST_BYTES = 64 * 2**20


class RayError(UserFixableError):
    """The Ray cluster cannot be used."""


@dataclass(frozen=True, slots=True)
class RayWorkers:
    """`start` reads files and `embedding` embeds batches on the cluster, `count` at a time."""

    start: Start
    embedding: "EmbeddingOnRay"
    count: int


class EmbeddingOnRay:
    """Embeds batches on the cluster, each by the next worker that is free."""

    def __init__(self, ray: Any, workers: list[Any]) -> None:
        self._ray = ray
        self._workers = workers
        self._next = 0
        # One batch each, and one that waits.
        self.in_flight = 2 * len(workers)

    def __call__(self, batch: Batch) -> Callable[[], Vectors]:
        worker = self._workers[self._next % len(self._workers)]
        self._next += 1
        # What is known here already need not travel.
        sent = [replace(p, known=None, kept=None) for p in batch if p.known is None]
        reference = worker.embed.remote(sent)
        return lambda: self._ray.get(reference)


@contextmanager
def ray_workers(address: str, config: IndexConfig) -> Iterator[RayWorkers]:
    """Workers on a running Ray cluster, one on each of its CPUs but this program's. Raises RayError."""
    try:
        import ray
    except ImportError:
        raise RayError("`--ray` needs the package ray. Install it: pip install 'dateline[ray]'") from None
    _check_reachable(address)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RayError(
            f"no Ray cluster answers at {address!r}: {reason} Start one: ray start --head"
        ) from error
    try:
        gpus = int(ray.cluster_resources().get("GPU", 0))
        count = gpus or max(1, int(ray.cluster_resources().get("CPU", 1)))
        made = ray.remote(num_cpus=0 if gpus else 1, num_gpus=1 if gpus else 0)(_Worker)
        workers = [made.remote(replace(config, archive=Path())) for _ in range(count)]
        ray.get([worker.ready.remote() for worker in workers])
        yield RayWorkers(_starter(ray, workers), EmbeddingOnRay(ray, workers), count)
    except ray.exceptions.RayError as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise RayError(
            f"the Ray cluster at {address!r} failed: {reason}. The same command goes on."
        ) from error
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raises RayError when nobody listens there: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():  # `auto`, or a scheme of Ray's own
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise RayError(
            f"no Ray cluster answers at {address!r}: {error.strerror or error}. Start one: ray start --head"
        ) from None


def _starter(ray: Any, workers: list[Any]) -> Start:
    turn = iter(range(10**12))

    def start(file: File) -> Callable[[], Iterable[Found | Failure]]:
        suffix = file.path.suffix.lower()
        try:
            if suffix not in APART or file.path.stat().st_size > LARGEST_BYTES:
                return lambda: read_file(file, start)
            data = file.path.read_bytes()
        except OSError:
            return lambda: read_file(file)
        reference = workers[next(turn) % len(workers)].read.remote(data, suffix, file.article_id)
        return lambda: _named(ray.get(reference), file.path)

    return start


def _named(found: list[Found | Failure], path: Path) -> list[Found | Failure]:
    return [
        Failure(place(path), f.reason) if isinstance(f, Failure) else replace(f, file=path) for f in found
    ]


class _Worker:
    """Runs on the cluster: reads files' bytes, embeds articles."""

    def __init__(self, config: IndexConfig) -> None:
        self._embedder = Embedder(config)

    def ready(self) -> bool:
        self._embedder.load()
        return True

    def read(self, data: bytes, suffix: str, article_id: str) -> list[Found | Failure]:
        with tempfile.TemporaryDirectory(prefix="dateline-") as folder:
            path = Path(folder) / f"file{suffix}"
            path.write_bytes(data)
            return list(read_file(File(path, article_id)))

    def embed(self, batch: Batch) -> Vectors:
        return embed_batch(self._embedder, batch)
