"""Which models a process serves: those that were named, in the versions that are in use."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from scorelens_scorer.errors import ModelRefusedError, RegistryError
from scorelens_scorer.finding import find
from scorelens_scorer.reference import is_kept, reference_model
from scorelens_scorer.registry.history import History
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.trying import tried
from scorelens_scorer.served import Served
from scorelens_scorer.training.recipes import RECIPES, version

RETRY: Final = 30.0
"""Seconds after which a version that could not be loaded is tried again, should its file have been away."""


@dataclass(frozen=True)
class Refused:
    """A version that should be in use and could not be loaded, and why."""

    version: str
    reason: str
    retry: float = field(default=0.0, compare=False)  # not before this time of the monotonic clock


@dataclass(frozen=True)
class Followed:
    """What is served of a model whose history is followed: the version in use, then the one before if at hand."""

    history: History = History()
    versions: tuple[Served, ...] = ()
    refused: Refused | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what other processes may know of it."""
        refused = {"version": self.refused.version, "reason": self.refused.reason} if self.refused else None
        in_use = self.versions[0].version if self.versions else ""
        return {"version": in_use, "changes": len(self.history.changes), "refused": refused}


class Lineup:
    """The models of some names, or the reference models and every promoted one where there are none.

    A name of a reference model or of a model in the registry follows what is promoted; any other name stands for one
    model that stays. Beside the version in use, the one before it is served to those who ask for it by version.
    """

    def __init__(self, names: Sequence[str], cache: Path) -> None:
        """Take the names as --model has them."""
        self.registry = Registry(cache)
        self.follows_all = not names
        self.followed: Mapping[str, Followed] = {}
        self._names = tuple(names)
        self._entries: list[str | Served] = []

    def load(self) -> list[Served]:
        """Load everything. Raises ModelRefusedError or RegistryError for what cannot be served."""
        kept = set(self.registry.ids())
        for name in self._names or self._all():
            self._entries.append(name if name in RECIPES or name in kept else Served.of(find(name, kept)))
        self.refresh()
        for model, followed in self.followed.items():
            if followed.refused:
                hint = f"; go back with: scorelens promote {model} --rollback" if followed.history.changes else ""
                raise ModelRefusedError(followed.refused.reason + hint)
        return self.served()

    def refresh(self) -> bool:
        """Load what was promoted since, and tell whether anything changed.

        What cannot be loaded leaves the version that is served, and is told in `followed`. Raises RegistryError where
        the folder of models cannot be read.
        """
        if self.follows_all:
            self._entries = list(self._all())
        names = dict.fromkeys(entry for entry in self._entries if isinstance(entry, str))
        before = self.followed
        self.followed = {name: self._next(name, before.get(name, Followed())) for name in names}
        return self.followed != before

    def served(self) -> list[Served]:
        """Return what is served: the versions in use in the order of their names, then those before."""
        fixed = [entry for entry in self._entries if isinstance(entry, Served)]
        taken = {(served.id, served.version) for served in fixed}
        first: list[Served] = []
        others: list[Served] = []
        for entry in self._entries:
            if isinstance(entry, Served):
                first.append(entry)
                continue
            for place, served in enumerate(self.followed[entry].versions):
                if (served.id, served.version) not in taken:
                    taken.add((served.id, served.version))
                    (others if place else first).append(served)
        return first + others

    def as_json(self) -> dict[str, Any]:
        """Return what other processes may know: whether all models are followed, and what is served of each."""
        return {
            "follows_all": self.follows_all,
            "models": {model: followed.as_json() for model, followed in self.followed.items()},
        }

    def _all(self) -> Sequence[str]:
        return (*RECIPES, *(model for model in self.registry.promoted() if model not in RECIPES))

    def _next(self, model: str, old: Followed) -> Followed:
        try:
            history = self.registry.history(model)
        except RegistryError as error:
            return replace(old, refused=Refused("", str(error)))
        if old.versions or old.refused:
            waits = old.refused and time.monotonic() < old.refused.retry
            if history == old.history and (waits or not old.refused):
                return old
        try:
            return Followed(history, self._versions(model, history, old.versions))
        except ModelRefusedError as error:
            return Followed(history, old.versions, Refused(history.version, str(error), time.monotonic() + RETRY))

    def _versions(self, model: str, history: History, old: Sequence[Served]) -> tuple[Served, ...]:
        have = {served.version: served for served in old}
        in_use = have.get(_named(model, history.version)) or self._load(model, history.version)
        try:
            before = None if history.before is None else self._before(model, history.before, have)
        except ModelRefusedError:  # nobody may ever ask for it
            before = None
        return (in_use, before) if before and before.version != in_use.version else (in_use,)

    def _before(self, model: str, name: str, have: Mapping[str, Served]) -> Served | None:
        found = have.get(_named(model, name))
        if found or (not name and not (model in RECIPES and is_kept(model, self.registry.folder))):
            return found
        return self._load(model, name)

    def _load(self, model: str, name: str) -> Served:
        if name:
            return tried(self.registry.load(model, name))
        if model in RECIPES:
            return tried(reference_model(model, self.registry.folder))
        kept = ", ".join(self.registry.versions(model))
        raise ModelRefusedError(
            f"model {model}: none of its versions is in use; choose one with: scorelens promote {model} VERSION "
            f"(kept are: {kept})"
        )


def _named(model: str, name: str) -> str:
    """Return the version that a name in a history stands for."""
    return name or (version() if model in RECIPES else "")
