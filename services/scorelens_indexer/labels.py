"""Labels as people send them."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from scorelens_indexer.errors import MalformedError
from scorelens_store.contract import Label

_NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")
_MOST_CHARACTERS: Final = 8000  # stores index a keyword of up to 32,766 bytes
_EXACT: Final = 2**53


def read_labels(struct: Any) -> dict[str, Label]:
    """Return the labels in a google.protobuf.Struct. Raises MalformedError that names the label at fault."""
    if not struct.fields:
        raise MalformedError("labels is empty: give at least one label")
    return {name: _label(name, value) for name, value in struct.fields.items()}


def _label(name: str, value: Any) -> Label:
    if not _NAME.fullmatch(name):
        raise MalformedError(f"labels: the name {name[:80]!r} is not 1 to 64 of a-z, 0-9, _ and -")
    match value.WhichOneof("kind"):
        case "string_value" if len(value.string_value) <= _MOST_CHARACTERS:
            return str(value.string_value)
        case "string_value":
            raise MalformedError(f"labels: {name} is longer than {_MOST_CHARACTERS} characters")
        case "bool_value":
            return bool(value.bool_value)
        case "number_value" if math.isfinite(value.number_value):
            return _number(value.number_value)
        case _:
            raise MalformedError(f"labels: {name} must be a string, a finite number or a boolean")


def _number(number: float) -> float:
    """Return whole numbers as such, so that 3 is found as 3 and not as 3.0."""
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number
