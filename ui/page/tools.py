"""What can be done with an answer, below it: seen otherwise, asked again, judged, saved, passed on."""

from html import escape

from rag.history import LONGEST_COMMENT, REASONS, Feedback
from ui.export import MEDIA_TYPES
from ui.page.exchange import Exchange
from ui.page.views import VIEWS
from ui.words import Words

# A verdict is also a sign, so that it is seen without reading.
_SIGNS = {"up": "👍", "down": "👎"}


def tools_html(exchange: Exchange, words: Words) -> str:
    """The tools of an exchange that is done; what needs the answer only where there is one."""
    parts = [_views(words) if exchange.answer else "", _asking(words)]
    if exchange.unkept:
        told = escape(words("chat.unkept", why=exchange.unkept))
        parts.append(f'<p class="dl-note dl-unkept" role="status" dir="auto">{told}</p>')
    if exchange.kept and exchange.answer:
        # What others were told is theirs to judge.
        parts.append(_feedback(exchange.feedback, words) if exchange.kept_in else "")
        parts.append(_passing_on(exchange.kept, words))
    kept = f' data-kept="{escape(exchange.kept)}"' if exchange.kept and exchange.answer else ""
    return (
        f'<div class="dl-answer-tools" data-exchange="{exchange.id}"{kept} lang="{words.language}" '
        f'dir="{words.direction}">{"".join(parts)}</div>'
    )


def _views(words: Words) -> str:
    buttons = "".join(_tool(words(f"{name}.tab"), f' data-view="{name}"') for name in VIEWS)
    return f'<p class="dl-same"><span>{escape(words("chat.views"))}</span> {buttons}</p>'


def _asking(words: Words) -> str:
    again = _tool(words("chat.retry"), ' data-again=""')
    return f'<p class="dl-same">{again}{_tool(words("chat.edit"), " data-edit")}</p>'


def _feedback(feedback: Feedback | None, words: Words) -> str:
    verdict = feedback.verdict if feedback else ""
    title = escape(words("feedback.title"))
    buttons = ""
    for name, sign in _SIGNS.items():
        pressed = "true" if name == verdict else "false"
        shown = f'<span aria-hidden="true">{sign}</span> {escape(words(f"feedback.{name}"))}'
        buttons += (
            f'<button type="button" class="dl-tool" data-rate="{name}" aria-pressed="{pressed}">'
            f"{shown}</button>"
        )
    said = f'<div class="dl-same" role="group" aria-label="{title}"><span>{title}</span> {buttons}</div>'
    return said + (_why(feedback, words) if feedback else "")


def _why(feedback: Feedback, words: Words) -> str:
    """Where more can be said of a verdict; a reason only for a bad one."""
    reasons = ""
    if feedback.verdict == "down":
        for reason in REASONS:
            name = words(f"feedback.reasons.{reason}") if reason else words("feedback.no_reason")
            chosen = " selected" if reason == feedback.reason else ""
            reasons += f'<option value="{reason}"{chosen}>{escape(name)}</option>'
        reasons = (
            f'<label>{escape(words("feedback.reason"))} <select name="reason">{reasons}</select></label>'
        )
    noted = f"{words('feedback.noted')} {words('feedback.take_back')}"
    return (
        f'<form class="dl-why" data-verdict="{feedback.verdict}"><p role="status">{escape(noted)}</p>'
        f'{reasons}<label>{escape(words("feedback.comment"))} <textarea name="comment" rows="2" dir="auto" '
        f'maxlength="{LONGEST_COMMENT}">{escape(feedback.comment)}</textarea></label>'
        f'<button type="submit" class="dl-tool">{escape(words("feedback.send"))}</button></form>'
    )


def _passing_on(kept: str, words: Words) -> str:
    """Files of an answer, and the link that opens it; both are seen from the page's own address."""
    links = "".join(
        f'<a class="dl-tool" href="../v1/answers/{kept}?format={form}" download>'
        f"{escape(words(f'export.{form}'))}</a>"
        for form in MEDIA_TYPES
    )
    link = (
        f'<a class="dl-tool" href="../?answer={kept}" data-link>{escape(words("export.link"))}</a>'
        '<span class="dl-copied" role="status"></span>'
    )
    return f'<p class="dl-same"><span>{escape(words("export.title"))}</span> {links}{link}</p>'


def _tool(shown: str, more: str) -> str:
    return f'<button type="button" class="dl-tool"{more}>{escape(shown)}</button>'
