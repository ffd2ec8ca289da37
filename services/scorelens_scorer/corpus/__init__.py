"""Makes documents of all kinds with the tags they truly have, for trying, training and testing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from scorelens_scorer.corpus import activity, media

__all__ = ["KINDS", "generate"]

KINDS: Final[Mapping[str, int]] = {"tweet": 34, "comment": 18, "chat": 16, "blog": 9, "article": 8, "activity": 15}
"""The kinds, and how many of a hundred documents are of each."""

_WEEKS = 6


def generate(
    count: int, seed: int, now: datetime | None = None, kinds: Mapping[str, int] = KINDS
) -> Iterator[dict[str, Any]]:
    """Yield documents as JSON objects with the names of the contract's fields, and their tags as `truth`.

    The same arguments give the same documents. `now` (this moment where it is None) is when the last of them can have
    been published; `kinds` says in which proportion kinds are made.
    """
    rng = Random(seed)  # noqa: S311
    now = (now or datetime.now(UTC)).astimezone(UTC)
    for place, kind in enumerate(rng.choices(tuple(kinds), tuple(kinds.values()), k=count)):
        number = f"{seed}-{place + 1:06d}"
        published = now - timedelta(weeks=_WEEKS) * rng.random() ** 1.5
        document = activity.make(number, published, rng) if kind == "activity" else media.make(kind, number, rng)
        document["published_time"] = published.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield document
