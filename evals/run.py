"""Cases -> Assistant -> Report."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence

from evals import metrics
from evals.datasets import DatasetError
from evals.facts import share_stated, states
from evals.types import Case, CaseResult, Figure, Latency, Ratio, Report, Span
from index.archive import Archive
from index.errors import ArticleNotFoundError
from index.types import Hit
from rag.chat import Assistant
from rag.types import Answer, AnswerDone, Citation, Evidence, EvidenceFound, Source

FIGURES = (
    "article hit@1",
    "article hit@5",
    "article recall@10",
    "article MRR",
    "sentence hit@1",
    "sentence hit@5",
    "sentence recall@10",
    "sentence MRR",
    "citation precision",
    "citation recall",
    "fact recall",
    "abstention precision",
    "abstention recall",
    "abstention accuracy",
)
GoldSpans = Sequence[Sequence[Span]]


def evaluate(
    assistant: Assistant,
    cases: Sequence[Case],
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Report:
    """Ask every case and score the answers. Raises DatasetError when a quotation is not found.

    A failure of the archive or the model is raised: an outage is not a score.
    """
    # All of it first: a golden file that does not fit should not cost a run.
    gold = [locate(assistant.archive, case) for case in cases]
    results = []
    with asyncio.Runner() as runner:
        for case, spans in zip(cases, gold, strict=True):
            result = runner.run(_ask(assistant, case, spans))
            results.append(result)
            on_result(result)
    languages = sorted({case.language for case in cases})
    times = [result.milliseconds for result in results]
    return Report(
        embedder=assistant.archive.embedder.name,
        model=assistant.settings.llm_model if assistant.settings.has_llm else "",
        overall=figures(results),
        by_language={
            language: figures([r for r in results if r.case.language == language]) for language in languages
        },
        latency=Latency(p50=metrics.percentile(times, 50), p95=metrics.percentile(times, 95)),
        results=tuple(results),
    )


def figures(results: Sequence[CaseResult]) -> tuple[Figure, ...]:
    """Every figure over these results, in order."""
    found = []
    for name in FIGURES:
        ratios = [result.scores[name] for result in results if name in result.scores]
        low, high = metrics.interval(ratios) or (None, None)
        count = sum(ratio.denominator > 0 for ratio in ratios)
        found.append(Figure(name, metrics.total(ratios), low, high, count))
    return tuple(found)


def locate(archive: Archive, case: Case) -> list[list[Span]]:
    """For each piece of gold evidence, everywhere its quotation stands in its article."""
    located = []
    for gold in case.evidence:
        try:
            text = archive.article(gold.article).text
        except ArticleNotFoundError:
            raise DatasetError(
                f"golden question {case.id!r} (line {case.line}) quotes the article {gold.article!r}, "
                "which the archive does not hold. Ingest it, or name the right archive with --archive."
            ) from None
        # White space may differ: a quotation is often copied from a page that wraps lines.
        pattern = r"\s+".join(re.escape(word) for word in gold.quote.split())
        spans = [Span(gold.article, m.start(), m.end()) for m in re.finditer(pattern, text)]
        if not spans:
            raise DatasetError(
                f"golden question {case.id!r} (line {case.line}): the article {gold.article!r} does not "
                f"hold the quotation {gold.quote[:60]!r}. Correct the quotation."
            )
        located.append(spans)
    return located


def score(case: Case, gold: GoldSpans, evidence: Evidence, answer: Answer) -> dict[str, Ratio]:
    """The case's share in each figure that it has a say in."""
    scores = {
        "abstention precision": metrics.abstention_precision(answer.abstained, case.answerable),
        "abstention recall": metrics.abstention_recall(answer.abstained, case.answerable),
        "abstention accuracy": metrics.abstention_accuracy(answer.abstained, case.answerable),
    }
    if not case.answerable:
        return scores
    gold_articles = list(dict.fromkeys(item.article for item in case.evidence))
    ranked_articles = list(dict.fromkeys(passage.article.id for passage in evidence.passages))
    articles = [
        frozenset(n for n, a in enumerate(gold_articles) if a == found) for found in ranked_articles
    ]
    sentences = [metrics.matched([_span_of_hit(hit)], gold) for hit in evidence.hits]
    for name, ranking, count in (
        ("article", articles, len(gold_articles)),
        ("sentence", sentences, len(gold)),
    ):
        scores |= {
            f"{name} hit@1": Ratio(metrics.hit_at(1, ranking)),
            f"{name} hit@5": Ratio(metrics.hit_at(5, ranking)),
            f"{name} recall@10": Ratio(metrics.recall_at(10, ranking, count)),
            f"{name} MRR": Ratio(metrics.reciprocal_rank(ranking)),
        }
    cited = [metrics.matched(_spans_of_citation(citation), gold) for citation in answer.citations]
    scores["citation precision"] = metrics.citation_precision(cited)
    scores["citation recall"] = metrics.citation_recall(cited, len(gold))
    if case.required and _tells_facts(case, answer):
        scores["fact recall"] = Ratio(share_stated(_text(answer), case.required))
    return scores


