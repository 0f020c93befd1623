"""JSON files of others, checked, with errors that say where."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from evals.errors import DatasetError

Value = TypeVar("Value")


def read_as(path: Path, form: TypeAdapter[Value], kind: str) -> Value:
    """The file as a value of this form; `kind` names the format. Raises DatasetError."""
    try:
        return form.validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read: {error.strerror}. Name another file.") from error
    except ValidationError as error:
        raise DatasetError(
            f"{str(path)!r} is not in {kind}'s format: {finding(error, 'the file')}."
        ) from None


def finding(error: ValidationError, whole: str) -> str:
    """The first thing that is wrong, and where; `whole` names what was read."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or whole
    return f"{place}: {first['msg']}"
