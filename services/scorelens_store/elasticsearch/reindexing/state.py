"""Which indices of a prefix are in use, and which are copies that no run has finished (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scorelens_store.elasticsearch.indices import generation, generation_name, index_pattern, is_index, writing_name
from scorelens_store.elasticsearch.mapping import COPY_OF

BLOCKED_BY_US: Final = "blocked"
"""Member of a copy's `_meta` that tells that its run blocks writes to the original, or may be about to."""

OF: Final = "uuid"
"""Member of a copy's `_meta` that tells which index of that name it copies."""

BY: Final = "template"
"""Member of a copy's `_meta` that tells from other templates those that made it."""

OF_A_COPY: Final = (COPY_OF, OF, BY, BLOCKED_BY_US)
"""All members of `_meta` by which a copy is told from an index in use; they are removed once it is one."""

_SETTINGS: Final = ("blocks", "creation_date", "lifecycle", "uuid")


@dataclass(frozen=True)
class Index:
    """An index that records are in: its name for writers, its own name, and whether it has a write block."""

    written_as: str
    name: str
    uuid: str
    blocked: bool


@dataclass(frozen=True)
class Copy:
    """A copy that was not put in its place: of which index, made how, and with what memory of a killed run."""

    name: str
    written_as: str
    uuid: str
    """Of the index that it copies."""
    template: str
    """What tells the templates that made it."""
    has_blocked: bool
    """Whether its run may have blocked writes to the original."""
    aliases: tuple[str, ...]


class State:
    """What a server has of a prefix."""

    def __init__(self, prefix: str, found: Mapping[str, Any]) -> None:
        self._prefix = prefix
        self._found = {name: each for name, each in found.items() if is_index(prefix, name)}
        self._in_use = self._look()

    @staticmethod
    def path(prefix: str) -> str:
        """Return what to ask the server for."""
        fields = ["*.aliases", "*.mappings._meta", *(f"*.settings.index.{name}" for name in _SETTINGS)]
        options = f"ignore_unavailable=true&expand_wildcards=open,hidden&filter_path={','.join(fields)}"
        return f"/{index_pattern(prefix)}?{options}"

    def in_use(self) -> list[Index]:
        """Return the indices in use, by name."""
        return [self._in_use[name] for name in sorted(self._in_use)]

    def index(self, written_as: str) -> Index | None:
        """Return the index that is in use under a writer's name."""
        return self._in_use.get(written_as)

    def copies(self, written_as: str = "") -> list[Copy]:
        """Return the unfinished copies, of one index or of all."""
        used = {index.name for index in self._in_use.values()}
        found = [self._copy(name) for name in sorted(self._found) if name not in used and self._copy_of(name)]
        return [copy for copy in found if not written_as or copy.written_as == written_as]

    def just_in_use(self) -> list[str]:
        """Return the indices in use that still say that they are copies, as their runs were killed."""
        return [index.name for index in self.in_use() if self._copy_of(index.name)]

    def is_taken(self, name: str) -> bool:
        """Tell whether there is an index that is no unfinished copy where one is to go."""
        return name in self._found and not self._copy_of(name)

    def aliases(self, name: str) -> dict[str, Any]:
        """Return the aliases of an index, as the server describes them."""
        return dict(self._found.get(name, {}).get("aliases", {}))

    def is_full(self, name: str) -> bool:
        """Tell whether the server lets an index take nothing more since its disk is nearly full."""
        return self._block(name, "read_only_allow_delete")

    def age_settings(self, name: str) -> dict[str, Any]:
        """Return the settings that make a copy as old as an index for a lifecycle policy, where it has one."""
        settings = self._settings(name)
        lifecycle = settings.get("lifecycle", {})
        if not lifecycle.get("name") or str(lifecycle.get("parse_origination_date")) == "true":
            return {}
        return {"index.lifecycle.origination_date": lifecycle.get("origination_date", settings.get("creation_date"))}

    def next_name(self, index: Index) -> str:
        """Return what the copy of an index is called."""
        return generation_name(self._prefix, index.name, generation(self._prefix, index.name) + 1)

    def _look(self) -> dict[str, Index]:
        found: dict[str, Index] = {}
        for name, each in self._found.items():
            written_as = writing_name(self._prefix, name)
            if name == written_as or written_as in each.get("aliases", {}):
                uuid = str(self._settings(name).get("uuid", ""))
                found[written_as] = Index(written_as, name, uuid, self._block(name, "write"))
        return found

    def _copy(self, name: str) -> Copy:
        meta = self._meta(name)
        return Copy(
            name,
            self._copy_of(name),
            str(meta.get(OF, "")),
            str(meta.get(BY, "")),
            bool(meta.get(BLOCKED_BY_US)),
            tuple(self.aliases(name)),
        )

    def _copy_of(self, name: str) -> str:
        return str(self._meta(name).get(COPY_OF, ""))

    def _meta(self, name: str) -> dict[str, Any]:
        found = self._found[name].get("mappings", {}).get("_meta")
        return found if isinstance(found, dict) else {}

    def _settings(self, name: str) -> dict[str, Any]:
        return dict(self._found.get(name, {}).get("settings", {}).get("index", {}))

    def _block(self, name: str, kind: str) -> bool:
        return str(self._settings(name).get("blocks", {}).get(kind, "false")) == "true"
