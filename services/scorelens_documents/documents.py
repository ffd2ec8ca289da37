"""Documents as JSON: one object per line, with the names of the contract's fields.

Both ways are here, so that what `scorelens pull` writes is what `scorelens score` reads. Tables have poorer types than
JSON, so numbers, times, lists and objects are also read from strings that hold them. What tables write where a value is
missing is absent here, too: NaN, and an empty string in place of a number, a time or events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from scorelens.v1.scorer_pb2 import ActivityEvent, Document
from scorelens_documents.errors import DocumentError
from scorelens_documents.forms import MAKE_LINES, MAKE_UTF8

LONGEST_WHOLE = 2**63 - 1
LONGEST_SHOWN = 40
MISSING: Mapping[str, float | None] = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}
"""What Python's and other writers of JSON write for numbers that JSON has not."""
A_TIME = "must be a time as RFC 3339 writes it, such as 2026-11-22T10:00:00Z"


def read_line(line: bytes) -> Document:
    """Read one JSON line. Raises DocumentError that names the field."""
    return read_document(read_object(line))


def read_object(line: bytes) -> dict[str, Any]:
    """Read the JSON object of a line. Raises DocumentError."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError("", f"the line is not UTF-8 at byte {error.start + 1}{MAKE_UTF8}") from error
    try:
        value = json.loads(text, parse_constant=MISSING.get)
    except json.JSONDecodeError as error:
        if text.strip() in ("{", "["):
            raise DocumentError("", f"the line holds no whole object{MAKE_LINES}") from error
        raise DocumentError("", f"the line is not JSON at character {error.pos + 1}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError("", "the line is not JSON: a number too long, or too many brackets") from error
    if not isinstance(value, dict):
        how = MAKE_LINES if isinstance(value, list) else ""
        raise DocumentError("", f"the line must be a JSON object, not {_name(value)}{how}")
    return value


def read_document(value: Mapping[str, Any]) -> Document:
    """Make a document of a JSON object.

    Names of the contract fill its fields; any other name becomes an attribute, so that nothing an owner keeps beside
    the text is lost. Raises DocumentError.
    """
    document = Document()
    for name, part in value.items():
        if part is None or (part == "" and name in FIELDS):
            continue
        if name in FIELDS:
            FIELDS[name](document, name, part)
        else:
            document.attributes[_text("a field's name", name)] = attribute_text(name, part)
    return document


def write_document(document: Document) -> dict[str, Any]:
    """Make the JSON object that `read_document` reads; fields that are empty are left out."""
    value: dict[str, Any] = {
        name: getattr(document, name) for name in (*_NAMES, *_TEXTS, "audience") if getattr(document, name)
    }
    if document.HasField("published_time"):
        value["published_time"] = document.published_time.ToJsonString()
    if document.events:
        value["events"] = [_write_event(event) for event in document.events]
    if document.attributes:
        value["attributes"] = dict(sorted(document.attributes.items()))
    return value


def document_of_record(record: Mapping[str, Any]) -> Document:
    """Make the document that a stored record was made of."""
    fields = dict(record.get("document") or {})
    value = {name: fields[name] for name in (*_NAMES, *_TEXTS, "published_time") if fields.get(name)}
    value["attributes"] = fields.get("attributes") or {}
    value["customer_id"] = (record.get("customer") or {}).get("id")
    activity = record.get("activity") or {}
    columns = {name: activity.get(name) or [] for name in _EVENT_FIELDS}
    value["events"] = [
        {name: column[row] for name, column in columns.items() if row < len(column) and column[row] not in (None, "")}
        for row in range(max(map(len, columns.values()), default=0))
    ]
    document = read_document(value)
    document.audience = fields.get("audience") or 0  # as it was sent, even below zero
    return document


def _write_event(event: ActivityEvent) -> dict[str, Any]:
    value: dict[str, Any] = {
        name: getattr(event, name) for name in ("type", "amount", "currency", "product", "text") if getattr(event, name)
    }
    if event.HasField("time"):
        value["time"] = event.time.ToJsonString()
    if event.HasField("balance"):
        value["balance"] = event.balance
    return value


def _name(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise DocumentError(field, f"must be a string, not {_name(value)}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DocumentError(field, f"holds half a character (a lone surrogate) at {error.start + 1}") from error
    return value


def _name_text(field: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():  # a table's column of numbers of which some are absent
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(field, value)


def _number_in(field: str, text: str) -> int | float:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    shown = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    raise DocumentError(field, f"must be a number, not {shown!r}")


def _number(field: str, value: object) -> float:
    if isinstance(value, str):
        value = _number_in(field, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DocumentError(field, f"must be a number, not {_name(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DocumentError(
            field, f"must be a finite number, not {value if isinstance(value, float) else 'one so large'}"
        )
    return number


def _whole(field: str, value: object) -> int:
    number = _number_in(field, value) if isinstance(value, str) else value
    exact = number if isinstance(number, int) and not isinstance(number, bool) else _number(field, number)
    if exact != int(exact) or not 0 <= exact <= LONGEST_WHOLE:
        raise DocumentError(field, f"must be a whole number of at least 0, not {value}")
    return int(exact)


def _time(field: str, value: object) -> Timestamp:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Seconds or milliseconds, or days since 1900: nothing tells which.
        raise DocumentError(field, f"{A_TIME}, not the number {value}; pandas writes one with date_format='iso'")
    text, time = _text(field, value), Timestamp()
    try:
        time.FromJsonString(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
            time.FromDatetime(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            shown = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
            raise DocumentError(field, f"{A_TIME}, not {shown!r}") from None
    return time


def _json_in(field: str, value: object, kind: type, opening: str) -> object:
    """Return what a string holds that is JSON of a kind, or the value itself."""
    if not isinstance(value, str) or not value.lstrip().startswith(opening):
        return value
    try:
        content = json.loads(value, parse_constant=MISSING.get)
    except (ValueError, RecursionError) as error:
        raise DocumentError(field, f"is not the JSON that it begins as: {str(error)[:100]}") from error
    return content if isinstance(content, kind) else value


def attribute_text(field: str, value: object) -> str:
    """Write a value of any shape as the text of an attribute. Raises DocumentError."""
    match value:
        case str():
            return _text(field, value)
        case bool():
            return "true" if value else "false"
        case float():
            return json.dumps(_number(field, value))
        case list():
            return ", ".join(attribute_text(f"{field}[{place}]", part) for place, part in enumerate(value))
        case dict():
            return ", ".join(
                f"{_text(field, key)}: {attribute_text(f'{field}.{key}', part)}" for key, part in value.items()
            )
        case _:
            return json.dumps(value)


def _set(read: Callable[[str, object], Any]) -> Callable[[Any, str, object], None]:
    def fill(message: Any, field: str, value: object) -> None:
        setattr(message, field.rpartition(".")[2], read(field, value))

    return fill


def _set_time(message: Any, field: str, value: object) -> None:
    getattr(message, field.rpartition(".")[2]).CopyFrom(_time(field, value))


def _set_attributes(document: Document, field: str, value: object) -> None:
    value = _json_in(field, value, dict, "{")
    if not isinstance(value, dict):
        raise DocumentError(field, f"must be an object, not {_name(value)}")
    for name, part in value.items():
        if part is not None:
            document.attributes[_text(field, name)] = attribute_text(f"{field}.{name}", part)


def _set_events(document: Document, field: str, value: object) -> None:
    value = _json_in(field, value, list, "[")
    if not isinstance(value, list):
        raise DocumentError(field, f"must be a list, not {_name(value)}")
    for place, part in enumerate(value):
        where = f"{field}[{place}]"
        if not isinstance(part, dict):
            raise DocumentError(where, f"must be an object, not {_name(part)}")
        event = document.events.add()
        for name, content in part.items():
            if name not in _EVENT_FIELDS:
                raise DocumentError(f"{where}.{name}", f"is not a field of an event: {', '.join(_EVENT_FIELDS)}")
            if content not in (None, ""):
                _EVENT_FIELDS[name](event, f"{where}.{name}", content)


_NAMES = ("id", "customer_id")
_TEXTS = ("kind", "title", "text", "language", "author", "source", "source_uri")
FIELDS: Mapping[str, Callable[[Any, str, object], None]] = {
    **dict.fromkeys(_NAMES, _set(_name_text)),
    **dict.fromkeys(_TEXTS, _set(_text)),
    "audience": _set(_whole),
    "published_time": _set_time,
    "events": _set_events,
    "attributes": _set_attributes,
}
_EVENT_FIELDS: Mapping[str, Callable[[Any, str, object], None]] = {
    "type": _set(_text),
    "time": _set_time,
    "amount": _set(_number),
    "currency": _set(_text),
    "balance": _set(_number),
    "product": _set(_text),
    "text": _set(_text),
}