def failures(case: Case, gold: GoldSpans, evidence: Evidence, answer: Answer) -> list[str]:
    """Why the answer is not what it should be; empty when it is."""
    if not case.answerable:
        if answer.abstained:
            return []
        return [f"answered (answerability {answer.answerability:.2f}), but the archive does not know"]
    found = (
        rank for rank, hit in enumerate(evidence.hits, 1) if metrics.matched([_span_of_hit(hit)], gold)
    )
    rank = next(found, None)
    where = (
        f"gold sentence at rank {rank}"
        if rank
        else f"no gold sentence among the {len(evidence.hits)} found"
    )
    if answer.abstained:
        return [f"abstained: {answer.reason} (answerability {answer.answerability:.2f}); {where}"]
    reasons = []
    if not any(metrics.matched(_spans_of_citation(citation), gold) for citation in answer.citations):
        reasons.append(f"cites no gold sentence; {where}")
    if _tells_facts(case, answer):
        missing = [forms[0] for forms in case.required if not states(_text(answer), forms)]
        if missing:
            reasons.append(f"does not state: {', '.join(missing)}")
    return reasons


async def _ask(assistant: Assistant, case: Case, gold: GoldSpans) -> CaseResult:
    started = time.perf_counter()
    evidence: Evidence | None = None
    answer: Answer | None = None
    async for event in assistant.stream(case.question):
        if isinstance(event, EvidenceFound):
            evidence = event.evidence
        elif isinstance(event, AnswerDone):
            answer = event.answer
    assert evidence is not None and answer is not None
    milliseconds = (time.perf_counter() - started) * 1000
    scores: Mapping[str, Ratio] = score(case, gold, evidence, answer)
    return CaseResult(
        case, answer, evidence, scores, tuple(failures(case, gold, evidence, answer)), milliseconds
    )


def _tells_facts(case: Case, answer: Answer) -> bool:
    """Whether facts in the question's language can be looked for in the answer.

    An extractive answer quotes articles as they are; where some of it is in another language than
    the question, a fact may be told in forms that the case does not list: fact recall has no say.
    """
    return all(statement.language == case.language for statement in answer.statements)


def _text(answer: Answer) -> str:
    return " ".join(statement.text for statement in answer.statements)


def _span_of_hit(hit: Hit) -> Span:
    return Span(hit.article.id, hit.sentence.start_char, hit.sentence.end_char)


def _spans_of_citation(citation: Citation) -> list[Span]:
    """The cited sentence and its word-for-word copies: each of them is as good."""
    places: list[Citation | Source] = [citation, *citation.also_in]
    return [Span(place.article_id, place.start_char, place.end_char) for place in places]
