"""What the visitor thinks of an answer: kept with it, seen below it, taken back by pressing it again."""

from dataclasses import replace
from typing import Any, get_args

import gradio as gr

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.history import REASONS, Reason, Verdict
from ui.page.chat import Desk, messages
from ui.page.exchange import Conversation, find
from ui.page.failures import failure_html
from ui.page.keeping import visitor
from ui.page.parts import QUIET
from ui.words import Words

_VERDICTS: dict[object, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}
_REASONS: dict[object, Reason] = {reason: reason for reason in REASONS}


def connect_feedback(assistant: Assistant, words: Words, desk: Desk, notice: gr.HTML) -> None:
    """What happens when an answer is judged. The browser may send anything."""

    def rate(request: gr.Request, event: gr.EventData, held: Conversation) -> tuple[Any, Any, Any]:
        exchange = find(held, getattr(event, "exchange", ""))
        verdict = _VERDICTS.get(getattr(event, "verdict", ""))
        reason = _REASONS.get(getattr(event, "reason", ""), "")
        if exchange is None or not exchange.kept_in:
            return gr.skip(), gr.skip(), gr.skip()
        owner, history = visitor(request), assistant.history
        try:
            if verdict:
                comment = str(getattr(event, "comment", ""))
                rated = history.rate(owner, exchange.kept, verdict, reason, comment)
            else:
                rated = history.unrate(owner, exchange.kept)
        except UserFixableError as error:
            return failure_html(error, words), gr.skip(), gr.skip()
        judged = replace(exchange, feedback=rated.feedback)
        after = tuple(judged if each is exchange else each for each in held)
        return "", messages(after, words, desk.quoted), after

    outputs = [notice, desk.chat, desk.conversation]
    desk.panel.article.rate(rate, desk.conversation, outputs, **QUIET)
