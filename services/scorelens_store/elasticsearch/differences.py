"""What an index has and what it should have (pure): what can be changed in place, and what only indexing anew can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scorelens_store.elasticsearch.indices import generation, is_index, writing_name
from scorelens_store.elasticsearch.mapping import ANALYZED, COPY_OF, NEW_FIELDS, STANDARD
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.templates import component_templates, mappings_name, settings_name

Body = Mapping[str, Any]

LIMIT: Final = "mapping.total_fields.limit"
"""Setting that bounds how many fields an index searches; it is raised and never lowered."""

_CHANGEABLE: Final = frozenset({"ignore_above", "dynamic"})
"""Parameters of a field that the server changes in place."""

_IN_PLACE: Final = (
    "highlight.max_analyzed_offset",
    "mapping.field_name_length.limit",
    "mapping.total_fields.ignore_dynamic_beyond_limit",
    "merge.policy.expunge_deletes_allowed",
)
"""Settings that nobody chooses. How many replicas an index has, say, may have been changed since it was made."""

_FIXED: Final = ("codec", "mapping.source.mode", "number_of_shards")
"""Settings that an index has from its beginning, and what they are where none is set."""

_UNSET: Final = {"codec": "default", "mapping.source.mode": "stored"}
_NESTED: Final = ("properties", "fields")


@dataclass(frozen=True)
class Change:
    """A value that is another one than it should be; None is one that is not there."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.name}: {self.after}"
        return f"{self.name}: {self.before} → {'none' if self.after is None else self.after}"


@dataclass(frozen=True)
class IndexDifference:
    """How an existing index differs from one that would be made now."""

    index: str
    version: int
    """Version of the mapping by which all of its records were indexed; 1 is from before versions were noted."""
    alias: bool
    """Whether it lacks the alias that reads it."""
    mapping: dict[str, Any]
    """Body of the request that adds what is missing from the mapping; empty where nothing is."""
    settings: dict[str, Any]
    """Body of the request that changes settings in place."""
    changes: tuple[Change, ...]
    """What those two requests change."""
    partial: tuple[str, ...]
    """Fields that records of the index may lack in the index, since they were put there before it had the fields."""
    conflicts: tuple[Change, ...]
    """Fields that cannot be changed in place."""
    fixed: tuple[Change, ...]
    """Settings that cannot be changed in place. They are no error: records are searched as well as ever."""

    @property
    def in_place(self) -> bool:
        """Tell whether something can be mended in place."""
        return bool(self.alias or self.mapping or self.settings)

    @property
    def needs_reindex(self) -> bool:
        """Tell whether searches find less than they would after indexing anew."""
        return bool(self.conflicts or self.partial)

    def reasons(self) -> list[str]:
        """Say why the index should be made anew, a line each."""
        lines = [str(change) for change in self.conflicts]
        if self.partial:
            lines.append(f"records that it has already are not found by {', '.join(self.partial)}")
        return lines


def index_differences(
    settings: ElasticsearchSettings, indices: Mapping[str, Body], custom: Body | None = None
) -> list[IndexDifference]:
    """Return, by name, how the indices of a prefix differ; those that do not are left out.

    `indices` is what `GET /INDEX` answers, of which others than the prefix's are passed over; `custom` is the
    `template` of the component template PREFIX@custom, if there is one, which wins over ours.
    """
    mappings, wanted = _composed(settings, custom or {})
    found = [
        _difference(settings.prefix, name, indices[name], mappings, wanted)
        for name in sorted(indices)
        if is_index(settings.prefix, name) and not _is_unfinished(settings.prefix, indices[name])
    ]
    return [one for one in found if one.in_place or one.needs_reindex or one.fixed]


def _is_unfinished(prefix: str, index: Body) -> bool:
    """Tell whether an index is a copy that a reindex has not put in its place; the alias would show records twice."""
    return COPY_OF in index.get("mappings", {}).get("_meta", {}) and prefix not in index.get("aliases", {})


def flat(settings: Body, above: str = "") -> dict[str, str]:
    """Return settings by dotted name as the server writes them, without `index.` at the beginning."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}".removeprefix("index.")] = text_of(value)
    return found


def text_of(value: Any) -> str:
    """Return a parameter as people read it, the same for what the server writes as text and we as a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text_of(part)}" for name, part in sorted(value.items()))
    return str(value)


def _composed(settings: ElasticsearchSettings, custom: Body) -> tuple[dict[str, Any], dict[str, str]]:
    """Return mapping and settings of an index that would be made now."""
    parts = component_templates(settings)
    mappings = parts[mappings_name(settings.prefix)]["template"]["mappings"]
    own = flat(parts[settings_name(settings.prefix)]["template"]["settings"])
    return _merged(mappings, custom.get("mappings", {})), own | flat(custom.get("settings", {}))


def _merged(ours: Body, theirs: Body) -> dict[str, Any]:
    # As the server composes: objects member by member, a field as a whole.
    merged = dict(ours)
    for name, field in theirs.get("properties", {}).items():
        own = merged.get("properties", {}).get(name, {})
        whole = _merged(own, field) if "properties" in own and "properties" in field else field
        merged["properties"] = {**merged.get("properties", {}), name: whole}
    return merged


