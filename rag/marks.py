"""The numbers in brackets by which a reply names its sentences, such as `[3]` or `[3, 7]`."""

import re
from collections.abc import Iterator, Sequence

from rag.pack import estimate_tokens
from rag.types import Turn

MAX_HISTORY_TURNS = 8
_NUMBER = r"\d{1,4}"
_MARK = rf"[\[【]\s*{_NUMBER}(?:\s*[,،;–-]\s*{_NUMBER})*\s*[\]】]"
# A run of them, however it is written.
MARKS = re.compile(rf"{_MARK}(?:\s*{_MARK})*")


def numbers_in(marks: str) -> Iterator[int]:
    """The numbers in `[3]`, `[3, 7]`, `[3][7]` or `[3-5]`, in any script's digits."""
    for first, last in re.findall(rf"({_NUMBER})(?:\s*[–-]\s*({_NUMBER}))?", marks):
        # A range that is no run of neighbours is not believed.
        end = int(last or first)
        yield from range(int(first), end + 1) if end - int(first) < 10 else (int(first), end)


def without_marks(text: str) -> str:
    """The text on one line without its marks."""
    return " ".join(MARKS.sub(" ", text).split())


def recent(history: Sequence[Turn], tokens: int) -> list[Turn]:
    """The latest turns that fit, without their marks: those meant other sentences."""
    turns: list[Turn] = []
    for turn in reversed(history[-MAX_HISTORY_TURNS:]):
        content = without_marks(turn.content)
        tokens -= estimate_tokens(content)
        if tokens < 0:
            break
        turns.insert(0, Turn(turn.role, content))
    return turns
