"""A follow-up and its history to a question that stands alone.

With a language model the model rewrites it. Without one, a question that leans on an earlier one
gets that one's content words put behind it; the words that a reader sees are the user's own.
"""

import re
from collections.abc import Sequence

from index.analyse import analyse, content_words
from index.language import detect_language
from rag import prompts
from rag.llm import LLM
from rag.marks import recent
from rag.types import Turn

# A longer question says by itself what it is about, unless it begins or refers like a follow-up.
MAX_FOLLOW_UP_WORDS = 6
MAX_REFERRING_WORDS = 16
# Words that a chain of follow-ups carries along, the latest subjects first.
MAX_CARRIED = 12
HISTORY_TOKENS = 1500
_FOLLOWS = re.compile(
    r"^\W*(?:(?:and|but|so|then|also|what about|how about)\b|(?:а|и|но|тогда|также)\s"
    r"|و?ماذا عن\b|و(?:ماذا|متى|أين|من|كيف|لماذا|كم|هل|ما)\b|(?:و|پس|اما|در مورد)\s)",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:they|them|their|he|him|his|she|her|it|its|this|that|these|those|there|then"
    r"|он|она|они|его|её|ее|ему|ей|им|их|это|этого|этом|тот|того|том|там|тогда"
    r"|هو|هي|هم|هذا|هذه|ذلك|تلك|هؤلاء|هناك|حينها|عنه|عنها|عنهم|إليه|إليها"
    r"|او|آنها|آن‌ها|ایشان|وی|این|آن|آنجا)\b",
    re.IGNORECASE,
)


def leans(question: str) -> bool:
    """Whether a question can be a follow-up: it is short, begins as one, or refers to something."""
    words = len(question.split())
    return (
        words <= MAX_FOLLOW_UP_WORDS
        or _FOLLOWS.search(question) is not None
        or (words <= MAX_REFERRING_WORDS and _REFERS.search(question) is not None)
    )


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """The question itself, or with the content words of what it leans on behind it."""
    earlier = [turn.content.strip() for turn in history if turn.role == "user" and turn.content.strip()]
    if not earlier or not leans(question):
        return question
    # Back to the question that the whole chain of follow-ups leans on.
    chain = []
    for each in reversed(earlier):
        chain.append(each)
        if not leans(each):
            break
    known = set(_terms(question))
    carried: list[str] = []
    for each in chain:
        language = detect_language(each)
        for word in content_words(each, language):
            terms = set(analyse(word, language))
            if not terms <= known:
                known |= terms
                carried.append(word)
    return " ".join([question, *carried[:MAX_CARRIED]])


async def rewritten(llm: LLM, question: str, history: Sequence[Turn], longest: int) -> str:
    """The question as the model would ask it without what was said before. Raises ModelError.

    A reply that is no question of at most `longest` characters on one line is not used.
    """
    said = "\n".join(
        f"{turn.role}: {prompts.neutral(turn.content)}" for turn in recent(history, HISTORY_TOKENS)
    )
    request = prompts.REWRITE.format(history=said, question=prompts.neutral(question))
    reply = await llm.complete([{"role": "user", "content": request}])
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if len(lines) != 1 or not any(c.isalnum() for c in lines[0]) or len(lines[0]) > longest:
        return standalone_question(question, history)
    return lines[0].strip("\"'«»“”")


def _terms(text: str) -> list[str]:
    return analyse(text, detect_language(text))
