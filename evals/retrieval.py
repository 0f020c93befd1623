"""How good retrieval is on parallel paragraphs, beside what is usual elsewhere.

    python -m evals.retrieval XQUAD_FOLDER [--languages ar,en,ru] [--questions N] [--json FILE]

Every figure is the mean over the questions of the second half of the paragraphs, with a 95 %
bootstrap interval; what is estimated (language means, weights, thresholds) was so on the first half.
Three systems, in the same run and with the same embedding model:

- plain dense: the cosine of question and paragraph;
- blind fusion: plain dense and BM25 over all languages, by reciprocal rank (Cormack et al., 2009);
- dateline: `rag.retrieve` on an archive with these paragraphs.

Measures are those of `ir-measures`: R@10, AP (its mean is the mAP), Success@1, nDCG@10.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import AP, R, Success, nDCG
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from evals.measures import MEASURES
from evals.statistics import SEED, figure
from evals.xquad import FIRST_HALF, CachingEmbedder, Parallel, Question, archive_of, read_parallel
from index.archive import Archive
from index.config import IndexConfig
from index.errors import UserFixableError
from index.types import Article, Filters
from index.words import WordPassage, Words
from rag.retrieve import retrieve
from rag.types import Evidence

# Deep enough for all versions of a paragraph to be in it, or as good as never.
DEPTH = 100
RRF_K = 60
AVERAGE = MEASURES["article mAP"]
MIXED = (R @ 10, AP, Success @ 1)
SYSTEMS = ("plain dense", "blind fusion", "dateline")
Run = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its interval. `archive` and `question` are languages."""

    archive: str
    question: str
    measure: str
    system: str
    value: float
    low: float
    high: float
    questions: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with xquad.LANGUAGE.json files")
    parser.add_argument("--languages", default="", help="comma-separated; default: all in the folder")
    parser.add_argument("--questions", type=int, default=0, help="of each language, for a quick look")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    try:
        data = read_parallel(arguments.folder, [x for x in arguments.languages.split(",") if x])
    except UserFixableError as error:
        print(f"evals.retrieval: error: {error}", file=sys.stderr)
        sys.exit(2)
    started = time.monotonic()
    found = measure(data, arguments.questions)
    console = Console(width=110)
    for table in tables(found):
        console.print(table)
    console.print(f"{time.monotonic() - started:.0f} seconds")
    if arguments.json:
        rows = [asdict(figure) for figure in found]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measure(data: Parallel, limit: int = 0) -> list[Figure]:
    """All figures: the mixed archive, each language's, each other question, and answerability."""
    embedder = CachingEmbedder(IndexConfig(archive=Path()))
    asked = {language: _some(data.half(language, second=True), limit) for language in data.languages}
    found: list[Figure] = []
    groups = [data.languages] if len(data.languages) > 1 else []
    for group in [*groups, *([language] for language in data.languages)]:
        articles = data.articles(group)
        name = "+".join(group)
        with archive_of(articles, embedder) as archive, tempfile.TemporaryDirectory() as folder:
            words = _blind_words(articles, Path(folder))
            vectors = embedder.embed_passages([article.text for article in articles])
            for language in data.languages:
                plain, fused, ours = {}, {}, {}
                for question in asked[language]:
                    cosines = vectors @ embedder.embed_queries([question.text])[0]
                    dense = dict(zip((a.id for a in articles), cosines.tolist(), strict=True))
                    matches = words.search(question.text, language, DEPTH, anywhere=True)
                    lexical = {hit.article: hit.score for hit in reversed(matches.hits)}
                    plain[question.id] = _top(dense)
                    fused[question.id] = _top(reciprocal_rank_fusion([_top(dense), lexical]))
                    ours[question.id] = _ranked(archive, question)
                measures = MIXED if len(group) > 1 else (nDCG @ 10,)
                relevant = {q.id: {f"{each}:{q.paragraph}": 1 for each in group} for q in asked[language]}
                for system, run in zip(SYSTEMS, (plain, fused, ours), strict=True):
                    for each in measures:
                        values = per_question(relevant, run, each)
                        found.append(_figure(name, language, str(each), system, values))
    return found + _answerability(data, asked, embedder)


def tables(found: Sequence[Figure]) -> Iterable[Table]:
    """A table for each measure: systems by archive and question language."""
    for name in dict.fromkeys(each.measure for each in found):
        table = Table(title=name, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in ("archive", "question", "n"):
            table.add_column(column, no_wrap=True)
        systems = list(dict.fromkeys(f.system for f in found if f.measure == name))
        for system in systems:
            table.add_column(system, justify="right", no_wrap=True)
        for archive, question in dict.fromkeys((f.archive, f.question) for f in found if f.measure == name):
            key = (name, archive, question)
            row = {f.system: f for f in found if (f.measure, f.archive, f.question) == key}
            values = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in (row[s] for s in systems)]
            table.add_row(archive, question, str(row[systems[0]].questions), *values)
        yield table


