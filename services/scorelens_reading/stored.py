"""A stored record, read by what people call its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from scorelens_reading.calculation import Calculation, calculations_of


@dataclass(frozen=True, slots=True)
class TagScore:
    """How probable one tag is; margin and threshold are None where no calculation is at hand."""

    tag: str
    title: str
    group: str
    probability: float
    selected: bool
    margin: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Stored:
    """One scored document as it is stored; `raw` is the whole record (docs/records.md)."""

    raw: Mapping[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """Id of the record, 32 hexadecimal digits."""
        return str(self.raw["record"]["id"])

    @property
    def time(self) -> datetime:
        """When the document was scored, UTC."""
        return datetime.fromisoformat(self.raw["@timestamp"]).astimezone(UTC)

    @property
    def purpose(self) -> str:
        """What the call was for."""
        return str(self.raw.get("purpose", ""))

    @property
    def document_id(self) -> str:
        """Id of the document; empty where its owner has none."""
        return str(self._document.get("id", ""))

    @property
    def kind(self) -> str:
        """What the document is."""
        return str(self._document.get("kind", ""))

    @property
    def text(self) -> str:
        """Words of the document."""
        return str(self._document.get("text", ""))

    @property
    def customer_id(self) -> str:
        """The customer whom the document is about."""
        return str((self.raw.get("customer") or {}).get("id") or "")

    @property
    def model(self) -> str:
        """Id of the model that answered."""
        return str((self.raw.get("model") or {}).get("id") or "")

    @property
    def version(self) -> str:
        """Version of the model that answered."""
        return str((self.raw.get("model") or {}).get("version") or "")

    @property
    def tags(self) -> tuple[str, ...]:
        """Ids of the selected tags, the most probable first."""
        scores = self._by_tag("score")
        return tuple(sorted(self.raw.get("tags") or (), key=lambda tag: -scores.get(tag, 0.0)))

    @property
    def because(self) -> tuple[str, ...]:
        """Reasons of the selected tags, as `tag:feature`."""
        return tuple(self.raw.get("because") or ())

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should know, such as `does_not_add_up`."""
        return tuple(self.raw.get("flags") or ())

    @property
    def labels(self) -> Mapping[str, str | float | bool]:
        """What people have said of it since."""
        return dict(self.raw.get("labels") or {})

    @property
    def trace_id(self) -> str:
        """Trace of the call."""
        return str((self.raw.get("trace") or {}).get("id") or "")

    @cached_property
    def scores(self) -> Sequence[TagScore]:
        """All tags of the model, the most probable first."""
        names = ("titles", "groups", "margin", "threshold")
        titles, groups, margins, thresholds = (self._by_tag(name) for name in names)
        chosen = set(self.raw.get("tags") or ())
        found = [
            TagScore(
                tag,
                titles.get(tag) or tag,
                groups.get(tag) or "",
                probability,
                tag in chosen,
                margins.get(tag),
                thresholds.get(tag),
            )
            for tag, probability in self._by_tag("score").items()
        ]
        return tuple(sorted(found, key=lambda score: -score.probability))

    @cached_property
    def calculations(self) -> Sequence[Calculation]:
        """The calculation of each tag, the most probable first; empty where none was recorded."""
        return tuple(calculations_of(self.raw))

    @property
    def _document(self) -> Mapping[str, Any]:
        return self.raw.get("document") or {}

    def _by_tag(self, name: str) -> Mapping[str, Any]:
        return self.raw.get(name) or {}
