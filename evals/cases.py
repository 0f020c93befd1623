"""Cases in JSON lines, the format in which users write their own.

{"id": ..., "language": ..., "question": ..., "answerable": true, false or null,
 "evidence": [{"article": its id, "quote": a sentence of it}], "relevant": [ids of articles],
 "required": [[accepted forms of a fact], ...], "reference_answer": ...,
 "history": [{"role": "user" or "assistant", "content": ...}], "kind": ..., "note": ...}

All but the first four may be missing; an answerable question has evidence or relevant articles. Where
`answerable` is null nobody has said yet what is right: such a case is counted, and not asked.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from evals.errors import DatasetError
from evals.files import finding
from evals.types import Case, Gold, Quote
from rag.types import Role, Turn


def read_cases(path: Path) -> list[Case]:
    """The cases of a file that can be asked. Raises DatasetError, which names the line."""
    return read_case_file(path)[0]


def read_case_file(path: Path) -> tuple[list[Case], int]:
    """The cases that can be asked, and how many are to be completed. Raises DatasetError."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DatasetError(
            f"the cases {str(path)!r} cannot be read: {error.strerror}. Name another file."
        ) from error
    cases: list[Case] = []
    to_complete = 0
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            read = _Line.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(
                f"{str(path)!r} line {number}: {finding(error, 'the line')}. Correct it."
            ) from None
        if read.id in seen:
            raise DatasetError(
                f"{str(path)!r} line {number}: the id {read.id!r} is that of line {seen[read.id]}. "
                "Give each case its own."
            )
        seen[read.id] = number
        if read.answerable is None:
            to_complete += 1
        else:
            cases.append(read.to_case(number, read.answerable))
    if not cases and to_complete:
        raise DatasetError(
            f"all {to_complete:,} cases of {str(path)!r} are to be completed: say of each whether it is "
            "`answerable`, and by which `evidence`."
        )
    if not cases:
        raise DatasetError(f"{str(path)!r} holds no case. Name another file.")
    return cases, to_complete


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Evidence(_Strict):
    article: StrictStr = Field(min_length=1)
    quote: StrictStr = Field(min_length=1)


class _Turn(_Strict):
    role: Role
    content: StrictStr


class _Line(_Strict):
    id: StrictStr = Field(min_length=1)
    language: StrictStr = Field(min_length=2)
    question: StrictStr = Field(min_length=1)
    answerable: StrictBool | None
    evidence: tuple[_Evidence, ...] = ()
    relevant: tuple[StrictStr, ...] = ()
    required: tuple[tuple[StrictStr, ...], ...] = ()
    reference_answer: StrictStr = ""
    history: tuple[_Turn, ...] = ()
    kind: StrictStr = ""
    # For people: what the case is about, or what is to be completed.
    note: StrictStr = ""

    @model_validator(mode="after")
    def _gold_fits(self) -> "_Line":
        if self.answerable is None:
            return self
        if self.answerable != bool(self.evidence or self.relevant):
            raise ValueError(
                "an answerable question has evidence or relevant articles, an unanswerable one has neither"
            )
        if any(not form.strip() for forms in self.required for form in forms) or not all(self.required):
            raise ValueError("each required fact needs at least one form, and no form may be blank")
        return self

    def to_case(self, line: int, answerable: bool) -> Case:
        return Case(
            id=self.id,
            language=self.language,
            question=self.question,
            answerable=answerable,
            evidence=tuple(Gold((Quote(gold.article, gold.quote),)) for gold in self.evidence),
            relevant=self.relevant,
            required=self.required,
            reference_answers=(self.reference_answer,) if self.reference_answer.strip() else (),
            history=tuple(Turn(turn.role, turn.content) for turn in self.history),
            kind=self.kind,
            line=line,
        )
