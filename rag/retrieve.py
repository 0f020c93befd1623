"""A question in, ranked evidence out.

1. The nearest sentences to the question, each by its own similarity plus its passage's.
2. Words order what is in the question's language: sentences that share fewer words are lowered, so
   that no other language is pushed out. Only a passage that words are sure of is lifted.
3. Sentences that tell of the act the question asks about (warn, deny, accuse, ...), whatever their
   language: a small embedder hears the event in "who warned of the attack?" and not the warning.
4. Feedback: part of the best passage is added to the question and the search done again, which
   finds the same event in other languages. Only where there are others, and after a confident
   first hit, or it would drift.
5. A text that several articles carry takes one place, and one article does not take them all.

Sentences to cite are ranked by 1 to 3, passages by all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from index.analyse import analyse
from index.archive import Archive
from index.language import detect_language
from index.types import Filters, Hit, WordMatches
from rag.abstain import answerability, features
from rag.slots import one_slot_each
from rag.stance import TELLING_ACTS, kinds_of_acts
from rag.trace import stage
from rag.types import Evidence, Period, RankedPassage
from rag.when import can_tell_of

Vectors = npt.NDArray[np.float32]

# Sentences fetched for each passage wanted: neighbours in one passage all score high.
SENTENCES_PER_PASSAGE = 6
LEAST_SENTENCES = 60
WORD_HITS = 60
# Passages that only words found, and that are scored all the same.
WORDS_ONLY = 10
# What one unit of a passage's BM25, and all of the question's words in one sentence, are worth as
# similarity; and what a passage that words are sure of may gain over other languages' passages.
WORD_WEIGHT = 0.03
SENTENCE_WORD_WEIGHT = 0.15
SURE_LIFT = 0.3
# Among sentences to cite, the reader's own language keeps a fifth of what its best has in words.
TAKEN_OFF = 0.8
# Words are sure when the best article leads the next one by so much of its BM25, and has this much
# of what the question's words can give: then it is the right one in 19 of 20 questions of XQuAD.
SURE_LEAD = 0.3
SURE_COVERAGE = (0.2, 0.4)
# What the best passage weighs in the second search, and the least score for one.
FEEDBACK_WEIGHT = 0.4
FEEDBACK_LEAST_SCORE = 0.7
# What telling of the act that is asked about is worth as similarity.
ACT_WEIGHT = 0.15
LEAST_SCORE = -2.0
# Sentences whose words are remembered, some 50 MB: questions of one archive find the same ones.
SENTENCES_KEPT = 20_000
_TELLING = frozenset(TELLING_ACTS)


def retrieve(
    archive: Archive,
    question: str,
    *,
    top_k: int,
    filters: Filters,
    language: str = "",
    period: Period | None = None,
) -> Evidence:
    """The `top_k` best passages and the best sentences, best first.

    `language` is the question's, when it is known better than by its text. With a period of events,
    sentences that cannot be about it are left out.
    """
    language = language or detect_language(question, archive.languages)
    with stage("embed"):
        vector = archive.embed_question(question, language)
    with stage("words"):
        words = archive.search_words(question, language, k=WORD_HITS, filters=filters)
    acts = _acts(question)
    several = len(archive.languages) > 1
    wanted = max(LEAST_SENTENCES, top_k * SENTENCES_PER_PASSAGE)
    while True:
        with stage("search"):
            found = archive.search(vector, k=wanted, filters=filters)
        exhausted = len(found) < wanted
        present = {_passage(hit) for hit in found}
        unseen = [hit for hit in words.hits if (hit.article, hit.start_char) not in present]
        found += archive.hits_of(unseen[:WORDS_ONLY], vector)
        found = _in_period(found, period)
        with stage("fuse"):
            by_words = _with_words(found, words, language, taken_off=TAKEN_OFF)
            hits = _with_acts(by_words, acts)
            by_passage = _with_acts(_with_words(found, words, language, lift=SURE_LIFT), acts)
        if several and found and max(hit.score for hit in found) >= FEEDBACK_LEAST_SCORE:
            nearer = _feedback(vector, by_passage)
            known = {_sentence(hit) for hit in found}
            with stage("search"):
                more = archive.search(nearer, k=wanted, filters=filters)
            found += _in_period([hit for hit in more if _sentence(hit) not in known], period)
            with stage("fuse"):
                rescored = [replace(hit, score=float(hit.vector @ nearer)) for hit in found]
                by_passage = _with_acts(_with_words(rescored, words, language), acts)
        passages = one_slot_each(_ranked(by_passage, hits), top_k)
        # A long passage or many copies can fill all places: look further for others.
        if len(passages) >= top_k or exhausted:
            break
        wanted *= 2
    judged = features(
        [hit.score for hit in by_words], words.coverage if language in archive.languages else None
    )
    return Evidence(
        question=question,
        language=language,
        hits=tuple(hits),
        passages=tuple(passages),
        coverage=archive.coverage(filters),
        answerability=answerability(judged),
        features=judged,
        period=period,
    )


def _in_period(found: list[Hit], period: Period | None) -> list[Hit]:
    if period is None or period.about != "events":
        return found
    return [hit for hit in found if can_tell_of(period, hit.sentence.text, hit.article.published_at)]


def _with_words(
    found: Sequence[Hit], words: WordMatches, language: str, *, taken_off: float = 1.0, lift: float = 0.0
) -> list[Hit]:
    """Lower own-language hits by what they lack of the best in words; all sorted again.

    With `taken_off` below 1 they lose less, and with `lift` they are raised when the words are sure.
    """
    own = [number for number, hit in enumerate(found) if hit.article.language == language]
    scored = list(found)
    if words.hits and own:
        bm25 = {(hit.article, hit.start_char): hit.score for hit in words.hits}
        shared = [
            WORD_WEIGHT * bm25.get(_passage(found[number]), 0.0)
            + SENTENCE_WORD_WEIGHT * words.share(_terms(found[number].sentence.text, language))
            for number in own
        ]
        most = taken_off * max(shared) - lift * _sureness(words)
        for number, value in zip(own, shared, strict=True):
            scored[number] = replace(found[number], score=found[number].score + value - most)
    return sorted(scored, key=lambda hit: -hit.score)


@lru_cache(SENTENCES_KEPT)
def _terms(text: str, language: str) -> frozenset[str]:
    return frozenset(analyse(text, language))


def _sureness(words: WordMatches) -> float:
    """How sure it is, in [0, 1], that the passage which shares most words is the right one."""
    best = words.hits[0]
    rival = next((hit.score for hit in words.hits if hit.article != best.article), 0.0)
    lead = (1 - rival / best.score) / SURE_LEAD
    low, high = SURE_COVERAGE
    return float(min(1.0, lead) * np.clip((words.coverage - low) / (high - low), 0, 1))


def _with_acts(found: Sequence[Hit], acts: frozenset[str]) -> list[Hit]:
    """Lift the hits that tell of one of these acts; sort again."""
    if acts:
        found = [
            replace(hit, score=hit.score + ACT_WEIGHT) if acts & _acts(hit.sentence.text) else hit
            for hit in found
        ]
    return sorted(found, key=lambda hit: -hit.score)


@lru_cache(SENTENCES_KEPT)
def _acts(text: str) -> frozenset[str]:
    return kinds_of_acts(text) & _TELLING


def _feedback(vector: Vectors, hits: Sequence[Hit]) -> Vectors:
    """The question's vector moved towards the best passage: Rocchio's method with one document."""
    moved = vector + FEEDBACK_WEIGHT * _direction(hit for hit in hits if _passage(hit) == _passage(hits[0]))
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def _direction(hits: Iterable[Hit]) -> Vectors:
    """Where a passage points: each hit is the passage plus one of its sentences, so their mean does."""
    mean = np.mean([hit.vector for hit in hits], axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def _ranked(by_passage: Sequence[Hit], by_sentence: Sequence[Hit]) -> list[tuple[RankedPassage, Vectors]]:
    """Passages in the order of the first ranking, their sentences in that of the second.

    With each comes where it points, shape (dimension,).
    """
    scores = {_sentence(hit): hit.score for hit in by_sentence}
    grouped: dict[tuple[str, int], list[Hit]] = {}
    for hit in by_passage:
        grouped.setdefault(_passage(hit), []).append(hit)
    passages = []
    for group in grouped.values():
        # A sentence that only the second search found has no score of the first: it comes last.
        scored = [(scores.get(_sentence(hit), LEAST_SCORE), hit) for hit in group]
        scored.sort(key=lambda pair: -pair[0])
        passage = RankedPassage(
            article=group[0].article,
            passage=group[0].passage,
            sentences=tuple(hit.sentence for _, hit in scored),
            scores=tuple(score for score, _ in scored),
            score=group[0].score,
        )
        passages.append((passage, _direction(group)))
    return passages


def _passage(hit: Hit) -> tuple[str, int]:
    return hit.article.id, hit.passage.start_char


def _sentence(hit: Hit) -> tuple[str, int]:
    return hit.article.id, hit.sentence.start_char
