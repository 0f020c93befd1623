"""What can be run: the built-in suite, a user's own, and public benchmarks that lie on the disk."""

from collections.abc import Sequence
from pathlib import Path

from evals.cases import read_case_file
from evals.errors import DatasetError
from evals.multihop import is_multihop, multihop_suite
from evals.squad import is_squad, squad_suites
from evals.types import Suite
from index.errors import UnreadableInputError
from index.readers import Failure, read, readers
from index.types import Article

DATA = Path(__file__).with_name("data")
BUILT_IN = {"sample": DATA / "golden.jsonl"}
CASE_FILES = ("cases.jsonl", "questions.jsonl", "golden.jsonl")
ARTICLES = ("articles", "articles.jsonl")


def load_suites(
    name: str, *, languages: Sequence[str] = (), pairs: bool = False, unanswerable: float = 0.0
) -> list[Suite]:
    """The suites that a name or path stands for. Raises DatasetError.

    A folder holds cases (`cases.jsonl`) and articles (`articles/`, `articles.jsonl`, or any files that
    can be ingested); or files in SQuAD's format, one a language; or MultiHop-RAG's two files. A file
    holds cases, with the articles beside it, or is in SQuAD's format. The options are for SQuAD's.
    """
    path = BUILT_IN.get(name, Path(name))
    title = name if name in BUILT_IN else path.resolve().stem or name
    if not path.exists():
        known = ", ".join(BUILT_IN)
        raise DatasetError(f"there is no suite {name!r}: give a path, or one of these: {known}.")
    files = [path] if path.is_file() else sorted(path.iterdir())
    squads = [file for file in files if is_squad(file)]
    if squads and not (path.is_dir() and is_multihop(path)):
        return squad_suites(title, squads, languages=languages, pairs=pairs, unanswerable=unanswerable)
    if languages or pairs or unanswerable:
        raise DatasetError(f"--languages, --pairs and --unanswerable are for SQuAD's format, not {name!r}.")
    if path.is_dir() and is_multihop(path):
        return [multihop_suite(title, path)]
    cases = path if path.is_file() else next((path / n for n in CASE_FILES if (path / n).is_file()), None)
    if cases is None:
        raise DatasetError(
            f"the folder {name!r} holds no cases.jsonl, no file in SQuAD's format, and not MultiHop-RAG. "
            "See `Your own suite` in the README."
        )
    complete, to_complete = read_case_file(cases)
    return [Suite(title, tuple(complete), _articles_beside(cases), to_complete)]


def _articles_beside(cases: Path) -> tuple[Article, ...]:
    named = [cases.parent / name for name in ARTICLES if (cases.parent / name).exists()]
    others = [
        file
        for file in sorted(cases.parent.iterdir())
        if file.suffix.lower() in readers() and file.name not in CASE_FILES and file != cases
    ]
    others = [file for file in others if file.stem.lower() != "readme"]
    articles = []
    try:
        for item in read(named or others):
            if isinstance(item, Failure):
                raise DatasetError(f"an article of the suite cannot be read: {item.where}: {item.reason}")
            articles.append(item)
    except UnreadableInputError as error:
        raise DatasetError(str(error)) from error
    return tuple(articles)
