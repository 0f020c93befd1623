"""A case's share in each figure, and why it failed if it did."""

from collections.abc import Sequence

from evals.facts import share_stated, states
from evals.ranking import matched, ranking_scores, sentence_ranking
from evals.types import Case, Located, Pair, Reply, Span, Verdict
from evals.wording import exact_match, token_f1
from rag.types import Citation, Source

# An extractive answer is drawn from the best few sentences, a model reads more.
NEAR = 5

Asked = tuple[Case, Located, Reply]
ByEvidence = dict[str, dict[str, Pair]]


def answer_scores(case: Case, gold: Located, reply: Reply) -> dict[str, Pair]:
    """The case's share in every figure but those of rankings and judges."""
    return _costs(reply) | _abstention(case, gold, reply) | _answer(case, gold, reply)


def retrieval_scores(asked: Sequence[Asked]) -> list[tuple[dict[str, Pair], ByEvidence]]:
    """For each case its share in the figures of rankings, and for each language of evidence alone.

    All cases at once, since `ir-measures` is quickest so. For one language of evidence, articles that
    are relevant in others are taken out of the ranking: they are neither right nor wrong there.
    """
    scores: list[tuple[dict[str, Pair], ByEvidence]] = [({}, {}) for _ in asked]
    articles = {str(n): a for n, a in enumerate(asked) if a[0].answerable and a[2].articles is not None}
    ranked = ranking_scores(
        {n: reply.articles or () for n, (_, _, reply) in articles.items()},
        {n: gold.relevant for n, (_, gold, _) in articles.items()},
    )
    for n, found in ranked.items():
        scores[int(n)][0].update({f"article {name}": (value, 1.0) for name, value in found.items()})
    sentences = {n: a for n, a in articles.items() if a[1].spans and a[2].sentences is not None}
    ranked = ranking_scores(
        {
            n: sentence_ranking(reply.sentences or (), gold.spans)
            for n, (_, gold, reply) in sentences.items()
        },
        {n: map(str, range(len(gold.spans))) for n, (_, gold, _) in sentences.items()},
    )
    for n, found in ranked.items():
        scores[int(n)][0].update({f"sentence {name}": (value, 1.0) for name, value in found.items()})
    for language in sorted({each for _, gold, _ in articles.values() for each in gold.relevant.values()}):
        rankings, relevant = {}, {}
        for n, (_, gold, reply) in articles.items():
            here = {name for name, each in gold.relevant.items() if each == language}
            if here:
                relevant[n] = here
                elsewhere = gold.relevant.keys() - here
                rankings[n] = [name for name in reply.articles or () if name not in elsewhere]
        for n, found in ranking_scores(rankings, relevant).items():
            values = {f"article {name}": (value, 1.0) for name, value in found.items()}
            scores[int(n)][1][language] = values
    return scores


def judge_scores(verdicts: Sequence[Verdict]) -> dict[str, Pair]:
    """Shares of what the judges found; what they wrote unreadably has no say."""
    scores: dict[str, Pair] = {}
    for about in dict.fromkeys(verdict.about for verdict in verdicts):
        readable = [v.passed for v in verdicts if v.about == about and v.passed is not None]
        if readable:
            scores[f"judged {about}"] = (float(sum(readable)), float(len(readable)))
    return scores


def failures(case: Case, gold: Located, reply: Reply) -> list[str]:
    """Why the reply is not what it should be; empty when it is."""
    said = "" if reply.answerability is None else f" (answerability {reply.answerability:.2f})"
    if not all(reply.exact):
        return ["a citation's words do not stand at its place in the article: this is a bug"]
    if not case.answerable:
        if reply.abstained or not reply.answered:
            return []
        return [f"answered{said}, but the archive does not know"]
    where = _where(gold, reply)
    if not reply.answered:
        found = set(gold.relevant) & set((reply.articles or ())[:10])
        return [] if found else [f"no relevant article among the first 10{where}"]
    if reply.abstained:
        return [f"abstained: {reply.reason or 'it did not know'}{said}{where}"]
    reasons = []
    cited = [matched(_spans(citation), gold.spans) for citation in reply.citations]
    if gold.spans and (reply.citations or reply.exact) and not any(cited):
        reasons.append(f"cites no gold sentence{where}")
    if _tells_facts(case, reply):
        missing = [forms[0] for forms in case.required if not states(reply.text, forms)]
        if missing:
            reasons.append(f"does not state: {', '.join(missing)}")
    return reasons


