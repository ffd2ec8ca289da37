"""Which records are meant and in which order, from what people write; shared by the commands and the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from scorelens.conventions import DEFAULT_PURPOSE, PURPOSES
from scorelens_client.when import parse_when
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Selection, Sort
from scorelens_store.fields import Type, find_field
from scorelens_store.query.parse import parse

Moment = datetime | str


def selected(
    query: str = "",
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    purposes: str | Sequence[str] = DEFAULT_PURPOSE,
    calls: bool = False,
) -> Selection:
    """Read a selection; an empty query means every record. Raises QueryError, ScorelensError."""
    return Selection(parse(query), moment(since, "since"), moment(until, "until"), purposes_of(purposes), calls)


def moment(when: Moment | None, name: str) -> datetime | None:
    """Read a time (`7d`, `2026-11-22`, RFC 3339, or a datetime; without a zone, UTC). Raises ScorelensError."""
    if when is None:
        return None
    if isinstance(when, datetime):
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        return parse_when(when, datetime.now(UTC))
    except (TypeError, ValueError, OverflowError) as error:
        raise ScorelensError(f"{name}: {error}") from error


def purposes_of(purposes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the purposes of a selection, empty for "all". Raises ScorelensError."""
    given = (purposes,) if isinstance(purposes, str) else tuple(purposes)
    for purpose in given:
        if purpose not in (*PURPOSES, "all"):
            raise ScorelensError(f"purposes: {purpose!r} is none of {', '.join(PURPOSES)} and all")
    return () if "all" in given else given


def sort_of(text: str | None, name: str = "sort") -> Sort:
    """Read `FIELD` or `FIELD:asc`; none means relevance. Raises ScorelensError that begins with `name`."""
    if not text:
        return Sort()
    given, _, direction = text.partition(":")
    field = find_field(given)
    if field is None:
        raise ScorelensError(f"{name}: no record has a field {given!r}")
    if direction not in ("", "asc", "desc"):
        raise ScorelensError(f"{name}: {direction!r} is neither asc nor desc")
    return Sort(field.name, descending=direction != "asc")


def words_field(text: str, name: str = "field") -> str:
    """Check the field that words are asked of; empty means all texts. Raises ScorelensError that begins with `name`."""
    field = find_field(text) if text else None
    if text and field is None:
        raise ScorelensError(f"{name}: no record has a field {text!r}")
    if field is not None and field.type not in (Type.TEXT, Type.KEYWORD):
        raise ScorelensError(f"{name}: {field.name} is of type {field.type}; words are found in texts and keywords")
    return text
