"""Golden questions: JSON lines to Cases.

{"id": ..., "language": ..., "question": ..., "answerable": true or false,
 "evidence": [{"article": its id, "quote": a sentence of it}],
 "required": [[accepted forms of a fact], ...], "reference_answer": ...}
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from evals.types import Case, Gold
from index.errors import UserFixableError


class DatasetError(UserFixableError):
    """A golden question cannot be read, or does not fit the archive."""


def read_golden(path: Path) -> list[Case]:
    """All cases of a file. Raises DatasetError, which names the line."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DatasetError(
            f"the golden questions {str(path)!r} cannot be read: {error.strerror}. "
            "Name another file with --golden."
        ) from error
    cases: list[Case] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = _GoldenLine.model_validate_json(line).to_case(number)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            raise DatasetError(
                f"{str(path)!r} line {number}: {place}: {first['msg']}. Correct it."
            ) from None
        if case.id in seen:
            raise DatasetError(
                f"{str(path)!r} line {number}: the id {case.id!r} is that of line {seen[case.id]}. "
                "Give each question its own."
            )
        seen[case.id] = number
        cases.append(case)
    if not cases:
        raise DatasetError(f"{str(path)!r} holds no question. Name another file with --golden.")
    return cases


class _GoldenEvidence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    article: StrictStr = Field(min_length=1)
    quote: StrictStr = Field(min_length=1)


class _GoldenLine(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: StrictStr = Field(min_length=1)
    language: StrictStr = Field(min_length=2)
    question: StrictStr = Field(min_length=1)
    answerable: StrictBool
    evidence: tuple[_GoldenEvidence, ...] = ()
    required: tuple[tuple[StrictStr, ...], ...] = ()
    reference_answer: StrictStr = ""

    @model_validator(mode="after")
    def _evidence_fits(self) -> "_GoldenLine":
        if self.answerable != bool(self.evidence):
            raise ValueError("an answerable question has evidence, an unanswerable one has none")
        if any(not form.strip() for forms in self.required for form in forms) or not all(self.required):
            raise ValueError("each required fact needs at least one form, and no form may be blank")
        return self

    def to_case(self, line: int) -> Case:
        return Case(
            id=self.id,
            language=self.language,
            question=self.question,
            answerable=self.answerable,
            evidence=tuple(Gold(gold.article, gold.quote) for gold in self.evidence),
            required=self.required,
            reference_answer=self.reference_answer,
            line=line,
        )
