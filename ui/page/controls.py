"""What the rooms of the page are worked with, as HTML: buttons, and what leafs through a list.

What a button does is its `data-do`, an event of `rooms.js`.
"""

from html import escape

from ui.fragments import to_the_minute
from ui.schemas import sendable
from ui.words import Words

# Entries on a page of a list.
PAGE = 30


def button(do: str, shown: str, *, enabled: bool = True, more: str = "", **data: object) -> str:
    """A button that triggers the event `do` with the other values."""
    off = "" if enabled else " disabled"
    return (
        f'<button type="button" class="dl-tool" data-do="{do}"{values(data)}{more}{off}>'
        f"{escape(shown)}</button>"
    )


def values(data: dict[str, object]) -> str:
    """Values for an event as attributes."""
    return "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())


def pager(offset: int, last: int, total: int, words: Words) -> str:
    """Buttons to the pages before and after; nothing when all is on this one."""
    newer = offset > 0
    older = last < total
    if not newer and not older:
        return ""
    return (
        f'<nav class="dl-pager" aria-label="{escape(words("archive.pages"))}">'
        + button("turn", words("archive.newer"), offset=max(0, offset - PAGE), enabled=newer)
        + button("turn", words("archive.older"), offset=offset + PAGE, enabled=older)
        + "</nav>"
    )


def minute(moment: str) -> str:
    """2024-04-01T15:10:00+00:00 as 2024-04-01 15:10, set off from words that run the other way."""
    return f"\u2066{to_the_minute(moment)[:16]}\u2069"


def hint(text: str) -> str:
    """What stands where there is nothing yet."""
    return f'<p class="dl-hint" role="status">{escape(text)}</p>'


def note_html(text: str) -> str:
    """What came of a click, told also to those who do not see it."""
    return f'<p class="dl-note dl-told" role="status" dir="auto">{escape(text)}</p>'


def sent(event: object, name: str) -> str:
    """What a browser sent under a name, as text; it may send anything, or nothing."""
    data = getattr(event, "_data", None)
    return sendable(str(data.get(name, ""))) if isinstance(data, dict) else ""


def number(value: object) -> int:
    """What a browser sent as a number; 0 when it is none."""
    text = str(value)
    return min(int(text), 10**9) if text.isascii() and text.isdecimal() else 0