def _costs(reply: Reply) -> dict[str, Pair]:
    seconds = reply.milliseconds / 1000
    scores: dict[str, Pair] = {"seconds p50": (seconds, 1.0), "seconds p95": (seconds, 1.0)}
    if reply.first_statement is not None:
        scores["first statement p50"] = (reply.first_statement / 1000, 1.0)
    if reply.tokens is not None:
        scores["tokens"] = (float(reply.tokens.prompt + reply.tokens.completion), 1.0)
    return scores


def _abstention(case: Case, gold: Located, reply: Reply) -> dict[str, Pair]:
    scores: dict[str, Pair] = {}
    if reply.answered:
        right = float(reply.abstained and not case.answerable)
        scores = {
            "abstention precision": (right, float(reply.abstained)),
            "abstention recall": (right, float(not case.answerable)),
            "abstention accuracy": (float(reply.abstained != case.answerable), 1.0),
        }
    if reply.answerability is not None:
        near = case.answerable and _found(gold, reply, NEAR)
        there = case.answerable and _found(gold, reply, None)
        scores |= {
            "AUROC": (reply.answerability, float(case.answerable)),
            "AURC": (reply.answerability, float(near)),
            "Brier score": (reply.answerability, float(there)),
            "ECE": (reply.answerability, float(there)),
        }
    return scores


def _answer(case: Case, gold: Located, reply: Reply) -> dict[str, Pair]:
    if not reply.answered:
        return {}
    scores: dict[str, Pair] = {}
    if reply.statements:
        count = float(len(reply.statements))
        said = sum(statement.language == case.language for statement in reply.statements)
        scores["answer language"] = (float(said), count)
        cited = sum(bool(statement.citations) for statement in reply.statements)
        scores["statements cited"] = (float(cited), count)
    if reply.citations:
        verified = sum(citation.verified for citation in reply.citations)
        scores["citations verified"] = (float(verified), float(len(reply.citations)))
    if reply.exact:
        scores["offsets exact"] = (float(sum(reply.exact)), float(len(reply.exact)))
    if not case.answerable:
        return scores
    shows_sources = bool(reply.citations) or reply.articles is not None
    if gold.spans and shows_sources:
        found = [matched(_spans(citation), gold.spans) for citation in reply.citations]
        share = sum(map(bool, found)) / len(found) if found else 0.0
        scores["citation precision"] = (share, float(bool(found)))
        scores["citation recall"] = (len(frozenset().union(*found)) / len(gold.spans), 1.0)
    if _tells_facts(case, reply):
        text = reply.text
        if case.required:
            scores["fact recall"] = (share_stated(text, case.required), 1.0)
        if case.reference_answers:
            references = case.reference_answers
            scores["exact match"] = (exact_match(text, references, case.language), 1.0)
            scores["token F1"] = (token_f1(text, references, case.language), 1.0)
    return scores


def _tells_facts(case: Case, reply: Reply) -> bool:
    """Whether facts in the question's language can be looked for in the answer.

    An extractive answer quotes articles as they are; where some of it is in a language for which the
    case lists no forms, a fact may be told and not be found: then these figures have no say.
    """
    known = case.required_languages or (case.language,)
    return all(statement.language in known for statement in reply.statements)


def _found(gold: Located, reply: Reply, first: int | None) -> bool:
    if gold.spans and reply.sentences is not None:
        return bool(matched(reply.sentences[:first], gold.spans))
    return not gold.relevant.keys().isdisjoint((reply.articles or ())[:first])


def _where(gold: Located, reply: Reply) -> str:
    if not gold.spans or reply.sentences is None:
        return ""
    ranks = (rank for rank, s in enumerate(reply.sentences, 1) if matched([s], gold.spans))
    rank = next(ranks, None)
    return f"; gold sentence at rank {rank}" if rank else f"; not among the {len(reply.sentences)} found"


def _spans(citation: Citation) -> list[Span]:
    """The cited sentence and its word-for-word copies: each of them is as good."""
    places: list[Citation | Source] = [citation, *citation.also_in]
    return [Span(place.article_id, place.start_char, place.end_char) for place in places]
