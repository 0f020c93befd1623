"""A second opinion on a statement that passed the rules: a language model as judge."""

import re
from collections.abc import Sequence

from rag import prompts
from rag.llm import LLM

_VERDICT = re.compile(r"^\W*(yes|no)\b\W*(.*)", re.IGNORECASE)
MAX_REASON = 200


async def judge(llm: LLM, statement: str, sentences: Sequence[str]) -> str:
    """Empty when the model finds the statement supported, else its reason. Raises ModelError.

    A reply that is neither yes nor no is no support: the statement is marked, not believed.
    """
    request = prompts.JUDGE.format(
        sentences="\n".join(prompts.sentence(n, text) for n, text in enumerate(sentences, start=1)),
        statement=prompts.neutral(statement),
    )
    reply = " ".join((await llm.complete([{"role": "user", "content": request}])).split())
    verdict = _VERDICT.match(reply)
    if verdict is None:
        return "the judge gave no readable verdict"
    if verdict[1].lower() == "yes":
        return ""
    reason = verdict[2].strip()[:MAX_REASON]
    return "the judge does not find it supported" + (f": {reason}" if reason else "")
