"""What of a record the server could not index, kept apart so that the rest is searched (pure).

A single name that the server refuses would refuse the whole record. Such a member goes into an object of its own that
is stored and not indexed, under its path as JSON, so that labels which are added later replace it like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from scorelens_store.contract import Record
from scorelens_store.fields import OPEN_FIELDS, Type

UNINDEXED: Final = "unindexed"
"""Member of a stored document that holds what is not indexed, by path."""

NUMBER_NAME_LIMIT: Final = 512
"""Most characters of the name of a score, margin or threshold that is searched."""

_TERM_PATH: Final = 8192
"""Most bytes of an attribute's path: it and the longest value that is indexed are one term, of 32,766 bytes."""
_DEPTH: Final = 20
_OBJECTS: Final = tuple((tuple(prefix[:-1].split(".")), kind is Type.FLOAT) for prefix, kind in OPEN_FIELDS.items())
_Path = tuple[str, ...]


def split(record: Record) -> Record:
    """Return what is stored for a record, which is the record itself in all but rare cases."""
    for parents, numbers in _OBJECTS:
        members = _at(record, parents)
        if members and not _is_plain(members, numbers):
            record = _without(record, parents, _name_fits if numbers else _path_fits)
    return record


def joined(source: Record) -> Record:
    """Return the record that was stored; undoes `split`."""
    apart: Mapping[str, Any] | None = source.pop(UNINDEXED, None)
    for path, value in (apart or {}).items():
        *parents, last = orjson.loads(path)
        here = source
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = value
    return source


def names_apart(source: Record) -> tuple[str, ...]:
    """Return the dotted names of what a stored document does not index."""
    return tuple(".".join(orjson.loads(path)) for path in source.get(UNINDEXED, ()))


def _at(record: Record, path: _Path) -> dict[str, Any] | None:
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None


def _is_plain(members: Mapping[str, Any], numbers: bool) -> bool:
    """Tell quickly of nearly every object that all of it can be indexed."""
    return dict not in map(type, members.values()) and _are_plain(tuple(members), numbers)


@functools.lru_cache(maxsize=4096)
def _are_plain(names: tuple[str, ...], numbers: bool) -> bool:
    return all(map(_name_fits if numbers else _path_fits, ((name,) for name in names)))


def _name_fits(path: _Path) -> bool:
    return all(name.strip() for name in path) and len(".".join(path)) <= NUMBER_NAME_LIMIT


def _path_fits(path: _Path) -> bool:
    name = ".".join(path)
    return len(path) <= _DEPTH and "\0" not in name and (len(name) * 4 <= _TERM_PATH or _size(name) <= _TERM_PATH)


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def _without(record: Record, parents: _Path, fits: Callable[[_Path], bool]) -> Record:
    """Return a copy in which what does not fit lies apart; the record itself stays as it is."""
    apart: dict[str, Any] = dict(record.get(UNINDEXED, {}))
    kept: dict[str, Any] = {}
    for path, value in _leaves(_at(record, parents) or {}, ()):
        if fits(path):
            _put(kept, path, value)
        else:
            apart[orjson.dumps([*parents, *path]).decode()] = value
    copy = {**record, UNINDEXED: apart} if apart else {**record}
    here = copy
    for parent in parents[:-1]:
        here[parent] = {**here[parent]}
        here = here[parent]
    here[parents[-1]] = kept
    return copy


def _leaves(members: Mapping[str, Any], above: _Path) -> Iterator[tuple[_Path, Any]]:
    for name, value in members.items():
        path = (*above, name)
        if isinstance(value, dict) and value and len(path) <= _DEPTH:
            yield from _leaves(value, path)
        else:
            yield path, value


def _put(members: dict[str, Any], path: _Path, value: Any) -> None:
    for name in path[:-1]:
        members = members.setdefault(name, {})
    members[path[-1]] = value
