"""The words of the page in the reader's language: `words("chat.ask")`, from `ui/locale/*.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from index.language import is_right_to_left

# In the order in which the page offers them.
LANGUAGES = ("en", "ar", "fa", "ru")


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words; a key is `section.name`."""

    language: str
    texts: dict[str, str]

    @classmethod
    def of(cls, language: str) -> "Words":
        """The words of one of `LANGUAGES`."""
        return _words(language)

    @property
    def direction(self) -> str:
        return "rtl" if is_right_to_left(self.language) else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """The text, with what stands in braces filled in. A key that does not exist is a bug: KeyError."""
        text = self.texts[key]
        return text.format(**values) if values else text


def section(language: str, name: str) -> dict[str, Any]:
    """A whole section as it is written, for what has fields of its own for it."""
    found: dict[str, Any] = _read(language)[name]
    return found


@cache
def _words(language: str) -> Words:
    return Words(language, dict(_flat("", _read(language))))


@cache
def _read(language: str) -> dict[str, Any]:
    return tomllib.loads((files("ui.locale") / f"{language}.toml").read_text("utf-8"))


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for name, value in table.items():
        texts += _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return texts
