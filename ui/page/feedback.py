"""What the visitor thinks of an answer: kept with it, seen below it, taken back by pressing it again."""

from dataclasses import replace
from typing import Any, get_args

import gradio as gr

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.history import REASONS, Reason, Verdict
from ui.page.chat import Box, Desk, editing_html, messages
from ui.page.controls import note_html, sent
from ui.page.exchange import Conversation, find
from ui.page.failures import failure_html
from ui.page.keeping import visitor
from ui.page.parts import QUIET
from ui.words import Words

_VERDICTS: dict[object, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}
_REASONS: dict[object, Reason] = {reason: reason for reason in REASONS}


def connect_feedback(assistant: Assistant, words: Words, desk: Desk, box: Box) -> None:
    """What happens when an answer is judged. The browser may send anything."""

    def rate(
        request: gr.Request, event: gr.EventData, held: Conversation, editing: str
    ) -> tuple[Any, Any, Any]:
        exchange = find(held, sent(event, "exchange"))
        verdict = _VERDICTS.get(sent(event, "verdict"))
        reason = _REASONS.get(sent(event, "reason"), "")
        if exchange is None or not (exchange.kept and exchange.kept_in):
            return gr.skip(), gr.skip(), gr.skip()
        if not held[-1].done:
            # What is being written would draw the conversation as it was.
            return note_html(words("chat.unfinished")), gr.skip(), gr.skip()
        owner = visitor(request)
        try:
            history = assistant.history
            if verdict:
                rated = history.rate(owner, exchange.kept, verdict, reason, sent(event, "comment"))
            else:
                rated = history.unrate(owner, exchange.kept)
        except UserFixableError as error:
            return failure_html(error, words), gr.skip(), gr.skip()
        judged = replace(exchange, feedback=rated.feedback)
        after = tuple(judged if each is exchange else each for each in held)
        return editing_html(editing, words), messages(after, words, desk.quoted), after

    outputs = [box.notice, desk.chat, desk.conversation]
    desk.panel.article.rate(rate, [desk.conversation, box.editing], outputs, **QUIET)
