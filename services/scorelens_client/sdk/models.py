"""Models as they are served."""

from __future__ import annotations

from dataclasses import dataclass

from scorelens.v1.scorer_pb2 import Model


@dataclass(frozen=True)
class ServedTag:
    """A tag that a model can give, and the probability from which it is selected."""

    tag: str
    title: str
    group: str
    threshold: float


@dataclass(frozen=True)
class ServedModel:
    """A model; `kinds` are those of documents that are sent to it when no model is named, none for any."""

    id: str
    version: str
    tags: tuple[ServedTag, ...]
    kinds: tuple[str, ...]
    description: str


def read_model(model: Model) -> ServedModel:
    """Read the description of a model."""
    tags = tuple(ServedTag(tag.id, tag.title or tag.id, tag.group, tag.threshold) for tag in model.tags)
    return ServedModel(model.id, model.version, tags, tuple(model.kinds), model.description)
