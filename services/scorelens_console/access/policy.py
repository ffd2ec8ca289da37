"""What an identity may see (pure): which fields, which models' records, and what is left of a record.

Viewers are shown a copy that is built of named members, so that what a record gains one day stays hidden from them
until somebody adds it here. What they may not see they may not search, sort, count or group by either, since that
would tell it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from scorelens_console.access.identity import EVERY_MODEL, Identity, Role
from scorelens_console.errors import NotAllowedError
from scorelens_store.contract import Record, Selection
from scorelens_store.fields import FIELDS, find_field
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
_PARTS: Final = ("@timestamp", "document", "customer", "activity", "model", "tags", "titles", "groups", "score")


def is_open_to_viewers(field: str) -> bool:
    """Tell whether viewers may search, sort and group by a field of this full name."""
    return field in _FIELDS or field.startswith(_OPEN)


def guarded(identity: Identity, selection: Selection, more_fields: Iterable[str] = ()) -> Selection:
    """Return a selection of what an identity may see, by fields that they may use.

    Where it names a field that is a scientist's, the records of other models are left out. Raises NotAllowedError.
    """
    named = [*fields_of(selection.query), *map(_full_name, more_fields)]
    hidden = [name for name in dict.fromkeys(named) if not is_open_to_viewers(name)]
    beyond = selection.calls or selection.purposes != (PURPOSE,)
    least = Role.SCIENTIST if hidden or beyond else Role.VIEWER
    if identity.highest < least:
        what = f"the field {hidden[0]}" if hidden else "what was not scored for production"
        raise NotAllowedError(
            f"{what} is for data scientists; {identity.name} is signed in as {identity.highest.title}"
        )
    models = _models(identity, least)
    return selection if isinstance(models, Everything) else replace(selection, query=_both(selection.query, models))


def redacted(identity: Identity, record: Record) -> Record | None:
    """Return what an identity may see of a record; None for nothing."""
    role = identity.role(str((record.get("model") or {}).get("id", "")))
    if role >= Role.SCIENTIST:
        return record
    if role < Role.VIEWER or not is_for_viewers(record):
        return None
    # Members that viewers see, and no others.
    kept: Record = {name: record[name] for name in _PARTS if name in record}
    kept["record"] = {"id": record["record"]["id"], "type": "document"}
    return kept


def is_for_viewers(record: Record) -> bool:
    """Tell whether a record is of a document that was scored in production."""
    return record["record"].get("type") == "document" and record.get("purpose") == PURPOSE


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
