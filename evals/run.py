"""Ask every case of some suites, score the replies, and make a Run of them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import TypeAdapter

from evals import versions
from evals.cache import Cache, code_fingerprint, key_of
from evals.gold import locate
from evals.judge import LABELLED, agreement, judge_reply
from evals.measures import MEASURES
from evals.score import answer_scores, failures, judge_scores, retrieval_scores
from evals.statistics import SEED, figure
from evals.systems import System
from evals.types import Case, CaseResult, CaseScores, Figure, Located, Pair, Reply, Run, Suite, Verdict
from index.errors import ArchiveUnavailableError, UserFixableError
from index.types import Article
from rag.llm import LLM

# After so many failures one after the other the system is down, and the run ends.
MOST_FAILURES = 5
REPLY = TypeAdapter(Reply)
VERDICTS = TypeAdapter(tuple[Verdict, ...])
FIGURES = TypeAdapter(tuple[Figure, ...])
_CASE = TypeAdapter(Case)
_NO_REPLY = Reply(answered=False)

OpenSystem = Callable[[Suite], AbstractContextManager[System]]
OnResult = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. `limit` cases of each suite, evenly spread; 0 is all. `caches` None keeps nothing."""

    limit: int = 0
    concurrency: int = 1
    judge: LLM | None = None
    caches: "Caches | None" = None


@dataclass(frozen=True, slots=True)
class Caches:
    """What earlier runs left, by kind."""

    replies: Cache[Reply]
    verdicts: Cache[tuple[Verdict, ...]]
    agreements: Cache[tuple[Figure, ...]]

    def close(self) -> None:
        for each in (self.replies, self.verdicts, self.agreements):
            each.close()


def evaluate(
    name: str,
    suites: Sequence[Suite],
    open_system: OpenSystem,
    options: Options,
    on_result: OnResult = lambda done, total: None,
) -> tuple[Run, list[CaseResult]]:
    """Run the suites one after the other. Raises DatasetError, and what a system that is down raises.

    A case whose reply fails is listed and not scored: an outage is not a score.
    """
    suites = [replace(suite, cases=tuple(spread(suite.cases, options.limit))) for suite in suites]
    total = sum(len(suite.cases) for suite in suites)
    started, clock = datetime.now(UTC), time.perf_counter()
    results: list[CaseResult] = []
    cached = 0
    identity: dict[str, str] = {}
    system_name = ""
    agreed: tuple[Figure, ...] = ()
    for suite in suites:
        with open_system(suite) as system, asyncio.Runner() as runner:
            # All of it first: cases that do not fit the archive should not cost a run.
            article_of = _article_of(suite, system)
            gold = [locate(case, article_of) for case in suite.cases]
            system_name = system.name
            identity |= system.identity()
            if len(suites) > 1 and "archive" in identity:
                identity[f"archive of {suite.name}"] = identity.pop("archive")
            before = len(results)
            asker = _Asker(suite, system, gold, options, _moved(on_result, before, total))
            results += runner.run(asker.ask_all())
            cached += asker.cached
            if options.judge and not agreed:
                agreed = runner.run(_agreement(options.judge, options))
    if options.judge:
        identity["judge"] = options.judge.model
    run = Run(
        name=name,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 1),
        system=system_name,
        settings=identity | versions.facts() | {"code": code_fingerprint(), "seed": str(SEED)},
        figures=grouped_figures(results),
        matrix=evidence_matrix(results),
        cases=tuple(_scores_of(result) for result in results if not result.error),
        errors=sum(bool(result.error) for result in results),
        cached=cached,
        agreement=agreed,
    )
    return run, results


def _moved(on_result: OnResult, before: int, total: int) -> Callable[[int], None]:
    return lambda done: on_result(before + done, total)


