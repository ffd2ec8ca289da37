"""The document of a span: what was scored, and the customer and activity it is about."""

from __future__ import annotations

import math
from typing import Any, Final

from scorelens import conventions as names
from scorelens_indexer import times
from scorelens_indexer.attributes import Attributes, filled
from scorelens_indexer.checks import finite_list
from scorelens_indexer.errors import PermanentError
from scorelens_indexer.flags import NOT_FINITE

_TEXTS: Final = {
    "title": names.DOCUMENT_TITLE,
    "language": names.DOCUMENT_LANGUAGE,
    "author": names.DOCUMENT_AUTHOR,
    "source": names.DOCUMENT_SOURCE,
    "source_uri": names.DOCUMENT_SOURCE_URI,
}
_EVENT_TEXTS: Final = {
    "time": names.EVENT_TIMES,
    "currency": names.EVENT_CURRENCIES,
    "product": names.EVENT_PRODUCTS,
    "text": names.EVENT_TEXTS,
}
_ACTIVITY: Final = frozenset((names.EVENT_TYPES, *_EVENT_TEXTS.values(), names.EVENT_AMOUNTS, names.EVENT_BALANCES))


def read_document(attributes: Attributes, flags: set[str]) -> dict[str, Any]:
    """Return the parts `document`, `customer` and `activity` of a record, those that are there."""
    customer = filled({"id": attributes.text(names.CUSTOMER_ID, "")})
    return {"document": _document(attributes)} | filled(
        {"customer": customer, "activity": _activity(attributes, flags)}
    )


def _document(attributes: Attributes) -> dict[str, Any]:
    text = attributes.text(names.DOCUMENT_TEXT, "")
    document: dict[str, Any] = {
        "id": attributes.text(names.DOCUMENT_ID, ""),
        "kind": attributes.text(names.DOCUMENT_KIND, ""),
        "text": text,
        "length": len(text),
    }
    if names.DOCUMENT_NUMBER in attributes:
        document["number"] = attributes.integer(names.DOCUMENT_NUMBER)
    document |= filled({key: attributes.text(name, "") for key, name in _TEXTS.items()})
    document |= filled(
        {
            "audience": attributes.integer(names.DOCUMENT_AUDIENCE, 0),
            "published_time": _published(attributes),
            "attributes": _free_attributes(attributes),
        }
    )
    return document


def _published(attributes: Attributes) -> str:
    text = attributes.text(names.DOCUMENT_PUBLISHED, "")
    try:
        return times.normalised(text) if text else ""
    except ValueError as error:
        raise PermanentError(f"{names.DOCUMENT_PUBLISHED}: {error}") from error


def _free_attributes(attributes: Attributes) -> dict[str, str]:
    keys = attributes.texts(names.DOCUMENT_ATTRIBUTE_KEYS)
    values = attributes.texts(names.DOCUMENT_ATTRIBUTE_VALUES)
    attributes.check_length(names.DOCUMENT_ATTRIBUTE_VALUES, values, names.DOCUMENT_ATTRIBUTE_KEYS, len(keys))
    return dict(zip(keys, values, strict=True))


def _activity(attributes: Attributes, flags: set[str]) -> dict[str, Any]:
    if not attributes.has_any(_ACTIVITY):
        return {}
    types = attributes.texts(names.EVENT_TYPES)
    texts = {key: attributes.texts(name) for key, name in _EVENT_TEXTS.items()}
    amounts, balances = attributes.numbers(names.EVENT_AMOUNTS), attributes.numbers(names.EVENT_BALANCES)
    named = {name: texts[key] for key, name in _EVENT_TEXTS.items()}
    for name, values in (named | {names.EVENT_AMOUNTS: amounts, names.EVENT_BALANCES: balances}).items():
        attributes.check_length(name, values, names.EVENT_TYPES, len(types))
    if not types:
        return {}
    if not all(map(math.isfinite, amounts)) or any(map(math.isinf, balances)):  # a NaN is an unknown balance
        flags.add(NOT_FINITE)
    return {"type": types, **texts, "amount": finite_list(amounts), "balance": finite_list(balances)}
