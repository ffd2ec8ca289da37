"""The values of attributes, read from messages: what value_bytes.py reads from bytes, for every shape there is."""

from __future__ import annotations

from typing import Any, Final

from scorelens_indexer.value_bytes import Value

_UNIFORM: Final = (str, float, bool)


class Reference(int):
    """A place in a table of strings, which no exporter may send."""


def value_of(message: Any) -> Value:
    """Return what an AnyValue holds; None where it holds nothing."""
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(message, kind)
    if kind == "array_value":
        return _array([value_of(part) for part in content.values])
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in content.values}
    return Reference(content) if kind == "string_value_strindex" else content


def _array(values: list[Value]) -> Value:
    kinds = set(map(type, values))
    return tuple(values) if len(kinds) == 1 and kinds.pop() in _UNIFORM else values