def spread(cases: Sequence[Case], limit: int) -> list[Case]:
    """At most so many cases, evenly spread; 0 is all."""
    if not limit or limit >= len(cases):
        return list(cases)
    return [cases[number * len(cases) // limit] for number in range(limit)]


def grouped_figures(results: Sequence[CaseResult]) -> dict[str, tuple[Figure, ...]]:
    """Every figure over all cases, and by suite, language of the question, and kind, where they differ."""
    scored = [result for result in results if not result.error]
    groups = {"all": scored}
    for label, names in (
        ("suite", [result.suite for result in scored]),
        ("question", [result.case.language for result in scored]),
        ("kind", [result.case.kind for result in scored]),
    ):
        for name in sorted(set(names)) if len(set(names)) > 1 else ():
            inside = [result for result, own in zip(scored, names, strict=True) if own == name]
            groups[f"{label} {name or '-'}"] = inside
    return {name: figures_of(r.scores for r in group) for name, group in groups.items()}


def figures_of(scores: Iterable[Mapping[str, Pair]]) -> tuple[Figure, ...]:
    """Every figure that some case has a say in, in order."""
    pairs: dict[str, list[Pair]] = {}
    for each in scores:
        for name, pair in each.items():
            pairs.setdefault(name, []).append(pair)
    found = (figure(measure, pairs[name]) for name, measure in MEASURES.items() if name in pairs)
    return tuple(each for each in found if each.value is not None)


def evidence_matrix(results: Sequence[CaseResult]) -> dict[str, dict[str, tuple[Figure, ...]]]:
    """The ranking figures by language of the question and of the evidence."""
    scored = [result for result in results if not result.error]
    questions = sorted({result.case.language for result in scored})
    evidence = sorted({language for result in scored for language in result.by_evidence})
    matrix: dict[str, dict[str, tuple[Figure, ...]]] = {}
    for asked in questions:
        for held in evidence:
            found = [
                r.by_evidence[held] for r in scored if r.case.language == asked and held in r.by_evidence
            ]
            if found:
                matrix.setdefault(asked, {})[held] = figures_of(found)
    return matrix


class _Asker:
    """Asks one suite's cases, so many at a time, and remembers each reply as it comes."""

    def __init__(
        self,
        suite: Suite,
        system: System,
        gold: Sequence[Located],
        options: Options,
        on_result: Callable[[int], None],
    ) -> None:
        self.cached = 0
        self._suite = suite
        self._system = system
        self._gold = gold
        self._options = options
        self._on_result = on_result
        self._limit = asyncio.Semaphore(options.concurrency)
        self._failed_in_a_row = 0
        self._done = 0
        self._key = {"system": dict(system.identity()), "code": code_fingerprint()}

    async def ask_all(self) -> list[CaseResult]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(case)) for case in self._suite.cases]
        except* UserFixableError as errors:
            raise errors.exceptions[0] from None
        finally:
            await self._system.close()
        replies = [task.result() for task in tasks]
        asked = [
            (case, gold, reply)
            for case, gold, (reply, _, _) in zip(self._suite.cases, self._gold, replies, strict=True)
        ]
        results = []
        for (case, gold, reply), (_, verdicts, error), (ranked, by_evidence) in zip(
            asked, replies, retrieval_scores(asked), strict=True
        ):
            if error:
                results.append(CaseResult(self._suite.name, case, gold, reply, {}, {}, (), (), error))
                continue
            scores = ranked | answer_scores(case, gold, reply) | judge_scores(verdicts)
            reasons = (*failures(case, gold, reply), *_refuted(verdicts))
            results.append(
                CaseResult(self._suite.name, case, gold, reply, scores, by_evidence, reasons, verdicts)
            )
        return results

    async def _one(self, case: Case) -> tuple[Reply, tuple[Verdict, ...], str]:
        async with self._limit:
            try:
                reply = await self._reply(case)
                verdicts = await self._verdicts(case, reply)
            except ArchiveUnavailableError:
                raise
            except UserFixableError as error:
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= MOST_FAILURES:
                    raise
                return _NO_REPLY, (), str(error)
            finally:
                self._done += 1
                self._on_result(self._done)
            self._failed_in_a_row = 0
            return reply, verdicts, ""

    async def _reply(self, case: Case) -> Reply:
        caches = self._options.caches
        key = key_of({"case": _CASE.dump_python(replace(case, line=0), mode="json"), **self._key})
        if caches and (known := caches.replies.get(key)):
            self.cached += 1
            return known
        reply = await self._system.ask(case)
        if caches:
            caches.replies.put(key, reply)
        return reply

    async def _verdicts(self, case: Case, reply: Reply) -> tuple[Verdict, ...]:
        judge, caches = self._options.judge, self._options.caches
        if judge is None:
            return ()
        said = REPLY.dump_python(
            replace(reply, milliseconds=0.0, first_statement=None, tokens=None), mode="json"
        )
        key = key_of(
            {
                "judge": judge.identity,
                "code": code_fingerprint(),
                "question": case.question,
                "reference": case.reference_answers,
                "reply": said,
            }
        )
        if caches and (known := caches.verdicts.get(key)) is not None:
            return known
        verdicts = await judge_reply(judge, case, reply)
        if caches:
            caches.verdicts.put(key, verdicts)
        return verdicts


async def _agreement(judge: LLM, options: Options) -> tuple[Figure, ...]:
    key = key_of({"judge": judge.identity, "labelled": LABELLED.read_text("utf-8")})
    if options.caches and (known := options.caches.agreements.get(key)):
        return known
    found = await agreement(judge, asyncio.Semaphore(options.concurrency))
    await judge.close()
    if options.caches:
        options.caches.agreements.put(key, found)
    return found


def _refuted(verdicts: Sequence[Verdict]) -> list[str]:
    return [f"the judge: not {v.about}: {v.reason}" for v in verdicts if v.passed is False]


def _article_of(suite: Suite, system: System) -> Callable[[str], Article]:
    held = {article.id: article for article in suite.articles}
    return lambda name: held[name] if name in held else system.article(name)


def _scores_of(result: CaseResult) -> CaseScores:
    return CaseScores(
        result.suite, result.case.id, result.case.language, bool(result.failures), result.scores
    )
