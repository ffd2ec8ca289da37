"""A document with every score that it ever got."""

from __future__ import annotations

from dataclasses import dataclass

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.rows import Records
from scorelens_reading.calculation import Calculation


@dataclass(frozen=True)
class History:
    """A document, its latest scores (the newest first; `records.total` counts all), and the one that is explained."""

    records: Records
    record: Record

    @property
    def document(self) -> Document:
        """The document as it was scored."""
        return self.record.document

    @property
    def calculations(self) -> tuple[Calculation, ...]:
        """The calculation of each tag in the score that is explained, the most probable first."""
        return tuple(self.record.calculations)

    def calculation(self, tag: str | None = None) -> Calculation:
        """Return the calculation of a tag, by default of the most probable one. Raises NotFoundError."""
        return self.record.calculation(tag)

    def __repr__(self) -> str:
        return f"History({self.record.document_id!r}, {self.records.total:,} scores)"

    def _repr_html_(self) -> str:
        from scorelens_client.sdk.html import history_html

        return history_html(self.record.document_id or self.record.id, self.records, self.records.total, self.record)
