"""What people leave with an archive, in SQLite in its folder: the only file that opens it.

Unlike the index's ledger nothing here can be made again, so another version's file is never emptied.
"""

from pathlib import Path

from index.sqlite import Database, Form
from rag.errors import HistoryError

FILE = "history.sqlite3"
# What is searched or counted stands before the answer itself, which may fill many pages of the file.
_TABLES = """
CREATE TABLE conversations
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, name TEXT, folded TEXT,
   created_at TEXT, updated_at TEXT);
CREATE INDEX of_owner ON conversations (owner, updated_at);
CREATE TABLE answers
  (number INTEGER PRIMARY KEY, id TEXT UNIQUE,
   conversation TEXT REFERENCES conversations (id) ON DELETE CASCADE,
   replaced INTEGER DEFAULT 0, asked_at TEXT, bytes INTEGER,
   verdict TEXT DEFAULT '', reason TEXT DEFAULT '', comment TEXT DEFAULT '', rated_at TEXT DEFAULT '',
   question TEXT, folded TEXT, answer TEXT);
CREATE INDEX of_conversation ON answers (conversation);
CREATE INDEX of_verdict ON answers (verdict) WHERE verdict != '';
CREATE TABLE replies
  (owner TEXT, key TEXT, request TEXT, at REAL, conversation TEXT DEFAULT '', status INTEGER DEFAULT 0,
   headers TEXT DEFAULT '', body BLOB DEFAULT x'', PRIMARY KEY (owner, key));
CREATE INDEX of_reply ON replies (conversation);
CREATE INDEX of_time ON replies (at)
"""
_FORM = Form(
    1,
    _TABLES,
    "the kept conversations",
    HistoryError,
    "See to the disk and the file's rights; where it is damaged, `dateline restore` a backup.",
    # What is deleted is overwritten: a question may be a secret.
    pragmas=("foreign_keys = ON", "secure_delete = ON"),
)


def open_database(folder: Path) -> Database:
    """The conversations and replies that are kept in a folder. Raises HistoryError."""
    return Database(folder / FILE, _FORM)
