"""Files in SQuAD's format as suites: SQuAD 1.1 and 2.0, XQuAD, and others of their kind.

Each paragraph becomes an article and each question a case. Several files that hold the same questions
in several languages (XQuAD, Artetxe et al., 2020) make one archive of all languages, in which every
version of a paragraph is relevant to every version of its questions.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from evals.errors import DatasetError
from evals.files import read_as
from evals.statistics import SEED
from evals.types import Case, Gold, Quote, Suite
from index.language import detect_language
from index.types import Article


class _Answer(BaseModel):
    text: str
    answer_start: int


class _Question(BaseModel):
    id: str
    question: str = Field(min_length=1)
    answers: list[_Answer] = []
    is_impossible: bool = False


class _Paragraph(BaseModel):
    context: str = Field(min_length=1)
    qas: list[_Question]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore")
    title: str = ""
    paragraphs: list[_Paragraph]


class _File(BaseModel):
    data: list[_Entry]


@dataclass(frozen=True, slots=True)
class _Version:
    """A file: its language, and its paragraphs as articles with their questions."""

    language: str
    articles: list[Article]
    questions: list[list[_Question]]


def is_squad(path: Path) -> bool:
    """Whether a file looks like SQuAD's: JSON whose first key is about `data`."""
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b'"data"' in file.read(200) or b'"paragraphs"' in file.read(2000)


def squad_suites(
    name: str,
    files: Sequence[Path],
    *,
    languages: Sequence[str] = (),
    pairs: bool = False,
    unanswerable: float = 0.0,
) -> list[Suite]:
    """One suite over one archive of all languages; with `pairs`, one for each language's archive.

    Each archive is asked in every language. `unanswerable` is the share of paragraphs that are left
    out, in all languages, so that their questions have no answer. Raises DatasetError.
    """
    versions = _versions(files, languages)
    count = len(versions[0].articles)
    left_out = frozenset(random.Random(SEED).sample(range(count), round(count * unanswerable)))
    groups = [[version] for version in versions] if pairs else [versions]
    suites = []
    for group in groups:
        held = [
            article
            for version in group
            for number, article in enumerate(version.articles)
            if number not in left_out
        ]
        cases = tuple(_cases(versions, group, left_out))
        suffix = f"[{'+'.join(v.language for v in group)}]" if len(versions) > 1 or pairs else ""
        suites.append(Suite(name + suffix, cases, tuple(held)))
    return suites


def _cases(asked: Sequence[_Version], held: Sequence[_Version], left_out: frozenset[int]) -> Iterator[Case]:
    for version in asked:
        for number, questions in enumerate(version.questions):
            for place, question in enumerate(questions):
                versions = [(v.articles[number], v.questions[number][place]) for v in held]
                there = number not in left_out and not question.is_impossible
                places = [
                    Quote(article.id, answer.text, answer.answer_start)
                    for article, asked_there in versions
                    for answer in asked_there.answers
                    if answer.text.strip()
                ]
                forms = tuple(dict.fromkeys(p.quote for p in places))
                references = tuple(dict.fromkeys(answer.text for answer in question.answers))
                yield Case(
                    id=f"{question.id}-{version.language}" if len(asked) > 1 else question.id,
                    language=version.language,
                    question=question.question,
                    answerable=there,
                    evidence=(Gold(tuple(places)),) if there and places else (),
                    relevant=tuple(article.id for article, _ in versions) if there else (),
                    required=(forms,) if there and forms else (),
                    required_languages=tuple(v.language for v in held),
                    reference_answers=references if there else (),
                )


def _versions(files: Sequence[Path], languages: Sequence[str]) -> list[_Version]:
    versions = [_version(path) for path in files]
    if languages:
        versions = [version for version in versions if version.language in languages]
        missing = set(languages) - {version.language for version in versions}
        if missing:
            raise DatasetError(
                f"no file holds questions in {', '.join(sorted(missing))}. "
                "Name other languages with --languages, or another folder."
            )
    if len({version.language for version in versions}) < len(versions):
        raise DatasetError(
            "two of these files are in one language: give one file a language, or name one file."
        )
    shapes = {tuple(len(questions) for questions in version.questions) for version in versions}
    if len(shapes) > 1:
        raise DatasetError(
            f"the files {', '.join(path.name for path in files)} do not hold the same questions in the "
            "same order: run them one by one."
        )
    return versions


def _version(path: Path) -> _Version:
    data = read_as(path, TypeAdapter(_File), "SQuAD")
    found = [(entry.title, paragraph) for entry in data.data for paragraph in entry.paragraphs]
    if not any(paragraph.qas for _, paragraph in found):
        raise DatasetError(f"{str(path)!r} holds no question.")
    language = _language(path, [paragraph.context for _, paragraph in found[:20]])
    articles = [
        # XQuAD's titles are in English in every file: they would be no help to a reader.
        Article(id=f"{language}:{number}", title="", text=paragraph.context, language=language)
        for number, (_, paragraph) in enumerate(found)
    ]
    return _Version(language, articles, [paragraph.qas for _, paragraph in found])


def _language(path: Path, texts: Sequence[str]) -> str:
    """From a name such as `xquad.ar.json`, else from the texts."""
    named = path.name.split(".")[-2] if path.name.count(".") > 1 else ""
    return named if len(named) in (2, 3) and named.isalpha() else detect_language(" ".join(texts))
