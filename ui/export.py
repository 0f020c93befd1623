"""An answer with its citations as a file to keep: Markdown, Word, or one page of HTML."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import quote

from index.language import is_right_to_left
from rag.types import Answer
from ui.outline import Block, Piece, outline, runs_right_to_left, starts_right_to_left
from ui.phrases import phrases

Format = Literal["markdown", "docx", "html"]
MEDIA_TYPES: dict[Format, str] = {
    "markdown": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html; charset=utf-8",
}
_SUFFIXES: dict[Format, str] = {"markdown": "md", "docx": "docx", "html": "html"}
_FSI, _PDI = "\u2068", "\u2069"
# The page needs nothing but itself, whatever an article's text would have it do.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MARKS = re.compile(r"([\\`*_\[\]<>#|~&!$])")
_LINE_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
_CSS = """
:root { color-scheme: light dark; --ink: #1c1917; --dim: #57534e; --line: #d6d3d1; --link: #1f4e79;
  --doubt: #9a3412; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e5e4; --dim: #a8a29e; --line: #44403c;
  --link: #93c5fd; --doubt: #fdba74; --paper: #1c1917; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.65 system-ui, "Segoe UI", "Noto Sans", "Noto Naskh Arabic", Tahoma, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.35; margin: 0 0 1rem; }
h2 { font-size: 1rem; color: var(--dim); margin: 2rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
p, blockquote { margin: 0 0 .8rem; }
a { color: var(--link); }
.number { text-decoration: none; unicode-bidi: isolate; }
.source { margin: 1.2rem 0 .3rem; }
.source:target { outline: 2px solid var(--link); outline-offset: 3px; }
blockquote { margin-inline-start: 1rem; padding-inline-start: .8rem;
  border-inline-start: 3px solid var(--line); }
.detail, .doubt, .note, .fact { font-size: .88rem; color: var(--dim); margin-bottom: .3rem; }
.detail, .doubt { margin-inline-start: 1rem; }
.doubt { color: var(--doubt); }
@media print { :root { --ink: #000; --dim: #333; --line: #999; --link: #000; --doubt: #000; --paper: #fff; }
  main { max-width: none; padding: 0; } body { font-size: 11pt; }
  h1, h2, .source { break-after: avoid; } p, blockquote { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file: its name, what it is, and its bytes."""

    name: str
    media_type: str
    content: bytes

    def disposition(self, shown: bool = False) -> str:
        """The value of `Content-Disposition` (RFC 6266) that saves it under its name, or shows it first."""
        stem, _, suffix = self.name.rpartition(".")
        plain = f"{stem if stem.isascii() else 'answer'}.{suffix}"
        how = "inline" if shown else "attachment"
        return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(self.name, safe='')}"


def export(answer: Answer, form: Format, asked_at: str = "") -> Exported:
    """The answer as a file; `asked_at` is when it was given (ISO 8601, UTC)."""
    blocks = outline(answer, asked_at)
    match form:
        case "markdown":
            content = to_markdown(blocks).encode()
        case "html":
            content = to_html(blocks, answer.question, phrases(answer.language).language).encode()
        case "docx":
            # Takes a while to import.
            from ui.word import to_docx

            content = to_docx(blocks, answer.question, asked_at)
    return Exported(f"{_slug(answer.question)}.{_SUFFIXES[form]}", MEDIA_TYPES[form], content)


def to_markdown(blocks: Sequence[Block]) -> str:
    """The outline as CommonMark; whatever the articles hold stays text."""
    lines: list[str] = []
    for block in blocks:
        text = "".join(_marked_down(piece, block) for piece in block.pieces)
        text = _LINE_START.sub(r"\1\\\2", " ".join(text.split()))
        # A number is escaped behind itself: `1\.` is no item of a list.
        text = re.sub(r"^\\(\d+)", r"\1\\", text)
        match block.kind:
            case "title":
                text = f"# {text}"
            case "heading":
                text = f"## {text}"
            case "quote":
                text = f"> {text}"
            case "note" | "doubt":
                text = f"*{text}*"
            case "fact":
                text = f"- {text}"
        # Facts are one list.
        if lines and not (block.kind == "fact" and lines[-1].startswith("- ")):
            lines.append("")
        lines.append(text)
    return "\n".join(lines) + "\n"


def _marked_down(piece: Piece, block: Block) -> str:
    if piece.shape == "link":
        return f"<{piece.text.replace('<', '%3C').replace('>', '%3E').replace(' ', '%20')}>"
    text = _MARKS.sub(r"\\\1", piece.text)
    if piece.shape == "strong" and text.strip():
        text = f"**{text.strip()}**"
    # Where a run of another direction would reorder what stands beside it, or be reordered.
    from_the_right = runs_right_to_left(block)
    alone = piece.shape == "plain" or starts_right_to_left(piece.text) == from_the_right
    return text if alone else f"{_FSI}{text}{_PDI}"


def to_html(blocks: Sequence[Block], title: str, language: str) -> str:
    """The outline as one page that asks no network for anything."""
    return (
        f'<!doctype html>\n<html{_attributes(language)}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="referrer" content="no-referrer"><meta name="generator" content="Dateline">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>\n<body><main>\n"
        + "\n".join(_element(block) for block in blocks)
        + "\n</main></body></html>\n"
    )


def _element(block: Block) -> str:
    tag = {"title": "h1", "heading": "h2", "quote": "blockquote"}.get(block.kind, "p")
    name = f' id="source-{block.number}"' if block.number else ""
    inside = "".join(_inline(piece) for piece in block.pieces)
    way = "rtl" if runs_right_to_left(block) else "ltr"
    language = f' lang="{escape(block.language)}"' if block.language else ""
    return f'<{tag} class="{block.kind}"{name}{language} dir="{way}">{inside}</{tag}>'


def _inline(piece: Piece) -> str:
    text = escape(piece.text)
    match piece.shape:
        case "number":
            return f'<a class="number" dir="ltr" href="#source-{piece.text[1:-1]}">{text}</a>'
        case "link":
            return f'<a dir="ltr" href="{text}" rel="noopener noreferrer nofollow">{text}</a>'
        case "strong":
            return f"<strong><bdi{_attributes(piece.language)}>{text}</bdi></strong>"
        case "value":
            return f"<bdi{_attributes(piece.language)}>{text}</bdi>"
        case _:
            return text


def _attributes(language: str) -> str:
    if not language:
        return ""
    return f' lang="{escape(language)}" dir="{"rtl" if is_right_to_left(language) else "ltr"}"'


def _slug(question: str) -> str:
    """The question's first words as a file's name, in its own letters."""
    # Marks are no letters, but parts of them: `\\w` would cut Arabic words in two.
    kept = "".join(c if c.isalnum() or unicodedata.category(c) == "Mn" else " " for c in question)
    name = ""
    for word in kept.split():
        if len(name) + len(word) > 60:
            break
        name = f"{name}-{word}" if name else word
    return name or "answer"
