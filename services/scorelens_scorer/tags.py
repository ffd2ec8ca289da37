"""Tags, and ids for them that can be part of a field's name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scorelens.tag_names import tag_id
from scorelens_scorer.errors import ModelRefusedError


@dataclass(frozen=True)
class Tag:
    """What a model can say of a document.

    `id` may be any name: one that is not 1 to 64 of a-z, 0-9, "_" and "-" is served under the id that `tag_id` makes,
    with the name as its title. `threshold` is the probability, 0 to 1, from which the tag is selected.
    """

    id: str
    title: str = ""
    group: str = "topic"
    threshold: float = 0.5


def served_tags(tags: Sequence[Tag], model: str) -> tuple[Tag, ...]:
    """Return tags with ids that can be served, in the same order. Raises ModelRefusedError."""
    served: dict[str, str] = {}
    made = []
    for tag in tags:
        if not tag.id:
            raise ModelRefusedError(f"model {model}: a tag has no id")
        if not (math.isfinite(tag.threshold) and 0 <= tag.threshold <= 1):
            raise ModelRefusedError(f"model {model}: tag {tag.id!r}: threshold {tag.threshold} is not from 0 to 1")
        new = tag_id(tag.id)
        if new in served:
            raise ModelRefusedError(f"model {model}: tags {served[new]!r} and {tag.id!r} have the same id, {new}")
        served[new] = tag.id
        made.append(Tag(new, tag.title or tag.id, tag.group, float(tag.threshold)))
    if not made:
        raise ModelRefusedError(f"model {model} has no tags")
    return tuple(made)
