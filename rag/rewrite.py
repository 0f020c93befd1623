"""A follow-up and its history to a question that stands alone."""

from collections.abc import Sequence

from rag.types import Turn

# A longer question says by itself what it is about.
MAX_FOLLOW_UP_WORDS = 6


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """The question itself, or with the earlier one before it when it is short enough to lean on it."""
    earlier = next((turn.content for turn in reversed(history) if turn.role == "user"), "")
    if not earlier or len(question.split()) > MAX_FOLLOW_UP_WORDS:
        return question
    return f"{earlier.strip()} {question}"
