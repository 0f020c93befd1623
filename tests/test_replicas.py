"""Two Datelines before one Chroma server: each finds what the other stores, and either may be killed."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from processes import Process, chroma, replica, running, within

from index.archive import FRESH_SECONDS

FOUND_SECONDS = 2.0
# One machine, so one volume; or two, and then each has its own.
PLACES = ("one machine", "two machines")


@dataclass(frozen=True)
class Cluster:
    chroma: Process
    one: Process
    two: Process


@pytest.fixture(scope="module", params=PLACES)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    server = chroma(folder)
    with running(server):
        shared = request.param == "one machine"
        one = replica(folder, "one", folder / "data", server.address)
        two = replica(folder, "two", folder / ("data" if shared else "other"), server.address)
        # Both begin at once, with no archive there yet.
        with running(one, two):
            yield Cluster(server, one, two)


def test_what_one_stores_the_other_finds(cluster: Cluster) -> None:
    for number, (here, there) in enumerate([(cluster.one, cluster.two), (cluster.two, cluster.one)] * 3):
        name = ("Marisol", "Tobias", "Ingrid", "Anselm", "Yusra", "Pavel")[number]
        store(here, f"found{number}", f"The lighthouse keeper {name} painted the pier at Valmere green.")
        question = f"What did the lighthouse keeper {name} paint?"
        within(FOUND_SECONDS, lambda: cited(there, question) == f"found{number}")  # noqa: B023
        within(FOUND_SECONDS, lambda: searched(there, question) == f"found{number}")  # noqa: B023
        assert f"found{number}" in listed(there)
    for there in (cluster.one, cluster.two):
        assert httpx.delete(f"{there.address}/v1/articles/found0", timeout=60).status_code in (204, 404)
        assert "found0" not in listed(there)
        assert searched(there, "What did the lighthouse keeper Marisol paint?") != "found0"


def test_a_replacement_is_found_by_both(cluster: Cluster) -> None:
    store(cluster.one, "bridge", "The bridge at Valmere opens at noon.")
    within(FOUND_SECONDS, lambda: "noon" in sentence(cluster.two, "When does the bridge open?"))
    store(cluster.two, "bridge", "The bridge at Valmere opens at midnight.", status="replaced")
    for there in (cluster.two, cluster.one):
        within(FOUND_SECONDS, lambda: "midnight" in sentence(there, "When does the bridge open?"))  # noqa: B023


def test_both_write_at_once(cluster: Cluster) -> None:
    """No article that was acknowledged is missing anywhere, whichever two were stored at one moment."""
    stored: dict[str, list[str]] = {"one": [], "two": []}

    def write(name: str) -> None:
        for number in range(15):
            article = f"{name}-{number}"
            store(getattr(cluster, name), article, f"The {name} clerk filed document number {number}.")
            stored[name].append(article)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, name) for name in stored]:
            done.result()
    expected = {*stored["one"], *stored["two"]}
    assert len(expected) == 30
    for there in (cluster.one, cluster.two):
        within(FOUND_SECONDS, lambda: expected <= set(listed(there)))  # noqa: B023
        for name in stored:
            question = f"The {name} clerk filed document number 14."
            within(FOUND_SECONDS, lambda: searched(there, question) == f"{name}-14")  # noqa: B023
            # By vectors and by words alike, not only in the list.
            found = passages(there, f"clerk {name} filed document", top_k=100)
            told = [article for passage in found for article in [passage["article"], *passage["also_in"]]]
            assert expected <= {article["id"] for article in told}


def test_one_killed_under_load_takes_no_more_than_what_it_had(cluster: Cluster) -> None:
    """Users who turn to the other one lose nothing, and articles that were acknowledged stay."""
    store(cluster.one, "dam", "The engineer Leontine inspected the dam above Valmere in March.")
    within(FOUND_SECONDS, lambda: "dam" in listed(cluster.two))
    killed = threading.Event()
    lost, wrong, acknowledged = [], [], []
    answered = {"before": 0, "after": 0}
    lock = threading.Lock()
    until = time.monotonic() + 6

    def ask_on(number: int) -> None:
        mine = cluster.two if number % 2 else cluster.one
        while time.monotonic() < until:
            begun_before = not killed.is_set()
            try:
                reply = ask(mine, "Who inspected the dam above Valmere?")
            except httpx.HTTPError:
                if mine is cluster.two and begun_before:
                    lost.append(number)
                elif mine is cluster.one:
                    wrong.append("the one that lives failed")
                mine = cluster.one
                continue
            if reply.status_code != 200 or reply.json()["citations"][0]["article_id"] != "dam":
                wrong.append(f"{reply.status_code} {reply.text[:200]}")
            with lock:
                answered["after" if killed.is_set() else "before"] += 1

    def write_on() -> None:
        number = 0
        while time.monotonic() < until and not killed.is_set():
            try:
                store(cluster.two, f"killed-{number}", f"The surveyor measured plot number {number}.")
                acknowledged.append(f"killed-{number}")
            except httpx.HTTPError:
                return
            number += 1

    users = 8
    with ThreadPoolExecutor(users + 1) as pool:
        work = [pool.submit(ask_on, number) for number in range(users)] + [pool.submit(write_on)]
        time.sleep(2)
        cluster.two.running.send_signal(signal.SIGKILL)
        killed.set()
        cluster.two.running.wait()
        for done in work:
            done.result()
    assert not wrong, wrong[:3]
    # Each user had one request under way at most.
    assert len(lost) <= users / 2 and len(set(lost)) == len(lost)
    assert answered["before"] and answered["after"] and acknowledged
    assert set(acknowledged) <= set(listed(cluster.one))
    store(cluster.one, "after", "The lock keeper Odile closed the sluice at dusk.")
    assert cited(cluster.one, "Who closed the sluice at dusk?") == "after"

    cluster.two.start()
    cluster.two.wait()
    assert cited(cluster.two, "Who closed the sluice at dusk?") == "after"
    assert set(acknowledged) <= set(listed(cluster.two))
    last = len(acknowledged) - 1
    assert searched(cluster.two, f"The surveyor measured plot number {last}.") == f"killed-{last}"


def test_an_outage_of_chroma_is_told_and_passes(cluster: Cluster) -> None:
    question = "Who repaired the organ of Valmere?"
    store(cluster.one, "organ", "The organ of Valmere was repaired by Celeste on Sunday.")
    within(FOUND_SECONDS, lambda: cited(cluster.two, question) == "organ")
    cluster.chroma.stop()
    time.sleep(FRESH_SECONDS)
    try:
        for there in (cluster.one, cluster.two):
            replies = [ask(there, question) for _ in range(3)]
            replies.append(httpx.post(f"{there.address}/v1/search", json={"query": question}, timeout=60))
            replies.append(httpx.get(f"{there.address}/v1/articles", timeout=60))
            replies.append(httpx.get(f"{there.address}/readyz", timeout=60))
            new = {"id": "lost", "text": "The new bell was hung on Monday."}
            replies.append(httpx.post(f"{there.address}/v1/articles", json=new, timeout=60))
            for reply in replies:
                assert reply.status_code == 503, reply.text
                assert reply.headers["content-type"] == "application/problem+json"
                assert "Chroma" in reply.json()["detail"]
            assert httpx.get(f"{there.address}/healthz", timeout=60).status_code == 200
    finally:
        cluster.chroma.start()
        cluster.chroma.wait()
    for there in (cluster.one, cluster.two):
        assert cited(there, question) == "organ"
        store(there, f"bell{there.address[-4:]}", "The new bell was hung on Monday by the smith Aurel.")
    for there in (cluster.one, cluster.two):
        within(FOUND_SECONDS, lambda: "bell" in (cited(there, "Who hung the new bell?") or ""))  # noqa: B023


def store(there: Process, article_id: str, text: str, status: str = "added") -> None:
    reply = httpx.post(
        f"{there.address}/v1/articles",
        json={"id": article_id, "title": article_id, "text": text, "language": "en"},
        timeout=120,
    )
    assert reply.status_code == 200, reply.text
    assert [stored["status"] for stored in reply.json()] == [status], reply.text


def ask(there: Process, question: str) -> httpx.Response:
    return httpx.post(f"{there.address}/v1/ask", json={"question": question}, timeout=120)


def cited(there: Process, question: str) -> str | None:
    """The article of the answer's first citation."""
    reply = ask(there, question)
    assert reply.status_code == 200, reply.text
    return next((citation["article_id"] for citation in reply.json()["citations"]), None)


def sentence(there: Process, question: str) -> str:
    """The sentence of the answer's first citation."""
    reply = ask(there, question)
    assert reply.status_code == 200, reply.text
    return next((citation["cited_text"] for citation in reply.json()["citations"]), "")


def passages(there: Process, query: str, top_k: int = 10) -> list[dict[str, Any]]:
    reply = httpx.post(f"{there.address}/v1/search", json={"query": query, "top_k": top_k}, timeout=120)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["passages"]
    return found


def searched(there: Process, query: str) -> str | None:
    """The article of the first passage."""
    return next((passage["article"]["id"] for passage in passages(there, query)), None)


def listed(there: Process) -> list[str]:
    reply = httpx.get(f"{there.address}/v1/articles?limit=200", timeout=60)
    assert reply.status_code == 200, reply.text
    return [article["id"] for article in reply.json()["articles"]]
