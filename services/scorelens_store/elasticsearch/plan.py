"""What setting a prefix up would create and change (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scorelens_store.elasticsearch.differences import (
    LIMIT,
    Body,
    Change,
    IndexDifference,
    flat,
    index_differences,
    text_of,
)
from scorelens_store.elasticsearch.mapping import VERSION
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.templates import (
    component_templates,
    custom_name,
    forgotten_index,
    forgotten_name,
    index_template,
    settings_name,
)

_OURS: Final = (
    "index_patterns",
    "priority",
    "version",
    "_meta",
    "composed_of",
    "ignore_missing_component_templates",
    "template",
)


class Request(NamedTuple):
    """What is sent to the server."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing to create or to change, and how."""

    what: str
    changes: tuple[Change, ...]
    """Empty where it is created."""
    requests: tuple[Request, ...]
    partial: tuple[str, ...] = ()
    """Fields by which records that are there already are found only after indexing anew."""


@dataclass(frozen=True)
class State:
    """What a server has of a prefix, as it answers; None is what is not there."""

    template: Body | None
    components: Mapping[str, Body]
    indices: Mapping[str, Body]

    @property
    def version(self) -> int:
        """Return the version of the index template, 0 where there is none."""
        return int(self.template.get("version", 0)) if self.template else 0

    def has_templates(self, settings: ElasticsearchSettings) -> bool:
        """Tell whether all templates are there and at least of our version."""
        return self.version >= VERSION and all(
            int(self.components.get(name, {}).get("version", 0)) >= VERSION for name in component_templates(settings)
        )


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what cannot be done in place."""

    steps: tuple[Step, ...]
    left: tuple[IndexDifference, ...]
    newer: int = 0
    """Version of templates that a newer scorelens wrote, which stay as they are; 0 where that is not so."""


def make_plan(settings: ElasticsearchSettings, state: State) -> Plan:
    """Return what there is to do on a server in this state."""
    if state.version > VERSION:
        return Plan((), (), state.version)
    custom = state.components.get(custom_name(settings.prefix), {}).get("template")
    differences = index_differences(settings, state.indices, custom)
    steps = (
        *template_steps(settings, state),
        *_forgotten(settings, state),
        *(_index_step(settings.prefix, one) for one in differences if one.in_place),
    )
    return Plan(steps, tuple(one for one in differences if one.needs_reindex or one.fixed))


def template_steps(settings: ElasticsearchSettings, state: State) -> Iterator[Step]:
    """Yield what there is to do about templates, in the order in which the server takes it."""
    parts = component_templates(settings)
    # The server refuses more fields than the limit at any time: what makes room goes first.
    limited = settings_name(settings.prefix)
    makes_room = _limit(parts[limited]) >= _limit(state.components.get(limited, {}))
    for name, body in sorted(parts.items(), key=lambda part: (part[0] == limited) != makes_room):
        yield from _template("component template", "_component_template", name, state.components.get(name), body)
    yield from _template("index template", "_index_template", settings.prefix, state.template, index_template(settings))


def _template(what: str, path: str, name: str, found: Body | None, wanted: dict[str, Any]) -> Iterator[Step]:
    changes = () if found is None else tuple(_compare(found, wanted))
    if found is None or changes:
        yield Step(f"{what} {name}", changes, (Request("PUT", f"/{path}/{name}", wanted),))


def _limit(component: Body) -> int:
    return int(flat(component.get("template", {}).get("settings", {})).get(LIMIT, 0))


def _compare(found: Body, wanted: Body) -> Iterator[Change]:
    before, after = _leaves({name: found[name] for name in _OURS if name in found}), _leaves(wanted)
    for name in sorted({**before, **after}, key=lambda name: (name != "version", name)):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))


def _leaves(body: Body, above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in body.items():
        # Within a mapping "properties" says nothing to people; within settings the server adds "index".
        here = (
            above
            if name in ("properties", "template", "index") and (above or name == "template")
            else f"{above}{name}."
        )
        if isinstance(value, Mapping) and value:
            found |= _leaves(value, here)
        else:
            found[here[:-1]] = text_of(value)
    return found


def _forgotten(settings: ElasticsearchSettings, state: State) -> Iterator[Step]:
    """Yield what makes the index of tombstones, which also shows the setup to those who may not read templates."""
    name, wanted = forgotten_name(settings.prefix), forgotten_index(settings)
    found = state.indices.get(name)
    if found is None:
        yield Step(f"index {name}", (), (Request("PUT", f"/{name}", wanted),))
        return
    meta = wanted["mappings"]["_meta"]
    changes = tuple(_compare({"_meta": found.get("mappings", {}).get("_meta", {})}, {"_meta": meta}))
    if changes:
        yield Step(f"index {name}", changes, (Request("PUT", f"/{name}/_mapping", {"_meta": meta}),))


def _index_step(prefix: str, one: IndexDifference) -> Step:
    requests = []
    if one.settings:  # first, since the limit of fields is among them
        requests.append(Request("PUT", f"/{one.index}/_settings", one.settings))
    if one.mapping:
        requests.append(Request("PUT", f"/{one.index}/_mapping", one.mapping))
    if one.alias:
        requests.append(Request("POST", "/_aliases", {"actions": [{"add": {"index": one.index, "alias": prefix}}]}))
    alias = (Change("alias", None, prefix),) if one.alias else ()
    return Step(f"index {one.index}", (*alias, *one.changes), tuple(requests), one.partial)
