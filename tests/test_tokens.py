"""ui/tokens.py: made once, kept as a hash, valid until revoked or expired."""

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, open_archive

from index.copying import backup, restore
from index.embed import Embedder
from index.errors import ArchiveUnavailableError
from index.ingest import ingest
from index.types import Article
from ui.tokens import FILE, TokenError, Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


def test_a_token_is_found_by_its_text_alone(tokens: Tokens) -> None:
    text = tokens.create("reader", "read")
    found = tokens.find(text)
    assert found is not None
    assert (found.name, found.scope, found.expires) == ("reader", "read", "")
    assert found.may("read") and not found.may("write")
    for wrong in (
        "",
        "dateline",
        "dateline_",
        text[:-1],
        text + "x",
        text[:-1] + "é",
        text.upper(),
        "x" * 5000,
    ):
        assert tokens.find(wrong) is None, wrong
    assert tokens.find(f"dateline_00000000_{text.rpartition('_')[2]}") is None


def test_who_may_write_may_read(tokens: Tokens) -> None:
    found = tokens.find(tokens.create("editor", "write"))
    assert found is not None
    assert found.may("write") and found.may("read")


def test_only_a_hash_is_kept_and_nobody_else_may_read_it(tokens: Tokens, tmp_path: Path) -> None:
    text = tokens.create("reader", "read")
    tokens.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert text.encode() not in kept
    assert text.split("_", 2)[2].encode() not in kept
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_tokens_have_much_to_guess_and_never_repeat(tokens: Tokens) -> None:
    texts = {tokens.create(f"reader {number}", "read") for number in range(50)}
    assert len(texts) == 50
    assert all(len(text.split("_", 2)[2]) == 43 for text in texts)


def test_a_revoked_token_is_refused_at_once_by_everybody(tokens: Tokens, tmp_path: Path) -> None:
    text = tokens.create("reader", "read")
    elsewhere = Tokens(tmp_path)
    assert elsewhere.find(text) is not None
    tokens.revoke("reader")
    assert elsewhere.find(text) is None
    assert elsewhere.all() == []
    with pytest.raises(TokenError, match=r"no token is named 'reader'.*token list"):
        tokens.revoke("reader")


def test_an_expired_token_is_listed_and_refused(tokens: Tokens) -> None:
    text = tokens.create("guest", "read", days=30)
    assert tokens.find(text) is not None
    connection = sqlite3.connect(tokens._path)
    with connection:
        connection.execute("UPDATE tokens SET expires = '2020-01-01T00:00:00+00:00'")
    connection.close()
    assert tokens.find(text) is None
    assert [(token.name, token.expired) for token in tokens.all()] == [("guest", True)]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 61])
def test_a_name_fits_in_a_line_of_the_log(tokens: Tokens, name: str) -> None:
    with pytest.raises(TokenError, match="no name for a token"):
        tokens.create(name, "read")


def test_a_name_is_taken_once(tokens: Tokens) -> None:
    tokens.create("مكتب القاهرة", "read")
    with pytest.raises(TokenError, match="there is a token named 'مكتب القاهرة'"):
        tokens.create("مكتب القاهرة", "write")


def test_looking_for_tokens_makes_no_file(tokens: Tokens, tmp_path: Path) -> None:
    assert tokens.all() == []
    assert tokens.find("dateline_00000000_x") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database " * 100)
    with pytest.raises(ArchiveUnavailableError, match=r"tokens\.sqlite3"):
        Tokens(tmp_path).all()


def test_many_threads_and_connections_at_once(tmp_path: Path) -> None:
    wrong: list[Exception] = []

    def use(worker: int) -> None:
        try:
            mine = Tokens(tmp_path)
            for number in range(10):
                text = mine.create(f"{worker}-{number}", "read")
                assert mine.find(text) is not None
                if number % 2:
                    mine.revoke(f"{worker}-{number}")
            mine.close()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert len(Tokens(tmp_path).all()) == 20


def test_access_may_be_given_before_the_first_article(tmp_path: Path, embedder: Embedder) -> None:
    Tokens(tmp_path).create("reader", "read")
    archive = open_archive(tmp_path, embedder)
    assert [o.status for o in ingest(archive, [Article(id="a", title="", text="A ferry sank.")])] == [
        "added"
    ]
    archive.close()


def test_a_backup_holds_no_tokens(tmp_path: Path, embedder: Embedder) -> None:
    archive = open_archive(tmp_path / "archive", embedder)
    Tokens(tmp_path / "archive").create("reader", "read")
    backup(archive, tmp_path / "archive.tar")
    archive.close()
    restore(tmp_path / "archive.tar", tmp_path / "again")
    assert Tokens(tmp_path / "again").all() == []


def test_the_command_makes_lists_and_revokes(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ui.cli", "token", *arguments, "--archive", str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    made = run("create", "desk", "--scope", "write", "--expires", "90")
    text = made.stdout.strip()
    found = Tokens(tmp_path).find(text)
    assert found is not None and found.scope == "write"
    assert "not shown again" in made.stderr
    listed = run("list").stdout
    assert "desk\twrite" in listed and found.key in listed
    assert text not in listed
    assert json.loads(run("list", "--json").stdout)[0]["name"] == "desk"
    assert run("revoke", "desk").returncode == 0
    assert Tokens(tmp_path).find(text) is None
    again = run("revoke", "desk")
    assert again.returncode == 2 and "no token is named 'desk'" in again.stderr