def reciprocal_rank_fusion(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """score(d) = sum over the runs of 1 / (60 + rank of d), as in Cormack et al., SIGIR 2009."""
    fused: dict[str, float] = {}
    for run in runs:
        for rank, document in enumerate(sorted(run, key=lambda d: (-run[d], d)), start=1):
            fused[document] = fused.get(document, 0.0) + 1 / (RRF_K + rank)
    return fused


def per_question(
    relevant: Mapping[str, Mapping[str, int]], run: Run, measure: ir_measures.Measure
) -> list[float]:
    """The measure's value for each question, in the order of `relevant`."""
    values = {m.query_id: m.value for m in ir_measures.iter_calc([measure], relevant, run)}
    return [values[question] for question in relevant]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean, questions drawn with replacement."""
    found = figure(AVERAGE, [(value, 1.0) for value in values])
    assert found.low is not None and found.high is not None
    return found.low, found.high


def area_under_curve(scores: Sequence[float], answerable: Sequence[bool]) -> tuple[float, float, float]:
    """Area under the ROC curve and its 95 % percentile bootstrap interval."""
    found = figure(MEASURES["AUROC"], list(zip(scores, map(float, answerable), strict=True)))
    assert found.value is not None and found.low is not None and found.high is not None
    return found.value, found.low, found.high


def evidence_with_gaps(
    data: Parallel,
    asked: Mapping[str, Sequence[Question]],
    embedder: CachingEmbedder,
    *,
    second: bool,
    seed: int = SEED,
) -> Iterable[tuple[str, str, list[Evidence], list[bool]]]:
    """Archives of one half's paragraphs with half of those removed, asked in every language.

    For each archive and question language: both names, what was found, and whether the paragraph
    that answers the question was there. In the mixed archive all its versions are removed together.
    """
    total = len(data.paragraphs[data.languages[0]])
    half = set(range(FIRST_HALF, total) if second else range(FIRST_HALF))
    removed = set(random.Random(seed).sample(sorted(half), len(half) // 2))
    left_out = removed | (set(range(total)) - half)
    groups = [[language] for language in data.languages]
    for group in [*groups, data.languages] if len(groups) > 1 else groups:
        with archive_of(data.articles(group, left_out), embedder) as archive:
            for language in data.languages:
                found = [_evidence(archive, question, 10) for question in asked[language]]
                there = [question.paragraph not in removed for question in asked[language]]
                yield "+".join(group), language, found, there


def _answerability(
    data: Parallel, asked: Mapping[str, Sequence[Question]], embedder: CachingEmbedder
) -> list[Figure]:
    figures = []
    for name, language, found, there in evidence_with_gaps(data, asked, embedder, second=True):
        # In one half alone, so the mixed archive's best cosine is taken from what was found.
        cosine = [_best_cosine(evidence, embedder) for evidence in found]
        if all(there) or not any(there):
            continue  # a few questions only, all of one kind: the area is not defined
        for system, scores in (
            ("plain dense", cosine),
            ("dateline", [evidence.answerability for evidence in found]),
        ):
            value, low, high = area_under_curve(scores, there)
            figures.append(
                Figure(name, language, "AUROC of answerability", system, value, low, high, len(there))
            )
    return figures


def _best_cosine(evidence: Evidence, embedder: CachingEmbedder) -> float:
    texts = [passage.article.text for passage in evidence.passages]
    return float((embedder.embed_passages(texts) @ embedder.embed_queries([evidence.question])[0]).max())


def _evidence(archive: Archive, question: Question, top_k: int) -> Evidence:
    return retrieve(archive, question.text, top_k=top_k, filters=Filters(), language=question.language)


def _ranked(archive: Archive, question: Question) -> dict[str, float]:
    found = dict.fromkeys(p.article.id for p in _evidence(archive, question, DEPTH).passages)
    return {article: 1.0 / rank for rank, article in enumerate(found, start=1)}


def _blind_words(articles: Sequence[Article], folder: Path) -> Words:
    words = Words(folder / "words")
    words.update(WordPassage(a.id, a.id, a.language, 0, 0, 0, a.text) for a in articles)
    return words


def _top(scores: Mapping[str, float]) -> dict[str, float]:
    best = sorted(scores, key=lambda document: (-scores[document], document))[:DEPTH]
    return {document: scores[document] for document in best}


def _some(questions: list[Question], limit: int) -> list[Question]:
    if not limit or limit >= len(questions):
        return questions
    return [questions[number * len(questions) // limit] for number in range(limit)]


def _figure(archive: str, question: str, measure: str, system: str, values: Sequence[float]) -> Figure:
    low, high = interval(values)
    return Figure(archive, question, measure, system, float(np.mean(values)), low, high, len(values))


if __name__ == "__main__":
    main()
