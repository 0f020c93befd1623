"""A question in, ranked evidence out.

1. The nearest sentences to the question, each by its own similarity plus its passage's.
2. Passages in the question's language that share its words: those lose least. Words so order the
   question's own language and can never push another language out.
3. Sentences that tell of the act the question asks about (warn, deny, accuse, ...), whatever their
   language: a small embedder hears the event in "who warned of the attack?" and not the warning.
4. Feedback: part of the best passage is added to the question and the search done again, which
   finds the same event in other languages. Only after a confident first hit, or it would drift.

Sentences to cite are ranked by 1 to 3, passages by all four.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from index.archive import Archive
from index.language import detect_language
from index.types import Filters, Hit, WordHit
from rag.abstain import answerability
from rag.stance import TELLING_ACTS, find_acts
from rag.types import Evidence, RankedPassage

Vectors = npt.NDArray[np.float32]

# Sentences fetched for each passage wanted: neighbours in one passage all score high.
SENTENCES_PER_PASSAGE = 6
LEAST_SENTENCES = 60
WORD_HITS = 60
# Passages that only words found, and that are scored all the same.
WORDS_ONLY = 10
# What one unit of BM25 is worth as similarity, what the best passage weighs in the second search,
# and the least score for one: estimated on the first half of XQuAD and on the golden questions. The
# act's weight is the golden questions' alone (citation precision .54 -> .61, recall .67 -> .71).
WORD_WEIGHT = 0.03
ACT_WEIGHT = 0.15
FEEDBACK_WEIGHT = 0.4
FEEDBACK_LEAST_SCORE = 0.9
LEAST_SCORE = -2.0


def retrieve(
    archive: Archive, question: str, *, top_k: int, filters: Filters, language: str = ""
) -> Evidence:
    """The `top_k` best passages and the best sentences, best first.

    `language` is the question's, when it is known better than by its text.
    """
    language = language or detect_language(question, archive.languages)
    vector = archive.embed_question(question, language)
    wanted = max(LEAST_SENTENCES, top_k * SENTENCES_PER_PASSAGE)
    while True:
        found = archive.search(vector, k=wanted, filters=filters)
        # A long passage can fill all places: look further until there are enough, or no more.
        if len({_passage(hit) for hit in found}) >= top_k or len(found) < wanted:
            break
        wanted *= 2
    words = archive.search_words(question, language, k=WORD_HITS, filters=filters)
    present = {_passage(hit) for hit in found}
    unseen = [hit for hit in words.hits if (hit.article, hit.start_char) not in present]
    found += archive.hits_of(unseen[:WORDS_ONLY], vector)

    acts = _acts(question)
    by_words = _with_words(found, words.hits, language)
    hits = _with_acts(by_words, acts)
    by_passage = hits
    if found and max(hit.score for hit in found) >= FEEDBACK_LEAST_SCORE:
        nearer = _feedback(vector, hits)
        present_sentences = {_sentence(hit) for hit in found}
        more = archive.search(nearer, k=wanted, filters=filters)
        found += [hit for hit in more if _sentence(hit) not in present_sentences]
        rescored = [replace(hit, score=float(hit.vector @ nearer)) for hit in found]
        by_passage = _with_acts(_with_words(rescored, words.hits, language), acts)
    return Evidence(
        question=question,
        language=language,
        hits=tuple(hits),
        passages=tuple(_ranked(by_passage, hits)[:top_k]),
        coverage=archive.coverage(filters),
        answerability=answerability(
            [hit.score for hit in by_words], words.coverage if language in archive.languages else None
        ),
    )


def _with_words(found: Sequence[Hit], words: Sequence[WordHit], language: str) -> list[Hit]:
    """Lower the own-language hits by what they lack of the best match in words; sort again."""
    if words:
        bm25 = {(hit.article, hit.start_char): hit.score for hit in words}
        best = words[0].score
        found = [
            replace(hit, score=hit.score - WORD_WEIGHT * (best - bm25.get(_passage(hit), 0.0)))
            if hit.article.language == language
            else hit
            for hit in found
        ]
    return sorted(found, key=lambda hit: -hit.score)


def _with_acts(found: Sequence[Hit], acts: frozenset[str]) -> list[Hit]:
    """Lift the hits that tell of one of these acts; sort again."""
    if acts:
        found = [
            replace(hit, score=hit.score + ACT_WEIGHT) if acts & _acts(hit.sentence.text) else hit
            for hit in found
        ]
    return sorted(found, key=lambda hit: -hit.score)


def _acts(text: str) -> frozenset[str]:
    return frozenset(act.kind for act in find_acts(text) if act.kind in TELLING_ACTS)


def _feedback(vector: Vectors, hits: Sequence[Hit]) -> Vectors:
    """The question's vector moved towards the best passage: Rocchio's method with one document."""
    best = [hit.vector for hit in hits if _passage(hit) == _passage(hits[0])]
    # Each is the passage plus one of its sentences, so their mean points where the passage does.
    mean = np.mean(best, axis=0)
    moved = vector + FEEDBACK_WEIGHT * mean / np.linalg.norm(mean)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def _ranked(by_passage: Sequence[Hit], by_sentence: Sequence[Hit]) -> list[RankedPassage]:
    """Passages in the order of the first ranking, their sentences in that of the second."""
    scores = {_sentence(hit): hit.score for hit in by_sentence}
    grouped: dict[tuple[str, int], list[Hit]] = {}
    for hit in by_passage:
        grouped.setdefault(_passage(hit), []).append(hit)
    passages = []
    for group in grouped.values():
        # A sentence that only the second search found has no score of the first: it comes last.
        scored = [(scores.get(_sentence(hit), LEAST_SCORE), hit) for hit in group]
        scored.sort(key=lambda pair: -pair[0])
        passages.append(
            RankedPassage(
                article=group[0].article,
                passage=group[0].passage,
                sentences=tuple(hit.sentence for _, hit in scored),
                scores=tuple(score for score, _ in scored),
                score=group[0].score,
            )
        )
    return passages


def _passage(hit: Hit) -> tuple[str, int]:
    return hit.article.id, hit.passage.start_char


def _sentence(hit: Hit) -> tuple[str, int]:
    return hit.article.id, hit.sentence.start_char
