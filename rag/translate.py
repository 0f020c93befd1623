"""Cited sentences in the reader's language, by a language model: beside the original, never for it."""

import re
from collections.abc import Sequence
from dataclasses import replace

from index.cldr import language_name
from rag import prompts
from rag.llm import LLM
from rag.types import Citation

_LINE = re.compile(r"^\W*(\d{1,3})[\]）)】.:]+\s*(.+)$")


async def translated(llm: LLM, citations: Sequence[Citation], language: str) -> tuple[Citation, ...]:
    """The citations, those in another language with a translation. Raises ModelError.

    One request for all. A sentence that the reply leaves out stays without a translation.
    """
    foreign = [citation for citation in citations if citation.language != language]
    if not foreign:
        return tuple(citations)
    # A sentence that is cited twice, once verified and once not, is translated once.
    texts = list(dict.fromkeys(citation.cited_text for citation in foreign))
    request = prompts.TRANSLATE.format(
        language=language_name(language) or prompts.SAME_LANGUAGE,
        sentences="\n".join(prompts.sentence(n, text) for n, text in enumerate(texts, start=1)),
    )
    reply = await llm.complete([{"role": "user", "content": request}])
    found = {
        texts[number - 1]: match[2].strip()
        for line in reply.splitlines()
        if (match := _LINE.match(line.strip())) and 1 <= (number := int(match[1])) <= len(texts)
    }
    return tuple(
        replace(citation, translation=found.get(citation.cited_text, ""))
        if citation.language != language
        else citation
        for citation in citations
    )
