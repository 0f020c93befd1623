"""What is kept of a conversation on the page, in its owner's history, and how it comes back from there."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import gradio as gr

from index.errors import UserFixableError
from rag.chat import Assistant
from rag.errors import NotKeptError
from rag.history import Kept
from ui.owner import owner_of
from ui.page.exchange import MAX_EXCHANGES, Conversation, Exchange
from ui.words import Words

log = logging.getLogger(__name__)


def visitor(request: gr.Request) -> str:
    """Whose conversations this request is about."""
    assert request.request is not None
    return owner_of(request.request.scope)


def keep(assistant: Assistant, owner: str, exchange: Exchange, words: Words) -> Exchange:
    """The answered exchange with the ids that it is kept under.

    An answer that cannot be kept is read all the same: why is said in `unkept`.
    """
    assert exchange.answer is not None
    try:
        history = assistant.history
        try:
            if exchange.instead:
                kept = history.replace_answer(owner, exchange.answer, exchange.kept_in, exchange.instead)
            else:
                kept = history.append(owner, exchange.answer, exchange.kept_in)
        except NotKeptError:
            # Deleted since, in another tab: what follows begins a new one.
            kept = history.append(owner, exchange.answer)
    except UserFixableError as error:
        log.warning("an answer is not kept: %s", error)
        return replace(exchange, unkept=str(error))
    except Exception:
        # A bug: the answer is there, and must not be lost with it.
        log.exception("an answer is not kept")
        return replace(exchange, unkept=words("chat.broken"))
    return replace(exchange, kept=kept.id, kept_in=kept.conversation_id)


def conversation_of(assistant: Assistant, owner: str, conversation_id: str) -> Conversation:
    """A conversation of the owner's, as far as the page shows it. Raises NotKeptError and HistoryError."""
    return _shown(assistant.history.answers(owner, conversation_id))


def linked(assistant: Assistant, owner: str, answer_id: str) -> Conversation:
    """What a link opens: the owner's conversation around an answer, else the answer alone.

    Raises NotKeptError and HistoryError.
    """
    kept = assistant.history.answer(answer_id, owner)
    if kept.conversation_id:
        own = conversation_of(assistant, owner, kept.conversation_id)
        if any(exchange.kept == answer_id for exchange in own):
            return own
    if kept.answer is None:
        raise NotKeptError(kept.fault)
    # Somebody else's, one that another took the place of, or one from long before what the page shows of
    # its conversation: a further question begins a new one.
    return _shown([replace(kept, conversation_id="", feedback=None)])


def _shown(kept: Sequence[Kept]) -> Conversation:
    return tuple(_exchange(each) for each in kept[-MAX_EXCHANGES:])


def _exchange(kept: Kept) -> Exchange:
    exchange = Exchange(
        kept.question, kept=kept.id, kept_in=kept.conversation_id, feedback=kept.feedback, error=kept.fault
    )
    if (answer := kept.answer) is None:
        return exchange
    filters = answer.coverage.filters
    if answer.period and answer.period.about == "publication":
        # That was read from the question, not chosen.
        filters = replace(filters, published_from="", published_to="")
    return replace(
        exchange,
        filters=filters,
        infer_time=answer.period is not None,
        language=answer.language,
        statements=answer.statements,
        citations=answer.citations,
        answer=answer,
    )
