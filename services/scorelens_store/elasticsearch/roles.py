"""The least rights of each who comes to Elasticsearch, as roles of its security: pure data, and its two file forms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scorelens_store.elasticsearch.dead_letters import dead_letters_name
from scorelens_store.elasticsearch.reindexing.lock import lock_name


@dataclass(frozen=True)
class Right:
    """What is allowed on some indices, or on the cluster where `names` is empty; each privilege with its reason."""

    names: tuple[str, ...]
    privileges: Mapping[str, str]


@dataclass(frozen=True)
class Role:
    """One of those who come to the server; `name` is the role's on the server."""

    name: str
    who: str
    rights: tuple[Right, ...]
    applications: tuple[dict[str, Any], ...] = field(default=())


def roles(prefix: str, space: str = "default") -> dict[str, Role]:
    """Return the roles for the indices of a prefix by what they are for: writer, reader, kibana, console, setup.

    `space` is the space of Kibana that its users see.
    """
    records, tombstones = names_of(prefix)
    reads = Right(records, _READ)
    letters = (dead_letters_name(prefix),)
    in_space = {"application": "kibana-.kibana", "privileges": ["space_read"], "resources": [f"space:{space}"]}
    return {
        "writer": Role(
            f"{prefix}_writer",
            "the indexer",
            (
                Right((), _LOOK_AT_TEMPLATES),
                Right(records, _WRITE),
                Right(tombstones, _REMEMBER),
                Right(letters, _SHOW),
            ),
        ),
        "reader": Role(f"{prefix}_reader", "the command line and the SDK: search, show, pull, export", (reads,)),
        "kibana": Role(
            f"{prefix}_kibana",
            f"people who look at records in Kibana's space {space}",
            (reads, Right(letters, _READ)),
            (in_space,),
        ),
        "console": Role(
            f"{prefix}_console",
            "the console; its labels and forgetting go through the indexer",
            (Right((), _LOOK_AT_HEALTH), Right(records, _READ | _LOOK_AT_SIZES)),
        ),
        "setup": Role(
            f"{prefix}_setup",
            "an administrator: `scorelens elasticsearch setup` and `reindex`",
            (
                Right((), _MANAGE_TEMPLATES),
                Right(records, _MANAGE),
                Right(tombstones, _MANAGE_TOMBSTONES),
                Right((lock_name(prefix),), _MANAGE_LOCK),
            ),
        ),
    }


def names_of(prefix: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a prefix's records, and of its tombstones.

    Records have an alias, and indices whose names go on with a year: a regular expression, which takes in neither the
    tombstones nor the indices of another prefix that begins with this one.
    """
    return (prefix, f"/{prefix}-[0-9]{{4}}\\..*/"), (f"{prefix}-forgotten",)


def to_api(role: Role, *, description: bool = True) -> dict[str, Any]:
    """Return a role as `PUT /_security/role/NAME` takes it; API keys take it without a description."""
    cluster = [name for right in role.rights if not right.names for name in right.privileges]
    indices = [
        {"names": list(right.names), "privileges": list(right.privileges)} for right in role.rights if right.names
    ]
    found: dict[str, Any] = {"description": f"scorelens: {role.who}"} if description else {}
    return found | {"cluster": cluster, "indices": indices, "applications": list(role.applications)}


def to_yaml(some: Iterable[Role]) -> str:
    """Return roles as the server's config/roles.yml has them."""
    lines: list[str] = []
    for role in some:
        form = to_api(role)
        lines += [f"{role.name}:", f"  description: {json.dumps(form['description'])}"]
        lines += [f"  cluster: {json.dumps(form['cluster'])}"]
        for name in ("indices", "applications"):
            lines += [f"  {name}:"] if form[name] else []
            for each in form[name]:
                (first, *others) = (f"{key}: {json.dumps(value)}" for key, value in each.items())
                lines += [f"    - {first}", *(f"      {other}" for other in others)]
    return "\n".join([*lines, ""])


_READ: Final = {
    "read": "search, count, page and fetch records",
    "view_index_metadata": "see which fields there are, as Kibana's data views do",
}
_LOOK_AT_TEMPLATES: Final = {"monitor": "see that the templates are there before an index is made without them"}
_LOOK_AT_HEALTH: Final = {"monitor": "show how the cluster is"}
_LOOK_AT_SIZES: Final = {"monitor": "show how many records and bytes an index has"}
_WRITE: Final = {
    "auto_configure": "make the index of a new day, week or month by its template, and the fields of new tags",
    "index": "store records, and add labels to them",
    "delete": "forget documents and customers",
    "read": "find what to label or to forget",
    "view_index_metadata": "see which indices are over, and which fields they search",
    "monitor": "see which segments hold removed records (purge)",
    "maintenance": "refresh, and merge removed records away (purge)",
    "delete_index": "remove whole indices when their time is over (--keep)",
}
_REMEMBER: Final = {
    "create_index": "make the index of tombstones at the first forgetting",
    "create_doc": "add tombstones, and neither change nor remove any",
    "read": "keep out what was forgotten",
    "view_index_metadata": "see that the prefix was set up",
    "maintenance": "make a tombstone hold at once (refresh)",
}
_SHOW: Final = {
    "create_index": "make the index of dead letters",
    "index": "show dead letters",
    "delete": "take those away that were forgotten, or that its files no longer keep",
    "read": "see which ones are shown",
    "maintenance": "show them at once (refresh)",
}
_MANAGE_TEMPLATES: Final = {
    "manage_index_templates": "put component and index templates",
    "monitor": "see what the server is and has",
}
_MANAGE: Final = {
    "manage": "add fields and settings to indices, swap aliases, remove replaced indices",
    "read": "read records to index them anew",
    "write": "write them into the new index",
}
_MANAGE_LOCK: Final = {"manage": "keep a second `reindex` out while one runs"}
_MANAGE_TOMBSTONES: Final = {"manage": "make the index of tombstones, and add fields and settings to it"}
