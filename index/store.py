"""Chroma, and nothing but Chroma: the only file that knows its types.

Five collections: `articles` (text and metadata, one record each), `revisions` (the texts that articles
had before), `sentences` (one vector each), `unfinished` (versions being written or removed) and `state`
(a note of each process that writes, which changes with every write).
"""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
import numpy.typing as npt
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError
from filelock import FileLock, Timeout

from index.config import IndexConfig
from index.errors import ArchiveError, ArchiveUnavailableError

Vectors = npt.NDArray[np.float32]
Metadata = dict[str, Any]

PREFIX = "dateline-"
DATABASE = "chroma.sqlite3"
LOCK = "dateline.lock"
LOCK_SECONDS = 60.0
SCHEMA = 2
# What may lie in a folder before its first article: access to a server is given before it is started.
_MAY_COME_FIRST = (LOCK, "tokens.sqlite3")
PAGE = 5000
# More links than Chroma's 16: boilerplate that stands in many articles makes knots of all but equal
# vectors, from which others are hard to reach. Only archives too large to be scanned ask this index
# (`scan.AFFORDED`); of twice as many links storing costs a third more, and finds hardly more.
SENTENCES = {"space": "ip", "max_neighbors": 32, "ef_construction": 100, "ef_search": 300}
# A server that takes longer than this to answer is as good as away.
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
# A process writes its note under one name for half an hour at most, so that a note that was begun an
# hour ago is nobody's and may go.
NAMED_SECONDS = 1800.0
FORGOTTEN_SECONDS = 3600.0
# Articles named in a note; who has missed more reads the whole catalogue again.
NOTED = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record; `document` and `vector` are there when they were asked for or given."""

    id: str
    metadata: Metadata
    document: str = ""
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """Ids of the articles that other processes stored or removed; None: any of them."""

    articles: frozenset[str] | None


class Store:
    """One archive's collections, in a folder of this machine or on a Chroma server.

    Several processes may share it. A folder has one writer at a time (a lock file), and a process
    whose in-memory vector index has fallen behind another's writes opens the folder anew.
    """

    def __init__(self, config: IndexConfig, *, create: bool) -> None:
        self._folder = None if config.chroma_url else config.archive
        self._url = config.chroma_url
        self._write_lock = threading.RLock()
        self._gate = threading.Condition()
        self._calls = 0
        self._opened_at = self._opening_took = 0.0
        self._name, self._named_at = "", 0.0
        self._notes: dict[str, str] = {}
        self._forgotten = False
        # This process's last writes: the value of its note after each, and the articles.
        self._told: list[tuple[str, list[str]]] = []
        if self._folder is not None:
            _check_folder(self._folder, create=create)
        self._open()
        try:
            self.identity = self._load_identity()
        except NotFoundError:
            if not create:
                self.close()
                raise ArchiveError(
                    f"there is no archive at {self.place}. Make one: dateline ingest PATH"
                ) from None
            self.identity = {}
        if self.identity:
            with self._call():
                self._notes = self._read_notes()

    @property
    def place(self) -> str:
        """Where the archive is, for messages."""
        return repr(self._url or str(self._folder))

    @property
    def stamp(self) -> str:
        """A hash of all processes' notes as they were last seen: another one after every write."""
        return hashlib.sha256(repr(sorted(self._notes.items())).encode()).hexdigest()[:32]

    def create(self, identity: Mapping[str, str | int]) -> None:
        """Make the collections of a new archive; `identity` names the embedder of its vectors."""
        with self.writing(), self._call():
            for name in ("articles", "revisions", "unfinished", "state"):
                self._make(name)
            # Last, since an archive is one that has this collection.
            self._client.get_or_create_collection(
                PREFIX + "sentences",
                metadata={"dateline_schema": SCHEMA, **identity},
                configuration={"hnsw": SENTENCES},
                embedding_function=None,
            )
            self.identity = self._load_identity()
            self._write_note()

    def _make(self, name: str) -> None:
        # These are read by id; the vector index that comes with them is kept minimal.
        self._client.get_or_create_collection(
            PREFIX + name,
            configuration={"hnsw": {"max_neighbors": 2, "ef_construction": 2, "ef_search": 2}},
            embedding_function=None,
        )

    def refresh(self) -> Written | None:
        """Catch up with other processes' writes since the last call; None when there were none."""
        with self._call():
            notes = self._read_notes()
        if notes == self._notes and not self._forgotten:
            return None
        if self._folder is not None:
            with self._gate:
                self._gate.wait_for(lambda: self._calls == 0)
                # While another process writes, each search would open the folder anew: a store that
                # takes long to open is opened at most every ten times as long.
                if time.monotonic() - self._opened_at < 10 * self._opening_took:
                    return None
                self._client.close()
                self._open()
                with self._call():
                    notes = self._read_notes()
        written = Written(None) if self._forgotten else self._written(notes)
        self._notes, self._forgotten = notes, False
        return written

    def forget(self) -> None:
        """The next `refresh` is to say that anything may have been written."""
        self._forgotten = True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write, alone among processes that share the folder."""
        lock = FileLock(self._folder / LOCK, timeout=LOCK_SECONDS) if self._folder else nullcontext()
        try:
            with self._write_lock, lock:
                yield
        except Timeout:
            raise ArchiveUnavailableError(
                f"another process has been writing to the archive {self.place} for "
                f"{LOCK_SECONDS:.0f} seconds. Wait for it to end, then try again."
            ) from None

    def put(self, collection: str, records: Sequence[Record]) -> None:
        """Add or replace records."""
        if not records:
            return
        with self._call():
            if collection == "revisions":
                self._make(collection)  # archives of before there were any lack it
            target = self._collection(collection)
            for chunk in self._chunks(records):
                documents = [record.document for record in chunk]
                target.upsert(
                    ids=[record.id for record in chunk],
                    embeddings=[_vector(record) for record in chunk],
                    metadatas=[record.metadata for record in chunk],
                    documents=documents if any(documents) else None,
                )

    def get(
        self, collection: str, ids: Sequence[str], *, documents: bool = False, vectors: bool = False
    ) -> dict[str, Record]:
        """The records that exist, by id."""
        include = ["metadatas"] + ["documents"] * documents + ["embeddings"] * vectors
        found: dict[str, Record] = {}
        for chunk in self._chunks(ids):
            with self._call():
                rows = self._collection(collection).get(ids=list(chunk), include=include)
            found.update((record.id, record) for record in _records(rows))
        return found

    def all(self, collection: str) -> Iterator[Record]:
        """Every record's id and metadata."""
        offset = 0
        while True:
            with self._call():
                rows = self._collection(collection).get(include=["metadatas"], limit=PAGE, offset=offset)
            records = list(_records(rows))
            yield from records
            if len(records) < PAGE:
                return
            offset += PAGE

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Delete records; ids that do not exist are no error."""
        with self._call():
            for chunk in self._chunks(ids):
                self._collection(collection).delete(ids=list(chunk))

    def nearest(self, vector: Vectors, k: int) -> list[str]:
        """Ids of about the k sentences of the largest inner product with `vector`, best first."""
        with self._call():
            rows = self._collection("sentences").query(
                query_embeddings=vector[None, :], n_results=k, include=[]
            )
        return [str(found) for found in rows["ids"][0]]

    def changed(self, articles: Sequence[str]) -> None:
        """Tell other processes that these articles were stored or removed."""
        with self._call():
            self._write_note(articles)

    def ping(self) -> None:
        """Raises ArchiveUnavailableError when the store does not answer."""
        with self._call():
            self._read_notes()

    def close(self) -> None:
        self._client.close()

    def _open(self) -> None:
        started = time.monotonic()
        self._client: Any
        settings = Settings(anonymized_telemetry=False)
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._client = chromadb.PersistentClient(str(self._folder.resolve()), settings=settings)
            else:
                self._client = _connect(self._url, settings)
            self._batch = self._client.get_max_batch_size()
        except (ChromaError, OSError) as error:
            raise ArchiveError(
                f"the archive {self.place} cannot be opened: {error}. If its files are damaged, "
                "restore them from a copy or ingest the articles into a new folder."
            ) from error
        self._opened_at = time.monotonic()
        self._opening_took = self._opened_at - started
        self._collections: dict[str, Any] = {}

    def _load_identity(self) -> Metadata:
        with self._call(passing=NotFoundError):
            metadata = dict(self._collection("sentences").metadata or {})
        if metadata.pop("dateline_schema", None) != SCHEMA:
            raise ArchiveError(
                f"the archive {self.place} was made by another version of dateline. "
                "Ingest the articles into a new folder."
            )
        return metadata

    def _collection(self, name: str) -> Any:
        if name not in self._collections:
            self._collections[name] = self._client.get_collection(PREFIX + name, embedding_function=None)
        return self._collections[name]

    def _read_notes(self) -> dict[str, str]:
        rows = self._collection("state").get(include=["metadatas"])
        return {name: str(data["value"]) for name, data in zip(rows["ids"], rows["metadatas"], strict=True)}

    def _written(self, notes: Mapping[str, str]) -> Written:
        """What those did whose notes are not as they were."""
        differing = [name for name, value in notes.items() if self._notes.get(name) != value]
        if not differing:
            return Written(frozenset())
        with self._call():
            rows = self._collection("state").get(ids=differing, include=["documents"])
        articles: set[str] = set()
        for name, document in zip(rows["ids"], rows["documents"], strict=True):
            told: dict[str, list[str]] = json.loads(document or "{}")
            # A note starts with what its process had told before the rest, empty when nothing.
            last = self._notes.get(name, "")
            if last not in told:
                return Written(None)
            values = list(told)
            articles.update(*(told[value] for value in values[values.index(last) + 1 :]))
        return Written(frozenset(articles))

    def _write_note(self, articles: Sequence[str] = ()) -> None:
        """Change this process's note, and no other's: two that write at once hide nothing from each other.

        What others wrote meanwhile is not taken as seen.
        """
        now = time.time()
        if now - self._named_at > NAMED_SECONDS:
            self._name, self._named_at = uuid.uuid4().hex, now
            self._told = [("", [])]
            self._drop_notes(now - FORGOTTEN_SECONDS)
        value = uuid.uuid4().hex
        self._told.append((value, list(articles)))
        while len(self._told) > 1 and sum(len(ids) for _, ids in self._told) > NOTED:
            # What the first one names has been told: from its value on, the rest is whole.
            self._told[0:2] = [(self._told[1][0], [])]
        self._collection("state").upsert(
            ids=[self._name],
            embeddings=[[0.0]],
            metadatas=[{"value": value, "since": self._named_at}],
            documents=[json.dumps(dict(self._told))],
        )
        self._notes = {**self._notes, self._name: value}

    def _drop_notes(self, before: float) -> None:
        state = self._collection("state")
        old = state.get(where={"since": {"$lt": before}}, include=[])["ids"]
        if old:
            state.delete(ids=old)
            self._notes = {name: value for name, value in self._notes.items() if name not in old}

    def _chunks(self, items: Sequence[Any]) -> Iterator[Sequence[Any]]:
        for start in range(0, len(items), self._batch):
            yield items[start : start + self._batch]

    @contextmanager
    def _call(self, passing: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """Around every use of the client: it is not replaced meanwhile, and errors become ours."""
        with self._gate:
            self._calls += 1
        try:
            yield
        except passing:
            raise
        except httpx.TimeoutException as error:
            raise ArchiveUnavailableError(
                f"the Chroma server at {self.place} did not answer within {ANSWER_SECONDS:.0f} seconds. "
                "Check its load and its log, then try again."
            ) from error
        except (httpx.HTTPError, ConnectionError) as error:
            raise ArchiveUnavailableError(
                f"the Chroma server at {self.place} does not answer: {error or type(error).__name__}. "
                "Check that it is running (`chroma run`) and the setting `chroma_url`."
            ) from error
        except (ChromaError, OSError) as error:
            raise ArchiveUnavailableError(
                f"the archive {self.place} failed: {error}. Check its disk and its server's log."
            ) from error
        except Exception as error:
            # What a server says that is no error of Chroma's: it is just ending, or a proxy speaks for it.
            if type(error) is not Exception:
                raise
            raise ArchiveUnavailableError(
                f"the Chroma server at {self.place} failed: {error or 'it gave no reason'}. "
                "Check its log, then try again."
            ) from error
        finally:
            with self._gate:
                self._calls -= 1
                self._gate.notify_all()


def _check_folder(folder: Path, *, create: bool) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise ArchiveError(f"{str(folder)!r} is a file, not an archive folder. Name another folder.")
        if (folder / DATABASE).exists():
            return
        if not create:
            raise ArchiveError(
                f"there is no archive at {str(folder)!r}. Make one: "
                f"dateline ingest PATH --archive {folder}, or name the right folder with --archive."
            )
        if folder.exists() and any(not path.name.startswith(_MAY_COME_FIRST) for path in folder.iterdir()):
            raise ArchiveError(
                f"{str(folder)!r} holds other files and is not an archive. Name an empty or new folder."
            )
    except OSError as error:
        raise ArchiveError(
            f"the archive folder {str(folder)!r} cannot be read: {error.strerror}. "
            "Check its permissions or name another folder."
        ) from error


def _connect(url: str, settings: Settings) -> Any:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ArchiveError(f"chroma_url {url!r} is not a URL such as http://localhost:8000.")
    secure = parts.scheme == "https"
    try:
        client = chromadb.HttpClient(
            host=parts.hostname, port=port or (443 if secure else 8000), ssl=secure, settings=settings
        )
        # It would wait for ever, and there is no setting.
        session: httpx.Client = client._server._session  # type: ignore[attr-defined]
        session.timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        return client
    except (ValueError, httpx.HTTPError, ChromaError) as error:
        raise ArchiveUnavailableError(
            f"no Chroma server answers at {url!r}: {error} "
            "Start it (`chroma run --path FOLDER`) or correct the setting `chroma_url`."
        ) from error


def _vector(record: Record) -> Vectors:
    return record.vector if record.vector is not None else np.zeros(1, np.float32)


def _records(rows: Any) -> Iterator[Record]:
    count = len(rows["ids"])
    documents = rows.get("documents") or [""] * count
    vectors = rows.get("embeddings")
    for number, (record_id, metadata) in enumerate(zip(rows["ids"], rows["metadatas"], strict=True)):
        vector = None if vectors is None else np.asarray(vectors[number], np.float32)
        yield Record(record_id, dict(metadata or {}), documents[number] or "", vector)
