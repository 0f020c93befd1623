"""An article's text to sentences and passages, with exact offsets."""

import re
from collections.abc import Sequence

import sentencex

from index.types import Passage, Sentence


def split_sentences(text: str, language: str = "") -> tuple[Sentence, ...]:
    found = []
    for line in re.finditer(r"[^\n]+", text):
        for b in sentencex.get_sentence_boundaries(language or "en", line.group()):
            a, z = line.start() + b["start_index"], line.start() + b["end_index"]
            raw = text[a:z]
            a += len(raw) - len(raw.lstrip())
            z = a + len(raw.strip())
            if z > a:
                found.append(Sentence(text[a:z], a, z))
    return tuple(found)


def pack_passages(sentences: Sequence[Sentence], tokens: Sequence[int], target: int) -> tuple[Passage, ...]:
    out: list[Passage] = []
    run: list[Sentence] = []
    total = 0
    for s, n in zip(sentences, tokens, strict=True):
        if run and total + n > target:
            out.append(Passage(tuple(run)))
            run, total = [], 0
        run.append(s)
        total += n
    if run:
        out.append(Passage(tuple(run)))
    return tuple(out)
