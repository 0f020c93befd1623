"""index/sqlite.py: whole or not at all, whoever else writes, whatever version wrote before."""

import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from evals.cache import FORM as REPLIES
from index.errors import ArchiveUnavailableError, UserFixableError
from index.ledger import FILE, Ledger
from index.sqlite import Database, Form, is_whole

FORM = Form(
    1,
    "CREATE TABLE kept (n INTEGER); CREATE INDEX of_n ON kept (n)",
    "what is kept",
    UserFixableError,
    "See.",
)


def numbers(path: Path) -> list[int]:
    with Database(path, FORM) as database:
        return [row[0] for row in database.all("SELECT n FROM kept ORDER BY n")]


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with Database(tmp_path / "a", FORM) as database:
        database.do("INSERT INTO kept VALUES (1)")
        with pytest.raises(ZeroDivisionError), database.together():
            database.do("INSERT INTO kept VALUES (2)")
            with database.together():
                database.do("INSERT INTO kept VALUES (3)")
            1 / 0  # noqa: B018
        with database.together():
            database.do("INSERT INTO kept VALUES (4)")
    assert numbers(tmp_path / "a") == [1, 4]


def _write(path: Path, start: int) -> None:
    with Database(path, FORM) as database:
        for n in range(start, start + 100):
            with database.together():
                last = database.one("SELECT COUNT(*) FROM kept")
                database.do("INSERT INTO kept VALUES (?)", n)
                assert database.one("SELECT COUNT(*) FROM kept") == last + 1


def test_processes_and_threads_that_open_it_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        *(context.Process(target=_write, args=(tmp_path / "a", n)) for n in (0, 100)),
        *(threading.Thread(target=_write, args=(tmp_path / "a", n)) for n in (200, 300, 400)),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert numbers(tmp_path / "a") == list(range(500))


def _write_and_die(path: Path) -> None:
    database = Database(path, FORM)
    database.do("INSERT INTO kept VALUES (1)")
    with database.together():
        database.do("INSERT INTO kept VALUES (2)")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_leaves_what_was_whole(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(tmp_path / "a",))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert numbers(tmp_path / "a") == [1]
    assert is_whole(tmp_path / "a")


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_emptied_only_where_nothing_is_lost(tmp_path: Path, version: int) -> None:
    path, mine = tmp_path / "a", replace(FORM, version=2, made_again=True)
    _write(path, 0)
    with Database(path, FORM) as database:
        database.do(f"PRAGMA user_version = {version}")
    if version > 2:
        with pytest.raises(
            UserFixableError, match=r"newer Dateline wrote what is kept in .*update this one"
        ):
            Database(path, replace(mine, made_again=False))
    with Database(path, mine) as database:
        assert database.all("SELECT * FROM kept") == []
        database.do("INSERT INTO kept VALUES (1)")
    with Database(path, mine) as database:
        assert database.one("SELECT n FROM kept") == 1


def test_the_name_of_a_file_need_not_be_text(tmp_path: Path) -> None:
    with Database(tmp_path / "a", replace(FORM, holds_paths=True)) as database:
        database.do("INSERT INTO kept VALUES (?)", os.fsdecode(b"a\xff"))
        database.do("INSERT INTO kept VALUES (?)", "\u0448")
        assert database.all("SELECT n FROM kept ORDER BY n") == [("\u0448",), (b"a\xff",)]


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database " * 500)
    assert not is_whole(tmp_path / FILE)
    with pytest.raises(
        ArchiveUnavailableError, match=r"taken in before in .*delete it: it is written again"
    ):
        Ledger(tmp_path)
    with pytest.raises(
        UserFixableError, match=r"kept replies in .*delete it: the replies are asked for again"
    ):
        Database(tmp_path / FILE, REPLIES)
    (tmp_path / FILE).unlink()
    with Ledger(tmp_path) as ledger:
        assert ledger.failures() == []
