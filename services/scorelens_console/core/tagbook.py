"""What tags are called and which group they are of: read off records, which carry it for all tags of their model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from scorelens_store.contract import Bucket, Reader, Record, Selection, Sort, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import All, Equals, Everything

MOST_MODELS: Final = 50
MOST_VERSIONS: Final = 20


@dataclass(frozen=True)
class Tag:
    """A tag: its id, its name for people, its group, and the model that gives it."""

    id: str
    title: str
    group: str
    model: str


@dataclass(frozen=True)
class Tagbook:
    """All tags by id, and the models with their versions, the newest seen first."""

    tags: Mapping[str, Tag] = field(default_factory=dict)
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def title(self, tag: str) -> str:
        """Return a tag's name for people."""
        found = self.tags.get(tag)
        return found.title if found else tag

    def of_group(self, group: str) -> list[Tag]:
        """Return the tags of a group by title."""
        return sorted((tag for tag in self.tags.values() if tag.group == group), key=lambda tag: tag.title.casefold())

    def by_group(self, buckets: Sequence[Bucket]) -> dict[str, list[Bucket]]:
        """Return counted tags by their group, groups by name."""
        found: dict[str, list[Bucket]] = {}
        for bucket in buckets:
            tag = self.tags.get(str(bucket.key))
            found.setdefault(tag.group if tag else "tag", []).append(bucket)
        return dict(sorted(found.items()))

    @property
    def groups(self) -> list[str]:
        """Return the groups in the order of their names."""
        return sorted({tag.group for tag in self.tags.values()})


def read_tagbook(reader: Reader) -> Tagbook:
    """Read the latest record of each version of each model."""
    tags: dict[str, Tag] = {}
    models: dict[str, tuple[str, ...]] = {}
    for model in _values(reader, "model.id", Selection(Everything()), MOST_MODELS):
        own = Selection(Equals(FIELDS["model.id"], model))
        latest: list[tuple[str, str]] = []
        for version in _values(reader, "model.version", own, MOST_VERSIONS):
            for record in _latest(reader, model, version):
                latest.append((record["@timestamp"], version))
                for tag in _tags(record, model):
                    tags.setdefault(tag.id, tag)
        models[model] = tuple(version for _, version in sorted(latest, reverse=True))
    return Tagbook(tags, models)


def _tags(record: Record, model: str) -> Iterable[Tag]:
    titles, groups = record.get("titles") or {}, record.get("groups") or {}
    for tag in record.get("score") or {}:
        yield Tag(tag, titles.get(tag) or tag, groups.get(tag) or "tag", model)


def _latest(reader: Reader, model: str, version: str) -> list[Record]:
    query = All((Equals(FIELDS["model.id"], model), Equals(FIELDS["model.version"], version)))
    return [hit.record for hit in reader.search(Selection(query), limit=1, sort=Sort("@timestamp")).hits]


def _values(reader: Reader, name: str, selection: Selection, most: int) -> list[str]:
    found = reader.aggregate(selection, {"values": Terms(name, most)})["values"]
    return [str(bucket.key) for bucket in found if isinstance(bucket, Bucket)]
