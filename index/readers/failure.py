"""Why something could not be read."""

from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, or a line of one, that is no article; `reason` is one line and says what to do."""

    where: str
    reason: str


def one_line(error: ValidationError) -> str:
    """Pydantic's findings on one line: which field, and what is wrong with it."""
    findings = []
    for finding in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in finding["loc"])
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            message = "is not a key of an article"
        findings.append(f"{field!r}: {message}" if field else message)
    return "; ".join(findings)