def _difference(prefix: str, name: str, index: Body, wanted: Body, settings: Mapping[str, str]) -> IndexDifference:
    mappings, has = index.get("mappings", {}), flat(index.get("settings", {}))
    meta = mappings.get("_meta", {})
    version = int(meta.get("version", 1))
    compared = _Comparison()
    body = compared.object(wanted, mappings, "")
    changed = _changed_settings(has, settings, compared.count)
    later = [name for number, names in NEW_FIELDS.items() if number > version for name in names]
    fixed = ((name, has.get(name, _UNSET.get(name)), settings.get(name)) for name in _FIXED)
    return IndexDifference(
        index=name,
        version=version,
        alias=_lacks_alias(prefix, name, index.get("aliases", {})),
        mapping=body,
        settings={"index": {one.name: one.after for one in changed}} if changed else {},
        changes=(*compared.changes, *changed),
        partial=tuple(dict.fromkeys((*compared.added, *later, *_analyzed_later(wanted, meta)))),
        conflicts=tuple(compared.conflicts),
        fixed=tuple(Change(*one) for one in fixed if None not in one and one[1] != one[2]),
    )


def _lacks_alias(prefix: str, name: str, aliases: Body) -> bool:
    # A copy that is not finished has no alias yet, and its records are read from where they were.
    finished = generation(prefix, name) == 1 or writing_name(prefix, name) in aliases
    return finished and prefix not in aliases


def _analyzed_later(wanted: Body, meta: Body) -> list[str]:
    """Return the fields of a language's analyzer, if they came after records had been put."""
    if wanted["_meta"]["analyzer"] == meta.get("analyzer", STANDARD):
        return []
    return [name for name, _ in _walk(wanted) if name.endswith(f".{ANALYZED}")]


def _changed_settings(has: Mapping[str, str], wanted: Mapping[str, str], added: int) -> list[Change]:
    changes = [Change(name, has.get(name), wanted[name]) for name in _IN_PLACE if name in wanted]
    limit = max(int(has.get(LIMIT, 1000)) + added, int(wanted.get(LIMIT, 0)))
    changes.append(Change(LIMIT, has.get(LIMIT), str(limit)))
    return [one for one in changes if one.before != one.after]


class _Comparison:
    """Goes through the fields that should be there beside those that are."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.conflicts: list[Change] = []
        self.added: list[str] = []
        self.count = 0

    def object(self, wanted: Body, found: Body, name: str) -> dict[str, Any]:
        """Return what is to be sent to give the fields of an object what they lack."""
        body = self._own(wanted, found, name)
        for kind in _NESTED:
            parts = self._members(wanted.get(kind, {}), found.get(kind, {}), f"{name}." if name else "")
            if parts:
                body[kind] = parts
        return {**_named(found), **body} if body and name else body

    def _members(self, wanted: Body, found: Body, above: str) -> dict[str, Any]:
        body = {}
        for part, field in wanted.items():
            name = above + part
            if part not in found:
                body[part] = field
                self._add(name, field)
            elif ("properties" in field) != ("properties" in found[part]) and not _is_open(field):
                self.conflicts.append(Change(name, _describe(found[part]), _describe(field)))
            elif changed := self.object(field, found[part], name):
                body[part] = changed
        return body

    def _add(self, name: str, field: Body) -> None:
        for leaf, part in _walk({"properties": {name: field}}):
            self.changes.append(Change(leaf, None, _describe(part)))
            self.count += 1
            if part.get("enabled", True) and part.get("type") not in (None, "alias"):
                self.added.append(leaf)

    def _own(self, wanted: Body, found: Body, name: str) -> dict[str, Any]:
        """Compare the parameters of one field; those of the whole mapping can all be changed."""
        ours, theirs = _parameters(wanted), _parameters(found)
        differing = [one for one in ours if text_of(ours[one]) != text_of(theirs.get(one))]
        if any(name and one not in _CHANGEABLE for one in differing):
            self.conflicts.append(Change(name, _describe(found), _describe(wanted)))
            return {}
        for one in differing:
            before = theirs.get(one)
            label = f"{name}.{one}" if name else one
            self.changes.append(Change(label, None if before is None else text_of(before), text_of(ours[one])))
        return {one: ours[one] for one in differing}


def _named(found: Body) -> dict[str, Any]:
    """Return a field as the server wants to be told it again, when something is added to it."""
    return {name: value for name, value in found.items() if name not in _NESTED}


def _parameters(field: Body) -> dict[str, Any]:
    own = {name: value for name, value in field.items() if name not in (*_NESTED, "_meta")}
    # The server leaves out what every object is.
    return {name: value for name, value in own.items() if (name, value) != ("type", "object")}


def _is_open(field: Body) -> bool:
    return text_of(field.get("dynamic", False)) == "true"


def _describe(field: Body) -> str:
    own = {name: text_of(value) for name, value in _parameters(field).items() if name != "type"}
    kind = str(field.get("type", "object"))
    return kind + (f" ({', '.join(f'{name} {value}' for name, value in own.items())})" if own else "")


def _walk(mapping: Body, above: str = "") -> Iterator[tuple[str, Body]]:
    for kind in _NESTED:
        for name, part in mapping.get(kind, {}).items():
            yield above + name, part
            yield from _walk(part, f"{above}{name}.")
