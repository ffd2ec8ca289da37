"""What an identity may see (pure): which fields, which models' records, and what is left of a record.

Viewers are shown a copy that is built of named members, so that what a record gains one day stays hidden from them
until somebody adds it here. What they may not see they may not search, sort, count or group by either, since that
would tell it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from scorelens_console.access.identity import EVERY_MODEL, Identity, Role
from scorelens_console.errors import BadRequestError, NotAllowedError
from scorelens_reading.tables.columns import FIELDS as FIELD_COLUMNS
from scorelens_store.contract import Record, Selection, Sort
from scorelens_store.fields import FIELDS, Field, Type, find_field
from scorelens_store.query.tree import All, Equals, Everything, Node, Not, Nothing, fields_of
from scorelens_store.query.tree import Any as AnyOf

PURPOSE: Final = "production"

_OPEN: Final = ("score.", "document.attributes.")
_FIELDS: Final = frozenset(
    {
        "@timestamp",
        "record.id",
        "customer.id",
        "model.id",
        "model.version",
        "tags",
        *(name for name in FIELDS if name.startswith(("document.", "activity."))),
    }
)
_DOCUMENT: Final = (
    *("id", "number", "kind", "title", "text", "length", "language", "author", "source", "source_uri", "audience"),
    *("published_time", "attributes"),
)
_ACTIVITY: Final = ("type", "time", "amount", "currency", "balance", "product", "text")
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "document": _DOCUMENT,
    "customer": ("id",),
    "activity": _ACTIVITY,
    "model": ("id", "version"),
}
"""Objects of a record that viewers see, and the members of each."""
_BY_TAG: Final[Mapping[str, type | tuple[type, ...]]] = {"titles": str, "groups": str, "score": (int, float)}
"""Objects that have a member for each tag, and of which type it is."""
_OUTLINE: Final = (
    "@timestamp",
    "record",
    "purpose",
    "model",
    "tags",
    "titles",
    "groups",
    "score",
    "threshold",
    "flags",
)

_COLUMNS: Final = frozenset(
    {"record_id", "time", "document_id", "model", "version", "tags", *FIELD_COLUMNS}
    | {"tag", "tag_title", "tag_group", "probability", "selected"}
)

_TIMES: Final = range(-62_135_596_800_000_000, 253_402_300_800_000_000)
"""Microseconds from the year 1 to the year 9999."""
_GREATEST: Final = (2 - 2**-23) * 2.0**127
"""Numbers have 32 bits in every store."""


def is_open_to_viewers(field: str) -> bool:
    """Tell whether viewers may search, sort and group by a field of this full name."""
    return field in _FIELDS or field.startswith(_OPEN)


def is_column_for_viewers(name: str) -> bool:
    """Tell whether viewers may see a column of a table of records."""
    return name in _COLUMNS or name.startswith("score.")


def guarded(identity: Identity, selection: Selection, more_fields: Iterable[str] = ()) -> Selection:
    """Return a selection of what an identity may see, by fields that they may use.

    Where it names a field that is a scientist's, the records of other models are left out. Raises NotAllowedError.
    """
    named = [*fields_of(selection.query), *map(_full_name, more_fields)]
    hidden = [name for name in dict.fromkeys(named) if not is_open_to_viewers(name)]
    beyond = selection.calls or selection.purposes != (PURPOSE,)
    least = Role.SCIENTIST if hidden or beyond else Role.VIEWER
    if identity.highest < Role.VIEWER:
        raise NotAllowedError(f"{identity.name} has no role for any model here; ask whoever runs this console for one")
    if identity.highest < least:
        what = f"the field {hidden[0]}" if hidden else "what was not scored for production"
        raise NotAllowedError(
            f"{what} is for data scientists; {identity.name} is signed in as {identity.highest.title}"
        )
    models = _models(identity, least)
    return selection if isinstance(models, Everything) else replace(selection, query=_both(selection.query, models))


def redacted(identity: Identity, record: Record) -> Record | None:
    """Return what an identity may see of a record; None for nothing."""
    role = identity.role(model_of(record))
    if role >= Role.SCIENTIST:
        return record
    if role < Role.VIEWER or not is_for_viewers(record):
        return None
    kept: Record = {name: _members(record[name], members) for name, members in _PARTS.items() if name in record}
    kept |= {name: _of_type(record[name], kind) for name, kind in _BY_TAG.items() if name in record}
    return kept | {
        "@timestamp": record["@timestamp"],
        "record": {"id": record["record"]["id"], "type": "document"},
        "tags": [tag for tag in record.get("tags") or () if isinstance(tag, str)],
    }


def outlined(record: Record) -> Record:
    """Return what is left of a record without its document: when it was scored, by which model, with which tags."""
    return {name: record[name] for name in _OUTLINE if name in record}


def seen_highlights(
    identity: Identity, record: Record, highlights: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str]]:
    """Return the snippets of a record that an identity may see."""
    if identity.role(model_of(record)) >= Role.SCIENTIST:
        return highlights
    return {name: snippets for name, snippets in highlights.items() if is_open_to_viewers(name)}


def checked_place(sort: Sort, place: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return where a page goes on, which comes from whoever asks. Raises BadRequestError."""
    if place:
        value, time, record_id = place if len(place) == 3 else (None, None, None)
        field = find_field(sort.field) if sort.field else None
        fits = value is None or (_is_number(value) if sort.field is None else field is not None and _fits(value, field))
        if not fits or type(time) is not int or time not in _TIMES or not _is_text(record_id):
            raise BadRequestError("after: this is not the end of a page; begin the listing anew", "after")
    return place


def model_of(record: Record) -> str:
    """Return the id of the model that made a record, "" for none."""
    return str((record.get("model") or {}).get("id", ""))


def is_for_viewers(record: Record) -> bool:
    """Tell whether a record is of a document that was scored in production."""
    return record["record"].get("type") == "document" and record.get("purpose") == PURPOSE


def _members(part: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: part[name] for name in names if name in part} if isinstance(part, dict) else {}


def _of_type(part: Any, kind: type | tuple[type, ...]) -> dict[str, Any]:
    return {tag: value for tag, value in part.items() if isinstance(value, kind)} if isinstance(part, dict) else {}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -_GREATEST <= value <= _GREATEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _fits(value: Any, field: Field) -> bool:
    """Tell whether a value can be one of a field, as hits are sorted by it."""
    match field.type:
        case Type.DATE:
            return type(value) is int and value in _TIMES
        case Type.INTEGER:
            return type(value) is int and -(2**63) <= value < 2**63
        case Type.FLOAT:
            return _is_number(value)
        case Type.BOOLEAN:
            return isinstance(value, bool)
    return _is_text(value)


def _full_name(field: str) -> str:
    found = find_field(field)
    return found.name if found else field


def _models(identity: Identity, least: Role) -> Node:
    """Return the query for the records of models that an identity has at least this role for."""
    own = {model: role for model, role in identity.roles.items() if model != EVERY_MODEL}
    if identity.roles.get(EVERY_MODEL, Role.NONE) >= least:
        lower = [model for model, role in own.items() if role < least]
        return Not(_any_of(lower)) if lower else Everything()
    return _any_of([model for model, role in own.items() if role >= least])


def _any_of(models: list[str]) -> Node:
    parts = tuple(Equals(FIELDS["model.id"], model) for model in models)
    return AnyOf(parts) if len(parts) > 1 else parts[0] if parts else Nothing()


def _both(query: Node, models: Node) -> Node:
    return models if isinstance(query, Everything) else All((query, models))
