"""Which model scores which document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.served import Served


class UnknownModelError(LookupError):
    """No model of that id or version is served; the text says which are."""


class Table:
    """Served models that never change, in the order of their names; of several versions the first is in use."""

    def __init__(self, models: Iterable[Served]) -> None:
        """Take the models. Raises ModelRefusedError for none at all, or for the same version twice."""
        self._versions: dict[str, dict[str, Served]] = {}
        for model in models:
            versions = self._versions.setdefault(model.id, {})
            if model.version in versions:
                raise ModelRefusedError(f"model {model.id} {model.version} is named twice")
            versions[model.version] = model
        if not self._versions:
            raise ModelRefusedError("there is no model to serve (setting --model)")
        self._in_use = [next(iter(versions.values())) for versions in self._versions.values()]
        self.for_kind = lru_cache(1024)(self._for_kind)

    def all(self) -> Sequence[Served]:
        """Return every model by id, the version in use of each first."""
        return [model for _, versions in sorted(self._versions.items()) for model in versions.values()]

    def in_use(self) -> Sequence[Served]:
        """Return the version in use of every model, in the order in which they are asked whose kind a document is."""
        return self._in_use

    def named(self, name: str, version: str) -> Served:
        """Return a model by id and version, the one in use where the version is empty. Raises UnknownModelError."""
        versions = self._versions.get(name)
        if versions is None:
            raise UnknownModelError(f"model {name!r} is not served; served are {self._list(self._versions)}")
        model = versions.get(version) if version else next(iter(versions.values()))
        if model is None:
            raise UnknownModelError(
                f"model {name!r} is not served in version {version!r}; served are {self._list(versions)}"
            )
        return model

    def _for_kind(self, kind: str) -> Served:
        """Return the first model that names the kind, or takes any, or is the first of all."""
        named = [model for model in self._in_use if kind in model.kinds]
        any_kind = [model for model in self._in_use if not model.kinds]
        return (named + any_kind + self._in_use)[0]

    @staticmethod
    def _list(names: Iterable[str]) -> str:
        return ", ".join(sorted(map(repr, names)))


class Router:
    """The table in force. A call takes it once and keeps to it, so that its answer comes from one set of versions."""

    def __init__(self, models: Iterable[Served]) -> None:
        """Take the models. Raises ModelRefusedError as Table does."""
        self.table = Table(models)

    def replace(self, models: Iterable[Served]) -> None:
        """Serve other models from the next call on; calls that began end with what they began with.

        Raises ModelRefusedError as Table does; then nothing changes. One assignment, which readers need no lock for.
        """
        self.table = Table(models)

    def all(self) -> Sequence[Served]:
        """Return every model by id, the version in use of each first."""
        return self.table.all()

    def named(self, name: str, version: str) -> Served:
        """Return a model by id and version, the one in use where the version is empty. Raises UnknownModelError."""
        return self.table.named(name, version)

    def for_kind(self, kind: str) -> Served:
        """Return the model for documents of a kind."""
        return self.table.for_kind(kind)
