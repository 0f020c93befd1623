"""Cases in JSON lines, the format in which users write their own.

{"id": ..., "language": ..., "question": ..., "answerable": true or false,
 "evidence": [{"article": its id, "quote": a sentence of it}], "relevant": [ids of articles],
 "required": [[accepted forms of a fact], ...], "reference_answer": ...,
 "history": [{"role": "user" or "assistant", "content": ...}], "kind": ...}

All but the first four may be missing; an answerable question has evidence or relevant articles.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from evals.errors import DatasetError
from evals.files import finding
from evals.types import Case, Gold, Quote
from rag.types import Role, Turn


def read_cases(path: Path) -> list[Case]:
    """All cases of a file. Raises DatasetError, which names the line."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DatasetError(
            f"the cases {str(path)!r} cannot be read: {error.strerror}. Name another file."
        ) from error
    cases: list[Case] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = _Line.model_validate_json(line).to_case(number)
        except ValidationError as error:
            raise DatasetError(
                f"{str(path)!r} line {number}: {finding(error, 'the line')}. Correct it."
            ) from None
        if case.id in seen:
            raise DatasetError(
                f"{str(path)!r} line {number}: the id {case.id!r} is that of line {seen[case.id]}. "
                "Give each case its own."
            )
        seen[case.id] = number
        cases.append(case)
    if not cases:
        raise DatasetError(f"{str(path)!r} holds no case. Name another file.")
    return cases


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
    answerable: StrictBool
    evidence: tuple[_Evidence, ...] = ()
    relevant: tuple[StrictStr, ...] = ()
    required: tuple[tuple[StrictStr, ...], ...] = ()
    reference_answer: StrictStr = ""
    history: tuple[_Turn, ...] = ()
    kind: StrictStr = ""

    @model_validator(mode="after")
    def _gold_fits(self) -> "_Line":
        if self.answerable != bool(self.evidence or self.relevant):
            raise ValueError(
                "an answerable question has evidence or relevant articles, an unanswerable one has neither"
            )
        if any(not form.strip() for forms in self.required for form in forms) or not all(self.required):
            raise ValueError("each required fact needs at least one form, and no form may be blank")
        return self

    def to_case(self, line: int) -> Case:
        return Case(
            id=self.id,
            language=self.language,
            question=self.question,
            answerable=self.answerable,
            evidence=tuple(Gold((Quote(gold.article, gold.quote),)) for gold in self.evidence),
            relevant=self.relevant,
            required=self.required,
            reference_answers=(self.reference_answer,) if self.reference_answer.strip() else (),
            history=tuple(Turn(turn.role, turn.content) for turn in self.history),
            kind=self.kind,
            line=line,
        )
